"""Figures over seeds and questions: by hand, and whether the intervals keep their level."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t, ttest_1samp

from core.evaluation.seeds import mean_difference_over_seeds, mean_over_seeds, rate_difference_over_seeds, rate_over_seeds


def test_a_table_by_hand() -> None:
    # Rows have the means 2 and 4, columns 1, 3 and 5; what is left of each cell is 0, 1 or -1.
    told = mean_over_seeds([[1, 2, 3], [1, 4, 7]])
    # Mean squares: seeds 3 * (1 + 1) / 1 = 6, questions 2 * (4 + 0 + 4) / 2 = 8, the rest 4 / 2 = 2.
    # Freedom would be 12² / 6² = 4, and there are not more than 3 - 1 for the questions.
    error, freedom = ((6 + 8 - 2) / 6) ** 0.5, 2
    reach = t.ppf(0.975, freedom) * error
    assert told.value == 3 and told.interval == pytest.approx((3 - reach, 3 + reach))
    assert told.p == pytest.approx(2 * t.sf(3 / error, freedom)) and (told.seeds, told.n) == (2, 3)


def test_one_seed_is_the_t_test_of_its_questions() -> None:
    values = [0.0, 1.0, 1.0, 0.0, 1.0, 1.0]
    told, known = mean_over_seeds([values]), ttest_1samp(values, 0.0)
    assert told.p == pytest.approx(known.pvalue) and told.interval == pytest.approx(tuple(known.confidence_interval(0.95)))


def test_a_rate_counts_all_tries_and_differs_by_its_own_tries() -> None:
    one, other = [[(1, 1), (3, 4)], [(0, 1), (2, 2)]], [[(1, 2), (0, 0)]]
    told = rate_over_seeds(one)
    assert told is not None and told.value == 6 / 8
    apart = rate_difference_over_seeds(one, [*other, *other])
    assert apart is not None and apart.value == pytest.approx(6 / 8 - 1 / 2)
    assert rate_over_seeds([[(0, 0)]]) is None and rate_difference_over_seeds(one, [[(0, 0), (0, 0)]]) is None


@given(st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=1, max_size=4))
def test_a_rate_of_single_tries_is_a_mean(right: list[list[bool]]) -> None:
    told, rate = mean_over_seeds(right), rate_over_seeds([[(int(one), 1) for one in row] for row in right])
    assert rate is not None and rate.value == pytest.approx(told.value)
    assert rate.interval == (None if told.interval is None else pytest.approx(told.interval))


def test_what_is_the_same_for_all_seeds_is_set_against_each() -> None:
    trained, start = [[1, 1, 0, 1], [1, 0, 0, 1]], [[0, 0, 0, 1]]
    assert mean_difference_over_seeds(trained, start) == mean_difference_over_seeds(trained, start * 2)
    assert mean_difference_over_seeds(trained, start).value == 5 / 8 - 1 / 4


def test_where_all_are_alike_nothing_tells_how_far_it_strays() -> None:
    same, more = mean_difference_over_seeds([[1, 0, 1]] * 3, [[1, 0, 1]]), mean_over_seeds([[1.0, 1.0]] * 3)
    assert (same.value, same.interval, same.p) == (0, None, 1.0)
    assert (more.value, more.interval, more.p) == (1, None, None)


@pytest.mark.parametrize("cells", [[], [[]], [[1, 2], [1]]])
def test_what_is_no_table_is_refused(cells: list[list[float]]) -> None:
    with pytest.raises(ValueError):
        mean_over_seeds(cells)
    with pytest.raises(ValueError, match="cannot be paired"):
        mean_difference_over_seeds([[1, 2], [1, 3]], [[1, 2, 3]])


@pytest.mark.parametrize(("of_seeds", "of_questions"), [(0.0, 0.0), (0.0, 1.0), (0.3, 1.0), (1.0, 0.3)])
def test_the_interval_keeps_its_level_with_three_seeds(of_seeds: float, of_questions: float) -> None:
    chance, kept, times = np.random.default_rng(0), 0, 400
    for _ in range(times):
        cells = chance.normal(0, of_seeds, (3, 1)) + chance.normal(0, of_questions, (1, 60)) + chance.normal(0, 1, (3, 60))
        interval = mean_over_seeds(cells.tolist()).interval
        kept += interval is not None and interval[0] <= 0 <= interval[1]
    # 95 % of 400 are 380; below 365 it would not be by chance.
    assert kept >= 365
