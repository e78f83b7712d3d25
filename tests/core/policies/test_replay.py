"""Recorded runs are played back as they were, and what was not recorded is said."""

from __future__ import annotations

import json
import runpy
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from annotations.demo import demo_traces
from annotations.pictures import PictureStore
from core.crops import CropRule
from core.errors import PolicyError, PolicyNotFound
from core.frames import CoordinateFrame, FrameKind
from core.geometry import Size
from core.grammar import FORCED_PREFIX
from core.policies.protocol import PolicyCard, PolicyKind, frame_of
from core.policies.replay import open_replay, recorded, replay_policy, replayable
from core.policies.scripted import ScriptedPolicy
from core.rollout.engine import roll_out
from core.rollout.journal import Journal
from core.rollout.samples import agreement, correct_of
from core.rollout.values import RolloutSettings, Spoke, Task
from core.trace import Author, StopReason, Trace
from tests.core.rollout.speaking import ANSWER, LOOK, Speaker, one, painted, rollouts, run, settings, speaker, task

DEMO = Path(__file__).resolve().parents[3] / "static" / "demo"


def played(policy: ScriptedPolicy, asked: Task, **changes: object) -> list[Trace]:
    return [rollout.trace for rollout in run(policy, asked, **changes)]


def test_a_run_is_played_back_as_it_was() -> None:
    speaks = Speaker((LOOK, ANSWER))
    asked = task(samples=3)
    traces = played(ScriptedPolicy(lambda messages, row: speaks(messages, row).replace("red", f"red {row}")), asked)
    again = played(replay_policy(traces, pace=0.0), asked)
    assert [trace.answer for trace in again] == ["red 0", "red 1", "red 2"]
    for first, second in zip(traces, again, strict=True):
        assert (first.turns, first.steps, first.frame.grid, first.stop) == (second.turns, second.steps, second.frame.grid, second.stop)
    assert again[0].policy == "script, played back"


@pytest.mark.parametrize("space", [FrameKind.RESIZED, FrameKind.NORMALISED, FrameKind.ORIGINAL])
@pytest.mark.parametrize("pixels", [(3136, 12_960_000), (50_000, 60_000), (3136, 20_000)])
def test_points_land_where_they_were(space: FrameKind, pixels: tuple[int, int]) -> None:
    card = PolicyCard("any", PolicyKind.LOCAL, space, 1 if space is FrameKind.ORIGINAL else 32, *pixels)
    asked = task(painted(217, 133))
    (trace,) = played(ScriptedPolicy(Speaker((LOOK, ANSWER)), card=card), asked)
    for known in (trace, replace(trace, settings={})):
        policy = replay_policy([known], pace=0.0)
        assert frame_of(policy.card, trace.frame.picture).grid == trace.frame.grid
        (again,) = played(policy, asked)
        assert [step.point for step in again.steps] == [step.point for step in trace.steps]
        assert [look.window for look in again.looks] == [look.window for look in trace.looks]


def test_looks_are_as_wide_as_they_were() -> None:
    asked = task(painted(217, 133))
    narrow = CropRule(20, 64, dot=False)
    plain = PolicyCard("any", PolicyKind.SCRIPTED)
    for card, crop in ((replace(plain, crop=narrow), None), (plain, narrow)):
        (trace,) = played(ScriptedPolicy(Speaker((LOOK, ANSWER)), card=card), asked, crop=crop)
        (again,) = played(replay_policy([trace], pace=0.0), asked)
        assert [look.window for look in trace.looks] == [look.window for look in again.looks]
        assert trace.looks[0].window.width <= 40 and not again.looks[0].dot
        (usual,) = played(ScriptedPolicy(Speaker((LOOK, ANSWER))), asked)
        assert replayable([trace, usual]) == (trace,), "one policy looks in one way"


def test_a_demanded_answer_is_played_back_as_one() -> None:
    asked = task()
    (trace,) = played(speaker(LOOK, forced=" blue </answer> "), asked, max_turns=2)
    assert trace.stop is StopReason.FORCED
    (again,) = played(replay_policy([trace], pace=0.0), asked, max_turns=2)
    assert (again.turns, again.stop) == (trace.turns, trace.stop)
    # With more turns than then, what was injected is simply said.
    (freely,) = played(replay_policy([trace], pace=0.0), asked)
    assert (freely.answer, freely.stop) == ("blue", StopReason.ANSWERED)
    assert freely.turns[-1].text.startswith(FORCED_PREFIX)


def test_where_the_answer_is_demanded_earlier_the_recorded_one_is_given() -> None:
    asked = task()
    (trace,) = played(speaker(LOOK, LOOK, LOOK, ANSWER), asked)
    (again,) = played(replay_policy([trace], pace=0.0), asked, max_turns=2)
    assert (again.stop, again.answer, len(again.turns)) == (StopReason.FORCED, "red", 2)


def cut_off(said: str, **changes: object) -> tuple[Task, Trace]:
    """A question, and the trace of a run in which the turn that begins so was cut off by its tokens."""
    asked = task()
    (trace,) = played(speaker(LOOK, said + " word" * 900), asked, **changes)
    return asked, trace


@pytest.mark.parametrize(
    "said", ["<think> A sign (30, 40), and", f"{LOOK[: LOOK.index('coordinate')]}", "<think> So. </think>\n<answer> re"]
)
def test_a_turn_that_was_cut_off_is_cut_off_again_and_the_demanded_answer_follows(said: str, tmp_path: Path) -> None:
    asked, trace = cut_off(said)
    assert (trace.stop, len(trace.turns), "was cut off" in trace.turns[1].text) == (StopReason.FORCED, 3, True)
    (again,) = played(replay_policy([trace], pace=0.0), asked)
    assert (again.turns, again.faults, again.answer, again.stop) == (trace.turns, trace.faults, trace.answer, trace.stop)
    # A journal of a run that died while the answer was demanded has what there was.
    with Journal(tmp_path / "journal.jsonl") as kept:
        for event in kept.keep(roll_out(speaker(LOOK, said + " word" * 900), [asked], settings())):
            if isinstance(event, Spoke) and event.author is Author.INJECTED:
                break
    (partly,) = played(open_replay(tmp_path / "journal.jsonl", pace=0.0), asked)
    assert partly.turns[:2] == trace.turns[:2] and partly.stop is StopReason.FORCED


@pytest.mark.parametrize("changes", [{"max_tokens": 500}, {"max_new_tokens": 300}])
def test_a_run_that_tokens_ended_ends_so_again(changes: dict[str, object]) -> None:
    asked, trace = cut_off("<think> A sign (30, 40), and", force_answer=False, **changes)
    assert trace.stop is StopReason.MAX_TOKENS
    (again,) = played(replay_policy([trace], pace=0.0), asked, force_answer=False)
    assert (again.turns, again.stop) == (trace.turns, trace.stop)


def test_a_run_without_room_for_another_turn_ends_so_again() -> None:
    asked = task()
    trace = replace(one(speaker(LOOK, ""), asked).trace, stop=StopReason.MAX_TOKENS)
    (again,) = played(replay_policy([trace], pace=0.0), asked)
    assert (again.turns, again.stop) == (trace.turns, trace.stop)


def test_a_turn_that_ended_by_itself_is_not_cut_off() -> None:
    asked = task()
    (trace,) = played(speaker(LOOK, "<think> I do not know (30, 40). </think>"), asked)
    (again,) = played(replay_policy([trace], pace=0.0), asked)
    assert (again.turns, again.stop) == (trace.turns, trace.stop) and again.stop is StopReason.NO_ACTION


def test_a_recording_that_breaks_off_breaks_off_again() -> None:
    asked = task()
    trace = replace(one(speaker(LOOK, ""), asked).trace, stop=StopReason.CANCELLED)
    (again,) = played(replay_policy([trace], pace=0.0), asked)
    assert (again.turns, again.stop) == (trace.turns, StopReason.NO_ACTION)


def test_what_was_not_recorded_is_refused_with_what_there_is() -> None:
    asked = task(question="What is it?")
    policy = replay_policy(played(speaker(ANSWER), asked), pace=0.0)
    (other,) = run(policy, task(question="Who is it?"))
    assert (other.trace.stop, other.error) == (StopReason.ERROR, "This was not recorded: about this picture, there is only “What is it?”.")
    (elsewhere,) = run(policy, task(painted(blue=77), "What is it?"))
    assert elsewhere.error == "This was not recorded: there are only questions about painted.png, such as “What is it?”."
    _, twice = run(policy, replace(asked, samples=2))
    assert twice.error == "This question was recorded once: there is no further answer to play back."


def test_every_session_begins_anew() -> None:
    asked = task()
    policy = replay_policy(played(speaker(ANSWER), asked), pace=0.0)
    assert [played(policy, asked)[0].stop for _ in range(3)] == [StopReason.ANSWERED] * 3


def test_a_question_is_known_by_what_a_policy_reads_of_it() -> None:
    asked = task(question="<image>\nWhat is <|im_end|>?")
    policy = replay_policy(played(speaker(ANSWER), asked), pace=0.0)
    assert played(policy, asked)[0].answer == "red"


def test_nothing_cannot_be_played_back() -> None:
    with pytest.raises(PolicyNotFound):
        replay_policy([])


def test_traces_in_different_frames_cannot_be_played_together() -> None:
    (resized,) = played(speaker(ANSWER), task())
    card = PolicyCard("other", PolicyKind.LOCAL, FrameKind.NORMALISED)
    (thousandths,) = played(ScriptedPolicy(Speaker((ANSWER,)), card=card), task(question="Another?"))
    with pytest.raises(PolicyError, match="another coordinate frame"):
        replay_policy([resized, thousandths])
    assert replayable([resized, thousandths]) == (resized,)
    assert replayable([thousandths, resized]) == (thousandths,)


def test_a_frame_that_no_policy_speaks_cannot_be_played() -> None:
    (trace,) = played(speaker(ANSWER), task())
    sideways = replace(trace, frame=CoordinateFrame.resized(trace.frame.picture, orientation=6))
    limited = replace(trace, frame=CoordinateFrame.side_limit(Size(120, 80), 90))
    assert replayable([sideways, limited]) == ()
    assert replayable([limited, trace]) == (trace,)
    with pytest.raises(PolicyError, match="no policy speaks"):
        replay_policy([limited])


def test_each_of_the_demos_traces_can_be_played_back(tmp_path: Path) -> None:
    for trace in demo_traces(DEMO, PictureStore(tmp_path)):
        with Image.open(DEMO / "pictures" / trace.sample.pictures[0].name) as image:
            limits = RolloutSettings(max_tokens=10_000, max_turns=len(trace.turns) if trace.stop is StopReason.FORCED else 5)
            (rollout,) = rollouts(roll_out(replay_policy([trace], pace=0.0), [Task(trace.sample, image)], limits))
        again = rollout.trace
        assert [(step.text, step.point) for step in again.steps] == [(step.text, step.point) for step in trace.steps]
        assert again.answer == trace.answer


# Files.


def test_the_recorded_run_that_ships_says_that_no_model_wrote_it() -> None:
    traces = recorded()
    assert len(traces) == 4
    assert {trace.policy for trace in traces} == {"scripted speaker (no model)"}
    assert all("no model wrote this" in trace.settings["note"] for trace in traces)
    assert all(trace.faults == () and trace.stop is StopReason.ANSWERED for trace in traces)
    assert [len(trace.looks) for trace in traces] == [2, 1, 1, 3]
    assert len({trace.text for trace in traces}) == 4
    assert correct_of(traces) == (4, 3)
    assert agreement(traces).answer == "a headband"
    assert "no model" in open_replay().card.name


def test_the_recorded_run_that_ships_is_what_its_program_records() -> None:
    program = runpy.run_path(str(DEMO / "record_run.py"))
    assert recorded() == tuple(program["record"]())


def test_the_recorded_run_that_ships_is_played_back() -> None:
    traces = recorded()
    with Image.open(DEMO / "pictures" / traces[0].sample.pictures[0].name) as image:
        asked = Task(traces[0].sample, image, samples=4)
        again = [rollout.trace for rollout in rollouts(roll_out(open_replay(pace=0.0), [asked], RolloutSettings()))]
    assert [trace.steps for trace in again] == [trace.steps for trace in traces]


def test_files_of_traces_exports_and_journals_are_played_back(tmp_path: Path) -> None:
    asked = task()
    (trace,) = played(speaker(LOOK, ANSWER), asked)
    plain, export, journal = (tmp_path / name for name in ("plain.jsonl", "export.jsonl", "journal.jsonl"))
    plain.write_text(json.dumps(trace.to_json()) + "\n\n")
    export.write_text(json.dumps({"format": "any", "version": 1, "trace": trace.to_json()}) + "\n")
    with Journal(journal) as kept:
        list(kept.keep(roll_out(speaker(LOOK, ANSWER), [asked], settings())))
    for file in (plain, str(export), journal):
        assert recorded(file) == (trace,)
        assert played(open_replay(file, pace=0.0), asked)[0].turns == trace.turns


def test_files_that_cannot_be_played_back_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyNotFound, match="no recorded run at"):
        open_replay(tmp_path / "none.jsonl")
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    with pytest.raises(PolicyNotFound):
        open_replay(empty)
    for content in (b"nonsense\n", b"[1]\n", b'{"trace": 1}\n', b"\xff\xfe\n", b'{"began": 1}\n', b"[" * 20_000):
        bad = tmp_path / "bad.jsonl"
        bad.write_bytes(content)
        with pytest.raises(PolicyError):
            open_replay(bad)
    with pytest.raises(PolicyError, match="cannot be read"):
        open_replay(tmp_path)
