"""What a result is made of: numbers with their n, their intervals, and words where there is no number. Frozen, with a JSON form."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

LEVEL = 0.95
"""How often an interval is to hold what it estimates."""
DIGITS = 6
"""Decimals of a figure in JSON and in tables: more than any study resolves, fewer than two machines could differ in."""


class Cluster(StrEnum):
    """What is drawn anew to make an interval."""

    BOTH = "both"
    TRACE = "trace"
    RATER = "rater"


@dataclass(frozen=True, slots=True)
class Interval:
    """Two ends, or words instead.

    method    BCa, percentile or Wilson; empty without ends
    clusters  how many things were resampled; of traces and raters at once, the fewer of the two
    words     why there are no ends, or, beside ends, why to read them with care
    """

    low: float | None = None
    high: float | None = None
    method: str = ""
    clusters: int = 0
    words: str = ""


@dataclass(frozen=True, slots=True)
class Intervals:
    """The same figure's interval, resampled by traces and raters at once, by trace, and by rater."""

    both: Interval
    trace: Interval
    rater: Interval


@dataclass(frozen=True, slots=True)
class Count:
    """What a figure rests on."""

    ratings: int = 0
    steps: int = 0
    traces: int = 0
    raters: int = 0


@dataclass(frozen=True, slots=True)
class PaperFigure:
    """The figure that the paper gives, with its 95 % interval, its number of people, and where it stands."""

    value: float
    low: float
    high: float
    n: int
    source: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean of scores.

    question   whose scores they are
    unit       `share` for scores of 0 and 1, else `score`; `low` and `high` are the ends of the scale
    value      None where `words` says why
    """

    id: str
    title: str
    question: str
    unit: str
    low: float
    high: float
    value: float | None
    words: str
    n: Count
    intervals: Intervals
    paper: PaperFigure | None = None


@dataclass(frozen=True, slots=True)
class Median:
    """A median of `n` values, or words instead."""

    value: float | None
    n: int
    interval: Interval
    words: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """A plain mean of `n` values; None of none."""

    value: float | None
    n: int


def rounded(value: float) -> float | None:
    """The number as it is told: to `DIGITS` decimals, never -0.0; None where it is no number."""
    return round(float(value), DIGITS) + 0.0 if math.isfinite(value) else None


def plain(value: Any) -> Any:
    """Dataclasses, tuples, mappings and enums as JSON values, floats as `rounded` tells them."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float):
        return rounded(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {entry.name: plain(getattr(value, entry.name)) for entry in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    return [plain(entry) for entry in value]


def counted(number: int, noun: str) -> str:
    """`1 rater`, `2,000 raters`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
