"""The scores that are written beside a trace, so that a list can be filtered and sorted by them."""

from __future__ import annotations

from dataclasses import dataclass

from core.domains import judge_trace
from core.rewards import reward
from core.trace import Trace


@dataclass(frozen=True, slots=True)
class Scores:
    """Whether the answer is right, and the trace's total reward in both profiles; None where there is nothing to score by."""

    correct: bool | None = None
    strict: float | None = None
    vigorl: float | None = None


def score_trace(trace: Trace) -> Scores:
    """The scores of a trace by the rules of `core.domains` and `core.rewards`.

    Raises TruthError for a truth that says it is a box or a point and has none.
    """
    verdict = judge_trace(trace)
    strict, vigorl = reward(trace, "strict"), reward(trace, "vigorl")
    return Scores(verdict.correct, strict.total if strict else None, vigorl.total if vigorl else None)
