"""The sentence of a step: its one coordinate replaced, and everything else as the model wrote it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotations.studies.sentences import count_words, in_one, sentence_in, sentence_parts
from core.crops import CropRule
from core.frames import CoordinateFrame
from core.geometry import Size
from core.grammar import parse
from core.grounding import ground
from core.trace import DomainName, Picture, PointSource, Sample, Trace, Truth, TruthKind
from tests import strategies

CIRCLE = "[shown with blue circle]"


def trace_of(text: str) -> Trace:
    picture = Picture("a" * 64, Size(2000, 2000))
    sample = Sample("Where?", DomainName.SPATIAL, (picture,), Truth(TruthKind.NONE))
    return ground(sample, parse(text), CoordinateFrame.original(picture.size), CropRule(100, 672, False), policy="test")


def sentences(text: str) -> list[str]:
    trace = trace_of(text)
    return [in_one(sentence_parts(trace, step, CIRCLE)) for step in trace.steps]


@pytest.mark.parametrize(
    ("thought", "said"),
    [
        ("The red mug (12, 34) stands left of the bowl.", [f"The red mug {CIRCLE} stands left of the bowl."]),
        ("(12, 34) is the red mug.", [f"{CIRCLE} is the red mug."]),
        ("  Here it is: ( 12 ,34 ) ", [f"Here it is: {CIRCLE}"]),
        ("The mug (1, 2). The bowl (3, 4).", [f"The mug {CIRCLE}.", f"The bowl {CIRCLE}."]),
        ("From the mug (1, 2) to the bowl (3, 4).", [f"From the mug {CIRCLE}", f"to the bowl {CIRCLE}."]),
        ("Nothing is there.", ["Nothing is there."]),
    ],
)
def test_the_coordinate_is_replaced(thought: str, said: list[str]) -> None:
    assert sentences(f"<think> {thought} </think>\n<answer> yes </answer>") == said


def test_other_coordinates_stay() -> None:
    """Between equal texts the place decides, and a box or a list of numbers is no point of the step."""
    (said,) = sentences("<think> The box [12, 34, 56, 78] holds the mug (12, 34). </think>\n<answer> yes </answer>")
    assert said == f"The box [12, 34, 56, 78] holds the mug {CIRCLE}."


CALL = '<tool_call>\n{"name": "search_coordinate", "arguments": {"coordinate": [120, 340]}}\n</tool_call>'


def test_a_point_that_only_the_call_names_is_shown_behind_the_words() -> None:
    (said,) = sentences(f"<think> I zoom in on the mug. </think>\n{CALL}")
    assert said == f"I zoom in on the mug. {CIRCLE}"


def test_a_call_without_words_is_the_circle_alone() -> None:
    trace = trace_of(f"<think> The mug (1, 2). </think>\n{CALL}")
    alone = trace.steps[-1]
    assert alone.mention is not None and alone.mention.source is PointSource.TOOL_CALL
    assert [(part.text, part.circle) for part in sentence_parts(trace, alone, CIRCLE)] == [(CIRCLE, True)]
    assert count_words(alone.text, alone.mention.written) == 0


def test_markup_is_left_as_it_is() -> None:
    (said,) = sentences("<think> <b>The mug</b> & <img src=x onerror=alert(1)> (1, 2) </think>\n<answer> a </answer>")
    assert said == f"<b>The mug</b> & <img src=x onerror=alert(1)> {CIRCLE}"


words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="<>()（）[]"), max_size=30)
numbers = st.integers(0, 1999)


@given(st.lists(st.tuples(words, numbers, numbers, words), min_size=1, max_size=4))
def test_joined_parts_are_the_text_with_the_one_mention_replaced(pieces: list[tuple[str, int, int, str]]) -> None:
    said = " ".join(f"{before}({x}, {y}){after}" for before, x, y, after in pieces)
    trace = trace_of(f"<think>{said}</think>\n<answer> yes </answer>")
    assert sum(step.mention is not None for step in trace.steps) == len(pieces)
    for step in trace.steps:
        parts = sentence_parts(trace, step, CIRCLE)
        if step.mention is None:
            assert parts[0].text == step.text and not parts[0].circle
            continue
        assert [part.circle for part in parts].count(True) == 1
        assert in_one(parts) == step.text.replace(step.mention.written, CIRCLE, 1).strip()
        assert parts == sentence_in(step.text, step.mention.written, CIRCLE)


@settings(max_examples=40)
@given(strategies.traces())
def test_any_trace_has_a_sentence_with_one_circle_for_each_point(trace: Trace) -> None:
    """Also where the parts of a trace do not agree with each other."""
    for step in trace.steps:
        parts = sentence_parts(trace, step, CIRCLE)
        named = step.mention is not None or step.point is not None
        assert [part.circle for part in parts].count(True) == (1 if named else 0)
        assert [part.text for part in parts if part.circle] == ([CIRCLE] if named else [])
        sentence = in_one(parts)
        assert sentence == sentence.strip() or not sentence.replace(CIRCLE, "").strip()


@pytest.mark.parametrize(
    ("text", "written", "count"),
    [
        ("The mug (1, 2) is red.", "(1, 2)", 4),
        ("(1, 2)", "(1, 2)", 0),
        ("那个红色的杯子 (1, 2)", "(1, 2)", 7),
        ("A mug.", "", 2),
        ("…  —", "", 0),
    ],
)
def test_words_are_counted_without_the_coordinate(text: str, written: str, count: int) -> None:
    assert count_words(text, written) == count
