"""How far raters agree beyond chance: coefficients over a table of how many raters gave each step each answer.

A table is (units, answers): the number of raters who gave the unit the answer. Each coefficient is a function of sums over units, so
resamples of units need the sums only.

Sources. Krippendorff's alpha: K. Krippendorff, Content Analysis (4th ed., 2018), on reliability; the value itself is the library
krippendorff's, and ours is held to it by a test. Gwet's AC1 and AC2: K. L. Gwet, "Computing inter-rater reliability and its variance in
the presence of high agreement", British Journal of Mathematical and Statistical Psychology 61 (2008), and Handbook of Inter-Rater
Reliability (4th ed., 2014), which gives the weights as well; held to the book's tables and to the package irrCAC.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from annotations.results.resampling import Array

RELIABLE, TENTATIVE = 0.8, 0.667


class Level(StrEnum):
    """What the answers are to each other."""

    NOMINAL = "nominal"
    """Different, and nothing else."""
    ORDINAL = "ordinal"
    """In an order: neighbours disagree less than the two ends."""


def coincidences(table: Array) -> Array:
    """What each unit adds to alpha's coincidence matrix, (units, answers squared); a unit with fewer than two ratings adds nothing."""
    raters = table.sum(axis=1)
    pairs = table[:, :, None] * table[:, None, :]
    answers = np.arange(table.shape[1])
    pairs[:, answers, answers] -= table
    shared: Array = np.where(raters >= 2, 1 / np.maximum(raters - 1, 1), 0.0)
    return (pairs * shared[:, None, None]).reshape(len(table), -1)


def alpha_of(sums: Array, level: Level) -> Array:
    """Krippendorff's alpha of summed coincidences (..., answers squared); not a number where all answers are the same."""
    size = round(sums.shape[-1] ** 0.5)
    matrix = sums.reshape(*sums.shape[:-1], size, size)
    times = matrix.sum(axis=-1)
    if level is Level.NOMINAL:
        apart = np.broadcast_to(1.0 - np.eye(size), matrix.shape)
    else:
        up_to = np.cumsum(times, axis=-1)
        middle = up_to - times / 2
        # From the middle of one answer to the middle of the other, counted in ratings.
        apart = (middle[..., :, None] - middle[..., None, :]) ** 2
    total = times.sum(axis=-1)
    observed = (matrix * apart).sum(axis=(-1, -2))
    by_chance = (times[..., :, None] * times[..., None, :] * apart).sum(axis=(-1, -2))
    with np.errstate(invalid="ignore", divide="ignore"):
        alpha: Array = np.where(by_chance > 0, 1 - (total - 1) * observed / by_chance, np.nan)
    return alpha


def weights(answers: int, level: Level) -> Array:
    """How much two answers agree, (answers, answers): 1 on the diagonal. Ordinal ones as in Gwet (2014)."""
    if level is Level.NOMINAL or answers < 2:
        return np.eye(answers)
    place = np.arange(answers)
    span = np.abs(place[:, None] - place[None, :])
    between = span * (span + 1) / 2
    agreeing: Array = 1 - between / between.max()
    return agreeing


def gwet_sums(table: Array, agreeing: Array) -> Array:
    """What each unit adds to Gwet's sums, (units, 3 + answers): its agreement if two rated it, 1 if so, 1 if anybody did, its shares."""
    raters = table.sum(axis=1)
    rated, shared = raters >= 1, raters >= 2
    # Of a rater's partners on the unit, how many agree with each answer, in part or in full.
    near = table @ agreeing
    agreed = (table * (near - 1)).sum(axis=1) / np.where(shared, raters * (raters - 1), 1)
    shares = table / np.maximum(raters, 1)[:, None]
    return np.column_stack([np.where(shared, agreed, 0.0), shared, rated, shares]).astype(np.float64)


def gwet_of(sums: Array, agreeing: Array) -> Array:
    """Gwet's AC2 of summed `gwet_sums` (AC1 with nominal weights); not a number where no unit has two ratings."""
    answers = len(agreeing)
    with np.errstate(invalid="ignore", divide="ignore"):
        observed = sums[..., 0] / sums[..., 1]
        shares = sums[..., 3:] / sums[..., 2:3]
        by_chance = agreeing.sum() / (answers * (answers - 1)) * (shares * (1 - shares)).sum(axis=-1)
        coefficient: Array = (observed - by_chance) / (1 - by_chance)
    return coefficient


def percent_of(sums: Array) -> Array:
    """The share of a unit's pairs of raters who gave the same answer, averaged over units, of summed nominal `gwet_sums`."""
    with np.errstate(invalid="ignore", divide="ignore"):
        share: Array = sums[..., 0] / sums[..., 1]
    return share


def reading(alpha: float) -> str:
    """What an alpha says. Source of the thresholds: Krippendorff, Content Analysis (4th ed., 2018)."""
    if alpha >= RELIABLE:
        return "Reliable: .80 or more (Krippendorff's rule of thumb)."
    if alpha >= TENTATIVE:
        return "For tentative conclusions only: from .667 to .80 (Krippendorff's rule of thumb)."
    if alpha > 0:
        return "Too low to rely on: less than .667 (Krippendorff's rule of thumb)."
    return "No better than chance: 0 or less."
