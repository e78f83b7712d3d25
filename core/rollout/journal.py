"""A run's journal: what happened, written as it happens, so that a run that dies keeps what it had.

A line is a JSON object, and its keys say what it is:

    began, task, draw, trace, crop     a conversation has begun; `trace` is the one before its first word
    spoke, turn, author, text          a piece was said in it
    ended, trace, error, seconds       it has ended, and this is its whole trace

Each line is handed to the system before the event is given on: a program that is killed loses at most the line that it was writing,
and a line that is not whole is passed over.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pydantic import TypeAdapter, ValidationError

from core.crops import CropRule
from core.errors import TraceError
from core.rollout.unfinished import Unfinished
from core.rollout.values import Began, Ended, RolloutEvent, Spoke
from core.trace import Author, StopReason, Trace

_BEGINNING = b'{"began": '


class Journal:
    """A journal that is being written. Raises OSError where its file cannot be.

    with Journal(path) as journal:
        for event in journal.keep(roll_out(policy, tasks)):
            ...
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("xb", buffering=0)

    def write(self, event: RolloutEvent) -> None:
        """Write down what happened; how far a run is, is not kept. The end of a conversation is on the disk when this returns."""
        line = _line(event)
        if line is None:
            return
        rest = memoryview(json.dumps(line, ensure_ascii=True, allow_nan=False).encode() + b"\n")
        while rest:
            # Without a buffer between, a write may take a part only.
            rest = rest[self._file.write(rest) :]
        if isinstance(event, Ended):
            os.fsync(self._file.fileno())

    def keep(self, events: Iterable[RolloutEvent]) -> Iterator[RolloutEvent]:
        """The events, each written down before it is given on."""
        for event in events:
            self.write(event)
            yield event

    def close(self) -> None:
        """May be called twice."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def read_journal(path: Path) -> tuple[Trace, ...]:
    """The traces of a run, in the order in which its conversations began: those that ended as they ended, and of the others what was
    said, with the stop reason `error`.

    Whatever was being written when the run died is passed over. Raises OSError for a file that cannot be read, TraceError for a whole
    line that is no journal's.
    """
    found: dict[int, Unfinished | Trace] = {}
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines, start=1):
        document = _document(line, number, last=number == len(lines))
        if document is None:
            continue
        try:
            _take(document, found)
        except (KeyError, TypeError, ValueError, ValidationError, TraceError) as error:
            raise TraceError(f"{path.name}, line {number} is not a line of a run's journal: {error}.") from error
    return tuple(one if isinstance(one, Trace) else one.trace(StopReason.ERROR) for one in found.values())


def is_journal(path: Path) -> bool:
    """Whether a file begins as a run's journal does. Raises OSError for one that cannot be read."""
    with path.open("rb") as file:
        return file.read(len(_BEGINNING)) == _BEGINNING


def _line(event: RolloutEvent) -> dict[str, Any] | None:
    if isinstance(event, Began):
        crop = None if event.crop is None else _crop_adapter().dump_python(event.crop, mode="json")
        where = {"began": event.conversation, "task": event.task, "draw": event.draw}
        return where | {"trace": event.trace.to_json(), "crop": crop}
    if isinstance(event, Spoke):
        return {"spoke": event.conversation, "turn": event.turn, "author": event.author.value, "text": event.text}
    if isinstance(event, Ended):
        came = event.rollout
        return {"ended": event.conversation, "trace": came.trace.to_json(), "error": came.error, "seconds": came.seconds}
    return None


def _document(line: bytes, number: int, *, last: bool) -> dict[str, Any] | None:
    """A line's object; None for an empty line, and for the one behind which the writer died."""
    if not line.strip():
        return None
    try:
        document = json.loads(line)
    except ValueError as error:
        if last:
            return None
        raise TraceError(f"Line {number} of the journal is not JSON: {error}.") from error
    if not isinstance(document, dict):
        if last:
            return None
        raise TraceError(f"Line {number} of the journal is not a JSON object.")
    return document


def _take(document: dict[str, Any], found: dict[int, Unfinished | Trace]) -> None:
    if "began" in document:
        crop = None if document["crop"] is None else _crop_adapter().validate_python(document["crop"])
        found[document["began"]] = Unfinished(Trace.from_json(document["trace"]), crop)
    elif "spoke" in document:
        conversation = found[document["spoke"]]
        if isinstance(conversation, Unfinished):
            conversation.add(Spoke(document["spoke"], document["turn"], Author(document["author"]), document["text"]))
    else:
        found[document["ended"]] = Trace.from_json(document["trace"])


@cache
def _crop_adapter() -> TypeAdapter[CropRule]:
    return TypeAdapter(CropRule)
