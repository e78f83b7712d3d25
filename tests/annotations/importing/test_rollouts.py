"""Evaluation rollouts become traces: points in original pixels, crops cut again, forced answers marked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from annotations.importing.report import ImportReport, Outcome
from core.crops import CropRule, look_at
from core.geometry import Point
from core.trace import Author, DomainName, FaultKind, StopReason, Trace, TruthKind
from tests.annotations.importing.conftest import Bench
from tests.annotations.importing.lines import call, jsonl, rollout

MULTI = {
    "check_for_crop": True,
    "max_depth": 2,
    "crop_offset": 182,
    "crop_size": 672,
    "draw_dot": False,
    "max_pixels": 1_000_000,
    "model": "m",
}
SINGLE = {"generate_upfront": True, "max_depth": 10, "max_image_side": 1000, "temperature": 0.5, "api_key": "secret"}


def taken(bench: Bench, row: dict[str, Any], arguments: dict[str, Any] | None, **options: Any) -> tuple[Trace, ImportReport]:
    """The only trace of a row that is imported beside an args.json."""
    if arguments is not None:
        bench.write("args.json", json.dumps(arguments))
    report = bench.take(bench.write("rollouts.jsonl", jsonl(row)), **options)
    assert report.refused == ()
    return bench.traces[0], report


def test_a_single_turn_rollout_lies_in_the_limited_picture(bench: Bench) -> None:
    trace, report = taken(bench, rollout(), SINGLE)
    assert trace.steps[0].point == Point(200, 100)
    assert (trace.answer, trace.stop, trace.recorded_score, trace.faults) == ("blue", StopReason.ANSWERED, 1.0, ())
    assert (trace.sample.question, trace.sample.external_id) == ("What colour is the lamp?", "7")
    assert (trace.policy, trace.system_prompt) == ("unknown", "SYSTEM")
    assert trace.settings == {"generate_upfront": True, "max_depth": 10, "max_image_side": 1000, "temperature": 0.5}
    assert trace.turns[0].text == "<think>\nThe lamp at (100, 50) is blue.\n</think>\n<answer> blue </answer>"
    assert report.count(Outcome.TAKEN) == 1


def test_a_call_is_answered_by_the_crop_that_the_run_cut(bench: Bench) -> None:
    trace, _ = taken(bench, rollout(thoughts=[call(100, 50)]), MULTI)
    frame = trace.frame
    assert (frame.grid.width, frame.grid.height) == (1400, 700)
    assert trace.looks == (look_at(100, 50, frame, CropRule(182, 672, dot=False)),)
    assert trace.looks[0].cut == ("left", "top")
    assert [part.author for part in trace.turns[0].authors] == [Author.MODEL, Author.OBSERVATION]
    assert (trace.sample.domain, trace.stop, trace.policy) == (DomainName.VISUAL_SEARCH, StopReason.ANSWERED, "m")
    # The reference does not keep the last turn's thought: nobody can say that it was missing.
    assert trace.faults == ()


def test_an_answer_after_the_last_permitted_turn_was_forced(bench: Bench) -> None:
    trace, _ = taken(bench, rollout(thoughts=[call(100, 50), call(400, 90)]), MULTI)
    assert trace.stop is StopReason.FORCED
    assert [part.author for part in trace.turns[-1].authors] == [Author.INJECTED, Author.MODEL]
    assert trace.answer == "blue"


def test_a_malformed_call_gets_no_observation(bench: Bench) -> None:
    broken = "<think> At (100, 50). </think>\n<tool_call>\n{broken\n</tool_call>"
    trace, _ = taken(bench, rollout(thoughts=[broken]), MULTI)
    assert trace.looks == ()
    assert trace.turns[0].observation is None
    assert FaultKind.MALFORMED_CALL in {fault.kind for fault in trace.faults}


def test_a_call_outside_the_picture_is_a_fault_and_no_look(bench: Bench) -> None:
    trace, report = taken(bench, rollout(thoughts=[call(9000, 50)]), MULTI)
    assert trace.looks == ()
    assert FaultKind.POINT_OUTSIDE in {fault.kind for fault in trace.faults}
    assert report.points.outside == 2


def test_without_args_the_domain_says_how_crops_are_cut(bench: Bench) -> None:
    trace, report = taken(bench, rollout(thoughts=[call(1000, 500)]), None)
    assert trace.looks[0].output.width == 672
    assert report.count(Outcome.REPAIRED) == 1


def test_a_box_truth_lies_in_the_frame_of_the_points_and_a_point_truth_does_not(bench: Bench) -> None:
    box, _ = taken(bench, rollout(true_answer="(100, 50, 200, 100)", final_answer="(150, 75)"), SINGLE)
    assert (box.sample.domain, box.sample.truth.kind) == (DomainName.WEB_GROUNDING, TruthKind.BOX)
    assert box.sample.truth.box is not None
    assert box.sample.truth.box.corners == (200, 100, 400, 200)
    assert box.answer_point == Point(300, 150)
    taken(bench, rollout(true_answer="(100, 50)", id="8"), SINGLE)
    assert bench.traces[-1].sample.truth.point == Point(100, 50)


@pytest.mark.parametrize(
    ("truth", "domain", "kind"),
    [
        ("click [12]", DomainName.WEB_ACTION, TruthKind.ACTION),
        ("go_back", DomainName.WEB_ACTION, TruthKind.ACTION),
        ("[10, 20, 30, 40]", DomainName.WEB_GROUNDING, TruthKind.BOX),
        ("(30, 40, 10, 20)", DomainName.WEB_GROUNDING, TruthKind.BOX),
        ("stop", DomainName.SPATIAL, TruthKind.TEXT),
        ("3, 4", DomainName.SPATIAL, TruthKind.TEXT),
        (None, DomainName.SPATIAL, TruthKind.NONE),
        (True, DomainName.SPATIAL, TruthKind.TEXT),
    ],
)
def test_the_domain_is_told_by_the_truth(bench: Bench, truth: Any, domain: DomainName, kind: TruthKind) -> None:
    trace, report = taken(bench, rollout(true_answer=truth), SINGLE)
    assert (trace.sample.domain, trace.sample.truth.kind) == (domain, kind)
    assert [words.split(":")[0] for words in report.domains] == [domain]


def test_the_domain_can_be_asked_for(bench: Bench) -> None:
    trace, report = taken(bench, rollout(), SINGLE, domain=DomainName.VISUAL_SEARCH)
    assert trace.sample.domain is DomainName.VISUAL_SEARCH
    assert list(report.domains) == ["visual_search: asked for: --domain visual_search"]


@pytest.mark.parametrize(("score", "read"), [(True, 1.0), (False, 0.0), (0.5, 0.5), (None, None), ("good", None)])
def test_scores_of_every_type_are_read(bench: Bench, score: Any, read: float | None) -> None:
    trace, report = taken(bench, rollout(judge_score=score), SINGLE)
    assert trace.recorded_score == read
    assert report.count(Outcome.REPAIRED) == (score == "good")


def test_a_missing_answer_is_a_fault_and_the_score_left_over_is_dropped(bench: Bench) -> None:
    trace, report = taken(bench, rollout(final_answer=None), SINGLE)
    assert (trace.answer, trace.stop, trace.recorded_score) == (None, StopReason.NO_ACTION, None)
    assert report.count(Outcome.REPAIRED) == 1


def test_a_whole_completion_in_the_final_answer_is_read_as_one(bench: Bench) -> None:
    whole = "<think> The lamp at (100, 50) is blue. </think>\n<answer> blue </answer>"
    trace, _ = taken(bench, rollout(thoughts=[], final_answer=whole), SINGLE)
    assert (trace.answer, len(trace.steps), trace.faults) == ("blue", 1, ())


def test_a_text_that_was_repeated_for_want_of_tags_is_kept_once(bench: Bench) -> None:
    trace, report = taken(bench, rollout(thoughts=["No tag at (100, 50)."] * 10, final_answer=None, judge_score=None), SINGLE)
    assert len(trace.turns) == 1
    assert report.count(Outcome.REPAIRED) == 1


def test_thoughts_that_were_single_calls_are_turns(bench: Bench) -> None:
    thoughts = ["<think> At (100, 50). </think>", "<think> At (300, 50). </think>"]
    trace, _ = taken(bench, rollout(thoughts=thoughts), {"check_for_crop": False, "max_depth": 10})
    assert [turn.text for turn in trace.turns[:2]] == thoughts
    assert (len(trace.turns), trace.faults) == (3, ())


def test_a_turned_picture_is_taken_as_the_loader_saw_it(bench: Bench) -> None:
    trace, _ = taken(bench, rollout(image="images/turned.jpg"), {"max_image_side": None})
    assert (trace.frame.orientation, trace.frame.picture.width) == (6, 600)
    point = trace.steps[0].point
    assert point is not None
    assert point.distance(Point(550, 100)) < 1e-6


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"thoughts": [1]}, "'thoughts' is not a list of texts"),
        ({"thoughts": None, "final_answer": None}, "neither a thought nor an answer"),
        ({"image": None}, "no 'image'"),
        ({"image": "images/missing.png"}, "no picture"),
        ({"image": "../outside.png"}, "climbs"),
        ({"question": "<image>\n "}, "asks no question"),
        ({"question": {"a": 1}}, "'question' is not a text"),
        ({"true_answer": {"a": 1}}, "'true_answer' is not a text"),
    ],
)
def test_what_cannot_be_taken_is_refused_in_words(bench: Bench, change: dict[str, Any], reason: str) -> None:
    report = bench.take(bench.write("rollouts.jsonl", jsonl(rollout(**change), rollout())))
    assert (report.count(Outcome.REFUSED), report.count(Outcome.TAKEN)) == (1, 1)
    assert reason in report.refused[0].words
    assert report.refused[0].kind == "evaluation rollout"
