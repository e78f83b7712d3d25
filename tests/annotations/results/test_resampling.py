"""Intervals are those of scipy where scipy has them, and of drawing by hand where it has not."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from annotations.results.resampling import Draws, holm, of_mean, one_way, ratio, sign_flip, wilson
from core.errors import StudyError


def clusters(seed: int, n: int) -> Any:
    """Sums (n, 2): scores and their number, in clusters of different sizes."""
    random = np.random.default_rng(seed)
    numbers = random.integers(1, 6, n)
    return np.column_stack([random.binomial(numbers, random.uniform(0.3, 0.9, n)), numbers]).astype(float)


@pytest.mark.parametrize(("seed", "n"), [(1, 8), (2, 15), (3, 40), (4, 200)])
def test_the_interval_over_clusters_is_scipys(seed: int, n: int) -> None:
    sums, draws = clusters(seed, n), Draws(seed, 2000)
    drawn = np.concatenate([ratio(times @ sums) for times in draws.times(n)])

    class Drawn:
        bootstrap_distribution = drawn

    def mean(scores: Any, numbers: Any, axis: int) -> Any:
        return scores.sum(axis=axis) / numbers.sum(axis=axis)

    theirs = stats.bootstrap(
        (sums[:, 0], sums[:, 1]), mean, paired=True, vectorized=True, n_resamples=0, bootstrap_result=Drawn, method="BCa"
    )
    ours = one_way(sums, ratio, draws, "trace")
    assert ours.method == "BCa"
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs.confidence_interval), abs=1e-9)


def test_the_draws_are_like_scipys() -> None:
    sums = clusters(9, 60)
    theirs = stats.bootstrap(
        (sums[:, 0], sums[:, 1]),
        lambda s, n, axis: s.sum(axis=axis) / n.sum(axis=axis),
        paired=True,
        n_resamples=9999,
        rng=np.random.default_rng(1),
        method="BCa",
    )
    ours = one_way(sums, ratio, Draws(3, 9999), "trace")
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs.confidence_interval), abs=0.01)


def test_both_at_once_counts_a_rating_as_often_as_its_trace_times_its_rater() -> None:
    random = np.random.default_rng(5)
    numbers = random.integers(0, 3, (12, 5)).astype(float)
    numbers[:, 0] += 1
    scores = random.binomial(numbers.astype(int), 0.6).astype(float)
    draws = Draws(11, 500)
    traces, raters = np.concatenate(list(draws.times(12))), np.concatenate(list(draws.times(5, factor=1)))
    means = []
    for of_trace, of_rater in zip(traces, raters, strict=True):
        cells = [
            (scores[t, r] * of_trace[t] * of_rater[r], numbers[t, r] * of_trace[t] * of_rater[r]) for t, r in product(range(12), range(5))
        ]
        means.append(sum(top for top, _ in cells) / sum(bottom for _, bottom in cells))
    found = of_mean(scores, numbers, draws)
    assert (found.both.low, found.both.high) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])))
    assert (found.both.method, found.both.clusters) == ("percentile", 5)
    assert found.trace == one_way(np.column_stack([scores.sum(axis=1), numbers.sum(axis=1)]), ratio, draws, "trace")
    assert found.rater == one_way(np.column_stack([scores.sum(axis=0), numbers.sum(axis=0)]), ratio, draws, "rater")


def test_draws_are_drawn_with_replacement_and_stay_the_same() -> None:
    draws = Draws(4, 300)
    times = np.concatenate(list(draws.times(7)))
    assert times.shape == (300, 7)
    assert (times.sum(axis=1) == 7).all()
    for n in range(2, 12):
        list(draws.times(n))
    assert (np.concatenate(list(draws.times(7))) == times).all()
    assert (np.concatenate(list(Draws(4, 300).times(7))) == times).all()
    assert (np.concatenate(list(Draws(5, 300).times(7))) != times).any()
    assert (np.concatenate(list(draws.times(7, factor=1))) != times).any()


def test_many_clusters_are_drawn_in_blocks() -> None:
    draws, n = Draws(0, 100), 100_000
    blocks = list(draws.times(n))
    assert len(blocks) == 3
    assert sum(len(block) for block in blocks) == 100
    found = of_mean(np.ones((n, 2)) * [0.0, 1.0], np.ones((n, 2)), draws)
    assert found.both.low is not None
    assert found.trace.words == "Every trace gives the same value, so resampling shows no spread."


@pytest.mark.parametrize(
    ("sums", "words"), [([], "There is nothing to resample."), ([[1.0, 1.0]], "Only one trace: an interval over traces needs two or more.")]
)
def test_too_few_clusters_are_told(sums: Any, words: str) -> None:
    found = one_way(np.array(sums).reshape(-1, 2), ratio, Draws(), "trace")
    assert (found.low, found.high, found.words) == (None, None, words)


def test_few_clusters_come_with_a_caution_and_many_without() -> None:
    assert one_way(clusters(1, 4), ratio, Draws(), "rater").words == "Only 4 raters: an interval of so few is rough, and likely too narrow."
    assert one_way(clusters(1, 10), ratio, Draws(), "rater").words == ""


def test_what_is_undefined_in_many_resamples_has_no_interval() -> None:
    def mostly_undefined(sums: Any) -> Any:
        return np.where(sums[..., 1] > 3, np.nan, sums[..., 0])

    found = one_way(np.column_stack([np.arange(6.0), np.eye(6)[0] * 4]), mostly_undefined, Draws(0, 200), "trace")
    assert found.low is None
    assert "not defined in" in found.words


@pytest.mark.parametrize(("successes", "n", "low", "high"), [(81, 263, 0.2553, 0.3662), (0, 20, 0.0, 0.1611), (15, 148, 0.0624, 0.1605)])
def test_wilsons_interval_is_that_of_newcombe(successes: int, n: int, low: float, high: float) -> None:
    # R. G. Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998), table I, method 3.
    found = wilson(successes, n, "trace")
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def test_holms_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_raises_and_keeps_the_order(values: list[float]) -> None:
    raised = holm(values)
    assert all(value <= higher <= 1 for value, higher in zip(values, raised, strict=True))
    order = np.argsort(values, kind="stable")
    assert (np.diff(np.array(raised)[order]) >= 0).all()


@pytest.mark.parametrize("n", [2, 5, 9])
def test_turning_all_signs_is_scipys_exact_test(n: int) -> None:
    differences = np.random.default_rng(n).normal(0.4, 1, n)
    theirs = stats.permutation_test(
        (differences,), lambda d, axis: d.mean(axis=axis), permutation_type="samples", vectorized=True, n_resamples=np.inf
    )
    assert sign_flip(differences, Draws(0, 2000)) == pytest.approx(theirs.pvalue)


def test_drawn_signs_are_near_the_exact_test_and_never_zero() -> None:
    differences = np.random.default_rng(1).normal(0.5, 1, 14)
    assert sign_flip(differences, Draws(0, 5000)) == pytest.approx(sign_flip(differences, Draws(0, 2**14)), abs=0.02)
    assert sign_flip(np.ones(40), Draws(0, 1000)) == pytest.approx(1 / 1001)


@pytest.mark.parametrize(
    ("seed", "resamples", "words"), [(0, 99, "100 to 100,000 resamples, not 99"), (0, 100_001, "not 100001"), (-1, 2000, "not -1")]
)
def test_a_seed_or_number_out_of_range_is_refused(seed: int, resamples: int, words: str) -> None:
    with pytest.raises(StudyError, match=words):
        Draws(seed, resamples)
