"""A trace as the tables hold it: its compressed document, and the rows that are read off it.

The document is the trace; the rows are a projection for listing, searching and for later tables to point at. Both are made here,
from one value, and written in one transaction.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from annotations.schema import MAX_NAME, QUESTION_KEY
from annotations.scores import Scores
from annotations.words import index_words, sort_key
from core.errors import StoreError, TraceError
from core.trace import Author, Sample, Step, Trace, Turn, canonical_json, identity

# zlib's default: level 9 takes three times as long for one per cent.
LEVEL = 6
# PostgreSQL's integer.
MAX_INTEGER = 2**31 - 1
_SHA256 = re.compile("[0-9a-f]{64}")

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PreparedSample:
    """A sample, its content hash, and its row without ids."""

    sample: Sample
    content_hash: str
    row: Row


@dataclass(frozen=True, slots=True)
class PreparedTrace:
    """Everything about a trace that can be computed before the database is asked: rows lack only their ids."""

    content_hash: str
    sample: PreparedSample
    row: Row
    document: bytes
    turns: tuple[Row, ...]
    steps: tuple[Row, ...]
    words: list[str]


def prepare_sample(sample: Sample) -> PreparedSample:
    """The sample ready to be written. Raises TraceError for one that no database could hold."""
    return _prepare_sample(sample, _sample_adapter().dump_python(sample, mode="json"))


def read_sample(document: bytes) -> Sample:
    """The sample of a stored document. Raises StoreError where the bytes are damaged."""
    return _sample_adapter().validate_python(unpack(document))


def indexed_words(trace: Trace) -> list[str]:
    """The words under which the full-text index knows the trace."""
    return index_words(_spoken(trace))


def read_trace(document: bytes) -> Trace:
    """The trace of a stored document. Raises StoreError where the bytes are damaged, TraceError where it is no trace."""
    return Trace.from_json(unpack(document))


def prepare(trace: Trace, scores: Scores) -> PreparedTrace:
    """The trace ready to be written. Raises TraceError for a trace that the store could not give back as it is."""
    _check(trace)
    document = trace.to_json()
    text = json_text(document)
    row = {
        "domain": trace.sample.domain.value,
        "policy": _clean(trace.policy),
        "stop": trace.stop.value,
        "correct": scores.correct,
        "turn_count": len(trace.turns),
        "step_count": len(trace.steps),
        "look_count": len(trace.looks),
        "fault_count": len(trace.faults),
        "reward_strict": scores.strict,
        "reward_vigorl": scores.vigorl,
        "question_key": sort_key(trace.sample.question, QUESTION_KEY),
    }
    return PreparedTrace(
        content_hash=_hash(json_text(identity(document))),
        sample=_prepare_sample(trace.sample, document["sample"]),
        row=row,
        document=pack(text),
        turns=tuple(_turn_row(turn) for turn in trace.turns),
        steps=tuple(_step_row(step) for step in trace.steps),
        words=indexed_words(trace),
    )


def pack(text: str) -> bytes:
    """A document as it is stored."""
    return zlib.compress(text.encode(), LEVEL)


def unpack(document: bytes) -> Any:
    """The JSON value of a stored document. Raises StoreError where the bytes are damaged."""
    try:
        return json.loads(zlib.decompress(document))
    except (zlib.error, ValueError) as error:
        raise StoreError(f"A stored document is damaged ({error}): restore the database from a backup.") from error


def _prepare_sample(sample: Sample, value: Any) -> PreparedSample:
    for picture in sample.pictures:
        if max(picture.size.width, picture.size.height) > MAX_INTEGER:
            raise TraceError(f"A picture of {picture.size} px cannot be stored: sides go up to {MAX_INTEGER}.")
        if not _SHA256.fullmatch(picture.sha256):
            raise TraceError(f"{picture.sha256!r} is not a SHA-256 in 64 small hexadecimal digits: a picture is known by its bytes' hash.")
    text = json_text(value)
    row = {
        "question": _clean(sample.question),
        "domain": sample.domain.value,
        "truth_kind": sample.truth.kind.value,
        "truth_text": _clean(sample.truth.text),
        "document": pack(text),
    }
    return PreparedSample(sample, _hash(text), row)


@cache
def _sample_adapter() -> TypeAdapter[Sample]:
    return TypeAdapter(Sample)


def json_text(value: Any) -> str:
    """A JSON value as canonical text. Raises TraceError for what no back end could give back."""
    try:
        text = canonical_json(value)
        text.encode()
    except UnicodeEncodeError as error:
        raise TraceError(f"Half of a character (U+{ord(error.object[error.start]):04X}) cannot be stored: repair the text.") from error
    except ValueError as error:
        raise TraceError("NaN and infinity cannot be stored: leave the number out.") from error
    return text


def check_name(what: str, name: str) -> None:
    """Raises TraceError for a name that cannot be an index key."""
    if len(name) > MAX_NAME:
        raise TraceError(f"The {what}'s name has {len(name)} characters: at most {MAX_NAME} can be stored.")
    if "\0" in name:
        raise TraceError(f"The {what}'s name {name!r} holds a NUL character: take it out.")
    json_text(name)


def _check(trace: Trace) -> None:
    check_name("policy", trace.policy)
    for index, turn in enumerate(trace.turns):
        if turn.index != index:
            raise TraceError(f"Turn {index} says that it is turn {turn.index}: turns are numbered from 0, in order.")
    for index, step in enumerate(trace.steps):
        if step.index != index:
            raise TraceError(f"Step {index} says that it is step {step.index}: steps are numbered from 0, in order.")
        if not 0 <= step.turn < len(trace.turns):
            raise TraceError(f"Step {index} lies in turn {step.turn}, and the trace has {len(trace.turns)} turns.")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _clean(text: str) -> str:
    """PostgreSQL's text holds no NUL; the document does, so only the projection is changed."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _turn_row(turn: Turn) -> Row:
    return {
        "position": turn.index,
        "answer": None if turn.answer is None else _clean(turn.answer.of(turn.text)),
        "called": turn.call is not None,
        "observed": turn.observation is not None,
    }


def _step_row(step: Step) -> Row:
    mention, look = step.mention, step.look
    window = look.window.corners if look else (None,) * 4
    return {
        "position": step.index,
        "turn": step.turn,
        "text": _clean(step.text),
        "written": _clean(mention.written) if mention else None,
        "source": mention.source.value if mention else None,
        "written_x": mention.x if mention else None,
        "written_y": mention.y if mention else None,
        "x": step.point.x if step.point else None,
        "y": step.point.y if step.point else None,
        "inside": step.inside,
        **dict(zip(("look_x1", "look_y1", "look_x2", "look_y2"), window, strict=True)),
    }


def _spoken(trace: Trace) -> Iterator[str]:
    """What a search looks through: the question, the answer, and what the model said; not what the environment said."""
    yield trace.sample.question
    yield trace.answer or ""
    for turn in trace.turns:
        if turn.thought is None and turn.answer is None:
            # Nothing could be told apart in this turn: everything that the model wrote counts as reasoning.
            yield from (part.span.of(turn.text) for part in turn.authors if part.author is Author.MODEL)
            continue
        for span in (turn.thought, turn.answer):
            if span is not None:
                yield span.of(turn.text)
