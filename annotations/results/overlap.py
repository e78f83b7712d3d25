"""Agreement of a study's raters, question by question, on the steps that two or more of them judged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotations.results.agreement import Level, alpha_of, coincidences, gwet_of, gwet_sums, percent_of, reading, weights
from annotations.results.figures import Count, Interval
from annotations.results.resampling import Array, Draws, Statistic, one_way
from annotations.results.scored import UNANSWERED, Indices, ScoredSet
from annotations.studies.settings import Choice, Question

NOTHING = Interval(words="There is nothing to resample.")


@dataclass(frozen=True, slots=True)
class Coefficient:
    """One measure of agreement: alpha, ac2, ac1 or percent. `reading` says what its size means, where there is a rule of thumb."""

    id: str
    title: str
    value: float | None
    interval: Interval
    words: str = ""
    reading: str = ""


@dataclass(frozen=True, slots=True)
class Agreement:
    """The agreement on one question.

    level    ordinal: the answers that have a score, in its order; nominal: all answers, those without a score as well
    answers  the labels of what was counted
    n        steps with two ratings or more, and what is on them
    """

    question: str
    title: str
    level: str
    answers: tuple[str, ...]
    words: str
    n: Count
    coefficients: tuple[Coefficient, ...]


def agreements(ratings: ScoredSet, draws: Draws) -> tuple[Agreement, ...]:
    """For each question its ordinal agreement, and its nominal one where it has answers without a score."""
    found = []
    for question in ratings.settings.questions:
        by_score, columns = _ordered(question)
        found.append(_agreement(question, Level.ORDINAL, by_score, columns[ratings.answers[question.id]], ratings, draws))
        if any(choice.score is None for choice in question.choices):
            every = tuple(choice.label for choice in question.choices)
            found.append(_agreement(question, Level.NOMINAL, every, ratings.answers[question.id], ratings, draws))
    return tuple(found)


def _ordered(question: Question) -> tuple[tuple[str, ...], Indices]:
    """The answers with a score, by score (those of the same score are one), and for each choice its place among them.

    The last entry stands for no answer, so that `UNANSWERED` finds it.
    """
    scores = sorted({choice.score for choice in question.choices if choice.score is not None})
    together: list[list[Choice]] = [[choice for choice in question.choices if choice.score == score] for score in scores]
    labels = tuple(" or ".join(choice.label for choice in same) for same in together)
    places = [UNANSWERED if choice.score is None else scores.index(choice.score) for choice in question.choices]
    return labels, np.array([*places, UNANSWERED], dtype=np.int64)


def _agreement(question: Question, level: Level, answers: tuple[str, ...], given: Indices, ratings: ScoredSet, draws: Draws) -> Agreement:
    there = given >= 0
    steps = int(ratings.step.max()) + 1 if len(ratings) else 0
    size = len(answers)
    table = np.bincount(ratings.step[there] * size + given[there], minlength=steps * size).reshape(steps, size).astype(np.float64)
    shared = table.sum(axis=1) >= 2
    on_shared = there & shared[ratings.step] if steps else there
    count = Count(
        int(on_shared.sum()),
        int(shared.sum()),
        len(np.unique(ratings.trace[on_shared])),
        len(np.unique(ratings.rater[on_shared])),
    )
    words = "" if count.steps else "No step has been judged by two raters, so there is no agreement to tell."
    trace_of_step = np.zeros(steps, dtype=np.int64)
    trace_of_step[ratings.step] = ratings.trace
    found = _coefficients(table, shared, trace_of_step, level, draws) if count.steps else _without(level, words)
    return Agreement(question.id, question.text, level.value, answers, words, count, found)


def _coefficients(table: Array, shared: Array, trace: Indices, level: Level, draws: Draws) -> tuple[Coefficient, ...]:
    # The steps of one rater say how often answers are given, which is all that AC1 and AC2 take from them.
    rated = table.sum(axis=1) >= 1
    agreeing, identical = weights(table.shape[1], level), weights(table.shape[1], Level.NOMINAL)

    def over(sums: Array, statistic: Statistic, of: Array) -> tuple[float, Interval]:
        by_trace = _by_trace(sums[of], trace[of])
        return float(statistic(by_trace.sum(axis=0))), one_way(by_trace, statistic, draws, "trace")

    _, alpha_interval = over(coincidences(table), lambda sums: alpha_of(sums, level), shared)
    gwet, gwet_interval = over(gwet_sums(table, agreeing), lambda sums: gwet_of(sums, agreeing), rated)
    percent, percent_interval = over(gwet_sums(table, identical), percent_of, shared)
    return (
        _alpha(table[shared], level, alpha_interval),
        Coefficient(*_gwet(level), gwet, gwet_interval),
        Coefficient("percent", PERCENT, percent, percent_interval),
    )


def _alpha(table: Array, level: Level, interval: Interval) -> Coefficient:
    from krippendorff import alpha

    if np.count_nonzero(table.sum(axis=0)) < 2:
        words = "All answers on these steps are the same, so alpha is not defined: there was nothing to disagree about."
        return Coefficient("alpha", ALPHA, None, Interval(clusters=interval.clusters, words=words), words)
    value = float(alpha(value_counts=table, level_of_measurement=level.value))
    return Coefficient("alpha", ALPHA, value, interval, "", reading(value))


def _by_trace(sums: Array, trace: Indices) -> Array:
    cluster = np.unique(trace, return_inverse=True)[1]
    total = np.zeros((int(cluster.max()) + 1, sums.shape[1]))
    np.add.at(total, cluster, sums)
    return total


def _without(level: Level, words: str) -> tuple[Coefficient, ...]:
    ids = (("alpha", ALPHA), _gwet(level), ("percent", PERCENT))
    return tuple(Coefficient(name, title, None, NOTHING, words) for name, title in ids)


def _gwet(level: Level) -> tuple[str, str]:
    return ("ac2", "Gwet's AC2 (ordinal weights)") if level is Level.ORDINAL else ("ac1", "Gwet's AC1")


ALPHA = "Krippendorff's alpha"
PERCENT = "Pairs of raters with the same answer"
