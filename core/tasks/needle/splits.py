"""What is held out: seeds, and combinations of colour and shape.

A scene is drawn from its split's name and its seed together, so no two splits share a scene. Six pairs of colour and shape, one of each
colour and one of each shape, are in no scene of the first three splits: neither asked about nor standing by. The fourth asks about them.
Four pairs of colour and kind of widget are held out in the same way.
"""

from __future__ import annotations

from enum import StrEnum


class Split(StrEnum):
    """What a scene is for."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"
    NOVEL = "novel"
    """To test: asks about pairs of colour and shape that are in no scene of the others."""


# By name, because the values are made of splits and not the other way round.
NOVEL_PAIRS = frozenset(
    {("red", "disc"), ("yellow", "square"), ("green", "star"), ("cyan", "cross"), ("blue", "triangle"), ("purple", "diamond")}
)
# The same for widgets: one of each kind.
NOVEL_WIDGETS = frozenset({("red", "button"), ("green", "slider"), ("blue", "tab"), ("purple", "check box")})


def is_novel(colour: str, shape: str) -> bool:
    """Whether the pair of colour and shape, or of colour and kind of widget, is kept from everything that is trained on."""
    return (colour, shape) in NOVEL_PAIRS or (colour, shape) in NOVEL_WIDGETS
