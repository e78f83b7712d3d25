"""The ratings that count, as arrays: what all figures are made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

from annotations.ratings.values import RatingKind, Standing
from annotations.results.resampling import Array
from annotations.studies.settings import Question, StudySettings

if TYPE_CHECKING:
    from annotations.ratings.standing import RatedStep

Indices = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

Value = TypeVar("Value", int, str)

UNANSWERED = -1
"""In place of a choice, where a question has no answer."""


@dataclass(frozen=True, slots=True)
class ScoredSet:
    """The ratings that count, in an order of their own (trace, step, rater), so that figures do not depend on the order they came in.

    Each array has an entry a rating. `trace`, `rater` and `step` count what there is from 0; a step is a step of a trace.

    rows     the ratings themselves
    raters   the raters' ids; `rater` is the place in it
    answers  question id to the place of the choice in the question, or `UNANSWERED`
    scores   question id to the score of that choice; not a number where there is none, which is never counted as a score
    """

    settings: StudySettings
    rows: tuple[RatedStep, ...]
    raters: tuple[int, ...]
    trace: Indices
    step: Indices
    rater: Indices
    answers: dict[str, Indices]
    scores: dict[str, Array]

    def __len__(self) -> int:
        return len(self.rows)


def scored_set(rows: Iterable[RatedStep], settings: StudySettings) -> ScoredSet:
    """The set of those rows that count: rated, and standing so. An answer that is none of the question's choices has no score."""
    counting = [row for row in rows if row.standing is Standing.COUNTS and row.rating.judgement.kind is RatingKind.RATED]
    counting.sort(key=lambda row: (row.trace, row.step, row.rating.rater, row.rating.id))
    raters, rater = numbered([row.rating.rater for row in counting])
    answers = {question.id: _answers(question, counting) for question in settings.questions}
    return ScoredSet(
        settings,
        tuple(counting),
        tuple(raters),
        _numbered([row.trace for row in counting]),
        _numbered([(row.trace, row.step) for row in counting]),
        rater,
        answers,
        {question.id: _scores(question, answers[question.id]) for question in settings.questions},
    )


def numbered(values: list[Value]) -> tuple[list[Value], Indices]:
    """The different values in their order, and for each value its place among them."""
    known = sorted(set(values))
    place = {value: index for index, value in enumerate(known)}
    return known, np.array([place[value] for value in values], dtype=np.int64)


def sums_by(values: Array, group: Indices, groups: int) -> tuple[Array, Array]:
    """Sums and numbers (groups) of the values that are numbers, by group."""
    there = np.isfinite(values)
    numbers = np.bincount(group[there], minlength=groups)
    return np.bincount(group[there], values[there], groups).astype(np.float64), numbers.astype(np.float64)


def _numbered(values: list[str] | list[tuple[str, int]]) -> Indices:
    place: dict[str | tuple[str, int], int] = {}
    return np.array([place.setdefault(value, len(place)) for value in values], dtype=np.int64)


def _answers(question: Question, rows: list[RatedStep]) -> Indices:
    place = {choice.value: index for index, choice in enumerate(question.choices)}
    said = (row.rating.judgement.answers.get(question.id, "") for row in rows)
    return np.array([place.get(value, UNANSWERED) for value in said], dtype=np.int64)


def _scores(question: Question, answers: Indices) -> Array:
    # The last entry is what an answer of -1 finds.
    scores = [np.nan if choice.score is None else choice.score for choice in question.choices]
    found: Array = np.array([*scores, np.nan])[answers]
    return found
