"""Asks a policy the same questions under several conditions."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from core.errors import TaskError
from core.evaluation.conditions import AS_IT_IS, CONDITIONS, Condition, Group
from core.evaluation.values import Evaluation, Outcome, Question, Result, outcome_of
from core.policies.protocol import Policy
from core.rollout.engine import AT_ONCE, roll_out
from core.rollout.values import Ended, Rollout, RolloutSettings

_FIRST_GROUP = 8

Keep = Callable[[Condition, Question, Rollout, Outcome], None]
"""Takes every conversation as it ends, and what it comes to."""
Known = Callable[[Condition, Question], Mapping[int, Outcome]]
"""What is known from before of a question under a condition, by draw."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How an evaluation is made.

    conditions  each question is asked once under every one; `as-it-is` is always among these, and first
    seed        of random looks, and of the resampling behind intervals; what is sampled has its own, in the settings
    samples     how often each question is asked as it is, for pass@k
    at_once     conversations under way at once; so many questions are kept in memory
    keep        takes conversations as they end; known: of which nothing is asked again
    """

    settings: RolloutSettings = field(default_factory=RolloutSettings)
    conditions: Sequence[Condition] = CONDITIONS
    seed: int = 0
    samples: int = 1
    at_once: int = AT_ONCE
    keep: Keep | None = None
    known: Known | None = None


def evaluate(policy: Policy, questions: Iterable[Question], manner: Manner | None = None) -> Evaluation:
    """All questions, each asked under every condition.

    Raises TaskError where there is no question, and PolicyError where the policy cannot be asked; a conversation that fails is an
    outcome, and no error.
    """
    found = deque(evaluations(policy, questions, manner), maxlen=1)
    if not found:
        raise TaskError("An evaluation needs at least one question.")
    return found[0]


def evaluations(policy: Policy, questions: Iterable[Question], manner: Manner | None = None) -> Iterator[Evaluation]:
    """As `evaluate`, group by group: what there is so far, whenever some more questions have been asked under every condition.

    All conditions have the same questions whenever somebody stops. Groups begin small, so that something is known soon of a slow policy
    too, and grow to `at_once`.
    """
    manner = manner or Manner()
    ordered = [AS_IT_IS, *(condition for condition in manner.conditions if condition.name != AS_IT_IS.name)]
    so_far = _SoFar(policy.card.name, [_Column(condition) for condition in ordered], manner.seed)
    coming, size = iter(questions), min(_FIRST_GROUP, manner.at_once)
    while group := tuple(islice(coming, size)):
        size = min(2 * size, manner.at_once)
        looks = tuple(0 for _ in group)
        asked = list[list[tuple[Outcome, ...]]]()
        for column in so_far.columns:
            draws = _ask(policy, Group(group, looks, manner.seed), column.condition, manner)
            asked.append(draws)
            if column.condition is AS_IT_IS:
                looks = tuple(one[0].looks for one in draws)
        # All at once, so that no condition is ahead of another when somebody stops.
        so_far.add(group, asked)
        yield so_far.evaluation()


def _ask(policy: Policy, group: Group, condition: Condition, manner: Manner) -> list[tuple[Outcome, ...]]:
    """What came of the group's questions, in their order, draw by draw. What is known is not asked."""
    samples = manner.samples if condition is AS_IT_IS else 1
    found = [_known(manner, condition, question, samples) for question in group.questions]
    places = [place for place, draws in enumerate(found) if len(draws) < samples]
    questions = tuple(group.questions[place] for place in places)
    shown = condition.policy(policy, Group(questions, tuple(group.looks[place] for place in places), group.seed))
    name = policy.card.name if condition is AS_IT_IS else f"{policy.card.name}, {condition.name}"
    tasks = [replace(group.questions[place].task, samples=samples, known=frozenset(found[place])) for place in places]
    before = time.monotonic()
    for event in roll_out(shown, tasks, condition.settings(manner.settings), policy_name=name, at_once=manner.at_once) if tasks else ():
        if isinstance(event, Ended):
            question, rollout = questions[event.rollout.task], event.rollout
            outcome = outcome_of(rollout, question, time.monotonic() - before)
            found[places[rollout.task]][rollout.draw] = outcome
            if manner.keep is not None:
                manner.keep(condition, question, rollout, outcome)
            # What keeping takes is not the policy's.
            before = time.monotonic()
    return [tuple(draws[draw] for draw in range(samples)) for draws in found]


def _known(manner: Manner, condition: Condition, question: Question, samples: int) -> dict[int, Outcome]:
    known = {} if manner.known is None else manner.known(condition, question)
    return {draw: outcome for draw, outcome in known.items() if draw < samples}


@dataclass(slots=True)
class _Column:
    """A condition and what came of it so far."""

    condition: Condition
    draws: list[tuple[Outcome, ...]] = field(default_factory=list)


@dataclass(slots=True)
class _SoFar:
    """An evaluation under way."""

    policy: str
    columns: list[_Column]
    seed: int
    questions: list[tuple[str, str, float | None, bool | None]] = field(default_factory=list)

    def add(self, group: Sequence[Question], asked: Sequence[Sequence[tuple[Outcome, ...]]]) -> None:
        self.questions += [(one.task.sample.external_id, one.kind, one.chance, one.common) for one in group]
        for column, draws in zip(self.columns, asked, strict=True):
            column.draws += draws

    def evaluation(self) -> Evaluation:
        names, kinds, chances, commons = (tuple(column) for column in zip(*self.questions, strict=True))
        results = tuple(Result(column.condition.name, column.condition.words, kinds, tuple(column.draws)) for column in self.columns)
        return Evaluation(self.policy, names, kinds, chances, commons, results, self.seed)
