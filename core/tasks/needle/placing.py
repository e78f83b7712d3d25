"""Where items lie: never over one another, never at one height, and far enough from the edge; and which of them a relation names."""

from __future__ import annotations

import math
from collections.abc import Sequence

from core.errors import TaskError
from core.tasks.needle.chance import Chance
from core.tasks.needle.values import Difficulty, Item, Relation

# The reduction to the overview reaches two of its pixels to each side; two more keep a mark clear of the border's own weights.
EDGE_CELLS = 4
_TRIES = 200


def places(chance: Chance, difficulty: Difficulty, count: int) -> list[tuple[int, int]]:
    """That many centres (x, y), from top to bottom. Raises TaskError where there is no room for them."""
    margin = difficulty.item_size // 2 + 1 + EDGE_CELLS * (difficulty.side // difficulty.overview)
    room = difficulty.side - 2 * margin
    # Heights differ enough to be put in order by eye.
    step = min(difficulty.item_size * 3 // 8, room // (2 * count))
    for _ in range(_TRIES):
        loose = sorted(chance.below(room - step * (count - 1) + 1) for _ in range(count))
        rows = [margin + at * step + height for at, height in enumerate(loose)]
        if columns := _columns(chance, rows, margin, room, spacing(difficulty)):
            return list(zip(columns, rows, strict=True))
    raise TaskError(f"{count} items of {difficulty.item_size} px found no room in {difficulty.side} px: draw fewer or smaller ones.")


def spacing(difficulty: Difficulty) -> int:
    """How far apart the centres of two items are at least, across or down."""
    return difficulty.item_size * 5 // 4


def _columns(chance: Chance, rows: Sequence[int], margin: int, room: int, apart: int) -> list[int] | None:
    columns: list[int] = []
    for at, row in enumerate(rows):
        beside = [columns[other] for other in range(at) if row - rows[other] < apart]
        for _ in range(20):
            column = margin + chance.below(room + 1)
            if all(abs(column - other) >= apart for other in beside):
                columns.append(column)
                break
        else:
            return None
    return columns


def holds(relation: Relation, item: Item, anchor: Item) -> bool:
    """Whether the item clearly lies there: by more than a quarter of its size. Not for `nearest to`, which compares items."""
    clear = item.size / 4
    if relation is Relation.LEFT:
        return item.x < anchor.x - clear
    if relation is Relation.RIGHT:
        return item.x > anchor.x + clear
    if relation is Relation.ABOVE:
        return item.y < anchor.y - clear
    return item.y > anchor.y + clear


_OPPOSITE = {
    Relation.LEFT: Relation.RIGHT,
    Relation.RIGHT: Relation.LEFT,
    Relation.ABOVE: Relation.BELOW,
    Relation.BELOW: Relation.ABOVE,
}
# The next one is farther by this much where one is called the nearest.
_CLEARLY_FARTHER = 1.25


def named_by(relation: Relation, anchor: Item, among: Sequence[Item]) -> Item | None:
    """The one item that the relation names; None where it names none, several, or one that a person could argue about."""
    if relation is Relation.NEAREST:
        ordered = sorted(among, key=lambda item: _distance(item, anchor))
        if len(ordered) < 2 or _distance(ordered[1], anchor) < _CLEARLY_FARTHER * _distance(ordered[0], anchor):
            return None
        return ordered[0]
    there = [item for item in among if holds(relation, item, anchor)]
    elsewhere = sum(holds(_OPPOSITE[relation], item, anchor) for item in among)
    return there[0] if len(there) == 1 and elsewhere == len(among) - 1 else None


def _distance(one: Item, two: Item) -> float:
    return math.hypot(one.x - two.x, one.y - two.y)
