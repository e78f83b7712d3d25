"""About how long a ladder takes, from what its parts took where they were measured."""

from __future__ import annotations

from collections.abc import Sequence

from app.ladder.plan import Plan, asking_of, manners_of, trainings_of
from app.ladder.rungs import START, Rung, Training
from core.tasks.needle.manners import Manner

# Seconds on one core of an AMD EPYC, of the small policy (docs/rl.md): of a step, of a conversation in an evaluation, and of beginning a
# training. In one turn it is that of a policy that writes half as much again as the expert.
START_STEP, SFT_STEP, GRPO_STEP, GRPO_STEP_AT_ONCE = 2.2, 0.6, 13.9, 13.0
CONVERSATION, CONVERSATION_AT_ONCE, BEGINNING = 0.16, 0.08, 12.0
# Sizes and numbers of items for which there is a place on a curve.
_PLACES = 12


def seconds_of(plan: Plan, rungs: Sequence[Rung]) -> float:
    """About how many seconds all of it takes one core of that machine, from nothing."""
    return sum(_seconds(plan, training, rungs) * (1 if training.name == START else plan.seeds) for training in trainings_of(rungs))


def _seconds(plan: Plan, training: Training, rungs: Sequence[Rung]) -> float:
    steps = plan.start_steps if training.name == START else plan.steps
    asked = sum(_asked(plan, training.name, manner) for manner in manners_of(training.name, rungs))
    return BEGINNING + steps * _step(training, rungs) + asked


def _step(training: Training, rungs: Sequence[Rung]) -> float:
    if training.name == START:
        return START_STEP
    if not training.grpo:
        return SFT_STEP
    return GRPO_STEP if Manner.LOOKS in manners_of(training.name, rungs) else GRPO_STEP_AT_ONCE


def _asked(plan: Plan, training: str, manner: str) -> float:
    asking = asking_of(training, manner)
    whole = plan.n * (1 + len(asking.conditions) + asking.harder)
    parts = plan.part * (plan.samples + _PLACES * asking.curves)
    return (whole + parts) * (CONVERSATION if manner == Manner.LOOKS else CONVERSATION_AT_ONCE)
