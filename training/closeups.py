"""An exercise with nothing to look for: a picture that shows one item so near that its mark is seen, which is said.

What a crop shows is learnt late in scenes, where a mark is one word among a hundred. Here it is what is asked for. docs/training.md has the
figures.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from PIL import Image

from core.crops import CropRule
from core.geometry import Point, Size
from core.grammar import ANSWER_CLOSE, ANSWER_OPEN, IMAGE_MARK, THINK_CLOSE, THINK_OPEN
from core.policies.protocol import PolicyCard, frame_of
from core.records import CuratedRecord, Provenance, RecordMessage, Split, Writer
from core.tasks.needle.drawing import draw
from core.tasks.needle.expert import writing
from core.tasks.needle.scenes import ask
from core.tasks.needle.splits import Split as NeedleSplit
from core.tasks.needle.values import DIFFICULTIES, Asked, Kind
from core.trace import DomainName, Picture

# Sides of the items, in pixels of the scene; the picture is a window of the side below, as it is.
_SIZES, _SIDE = (64, 96, 160), 128
_DIFFICULTIES = tuple(replace(DIFFICULTIES["default"], kinds=(Kind.MARK,), items=(1, 1), item_size=size) for size in _SIZES)


class CloseUps:
    """The exercise, number by number: the same one for ever. Raises TaskError where a scene cannot be drawn, which these can."""

    def __init__(self, split: Split, card: PolicyCard) -> None:
        self._split, self._write = split, writing(frame_of(card, Size(_SIDE, _SIDE)))

    @property
    def crop(self) -> CropRule | None:
        """None: nobody looks."""
        return None

    def record(self, seed: int) -> CuratedRecord:
        """What an expert says of an item behind a look."""
        asked = self._asked(seed)
        item, (left, top) = asked.scene.items[0], _corner(asked)
        thing = f"The {item.name} {self._write.words(Point(item.x - left, item.y - top))} is {asked.truth.text}."
        messages = (
            RecordMessage(Writer.QUESTION, f"{IMAGE_MARK}{asked.question}"),
            RecordMessage(Writer.MODEL, f"{THINK_OPEN} {thing} {THINK_CLOSE}\n{ANSWER_OPEN} {asked.truth.text} {ANSWER_CLOSE}"),
        )
        name = hashlib.sha256(f"close-up {self._split} {seed}".encode()).hexdigest()
        return CuratedRecord(
            name,
            DomainName.VISUAL_SEARCH,
            self._write.frame,
            (Picture(name, self._write.frame.picture),),
            (),
            messages,
            asked.truth,
            1.0,
            Provenance(f"close-up {self._split} {seed}", dataset="close-up"),
            self._split,
        )

    def image(self, seed: int) -> Image.Image:
        """The window round the item."""
        asked = self._asked(seed)
        left, top = _corner(asked)
        return draw(asked.scene).crop((left, top, left + _SIDE, top + _SIDE))

    def _asked(self, seed: int) -> Asked:
        # The sizes take turns.
        return ask(_DIFFICULTIES[seed % len(_SIZES)], seed, NeedleSplit(self._split.value))


def _corner(asked: Asked) -> tuple[int, int]:
    """Left and top of the window: the item in its middle, or as near to it as the scene's edge lets it."""
    item, most = asked.scene.items[0], asked.scene.side - _SIDE
    return min(max(item.x - _SIDE // 2, 0), most), min(max(item.y - _SIDE // 2, 0), most)
