"""Asks a policy the same questions under several conditions."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from core.errors import TaskError
from core.evaluation.conditions import AS_IT_IS, CONDITIONS, Condition, Group
from core.evaluation.values import Evaluation, Outcome, Question, Result, outcome_of
from core.policies.protocol import Policy
from core.rollout.engine import AT_ONCE, roll_out
from core.rollout.values import Ended, Rollout, RolloutSettings

_FIRST_GROUP = 8

Keep = Callable[[Condition, Question, Rollout], None]
"""Takes every conversation as it ends."""


def evaluate(
    policy: Policy,
    questions: Iterable[Question],
    settings: RolloutSettings | None = None,
    conditions: Sequence[Condition] = CONDITIONS,
    *,
    seed: int = 0,
    at_once: int = AT_ONCE,
    keep: Keep | None = None,
) -> Evaluation:
    """All questions, each asked once under every condition. `as-it-is` is always among these, and first.

    seed     of random looks, and of the resampling behind intervals of differences; what is sampled has its own, in the settings
    at_once  conversations under way at once; so many questions are kept in memory

    Raises TaskError where there is no question, and PolicyError where the policy cannot be asked; a conversation that fails is an
    outcome, and no error.
    """
    found = deque(evaluations(policy, questions, settings, conditions, seed=seed, at_once=at_once, keep=keep), maxlen=1)
    if not found:
        raise TaskError("An evaluation needs at least one question.")
    return found[0]


def evaluations(
    policy: Policy,
    questions: Iterable[Question],
    settings: RolloutSettings | None = None,
    conditions: Sequence[Condition] = CONDITIONS,
    *,
    seed: int = 0,
    at_once: int = AT_ONCE,
    keep: Keep | None = None,
) -> Iterator[Evaluation]:
    """As `evaluate`, group by group: what there is so far, whenever some more questions have been asked under every condition.

    Whoever stops in between has lost no more than a group, and all conditions have the same questions. Groups begin small, so that
    something is known soon of a slow policy too, and grow to `at_once`.
    """
    settings = settings or RolloutSettings()
    ordered = [AS_IT_IS, *(condition for condition in conditions if condition.name != AS_IT_IS.name)]
    so_far = _SoFar(policy.card.name, [_Column(condition) for condition in ordered], seed)
    coming, size = iter(questions), min(_FIRST_GROUP, at_once)
    while group := tuple(islice(coming, size)):
        size = min(2 * size, at_once)
        looks = tuple(0 for _ in group)
        asked = list[tuple[list[Outcome], float]]()
        for column in so_far.columns:
            outcomes, seconds = _ask(policy, Group(group, looks, seed), column.condition, settings, at_once, keep)
            asked.append((outcomes, seconds))
            if column.condition is AS_IT_IS:
                looks = tuple(one.looks for one in outcomes)
        # All at once, so that no condition is ahead of another when somebody stops.
        so_far.add(group, asked)
        yield so_far.evaluation()


def _ask(
    policy: Policy, group: Group, condition: Condition, settings: RolloutSettings, at_once: int, keep: Keep | None
) -> tuple[list[Outcome], float]:
    """What came of the group's questions, in their order, and the seconds that it took without what `keep` took."""
    shown = condition.policy(policy, group)
    name = policy.card.name if condition is AS_IT_IS else f"{policy.card.name}, {condition.name}"
    found: dict[int, Outcome] = {}
    tasks = [question.task for question in group.questions]
    began, kept = time.monotonic(), 0.0
    for event in roll_out(shown, tasks, condition.settings(settings), policy_name=name, at_once=at_once):
        if isinstance(event, Ended):
            question, before = group.questions[event.rollout.task], time.monotonic()
            found[event.rollout.task] = outcome_of(event.rollout, question)
            if keep is not None:
                keep(condition, question, event.rollout)
            kept += time.monotonic() - before
    return [found[place] for place in range(len(tasks))], time.monotonic() - began - kept


@dataclass(slots=True)
class _Column:
    """A condition and what came of it so far."""

    condition: Condition
    outcomes: list[Outcome] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(slots=True)
class _SoFar:
    """An evaluation under way."""

    policy: str
    columns: list[_Column]
    seed: int
    questions: list[tuple[str, str, float, bool | None]] = field(default_factory=list)

    def add(self, group: Sequence[Question], asked: Sequence[tuple[list[Outcome], float]]) -> None:
        self.questions += [(one.task.sample.external_id, one.kind, one.chance, one.common) for one in group]
        for column, (outcomes, seconds) in zip(self.columns, asked, strict=True):
            column.outcomes += outcomes
            column.seconds += seconds

    def evaluation(self) -> Evaluation:
        names, kinds, chances, commons = (tuple(column) for column in zip(*self.questions, strict=True))
        results = tuple(
            Result(column.condition.name, column.condition.words, kinds, tuple(column.outcomes), column.seconds) for column in self.columns
        )
        return Evaluation(self.policy, names, kinds, chances, commons, results, self.seed)
