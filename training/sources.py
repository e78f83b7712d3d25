"""Where the dialogs of a recipe come from: files of curated records with a folder of pictures, or scenes that are drawn as they are needed.

A source gives the same record for the same number for ever and keeps no state, so it can be asked in any order and from any process.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from PIL import Image

from core.crops import CropRule
from core.errors import RecordError, TrainingError
from core.manifest import read_manifest
from core.policies.protocol import PolicyCard, shown_size
from core.records import CuratedRecord, Split, Writer, read_records
from core.trace import canonical_json
from training.pictures import PictureFolder, PictureSource, images_of
from training.recipe import DrawnScenes, RecordFiles
from training.worlds import Scenes, open_scenes, settings_of

# About so many letters make a token, for an estimate.
_LETTERS = 3.5


@dataclass(frozen=True, slots=True)
class Example:
    """A record with the upright originals of its pictures, in order."""

    record: CuratedRecord
    images: tuple[Image.Image, ...]


class DialogSource(Protocol):
    """Gives examples by number; is asked from several processes."""

    @property
    def size(self) -> int | None:
        """How many different ones there are; None: no end of them."""

    @property
    def crop(self) -> CropRule | None:
        """How its looks are cut; None: as their domain cuts them, or differently each."""

    def example(self, index: int) -> Example:
        """Raises TrainingError, naming the record, where it cannot be had."""

    def length(self, index: int) -> int:
        """About how many tokens it has: enough to put equals together."""


class FromFiles:
    """The records of one split of some files. A record of weight 0 is left out: nothing is learnt from it, and its place would stand empty.

    Raises RecordError for a file that cannot be read, TrainingError where no record is left or a picture is missing.

    once      of records that ask the same about the same pictures, the first alone: for who learns from the question and not from the words
    left_out  records of weight 0
    """

    def __init__(self, data: RecordFiles, split: Split, card: PolicyCard, *, once: bool = False) -> None:
        found = _read(data, split)
        self._records = [record for record in found if record.weight > 0]
        self.left_out = len(found) - len(self._records)
        if once:
            first: dict[tuple[object, ...], CuratedRecord] = {}
            for record in self._records:
                first.setdefault(_asks(record), record)
            self._records = list(first.values())
        self._card = card
        folder = data.pictures or data.records[0].parent / "pictures"
        self._pictures: PictureSource = PictureFolder(folder)
        _check_pictures(self._records, folder)

    @property
    def size(self) -> int | None:
        return len(self._records)

    @property
    def crop(self) -> CropRule | None:
        return None

    @property
    def records(self) -> Sequence[CuratedRecord]:
        """All of them, in the order of the files."""
        return self._records

    def example(self, index: int) -> Example:
        record = self._records[index]
        return Example(record, images_of(record, self._pictures))

    def length(self, index: int) -> int:
        return _about(self._records[index], self._card)


class FromScenes:
    """Scenes of a world: number i is the scene of the seed `first` + i."""

    def __init__(self, scenes: Scenes, first: int, count: int | None, card: PolicyCard) -> None:
        self._scenes, self._first, self._count, self._card = scenes, first, count, card

    @property
    def size(self) -> int | None:
        return self._count

    @property
    def crop(self) -> CropRule | None:
        return self._scenes.crop

    def example(self, index: int) -> Example:
        seed = self._first + index
        return Example(self._scenes.record(seed), (self._scenes.image(seed),))

    def length(self, index: int) -> int:
        return _about(self._scenes.record(self._first + index), self._card)


def open_source(
    data: RecordFiles | DrawnScenes, split: Split, card: PolicyCard, *, seed: int, most: int | None = None, once: bool = False
) -> DialogSource:
    """The source of one split. `seed` is that of drawn scenes that have none of their own; `most` is how many of those there are at most;
    `once` leaves out records that ask the same again.

    Raises RecordError and TrainingError with what is wrong.
    """
    if isinstance(data, RecordFiles):
        return FromFiles(data, split, card, once=once)
    first = data.seed if data.seed is not None else _far_apart(seed)
    counts = [count for count in (data.count if split is Split.TRAIN else None, most) if count is not None]
    return FromScenes(open_scenes(data, split, card), first, min(counts, default=None), card)


def has_split(data: RecordFiles | DrawnScenes, split: Split) -> bool:
    """Whether the source has anything of a split: told from the manifests alone. Raises RecordError where one cannot be read."""
    if isinstance(data, DrawnScenes):
        return True
    return any(read_manifest(path).splits.get(split.value, 0) for path in data.records)


def digest(data: RecordFiles | DrawnScenes) -> str:
    """SHA-256 of what the data is: of the records' bytes as their manifests have them, or of a world's settings."""
    if isinstance(data, DrawnScenes):
        told: object = settings_of(data)
    else:
        told = {"records": [read_manifest(path).sha256 for path in data.records], "domains": [str(name) for name in data.domains]}
    return hashlib.sha256(canonical_json(told).encode()).hexdigest()


def _asks(record: CuratedRecord) -> tuple[object, ...]:
    question = "".join(message.text for message in record.messages if message.writer is Writer.QUESTION)
    return question, record.domain, tuple(picture.sha256 for picture in record.pictures)


def _about(record: CuratedRecord, card: PolicyCard) -> int:
    """About how many tokens a record has."""
    letters = sum(len(message.text) for message in record.messages)
    shown = [shown_size(card, picture.size) for picture in record.pictures] + [look.look.output for look in record.looks]
    return round(letters / _LETTERS + sum(size.width * size.height for size in shown) / card.factor**2)


def _far_apart(seed: int) -> int:
    """Where the scenes of a seed begin: neighbouring seeds do not share scenes. Below 2**40, which leaves room for a count behind it."""
    return int.from_bytes(hashlib.sha256(f"scenes of {seed}".encode()).digest()[:5])


def _read(data: RecordFiles, split: Split) -> list[CuratedRecord]:
    splits, domains = Counter[str](), Counter[str]()
    found = []
    for path in data.records:
        if not path.is_file():
            raise RecordError(f"There is no file of records {path}: check the path, or export one (launch.py export --preferred).")
        for record in read_records(path):
            splits[record.split.value] += 1
            domains[record.domain.value] += 1
            if record.split is split and (not data.domains or record.domain in data.domains):
                found.append(record)
    if not any(record.weight > 0 for record in found):
        raise TrainingError(_nothing(data, split, splits, domains))
    return found


def _nothing(data: RecordFiles, split: Split, splits: Counter[str], domains: Counter[str]) -> str:
    names = " and ".join(str(path) for path in data.records)
    if not splits:
        return f"{names} holds no records, so there is nothing to learn from: choose a rule that lets more through, and export again."
    of = f" of {' or '.join(data.domains)}" if data.domains else ""
    there = ", ".join(f"{count:,} of {name}" for name, count in (*sorted(splits.items()), *sorted(domains.items())))
    return f"{names} holds no records of the split {split.value}{of} with a weight over 0 (it holds {there}): export others."


def _check_pictures(records: Sequence[CuratedRecord], folder: Path) -> None:
    """Raises TrainingError where a picture is not in the folder: better before a training than after a night of it."""
    there = {path.stem for path in folder.iterdir()} | {path.stem for path in folder.glob("??/*")}
    for record in records:
        for picture in record.pictures:
            if picture.sha256 not in there:
                raise TrainingError(
                    f"The record of trace {record.trace:.12} wants the picture {picture.sha256}, and no file of {folder} has that name: "
                    "export the pictures too (--pictures), or name their folder."
                )
