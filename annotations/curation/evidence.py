"""What people said of a trace, step by step: the figures that a rule asks about.

Ratings are pooled by step first, and a trace's figures are over its steps: a trace is a chain of steps, so each weighs the same
however many people rated it, and one person alone does not condemn a step that most find right. A step is accurate when more than half
of its scored answers say so; a tie is not. Answers without a score ("unsure") are no answers here, neither for nor against.

Figures are exact fractions: four of five is 0.8 and not a little less, and no order of adding changes a mean.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from annotations.ratings.values import Correction, Judgement
from annotations.studies.settings import Measure, Question, StudySettings
from core.trace import DomainName


@dataclass(frozen=True, slots=True)
class Judged:
    """A rating that counts: who judged which step of which trace, when, and under which version of the study."""

    trace: str
    step: int
    rater: int
    version: int
    at: datetime
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class TraceFacts:
    """What the store knows of a trace. `id` is its content hash, `pictures` the content hashes of its sample's pictures, in order."""

    id: str
    question: str
    domain: DomainName
    policy: str
    datasets: tuple[str, ...]
    pictures: tuple[str, ...]
    correct: bool | None
    faults: int
    looks: int


@dataclass(frozen=True, slots=True)
class StepEvidence:
    """What people said of a step (from 0).

    raters       who rated it
    scored       scored answers about accuracy; yes: those of them that find it accurate
    helpful      mean of the scored answers about helpfulness; None where there are none
    corrections  of those people who found it inaccurate
    """

    step: int
    raters: tuple[int, ...]
    scored: int
    yes: int
    helpful: Fraction | None
    corrections: tuple[Correction, ...]

    @property
    def accurate(self) -> bool | None:
        """Whether more than half of the scored answers find the step accurate; None where there are none."""
        return 2 * self.yes > self.scored if self.scored else None

    @property
    def agreement(self) -> Fraction | None:
        """Share of the pairs of people who gave the same scored answer about accuracy; None for fewer than two answers."""
        no, pairs = self.scored - self.yes, self.scored * (self.scored - 1)
        return Fraction(self.yes * (self.yes - 1) + no * (no - 1), pairs) if pairs else None


@dataclass(frozen=True, slots=True)
class TraceEvidence:
    """What people said of a trace.

    steps    the asked steps with ratings that count, in order; asked: how many steps of the trace the study asks about
    ratings  how many ratings that makes; guidelines: the study's versions under which they were given
    newest   when the newest of them was given
    """

    facts: TraceFacts
    asked: int
    steps: tuple[StepEvidence, ...]
    ratings: int
    guidelines: tuple[int, ...]
    newest: datetime

    @property
    def raters(self) -> tuple[int, ...]:
        """The different people, in order of their numbers."""
        return tuple(sorted({rater for step in self.steps for rater in step.raters}))

    @property
    def accurate(self) -> Fraction | None:
        """Share of the steps with a scored answer that are accurate; None where no step has one."""
        return _mean([Fraction(step.accurate) for step in self.steps if step.accurate is not None])

    @property
    def helpful(self) -> Fraction | None:
        """Mean helpfulness over the steps that have one; None where none has."""
        return _mean([step.helpful for step in self.steps if step.helpful is not None])

    @property
    def agreement(self) -> Fraction | None:
        """Mean agreement over the steps with two or more scored answers; None where there is no such step."""
        return _mean([step.agreement for step in self.steps if step.agreement is not None])

    def steps_rated(self, enough: int) -> Fraction:
        """Share of the asked steps that at least so many people rated."""
        return Fraction(sum(len(step.raters) >= enough for step in self.steps), self.asked)


def gather(
    judged: Iterable[Judged], settings: StudySettings, asked: Mapping[str, frozenset[int]], facts: Mapping[str, TraceFacts]
) -> tuple[TraceEvidence, ...]:
    """The evidence of every trace with a rating that counts, ordered by content hash.

    asked  trace -> the steps that the study asks about now; a rating of any other step is passed over, as is a trace without facts
    """
    by_trace: dict[str, dict[int, list[Judged]]] = defaultdict(lambda: defaultdict(list))
    for one in judged:
        if one.step in asked.get(one.trace, ()) and one.trace in facts:
            by_trace[one.trace][one.step].append(one)
    scoring = _Scoring(settings)
    return tuple(_trace(facts[trace], len(asked[trace]), by_trace[trace], scoring) for trace in sorted(by_trace))


class _Scoring:
    """The scores of a study's answers about accuracy and helpfulness."""

    def __init__(self, settings: StudySettings) -> None:
        self._accuracy = settings.question(Measure.ACCURACY)
        self._helpfulness = settings.question(Measure.HELPFULNESS)

    def accuracy(self, judgement: Judgement) -> Fraction | None:
        return _score(self._accuracy, judgement)

    def helpfulness(self, judgement: Judgement) -> Fraction | None:
        return _score(self._helpfulness, judgement)


def _score(question: Question | None, judgement: Judgement) -> Fraction | None:
    given = judgement.answers.get(question.id) if question else None
    if question is None or given is None:
        return None
    score = next((choice.score for choice in question.choices if choice.value == given), None)
    return None if score is None else Fraction(Decimal(repr(score)))


def _trace(facts: TraceFacts, asked: int, by_step: Mapping[int, list[Judged]], scoring: _Scoring) -> TraceEvidence:
    everything = [one for judged in by_step.values() for one in judged]
    return TraceEvidence(
        facts,
        asked,
        tuple(_step(step, by_step[step], scoring) for step in sorted(by_step)),
        len(everything),
        tuple(sorted({one.version for one in everything})),
        max(one.at for one in everything),
    )


def _step(step: int, judged: list[Judged], scoring: _Scoring) -> StepEvidence:
    judged = sorted(judged, key=lambda one: one.rater)
    accuracy = [scoring.accuracy(one.judgement) for one in judged]
    helpful = [score for one in judged if (score := scoring.helpfulness(one.judgement)) is not None]
    corrections = [one.judgement.correction for one, score in zip(judged, accuracy, strict=True) if score == 0]
    return StepEvidence(
        step,
        tuple(one.rater for one in judged),
        sum(score is not None for score in accuracy),
        sum(score == 1 for score in accuracy),
        _mean(helpful),
        tuple(correction for correction in corrections if correction),
    )


def _mean(values: list[Fraction]) -> Fraction | None:
    return sum(values, Fraction()) / len(values) if values else None
