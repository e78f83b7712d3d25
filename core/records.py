"""Curated records: what is handed to training, and the only thing that is. A JSONL file with a manifest beside it.

A record is one conversation as messages, with the pictures that their `<image>` marks stand for, its truth, the weight that a
curation rule gave it, the split it belongs to, and where it came from. Crops are not copied: a record keeps the looks and their frame,
and `core.crops` cuts the same pixels again. Training reads records and nothing of the store; a file that was changed after it was
written is refused. Nothing in either file tells when or where it was written: the same records and rule give the same bytes.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import TypeAdapter, ValidationError

from core.errors import RecordError
from core.frames import CoordinateFrame
from core.grammar import IMAGE_MARK, as_messages, is_tool_error, observation_text
from core.manifest import READABLE, READABLE_WORDS, SCHEMA, Curation, Manifest, first_finding, manifest_bytes, manifest_path, read_manifest
from core.trace import Author, DomainName, Look, Picture, Trace, Truth, Turn, canonical_json


class Split(StrEnum):
    """What a record is for. All traces of a picture are in one split."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class Writer(StrEnum):
    """Who wrote a message. Only what the model wrote is to be learnt."""

    SYSTEM = "system"
    QUESTION = "question"
    MODEL = "model"
    INJECTED = "injected"
    """Put into the model's mouth; the model's next message continues it in the same turn."""
    OBSERVATION = "observation"

    @property
    def role(self) -> str:
        """The chat role: system, user or assistant."""
        return _ROLES[self]


_ROLES = {
    Writer.SYSTEM: "system",
    Writer.QUESTION: "user",
    Writer.MODEL: "assistant",
    Writer.INJECTED: "assistant",
    Writer.OBSERVATION: "user",
}


@dataclass(frozen=True, slots=True)
class RecordMessage:
    """A message: its writer and its text, with an `<image>` mark wherever a picture stands."""

    writer: Writer
    text: str


@dataclass(frozen=True, slots=True)
class RecordLook:
    """A crop to cut again: the look, and the point (x, y) in the frame's grid that its dot marks."""

    look: Look
    point: tuple[float, float]


@dataclass(frozen=True, slots=True)
class CorrectedStep:
    """A point that people moved: the step (from 0), how many people said where to, and the point as text before and after."""

    step: int
    raters: int
    was: str
    now: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a record came from. Raises RecordError where it is corrected and does not say from what, or the other way round.

    rule       that chose it, in its canonical spelling
    raters     how many people's ratings of it counted, in the study of that name
    original   content hash of the trace as the model wrote it, which is what people rated; empty where nothing was corrected
    corrected  the steps whose points people moved
    """

    rule: str
    raters: int = 0
    dataset: str = ""
    policy: str = ""
    study: str = ""
    original: str = ""
    corrected: tuple[CorrectedStep, ...] = ()

    def __post_init__(self) -> None:
        if bool(self.original) != bool(self.corrected):
            raise RecordError("A corrected record names the trace that it was corrected from and the steps: one of the two is missing.")


@dataclass(frozen=True, slots=True)
class CuratedRecord:
    """One conversation to learn from. Raises RecordError where its parts do not fit one another.

    trace     content hash of the trace whose conversation this is: the corrected one, where it was corrected
    pictures  whole pictures by content hash; their marks stand in the question, in order
    looks     crops of the first picture; their marks stand in the observations, in order
    frame     the space of the numbers in the messages
    weight    0 or more; 1 is an ordinary record
    split     what it is for
    """

    trace: str
    domain: DomainName
    frame: CoordinateFrame
    pictures: tuple[Picture, ...]
    looks: tuple[RecordLook, ...]
    messages: tuple[RecordMessage, ...]
    truth: Truth
    weight: float
    provenance: Provenance
    split: Split = Split.TRAIN
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        if self.schema not in READABLE:
            raise RecordError(f"The record is of schema {self.schema}, and this program reads {READABLE_WORDS}: write it again or update.")
        if not re.fullmatch(r"[0-9a-f]{64}", self.trace):
            raise RecordError(f"A record names its trace by 64 hexadecimal digits, not {self.trace!r:.80}.")
        if not (math.isfinite(self.weight) and self.weight >= 0):
            raise RecordError(f"A record's weight is a number of 0 or more, not {self.weight}.")
        if not any(message.writer is Writer.MODEL and message.text for message in self.messages):
            raise RecordError("A record needs a message that the model wrote: there is nothing to learn from otherwise.")
        self._check_marks(Writer.QUESTION, len(self.pictures), "pictures")
        self._check_marks(Writer.OBSERVATION, len(self.looks), "looks")

    def _check_marks(self, writer: Writer, expected: int, things: str) -> None:
        marks = sum(message.text.count(IMAGE_MARK) for message in self.messages if message.writer is writer)
        if marks != expected:
            raise RecordError(f"The {writer} messages hold {marks} {IMAGE_MARK} marks, and the record has {expected} {things}.")

    @classmethod
    def from_trace(cls, trace: Trace, provenance: Provenance, *, weight: float = 1.0, split: Split = Split.TRAIN) -> CuratedRecord:
        """The record of a trace. The model's text stays as it is; observations get the one spelling that is written.

        Raises RecordError where an observation's crop is not known, so that the conversation could not be shown to a model again.
        """
        shown = _looks_by_turn(trace)
        messages = [RecordMessage(Writer.SYSTEM, trace.system_prompt)] if trace.system_prompt else []
        messages.append(RecordMessage(Writer.QUESTION, _marked(trace.sample.question, len(trace.sample.pictures))))
        for turn in trace.turns:
            messages.extend(_turn_messages(turn, shown.get(turn.index)))
        return cls(
            trace.content_hash,
            trace.sample.domain,
            trace.frame,
            trace.sample.pictures,
            tuple(shown.values()),
            tuple(messages),
            trace.sample.truth,
            weight,
            provenance,
            split,
        )


def write_records(path: Path, records: Iterable[CuratedRecord], rule: str, *, curation: Callable[[], Curation] | None = None) -> Manifest:
    """Writes the records, one a line, then the manifest; returns it. Nothing is left half-written where it breaks off.

    curation  is asked once all records are written, because what could not become a record is known only then
    """
    draft, notes = path.with_name(path.name + ".part"), manifest_path(path).with_name(manifest_path(path).name + ".part")
    try:
        with draft.open("wb") as file:
            tally = _write_lines(file, records)
        manifest = tally.manifest(rule, curation() if curation else None)
        with notes.open("wb") as file:
            file.write(manifest_bytes(manifest))
            _sync(file)
        # If it breaks off between these two, the checksum says so.
        os.replace(draft, path)
        os.replace(notes, manifest_path(path))
    finally:
        draft.unlink(missing_ok=True)
        notes.unlink(missing_ok=True)
    return manifest


def read_records(path: Path, *, split: Split | None = None) -> Iterator[CuratedRecord]:
    """The records of a file, or those of one split, one after the other, once its checksum has been found right.

    Raises RecordError at once for a missing file or manifest or a wrong checksum; for a line that is no record when it is reached,
    with file, line and reason.
    """
    manifest = read_manifest(path)
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RecordError(f"{path}: the records cannot be read ({error.strerror}).") from error
    if found != manifest.sha256:
        raise RecordError(
            f"{path}: the file was changed after it was written (SHA-256 {found:.12}, the manifest says {manifest.sha256:.12})."
        )
    return (record for record in _read_lines(path) if split in (None, record.split))


def _read_lines(path: Path) -> Iterator[CuratedRecord]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                yield _record_adapter().validate_json(line)
            except ValidationError as error:
                raise RecordError(f"{path}, line {number}: {first_finding(error)}.") from error


class _Tally:
    """Counts records as they are written."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()
        self.domains = Counter[str]()
        self.splits = Counter[str]()
        self.weight = 0.0
        self.pictures: set[str] = set()
        self.hashes: list[str] = []
        self.corrected: dict[str, str] = {}
        self.corrected_steps = 0

    def add(self, record: CuratedRecord, line: bytes) -> None:
        self.digest.update(line)
        self.domains[record.domain.value] += 1
        self.splits[record.split.value] += 1
        self.weight += record.weight
        self.pictures.update(picture.sha256 for picture in record.pictures)
        self.hashes.append(record.trace)
        if record.provenance.original:
            self.corrected[record.provenance.original] = record.trace
            self.corrected_steps += len(record.provenance.corrected)

    def manifest(self, rule: str, curation: Curation | None) -> Manifest:
        return Manifest(
            schema=SCHEMA,
            rule=rule,
            sha256=self.digest.hexdigest(),
            records=len(self.hashes),
            traces=len(set(self.hashes)),
            pictures=len(self.pictures),
            weight=self.weight,
            domains=dict(sorted(self.domains.items())),
            splits={split.value: self.splits[split.value] for split in Split},
            content_hashes=tuple(self.hashes),
            corrected=self.corrected,
            corrected_steps=self.corrected_steps,
            curation=curation,
        )


def _write_lines(file: BinaryIO, records: Iterable[CuratedRecord]) -> _Tally:
    tally = _Tally()
    for number, record in enumerate(records, start=1):
        line = _line(record, number)
        file.write(line)
        tally.add(record, line)
    _sync(file)
    return tally


def _line(record: CuratedRecord, number: int) -> bytes:
    document: dict[str, Any] = _record_adapter().dump_python(record, mode="json")
    try:
        return canonical_json(document).encode() + b"\n"
    except UnicodeEncodeError as error:
        raise RecordError(f"Record {number} holds a lone surrogate, which no file in UTF-8 can hold: mend its text.") from error


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _looks_by_turn(trace: Trace) -> dict[int, RecordLook]:
    calls = {turn.index: turn.call for turn in trace.turns}
    shown = {}
    for step in trace.steps:
        call = calls.get(step.turn)
        if step.look and call and call.mention:
            shown[step.turn] = RecordLook(step.look, (call.mention.x, call.mention.y))
    return shown


def _turn_messages(turn: Turn, shown: RecordLook | None) -> Iterator[RecordMessage]:
    for message in as_messages([turn]):
        if message.author is not Author.OBSERVATION:
            yield RecordMessage(Writer(message.author.value), message.text)
    if turn.observation is None:
        return
    if is_tool_error(said := turn.observation.of(turn.text)):
        yield RecordMessage(Writer.OBSERVATION, said)
        return
    if shown is None:
        raise RecordError(f"Turn {turn.index + 1} was answered by a crop that is not known: a model cannot be shown it again.")
    yield RecordMessage(Writer.OBSERVATION, observation_text(shown.look.dot))


def _marked(question: str, pictures: int) -> str:
    """The question with one mark a picture: as it is where it has them, else with all marks in front."""
    if question.count(IMAGE_MARK) == pictures:
        return question
    return IMAGE_MARK * pictures + "\n" + question.replace(IMAGE_MARK, "").strip()


@cache
def _record_adapter() -> TypeAdapter[CuratedRecord]:
    return TypeAdapter(CuratedRecord)
