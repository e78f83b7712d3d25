"""What each rater did: how much, how fast, how far they agree with the others, and whether that changed over time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from annotations.ratings.values import Judgement, RatingKind
from annotations.results.figures import Share, counted
from annotations.results.headlines import asked
from annotations.results.resampling import Array
from annotations.results.scored import UNANSWERED, Mask, ScoredSet
from annotations.studies.settings import Question

if TYPE_CHECKING:
    from annotations.ratings.standing import RatedStep

FATES = ("counts", "skipped", "withdrawn", "surplus", "set_apart")
"""What becomes of a rating; each has one of these."""
FEWEST_FOR_TREND = 10
"""Ratings below which the p value of a rank correlation is no good, and two halves tell nothing."""


@dataclass(frozen=True, slots=True)
class Seconds:
    """Median and quartiles of the time on a step, of `n` ratings."""

    median: float | None
    q1: float | None
    q3: float | None
    n: int


@dataclass(frozen=True, slots=True)
class WithOthers:
    """A rater beside the others who answered the question on the same steps.

    same        share of the pairs with another rater in which both gave the same scored answer
    difference  the rater's score less the mean of the others', a step
    """

    question: str
    same: float | None
    pairs: int
    steps: int
    difference: float | None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Drift:
    """The first half of a rater's ratings against the second, and Spearman's rho with their order in time.

    Means for scores, medians for seconds.
    """

    id: str
    first: float | None
    second: float | None
    rho: float | None
    p: float | None
    n: int
    words: str = ""


@dataclass(frozen=True, slots=True)
class RaterRow:
    """One rater. `rated` to `set_apart` add up to all that the rater did; the rest is of the ratings that count.

    unsure     ratings that count and in which some question has an answer without a score
    zoom_seen  of the ratings of steps that looked
    """

    rater: str
    rated: int
    skipped: int
    withdrawn: int
    surplus: int
    set_apart: int
    unsure: int
    corrected: int
    comments: int
    seconds: Seconds
    accuracy: Share
    helpfulness: Share
    keys_only: Share
    zoom_seen: Share
    agreement: tuple[WithOthers, ...]
    drift: tuple[Drift, ...]


def fate(row: RatedStep) -> str:
    """What became of a rating: `skipped`, `withdrawn`, or how it stands: `counts`, `surplus`, `set_apart`."""
    kind = row.rating.judgement.kind
    return row.standing.value if kind is RatingKind.RATED else kind.value


def rater_rows(every: Sequence[RatedStep], ratings: ScoredSet, names: Mapping[int, str]) -> tuple[RaterRow, ...]:
    """A row for everybody who did anything. every: all ratings, those that do not count as well; names by rater id."""
    fates = Counter((row.rating.rater, fate(row)) for row in every)
    scores = {which.id: which.scores(ratings) for which in asked(ratings) if which.given is None}
    with_others = [_with_others(question, ratings) for question in ratings.settings.questions]
    unsure = _unsure(ratings)
    mine: dict[int, list[int]] = {rater: [] for rater in names}
    for place in sorted(range(len(ratings)), key=lambda place: (ratings.rows[place].rating.at, ratings.rows[place].rating.id)):
        mine[ratings.rows[place].rating.rater].append(place)
    return tuple(
        _row(
            name,
            {what: fates[rater, what] for what in FATES},
            [ratings.rows[place].rating.judgement for place in mine[rater]],
            {which: values[mine[rater]] for which, values in scores.items()},
            int(unsure[mine[rater]].sum()),
            tuple(found[rater] for found in with_others if rater in found),
        )
        for rater, name in names.items()
    )


def _row(
    name: str, fates: dict[str, int], said: list[Judgement], scores: dict[str, Array], unsure: int, agreement: tuple[WithOthers, ...]
) -> RaterRow:
    seconds = np.array([judgement.seconds for judgement in said])
    none = np.array([])
    drift = [_drift(which, scores[which], np.mean) for which in ("accuracy", "helpfulness") if which in scores]
    return RaterRow(
        name,
        fates["counts"],
        fates["skipped"],
        fates["withdrawn"],
        fates["surplus"],
        fates["set_apart"],
        unsure,
        sum(judgement.correction is not None for judgement in said),
        sum(bool(judgement.comment.strip()) for judgement in said),
        _seconds(seconds),
        share(scores.get("accuracy", none)),
        share(scores.get("helpfulness", none)),
        share(np.array([float(judgement.keys_only) for judgement in said])),
        share(np.array([float(judgement.zoom_seen) for judgement in said if judgement.zoom_seen is not None])),
        agreement,
        (*drift, _drift("seconds", seconds, np.median)),
    )


def share(values: Array) -> Share:
    """The mean of those values that are numbers."""
    there = values[np.isfinite(values)]
    return Share(float(there.mean()) if len(there) else None, len(there))


def _unsure(ratings: ScoredSet) -> Mask:
    found = np.zeros(len(ratings), dtype=bool)
    for question, answers in ratings.answers.items():
        found |= (answers != UNANSWERED) & ~np.isfinite(ratings.scores[question])
    return found


def _seconds(values: Array) -> Seconds:
    if not len(values):
        return Seconds(None, None, None, 0)
    q1, median, q3 = np.quantile(values, [0.25, 0.5, 0.75])
    return Seconds(float(median), float(q1), float(q3), len(values))


def _with_others(question: Question, ratings: ScoredSet) -> dict[int, WithOthers]:
    """By rater id; all raters of the set are there."""
    scores = ratings.scores[question.id]
    there = np.isfinite(scores)
    score, step, rater = scores[there], ratings.step[there], ratings.rater[there]
    answer = np.unique(score, return_inverse=True)[1]
    _, cell, times = np.unique(step * (len(score) + 1) + answer, return_inverse=True, return_counts=True)
    _, place, on_step = np.unique(step, return_inverse=True, return_counts=True)
    others = on_step[place] - 1
    shared = others > 0
    rest = (np.bincount(place, score)[place] - score)[shared] / others[shared]
    groups = len(ratings.raters)
    pairs = np.bincount(rater, others, groups)
    same = np.bincount(rater, times[cell] - 1, groups)
    steps = np.bincount(rater[shared], minlength=groups)
    apart = np.bincount(rater[shared], score[shared] - rest, groups)
    return {
        name: WithOthers(question.id, float(same[at] / pairs[at]), int(pairs[at]), int(steps[at]), float(apart[at] / steps[at]))
        if steps[at]
        else WithOthers(question.id, None, 0, 0, None, "Nobody else has answered this on the same steps.")
        for at, name in enumerate(ratings.raters)
    }


def _drift(name: str, in_time: Array, middle: Callable[[Array], Any]) -> Drift:
    values = in_time[np.isfinite(in_time)]
    n = len(values)
    if n < FEWEST_FOR_TREND:
        return Drift(name, None, None, None, None, n, f"{counted(n, 'value')}: fewer than {FEWEST_FOR_TREND} tell no trend.")
    first, second = float(middle(values[: n // 2])), float(middle(values[n // 2 :]))
    if np.ptp(values) == 0:
        return Drift(name, first, second, None, None, n, "All values are the same, so they cannot be ranked.")
    from scipy.stats import spearmanr

    found = spearmanr(np.arange(n), values)
    return Drift(name, first, second, float(found.statistic), float(found.pvalue), n)
