"""The halves of an improvement: in which order, from what, under which names, and what is refused before anything is trained."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from app.eval_works import needle_works
from app.improving import Lesson, begun_with, halves, learn, too_few
from app.policy_register import Register, read_notes
from app.trainings import launching
from core.errors import PolicyError, TaskError, TrainingError
from core.evaluation.conditions import AS_IT_IS
from core.manifest import Manifest, manifest_bytes, manifest_path
from tests.app.a_quick_trainer import TEXT


def nothing(words: str) -> None:
    """Nobody listens."""


@pytest.fixture
def lesson(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lesson:
    """A first half over records of which only the manifest is there."""
    launch = tmp_path / "launch.py"
    launch.write_text(TEXT)
    monkeypatch.setattr(launching, "LAUNCH", launch)
    _manifest(tmp_path / "records.jsonl", train=6)
    return Lesson(tmp_path / "records.jsonl", tmp_path / "pictures", "words", "", tmp_path / "runs/people")


def _manifest(records: Path, sha256: str = "a" * 64, **splits: int) -> None:
    manifest = Manifest(2, "any", sha256, 9, 9, 9, 9.0, {"spatial": 9}, splits or {"train": 0, "test": 3})
    manifest_path(records).write_bytes(manifest_bytes(manifest))


def calls(lesson: Lesson) -> list[list[str]]:
    """The command lines of `train` that were really to train, or to merge."""
    lines = (lesson.records.parent / "calls.jsonl").read_text().splitlines()
    return [words for words in map(json.loads, lines) if not {"--list", "--dry-run"} & {*words}]


def test_what_was_said_comes_first_and_rewards_go_on_from_it(lesson: Lesson) -> None:
    first, second = halves(lesson, "rewards", ("steps=3",))
    assert not lesson.folder.exists()
    policies = [learn(one, nothing) for one in (first, second)]
    assert [(one.name, one.kind) for one in policies] == [("people", "sft"), ("people-grpo", "grpo")]
    assert policies[1].base == str(lesson.folder / "trained")
    assert calls(lesson)[1][-2:] == ["--set", "steps=3"]
    # What comes out is compared with what was begun with, and not with what lies between.
    assert begun_with(first) == "test/base"
    assert {one.name for one in Register([lesson.folder.parent]).policies()} == {"people", "people-grpo"}


def test_an_adapter_is_merged_before_rewards_go_on_from_it(lesson: Lesson) -> None:
    first, second = halves(replace(lesson, recipe="lora"), "rewards", ())
    learn(first, nothing)
    assert learn(second, nothing).base == str(lesson.folder / "merged")
    assert calls(lesson)[1] == ["--merge", str(lesson.folder)]


def test_a_second_half_is_added_to_a_first_one_that_is_there(lesson: Lesson) -> None:
    said: list[str] = []
    (only,) = halves(lesson, "", ())
    learn(only, said.append)
    for one in halves(lesson, "rewards", ()):
        learn(one, said.append)
    assert said == ["people was trained on these records already, in the same way."]
    assert len(calls(lesson)) == 2 and read_notes(lesson.folder.with_name("people-grpo"))["improved"]["before"]["recipe"] == "words"


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("breaks", "The training did not come to its end, as it says above"),
        ("stops", "The training of people-grpo was stopped by hand, with a checkpoint: the same command goes on"),
    ],
)
def test_a_half_that_broke_off_is_gone_on_with(lesson: Lesson, how: str, sentence: str, capfd: pytest.CaptureFixture[str]) -> None:
    first, second = halves(lesson, f"{how}-rewards", ())
    learn(first, nothing)
    with pytest.raises(TrainingError, match=sentence):
        learn(second, nothing)
    # Its own words are above, and what did not come to its end is no policy.
    assert "saccade: It broke." in capfd.readouterr().err
    assert [one.name for one in Register([lesson.folder.parent]).policies()] == ["people"]
    learn(halves(lesson, f"{how}-rewards", ())[1], nothing)
    assert calls(lesson)[-1] == ["--resume", str(second.folder)]


def test_a_half_of_another_beginning_is_never_taken_for_this_one(lesson: Lesson) -> None:
    for one in halves(lesson, "rewards", ()):
        learn(one, nothing)
    with pytest.raises(PolicyError, match="people-grpo is a run with other values: give this one another --name"):
        halves(lesson, "rewards", ("steps=3",))
    (lesson.folder / "run.json").unlink()
    with pytest.raises(PolicyError, match="people-grpo is a run with another half before it: give"):
        halves(replace(lesson, changes=("steps=9",)), "rewards", ())
    _manifest(lesson.records, "b" * 64, train=6)
    with pytest.raises(PolicyError, match="people-grpo is a run with other records and another half before it: give"):
        halves(lesson, "rewards", ())


@pytest.mark.parametrize(
    ("recipe", "reinforce", "sentence"),
    [
        ("rewards", "rewards", "rewards learns by rewards itself: leave --reinforce out"),
        ("words", "more-words", "more-words does not learn by rewards: give --reinforce a recipe with `grpo`"),
        ("words", "missing", "There is no recipe 'missing'."),
        ("missing", "", "There is no recipe 'missing'."),
        ("words", "unpaid-rewards", "^A question has no reward: Its truth is unknown.$"),
    ],
)
def test_recipes_that_do_not_do_are_refused_before_anything_is_trained(lesson: Lesson, recipe: str, reinforce: str, sentence: str) -> None:
    with pytest.raises(TrainingError, match=sentence):
        halves(replace(lesson, recipe=recipe), reinforce, ())
    assert calls(lesson) == []


def test_what_could_not_be_compared_or_learnt_from_is_refused(lesson: Lesson) -> None:
    with pytest.raises(PolicyError, match="from-nothing begins with nothing that could be compared with: give a --policy"):
        halves(replace(lesson, recipe="from-nothing"), "", ())
    assert halves(replace(lesson, recipe="from-nothing", base="test/other"), "rewards", ())[1].base == str(lesson.folder / "trained")
    _manifest(lesson.records)
    with pytest.raises(TaskError, match="has no record to learn from"):
        halves(lesson, "", ())


def test_questions_that_can_tell_nothing_are_said() -> None:
    few, enough = (needle_works(["default"], (AS_IT_IS,), n=n, seed=0, split="test") for n in (5, 6))
    assert too_few(enough) == ""
    assert too_few(few).endswith("whatever is answered (needle default, split test, seed 0: 5): hold out 6 or more.")
