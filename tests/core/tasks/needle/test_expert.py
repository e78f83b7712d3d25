"""The expert of the needle world: its traces are of the format, its looks show the marks, and its answers are right."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domains import judge_trace
from core.errors import TaskError
from core.frames import CoordinateFrame
from core.geometry import Size
from core.grammar import parse_messages
from core.grounding import ground
from core.tasks.needle.expert import solve, solve_at_once, trace_of
from core.tasks.needle.guesses import chance_of
from core.tasks.needle.scenes import ask
from core.tasks.needle.splits import Split
from core.tasks.needle.values import DIFFICULTIES, Asked, Kind, Mark
from core.trace import DomainName, Picture, Sample, StopReason, Trace, TruthKind

FRAMES = {"thousandths": CoordinateFrame.normalised, "pixels": CoordinateFrame.original}


def sample_of(asked: Asked) -> Sample:
    domain = DomainName.WEB_GROUNDING if asked.kind is Kind.GUI else DomainName.VISUAL_SEARCH
    return Sample(asked.question, domain, (Picture("0" * 64, asked.scene.size),), asked.truth)


def traced(asked: Asked, frame: CoordinateFrame, name: str, misses: float = 0.0) -> Trace:
    return trace_of(asked, sample_of(asked), frame, DIFFICULTIES[name].rule(), misses=misses)


@given(
    seed=st.integers(min_value=0, max_value=2**40),
    name=st.sampled_from(sorted(DIFFICULTIES)),
    split=st.sampled_from(Split),
    space=st.sampled_from(sorted(FRAMES)),
    misses=st.sampled_from([0.0, 1.0]),
)
@settings(max_examples=300, deadline=None)
def test_a_trace_is_right_without_fault_and_looks_at_the_whole_mark(seed: int, name: str, split: Split, space: str, misses: float) -> None:
    asked = ask(DIFFICULTIES[name], seed, split)
    trace = traced(asked, FRAMES[space](asked.scene.size), name, misses)
    assert trace.faults == () and trace.stop is StopReason.ANSWERED
    assert judge_trace(trace).correct is True
    looked = [asked.scene.items[at] for at in asked.looks]
    wide, looks = trace.looks[: -len(looked)], trace.looks[-len(looked) :]
    for item, look in zip(looked, looks, strict=True):
        assert look.window.intersection(item.mark_box) == item.mark_box
    # A look that went wide shows nothing of any mark.
    assert len(wide) <= misses
    for look in wide:
        shared = [look.window.intersection(item.mark_box) for item in asked.scene.items]
        assert all(box is None or box.area == 0 for box in shared)


def test_a_first_thought_names_every_item_in_reading_order() -> None:
    asked = ask(DIFFICULTIES["default"], 3, Split.TRAIN)
    trace = traced(asked, CoordinateFrame.normalised(asked.scene.size), "default")
    points = [step.point for step in trace.steps if step.turn == 0 and step.point is not None][: len(asked.scene.items)]
    for item, point in zip(asked.scene.items, points, strict=True):
        assert point.distance(item.centre) < 4
        assert item.name in trace.turns[0].text


def test_all_points_are_said_twice_where_that_is_asked_for() -> None:
    asked = ask(DIFFICULTIES["default"], 3, Split.TRAIN)
    frame, rule = CoordinateFrame.normalised(asked.scene.size), DIFFICULTIES["default"].rule()
    once, twice = (solve(asked, frame, rule, repeats=share) for share in (0.0, 1.0))
    first, again = twice[0].text.removeprefix("<think> ").split(". ")[:2]
    said, said_again = (text.rstrip(")").split("), ") for text in (first, again.removeprefix("Again: ")))
    assert again.startswith("Again: ") and said_again != said and sorted(said_again) == sorted(said)
    assert twice[0].text.replace(f" {again}.", "") == once[0].text and twice[1:] == once[1:]


@pytest.mark.parametrize("mean", [0.3, 1.0, 2.5])
def test_points_are_said_again_as_often_as_is_asked_for(mean: float) -> None:
    difficulty, times = DIFFICULTIES["default"], list[int]()
    for seed in range(200):
        asked = ask(difficulty, seed, Split.TRAIN)
        said = solve(asked, CoordinateFrame.normalised(asked.scene.size), difficulty.rule(), rng=random.Random(seed), repeats=mean)[0]
        times.append(said.text.count("Again: "))
    assert set(times) <= {int(mean), int(mean) + bool(mean % 1)}
    assert sum(times) / len(times) == pytest.approx(mean, abs=0.1)


def test_misses_are_drawn_from_the_given_chance() -> None:
    asked = ask(DIFFICULTIES["default"], 5, Split.TRAIN)
    frame, rule = CoordinateFrame.normalised(asked.scene.size), DIFFICULTIES["default"].rule()
    assert solve(asked, frame, rule, misses=1.0) == solve(asked, frame, rule, misses=1.0)
    drawn = {solve(asked, frame, rule, rng=random.Random(seed), misses=0.5) for seed in range(40)}
    assert solve(asked, frame, rule) in drawn and len(drawn) > 10


@given(seed=st.integers(0, 2**40), name=st.sampled_from(sorted(DIFFICULTIES)), drawn=st.integers(0, 2**40))
@settings(max_examples=200, deadline=None)
def test_what_is_never_seen_is_guessed_behind_two_looks_or_where_the_answer_is_demanded(seed: int, name: str, drawn: int) -> None:
    asked, rule = ask(DIFFICULTIES[name], seed, Split.TRAIN), DIFFICULTIES[name].rule()
    frame = CoordinateFrame.normalised(asked.scene.size)
    trace = trace_of(asked, sample_of(asked), frame, rule, rng=random.Random(drawn), unseen=1.0)
    assert trace.faults == ()
    marks = [{item.name for item in asked.scene.items if look.window.intersection(item.mark_box) == item.mark_box} for look in trace.looks]
    shown, last = set().union(*marks), marks[-1]
    assert last == set(), "the last look shows nothing"
    assert not {asked.scene.items[at].name for at in asked.looks} <= shown
    demanded = trace.stop is StopReason.FORCED
    assert demanded or (trace.stop is StopReason.ANSWERED and marks[-2] == set() and "Look again" in trace.turns[-2].text)
    assert judge_trace(trace).correct is not None


@pytest.mark.parametrize("name", ["easy", "default", "hard"])
def test_a_guess_in_words_is_as_good_as_chance(name: str) -> None:
    difficulty, right, by_chance = DIFFICULTIES[name], list[bool](), 0.0
    for seed in range(800):
        asked = ask(difficulty, seed, Split.TRAIN)
        if asked.truth.kind is TruthKind.BOX:
            # A point is said of a place that was missed as it was listed, and is wrong then.
            continue
        frame = CoordinateFrame.normalised(asked.scene.size)
        trace = trace_of(asked, sample_of(asked), frame, difficulty.rule(), rng=random.Random(seed), unseen=1.0)
        right.append(judge_trace(trace).correct is True)
        by_chance += chance_of(asked, difficulty)
    # What a first look has ruled out makes some guesses better.
    assert by_chance / len(right) - 0.05 < sum(right) / len(right) < by_chance / len(right) + 0.15


def test_a_frame_whose_crops_cannot_show_a_mark_is_refused() -> None:
    asked = ask(DIFFICULTIES["default"], 5, Split.TRAIN)
    rule = DIFFICULTIES["default"].rule()
    with pytest.raises(TaskError, match="128 x 128"):
        solve(asked, CoordinateFrame.resized(asked.scene.size, factor=32, max_pixels=128 * 128), rule)
    with pytest.raises(TaskError, match="its own frame"):
        solve(asked, CoordinateFrame.normalised(Size(640, 480)), rule)


@given(seed=st.integers(0, 2**40), name=st.sampled_from(sorted(DIFFICULTIES)), points=st.booleans())
@settings(max_examples=60, deadline=None)
def test_who_answers_at_once_names_every_item_and_answers_right_without_a_look(seed: int, name: str, points: bool) -> None:
    asked = ask(DIFFICULTIES[name], seed, Split.TRAIN)
    frame = CoordinateFrame.normalised(asked.scene.size)
    (said,) = solve_at_once(asked, frame, points=points)
    trace = ground(sample_of(asked), parse_messages((said,)), frame, None, policy="expert")
    assert judge_trace(trace).correct is True and not trace.looks
    found = [step.point for step in trace.steps if step.point is not None]
    assert len(found) == (len(asked.scene.items) if points else 0)
    for item, point in zip(asked.scene.items, found, strict=False):
        assert point.distance(item.centre) < 4
    assert all(item.name in said.text for item in asked.scene.items)
    # What is asked for stands in it, and no mark that nobody can have seen.
    thought = said.text.partition("</think>")[0]
    assert not any(f"{mark}" in thought for mark in Mark if mark is not asked.sought)
