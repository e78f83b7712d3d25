"""Accuracy and helpfulness, overall and in parts, each with its n and its intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from annotations.results.figures import Count, Figure, Interval, Intervals
from annotations.results.paper import PAPER
from annotations.results.resampling import Array, Draws, of_mean, wilson
from annotations.results.scored import Indices, Mask, ScoredSet, sums_by
from annotations.studies.settings import Measure, Question

if TYPE_CHECKING:
    from annotations.ratings.standing import RatedStep

SHARE, SCORE = "share", "score"
UNKNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Asked:
    """A figure of a study: whose scores are averaged, and of which ratings.

    given  the score that the same rater gave the same step as its accuracy; None: any answer, or none
    """

    id: str
    title: str
    question: Question
    given: float | None = None

    def scores(self, ratings: ScoredSet) -> Array:
        """The score of each rating; not a number where it has none or is not meant."""
        scores = ratings.scores[self.question.id]
        accuracy = ratings.settings.question(Measure.ACCURACY)
        if self.given is None or accuracy is None:
            return scores
        return np.where(ratings.scores[accuracy.id] == self.given, scores, np.nan)

    @property
    def scale(self) -> tuple[float, float]:
        """The lowest and the highest score that can be given."""
        scores = [choice.score for choice in self.question.choices if choice.score is not None]
        return min(scores), max(scores)

    @property
    def unit(self) -> str:
        """`share` for scores of 0 and 1, else `score`."""
        return SHARE if {choice.score for choice in self.question.choices} - {None} == {0.0, 1.0} else SCORE


@dataclass(frozen=True, slots=True)
class BreakdownRow:
    """The figures of the ratings that have one value."""

    value: str
    label: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Breakdown:
    """The figures by the values of one thing; no rows, and words, where all ratings have the same value."""

    id: str
    title: str
    words: str
    rows: tuple[BreakdownRow, ...]


@dataclass(frozen=True, slots=True)
class Dimension:
    """What ratings are told apart by: the sort key, value and label of each; `noun` for the words."""

    id: str
    title: str
    noun: str
    of: Callable[[RatedStep], tuple[int, str, str]]


def asked(ratings: ScoredSet) -> tuple[Asked, ...]:
    """The figures of the study, in the order they are told: accuracy, helpfulness in three ways, further questions."""
    settings = ratings.settings
    accuracy, helpful = settings.question(Measure.ACCURACY), settings.question(Measure.HELPFULNESS)
    told = [Asked("accuracy", "Accuracy", accuracy)] if accuracy else []
    if helpful:
        told.append(Asked("helpfulness", "Helpfulness", helpful))
    if accuracy and helpful:
        told.append(Asked("helpfulness_accurate", "Helpfulness when accurate", helpful, 1.0))
        told.append(Asked("helpfulness_inaccurate", "Helpfulness when not accurate", helpful, 0.0))
    further = (question for question in settings.questions if question not in (accuracy, helpful))
    return (*told, *(Asked(f"question:{question.id}", question.text, question) for question in further))


def headlines(ratings: ScoredSet, draws: Draws) -> tuple[Figure, ...]:
    """All figures over all ratings that count."""
    everything = np.ones(len(ratings), dtype=bool)
    return tuple(figure(which, ratings, everything, draws, headline=True) for which in asked(ratings))


def figure(which: Asked, ratings: ScoredSet, of: Mask, draws: Draws, *, headline: bool = False) -> Figure:
    """One figure over the ratings that the mask `of` leaves. `headline`: with the paper's beside it."""
    scores = which.scores(ratings)
    meant = of & np.isfinite(scores)
    low, high = which.scale
    paper = PAPER.get(which.id) if headline else None
    chosen, trace, rater = scores[meant], _dense(ratings.trace[meant]), _dense(ratings.rater[meant])
    if not len(chosen):
        nothing = Interval(words="There is nothing to resample.")
        words = _no_value(which)
        empty = Intervals(nothing, nothing, nothing)
        return Figure(which.id, which.title, which.question.id, which.unit, low, high, None, words, Count(), empty, paper)
    count = Count(len(chosen), len(np.unique(ratings.step[meant])), int(trace.max()) + 1, int(rater.max()) + 1)
    shape = count.traces, count.raters
    cells, numbers = sums_by(chosen, trace * count.raters + rater, count.traces * count.raters)
    found = of_mean(cells.reshape(shape), numbers.reshape(shape), draws)
    intervals = Intervals(
        _known_share(found.both, which, chosen, min(count.traces, count.raters), "trace or rater"),
        _known_share(found.trace, which, chosen, count.traces, "trace"),
        _known_share(found.rater, which, chosen, count.raters, "rater"),
    )
    value = float(chosen.mean())
    return Figure(which.id, which.title, which.question.id, which.unit, low, high, value, "", count, intervals, paper)


def breakdowns(ratings: ScoredSet, draws: Draws) -> tuple[Breakdown, ...]:
    """All figures by step number, domain, policy, answer, looking, data set and guideline version."""
    return tuple(_breakdown(dimension, ratings, draws) for dimension in DIMENSIONS)


def _breakdown(dimension: Dimension, ratings: ScoredSet, draws: Draws) -> Breakdown:
    values = [dimension.of(row) for row in ratings.rows]
    known = sorted(set(values))
    if len(known) < 2:
        words = f"Every rating is of one {dimension.noun}: {known[0][2]}." if known else "Nothing has been rated yet."
        return Breakdown(dimension.id, dimension.title, words, ())
    place = {value: index for index, value in enumerate(known)}
    group = np.array([place[value] for value in values])
    rows = (
        BreakdownRow(value, label, tuple(figure(which, ratings, group == index, draws) for which in asked(ratings)))
        for index, (_, value, label) in enumerate(known)
    )
    return Breakdown(dimension.id, dimension.title, "", tuple(rows))


def _known_share(interval: Interval, which: Asked, scores: Array, clusters: int, noun: str) -> Interval:
    """The interval; where every answer is the same and so nothing varies, that of a share of as many trials as there are clusters."""
    if interval.method or clusters < 2 or which.unit != SHARE or np.ptp(scores) > 0:
        return interval
    return wilson(clusters if scores[0] == 1.0 else 0, clusters, noun)


def _dense(values: Indices) -> Indices:
    """The values as places among those that occur."""
    places: Indices = np.unique(values, return_inverse=True)[1]
    return places


def _no_value(which: Asked) -> str:
    if which.given is None:
        return "No rating here has an answer that is scored."
    judged = "accurate" if which.given else "not accurate"
    return f"No rating here of a step that its rater judged {judged} has an answer that is scored."


def _named(value: str) -> tuple[int, str, str]:
    return 0, value, value or "(none)"


def _step(row: RatedStep) -> tuple[int, str, str]:
    return row.step, str(row.step + 1), f"Step {row.step + 1}"


def _answer(row: RatedStep) -> tuple[int, str, str]:
    correct = row.facts.correct if row.facts else None
    return {True: (0, "right", "Right answers"), False: (1, "wrong", "Wrong answers"), None: (2, "unscored", "Unscored answers")}[correct]


def _looked(row: RatedStep) -> tuple[int, str, str]:
    if row.facts is None:
        return _named(UNKNOWN)
    return (0, "looked", "Looked") if row.facts.looked else (1, "not_looked", "Did not look")


def _version(row: RatedStep) -> tuple[int, str, str]:
    return row.version, str(row.version), f"Guideline version {row.version}"


DIMENSIONS = (
    Dimension("step", "Step number", "step number", _step),
    Dimension("domain", "Domain", "domain", lambda row: _named(row.facts.domain if row.facts else UNKNOWN)),
    Dimension("policy", "Policy", "policy", lambda row: _named(row.facts.policy if row.facts else UNKNOWN)),
    Dimension("answer", "Final answer", "kind of final answer", _answer),
    Dimension("looked", "Looked", "kind of step", _looked),
    Dimension("dataset", "Data set", "data set", lambda row: _named(row.facts.dataset if row.facts else UNKNOWN)),
    Dimension("version", "Guideline version", "guideline version", _version),
)
