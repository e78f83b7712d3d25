"""`launch.py train` as it is typed, and what a run's folder makes of a kill."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from accelerate.commands.config.config_args import load_config_from_file
from transformers.models.qwen2_5_vl import modeling_qwen2_5_vl

from app import commands
from core.errors import TrainingError
from core.policies.local.untrained import ModelType
from tests.training.small_data import small_recipe
from training.command import _Meter
from training.recipe import Recipe
from training.recipe_files import read_recipe, shipped
from training.runs import Run, begin
from training.session import shared_out
from training.watching import News, duration

ROOT = Path(__file__).resolve().parents[2]


def typed(*words: str) -> int:
    """The exit code of a command line."""
    command, arguments = commands.read(["train", *words])
    return commands.run(command, arguments)


@pytest.fixture
def small(tiny_checkpoints: dict[ModelType, Path], tmp_path: Path) -> Recipe:
    """A recipe with its data, written to small.yaml in the folder `data`."""
    return small_recipe(tmp_path / "data", tiny_checkpoints[ModelType.QWEN2_5_VL], steps=2)


def test_shipped_recipes_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("--list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(shipped())


def test_what_a_recipe_is_can_be_read_by_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("--list", "--json") == 0
    assert [one["name"] for one in json.loads(capsys.readouterr().out)] == list(shipped())
    assert typed("qwen2.5-vl-3b-lora", "--set", "lora=null", "--model", "mine", "--list", "--json") == 0
    told = {"name": "qwen2.5-vl-3b-lora", "title": "LoRA on Qwen2.5-VL-3B", "kind": "sft", "model": "mine", "adapter": False}
    assert json.loads(capsys.readouterr().out) == [told]
    with pytest.raises(TrainingError, match="There is no recipe 'nothing-like-it'"):
        typed("nothing-like-it", "--list")


def test_a_dry_run_tells_what_it_would_come_to_and_writes_nothing(
    small: Recipe, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert typed("data/small.yaml", "--dry-run", "--set", "steps=5", "--set", "freeze_vision=true") == 0
    said = capsys.readouterr().out
    for words in ("8 to learn from, 2 held out", "steps    5 of 4 dialogs", "are learnt", "input_ids [4, ", "are trained (", "memory "):
        assert words in said
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_dry_run_needs_no_weights(small: Recipe, tmp_path: Path) -> None:
    empty = tmp_path / "small-files"
    shutil.copytree(small.model, empty, ignore=shutil.ignore_patterns("*.safetensors"))
    assert typed(str(tmp_path / "data/small.yaml"), "--dry-run", "--model", str(empty)) == 0


def test_two_lines_train_a_policy_and_say_how_it_is_opened(small: Recipe, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    given = ("--records", str(data / "records.jsonl"), "--pictures", str(data / "pictures"), "--runs", str(tmp_path), "--name", "first")
    assert typed(str(data / "small.yaml"), *given) == 0
    said = capsys.readouterr().out
    assert f"launch.py --policy {tmp_path / 'first/trained'}" in said
    assert f"launch.py import {tmp_path / 'first/samples'}" in said
    with pytest.raises(TrainingError, match="is there already"):
        typed(str(data / "small.yaml"), *given)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Give a recipe to begin a run, or --resume"),
        (("some", "--resume", "runs/x"), "Give a recipe to begin a run, or --resume"),
        (("qwen2.5-vl-3b-lora", "--set", "steps"), "--set takes KEY=VALUE"),
        (("qwen2.5-vl-3b-lora", "--set", "steps=[1"), "is no value in YAML"),
        (("qwen2.5-vl-3b-lora", "--set", "model.name=x"), "model is a value and holds no keys"),
        (("--resume", "nowhere"), "There is no run in nowhere"),
    ],
)
def test_what_cannot_be_meant_is_told(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(TrainingError, match=said):
        typed(*words)


def test_records_are_not_put_before_stages_with_data_of_their_own(small: Recipe, tmp_path: Path) -> None:
    file = tmp_path / "staged.yaml"
    file.write_text("title: t\nmodel: m\nstages: [{data: {world: needle}, steps: 1}]\n")
    with pytest.raises(TrainingError, match=r"have data of their own: name theirs with --set stages\.0\.data\.records"):
        typed(str(file), "--records", "a.jsonl")


def test_where_nobody_watches_a_line_comes_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    meter = _Meter()
    figures: dict[str, Any] = {"loss": 1.0, "of": 3}
    for step in (1, 2, 3):
        meter.tell(News({**figures, "step": step}, f"step {step}"))
    meter.tell(News({}, "something else"))
    assert capsys.readouterr().out.splitlines() == ["step 1", "step 3", "something else"]


def test_durations_are_told_in_words() -> None:
    assert [duration(seconds) for seconds in (3.2, 100, 3_660, 100_000)] == ["3 s", "2 min", "1 h 1 min", "27 h 47 min"]


# Several processes


@pytest.mark.parametrize("file", sorted((ROOT / "training/accelerate").glob("*.yaml")), ids=lambda file: file.stem)
def test_accelerate_reads_the_configurations(file: Path) -> None:
    config = load_config_from_file(str(file))
    assert config.num_processes > 1
    wrapped = getattr(config, "fsdp_config", {}).get("fsdp_transformer_layer_cls_to_wrap", "")
    for name in filter(None, wrapped.split(",")):
        assert hasattr(modeling_qwen2_5_vl, name)


@pytest.mark.parametrize(("batch", "at_once", "processes", "parts"), [(32, 1, 8, (1, 4)), (32, 8, 1, (8, 4)), (4, 4, 2, (2, 1))])
def test_a_step_is_shared_out_evenly(small: Recipe, batch: int, at_once: int, processes: int, parts: tuple[int, int]) -> None:
    assert shared_out(replace(small, batch=batch, at_once=at_once), processes) == parts


def test_a_step_that_cannot_be_shared_out_is_refused(small: Recipe) -> None:
    with pytest.raises(TrainingError, match="A step of 4 dialogs cannot be shared out to 3 processes with 1 at one time"):
        shared_out(small, 3)


# What a kill leaves behind


def test_a_half_written_checkpoint_and_a_half_written_line_count_as_none(small: Recipe, tmp_path: Path) -> None:
    run = begin(tmp_path / "run", small, {})
    for step in (2, 4):
        run.checkpoint(step).mkdir()
        run.mark_whole(run.checkpoint(step), keep=5)
        run.add_metrics({"step": step, "loss": 1.0})
    run.checkpoint(6).mkdir()
    (run.checkpoint(6) / "model.safetensors").write_bytes(b"half")
    run.add_metrics({"step": 5, "loss": 1.0})
    with run.metrics.open("a") as file:
        file.write('{"step": 6, "lo')
    for step in (4, 6):
        (run.samples / f"step-{step:06}.jsonl").write_text("")
    assert run.saved_steps() == [2, 4]
    run.drop_broken()
    run.forget_after(4)
    assert sorted(path.name for path in run.checkpoints.iterdir()) == ["checkpoint-2", "checkpoint-4"]
    assert [line["step"] for line in run.read_metrics()] == [2, 4]
    assert [path.name for path in run.samples.iterdir()] == ["step-000004.jsonl"]


def test_only_the_newest_checkpoints_stay(small: Recipe, tmp_path: Path) -> None:
    run = Run(begin(tmp_path / "run", small, {}).folder)
    for step in (9, 10, 11):
        run.checkpoint(step).mkdir()
        run.mark_whole(run.checkpoint(step), keep=2)
    assert run.saved_steps() == [10, 11]
    assert not run.checkpoint(9).exists()


def test_a_run_means_the_same_in_any_folder(small: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = read_recipe("data/small.yaml", {"data.records": ["data/records.jsonl"], "data.pictures": "data/pictures"})
    (source,) = recipe.at_home().data
    assert source.records == (tmp_path / "data/records.jsonl",)  # type: ignore[union-attr]
    assert source.pictures == tmp_path / "data/pictures"  # type: ignore[union-attr]
