"""Questions of curated records for an evaluation: those that were held out, with their pictures from a folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from core.errors import TaskError
from core.evaluation.values import Question
from core.grammar import IMAGE_MARK
from core.manifest import read_manifest
from core.picture_files import find_picture, open_picture
from core.records import CuratedRecord, Split, Writer, read_records
from core.rollout.values import Task
from core.trace import Sample, TruthKind, canonical_json


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The questions of a split, each once; their pictures are read as they are asked.

    sha256    of the file of records
    left_out  questions that cannot be asked or judged: of several pictures, or without a truth
    """

    sha256: str
    pictures: Path
    questions: tuple[Sample, ...]
    left_out: int

    def asked(self) -> Iterator[Question]:
        """The questions with their pictures. Raises TaskError for a picture that is missing, broken or another one."""
        for sample in self.questions:
            picture, path = sample.pictures[0], _file_of(sample, self.pictures)
            image = open_picture(path)
            if image.size != (picture.size.width, picture.size.height):
                raise TaskError(
                    f"{path} is {image.width} x {image.height} px upright, and its record says {picture.size}: export it again."
                )
            boxes = () if sample.truth.box is None else (sample.truth.box,)
            yield Question(Task(sample, image), sample.domain.value, None, None, boxes, boxes)


def held_out(records: Path, pictures: Path, split: Split) -> HeldOut:
    """What a file of records holds out in a split. A question that several records answer is asked once.

    Raises RecordError for a file that cannot be read, and TaskError where no question is left, or a picture is not there.
    """
    found: dict[str, Sample] = {}
    left_out = set[str]()
    for record in read_records(records, split=split):
        sample = sample_of(record)
        if len(sample.pictures) == 1 and sample.truth.kind is not TruthKind.NONE:
            found[sample.external_id] = sample
        else:
            left_out.add(sample.external_id)
    if not found:
        why = f"all {len(left_out)} have several pictures or no truth" if left_out else "it has no record of that split"
        raise TaskError(f"{records} holds no question out as {split} ({why}): export it with another --split, or name other records.")
    for sample in found.values():
        # Hours may pass until it is asked about.
        _file_of(sample, pictures)
    return HeldOut(read_manifest(records).sha256, pictures, tuple(found.values()), len(left_out))


def _file_of(sample: Sample, pictures: Path) -> Path:
    name = sample.pictures[0].sha256
    path = find_picture(pictures, name)
    if path is None:
        raise TaskError(f"There is no picture {name} in {pictures}: export the records with --pictures, or name their folder with it.")
    return path


def sample_of(record: CuratedRecord) -> Sample:
    """The question of a record, without the marks of its pictures, named by what it is."""
    text = next(message.text for message in record.messages if message.writer is Writer.QUESTION)
    question = text.replace(IMAGE_MARK, "").strip()
    named = canonical_json([[picture.sha256 for picture in record.pictures], question, record.domain.value])
    return Sample(question, record.domain, record.pictures, record.truth, f"records/{sha256(named.encode()).hexdigest()[:16]}")
