"""The needle world as a task: rollouts are asked and judged, records can be written, read and drawn again."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from core.errors import TaskError
from core.frames import FrameKind
from core.policies.conversation import Role, Said
from core.policies.protocol import PolicyCard, PolicyKind, frame_of
from core.policies.scripted import ScriptedPolicy
from core.records import Provenance, Writer, read_records, write_records
from core.records import Split as RecordSplit
from core.rollout.engine import roll_out
from core.rollout.plans import plan_of
from core.rollout.values import Ended
from core.tasks.needle.drawing import draw
from core.tasks.needle.expert import solve
from core.tasks.needle.manners import Manner
from core.tasks.needle.splits import Split
from core.tasks.needle.task import NeedleTask, asked_of, drawn_name, image_of, picture_file
from core.tasks.needle.values import DIFFICULTIES, Difficulty, Kind
from core.trace import Author

CARD = PolicyCard("small", PolicyKind.SCRIPTED, FrameKind.NORMALISED, factor=32, min_pixels=32 * 32, max_pixels=128 * 128)


@pytest.mark.parametrize("name", DIFFICULTIES)
def test_a_policy_that_follows_the_expert_looks_as_often_and_answers_right(name: str) -> None:
    world = NeedleTask.named(name)
    asked = [world.asked(seed, Split.TEST) for seed in range(6)]
    frame, rule = frame_of(CARD, asked[0].scene.size), world.difficulty.rule(CARD.factor)

    def follow(messages: tuple[Said, ...], row: int) -> str:
        said = [message.text for message in solve(asked[row], frame, rule) if message.author is Author.MODEL]
        return said[sum(message.role is Role.ASSISTANT for message in messages)]

    tasks = list(world.tasks(range(6), Split.TEST))
    events = roll_out(ScriptedPolicy(follow, card=CARD), tasks, world.settings(CARD))
    traces = {event.rollout.task: event.rollout.trace for event in events if isinstance(event, Ended)}
    for at, one in enumerate(asked):
        assert world.judge(traces[at]).correct is True, traces[at].text
        assert len(traces[at].looks) == len(one.looks)
        # What is trained on is what is asked: the record holds the conversation that the rollout led.
        record = world.record(at, Split.TEST, CARD)
        assert [message.text for message in record.messages if message.writer is Writer.MODEL] == [
            turn.text[: turn.observation.start].strip() if turn.observation else turn.text for turn in traces[at].turns
        ]
        assert [look.look.cut_from for look in record.looks] == [look.cut_from for look in traces[at].looks]


def test_a_task_has_its_picture_and_names_it_by_its_file() -> None:
    world = NeedleTask.named("default")
    task = world.task(4, Split.VALIDATION, samples=3)
    name, data = picture_file(world.asked(4, Split.VALIDATION).scene)
    assert task.samples == 3 and task.sample.external_id == "needle/default/validation/4"
    assert task.sample.pictures[0].sha256 == name == hashlib.sha256(data).hexdigest()
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.tobytes() == task.image.tobytes()
    assert world.task(4, Split.VALIDATION, encoded=False).sample.pictures[0].sha256 == drawn_name(world.asked(4, Split.VALIDATION).scene)


@pytest.mark.parametrize(
    "world", [*map(NeedleTask.named, DIFFICULTIES), NeedleTask(Difficulty(items=(2, 2), item_size=128, kinds=(Kind.POINT,)))]
)
@pytest.mark.parametrize("split", Split)
def test_a_record_says_from_what_it_can_be_drawn_again(world: NeedleTask, split: Split, tmp_path: Path) -> None:
    records = [world.record(seed, split, CARD, weight=0.5, misses=0.5) for seed in range(8)]
    write_records(tmp_path / "records.jsonl", records, "the needle world")
    for seed, record in enumerate(read_records(tmp_path / "records.jsonl")):
        asked = world.asked(seed, split)
        assert record == records[seed] and asked_of(record) == asked
        assert record.split is (RecordSplit.TEST if split is Split.NOVEL else RecordSplit(split.value))
        assert record.pictures[0].sha256 == drawn_name(asked.scene) and record.weight == 0.5
        assert record.provenance.dataset == f"needle/{world.name}"
    assert image_of(records[0]).tobytes() == draw(world.asked(0, split).scene).tobytes()


def test_a_share_of_the_records_goes_wide_first() -> None:
    world = NeedleTask.named("default")
    wide = sum(
        len(world.record(seed, Split.TRAIN, CARD, misses=0.3).looks) > len(world.asked(seed, Split.TRAIN).looks) for seed in range(400)
    )
    assert 80 < wide < 160


@pytest.mark.parametrize("rule", ["", "every trace", "[1]", '{"world": "needle 0"}', '{"world": "needle 1", "seed": 3}'])
def test_a_record_of_another_origin_is_refused(rule: str) -> None:
    record = NeedleTask.named("easy").record(0, Split.TRAIN, CARD)
    with pytest.raises(TaskError, match="was not made in"):
        asked_of(replace(record, provenance=Provenance(rule)))


def test_an_unknown_difficulty_is_refused_with_those_there_are() -> None:
    with pytest.raises(TaskError, match="easy, default, hard, gui"):
        NeedleTask.named("harder")


def test_a_policy_that_would_see_the_marks_or_never_could_is_told_apart() -> None:
    world = NeedleTask.named("default")
    assert world.unfit(CARD) == ""
    assert world.unfit(replace(CARD, max_pixels=64 * 64)) == ""
    assert "without looking" in world.unfit(replace(CARD, max_pixels=160 * 160))
    assert "thousandths" in world.unfit(replace(CARD, space=FrameKind.RESIZED))
    with pytest.raises(TaskError, match="128 x 128"):
        world.record(0, Split.TRAIN, replace(CARD, space=FrameKind.RESIZED))


@pytest.mark.parametrize("manner", Manner)
def test_a_record_of_a_manner_is_asked_again_in_that_manner(manner: Manner) -> None:
    world = NeedleTask.named("hard")
    record = world.record(3, Split.TRAIN, CARD, manner=manner)
    plan = plan_of(CARD, world.task(3, Split.TRAIN, encoded=False), manner.asked(world.settings(CARD)))
    system = "".join(message.text for message in record.messages if message.writer is Writer.SYSTEM)
    assert system == (manner.system or "") and bool(record.looks) == plan.multi_turn == (manner is Manner.LOOKS)
    assert manner is Manner.LOOKS or plan.system == system
    assert asked_of(record) == world.asked(3, Split.TRAIN)
