"""Shares and differences: that scipy is asked the right thing, and that it answers for every set of pairs."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.evaluation.shares import difference, mean, mean_difference, rate, rate_difference, share

PAIRS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40)


def test_a_share_has_its_count_and_wilsons_interval() -> None:
    found = share(8, 10)
    assert (found.count, found.n, found.value) == (8, 10, 0.8)
    # Wilson's formula, worked by hand for 8 of 10.
    assert found.low == pytest.approx(0.4902, abs=1e-4) and found.high == pytest.approx(0.9433, abs=1e-4)


def test_a_share_of_nothing_says_nothing() -> None:
    found = share(0, 0)
    assert math.isnan(found.value) and (found.low, found.high) == (0.0, 1.0)
    assert found.to_json()["share"] is None


@given(pairs=PAIRS)
@settings(max_examples=40, deadline=None)
def test_a_difference_counts_pairs_and_its_interval_holds_it(pairs: list[tuple[bool, bool]]) -> None:
    one, other = [this for this, _ in pairs], [that for _, that in pairs]
    found = difference(one, other)
    assert found.value == pytest.approx(sum(one) / len(one) - sum(other) / len(other))
    assert found.one_only == sum(this and not that for this, that in pairs)
    assert found.other_only == sum(that and not this for this, that in pairs)
    assert 0 <= found.p <= 1
    if found.interval is not None:
        assert found.interval[0] <= found.value + 1e-9 and found.value - 1e-9 <= found.interval[1]


def test_a_difference_is_of_pairs_and_not_of_two_groups() -> None:
    alternating = [True, False] * 50
    same = difference(alternating, alternating)
    turned = difference(alternating, [not right for right in alternating])
    assert (same.value, same.one_only, same.p, same.interval) == (0.0, 0, 1.0, None)
    assert (turned.value, turned.one_only, turned.other_only) == (0.0, 50, 50)
    assert turned.interval is not None and turned.interval[0] < -0.1 < 0.1 < turned.interval[1]


def test_mcnemars_test_is_exact() -> None:
    # Five pairs differ, all one way: 2 * (1/2)^5.
    assert difference([True] * 5 + [False] * 5, [False] * 10).p == pytest.approx(0.0625)


def test_a_difference_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one question"):
        difference([], [])
    with pytest.raises(ValueError):
        difference([True], [True, False])


def test_a_mean_has_an_interval_where_there_is_spread() -> None:
    found = mean([0.0, 1.0] * 50)
    assert (found.n, found.value) == (100, 0.5)
    # As wide as for a share of one half: 1.96 * sqrt(0.25 / 100) to each side.
    assert found.interval is not None and found.interval == pytest.approx((0.402, 0.598), abs=0.02)
    assert mean([0.25] * 10).interval is None
    with pytest.raises(ValueError, match="at least one question"):
        mean([])


def test_a_difference_of_means_is_of_pairs() -> None:
    apart = mean_difference([1.0, 2.0, 3.0, 4.0] * 5, [0.0, 1.0, 2.0, 3.0] * 5)
    assert (apart.value, apart.interval) == (1.0, None)


def test_a_difference_of_rates_counts_tries_and_resamples_questions() -> None:
    found = rate_difference([(1, 1), (0, 3)] * 20, [(1, 2), (1, 2)] * 20)
    assert found is not None and found.value == pytest.approx(20 / 80 - 40 / 80) and found.interval is not None
    assert rate_difference([(0, 0)] * 3, [(1, 1)] * 3) is None and rate([(0, 0)]) is None and rate([]) is None
    with pytest.raises(ValueError):
        rate_difference([(1, 1)], [(1, 1), (0, 1)])


def test_a_rate_that_a_resample_may_have_nothing_to_make_of_has_no_interval() -> None:
    found = rate_difference([(1, 1), (0, 0), (0, 0)], [(1, 2), (0, 1), (1, 1)])
    assert found is not None and found.interval is None


def test_a_rate_is_as_sure_as_its_questions_and_not_as_its_tries() -> None:
    # Ten questions, of which each is hit always or never: a hundred tries a question make it no surer.
    few, many = rate([(1, 1)] * 5 + [(0, 1)] * 5), rate([(100, 100)] * 5 + [(0, 100)] * 5)
    assert few is not None and many is not None and few.value == many.value == 0.5
    assert few.interval is not None and many.interval == pytest.approx(few.interval) and few.interval[1] - few.interval[0] > 0.4
