"""Parsed text + frame + crop rule -> a Trace: every point placed on the original picture, every look with its true window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from core.crops import CropRule, look_at
from core.frames import CoordinateFrame
from core.geometry import Point
from core.grammar import Parsed, StepPiece, is_tool_error
from core.trace import (
    DomainName,
    Fault,
    FaultKind,
    Look,
    Origin,
    PointMention,
    PointSource,
    Sample,
    Step,
    StopReason,
    Trace,
    TruthKind,
    Turn,
)

# Beyond this many pixels a number is nonsense, and arithmetic on it would say nothing.
_FARTHEST = 1e12


def ground(
    sample: Sample,
    parsed: Parsed,
    frame: CoordinateFrame,
    rule: CropRule | None,
    *,
    policy: str,
    stop: StopReason | None = None,
    system_prompt: str | None = None,
    recorded_score: float | None = None,
    origin: Origin | None = None,
    settings: Mapping[str, Any] | None = None,
    crops: Mapping[int, str] | None = None,
) -> Trace:
    """The trace of a parsed conversation about a sample.

    frame  the space of the model's numbers, for `sample.pictures[0]`
    rule   how looks are cut; None: the conversation had no zoom
    stop   why it ended, where the source knows more than the text
    crops  turn -> content hash of the crop that the source kept
    """
    faults = list(parsed.faults)
    steps = tuple(_step(index, piece, parsed.turns, frame) for index, piece in enumerate(parsed.pieces))
    looked = [_with_look(step, piece, parsed.turns, frame, rule, crops or {}) for step, piece in zip(steps, parsed.pieces, strict=True)]
    answer_mention = _answer_mention(parsed.turns) if _answers_with_a_point(sample) else None
    answer_point = place(answer_mention, frame) if answer_mention else None
    for step in looked:
        if step.inside is False and step.mention:
            faults.append(_outside(step.turn, step.mention, frame))
    faults.extend(_calls_outside(looked, parsed.turns, frame))
    if answer_mention and (answer_point is None or not frame.picture.contains(answer_point)):
        turn = next(turn.index for turn in reversed(parsed.turns) if answer_mention in turn.mentions)
        faults.append(_outside(turn, answer_mention, frame))
    faults.sort(key=lambda fault: (fault.turn, fault.span.start if fault.span else _FARTHEST))
    return Trace(
        sample=sample,
        policy=policy,
        frame=frame,
        turns=parsed.turns,
        steps=tuple(looked),
        faults=tuple(faults),
        stop=stop or parsed.stop,
        answer=parsed.answer,
        answer_point=answer_point,
        system_prompt=system_prompt,
        recorded_score=recorded_score,
        origin=origin or Origin("made"),
        settings=dict(settings or {}),
    )


def place(mention: PointMention, frame: CoordinateFrame) -> Point | None:
    """The original pixel that a mention names; None where its numbers are too large to mean a place."""
    if abs(mention.x) > _FARTHEST or abs(mention.y) > _FARTHEST:
        return None
    return frame.to_original(mention.x, mention.y)


def _step(index: int, piece: StepPiece, turns: Sequence[Turn], frame: CoordinateFrame) -> Step:
    text = piece.span.of(turns[piece.turn].text)
    if piece.mention is None:
        return Step(index, piece.turn, piece.span, text)
    point = place(piece.mention, frame)
    inside = point is not None and frame.picture.contains(point)
    return Step(index, piece.turn, piece.span, text, piece.mention, point, inside)


def _with_look(
    step: Step, piece: StepPiece, turns: Sequence[Turn], frame: CoordinateFrame, rule: CropRule | None, crops: Mapping[int, str]
) -> Step:
    """The step with the zoom that answered it: a call that was never observed, or answered by an error, is no look."""
    turn = turns[piece.turn]
    call = turn.call
    # The environment cuts where the call points, which may be a rounding away from where the text does.
    if not piece.calls or rule is None or call is None or call.mention is None:
        return step
    if turn.observation is None or is_tool_error(turn.observation.of(turn.text)):
        return step
    look: Look | None = look_at(call.mention.x, call.mention.y, frame, rule)
    if look is not None and piece.turn in crops:
        look = replace(look, picture=crops[piece.turn])
    return replace(step, look=look)


def _answers_with_a_point(sample: Sample) -> bool:
    """A text such as "1,250" is two numbers too: it is a place only where places are asked for."""
    return sample.truth.kind in (TruthKind.BOX, TruthKind.POINT) or sample.domain is DomainName.WEB_GROUNDING


def _calls_outside(steps: Sequence[Step], turns: Sequence[Turn], frame: CoordinateFrame) -> Iterator[Fault]:
    """Calls that point outside although the text beside them does not: that step's own point raises no fault."""
    for turn in turns:
        mention = turn.call.mention if turn.call else None
        point = place(mention, frame) if mention else None
        if mention is None or (point is not None and frame.picture.contains(point)):
            continue
        if not any(step.turn == turn.index and step.mention == mention for step in steps):
            yield _outside(turn.index, mention, frame)


def _answer_mention(turns: Sequence[Turn]) -> PointMention | None:
    """The point of the answer that counts: that of the last turn that answers."""
    for turn in reversed(turns):
        if turn.answer is not None:
            return next((mention for mention in turn.mentions if mention.source is PointSource.ANSWER), None)
    return None


def _outside(turn: int, mention: PointMention, frame: CoordinateFrame) -> Fault:
    detail = f"{mention.written:.80} is outside the picture: the frame ends at ({frame.grid.width}, {frame.grid.height})."
    return Fault(FaultKind.POINT_OUTSIDE, turn, mention.span, detail)
