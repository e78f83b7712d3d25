"""Curated records: what is handed to training, and the only thing that is. A JSONL file with a manifest beside it.

A record is one conversation as messages, with the pictures that their `<image>` marks stand for, its truth, the weight that a
curation rule gave it, and where it came from. Crops are not copied: a record keeps the looks and their frame, and `core.crops` cuts
the same pixels again. Training reads records and nothing of the store; a file that was changed after it was written is refused.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import TypeAdapter, ValidationError

from core.errors import RecordError
from core.frames import CoordinateFrame
from core.grammar import IMAGE_MARK, as_messages, observation_text
from core.trace import Author, DomainName, Look, Picture, Trace, Truth, Turn, canonical_json

# Raised with every change that an older reader would misread.
SCHEMA = 1


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
class Provenance:
    """Where a record came from: the rule that chose it, how many people rated it, and the data set and policy of its trace."""

    rule: str
    raters: int = 0
    dataset: str = ""
    policy: str = ""


@dataclass(frozen=True, slots=True)
class CuratedRecord:
    """One conversation to learn from. Raises RecordError where its parts do not fit one another.

    trace     content hash of the trace
    pictures  whole pictures by content hash; their marks stand in the question, in order
    looks     crops of the first picture; their marks stand in the observations, in order
    frame     the space of the numbers in the messages
    weight    0 or more; 1 is an ordinary record
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
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        if self.schema != SCHEMA:
            raise RecordError(f"The record is of schema {self.schema}, and this program reads {SCHEMA}: write it again or update.")
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
    def from_trace(cls, trace: Trace, provenance: Provenance, *, weight: float = 1.0) -> CuratedRecord:
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
        )


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a file of records holds: checked on reading.

    sha256   of the JSONL file's bytes
    created  ISO 8601 in UTC
    domains  records in each domain
    traces   different traces; pictures: different whole pictures
    """

    schema: int
    rule: str
    created: str
    sha256: str
    records: int
    traces: int
    pictures: int
    weight: float
    domains: dict[str, int]


def manifest_path(path: Path) -> Path:
    """Where the manifest of a file of records lies: beside it."""
    return path.with_name(path.name + ".manifest.json")


def write_records(path: Path, records: Iterable[CuratedRecord], rule: str) -> Manifest:
    """Writes the records, one a line, then the manifest; returns it. Nothing is left half-written where it breaks off."""
    draft, notes = path.with_name(path.name + ".part"), manifest_path(path).with_name(manifest_path(path).name + ".part")
    try:
        with draft.open("wb") as file:
            manifest = _write_lines(file, records, rule)
        with notes.open("wb") as file:
            file.write(json.dumps(_manifest_adapter().dump_python(manifest, mode="json"), indent=1).encode() + b"\n")
            _sync(file)
        # If it breaks off between these two, the checksum says so.
        os.replace(draft, path)
        os.replace(notes, manifest_path(path))
    finally:
        draft.unlink(missing_ok=True)
        notes.unlink(missing_ok=True)
    return manifest


def read_manifest(path: Path) -> Manifest:
    """The manifest of a file of records. Raises RecordError where it is missing or cannot be read."""
    notes = manifest_path(path)
    try:
        manifest = _manifest_adapter().validate_json(notes.read_bytes())
    except OSError as error:
        raise RecordError(f"{notes}: the manifest cannot be read ({error.strerror}): write the records again.") from error
    except ValidationError as error:
        raise RecordError(f"{notes}: not a manifest: {_first(error)}.") from error
    if manifest.schema != SCHEMA:
        raise RecordError(f"{notes}: the records are of schema {manifest.schema}, and this program reads {SCHEMA}.")
    return manifest


def read_records(path: Path) -> Iterator[CuratedRecord]:
    """The records of a file, one after the other, once its checksum has been found right.

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
    return _read_lines(path)


def _read_lines(path: Path) -> Iterator[CuratedRecord]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                yield _record_adapter().validate_json(line)
            except ValidationError as error:
                raise RecordError(f"{path}, line {number}: {_first(error)}.") from error


def _write_lines(file: BinaryIO, records: Iterable[CuratedRecord], rule: str) -> Manifest:
    digest, domains, weight = hashlib.sha256(), Counter[str](), 0.0
    traces: set[str] = set()
    pictures: set[str] = set()
    for number, record in enumerate(records, start=1):
        line = _line(record, number)
        file.write(line)
        digest.update(line)
        domains[record.domain.value] += 1
        weight += record.weight
        traces.add(record.trace)
        pictures.update(picture.sha256 for picture in record.pictures)
    _sync(file)
    created = datetime.now(UTC).isoformat(timespec="seconds")
    total = sum(domains.values())
    return Manifest(SCHEMA, rule, created, digest.hexdigest(), total, len(traces), len(pictures), weight, dict(sorted(domains.items())))


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
    if shown is None:
        raise RecordError(f"Turn {turn.index + 1} was answered by a crop that is not known: a model cannot be shown it again.")
    yield RecordMessage(Writer.OBSERVATION, observation_text(shown.look.dot))


def _marked(question: str, pictures: int) -> str:
    """The question with one mark a picture: as it is where it has them, else with all marks in front."""
    if question.count(IMAGE_MARK) == pictures:
        return question
    return IMAGE_MARK * pictures + "\n" + question.replace(IMAGE_MARK, "").strip()


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place + ': ' if place else ''}{first['msg'].rstrip('.')}"


@cache
def _record_adapter() -> TypeAdapter[CuratedRecord]:
    return TypeAdapter(CuratedRecord)


@cache
def _manifest_adapter() -> TypeAdapter[Manifest]:
    return TypeAdapter(Manifest)
