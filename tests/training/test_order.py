"""The order of a run's dialogs, and its learning rate: pure functions of the place."""

from __future__ import annotations

import math
import pickle
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import get_cosine_schedule_with_warmup, get_linear_schedule_with_warmup

from core.frames import FrameKind
from core.policies.protocol import PolicyCard, PolicyKind
from core.records import Split
from training.learning_rates import Course, LearningRates
from training.order import Order, Part, Placed, by_share
from training.recipe import DrawnScenes, Schedule
from training.sources import open_source

SIZES = st.integers(1, 40)
SEEDS = st.integers(0, 2**31)


@given(SIZES, SEEDS, st.integers(1, 4))
def test_every_epoch_has_every_dialog_once(size: int, seed: int, epochs: int) -> None:
    order = Order([Part(size * epochs, (size,), (1.0,))], 1, seed)
    for epoch in range(epochs):
        assert sorted(order[place].index for place in range(epoch * size, (epoch + 1) * size)) == list(range(size))


@given(st.lists(st.tuples(SIZES, st.none() | SIZES), min_size=1, max_size=3), SEEDS, st.booleans())
def test_it_does_not_depend_on_who_asks_and_in_what_order(parts: list[tuple[int, int | None]], seed: int, sorted_by_length: bool) -> None:
    length = (lambda source, index: index % 5) if sorted_by_length else None
    made = [Part(4 * steps, (size, 7), (1.0, 2.0), length) for steps, size in parts]
    one, two = Order(made, 4, seed), Order(made, 4, seed)
    forward = [one[place] for place in range(len(one))]
    assert [two[place] for place in reversed(range(len(two)))] == forward[::-1]
    with pytest.raises(IndexError):
        one[len(one)]


def test_it_goes_to_other_processes() -> None:
    order = Order([Part(10, (3,), (1.0,)), Part(20, (None,), (1.0,))], 2, 5)
    there = pickle.loads(pickle.dumps(order))
    assert [there[place] for place in range(30)] == [order[place] for place in range(30)]


def test_scenes_that_never_end_come_one_after_the_other_in_every_stage() -> None:
    order = Order([Part(6, (None,), (1.0,)), Part(4, (None,), (1.0,))], 2, 0)
    assert [order[place] for place in range(10)] == [Placed(0, 0, at) for at in range(6)] + [Placed(1, 0, at) for at in range(4)]


@given(st.lists(st.floats(0.05, 10), min_size=2, max_size=5), SEEDS)
def test_sources_are_mixed_by_their_shares(shares: list[float], seed: int) -> None:
    places = 256 * 4
    order = Order([Part(places, tuple(None for _ in shares), tuple(shares))], 8, seed)
    found = [order[place] for place in range(places)]
    counts = Counter(placed.source for placed in found)
    for source, share in enumerate(shares):
        assert abs(counts[source] / places - share / sum(shares)) < 2 / 256 + 1 / 256 * len(shares)
        # Every source is gone through from its beginning, without a gap.
        assert [placed.index for placed in found if placed.source == source] == list(range(counts[source]))


@given(st.lists(st.floats(0.1, 9), min_size=1, max_size=5), st.integers(0, 300))
def test_however_many_are_validated_on_each_source_has_its_share(shares: list[float], most: int) -> None:
    chosen = by_share([None] * len(shares), shares, most)
    counts = Counter(source for source, _ in chosen)
    assert len(chosen) == most
    for source, share in enumerate(shares):
        assert [index for one, index in chosen if one == source] == list(range(counts[source])), "each from its beginning"
        assert abs(counts[source] - most * share / sum(shares)) < 2


@given(st.lists(st.integers(0, 9), max_size=4), st.integers(0, 30))
def test_a_source_that_ends_leaves_its_places_to_the_others(sizes: list[int], most: int) -> None:
    chosen = by_share(sizes, [1.0] * len(sizes), most)
    assert len(chosen) == min(most, sum(sizes)) == len(set(chosen))
    assert all(index < sizes[source] for source, index in chosen)


def test_a_batch_holds_dialogs_of_about_one_length() -> None:
    lengths = [at * 37 % 101 for at in range(100)]
    by_chance = Order([Part(800, (100,), (1.0,))], 4, 0)
    by_length = Order([Part(800, (100,), (1.0,), lambda source, index: lengths[index])], 4, 0)

    def padding(order: Order) -> int:
        batches = [[lengths[order[place].index] for place in range(start, start + 4)] for start in range(0, 800, 4)]
        return sum(4 * max(batch) - sum(batch) for batch in batches)

    assert padding(by_length) < padding(by_chance) / 4
    assert Counter(by_length[place].index for place in range(800)) == Counter(by_chance[place].index for place in range(800))


def test_scenes_of_about_one_length_go_into_a_batch() -> None:
    card = PolicyCard("p", PolicyKind.LOCAL, FrameKind.NORMALISED, 32, 128 * 128, 128 * 128)
    source = open_source(DrawnScenes("needle"), Split.TRAIN, card, seed=3)
    by_length = Order([Part(128, (None,), (1.0,), lambda of, index: source.length(index))], 8, 0)
    batches = [[by_length[place].index for place in range(start, start + 8)] for start in range(0, 128, 8)]
    padding = [max(lengths) - min(lengths) for lengths in ([source.length(index) for index in batch] for batch in batches)]
    every = [source.length(index) for index in range(128)]
    assert sorted(index for batch in batches for index in batch) == list(range(128))
    assert sum(padding) / len(padding) < (max(every) - min(every)) / 4


# The learning rate


def rates_of(scheduler: torch.optim.lr_scheduler.LambdaLR, steps: int) -> list[float]:
    found = []
    for _ in range(steps):
        found.append(scheduler.get_last_lr()[0])
        scheduler.optimizer.step()
        scheduler.step()
    return found


@pytest.mark.parametrize("warmup", [0.0, 0.03, 0.5])
@pytest.mark.parametrize(("schedule", "theirs"), [("cosine", get_cosine_schedule_with_warmup), ("linear", get_linear_schedule_with_warmup)])
def test_a_course_is_that_of_transformers(schedule: str, theirs: object, warmup: float) -> None:
    steps = 41
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2e-3)
    known = rates_of(theirs(optimizer, math.ceil(steps * warmup), steps), steps)  # type: ignore[operator]
    course = Course(steps, 2e-3, Schedule(schedule), warmup)
    assert [course.at(step) for step in range(steps)] == pytest.approx(known)


def test_constant_then_linear_holds_and_falls_to_nothing() -> None:
    course = Course(10, 1.0, Schedule.CONSTANT_THEN_LINEAR, hold=0.6)
    assert [course.at(step) for step in range(11)] == pytest.approx([1] * 7 + [0.75, 0.5, 0.25, 0])


def test_every_stage_has_its_own_course() -> None:
    rates = LearningRates([Course(3, 1e-3, Schedule.CONSTANT), Course(4, 2e-3, Schedule.LINEAR)])
    assert [rates.at(step) for step in range(8)] == pytest.approx([1e-3] * 3 + [2e-3, 1.5e-3, 1e-3, 5e-4, 0])
    assert [rates.stage(step) for step in range(8)] == [0, 0, 0, 1, 1, 1, 1, 1]
    assert rates.highest == 2e-3
