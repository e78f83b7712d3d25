"""Coefficients of agreement against worked examples of the literature, and against the packages that are known for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import krippendorff
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from annotations.results.agreement import Level, alpha_of, coincidences, gwet_of, gwet_sums, percent_of, reading, weights

# Outputs of the package irrCAC, which cannot be installed beside the program; the file names its version and the calls.
IRRCAC: dict[str, Any] = json.loads((Path(__file__).parent / "irrcac.json").read_text())

# K. Krippendorff, "Computing Krippendorff's alpha-reliability" (2011): four observers, twelve units.
FOUR_OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]
# Three coders, fifteen units; the worked example of the encyclopedias.
THREE_CODERS = [
    [None, None, None, None, None, 3, 4, 1, 2, 1, 1, 3, 3, None, 3],
    [1, None, 2, 1, 3, 3, 4, 3, None, None, None, None, None, None, None],
    [None, None, 2, 1, 3, 4, 4, None, 2, 1, 1, 3, 3, None, 4],
]


def table_of(raters: list[list[Any]], answers: list[int]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Ratings (raters, units) as a table (units, answers)."""
    return np.array([[sum(given == answer for given in unit) for answer in answers] for unit in zip(*raters, strict=True)], dtype=float)


def alpha(table: Any, level: Level) -> float:
    return float(alpha_of(coincidences(table).sum(axis=0), level))


def gwet(table: Any, level: Level) -> float:
    agreeing = weights(table.shape[1], level)
    return float(gwet_of(gwet_sums(table, agreeing).sum(axis=0), agreeing))


tables = st.integers(2, 6).flatmap(
    lambda answers: arrays(np.float64, st.tuples(st.integers(1, 12), st.just(answers)), elements=st.sampled_from([0.0, 0.0, 1.0, 2.0, 3.0]))
)


@pytest.mark.parametrize(("level", "value"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)])
def test_the_library_gives_krippendorffs_own_example(level: Any, value: float) -> None:
    table = table_of(FOUR_OBSERVERS, [1, 2, 3, 4, 5])
    found = krippendorff.alpha(value_counts=table, value_domain=[1, 2, 3, 4, 5], level_of_measurement=level)
    assert found == pytest.approx(value, abs=0.0005)


@pytest.mark.parametrize(("level", "value"), [(Level.NOMINAL, 0.743), (Level.ORDINAL, 0.815)])
def test_alpha_of_sums_gives_krippendorffs_own_example(level: Level, value: float) -> None:
    assert alpha(table_of(FOUR_OBSERVERS, [1, 2, 3, 4, 5]), level) == pytest.approx(value, abs=0.0005)


def test_alpha_of_sums_gives_the_example_of_three_coders() -> None:
    assert alpha(table_of(THREE_CODERS, [1, 2, 3, 4]), Level.NOMINAL) == pytest.approx(0.691, abs=0.0005)


@given(tables, st.sampled_from(Level))
def test_alpha_of_sums_is_the_librarys(table: Any, level: Level) -> None:
    shared = table[table.sum(axis=1) >= 2]
    assume(np.count_nonzero(shared.sum(axis=0)) >= 2)
    assert alpha(table, level) == pytest.approx(krippendorff.alpha(value_counts=table, level_of_measurement=level.value), abs=1e-9)


@given(tables, st.sampled_from(Level), st.integers(0, 2**32 - 1))
def test_alpha_of_a_resample_is_the_librarys_for_the_units_that_were_drawn(table: Any, level: Level, seed: int) -> None:
    drawn = np.random.default_rng(seed).integers(0, len(table), len(table))
    assume(np.count_nonzero(table[drawn][table[drawn].sum(axis=1) >= 2].sum(axis=0)) >= 2)
    times = np.bincount(drawn, minlength=len(table)).astype(float)
    found = float(alpha_of(times @ coincidences(table), level))
    assert found == pytest.approx(krippendorff.alpha(value_counts=table[drawn], level_of_measurement=level.value), abs=1e-9)


def test_alpha_of_answers_that_are_all_the_same_is_not_defined() -> None:
    assert np.isnan(alpha(np.array([[3.0, 0.0], [2.0, 0.0]]), Level.ORDINAL))


def test_gwets_own_example() -> None:
    # K. L. Gwet, Handbook of Inter-Rater Reliability (4th ed., 2014): the worked example of four raters and twelve units.
    given_answers = next(entry["ratings"] for entry in IRRCAC["tables"] if entry["name"] == "raw_4raters")
    table = table_of([list(rater) for rater in zip(*given_answers, strict=True)], [1, 2, 3, 4, 5])
    assert gwet(table, Level.NOMINAL) == pytest.approx(0.77544, abs=5e-6)
    assert alpha(table, Level.NOMINAL) == pytest.approx(0.74342, abs=5e-6)
    assert float(percent_of(gwet_sums(table, np.eye(5)).sum(axis=0))) == pytest.approx(0.81818, abs=5e-6)


def test_gwets_example_of_two_abstractors() -> None:
    # The same book, and the package's vignette: a table of 100 patients, two raters, three diagnoses.
    both = [[13, 0, 0], [0, 20, 7], [0, 4, 56]]
    units = [np.eye(3)[a] + np.eye(3)[b] for a in range(3) for b in range(3) for _ in range(both[a][b])]
    table = np.array(units)
    assert gwet(table, Level.NOMINAL) == pytest.approx(0.8493305, abs=5e-8)
    assert alpha(table, Level.NOMINAL) == pytest.approx(0.7972585, abs=5e-8)
    assert float(percent_of(gwet_sums(table, np.eye(3)).sum(axis=0))) == pytest.approx(0.89)


def test_ordinal_weights_are_gwets() -> None:
    assert weights(3, Level.ORDINAL) == pytest.approx(np.array([[1, 2 / 3, 0], [2 / 3, 1, 2 / 3], [0, 2 / 3, 1]]))
    assert (weights(2, Level.ORDINAL) == np.eye(2)).all()


@pytest.mark.parametrize("entry", IRRCAC["tables"], ids=lambda entry: entry["name"])
def test_ac1_ac2_and_alpha_are_those_of_irrcac(entry: dict[str, Any]) -> None:
    table = table_of([list(rater) for rater in zip(*entry["ratings"], strict=True)], entry["categories"])
    assert gwet(table, Level.NOMINAL) == pytest.approx(entry["identity"]["gwet"], abs=1e-9)
    assert gwet(table, Level.ORDINAL) == pytest.approx(entry["ordinal"]["gwet"], abs=1e-9)
    assert alpha(table, Level.NOMINAL) == pytest.approx(entry["identity"]["krippendorff"], abs=1e-9)
    sums = gwet_sums(table, np.eye(len(entry["categories"]))).sum(axis=0)
    assert float(percent_of(sums)) == pytest.approx(entry["identity"]["agreement"], abs=1e-9)


@given(tables, st.sampled_from(Level))
def test_full_agreement_is_one_and_nothing_is_more(table: Any, level: Level) -> None:
    assume((table.sum(axis=1) >= 2).any())
    found = gwet(table, level)
    assert found <= 1 + 1e-12
    same = np.zeros_like(table)
    same[np.arange(len(table)), table.argmax(axis=1)] = 3
    assert gwet(same, level) == pytest.approx(1)


@given(tables)
def test_two_answers_in_order_are_two_answers(table: Any) -> None:
    two = table[:, :2]
    assume((two.sum(axis=1) >= 2).any())
    assert gwet(two, Level.ORDINAL) == gwet(two, Level.NOMINAL)
    assert alpha(two, Level.ORDINAL) == pytest.approx(alpha(two, Level.NOMINAL), nan_ok=True)


@pytest.mark.parametrize(
    ("alpha", "words"), [(0.8, "Reliable"), (0.79, "tentative"), (0.667, "tentative"), (0.5, "Too low"), (0.0, "No better than chance")]
)
def test_what_an_alpha_says(alpha: float, words: str) -> None:
    assert words in reading(alpha)
