"""How far apart raters' points lie, against distances that can be told by eye."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotations.ratings.standing import RatedStep
from annotations.ratings.values import Correction
from annotations.results.points import drawn_median
from core.geometry import Box, Point
from tests.annotations.results.made import facts, rated, study, told

WIDE = facts(width=1000, x=100.0, y=100.0)
NARROW = facts(width=200, x=50.0, y=50.0)


def corrected(trace: str, rater: int, x: float, y: float, step: int = 0) -> RatedStep:
    return rated(trace, step, rater, correction=Correction(Point(x, y)), of=NARROW if trace == "narrow" else WIDE)


ROWS = [
    corrected("t1", 1, 100, 100),
    corrected("t1", 2, 130, 140),
    corrected("t1", 3, 100, 110),
    corrected("narrow", 1, 50, 54),
    corrected("narrow", 2, 50, 50),
    # Alone on its step: no pair, but a distance from the model's point.
    corrected("t2", 1, 100, 100, step=1),
    rated("t2", 0, 2, correction=Correction(box=Box(90, 90, 110, 110)), of=WIDE),
    rated("t2", 0, 3, correction=Correction(box=Box(0, 0, 50, 50)), of=WIDE),
    rated("t3", 0, 1),
]


def test_distances_between_raters_on_the_same_step() -> None:
    corrections = told(ROWS).points[0]
    n = corrections.n
    assert (n.points, n.boxes, n.steps, n.shared_steps, n.pairs, n.traces, n.raters) == (6, 2, 3, 2, 4, 3, 3)
    # 50 and 10 and hypot(30, 30) on the wide picture, 4 on the narrow one.
    apart = [50, 10, math.hypot(30, 30), 4]
    assert corrections.between.pixels.value == pytest.approx(np.median(apart))
    assert corrections.between.widths.value == pytest.approx(np.median([0.05, 0.01, math.hypot(30, 30) / 1000, 0.02]))
    assert [(entry.tolerance, entry.share, entry.n) for entry in corrections.between.within] == [
        (0.01, 0.25, 4),
        (0.02, 0.5, 4),
        (0.05, 1.0, 4),
        (0.1, 1.0, 4),
    ]


def test_distances_from_the_models_point_to_the_median_of_the_raters() -> None:
    from_model = told(ROWS).points[0].from_model
    # Medians: (100, 110), (50, 52) and (100, 100); the model's points: (100, 100), (50, 50) and (100, 100).
    assert from_model.pixels.value == pytest.approx(np.median([10, 2, 0]))
    assert from_model.pixels.n == 3
    assert from_model.widths.value == pytest.approx(0.01)


def test_boxes_are_counted_apart_with_how_many_hold_the_models_point() -> None:
    boxes = told(ROWS).points[0].boxes
    assert boxes is not None
    assert (boxes.n, boxes.hit) == (2, 0.5)
    nothing = told([rated()]).points[0].boxes
    assert nothing is not None and nothing.words == "No rater has drawn a box."


def test_points_set_first_are_told_by_themselves() -> None:
    rows = [rated("t1", 0, 1, own_point=Point(0, 0), of=WIDE), rated("t1", 0, 2, own_point=Point(30, 40), of=WIDE)]
    corrections, own = told(rows).points
    assert (corrections.n.points, corrections.words) == (0, "No rater has set such a point.")
    assert own.between.pixels.value == 50
    assert own.between.pixels.interval.words == "Only one trace: an interval over traces needs two or more."
    assert own.boxes is None


def test_points_without_a_pair_are_told_in_words() -> None:
    points = told([corrected("t1", 1, 1, 1)]).points[0]
    assert points.between.pixels.value is None
    assert points.between.pixels.words == "No step has such points of two raters."
    assert points.from_model.pixels.value == pytest.approx(math.hypot(99, 99))


def test_medians_have_an_interval_over_traces() -> None:
    between = told(study(5, traces=60)).points[0].between
    for median in (between.pixels, between.widths):
        assert median.value is not None and median.interval.low is not None and median.interval.high is not None
        assert median.interval.method == "percentile"
        assert median.interval.low < median.value < median.interval.high


@given(
    st.lists(st.tuples(st.floats(-1e6, 1e6), st.integers(0, 4)), min_size=1, max_size=20).filter(
        lambda drawn: any(times for _, times in drawn)
    )
)
def test_the_median_of_a_resample_is_that_of_its_values(drawn: list[tuple[float, int]]) -> None:
    ordered = sorted(drawn)
    values = np.array([value for value, _ in ordered])
    times = np.array([times for _, times in ordered], dtype=np.float32)
    expanded = [value for value, times in ordered for _ in range(times)]
    assert drawn_median(values, times[None, :])[0] == pytest.approx(np.median(expanded), rel=1e-12)
