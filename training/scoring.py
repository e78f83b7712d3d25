"""What a rollout is paid: core's rewards by profile, with what a recipe changes of their bonus, and two that are there for comparison.

A fault is never a reward of zero: a rollout whose truth cannot be judged ends the training.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from core.domains import judge_trace
from core.errors import SaccadeError, TrainingError
from core.reference_grammar import single_turn_answer
from core.rewards import ANSWER, FORMAT, LOOKS, Component, Profile, RewardBreakdown, reward
from core.trace import Trace, TruthKind
from training.reinforcement import Bonus, Grpo, Reward

CHANCE = "Chance"
"""The component of a reward that is drawn."""

# What a reward can fail with that was not foreseen: then, too, the run ends with a sentence that names the question.
_FAULTS = (SaccadeError, ValueError, TypeError, ArithmeticError, LookupError, AttributeError)
# The baseline's halves: string_match.py, point_in_bbox.py and web_action.py of the reference.
_HALF = 0.5


@dataclass(frozen=True, slots=True)
class Scored:
    """What a rollout is paid, and the components of it, each by its name, unweighted."""

    total: float
    components: tuple[Component, ...]


def score(trace: Trace, grpo: Grpo, chance: str) -> Scored:
    """What a rollout is paid. `chance` names it among all of a run: what a random reward is drawn by.

    Raises TrainingError, naming the question, where the reward cannot be told.
    """
    try:
        components = tuple(_components(trace, grpo, chance))
        total = math.fsum(component.weight * component.value for component in components)
    except _FAULTS as error:
        raise TrainingError(f"{_named(trace)} has no reward: {_first_line(error)} Mend its truth, or leave it out.") from error
    if not math.isfinite(total):
        raise TrainingError(f"{_named(trace)} has the reward {total}, which is no number: this is a fault of the reward `{grpo.reward}`.")
    return Scored(total, components)


def check(traces: Iterable[Trace], grpo: Grpo) -> None:
    """Raises TrainingError for the first question whose answers could not be rewarded: better before a training than in the midst of it."""
    for trace in traces:
        score(trace, grpo, "")


def _components(trace: Trace, grpo: Grpo, chance: str) -> Iterable[Component]:
    if grpo.reward is Reward.RANDOM:
        return (Component(CHANCE, float(hashlib.sha256(chance.encode()).digest()[0] % 2), 1.0, "Drawn by chance, 0 or 1."),)
    if grpo.reward is Reward.PLAIN:
        return _plain(trace)
    profile: Profile = "vigorl" if grpo.reward is Reward.VIGORL else "strict"
    found = reward(trace, profile)
    if found is None:
        raise TrainingError(f"Its truth is unknown, cannot be read, or is of a kind that `{profile}` does not reward.")
    return _with_bonus(found, grpo.bonus)


def _with_bonus(found: RewardBreakdown, bonus: Bonus) -> Iterable[Component]:
    if bonus is Bonus.PROFILE:
        return found.components
    values = {component.name: component.value for component in found.components}
    paid = bonus is Bonus.GATED and values[ANSWER] >= 1.0
    if found.profile == "strict":
        # What is gated is gated there already.
        return tuple(one for one in found.components if one.name != LOOKS or bonus is Bonus.GATED)
    # The reference adds the bonus to the format's 1.
    return tuple(one if one.name != FORMAT or paid else replace(one, value=min(one.value, 1.0)) for one in found.components)


def _plain(trace: Trace) -> Iterable[Component]:
    """The baseline's reward: its shape, and the answer as our judge has it."""
    verdict = judge_trace(trace)
    if verdict.correct is None:
        raise TrainingError(verdict.reason)
    answer = single_turn_answer(trace.text)
    pointed = trace.sample.truth.kind not in (TruthKind.BOX, TruthKind.POINT) or trace.answer_point is not None
    kept = bool(answer) and pointed
    words = "One think block and one answer block." if kept else "The text is not exactly one think block and one answer block of its kind."
    return Component(ANSWER, verdict.score or 0.0, _HALF, verdict.reason), Component(FORMAT, float(kept), _HALF, words)


def _named(trace: Trace) -> str:
    name = f" ({trace.sample.external_id})" if trace.sample.external_id else ""
    return f"A rollout of “{trace.sample.question:.80}”{name}"


def _first_line(error: BaseException) -> str:
    text = (str(error).strip() or type(error).__name__).splitlines()[0]
    return text if text.endswith(".") else f"{text}."
