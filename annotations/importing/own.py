"""Lines of our own export -> the same traces again, checked so that nothing in them can surprise whoever shows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from annotations.importing.json_values import BadRow
from annotations.importing.kinds import EXPORT_VERSION
from annotations.importing.rows import Converted, RowContext
from core.errors import TraceError
from core.trace import Author, PointMention, Span, Trace, TruthKind, Turn


def read_own(row: RowContext) -> Converted:
    """The trace of an exported line. Raises BadRow or PictureError for a line that cannot be taken."""
    version = row.document.get("version")
    if version != EXPORT_VERSION:
        raise BadRow(f"The line is of version {version!r:.20} of the export, and this program reads version {EXPORT_VERSION}.")
    try:
        trace = Trace.from_json(row.document.get("trace"))
    except TraceError as error:
        raise BadRow(str(error)) from error
    except (RecursionError, ValueError, OverflowError) as error:
        raise BadRow(f"The line holds no trace that can be read: {error}.") from error
    for problem in _problems(trace):
        raise BadRow(f"The trace contradicts itself: {problem}.")
    _check_pictures(row, trace)
    dataset = row.document.get("dataset")
    return Converted(
        (trace,), dataset=dataset if isinstance(dataset, str) and dataset.strip() else None, domain_by="the export says so", placed=False
    )


def _check_pictures(row: RowContext, trace: Trace) -> None:
    if not trace.sample.pictures:
        raise BadRow("The trace's sample has no picture.")
    for told in trace.sample.pictures:
        found = row.pictures.take_by_hash(told.sha256)
        if (found.size, found.orientation) != (told.size, told.orientation):
            raise BadRow(f"The trace says that a picture has {told.size} px, and it has {found.size} px.")
    if trace.frame.picture != trace.sample.pictures[0].size:
        raise BadRow(
            f"The frame is for a picture of {trace.frame.picture} px, and the first picture has {trace.sample.pictures[0].size} px."
        )
    for look in trace.looks:
        if look.picture is not None:
            row.pictures.take_by_hash(look.picture)


def _problems(trace: Trace) -> Iterator[str]:
    """What a trace says that cannot be so. A trace that the grammar and the grounding made has none."""
    truth = trace.sample.truth
    if (truth.kind is TruthKind.BOX) != (truth.box is not None) or (truth.kind is TruthKind.POINT) != (truth.point is not None):
        yield f"its truth is said to be of kind {truth.kind}, which does not fit what it holds"
    for index, turn in enumerate(trace.turns):
        if turn.index != index:
            yield f"turn {index} is numbered {turn.index}"
        yield from _turn_problems(turn)
    for index, step in enumerate(trace.steps):
        if step.index != index or not 0 <= step.turn < len(trace.turns):
            yield f"step {index} is numbered {step.index} and lies in turn {step.turn}"
        elif not _lies_in(step.span, trace.turns[step.turn].text):
            yield f"the span of step {index} is not in its turn's text"
        elif (step.point is None) != (step.mention is None) and step.point is not None:
            yield f"step {index} has a point that nothing mentions"
    for fault in trace.faults:
        text = trace.turns[fault.turn].text if 0 <= fault.turn < len(trace.turns) else None
        if (text is None and (fault.turn != 0 or trace.turns)) or (fault.span and not _lies_in(fault.span, text or "")):
            yield f"a fault ({fault.kind}) lies outside the turns"


def _turn_problems(turn: Turn) -> Iterator[str]:
    at = 0
    for part in turn.authors:
        if part.span.start != at or part.span.end < at:
            yield f"the authors of turn {turn.index} leave a gap or overlap"
        at = part.span.end
    if at != len(turn.text):
        yield f"the authors of turn {turn.index} do not cover its text"
    spans: list[Any] = [turn.thought, turn.answer, turn.observation, turn.call and turn.call.span]
    mentions: list[PointMention] = [*turn.mentions, *([turn.call.mention] if turn.call and turn.call.mention else [])]
    spans += [mention.span for mention in mentions]
    if not all(span is None or _lies_in(span, turn.text) for span in spans):
        yield f"a span of turn {turn.index} is not in its text"
    if turn.observation and not any(part.author is Author.OBSERVATION for part in turn.authors):
        yield f"turn {turn.index} has an observation that nobody made"


def _lies_in(span: Span, text: str) -> bool:
    return 0 <= span.start <= span.end <= len(text)
