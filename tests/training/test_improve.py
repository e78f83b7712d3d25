"""`launch.py improve`: from records that people preferred to a registered policy beside the one before."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from app import commands
from app.commands.improve import RECIPE
from app.eval_works import needle_works
from app.improving import Improved, Lesson, verdict
from app.policy_register import Register, TrainedPolicy, note_beside, state_of
from app.trainings.launching import LAUNCH
from core.errors import PolicyError, RecordError, TaskError, TrainingError
from core.evaluation.beside import beside
from core.evaluation.conditions import AS_IT_IS
from core.manifest import read_manifest
from core.policies.local.untrained import ModelType
from core.records import Split
from tests.app.trained_world import finished
from tests.core.evaluation.test_beside import outcome, told
from tests.training.rewarding import rewarding_recipe
from tests.training.small_data import record, small_recipe, written
from training.start import beginning


def typed(*words: object) -> int:
    """The exit code of a command line."""
    command, arguments = commands.read(["improve", *map(str, words)])
    return commands.run(command, arguments)


@pytest.fixture
def preferred(tiny_checkpoints: dict[ModelType, Path], tmp_path: Path) -> Path:
    """Records of squares: six to learn from, three held out; with their pictures and a recipe beside them."""
    recipe = small_recipe(tmp_path, tiny_checkpoints[ModelType.QWEN2_5_VL], steps=60, samples=0, sample_every=0)
    card, pictures = beginning(recipe).card, tmp_path / "pictures"
    records = [record(card, number, pictures) for number in range(6)]
    records += [record(card, 50 + number, pictures, split=Split.TEST) for number in range(3)]
    written(tmp_path, records[1:], "other.jsonl")
    return written(tmp_path, records, "preferred.jsonl")


def test_records_become_policies_in_two_halves_that_stand_beside_the_one_before_also_after_a_stop(
    preferred: Path, tiny_qwen2_5_vl: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = [preferred, "--recipe", tmp_path / "small.yaml", "--name", "people", "--runs", tmp_path / "runs"]
    words += ["--device", "cpu", "--max-new-tokens", "4", "--max-pixels", 84 * 84]
    program = subprocess.Popen([sys.executable, LAUNCH, "improve", *map(str, words)], stderr=subprocess.PIPE, text=True)
    metrics, until = tmp_path / "runs/people/metrics.jsonl", time.monotonic() + 240
    while not metrics.is_file() and program.poll() is None and time.monotonic() < until:
        time.sleep(0.1)
    program.send_signal(signal.SIGINT)
    _, complained = program.communicate(timeout=240)
    assert program.returncode == 130 and "Stopped: the same command goes on from there." in complained
    assert state_of(tmp_path / "runs/people") == "stopped"
    capfd.readouterr()
    # The second half is added to the first, which goes on. Chance pays, so that an untrained policy has something to learn.
    paid = {"reward": "random", "mask_overrun": False}
    rewarding_recipe(tmp_path / "rewards", tiny_qwen2_5_vl, steps=9, max_new_tokens=8, grpo=paid)
    words += ["--reinforce", tmp_path / "rewards/small.yaml", "--reinforce-set", "steps=1"]
    assert typed(*words) == 0
    said = capfd.readouterr().out
    assert "So few questions cannot tell two policies apart, whatever is answered (preferred.jsonl, split test: 3)" in said
    assert "people-grpo/trained, preferred.jsonl, split test, 3 questions:" in said and "do not tell the two apart" in said
    assert "The rule “any” chose these questions" in said
    first, last = Register([tmp_path / "runs"]).policies()
    assert (first.name, first.kind, last.name, last.kind) == ("people", "sft", "people-grpo", "grpo")
    assert Path(last.base) == first.folder / "trained" and last.data and last.offered
    (score,) = last.scores
    assert score["right"]["n"] == score["difference"]["n"] == 3 and score["than"]
    figures = json.loads((last.folder / "evaluation.json").read_text())
    asked = [one["questions"]["name"] for one in figures["evaluations"]]
    assert figures["complete"] and len(asked) == 2 and asked[0] == asked[1]
    assert figures["than"] == last.notes["than"] == first.base
    # The same again: it is trained, and evaluated anew.
    assert typed(*words) == 0
    assert "people-grpo was trained on these records already, in the same way." in capfd.readouterr().out
    assert len(Register([tmp_path / "runs"]).named("people-grpo").scores) == 1
    with pytest.raises(PolicyError, match="people is a run with other records: give this one another --name"):
        typed(tmp_path / "other.jsonl", *words[1:])
    with pytest.raises(PolicyError, match="people is a run with another checkpoint and other values: give this one another --name"):
        typed(*words, "--policy", "another", "--set", "steps=3")


@pytest.mark.parametrize(("right", "words"), [(range(20), "better on them by more"), ((), "worse on them"), (range(10), "do not tell")])
def test_the_verdict_is_no_more_than_the_test_says(right: Sequence[int], words: str) -> None:
    new = told("people/trained", [[outcome(at in right)] for at in range(20)])
    before = told("base", [[outcome(at < 8)] for at in range(20)])
    policy = TrainedPolicy("people", Path("runs/people"), "base", "LoRA", "sft", "d" * 64)
    (work,) = needle_works(["default"], (AS_IT_IS,), n=20, seed=0, split="test")
    told_of = verdict(Improved(policy, (new,), (before,), beside(new, before)), [work])
    assert told_of.startswith("people/trained, needle default, split test, seed 0, 20 questions: ") and words in told_of


def test_a_run_that_goes_on_is_not_begun_a_second_time(preferred: Path, tmp_path: Path) -> None:
    going = finished(tmp_path / "runs/mine", state="running", pid=os.getpid(), host=platform.node())
    lesson = Lesson(preferred, preferred.parent / "pictures", RECIPE, "", going)
    note_beside(going, {}, {"improved": lesson.told(read_manifest(preferred))})
    with pytest.raises(TrainingError, match=f"is being trained by process {os.getpid()}: wait until it is over"):
        typed(preferred, "--name", "mine", "--runs", tmp_path / "runs")


def test_a_dry_run_tells_what_it_would_come_to(preferred: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert typed(preferred, "--recipe", tmp_path / "small.yaml", "--runs", tmp_path / "runs", "--dry-run") == 0
    said = capfd.readouterr().out
    assert "6 to learn from, 0 held out" in said and "Both are asked: preferred.jsonl, split test, 3 questions." in said
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("words", "error", "sentence"),
    [
        (("nowhere.jsonl",), RecordError, "the manifest cannot be read"),
        (("records.jsonl",), TaskError, "holds no question out as test"),
        (("preferred.jsonl", "--difficulty", "hard"), TaskError, "Curated records have no --difficulty"),
        (("preferred.jsonl", "--pictures", "."), TaskError, "There is no picture"),
        (("preferred.jsonl", "--samples", "2"), PolicyError, "2 answers at temperature 0 are one answer"),
        (("preferred.jsonl", "--recipe", "nothing-like-it"), TrainingError, "There is no recipe 'nothing-like-it'"),
        (("preferred.jsonl", "--reinforce-set", "steps=1"), TaskError, "--reinforce-set belongs to a second recipe"),
        (("preferred.jsonl", "--name", "mine"), PolicyError, "mine is a run with other records and another recipe and another checkpoint"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_trained(
    preferred: Path, tmp_path: Path, words: tuple[str, ...], error: type[Exception], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    finished(tmp_path / "runs/mine")
    with pytest.raises(error, match=sentence):
        typed(*words)
