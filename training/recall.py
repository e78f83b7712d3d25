"""An exercise without anything to see: points are told by name, and are said again in another order.

Whoever reasons over a picture finds a name again in what has been said. In scenes that is learnt late, because a point that was not found
again can be seen again. Here nothing of it is in the picture and points are drawn by chance, so the only way to a point is its name.
docs/training.md has the figures.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator

from PIL import Image

from core.crops import CropRule
from core.geometry import Point, Size
from core.grammar import ANSWER_CLOSE, ANSWER_OPEN, IMAGE_MARK, THINK_CLOSE, THINK_OPEN
from core.policies.protocol import PolicyCard, frame_of
from core.records import CuratedRecord, Provenance, RecordMessage, Split, Writer
from core.tasks.needle.expert import Writing, writing
from core.tasks.needle.splits import is_novel
from core.tasks.needle.values import Colour, Shape
from core.trace import DomainName, Picture, Truth, TruthKind

# A plain picture, as small as it may be: a rollout's conversation begins with one.
_GROUND, _SIDE = (244, 244, 240), 512
# Names are made of so many colours and shapes, so that most share one with another, and so many of them are told.
_KINDS, _FEWEST, _MOST = 3, 4, 7


class Recall:
    """The exercise, number by number: the same one for ever."""

    def __init__(self, split: Split, card: PolicyCard) -> None:
        self._split, self._write = split, writing(frame_of(card, Size(_SIDE, _SIDE)))

    @property
    def crop(self) -> CropRule | None:
        """None: nobody looks."""
        return None

    def record(self, seed: int) -> CuratedRecord:
        """Names with points in the question, and the same in another order in what is said."""
        chance = random.Random(f"recall/{self._split}/{seed}")
        told = list(_told(chance, self._write))
        again = chance.sample(told, len(told))
        messages = (
            RecordMessage(Writer.QUESTION, f"{IMAGE_MARK}Say again: {', '.join(told)}."),
            RecordMessage(Writer.MODEL, f"{THINK_OPEN} {', '.join(again)}. {THINK_CLOSE}\n{ANSWER_OPEN} {again[-1]} {ANSWER_CLOSE}"),
        )
        name = hashlib.sha256(f"{self._split}/{seed}/{messages}".encode()).hexdigest()
        picture = Picture(hashlib.sha256(repr((_GROUND, _SIDE)).encode()).hexdigest(), self._write.frame.picture)
        return CuratedRecord(
            name,
            DomainName.VISUAL_SEARCH,
            self._write.frame,
            (picture,),
            (),
            messages,
            Truth(TruthKind.NONE),
            1.0,
            Provenance(f"recall {self._split} {seed}", dataset="recall"),
            self._split,
        )

    def image(self, seed: int) -> Image.Image:
        """Plain ground, whatever the seed."""
        return Image.new("RGB", (_SIDE, _SIDE), _GROUND)


def _told(chance: random.Random, write: Writing) -> Iterator[str]:
    """Names, each with a point."""
    colours, shapes = chance.sample(list(Colour), _KINDS), chance.sample(list(Shape), _KINDS)
    names = [f"{colour} {shape}" for colour in colours for shape in shapes if not is_novel(colour, shape)]
    for name in chance.sample(names, chance.randint(_FEWEST, min(_MOST, len(names)))):
        yield f"{name} {write.words(Point(chance.uniform(0, _SIDE), chance.uniform(0, _SIDE)))}"
