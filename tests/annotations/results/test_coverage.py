"""An interval of 95 % holds the truth in about 95 of 100 studies, where traces and raters differ as they do in life."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from annotations.results.resampling import Draws, of_mean

STUDIES = 200


def simulated(random: np.random.Generator, traces: int, raters: int, each: int, of_trace: float, of_rater: float) -> tuple[Any, Any]:
    """Sums and numbers (traces, raters) of yes and no; two steps a trace, each judged by `each` raters."""
    logit = 1 + random.normal(0, of_trace, (traces, 1)) + random.normal(0, of_rater, raters)
    share = 1 / (1 + np.exp(-logit))
    numbers = sum((random.random((traces, raters)).argsort(axis=1) < each).astype(int) for _ in range(2))
    kept = numbers.sum(axis=0) > 0
    return random.binomial(numbers, share)[:, kept].astype(float), numbers[:, kept].astype(float)


@pytest.mark.parametrize(
    ("traces", "raters", "each", "of_trace", "of_rater"),
    [(80, 20, 20, 1.0, 0.5), (80, 20, 20, 0.7, 0.7), (60, 10, 5, 0.7, 0.7), (40, 8, 3, 1.0, 0.5)],
    ids=["as in the paper", "raters differ much", "half of the raters a step", "few raters"],
)
def test_the_interval_over_traces_and_raters_covers(traces: int, raters: int, each: int, of_trace: float, of_rater: float) -> None:
    random = np.random.default_rng(2026)
    truth = 1 / (1 + np.exp(-(1 + random.normal(0, np.hypot(of_trace, of_rater), 1_000_000))))
    held = {"both": 0, "trace": 0}
    for number in range(STUDIES):
        found = of_mean(*simulated(random, traces, raters, each, of_trace, of_rater), Draws(number, 500))
        for name in held:
            interval = getattr(found, name)
            held[name] += interval.low <= truth.mean() <= interval.high
    assert 0.88 <= held["both"] / STUDIES <= 0.99
    # Traces alone leave out how raters differ, and so promise too much.
    assert held["trace"] < held["both"]


def test_the_interval_over_traces_covers_where_raters_do_not_differ() -> None:
    random = np.random.default_rng(7)
    truth = 1 / (1 + np.exp(-(1 + random.normal(0, 1, 1_000_000))))
    held = 0
    for number in range(STUDIES):
        interval = of_mean(*simulated(random, 60, 6, 3, 1.0, 0.0), Draws(number, 500)).trace
        assert interval.low is not None and interval.high is not None
        held += interval.low <= truth.mean() <= interval.high
    assert 0.90 <= held / STUDIES <= 0.99
