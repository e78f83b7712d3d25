"""The profile `vigorl` against scores recorded from the reference implementation, and on text made to break it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import TruthError
from core.reference_grammar import answer_in_any_case, answer_on_one_line, multi_turn_calls, read_whole_numbers, single_turn_answer
from core.reference_rewards import RewardKind, reference_score, score_as_reference

TAGS = ("<think>", "</think>", "<answer>", "</answer>", "<tool_call>", "</tool_call>", "<observation>", "</observation>", "<|im_end|>")
CONTENTS = ("(1, 2)", '{"arguments": {"coordinate": [1, 2]}}', "{", "}", "red", " ", "\n", "(((", "9" * 5000)
completions = st.lists(st.sampled_from(TAGS + CONTENTS), max_size=14).map("".join) | st.text()
truths = st.sampled_from(["red", "(1, 2, 3, 4)", "click [1]"]) | st.text()


def test_every_recorded_score_is_reproduced_exactly(shared: Path) -> None:
    lines = [json.loads(line) for line in (shared / "parity/rewards.jsonl").read_text().splitlines()]
    assert len(lines) == 140
    differing = [line for line in lines if reference_score(line["kind"], line["completion"], line["ground_truth"]) != line["score"]]
    assert differing == []


@given(kind=st.sampled_from(RewardKind), completion=completions, truth=truths)
def test_any_text_gets_a_score_with_a_reason(kind: RewardKind, completion: str, truth: str) -> None:
    score = score_as_reference(kind, completion, truth)
    assert 0 <= score.accuracy <= 1
    assert score.format == 0 or score.format >= 1
    assert score.accuracy_reason.endswith(".") and score.format_reason.endswith(".")


@pytest.mark.parametrize(
    "text",
    ["<answer>" * 60_000, "<think>" * 60_000, "</think> <answer>" * 40_000, '<think></think><tool_call>{"' * 30_000, "(1" * 200_000],
    ids=["answers", "thinks", "starts", "calls", "points"],
)
def test_hostile_text_is_read_in_linear_time(text: str) -> None:
    # Quadratic matching would take minutes here; the test has no clock of its own.
    for kind in RewardKind:
        assert score_as_reference(kind, text, "red").format == 0


def test_unvalidated_calls_that_look_ahead_for_their_braces_are_read_in_linear_time() -> None:
    turn = "<think>a</think><tool_call>{</tool_call><observation></observation>"
    assert multi_turn_calls(turn * 5_000 + "<think>b</think><answer>red</answer>") == []


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(TruthError, match="no reward function 'point'"):
        reference_score("point", "", "")


def test_readings() -> None:
    assert single_turn_answer("<think>a</think>\n<answer> b\n</answer>") == "b"
    assert single_turn_answer("<think>a</think><answer>b</answer>\n") is None
    assert answer_on_one_line("<answer>\na</answer><answer>b</answer>") == "b"
    assert answer_on_one_line(" bare ") == "bare"
    assert answer_in_any_case("<ANSWER> a </answer>") == "a"
    assert answer_in_any_case("a") is None
    assert read_whole_numbers("1, 2") == (1, 2)
    assert read_whole_numbers("[1, 2]") == [1, 2]
    for text in ("", "(1.0, 2)", "a, b", "((1, 2)", "7", "1(2)", "[1][2]", "(" * 150):
        assert read_whole_numbers(text) is None
