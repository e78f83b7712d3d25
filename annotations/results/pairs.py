"""Policies compared in pairs on the same items.

The same item is the same sample, by its content hash: the same picture and the same question. Two policies never write the same step, so
a sample's score for a policy is the mean of all ratings of the policy's steps on it; each sample counts once, and only the samples on
which both policies were rated are compared.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from annotations.results.figures import Interval
from annotations.results.headlines import Asked, asked
from annotations.results.resampling import Array, Draws, holm, one_way, ratio, sign_flip
from annotations.results.scored import ScoredSet, numbered, sums_by


@dataclass(frozen=True, slots=True)
class Pair:
    """Policy `a` against policy `b`.

    samples         on which both were rated; the means are over these
    difference      mean of a less b, a sample
    interval        of the difference, samples drawn anew
    p, p_holm       that there is no difference, by turning signs; and raised for all pairs of the same figure (Holm)
    """

    figure: str
    title: str
    unit: str
    a: str
    b: str
    samples: int
    mean_a: float | None
    mean_b: float | None
    difference: float | None
    interval: Interval
    p: float | None
    p_holm: float | None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Pairs:
    """All pairs of policies, for every figure but those that depend on another answer; `words` where there are none."""

    words: str
    rows: tuple[Pair, ...]


def pairs(ratings: ScoredSet, draws: Draws) -> Pairs:
    """Each pair of policies on the samples that they share."""
    there = [row.facts for row in ratings.rows if row.facts is not None]
    if len(there) < len(ratings) or not there:
        return Pairs("Nothing has been rated yet.", ())
    policies, policy = numbered([facts.policy for facts in there])
    if len(policies) < 2:
        return Pairs(f"Every rating is of the same model, {policies[0] or '(none)'}, so there is no pair to compare.", ())
    samples, sample = numbered([facts.sample for facts in there])
    rows: list[Pair] = []
    for which in asked(ratings):
        if which.given is None:
            cells = sums_by(which.scores(ratings), policy * len(samples) + sample, len(policies) * len(samples))
            rows += _compared(which, policies, ratio(np.stack(cells, axis=-1)).reshape(len(policies), len(samples)), draws)
    return Pairs("", tuple(rows))


def _compared(which: Asked, policies: list[str], means: Array, draws: Draws) -> list[Pair]:
    """The pairs of one figure; means (policies, samples), not a number where a policy has no rating on a sample."""
    found = [
        _pair(which, policies[a], policies[b], means[:, np.isfinite(means[[a, b]]).all(axis=0)][[a, b]], draws)
        for a, b in combinations(range(len(policies)), 2)
    ]
    told = [place for place, pair in enumerate(found) if pair.p is not None]
    raised = holm([pair.p for pair in found if pair.p is not None])
    for place, p in zip(told, raised, strict=True):
        found[place] = replace(found[place], p_holm=p)
    return found


def _pair(which: Asked, a: str, b: str, means: Array, draws: Draws) -> Pair:
    """Means (2, samples) of both policies on the samples that they share."""
    samples = means.shape[1]
    if not samples:
        nothing = Interval(words="There is nothing to resample.")
        words = "No sample has a scored rating for both."
        return Pair(which.id, which.title, which.unit, a, b, 0, None, None, None, nothing, None, None, words)
    apart = means[0] - means[1]
    interval = one_way(np.column_stack([apart, np.ones(samples)]), ratio, draws, "sample")
    p = sign_flip(apart, draws) if samples > 1 else None
    overall = means.mean(axis=1)
    return Pair(
        which.id, which.title, which.unit, a, b, samples, float(overall[0]), float(overall[1]), float(apart.mean()), interval, p, None
    )
