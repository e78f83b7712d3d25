"""People's corrections: where they agree, and the trace with its points there."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotations.curation.corrections import Corrected, Hindrance, consensus, correct, move_points, respelt
from annotations.ratings.values import Correction
from core.frames import CoordinateFrame
from core.geometry import Box, Point, Size
from core.grammar import FORCED_PREFIX, Message, TurnText, as_messages, format_turns, parse, parse_messages
from core.grounding import ground
from core.trace import Author, DomainName, PointSource, StopReason, Trace, Truth, TruthKind
from tests.annotations.curation.making import FRAME, RULE, SIZE, conversation, evidence, judged, thought
from tests.strategies import frames, hashes

HERE = Point(100, 50)


def said(*answers: str, **corrections: Correction) -> Point | None:
    """Where people move the point HERE to: person k answers `answers[k]` and corrects by `p<k>`."""
    ratings = [judged("t", 0, k, answer, correction=corrections.get(f"p{k}")) for k, answer in enumerate(answers)]
    return consensus(HERE, evidence(ratings).steps[0], SIZE)


def point(x: float, y: float) -> Correction:
    return Correction(point=Point(x, y))


def box(*corners: float) -> Correction:
    return Correction(box=Box(*corners))


def test_people_agree_on_the_median_of_points_and_box_centres() -> None:
    assert said("no", p0=point(300, 200)) == Point(300, 200)
    assert said("no", "no", "no", p0=point(300, 200), p1=box(290, 100, 310, 200), p2=point(10, 170)) == Point(300, 170)
    assert said("no", "no", p0=point(300, 200), p1=point(310, 220)) == Point(305, 210)


def test_at_least_half_of_those_who_found_it_inaccurate_must_have_said_where_to() -> None:
    assert said("no", "no", p0=point(300, 200)) == Point(300, 200)
    assert said("no", "no", "no", p0=point(300, 200)) is None


def test_a_step_that_most_find_accurate_is_not_moved() -> None:
    assert said("yes", "yes", "no", p2=point(300, 200)) is None
    assert said("yes", "no", p1=point(300, 200)) == Point(300, 200), "a tie is not accurate"
    assert said("unsure", "unsure", "no", p2=point(300, 200)) == Point(300, 200)


def test_only_those_who_found_it_inaccurate_move_it() -> None:
    assert said("yes", "no", p0=point(300, 200)) is None
    assert said("unsure", p0=point(300, 200)) is None


def test_a_box_around_the_point_says_that_it_may_stay() -> None:
    assert said("no", p0=box(90, 40, 400, 300)) is None
    assert said("no", "no", "no", p0=box(90, 40, 400, 300), p1=point(300, 200), p2=box(100, 50, 110, 60)) is None
    assert said("no", "no", p0=box(100, 50, 400, 300), p1=point(300, 250)) == Point(200, 150)


def test_what_lies_outside_the_picture_is_nobodys_correction() -> None:
    assert said("no", p0=point(700, 200)) is None
    assert said("no", p0=box(700, 200, 800, 300)) is None
    assert said("no", p0=box(500, 300, 700, 500)) == Point(550, 350), "of a box over the edge, the part in the picture counts"


@pytest.mark.parametrize(
    ("written", "now"),
    [
        ("(100, 50)", "(301, 200)"),
        ("( 100,50 )", "( 301,200 )"),
        ("(100.50, 50)", "(300.67, 200)"),
        ("(100, 50.0)", "(301, 200.3)"),
        ("(+100, -50)", "(301, 200)"),
        ("(100., .5)", "(301, 200.3)"),
        ("(1.12345678901, 5)", "(300.666667, 200)"),
    ],
)
def test_the_number_style_stays(written: str, now: str) -> None:
    assert respelt(written, Point(300 + 2 / 3, 200.26), FRAME) == now


def test_a_point_is_spelt_in_the_traces_own_frame() -> None:
    assert respelt("(1, 2)", Point(300, 100), CoordinateFrame.normalised(SIZE)) == "(500, 250)"
    turned = CoordinateFrame.original(Size(400, 600), orientation=6)
    assert turned.to_original(1, 2) != Point(1, 2)
    assert respelt("(1, 2)", turned.to_original(30, 40), turned) == "(30, 40)"
    assert respelt("(1, 2)", Point(0, 400), FRAME) == "(0, 400)"


sentences = st.sampled_from(
    ["I look around.", "The lamp at {} is blue.", "At {} it stands.", "{}", "From {} to {} there is more!", "Is {} it?"]
)
styles = st.sampled_from(["({x:.0f}, {y:.0f})", "( {x:.0f},{y:.0f} )", "({x:.2f}, {y:.1f})", "({x:.0f}, {y:.3f})"])


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    """Conversations with points in every style, looks, repeated points, answers that repeat one, faults."""
    frame = draw(frames)
    fractions = st.integers(0, 20).map(lambda part: part / 20)
    pool = [(draw(fractions) * frame.grid.width, draw(fractions) * frame.grid.height) for _ in range(4)]

    def words() -> str:
        sentence = draw(sentences)
        named = [draw(styles).format(x=x, y=y) for x, y in draw(st.lists(st.sampled_from(pool), min_size=2, max_size=2))]
        return sentence.format(*named)

    turns = []
    for _ in range(draw(st.integers(0, 2))):
        x, y = draw(st.sampled_from(pool))
        turns.append(TurnText(" ".join(words() for _ in range(draw(st.integers(1, 3)))), call=(round(x), round(y)), observed=True))
    x, y = draw(st.sampled_from(pool))
    turns.append(TurnText(" ".join(words() for _ in range(draw(st.integers(1, 3)))), answer=f"({x:.0f}, {y:.0f})"))
    if draw(st.booleans()):
        return conversation(*turns, frame=frame)
    messages = list(parse_like(turns))
    if draw(st.booleans()):
        messages = [*messages[:-1], Message(Author.INJECTED, FORCED_PREFIX), Message(Author.MODEL, f" {turns[-1].answer} </answer>")]
    stray = Message(
        messages[0].author, draw(st.sampled_from(["Stray (3, 4) text. ", "<think> (１, 2) </think>", "<THINK>"])) + messages[0].text
    )
    plain = conversation(*turns, frame=frame)
    return ground(plain.sample, parse_messages([stray, *messages[1:]]), frame, RULE, policy="hand")


def parse_like(turns: list[TurnText]) -> tuple[Message, ...]:
    return as_messages(parse(format_turns(turns)).turns)


@settings(max_examples=60)
@given(traces(), st.data())
def test_a_corrected_trace_is_a_trace_whose_points_are_where_people_put_them(trace: Trace, data: st.DataObject) -> None:
    movable = [step.index for step in trace.steps if step.mention]
    picture = trace.frame.picture
    places = st.builds(Point, st.floats(0, picture.width), st.floats(0, picture.height))
    chosen = data.draw(st.lists(st.sampled_from(movable), unique=True, max_size=3)) if movable else []
    moves = {number: data.draw(places) for number in chosen}
    result = move_points(trace, moves)
    if isinstance(result, Hindrance):
        assert moves
        return
    assert Trace.from_json(result.to_json()) == result
    read = parse_messages(as_messages(result.turns))
    assert ground(trace.sample, read, trace.frame, RULE, policy="hand", stop=trace.stop) == result, "the text says what the trace says"
    unit = trace.frame.unit
    for old, new in zip(trace.steps, result.steps, strict=True):
        assert (new.look, new.turn) == (old.look, old.turn)
        if old.index not in moves:
            assert (new.text, new.point) == (old.text, old.point)
            continue
        assert new.point and new.inside, "what people point at is in the picture"
        assert abs(new.point.x - moves[old.index].x) <= unit.x / 2 + 1e-6
        assert abs(new.point.y - moves[old.index].y) <= unit.y / 2 + 1e-6
    assert [turn.observation and turn.observation.of(turn.text) for turn in result.turns] == [
        turn.observation and turn.observation.of(turn.text) for turn in trace.turns
    ]
    assert (result.answer, result.answer_point, result.looks) == (trace.answer, trace.answer_point, trace.looks)


def test_the_words_around_a_moved_point_stay() -> None:
    trace = thought("The lamp at (100, 50) is blue.", "Beside it at (7, 8) and (10, 11) more.", "Done.")
    moved = move_points(trace, {0: Point(300, 200), 2: Point(1, 399)})
    assert isinstance(moved, Trace)
    assert (
        moved.turns[0].text
        == "<think> The lamp at (300, 200) is blue. Beside it at (7, 8) and (1, 399) more. Done. </think>\n<answer> (2, 3) </answer>"
    )
    assert [step.point for step in moved.steps] == [Point(300, 200), Point(7, 8), Point(1, 399), None]
    assert moved.content_hash != trace.content_hash
    assert move_points(trace, {}) == trace
    assert move_points(trace, {0: Point(100.4, 49.6)}) == trace, "whole numbers cannot tell it"


def test_a_point_that_the_model_zoomed_in_on_cannot_be_moved() -> None:
    looked = conversation(TurnText("There at (100, 50).", call=(100, 50), observed=True), TurnText("Yes.", answer="(2, 3)"))
    assert looked.steps[0].look and looked.steps[0].mention and looked.steps[0].mention.source is PointSource.TEXT
    assert move_points(looked, {0: Point(300, 200)}) is Hindrance.ZOOMED
    bare = conversation(TurnText("There.", call=(100, 50), observed=True), TurnText("Yes.", answer="(2, 3)"))
    assert bare.steps[0].mention and bare.steps[0].mention.source is PointSource.TOOL_CALL
    assert move_points(bare, {0: Point(300, 200)}) is Hindrance.ZOOMED
    unanswered = conversation(TurnText("There at (100, 50).", call=(100, 50)))
    assert unanswered.steps[0].look is None
    assert move_points(unanswered, {0: Point(300, 200)}) is Hindrance.ZOOMED
    twice = conversation(TurnText("At (100, 50). Again (100, 50).", call=(100, 50), observed=True), TurnText("Yes.", answer="(2, 3)"))
    assert twice.steps[0].look is None
    assert move_points(twice, {0: Point(300, 200)}) is Hindrance.ZOOMED
    other = conversation(TurnText("At (100, 50). Then (7, 8).", call=(7, 8), observed=True), TurnText("Yes.", answer="(2, 3)"))
    assert isinstance(move_points(other, {0: Point(300, 200)}), Trace)


def test_a_point_that_the_answer_repeats_cannot_be_moved() -> None:
    assert move_points(thought("There at (100, 50).", answer="(100, 50)"), {0: Point(300, 200)}) is Hindrance.ANSWERED
    number = Truth(TruthKind.TEXT, "100,50")
    plain = thought("There at (100, 50).", answer="100,50", truth=number)
    spatial = ground(
        type(plain.sample)(plain.sample.question, DomainName.SPATIAL, plain.sample.pictures, number),
        parse(plain.text),
        FRAME,
        None,
        policy="hand",
    )
    assert spatial.answer_point is None
    assert isinstance(move_points(spatial, {0: Point(300, 200)}), Trace), "two numbers are a place only where places are asked for"


def test_a_text_that_would_be_read_as_other_steps_is_left_alone() -> None:
    trace = conversation(TurnText("At (100, 50). Then.", call=(7, 8), observed=True), TurnText("Yes.", answer="(2, 3)"))
    assert [step.point for step in trace.steps[:2]] == [Point(100, 50), Point(7, 8)]
    assert move_points(trace, {0: Point(7, 8)}) is Hindrance.READ_OTHERWISE, "the call would now belong to the first step"


def test_what_was_put_into_the_models_mouth_is_not_rewritten() -> None:
    messages = [Message(Author.INJECTED, "<think> I see (1"), Message(Author.MODEL, "00, 50) there. </think><answer> (2, 3) </answer>")]
    trace = ground(thought("x").sample, parse_messages(messages), FRAME, None, policy="hand")
    assert trace.stop is StopReason.FORCED and trace.steps[0].point == HERE
    assert move_points(trace, {0: Point(300, 200)}) is Hindrance.READ_OTHERWISE


def test_a_correction_says_what_was_moved_and_by_how_many() -> None:
    trace = thought("The lamp at (100, 50) is blue.", "Beside it at (7, 8) more.", "Then (20, 30).")
    ratings = [judged("t", 0, 1, "no", correction=point(300, 200)), judged("t", 0, 2, "no", correction=point(302, 204)), judged("t", 1, 1)]
    ratings += [judged("t", 2, 1, "no", correction=point(20.2, 29.8)), judged("t", 9, 1, "no", correction=point(1, 1))]
    result = correct(trace, evidence(ratings, asked=10))
    assert isinstance(result, Corrected)
    assert [(one.step, one.raters, one.was, one.now) for one in result.steps] == [(0, 2, "(100, 50)", "(301, 202)")]
    assert result.trace.steps[0].point == Point(301, 202)
    assert correct(trace, evidence([judged("t", 0, 1)])) == Corrected(trace, ())


@given(hashes)
def test_a_trace_without_corrections_is_the_very_same(trace_hash: str) -> None:
    trace = thought("There at (100, 50).")
    assert correct(trace, evidence([judged(trace_hash, 0, 1, "no")])) == Corrected(trace, ())
