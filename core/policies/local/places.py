"""Where a conversation's pictures stand among its tokens, and which positions its tokens have for the model.

Text tokens count on by one. The tokens of a picture share the time at which it begins and lie on the grid of its rows and columns; what
follows begins behind the longer side of that grid (M-RoPE: Qwen2-VL, arXiv 2409.12191, section 2.1). The three numbers of a token are
its time, row and column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import PolicyError
from core.policies.conversation import Shown

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Place:
    """Tokens start <= i < end of a conversation show `shown`, in `rows` rows of (end - start) / rows columns."""

    start: int
    end: int
    rows: int
    shown: Shown


@dataclass(frozen=True, slots=True)
class Layout:
    """A conversation as the model is to take it.

    ids        its tokens
    places     its pictures, in order
    positions  time, row and column of each token, [3, tokens]
    after      the position of the token that comes next
    """

    ids: Numbers
    places: tuple[Place, ...]
    positions: Numbers
    after: int

    def shared(self, other: Layout) -> int:
        """How many tokens from the beginning on are the same in both, with the same pictures: never a part of a picture."""
        most = min(len(self.ids), len(other.ids))
        differing = np.flatnonzero(self.ids[:most] != other.ids[:most])
        same = int(differing[0]) if differing.size else most
        # Tokens of pictures are all alike; what they show decides.
        for mine, theirs in zip(self.places, other.places, strict=False):
            if mine.start >= same:
                break
            if mine.shown.key != theirs.shown.key or mine.end > same:
                return mine.start
        return same


def lay_out(ids: Sequence[int], pictures: Sequence[Shown], *, image_id: int, cell: int) -> Layout:
    """The layout of tokens with these pictures; `cell` is the side in pixels of what one token shows.

    Raises PolicyError where the picture tokens among `ids` are not those of the pictures.
    """
    tokens = np.asarray(ids, dtype=np.int64)
    pads = np.flatnonzero(tokens == image_id)
    places: list[Place] = []
    taken = 0
    for shown in pictures:
        columns, rows = shown.image.width // cell, shown.image.height // cell
        run = pads[taken : taken + rows * columns]
        if not run.size or len(run) < rows * columns or run[-1] - run[0] != len(run) - 1:
            break
        places.append(Place(int(run[0]), int(run[-1]) + 1, rows, shown))
        taken += len(run)
    if taken != len(pads) or len(places) != len(pictures):
        raise PolicyError(f"The conversation has {len(pads)} picture tokens, which are not those of its {len(pictures)} pictures.")
    positions, after = _positions(len(tokens), places)
    return Layout(tokens, tuple(places), positions, after)


def _positions(length: int, places: Sequence[Place]) -> tuple[Numbers, int]:
    positions = np.empty((3, length), dtype=np.int64)
    done, following = 0, 0
    for place in places:
        positions[:, done : place.start] = np.arange(following, following + place.start - done)
        following += place.start - done
        columns = (place.end - place.start) // place.rows
        row, column = np.divmod(np.arange(place.end - place.start), columns)
        positions[0, place.start : place.end] = following
        positions[1, place.start : place.end] = following + row
        positions[2, place.start : place.end] = following + column
        following += max(place.rows, columns)
        done = place.end
    positions[:, done:] = np.arange(following, following + length - done)
    return positions, following + length - done
