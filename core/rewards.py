"""How good is this trace? Every component with its value, its weight and the reason for it; the total is their weighted sum.

Two profiles. `vigorl` is the reference's number, defects included, from the trace's raw text (core.reference_rewards). `strict`,
the default, corrects the defects and never exceeds 1; docs/rewards.md has its formula and the reason for each correction.
A trace whose truth is unknown has no reward, which is not a reward of zero. A score that a source recorded is never recomputed:
it stays on the trace beside these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.domains import judge_trace
from core.geometry import Box, Point
from core.grammar import TOOL_NAME, is_tool_error, read_point
from core.judges import Verdict, read_web_action
from core.reference_rewards import RewardKind, score_as_reference
from core.trace import FaultKind, Trace, Truth, TruthKind

Profile = Literal["strict", "vigorl"]

ANSWER = "Answer right"
FORMAT = "Format kept"
LOOKS = "Looks that differ"

# A right answer weighs as in the reference's multi-turn rewards; the other 0.4 is the format's. Where the zoom tool is offered it
# is shared between format and looks as the reference's 1 : 0.6, which is the format's 1 and the bonus of four looks.
ANSWER_WEIGHT = 0.6
FORMAT_WEIGHT = 0.4
FORMAT_WEIGHT_WITH_LOOKS = 0.25
LOOKS_WEIGHT = 0.15
# The paper pays for up to four looks; the first is free, as in the reference.
MOST_LOOKS = 4
# The reference's 10 px, as a share of the 1260 px to which it limits a picture's longest side.
DISTINCT_SHARE = 10 / 1260


@dataclass(frozen=True, slots=True)
class Component:
    """A part of a reward: its name in words, its value (0 to 1 in `strict`), its weight, and the reason as a sentence."""

    name: str
    value: float
    weight: float
    reason: str


@dataclass(frozen=True, slots=True)
class RewardBreakdown:
    """A reward with its components."""

    profile: Profile
    components: tuple[Component, ...]

    @property
    def total(self) -> float:
        """The weighted sum: at most 1 in `strict`, at most 1.24 for four looks in `vigorl`."""
        first, *rest = (component.weight * component.value for component in self.components)
        return sum(rest, first)


def reward(trace: Trace, profile: Profile = "strict") -> RewardBreakdown | None:
    """The trace's reward; None where its truth is unknown, cannot be read, or is of a kind that the profile has no reward for.

    Raises TruthError for a truth that says it is a box or a point and has none.
    """
    verdict = judge_trace(trace)
    if verdict.correct is None:
        return None
    return _reference_breakdown(trace) if profile == "vigorl" else _strict_breakdown(trace, verdict)


def is_multi_turn(trace: Trace) -> bool:
    """True where the zoom tool was in play: called, answered, offered by the system prompt or by how the conversation was led, or there is
    more than one turn. Who could have looked and answered at once is paid as one with the zoom, or looking would cost."""
    used = any(turn.call is not None or turn.observation is not None for turn in trace.turns)
    offered = TOOL_NAME in (trace.system_prompt or "") or trace.settings.get("turns") == "multi"
    return used or len(trace.turns) > 1 or offered


def distinct_looks(trace: Trace) -> int:
    """How many different places of the picture the tool was called on: each is kept only at a distance from all kept before.

    The distance is 10/1260 of the picture's longest side, in original pixels. A call outside the picture, of another tool, behind
    the first of its turn, never answered by an observation, or answered by an error, is no look.
    """
    size = trace.frame.picture
    least = DISTINCT_SHARE * max(size.width, size.height)
    kept: list[Point] = []
    for turn in trace.turns:
        if turn.call is None or turn.call.name != TOOL_NAME or turn.call.mention is None or turn.observation is None:
            continue
        if is_tool_error(turn.observation.of(turn.text)):
            continue
        point = trace.frame.to_original(turn.call.mention.x, turn.call.mention.y)
        # A product of rounded numbers must not turn 10 px at 1260 into a little less.
        if size.contains(point) and all(point.distance(other) >= least - 1e-9 for other in kept):
            kept.append(point)
    return len(kept)


def _strict_breakdown(trace: Trace, verdict: Verdict) -> RewardBreakdown:
    multi_turn = is_multi_turn(trace)
    answer = Component(ANSWER, verdict.score or 0.0, ANSWER_WEIGHT, verdict.reason)
    complaints = _complaints(trace, multi_turn)
    weight = FORMAT_WEIGHT_WITH_LOOKS if multi_turn else FORMAT_WEIGHT
    kept = Component(FORMAT, 0.0 if complaints else 1.0, weight, _format_reason(complaints))
    if not multi_turn:
        return RewardBreakdown("strict", (answer, kept))
    return RewardBreakdown("strict", (answer, kept, _looks_component(trace, bool(verdict.correct))))


def _looks_component(trace: Trace, right: bool) -> Component:
    looks = distinct_looks(trace)
    counted = f"{looks} look{'' if looks == 1 else 's'} at different places"
    if not right:
        return Component(LOOKS, 0.0, LOOKS_WEIGHT, f"{counted}: paid only where the answer is right.")
    value = max(0, min(looks, MOST_LOOKS) - 1) / (MOST_LOOKS - 1)
    return Component(LOOKS, value, LOOKS_WEIGHT, f"{counted}: the first is free, and {MOST_LOOKS} earn everything.")


def _complaints(trace: Trace, multi_turn: bool) -> list[str]:
    """Why the format is not kept: the trace's faults, and an answer that is not of the truth's kind."""
    # With the tool, the points are its calls, and answering without a look is allowed: it only earns less.
    excused = {FaultKind.NO_POINT} if multi_turn else set()
    found = [f"{fault.detail.rstrip('.')} (turn {fault.turn + 1})" for fault in trace.faults if fault.kind not in excused]
    kind = trace.sample.truth.kind
    if trace.answer:
        if kind in (TruthKind.BOX, TruthKind.POINT) and read_point(trace.answer) is None:
            found.append(f"The answer “{trace.answer}” is not a point")
        if kind is TruthKind.ACTION and read_web_action(trace.answer) is None:
            found.append(f"The answer “{trace.answer}” is not one whole action")
    return found


def _format_reason(complaints: list[str]) -> str:
    if not complaints:
        return "No fault in the format, and every point is in the picture."
    shown = "; ".join(complaints[:3])
    more = f"; and {len(complaints) - 3} more" if len(complaints) > 3 else ""
    return f"{len(complaints)} fault{'' if len(complaints) == 1 else 's'}: {shown}{more}."


def _reference_breakdown(trace: Trace) -> RewardBreakdown | None:
    kind = _reference_kind(trace)
    if kind is None:
        return None
    score = score_as_reference(kind, trace.text, _reference_truth(trace))
    return RewardBreakdown(
        "vigorl",
        (
            Component(ANSWER, score.accuracy, kind.answer_weight, score.accuracy_reason),
            Component(FORMAT, score.format, kind.format_weight, score.format_reason),
        ),
    )


def _reference_kind(trace: Trace) -> RewardKind | None:
    multi_turn = is_multi_turn(trace)
    match trace.sample.truth.kind:
        case TruthKind.TEXT:
            return RewardKind.TEXT_MULTITURN if multi_turn else RewardKind.TEXT_SINGLE
        case TruthKind.BOX:
            return RewardKind.POINT_MULTITURN if multi_turn else RewardKind.POINT_SINGLE
        case TruthKind.ACTION:
            return RewardKind.WEB_ACTION
        case _:
            # The reference rewards no point by its distance: it only judges so in evaluation.
            return None


def _reference_truth(trace: Trace) -> str:
    """The truth's text as its source has it, never converted; a box without a text is written in the model's own numbers, rounded."""
    truth: Truth = trace.sample.truth
    if truth.text.strip() or truth.box is None:
        return truth.text
    return str(_grid_corners(trace, truth.box))


def _grid_corners(trace: Trace, box: Box) -> tuple[int, int, int, int]:
    one, two = trace.frame.from_original(Point(box.x1, box.y1)), trace.frame.from_original(Point(box.x2, box.y2))
    (left, right), (top, bottom) = sorted((one[0], two[0])), sorted((one[1], two[1]))
    return round(left), round(top), round(right), round(bottom)
