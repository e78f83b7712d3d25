"""A policy that is shown less than there is: plain ground in place of pictures, and all words and tokens the same.

For asking what a policy's looks are worth. Only what it is shown changes; its calls, its turns and its traces are its own, and the crops
that a trace tells of are those that it asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Self

import numpy as np
from PIL import Image

from core.policies.conversation import PolicyEvent, Request, Said, Shown
from core.policies.protocol import Policy, PolicyCard, Session

Crops = Callable[[int], int]
"""From a conversation's row to how many of its first crops are shown as they are."""


class VeiledPolicy:
    """The policy inside, which sees plain ground where something is veiled. The one inside stays open when this one is closed.

    whole  the whole picture is veiled
    crops  how many of the first crops of a conversation are shown, the same for each or by its row; those behind are veiled. None: all
           are shown

    A veil is one colour: the median of the whole picture in each channel, which in a scene is its ground.
    """

    def __init__(self, policy: Policy, *, whole: bool = False, crops: int | Crops | None = None) -> None:
        self._policy = policy
        self._whole = whole
        self._crops: Crops | None = (lambda row: crops) if isinstance(crops, int) else crops

    @property
    def card(self) -> PolicyCard:
        """What is known of the policy inside."""
        return self._policy.card

    def session(self) -> VeiledSession:
        """New conversations with it. Raises PolicyError where the one inside was closed."""
        return VeiledSession(self._policy.session(), self._whole, self._crops)

    def close(self) -> None:
        """Nothing: who opened the policy inside closes it."""


class VeiledSession:
    """A session of a VeiledPolicy."""

    def __init__(self, session: Session, whole: bool, crops: Crops | None) -> None:
        self._session = session
        self._whole = whole
        self._crops = crops
        self._grounds: dict[str, tuple[int, int, int]] = {}

    def submit(self, row: int, request: Request) -> None:
        """Ask for a turn, with the veils over its pictures."""
        self._session.submit(row, replace(request, messages=self._veiled(row, request.messages)))

    def events(self, timeout: float) -> tuple[PolicyEvent, ...]:
        """What happened inside since the last call."""
        return self._session.events(timeout)

    def cancel(self, row: int) -> None:
        """Forget the row, at once."""
        self._session.cancel(row)

    def close(self) -> None:
        """Cancel every row; may be called twice."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _veiled(self, row: int, messages: tuple[Said, ...]) -> tuple[Said, ...]:
        """The messages with plain ground in place of what is not to be seen."""
        pictures = [picture for said in messages for picture in said.pictures]
        if not pictures:
            return messages
        shown = len(pictures) if self._crops is None else 1 + self._crops(row)
        hidden = [place >= shown or (place == 0 and self._whole) for place in range(len(pictures))]
        ground, coming = self._ground(pictures[0]), iter(hidden)
        return tuple(
            replace(said, parts=tuple(plain(part, ground) if isinstance(part, Shown) and next(coming) else part for part in said.parts))
            for said in messages
        )

    def _ground(self, whole: Shown) -> tuple[int, int, int]:
        if whole.key not in self._grounds:
            red, green, blue = (int(middle) for middle in np.median(np.asarray(whole.image.convert("RGB")).reshape(-1, 3), axis=0))
            self._grounds[whole.key] = (red, green, blue)
        return self._grounds[whole.key]


def plain(picture: Shown, colour: tuple[int, int, int]) -> Shown:
    """A picture of the same size that shows one colour (red, green, blue; 0 to 255) and nothing else."""
    width, height = picture.image.size
    return Shown(f"plain/{','.join(map(str, colour))}/{width}x{height}", Image.new("RGB", (width, height), colour))
