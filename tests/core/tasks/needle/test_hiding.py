"""The overview hides the marks, and a crop shows them: shown on the pictures as a policy is given them."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.crops import resized
from core.geometry import Size
from core.tasks.needle.drawing import draw
from core.tasks.needle.hiding import Probe, differences, probe_crops, probe_overview
from core.tasks.needle.scenes import ask
from core.tasks.needle.splits import Split
from core.tasks.needle.values import DIFFICULTIES, Colour, Difficulty, Item, Mark, Scene, Shape

PHASES = st.tuples(st.integers(min_value=0, max_value=63), st.integers(min_value=0, max_value=63))


@given(
    colour=st.sampled_from(Colour),
    shape=st.sampled_from(Shape),
    x=st.integers(min_value=60, max_value=196),
    y=st.integers(min_value=60, max_value=196),
    size=st.sampled_from([36, 48, 63, 64, 80]),
    marks=st.tuples(st.sampled_from(Mark), st.sampled_from(Mark)),
    phases=st.tuples(PHASES, PHASES),
    grain=PHASES,
    small=st.sampled_from([64, 32, 16]),
)
@settings(max_examples=250, deadline=None)
def test_two_marks_differ_by_a_rounding_in_the_overview_and_by_far_in_the_picture(
    colour: Colour,
    shape: Shape,
    x: int,
    y: int,
    size: int,
    marks: tuple[Mark, Mark],
    phases: tuple[tuple[int, int], tuple[int, int]],
    grain: tuple[int, int],
    small: int,
) -> None:
    pictures = [
        draw(Scene(256, 64, (Item(colour, shape, x, y, size, mark, phase),), 224, grain)) for mark, phase in zip(marks, phases, strict=True)
    ]
    overviews = [np.asarray(resized(picture, Size(small, small)), int) for picture in pictures]
    assert np.abs(overviews[0] - overviews[1]).max() <= 1
    if marks[0] is not marks[1]:
        assert np.abs(np.asarray(pictures[0], int) - np.asarray(pictures[1], int)).max() > 30


@pytest.mark.parametrize("name", DIFFICULTIES)
def test_whole_scenes_hide_every_mark_at_once(name: str) -> None:
    found = differences(DIFFICULTIES[name], 25, seed=100)
    assert max(one.overview for one in found) <= 1
    # Nor does an item become lighter or darker as a whole: what is left is noise, not a bias.
    assert max(one.overview_mean for one in found) < 0.25
    assert min(one.crop for one in found) > 20


@pytest.mark.parametrize("period", [3, 5, 8])
def test_marks_are_hidden_at_other_reductions_too(period: int) -> None:
    difficulty = Difficulty(side=64 * period, overview=64, items=(2, 3), item_size=12 * period)
    assert max(one.overview for one in differences(difficulty, 10)) <= 1


def test_over_many_noises_the_overview_has_the_same_mean_and_spread_for_every_mark() -> None:
    """Rounding could betray a mark by a bias, or by being more or less restless: it does neither."""
    dice, n = random.Random(0), 500
    means, spreads = {}, {}
    for mark in Mark:
        item = Item(Colour.GREEN, Shape.SQUARE, 63, 66, 64, mark)
        scenes = [
            Scene(128, 32, (replace(item, phase=(dice.randrange(64), dice.randrange(64))),), 224, (dice.randrange(64), dice.randrange(64)))
            for _ in range(n)
        ]
        pixels = np.array([np.asarray(resized(draw(scene), Size(32, 32)), float)[8:24, 8:24] for scene in scenes])
        means[mark], spreads[mark] = pixels.mean(0), pixels.var(0)
    for one, two in combinations(Mark, 2):
        # In standard errors of the difference: 1 where there is none.
        far = (means[one] - means[two]) / np.sqrt((spreads[one] + spreads[two]) / n + 1e-6)
        assert np.sqrt((far**2).mean()) < 1.2
        assert abs(spreads[one].mean() / spreads[two].mean() - 1) < 0.03


def test_a_larger_overview_shows_the_marks() -> None:
    """What hides them is the reduction: it is no property of the marks alone."""
    scene = ask(DIFFICULTIES["default"], 3, Split.TEST).scene
    bare = replace(scene, items=tuple(replace(item, mark=Mark.ACROSS) for item in scene.items))
    other = replace(scene, items=tuple(replace(item, mark=Mark.UPRIGHT) for item in scene.items))
    seen = [np.asarray(resized(draw(one), Size(256, 256)), int) for one in (bare, other)]
    assert np.abs(seen[0] - seen[1]).max() > 20


def test_a_probe_reads_crops_and_stays_at_chance_on_overviews() -> None:
    difficulty = replace(DIFFICULTIES["default"], items=(9, 9))
    blind = probe_overview(difficulty, 1200, 900)
    low, high = blind.interval
    assert low < blind.chance < high
    seeing = probe_crops(difficulty, 1200, 300)
    assert seeing.accuracy > 0.9


def test_the_interval_of_a_probe_is_wilsons() -> None:
    low, high = Probe(100, 10, 1, 0.5).interval
    assert (round(low, 4), round(high, 4)) == (0.0179, 0.4042)
