"""Which split a trace belongs to: drawn by its picture, so that no picture is both learnt from and tested on."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from core.errors import RuleError
from core.records import Split

# Nine of ten pictures to learn from. The twentieth parts are small, and traces are many: a test that needs more asks for more.
SHARES = (0.9, 0.05, 0.05)
_NUMBER = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,9})?")


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """Shares of train, validation and test, and the seed of the draw. Raises RuleError for shares that do not make 1.

    Each picture is drawn on its own, by a hash of the seed and its content: what else is exported moves nothing, and the shares are
    met the more closely the more pictures there are.
    """

    shares: tuple[float, float, float] = SHARES
    seed: int = 0

    def __post_init__(self) -> None:
        if not all(0 <= share <= 1 for share in self.shares) or sum(_exact(self.shares)) != 1:
            written = ",".join(f"{share:g}" for share in self.shares)
            raise RuleError(f"The shares of train, validation and test are numbers from 0 to 1 that make 1 together, not {written}.")
        if not 0 <= self.seed < 2**63:
            raise RuleError(f"The seed of a split is a whole number of 0 or more, not {self.seed}.")

    def of(self, key: str) -> Split:
        """The split of everything that has this key."""
        drawn = Fraction(int.from_bytes(hashlib.sha256(f"{self.seed}:{key}".encode()).digest()[:8]), 2**64)
        reached = Fraction()
        for split, share in zip(Split, _exact(self.shares), strict=True):
            reached += share
            if drawn < reached:
                return split
        raise AssertionError("the shares make 1, and what is drawn is below 1")


def _exact(shares: tuple[float, ...]) -> tuple[Fraction, ...]:
    return tuple(Fraction(repr(share)) for share in shares)


DEFAULT_SPLIT = SplitPlan()


def parse_shares(text: str) -> tuple[float, float, float]:
    """Three shares from "0.9,0.05,0.05". Raises RuleError for anything else; whether they make 1 is checked by SplitPlan."""
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 3 or not all(_NUMBER.fullmatch(part) for part in parts):
        raise RuleError(f"A split is written as three shares, train, validation and test, such as 0.9,0.05,0.05, not {text!r:.60}.")
    train, validation, test = (float(part) for part in parts)
    return train, validation, test


def picture_keys(pictures_of: Iterable[tuple[str, tuple[str, ...]]]) -> Mapping[str, str]:
    """Trace -> the key by which it is drawn, from pairs of a trace and its pictures.

    Usually that is its picture. Traces with several pictures hold these together: all that hang together by shared pictures have one
    key, the smallest hash among their pictures. A trace without a picture is its own key.
    """
    known = dict(pictures_of)
    leader: dict[str, str] = {}

    def find(picture: str) -> str:
        while leader.setdefault(picture, picture) != picture:
            leader[picture] = leader[leader[picture]]
            picture = leader[picture]
        return picture

    for pictures in known.values():
        for other in pictures[1:]:
            one, two = sorted((find(pictures[0]), find(other)))
            leader[two] = one
    return {trace: find(pictures[0]) if pictures else trace for trace, pictures in known.items()}
