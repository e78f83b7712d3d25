"""Both reward profiles on whole traces: where they agree, and one test for each defect that `strict` corrects."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domains import DOMAINS
from core.frames import CoordinateFrame
from core.geometry import Box, Point, Size
from core.grammar import TurnText, format_turns, parse
from core.grounding import ground
from core.reference_rewards import reference_score
from core.rewards import (
    ANSWER,
    ANSWER_WEIGHT,
    FORMAT,
    FORMAT_WEIGHT_WITH_LOOKS,
    LOOKS,
    LOOKS_WEIGHT,
    Profile,
    RewardBreakdown,
    distinct_looks,
    is_multi_turn,
    reward,
)
from core.trace import DomainName, Picture, Sample, Trace, Truth, TruthKind

RED = Truth(TruthKind.TEXT, "red")
BOX = Truth(TruthKind.BOX, "(100, 200, 180, 240)", Box(100, 200, 180, 240))
SIZE = Size(1260, 800)


def trace_of(
    text: str, truth: Truth = RED, *, domain: DomainName = DomainName.VISUAL_SEARCH, size: Size = SIZE, frame: CoordinateFrame | None = None
) -> Trace:
    sample = Sample("What is it?", domain, (Picture("0" * 64, size),), truth)
    return ground(sample, parse(text), frame or CoordinateFrame.original(size), DOMAINS[domain].crop, policy="test")


def looking(*points: tuple[float, float], answer: str = "red") -> str:
    turns = [TurnText("I look closer.", call=point, observed=True) for point in points]
    return format_turns([*turns, TurnText("I have seen enough.", answer=answer)])


def thinking(thought: str = "It is at (10, 20).", answer: str = "red") -> str:
    return f"<think> {thought} </think>\n<answer> {answer} </answer>"


def scored(trace: Trace, profile: Profile = "strict") -> RewardBreakdown:
    breakdown = reward(trace, profile)
    assert breakdown is not None
    return breakdown


def values(trace: Trace, profile: Profile = "strict") -> tuple[float, ...]:
    return tuple(component.value for component in scored(trace, profile).components)


# --- the two profiles on what is not in dispute


def test_a_right_and_well_formed_single_turn_earns_everything_in_both() -> None:
    trace = trace_of(thinking())
    assert values(trace) == values(trace, "vigorl") == (1, 1)
    assert scored(trace).total == scored(trace, "vigorl").total == 1


def test_four_different_looks_and_a_right_answer_earn_everything() -> None:
    trace = trace_of(looking((100, 100), (300, 100), (500, 100), (700, 100)))
    assert values(trace) == (1, 1, 1)
    assert scored(trace).total == pytest.approx(1)
    assert scored(trace, "vigorl").total == 0.6 + 0.4 * 1.6


def test_each_component_says_why() -> None:
    names = [component.name for component in scored(trace_of(looking((100, 100)))).components]
    assert names == ["Answer right", "Format kept", "Looks that differ"]
    for text in (thinking(), looking((1, 1)), "nothing", looking((9, 9), (5000, 2), answer="blue")):
        for profile in ("strict", "vigorl"):
            for component in scored(trace_of(text), profile).components:
                assert component.reason.endswith(".") and component.weight > 0


def test_the_weights_of_strict_add_up_to_one() -> None:
    for text in (thinking(), looking((1, 1))):
        assert sum(component.weight for component in scored(trace_of(text)).components) == pytest.approx(1)


@pytest.mark.parametrize("profile", ["strict", "vigorl"])
def test_no_truth_is_no_reward(profile: Profile) -> None:
    assert reward(trace_of(thinking(), Truth(TruthKind.NONE)), profile) is None
    assert reward(trace_of(thinking(answer="click [1]"), Truth(TruthKind.ACTION, "hover [1]")), profile) is None


def test_the_reference_rewards_no_nearness() -> None:
    trace = trace_of(thinking(answer="(10, 20)"), Truth(TruthKind.POINT, "(10, 20)", point=Point(10, 20)))
    assert reward(trace, "vigorl") is None
    assert scored(trace).total == 1


@pytest.mark.parametrize("profile", ["strict", "vigorl"])
def test_a_recorded_score_changes_nothing_and_stays(profile: Profile) -> None:
    trace = trace_of(thinking())
    recorded = replace(trace, recorded_score=0.25)
    assert reward(recorded, profile) == reward(trace, profile)
    assert recorded.recorded_score == 0.25


@pytest.mark.parametrize(
    ("text", "truth", "kind"),
    [
        (thinking(), RED, "text_single"),
        (looking((1, 1), (50, 50)), RED, "text_multiturn"),
        (thinking(answer="(140, 220)"), BOX, "point_single"),
        (looking((1, 1), answer="(140, 220)"), BOX, "point_multiturn"),
        (thinking(answer="click [3]"), Truth(TruthKind.ACTION, "click [4]"), "web_action"),
    ],
)
def test_the_reference_profile_scores_the_raw_text(text: str, truth: Truth, kind: str) -> None:
    trace = trace_of(text, truth)
    expected = reference_score(kind, text, truth.text)
    assert scored(trace, "vigorl").total == expected["overall"]
    assert values(trace, "vigorl") == (expected["accuracy"], expected["format"])


def test_the_reference_profile_compares_numbers_as_they_stand() -> None:
    frame = CoordinateFrame.side_limit(SIZE, 630)
    raw = trace_of(thinking(answer="(70, 110)"), BOX, frame=frame)
    assert values(raw)[0] == 1, "(70, 110) of the half picture is (140, 220)"
    assert values(raw, "vigorl")[0] == 0, "and is compared with the box of the whole picture"
    unwritten = trace_of(thinking(answer="(70, 110)"), replace(BOX, text=""), frame=frame)
    assert values(unwritten, "vigorl")[0] == 1, "a box without a text is written in the model's numbers"


def test_a_conversation_is_known_by_its_call_its_turns_or_its_prompt() -> None:
    single = trace_of(thinking())
    assert not is_multi_turn(single)
    assert is_multi_turn(trace_of(looking((1, 1))))
    assert is_multi_turn(replace(single, system_prompt=DOMAINS[DomainName.VISUAL_SEARCH].multi_turn_prompt))
    assert is_multi_turn(replace(single, settings={"turns": "multi"}))
    assert not is_multi_turn(replace(single, system_prompt=DOMAINS[DomainName.VISUAL_SEARCH].system_prompt))


def test_answering_without_a_look_is_allowed_and_earns_less() -> None:
    prompt = DOMAINS[DomainName.VISUAL_SEARCH].multi_turn_prompt
    trace = replace(trace_of(thinking("I see it at once.")), system_prompt=prompt)
    assert values(trace) == (1, 1, 0)
    assert scored(trace).total == pytest.approx(0.85)


# --- the corrections, each with the two profiles side by side


def test_correction_case_of_the_truth() -> None:
    trace = trace_of(thinking(answer="Chair was moved left"), Truth(TruthKind.TEXT, "Chair was moved left"))
    assert values(trace, "vigorl")[0] == 0
    assert values(trace)[0] == 1


def test_correction_newline_in_the_answer() -> None:
    trace = trace_of(thinking(answer="\n(140, 220)\n"), BOX, domain=DomainName.WEB_GROUNDING)
    assert values(trace, "vigorl") == (0, 1)
    assert values(trace) == (1, 1)


@pytest.mark.parametrize("call", ["[140, 220]", '{"name": "other", "arguments": {"coordinate": [140, 220]}}', "look there"])
def test_correction_unvalidated_tool_call(call: str) -> None:
    text = f"<think>a</think><tool_call>{call}</tool_call><observation></observation>" + thinking()
    trace = trace_of(text)
    assert values(trace, "vigorl") == (1, 1)
    assert values(trace) == (1, 0, 0)


def test_correction_points_outside_the_picture() -> None:
    trace = trace_of(thinking("It is at (99999, 20)."))
    assert values(trace, "vigorl") == (1, 1)
    assert values(trace) == (1, 0)
    assert "outside the picture" in scored(trace).components[1].reason
    look = trace_of(looking((99999, 20)))
    assert values(look, "vigorl") == (1, 1)
    assert values(look) == (1, 0, 0)


def test_correction_floats_are_points() -> None:
    trace = trace_of(looking((140.5, 220)))
    assert values(trace, "vigorl") == (1, 0)
    assert values(trace) == (1, 1, 0)


def test_correction_containing_the_truth_is_not_being_it() -> None:
    # The reference's web reward takes a verb anywhere in the answer for the action; its evaluation does so with every text.
    trace = trace_of(thinking(answer="I would rather not go_back"), Truth(TruthKind.ACTION, "go_back"), domain=DomainName.WEB_ACTION)
    assert values(trace, "vigorl")[0] == 1
    assert values(trace)[0] == 0
    evaluated = replace(trace_of(thinking(answer="cannot tell"), Truth(TruthKind.TEXT, "no")), recorded_score=1.0)
    assert values(evaluated)[0] == 0


def test_correction_text_without_tags_is_no_answer() -> None:
    bare = trace_of("red")
    assert values(bare, "vigorl") == (1, 0)
    assert values(bare) == (0, 0)


@pytest.mark.parametrize(
    ("answer", "truth", "reference", "strict"),
    [
        ("type [12] [stop the car]", "stop [3]", 1, 0),
        ("type [12] [bye]", "type [12] [hello]", 1, 2 / 3),
        ("stop [41]", "stop [42]", 1, 0.5),
        ("click [12] [13]", "click [12]", 1, 0),
        ("type [12] [hello]", "click [12]", 0.5, 0),
    ],
)
def test_correction_web_actions(answer: str, truth: str, reference: float, strict: float) -> None:
    trace = trace_of(thinking(answer=answer), Truth(TruthKind.ACTION, truth), domain=DomainName.WEB_ACTION)
    assert values(trace, "vigorl")[0] == reference
    assert values(trace)[0] == pytest.approx(strict)


def test_correction_a_wrong_answer_is_not_paid_for_looking() -> None:
    wrong = trace_of(looking((100, 100), (300, 100), (500, 100), (700, 100), answer="blue"))
    assert scored(wrong, "vigorl").total == pytest.approx(0.64)
    assert scored(wrong).total == pytest.approx(0.25)
    assert "paid only where the answer is right" in scored(wrong).components[2].reason


def test_correction_looks_beyond_four_earn_nothing() -> None:
    five = trace_of(looking(*((100.0 * n, 100) for n in range(1, 6))))
    assert scored(five, "vigorl").total == pytest.approx(1.32)
    assert scored(five).total == pytest.approx(1)


def test_correction_what_is_different_grows_with_the_picture() -> None:
    points = ((100, 100), (115, 100))
    small, large = trace_of(looking(*points)), trace_of(looking(*points), size=Size(12_600, 8000))
    assert values(small, "vigorl") == values(large, "vigorl") == (1, 1.2)
    assert (distinct_looks(small), distinct_looks(large)) == (2, 1)
    assert values(small)[2] == pytest.approx(1 / 3) and values(large)[2] == 0


@pytest.mark.parametrize(("step", "looks"), [(9.9, 1), (10, 2)])
def test_ten_pixels_of_1260_are_the_distance(step: float, looks: int) -> None:
    assert distinct_looks(trace_of(looking((100, 100), (100 + step, 100)))) == looks
    normalised = CoordinateFrame.normalised(SIZE)
    assert distinct_looks(trace_of(looking((100, 100), (100 + step / 1.26, 100)), frame=normalised)) == looks


def test_an_unanswered_call_is_no_look() -> None:
    text = format_turns([TurnText("a", call=(10, 10), observed=True), TurnText("b", call=(200, 200))])
    assert distinct_looks(trace_of(text)) == 1


def test_a_call_that_was_answered_by_an_error_is_no_look() -> None:
    turns = [TurnText("a", call=(10, 10), observed=True), TurnText("b", call=(200, 200), error="No."), TurnText("c", answer="red")]
    assert distinct_looks(trace_of(format_turns(turns))) == 1


def test_a_call_of_another_tool_is_no_look() -> None:
    trace = trace_of(looking((10, 10), (200, 200)).replace("search_coordinate", "other", 1))
    assert distinct_looks(trace) == 1


def test_faults_are_told_and_counted() -> None:
    trace = trace_of("<think>(1, 2)</think> so: <answer>red</answer> and that is that")
    reason = scored(trace).components[1].reason
    assert reason.startswith("2 faults: ") and "(turn 1)" in reason
    many = trace_of("a <think>" * 9)
    assert f"; and {len(many.faults) - 3} more." in scored(many).components[1].reason


def test_an_answer_of_another_kind_than_the_truth_breaks_the_format() -> None:
    button = trace_of(thinking(answer="the button"), BOX, domain=DomainName.WEB_GROUNDING)
    assert values(button) == (0, 0)
    action = trace_of(thinking(answer="click it"), Truth(TruthKind.ACTION, "click [1]"), domain=DomainName.WEB_ACTION)
    assert values(action) == (0, 0)
    assert "not one whole action" in scored(action).components[1].reason


def test_every_correction_and_component_stands_in_the_docs() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/rewards.md").read_text()
    corrections = [name for name in globals() if name.startswith("test_correction_")]
    assert len(corrections) >= 10
    for word in (*corrections, ANSWER, FORMAT, LOOKS, str(ANSWER_WEIGHT), str(FORMAT_WEIGHT_WITH_LOOKS), str(LOOKS_WEIGHT)):
        assert f"`{word}`" in page or f"| {word} |" in page, word


# --- properties

CALL = '{"name": "search_coordinate", "arguments": {"coordinate": [10, 20]}}'
TAGS = ("<think>", "</think>", "<answer>", "</answer>", "<tool_call>", "</tool_call>", "<observation>", "</observation>")
words = st.sampled_from([*TAGS, CALL, "(10, 20)", "(9e9, 1)", "red", " ", "9" * 320])
truths = st.sampled_from([RED, BOX, Truth(TruthKind.ACTION, "click [1]"), Truth(TruthKind.POINT, "", point=Point(1, 1))])


@given(text=st.lists(words, max_size=20).map("".join) | st.text(), truth=truths)
def test_strict_lies_between_nothing_and_one_on_any_text(text: str, truth: Truth) -> None:
    breakdown = scored(trace_of(text, truth))
    assert 0 <= breakdown.total <= 1 + 1e-12
    assert all(0 <= component.value <= 1 for component in breakdown.components)
    reward(trace_of(text, truth), "vigorl")


@given(st.lists(st.tuples(st.integers(0, 1260), st.integers(0, 800)), min_size=1, max_size=8))
def test_a_right_answer_earns_more_than_any_wrong_one(points: list[tuple[int, int]]) -> None:
    right, wrong = scored(trace_of(looking(*points))), scored(trace_of(looking(*points, answer="blue")))
    assert right.total >= 0.85 - 1e-12 and wrong.total <= 0.25 + 1e-12
    assert 1 <= distinct_looks(trace_of(looking(*points))) <= len(points)
