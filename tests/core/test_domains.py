"""The four domains: prompts that state the rules, crop rules, and the judge that fits the truth."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.crops import CropRule
from core.domains import DOMAINS, JUDGES, judge_answer, judge_trace
from core.errors import TruthError
from core.frames import CoordinateFrame
from core.geometry import Box, Point, Size
from core.grammar import ANSWER_CLOSE, ANSWER_OPEN, THINK_CLOSE, THINK_OPEN, TOOL_NAME, parse
from core.grounding import ground
from core.judges import Verb, read_web_action
from core.rewards import reward
from core.trace import DomainName, Picture, Sample, StopReason, Truth, TruthKind

FRAME = CoordinateFrame.original(Size(300, 200))
HALF = CoordinateFrame.side_limit(Size(300, 200), 150)


def test_every_domain_is_there_under_its_name() -> None:
    assert set(DOMAINS) == set(DomainName)
    assert all(name is domain.name for name, domain in DOMAINS.items())
    assert set(JUDGES) == set(TruthKind)
    assert len({domain.title for domain in DOMAINS.values()}) == 4


def test_crops_are_those_of_the_method() -> None:
    crops = {name.value: domain.crop for name, domain in DOMAINS.items()}
    assert crops == {
        "spatial": None,
        "visual_search": CropRule(182, 672, dot=False),
        "web_grounding": CropRule(100, 512, dot=True),
        "web_action": None,
    }


def test_a_domain_zooms_exactly_where_it_has_a_prompt_for_it() -> None:
    for domain in DOMAINS.values():
        assert (domain.crop is None) == (domain.multi_turn_prompt is None)


@pytest.mark.parametrize("name", DomainName)
def test_prompts_state_the_shape_of_a_reply(name: DomainName) -> None:
    domain = DOMAINS[name]
    for prompt in (domain.system_prompt, domain.multi_turn_prompt or domain.system_prompt):
        for mark in (THINK_OPEN, THINK_CLOSE, ANSWER_OPEN, ANSWER_CLOSE, "(x, y)", "exactly one"):
            assert mark in prompt
        assert prompt == prompt.strip() and "\\" not in prompt, "real newlines, and nothing to escape"
    assert TOOL_NAME not in domain.system_prompt
    assert (
        domain.multi_turn_prompt is None or f'{{"name": "{TOOL_NAME}", "arguments": {{"coordinate": [x, y]}}}}' in domain.multi_turn_prompt
    )


def test_the_web_agent_is_told_each_action_that_its_judge_can_read() -> None:
    prompt = DOMAINS[DomainName.WEB_ACTION].system_prompt
    assert all(verb in prompt for verb in Verb)
    for example in ("scroll [down]", "scroll [up]", "go_back", "stop [answer]"):
        assert example in prompt and read_web_action(example)


def test_an_answer_is_judged_by_the_kind_of_its_truth() -> None:
    text = Truth(TruthKind.TEXT, "red")
    assert judge_answer(DomainName.VISUAL_SEARCH, "Red.", text, FRAME).correct is True
    assert judge_answer(DomainName.SPATIAL, "(20, 20)", Truth(TruthKind.BOX, "", Box(10, 10, 30, 30)), FRAME).correct is True
    assert judge_answer(DomainName.WEB_ACTION, "click [1]", Truth(TruthKind.ACTION, "click [1]"), FRAME).correct is True
    near = Truth(TruthKind.POINT, "(100, 100)", point=Point(100, 100))
    assert judge_answer(DomainName.WEB_GROUNDING, "(120, 100)", near, FRAME).correct is True


def test_numbers_are_taken_from_the_frame_to_the_original() -> None:
    box = Truth(TruthKind.BOX, "", Box(100, 100, 140, 140))
    assert judge_answer(DomainName.WEB_GROUNDING, "(60, 60)", box, HALF).correct is True
    assert judge_answer(DomainName.WEB_GROUNDING, "(60, 60)", box, FRAME).correct is False
    for spelling in ("[60, 60]", "60, 60", " ( 60.5 ,60 ) "):
        assert judge_answer(DomainName.WEB_GROUNDING, spelling, box, HALF).correct is True


@pytest.mark.parametrize("name", DomainName)
def test_without_a_truth_nothing_is_scored(name: DomainName) -> None:
    for answer in (None, "", "red"):
        verdict = judge_answer(name, answer, Truth(TruthKind.NONE), FRAME)
        assert verdict.correct is None and verdict.score is None and verdict.reason.endswith(".")


@pytest.mark.parametrize("truth", [Truth(TruthKind.BOX, "(1, 2"), Truth(TruthKind.POINT, "here")])
def test_a_box_or_point_that_is_none_is_a_wrong_call(truth: Truth) -> None:
    with pytest.raises(TruthError, match=r"\(1, 2|here"):
        judge_answer(DomainName.WEB_GROUNDING, "(1, 2)", truth, FRAME)


@pytest.mark.parametrize("kind", [TruthKind.TEXT, TruthKind.BOX, TruthKind.POINT, TruthKind.ACTION])
def test_no_answer_is_wrong_where_a_truth_is_known(kind: TruthKind) -> None:
    truth = Truth(kind, "go_back", Box(0, 0, 1, 1), Point(0, 0))
    verdict = judge_answer(DomainName.SPATIAL, None, truth, FRAME)
    assert verdict.correct is False and verdict.reason == "No answer was given."


def test_an_answer_of_huge_numbers_is_only_wrong() -> None:
    box = Truth(TruthKind.BOX, "", Box(0, 0, 1, 1))
    assert judge_answer(DomainName.WEB_GROUNDING, f"({'9' * 290}, 1)", box, FRAME).correct is False
    assert judge_answer(DomainName.WEB_GROUNDING, f"({'9' * 400}, 1)", box, FRAME).correct is False


@pytest.mark.parametrize("stop", [StopReason.CANCELLED, StopReason.ERROR])
def test_what_was_stopped_or_broke_off_is_neither_right_nor_wrong(stop: StopReason) -> None:
    picture = Picture("0" * 64, Size(100, 100))
    sample = Sample("Which colour?", DomainName.VISUAL_SEARCH, (picture,), Truth(TruthKind.TEXT, "red"))
    frame = CoordinateFrame.original(picture.size)
    begun = ground(sample, parse("<think> Look at (3, 4)"), frame, None, policy="test", stop=stop)
    assert judge_trace(begun).correct is None and reward(begun, "strict") is None
    # Half an answer is none, and a whole one may have been about to be cut off: the same rule for both.
    answered = ground(sample, parse("<think> At (3, 4). </think><answer> blue </answer>"), frame, None, policy="test", stop=stop)
    assert judge_trace(answered).correct is None
    assert judge_trace(replace(answered, stop=StopReason.ANSWERED)).correct is False
    assert judge_trace(replace(begun, stop=StopReason.MAX_TURNS)).correct is False
