"""The grammar reads every string, drops nothing, and reads back what it writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import FormatError
from core.grammar import (
    FORCED_PREFIX,
    FORCED_THOUGHT,
    Message,
    TurnText,
    as_messages,
    call_text,
    format_messages,
    format_turns,
    is_tool_error,
    observation_text,
    parse,
    parse_messages,
    read_box,
    read_point,
    tool_error_text,
    turn_texts,
)
from core.trace import Author, FaultKind, PointSource, StopReason

WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60).map(str.strip).filter(bool)
PLAIN = WORDS.filter(lambda text: "<" not in text)
NUMBER = st.one_of(st.integers(-50, 20_000).map(float), st.floats(-50, 20_000, allow_nan=False).map(lambda x: round(x, 3)))
CALL = st.builds(lambda thought, x, y, dot: TurnText(thought, call=(x, y), observed=True, dot=dot), PLAIN, NUMBER, NUMBER, st.booleans())
REASON = (
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
    .map(lambda text: " ".join(text.replace("<", "< ").split()))
    .filter(bool)
)
REFUSED = st.builds(lambda thought, x, y, error: TurnText(thought, call=(x, y), error=error), PLAIN, NUMBER, NUMBER, REASON)
ANSWER = st.builds(lambda thought, answer: TurnText(thought, answer=answer), PLAIN, PLAIN)
FORCED = st.builds(lambda answer: TurnText(FORCED_THOUGHT, answer=answer, forced=True), PLAIN)
TAGS = ["<think>", "</think>", "<tool_call>", "</tool_call>", "<observation>", "</observation>", "<answer>", "</answer>", "<THINK>"]
MARKS = ["<image>", "<|im_end|>", "<|im_start|>user\n", "<|im_start|>assistant\n", "(1, 2)", "(-3.5 ,9)", '{"name":', "[[", ". ", " "]
HOSTILE = st.lists(st.one_of(st.sampled_from(TAGS + MARKS), st.text(max_size=8)), max_size=30).map("".join)


@given(st.lists(st.one_of(CALL, REFUSED), max_size=5), ANSWER)
def test_a_written_conversation_is_read_back(calls: list[TurnText], last: TurnText) -> None:
    turns = (*calls, last)
    parsed = parse(format_turns(turns))
    assert turn_texts(parsed) == turns
    assert parsed.answer == last.answer
    assert parsed.stop is StopReason.ANSWERED
    assert {fault.kind for fault in parsed.faults} <= {FaultKind.NO_POINT, FaultKind.UNREADABLE_POINT}


@given(st.lists(st.one_of(CALL, REFUSED), max_size=4), st.one_of(ANSWER, FORCED))
def test_written_messages_are_read_back_with_their_authors(calls: list[TurnText], last: TurnText) -> None:
    turns = (*calls, last)
    parsed = parse_messages(format_messages(turns))
    assert turn_texts(parsed) == turns
    assert parsed.stop is (StopReason.FORCED if last.forced else StopReason.ANSWERED)


@given(st.one_of(st.text(), HOSTILE))
def test_any_text_is_read_and_nothing_is_dropped(text: str) -> None:
    parsed = parse(text)
    assert "".join(turn.text for turn in parsed.turns) == text
    for turn in parsed.turns:
        assert "".join(part.span.of(turn.text) for part in turn.authors) == turn.text
        for mention in turn.mentions:
            assert mention.span.of(turn.text) == mention.written
    for fault in parsed.faults:
        if fault.span:
            assert 0 <= fault.span.start <= fault.span.end <= len(parsed.turns[fault.turn].text)


@given(HOSTILE)
def test_turns_are_made_of_their_messages(text: str) -> None:
    parsed = parse(text)
    assert parse_messages(as_messages(parsed.turns)) == parsed


@given(HOSTILE)
def test_every_point_in_the_reasoning_is_in_exactly_one_piece(text: str) -> None:
    parsed = parse(text)
    written = [m for turn in parsed.turns for m in turn.mentions if m.source is PointSource.TEXT]
    placed = [piece.mention for piece in parsed.pieces if piece.mention and piece.mention.source is PointSource.TEXT]
    injected_free = [m for m in written if m in placed]
    assert placed == injected_free == written
    for piece in parsed.pieces:
        assert piece.span.of(parsed.turns[piece.turn].text).strip()


def test_pieces_follow_sentences_and_points() -> None:
    text = "<think>\nFirst I look around. The lamp (120, 300) stands left of the bed (400, 310). It is lit. So left.\n</think><answer>left</answer>"
    turn = parse(text).turns[0]
    assert [piece.span.of(turn.text) for piece in parse(text).pieces] == [
        "First I look around. The lamp (120, 300)",
        "stands left of the bed (400, 310).",
        "It is lit. So left.",
    ]


def test_the_call_belongs_to_the_point_it_zooms_into() -> None:
    text = f"<think> The sign (10, 20) is far, the door (30, 40) near. </think>\n{call_text(30, 40)}"
    assert [(piece.mention.x, piece.calls) for piece in parse(text).pieces if piece.mention] == [(10, False), (30, True)]


def test_a_call_to_a_place_the_text_does_not_name_takes_the_words_before_it() -> None:
    parsed = parse(f"<think> Let me look closer. </think>{call_text(30, 40)}")
    assert len(parsed.pieces) == 1
    assert parsed.pieces[0].mention and parsed.pieces[0].mention.source is PointSource.TOOL_CALL
    assert parsed.pieces[0].span.of(parsed.turns[0].text) == "Let me look closer."


OBSERVATIONS = {
    "builder, dot": observation_text(dot=True),
    "builder, no dot": observation_text(dot=False),
    "rl": "<observation>\nHere is the crop of the image centered on the coordinate:\n<image></observation><|im_end|>\n<|im_start|>assistant\n",
    "rl with a user mark": "<|im_end|>\n<|im_start|>user\n<observation>\nHere is the crop:\n<image></observation><|im_end|>\n<|im_start|>assistant\n",
    "evaluation": "<observation>\nHere is the crop of the image centered on the coordinate:\n<|vision_start|><|image_pad|><|vision_end|>\n</observation>",
    "demo": "<observation>\nHere is the crop of the image centered on the coordinate:\n</observation>\n<image>",
}


@pytest.mark.parametrize("spelling", OBSERVATIONS.values(), ids=OBSERVATIONS.keys())
def test_every_spelling_of_the_observation_is_read(spelling: str) -> None:
    said = f"<think> Look at (5, 6). </think>\n{call_text(5, 6)}\n"
    parsed = parse(said + spelling + "<think> Now I know. </think>\n<answer> red </answer>")
    assert [fault.kind for fault in parsed.faults] == []
    assert len(parsed.turns) == 2
    assert parsed.turns[0].authors[-1].author is Author.OBSERVATION
    assert parsed.answer == "red"


@pytest.mark.parametrize(
    ("written", "x", "y"),
    [
        ("(1,2)", 1, 2),
        ("( 1 , 2 )", 1, 2),
        ("(1.5, 2.)", 1.5, 2),
        ("(\n10,\t20)", 10, 20),
        ("(-4, +7)", -4, 7),
        ("(007, 3)", 7, 3),
        ("(.5, 1)", 0.5, 1),
    ],
)
def test_spacing_and_float_variants_of_a_point(written: str, x: float, y: float) -> None:
    mention = parse(f"<think>See {written}.</think><answer>a</answer>").turns[0].mentions[0]
    assert (mention.x, mention.y, mention.written) == (x, y, written)


@pytest.mark.parametrize("text", ["(1, 2, 3)", "(1 2)", "(a, 2)", "(1,)", "[1, 2]", "(1, 2"])
def test_what_is_not_a_point(text: str) -> None:
    assert parse(f"<think>See {text}.</think><answer>a</answer>").turns[0].mentions == ()


FAULTS = {
    "<think>a (1, 2)</think><answer>x": FaultKind.UNCLOSED_TAG,
    "<think>a (1, 2)</think></answer>": FaultKind.UNOPENED_TAG,
    "<think>a <think>(1, 2)</think><answer>x</answer>": FaultKind.NESTED_TAG,
    "<THINK>a (1, 2)</think><answer>x</answer>": FaultKind.TAG_CASE,
    "<answer>x</answer>": FaultKind.MISSING_THINK,
    "<think> </think><answer>x</answer>": FaultKind.EMPTY_THINK,
    "<think>a (1, 2)</think>": FaultKind.MISSING_ANSWER,
    "<think>a (1, 2)</think><answer> </answer>": FaultKind.EMPTY_ANSWER,
    "<think>a (1, 2)</think><think>b</think><answer>x</answer>": FaultKind.SEVERAL_THINKS,
    "<think>a (1, 2)</think><answer>x</answer><answer>y</answer>": FaultKind.SEVERAL_ANSWERS,
    f"<think>a</think>{call_text(1, 2)}{call_text(3, 4)}": FaultKind.SEVERAL_CALLS,
    f"<think>a</think>{call_text(1, 2)}<answer>x</answer>": FaultKind.CALL_AND_ANSWER,
    "<think>a</think><tool_call>{oops</tool_call>": FaultKind.MALFORMED_CALL,
    "<think>a</think><tool_call>[140, 220]</tool_call>": FaultKind.MALFORMED_CALL,
    '<think>a</think><tool_call>{"name": "crop", "arguments": {"coordinate": [1, 2]}}</tool_call>': FaultKind.UNKNOWN_TOOL,
    '<think>a</think><tool_call>{"name": "search_coordinate", "arguments": {"coordinate": "1, 2"}}</tool_call>': FaultKind.BAD_COORDINATE,
    '<think>a</think><tool_call>{"name": "search_coordinate", "arguments": {"coordinate": [true, 2]}}</tool_call>': FaultKind.BAD_COORDINATE,
    f"<think>a ({'9' * 400}, 2)</think><answer>x</answer>": FaultKind.UNREADABLE_POINT,
    "<think>a (−5, 20)</think><answer>x</answer>": FaultKind.UNREADABLE_POINT,
    "<think>a （１５０，９０）</think><answer>x</answer>": FaultKind.UNREADABLE_POINT,
    "<think>a (1e3, 20)</think><answer>x</answer>": FaultKind.UNREADABLE_POINT,
    "Well. <think>a (1, 2)</think><answer>x</answer>": FaultKind.STRAY_TEXT,
    "<think>a (1, 2)</think><answer>x</answer> and so on": FaultKind.AFTER_ANSWER,
    "<think>no place</think><answer>x</answer>": FaultKind.NO_POINT,
}


@pytest.mark.parametrize(("text", "kind"), FAULTS.items(), ids=[kind.value + str(i) for i, kind in enumerate(FAULTS.values())])
def test_every_defect_is_named(text: str, kind: FaultKind) -> None:
    found = [fault for fault in parse(text).faults if fault.kind is kind]
    assert len(found) == 1
    assert found[0].detail.endswith(".")


def test_an_observation_that_the_model_made_up_is_told_from_a_real_one() -> None:
    made_up = f"<think>a (1, 2)</think>{call_text(1, 2)}{observation_text(False)}<think>b</think><answer>x</answer>"
    parsed = parse_messages([Message(Author.MODEL, made_up)])
    assert FaultKind.MADE_UP_OBSERVATION in [fault.kind for fault in parsed.faults]
    assert parsed.turns[0].observation is None
    assert {part.author for part in parsed.turns[0].authors} == {Author.MODEL}


def test_what_was_injected_is_nobodys_step_and_is_known() -> None:
    parsed = parse_messages([Message(Author.INJECTED, FORCED_PREFIX), Message(Author.MODEL, " blue </answer>")])
    assert parsed.answer == "blue"
    assert parsed.pieces == ()
    assert parsed.stop is StopReason.FORCED
    assert [part.author for part in parsed.turns[0].authors] == [Author.INJECTED, Author.MODEL]


def test_the_first_call_of_a_turn_is_the_one_that_counts() -> None:
    call = parse(f"<think>a</think>{call_text(1, 2)}{call_text(3, 4)}").turns[0].call
    assert call and call.mention and (call.mention.x, call.mention.y) == (1, 2)


def test_what_is_shown_of_a_call_is_what_was_read_of_it() -> None:
    call = '{"coordinate": [9, 9], "name": "search_coordinate", "arguments": {"coordinate": [1, 1], "coordinate": [430, 210]}}'
    mention = parse(f"<think>a</think><tool_call>{call}</tool_call>").turns[0].mentions[0]
    assert (mention.x, mention.y, mention.written) == (430, 210, "[430, 210]")
    hidden = '{"name": "search_coordinate", "arguments": {"coordinate": [430, 210]}, "note": {"coordinate": [9, 9]}}'
    mention = parse(f"<think>a</think><tool_call>{hidden}</tool_call>").turns[0].mentions[0]
    assert (mention.x, mention.y) == (430, 210)
    assert mention.written != "[9, 9]"


def test_stray_text_is_still_read_for_points() -> None:
    parsed = parse("I see it at (12, 34). Done.")
    assert [(p.mention.x, p.mention.y) for p in parsed.pieces if p.mention] == [(12, 34)]
    assert parsed.stop is StopReason.NO_ACTION


@pytest.mark.parametrize(
    "hostile",
    ["<think>" * 140_000, "</think>a" * 110_000, "(" * 1_000_000, "(1, 2) " * 140_000, "<think>(1, 2). <answer>" * 43_000,
     "<tool_call>" + "[" * 1_000_000, "(" + "1" * 1_000_000, "(1" + " " * 1_000_000, "(1e" * 340_000, "（1，" * 330_000, "<observation></observation>" * 37_000,
     "<observation></observation><|im_start|>" * 25_000, "<|im_start|>user " * 58_000],
    ids=["unclosed", "unopened", "parentheses", "points", "mixed", "deep json", "digits", "spaces", "almost", "full width", "observations", "marks", "chat"],
)  # fmt: skip
def test_a_megabyte_of_hostile_text_is_read(hostile: str) -> None:
    # What is quadratic in here would take minutes; `launch.py bench` gives the times.
    assert "".join(turn.text for turn in parse(hostile).turns) == hostile


@pytest.mark.parametrize(
    "turn",
    [
        TurnText("a"),
        TurnText("a", call=(1, 2), answer="x"),
        TurnText("a <think> b", answer="x"),
        TurnText(" a", answer="x"),
        TurnText("", answer="x"),
        TurnText("a", answer="<|im_end|>"),
        TurnText("a", answer="x", observed=True),
        TurnText("a", answer="x", forced=True),
        TurnText("a", call=(float("nan"), 2)),
        TurnText("a", call=(1, 2), dot=True),
        TurnText("a", answer="x", error="No."),
        TurnText("a", call=(1, 2), observed=True, error="No."),
        TurnText("a", call=(1, 2), error="two\nlines"),
        TurnText("a", call=(1, 2), error="a <tag>"),
    ],
)
def test_what_could_not_be_read_back_is_not_written(turn: TurnText) -> None:
    with pytest.raises(FormatError):
        format_messages([turn])


def test_a_flat_completion_cannot_hold_what_needs_messages() -> None:
    with pytest.raises(FormatError):
        format_turns([TurnText(FORCED_THOUGHT, answer="x", forced=True)])
    with pytest.raises(FormatError):
        format_turns([TurnText("a", call=(1, 2)), TurnText("b", answer="x")])


def test_an_error_is_an_observation_without_a_picture() -> None:
    text = tool_error_text("The point\n is outside.")
    assert text == "<observation>\nError: The point is outside.\n</observation>"
    assert is_tool_error(text)
    parsed = parse(f"<think> See (1, 2). </think>\n{call_text(1, 2)}{text}<think> So. </think><answer> x </answer>")
    assert parsed.faults == ()
    assert [turn.observation is not None for turn in parsed.turns] == [True, False]
    assert [turn.error for turn in turn_texts(parsed)] == ["The point is outside.", ""]


@pytest.mark.parametrize("observation", OBSERVATIONS.values(), ids=OBSERVATIONS.keys())
def test_an_observation_with_a_crop_is_no_error(observation: str) -> None:
    assert not is_tool_error(observation)
    assert not is_tool_error(observation.replace("Here is", "Error: here is"))


@given(HOSTILE.filter(str.strip))
def test_nothing_in_a_reason_becomes_a_mark(reason: str) -> None:
    text = tool_error_text(reason)
    assert is_tool_error(text)
    said = f"<think> See (1, 2). </think>\n{call_text(1, 2)}"
    parsed = parse(f"{said}{text}<think> So. </think><answer> x </answer>")
    assert len(parsed.turns) == 2 and parsed.faults == ()
    assert parsed.turns[0].observation and parsed.turns[0].observation.of(parsed.turns[0].text) == text


def test_an_error_needs_a_reason() -> None:
    with pytest.raises(FormatError):
        tool_error_text(" \n ")


def test_the_chat_marks_around_an_error_are_not_part_of_it() -> None:
    around = "<|im_end|>\n<|im_start|>user\n" + tool_error_text("No.") + "<|im_end|>\n<|im_start|>assistant\n"
    assert is_tool_error(around)
    parsed = parse(f"<think> See (1, 2). </think>{call_text(1, 2)}{around}<think> So. </think><answer> x </answer>")
    assert turn_texts(parsed)[0].error == "No."


def test_answers_that_are_points_and_boxes() -> None:
    assert read_point(" (12, 34.5) ") == read_point("[12, 34.5]") == read_point("12,34.5") == (12, 34.5)
    assert read_point("(12, 34) there") is None
    assert read_point("(1, 2, 3)") is None
    assert read_point(f"({'9' * 400}, 1)") is None
    assert read_box("(1, 2, 3, 4)") == read_box("[1,2,3,4]") == (1, 2, 3, 4)
    assert read_box("1, 2, 3") is None


def test_the_reference_completions_are_kept_whole(shared: Path) -> None:
    lines = (shared / "parity" / "rewards.jsonl").read_text().splitlines()
    assert lines
    for line in lines:
        completion = json.loads(line)["completion"]
        assert "".join(turn.text for turn in parse(completion).turns) == completion
