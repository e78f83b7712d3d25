"""Grounding places every point and look, and says which ones it cannot place."""

from __future__ import annotations

import pytest

from core.crops import CropRule
from core.frames import CoordinateFrame
from core.geometry import Point, Size
from core.grammar import call_text, observation_text, parse, tool_error_text
from core.grounding import ground
from core.trace import DomainName, FaultKind, Picture, Sample, Trace, Truth, TruthKind

SIZE = Size(640, 480)
RULE = CropRule(50, 384, False)


def _trace(text: str, truth: Truth | None = None, domain: DomainName = DomainName.VISUAL_SEARCH, size: Size = SIZE) -> Trace:
    sample = Sample("Where?", domain, (Picture("a" * 64, size),), truth or Truth(TruthKind.TEXT, "red"))
    return ground(sample, parse(text), CoordinateFrame.original(size), RULE, policy="test")


def _look(said: str, called: tuple[float, float]) -> str:
    return f"<think> Look at {said}. </think>{call_text(*called)}{observation_text(False)}<think> So. </think><answer> red </answer>"


def test_a_step_carries_what_was_written_and_where_it_is() -> None:
    step = _trace("<think>See (12, 34).</think><answer>red</answer>").steps[0]
    assert step.mention and (step.mention.written, step.point, step.inside) == ("(12, 34)", Point(12, 34), True)


@pytest.mark.parametrize(("said", "called"), [("(640.8, 90)", (640, 90)), ("(320, 480.6)", (320, 480))])
def test_a_look_is_where_its_call_points_though_the_text_is_a_rounding_outside(said: str, called: tuple[float, float]) -> None:
    trace = _trace(_look(said, called))
    assert trace.steps[0].inside is False
    assert trace.steps[0].look is not None
    assert [fault.kind for fault in trace.faults] == [FaultKind.POINT_OUTSIDE]


def test_a_call_a_rounding_outside_is_no_look_and_is_said() -> None:
    trace = _trace(_look("(640, 90)", (640.8, 90)))
    assert trace.steps[0].inside is True
    assert trace.looks == ()
    assert [fault.detail for fault in trace.faults] == ["[640.8, 90] is outside the picture: the frame ends at (640, 480)."]


def test_a_call_that_was_never_answered_is_no_look() -> None:
    trace = _trace(f"<think> Look at (12, 34). </think>{call_text(12, 34)}")
    assert trace.looks == ()


@pytest.mark.parametrize("name", ["search_coordinate", "zoom"])
def test_a_call_that_was_answered_by_an_error_is_no_look(name: str) -> None:
    call = call_text(12, 34).replace("search_coordinate", name)
    error = tool_error_text("That cannot be done.")
    trace = _trace(f"<think> Look at (12, 34). </think>{call}{error}{_look('(50, 60)', (50, 60))}")
    assert [look.window.x1 for look in trace.looks] == [0.0]
    assert [step.look is not None for step in trace.steps] == [False, True, False]


@pytest.mark.parametrize("answer", ["1,250", "2, 3", "(9000, 9000)"])
def test_a_text_of_two_numbers_is_no_place_where_a_text_is_asked_for(answer: str) -> None:
    trace = _trace(f"<think>See (12, 34).</think><answer>{answer}</answer>")
    assert trace.answer_point is None
    assert trace.faults == ()


@pytest.mark.parametrize("truth", [Truth(TruthKind.POINT, "(9, 9)", point=Point(9, 9)), Truth(TruthKind.NONE)])
def test_an_answer_is_a_place_where_places_are_asked_for(truth: Truth) -> None:
    trace = _trace("<think>See (12, 34).</think><answer>(20, 30)</answer>", truth, DomainName.WEB_GROUNDING)
    assert trace.answer_point == Point(20, 30)


def test_an_answer_outside_is_a_fault() -> None:
    trace = _trace("<think>See (12, 34).</think><answer>(700, 30)</answer>", Truth(TruthKind.NONE), DomainName.WEB_GROUNDING)
    assert [fault.kind for fault in trace.faults] == [FaultKind.POINT_OUTSIDE]


def test_numbers_beyond_all_measure_name_no_place() -> None:
    trace = _trace(f"<think>See ({'9' * 200}, 34).</think><answer>red</answer>")
    assert (trace.steps[0].point, trace.steps[0].inside) == (None, False)
    assert [fault.kind for fault in trace.faults] == [FaultKind.POINT_OUTSIDE]
