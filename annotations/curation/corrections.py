"""Where people agree that a point should have been, and the trace with its points there.

A step's point is moved where three things hold: the step is not accurate (a tie is not), at least half of the people who found it
inaccurate said where the point belongs, and what they said puts it elsewhere. It goes to the component-wise median of what they said:
their points, and the centres of their boxes. A box that the model's point already lies in says that the point may stay, so it counts as
that very point.

The new point takes the old one's place in the model's text, in the trace's own frame and in the same style of number, and the text is read
again: the corrected trace is one that the grammar reads. What cannot be moved is left alone, with the reason: nobody is to learn from
a crop that the model would not have been shown, nor from an answer that its reasoning does not lead to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import median

from annotations.curation.evidence import StepEvidence, TraceEvidence
from annotations.ratings.values import Correction
from core.frames import CoordinateFrame
from core.geometry import Point, Size
from core.grammar import Message, StepPiece, parse_messages
from core.grammar.tags import POINT_IN_TEXT
from core.grounding import place
from core.records import CorrectedStep
from core.trace import Author, Fault, FaultKind, PointMention, PointSource, Span, Step, Trace, Turn

# Two mentions name one place when both numbers agree to this much, in the model's numbers: models round.
_SAME_PLACE = 1.0
# Decimals beyond these are noise of a conversion, not a style.
_MOST_DECIMALS = 6


class Hindrance(StrEnum):
    """Why a trace cannot be corrected, in words."""

    ZOOMED = "people moved a point that the model zoomed in on, and the crop that it was shown would be another one"
    ANSWERED = "people moved a point that the answer repeats"
    READ_OTHERWISE = "with the moved point, the text would be read as other steps"


@dataclass(frozen=True, slots=True)
class Corrected:
    """A trace with people's points in it, and which steps those are; nobody moved anything where there are none."""

    trace: Trace
    steps: tuple[CorrectedStep, ...]


def correct(trace: Trace, evidence: TraceEvidence) -> Corrected | Hindrance:
    """The trace with every point where people agree that it belongs, or the reason why that cannot be had."""
    moves = wanted_moves(trace, evidence)
    result = move_points(trace, moves)
    if isinstance(result, Hindrance):
        return result
    people = {one.step: len(one.corrections) for one in evidence.steps}
    steps = [
        CorrectedStep(number, people[number], was.written, now.written)
        for number in sorted(moves)
        if (was := trace.steps[number].mention) and (now := result.steps[number].mention) and was.written != now.written
    ]
    return Corrected(result, tuple(steps))


def wanted_moves(trace: Trace, evidence: TraceEvidence) -> dict[int, Point]:
    """Step -> where people agree that its point belongs, in original pixels; only steps whose point is to be moved."""
    moves = {}
    for one in evidence.steps:
        step = trace.steps[one.step] if one.step < len(trace.steps) else None
        if step and step.point and (target := consensus(step.point, one, trace.frame.picture)):
            moves[one.step] = target
    return moves


def consensus(point: Point, evidence: StepEvidence, picture: Size) -> Point | None:
    """Where people agree that a step's point belongs, in pixels of the upright original; None where it stays."""
    targets = [target for correction in evidence.corrections if (target := _target(point, correction, picture))]
    if evidence.accurate is not False or not targets or 2 * len(targets) < evidence.scored - evidence.yes:
        return None
    agreed = Point(median(target.x for target in targets), median(target.y for target in targets))
    return None if agreed == point else agreed


def _target(point: Point, correction: Correction, picture: Size) -> Point | None:
    """What one person said; None for a point or a box outside the picture, where nothing can be pointed at."""
    if correction.point:
        return correction.point if picture.contains(correction.point) else None
    box = correction.box.clipped(picture) if correction.box else None
    if box is None:
        return None
    return point if box.contains(point) else box.centre


def move_points(trace: Trace, moves: Mapping[int, Point]) -> Trace | Hindrance:
    """The trace with the points of these steps moved to these places of the picture, to within half a unit of their last digit.

    A point that its own spelling cannot tell from the old one stays as it is. Only steps that have a point can be moved.
    """
    edits: dict[int, list[_Edit]] = {}
    for number, target in sorted(moves.items()):
        mention = trace.steps[number].mention
        assert mention is not None
        written = respelt(mention.written, target, trace.frame)
        if mention.source is PointSource.TEXT and written == mention.written:
            continue
        if hindrance := _hindrance(trace, trace.steps[number], mention):
            return hindrance
        edits.setdefault(trace.steps[number].turn, []).append(_Edit(mention.span, written))
    return _edited(trace, edits) if edits else trace


def respelt(written: str, target: Point, frame: CoordinateFrame) -> str:
    """A point in text with other numbers: those of `target` in the model's frame, with as many decimals as stood there.

    What is not written as a point in text comes back as it is.
    """
    found = POINT_IN_TEXT.fullmatch(written)
    if found is None:
        return written
    x, y = (_number(value, like) for value, like in zip(frame.from_original(target), found.groups(), strict=True))
    return f"{written[: found.start(1)]}{x}{written[found.end(1) : found.start(2)]}{y}{written[found.end(2) :]}"


def _number(value: float, like: str) -> str:
    decimals = min(len(like.partition(".")[2]), _MOST_DECIMALS)
    text = f"{value:.{decimals}f}"
    # A hair left of the picture's edge is its edge.
    return text if re.search("[1-9]", text) else text.lstrip("-")


def _hindrance(trace: Trace, step: Step, mention: PointMention) -> Hindrance | None:
    turn = trace.turns[step.turn]
    call = turn.call.mention if turn.call else None
    if step.look or mention.source is not PointSource.TEXT or (call and _same_place(call, mention)):
        return Hindrance.ZOOMED
    answers = [one for turn in trace.turns for one in turn.mentions if one.source is PointSource.ANSWER]
    if trace.answer_point and any(_same_place(answer, mention) for answer in answers):
        return Hindrance.ANSWERED
    return None


def _same_place(one: PointMention, other: PointMention) -> bool:
    return abs(one.x - other.x) <= _SAME_PLACE and abs(one.y - other.y) <= _SAME_PLACE


@dataclass(frozen=True, slots=True)
class _Edit:
    """New text for a span of a turn."""

    span: Span
    text: str


def _edited(trace: Trace, edits: Mapping[int, list[_Edit]]) -> Trace | Hindrance:
    messages = [message for turn in trace.turns for message in _messages(turn, edits.get(turn.index, []))]
    parsed = parse_messages(messages)
    if not _reads_alike(trace, parsed.turns, parsed.pieces, edits):
        return Hindrance.READ_OTHERWISE
    steps = []
    for old, piece in zip(trace.steps, parsed.pieces, strict=True):
        point = place(piece.mention, trace.frame) if piece.mention else None
        text = piece.span.of(parsed.turns[piece.turn].text)
        inside = None if piece.mention is None else point is not None and trace.frame.picture.contains(point)
        steps.append(replace(old, span=piece.span, text=text, mention=piece.mention, point=point, inside=inside))
    moved = {(turn, edit.span) for turn, some in edits.items() for edit in some}
    faults = tuple(
        _shifted(fault, edits.get(fault.turn, []))
        for fault in trace.faults
        if fault.kind is not FaultKind.POINT_OUTSIDE or (fault.turn, fault.span) not in moved
    )
    return replace(trace, turns=parsed.turns, steps=tuple(steps), faults=faults)


def _messages(turn: Turn, edits: Sequence[_Edit]) -> list[Message]:
    """The turn's messages with the edits made; an edit lies in what the model wrote, or it is not made."""
    messages = []
    for part in turn.authors:
        text, at = "", part.span.start
        for edit in sorted(edits, key=lambda edit: edit.span.start):
            if part.author is Author.MODEL and part.span.start <= edit.span.start and edit.span.end <= part.span.end:
                text += turn.text[at : edit.span.start] + edit.text
                at = edit.span.end
        messages.append(Message(part.author, text + turn.text[at : part.span.end]))
    return messages


def _reads_alike(trace: Trace, turns: Sequence[Turn], pieces: Sequence[StepPiece], edits: Mapping[int, list[_Edit]]) -> bool:
    """Whether the edited text is read as the same turns and steps: each at its shifted place, and each look at its own step."""
    if len(turns) != len(trace.turns) or len(pieces) != len(trace.steps):
        return False
    for old, piece in zip(trace.steps, pieces, strict=True):
        mine = edits.get(old.turn, [])
        if piece.turn != old.turn or piece.span != _shifted_span(old.span, mine) or (old.look is not None and not piece.calls):
            return False
        if (piece.mention is None) != (old.mention is None):
            return False
        if piece.mention and old.mention and piece.mention.span != _shifted_span(old.mention.span, mine):
            return False
    return all(new.text == _new_text(old, edits.get(old.index, [])) for old, new in zip(trace.turns, turns, strict=True))


def _new_text(turn: Turn, edits: Sequence[_Edit]) -> str:
    text = turn.text
    for edit in sorted(edits, key=lambda edit: edit.span.start, reverse=True):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text


def _shifted(fault: Fault, edits: Sequence[_Edit]) -> Fault:
    return replace(fault, span=_shifted_span(fault.span, edits)) if fault.span else fault


def _shifted_span(span: Span, edits: Sequence[_Edit]) -> Span:
    """Where a span lies once the edits are made; one that holds an edit grows or shrinks with it."""

    def shift(place: int) -> int:
        return place + sum(len(edit.text) - (edit.span.end - edit.span.start) for edit in edits if edit.span.end <= place)

    return Span(shift(span.start), shift(span.end))
