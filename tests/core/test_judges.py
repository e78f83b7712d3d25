"""What each judge takes for right, and in which words it says so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.geometry import Box, Point
from core.judges import Verb, WebAction, judge_point_in_box, judge_point_near, judge_text, judge_web_action, read_web_action

BOX = Box(100, 200, 180, 240)
texts = st.text(max_size=40)


@pytest.mark.parametrize(
    ("answer", "truth"),
    [
        ("left", "left"),
        (" LEFT.\n", "left"),
        ("Chair was moved left", "chair  was moved\tleft"),
        ("A. right", "right"),
        ("right", "(b) right"),
        ("A. right", "A. right"),
        ("A. right", "A"),
        ("a", "A."),
        ("b. c", "b. c"),
        ("Straße", "STRASSE"),
        ("caf\u00e9", "cafe\u0301"),
        ("7", "7"),
        ("?", "?"),
    ],
)
def test_texts_that_are_the_same(answer: str, truth: str) -> None:
    verdict = judge_text(answer, truth)
    assert (verdict.correct, verdict.score) == (True, 1.0)


@pytest.mark.parametrize(
    ("answer", "truth"),
    [
        ("cannot tell", "no"),
        ("not there", "no"),
        ("left and up", "left"),
        ("a", "cat"),
        ("B. right", "A. right"),
        ("E. coli", "B. coli"),
        ("a.m.", "p.m."),
        ("A", "A. right"),
        ("!", "?"),
        ("blue", "red"),
    ],
)
def test_texts_that_differ(answer: str, truth: str) -> None:
    verdict = judge_text(answer, truth)
    assert (verdict.correct, verdict.score) == (False, 0.0)
    assert answer in verdict.reason and truth in verdict.reason


def test_no_answer_is_wrong_and_no_truth_is_not_scored() -> None:
    assert judge_text(None, "red").reason == "No answer was given."
    assert judge_text("  ", "red").reason == "The answer is empty."
    assert judge_text(None, "red").correct is False
    for answer in (None, "", "red"):
        verdict = judge_text(answer, " ")
        assert verdict.correct is None and verdict.score is None and verdict.reason


@given(texts)
def test_a_text_is_itself(text: str) -> None:
    assert judge_text(text, text).correct is (True if text.strip() else None)


@given(texts, texts)
def test_sameness_of_texts_does_not_depend_on_case_or_end(answer: str, truth: str) -> None:
    one, two = judge_text(answer, truth), judge_text(f"  {answer} ", truth)
    assert one.correct == two.correct


@pytest.mark.parametrize("point", [Point(100, 200), Point(180, 240), Point(140.5, 220)])
def test_a_point_in_the_box_or_on_its_edge_is_right(point: Point) -> None:
    assert judge_point_in_box(point, BOX).correct is True


def test_a_point_outside_the_box_is_wrong_by_so_many_pixels() -> None:
    verdict = judge_point_in_box(Point(183, 244), BOX)
    assert (verdict.correct, verdict.score) == (False, 0.0)
    assert "5.0 px outside the box (100.0, 200.0, 180.0, 240.0)" in verdict.reason


def test_an_answer_that_is_no_point_is_wrong() -> None:
    assert judge_point_in_box(None, BOX).reason == "No answer was given."
    assert judge_point_in_box(None, BOX, answer="the button").reason == "The answer “the button” is not a point."
    assert judge_point_near(None, Point(0, 0), answer="there").correct is False


def test_a_point_is_near_under_the_limit() -> None:
    truth = Point(100, 100)
    assert judge_point_near(Point(130, 139), truth).correct is True
    assert judge_point_near(Point(130, 140), truth).correct is False, "50 px is the limit itself"
    assert judge_point_near(Point(130, 140), truth, threshold=51).correct is True
    assert "50.0 px from (100.0, 100.0)" in judge_point_near(Point(130, 140), truth).reason


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("click [12]", WebAction(Verb.CLICK, 12)),
        ("```Click [ 012 ]```", WebAction(Verb.CLICK, 12)),
        ("type [3] [stop and scroll [down]]", WebAction(Verb.TYPE, 3, "stop and scroll [down]")),
        ("type [3] []", WebAction(Verb.TYPE, 3, "")),
        ("scroll [UP]", WebAction(Verb.SCROLL, words="UP")),
        ("go_back", WebAction(Verb.GO_BACK)),
        ("stop", WebAction(Verb.STOP, words="")),
        ("stop [$ 42]", WebAction(Verb.STOP, words="$ 42")),
    ],
)
def test_actions_are_read(text: str, action: WebAction) -> None:
    assert read_web_action(text) == action


NO_ACTIONS = ("", "click 12", "click [twelve]", "click [12] [13]", "I click [12]", "click [" + "9" * 5000 + "]", "type [12]")


@pytest.mark.parametrize("text", [*NO_ACTIONS, "scroll", "scroll [left]", "hover [1]", "go_back now", "stop 42"])
def test_what_is_not_one_whole_action_is_not_read(text: str) -> None:
    assert read_web_action(text) is None


@pytest.mark.parametrize(
    ("answer", "truth", "score"),
    [
        ("click [12]", "click [12]", 1),
        ("click [13]", "click [12]", 0.5),
        ("type [12] [hello]", "click [12]", 0),
        ("type [12] [Hello ]", "type [12] [hello]", 1),
        ("type [12] [bye]", "type [12] [hello]", 2 / 3),
        ("type [13] [bye]", "type [12] [hello]", 1 / 3),
        ("type [12] [stop here]", "stop [here]", 0),
        ("stop [A. red]", "stop [red]", 1),
        ("stop [41]", "stop [42]", 0.5),
        ("stop []", "stop", 1),
        ("scroll [up]", "scroll [down]", 0.5),
        ("go_back", "go_back", 1),
        ("click 12", "click [12]", 0),
        ("", "click [12]", 0),
        (None, "click [12]", 0),
    ],
)
def test_actions_are_compared_part_by_part(answer: str | None, truth: str, score: float) -> None:
    verdict = judge_web_action(answer, truth)
    assert verdict.score == pytest.approx(score)
    assert verdict.correct is (score == 1)
    assert verdict.reason.endswith(".")


def test_a_verdict_on_an_action_sets_its_verb_apart() -> None:
    """Said behind "Right:", the bare verb would read as a part of the sentence."""
    assert judge_web_action("type [3] [hi]", "type [3] [hi]").reason == "The action “type” agrees with the truth in every part."
    assert judge_web_action("click [3]", "type [3] [hi]").reason == "The action is “click”, and should be “type”."


def test_an_unreadable_true_action_is_not_scored() -> None:
    assert judge_web_action("hover [3]", "hover [3]").correct is None


@given(texts, texts)
def test_any_texts_get_a_verdict(answer: str, truth: str) -> None:
    verdict = judge_web_action(answer, truth)
    assert (verdict.correct is None) == (verdict.score is None)
    assert verdict.score is None or 0 <= verdict.score <= 1
