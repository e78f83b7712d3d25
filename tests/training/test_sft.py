"""Fine-tuning of tiny checkpoints: what is learnt, what a run's folder holds, and how a run ends that cannot go on."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from annotations.database import open_database
from annotations.importing.kinds import EXPORT_FORMAT, EXPORT_VERSION
from annotations.importing.report import Outcome
from annotations.importing.run import ImportRequest, run_import
from annotations.pictures import PictureStore
from annotations.store import Store
from core.errors import PolicyError, RecordError, TrainingError
from core.policies.local.untrained import ModelType
from core.policies.opening import open_policy
from core.records import Split
from tests.training.small_data import record, small_recipe, written
from training import runs, sampling
from training.recipe import Recipe
from training.runs import Run
from training.sft import train
from training.start import beginning
from training.watching import News


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """The weights of a checkpoint or an adapter."""
    (file,) = folder.glob("*model.safetensors")
    return load_file(file)


def same(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def losses(folder: Path) -> dict[int, float]:
    return {line["step"]: line["loss"] for line in Run(folder).read_metrics() if "loss" in line}


def stop_after(step: int) -> Callable[[], bool]:
    """What is asked after every step; the answer is yes after this one."""
    asked = itertools.count(1)
    return lambda: next(asked) >= step


@pytest.fixture(scope="module")
def whole(tiny_checkpoints: dict[ModelType, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Recipe, Path, list[News]]:
    """A run of seven steps, with everything that is looked at on the way."""
    folder = tmp_path_factory.mktemp("whole")
    recipe = small_recipe(
        folder / "data", tiny_checkpoints[ModelType.QWEN2_5_VL], steps=7, save_every=2, evaluate_every=3, sample_every=4, samples=2
    )
    told: list[News] = []
    train(recipe, folder / "run", tell=told.append)
    return recipe, folder / "run", told


def test_a_run_writes_down_what_it_was_and_what_happened(whole: tuple[Recipe, Path, list[News]]) -> None:
    recipe, folder, told = whole
    notes = Run(folder).notes()
    assert (notes["state"], notes["step"], notes["seed"], notes["steps"]) == ("finished", 7, 0, 7)
    assert {"torch", "transformers", "trl", "python"} <= notes["versions"].keys()
    assert len(notes["data_sha256"]) == 64
    assert runs.read_recipe(str(folder / "recipe.yaml")) == recipe.at_home()
    lines = Run(folder).read_metrics()
    figures = [line for line in lines if "loss" in line]
    assert [line["step"] for line in figures] == list(range(1, 8))
    assert figures[-1]["loss"] < figures[0]["loss"]
    assert all({"learning_rate", "seconds_left", "dialogs_per_second", "learnt", "gradient", "memory"} <= line.keys() for line in figures)
    assert sum(line["dialogs"] for line in figures) == 28
    assert [line["step"] for line in lines if "validation_loss" in line] == [3, 6, 7]
    assert [line["step"] for line in lines if "samples" in line] == [4, 7]
    assert any("left" in news.words for news in told)
    # Two of the three checkpoints stay.
    assert Run(folder).saved_steps() == [4, 6]


def test_the_trained_policy_opens_and_is_asked(whole: tuple[Recipe, Path, list[News]]) -> None:
    _, folder, _ = whole
    trained = folder / "trained"
    with open_policy(str(trained)) as policy:  # type: ignore[attr-defined]
        assert policy.card.max_pixels == 84 * 84
    assert json.loads((trained / "saccade.json").read_text()) == {"max_new_tokens": 8, "crop": {"offset": 12, "side": 56, "dot": False}}
    assert not [path.name for path in trained.iterdir() if path.suffix in (".bin", ".pt", ".pth")]


def test_its_samples_are_imported(whole: tuple[Recipe, Path, list[News]], tmp_path: Path) -> None:
    assert (sampling.EXPORT_FORMAT, sampling.EXPORT_VERSION) == (EXPORT_FORMAT, EXPORT_VERSION)
    _, folder, _ = whole
    database = open_database(f"sqlite:///{tmp_path / 'saccade.sqlite3'}")
    try:
        request = ImportRequest((folder / "samples",), image_root=folder / "samples/pictures")
        report = run_import(request, Store(database), PictureStore(tmp_path / "pictures"))
    finally:
        database.close()
    assert report.count(Outcome.TAKEN) == 4, report.words


def test_a_run_that_was_stopped_goes_on_as_if_nothing_had_been(whole: tuple[Recipe, Path, list[News]], tmp_path: Path) -> None:
    recipe, folder, _ = whole
    first = train(recipe, tmp_path / "run", stopped=stop_after(5))
    assert (first.steps, first.finished) == (5, False)
    assert Run(tmp_path / "run").notes()["state"] == "stopped"
    assert train(recipe, tmp_path / "run", resume={"log_every": 1}).finished
    assert losses(tmp_path / "run") == losses(folder)
    assert same(weights(tmp_path / "run/trained"), weights(folder / "trained"))


def test_what_is_looked_at_changes_nothing_and_neither_do_workers(whole: tuple[Recipe, Path, list[News]], tmp_path: Path) -> None:
    recipe, folder, _ = whole
    train(replace(recipe, evaluate=0, samples=0, save_every=0, workers=2), tmp_path / "run")
    assert losses(tmp_path / "run") == losses(folder)
    assert same(weights(tmp_path / "run/trained"), weights(folder / "trained"))


def test_a_frozen_vision_tower_stays_as_it_is(tiny_qwen3_vl: Path, tmp_path: Path) -> None:
    recipe = small_recipe(tmp_path / "data", tiny_qwen3_vl, freeze_vision=True, steps=2, min_pixels=64 * 64, max_pixels=96 * 96)
    train(recipe, tmp_path / "run")
    before, after = weights(tiny_qwen3_vl), weights(tmp_path / "run/trained")
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert not [name for name in changed if "visual" in name]


@pytest.fixture
def adapter(tiny_qwen2_5_vl: Path, tmp_path: Path) -> Iterator[tuple[Recipe, Path]]:
    changes = {"lora": {"rank": 4, "dropout": 0.1}, "steps": 4, "save_every": 2, "sample_every": 1}
    recipe = small_recipe(tmp_path / "data", tiny_qwen2_5_vl, **changes)
    train(recipe, tmp_path / "run")
    yield recipe, tmp_path / "run"


def test_lora_trains_an_adapter_that_opens_on_its_base(adapter: tuple[Recipe, Path], tmp_path: Path) -> None:
    recipe, folder = adapter
    names = weights(folder / "trained")
    assert names and all("lora_" in name and "language_model" in name for name in names)
    with open_policy(str(folder / "trained")) as policy:  # type: ignore[attr-defined]
        assert policy.card.details["base"] == recipe.model


def test_letting_an_adapter_speak_changes_nothing_and_neither_does_a_stop(adapter: tuple[Recipe, Path], tmp_path: Path) -> None:
    recipe, folder = adapter
    train(replace(recipe, sample_every=0, samples=0), tmp_path / "again", stopped=stop_after(3))
    train(recipe, tmp_path / "again", resume={})
    assert losses(tmp_path / "again") == losses(folder)
    assert same(weights(tmp_path / "again/trained"), weights(folder / "trained"))


def test_stages_come_one_after_the_other_with_their_own_data_and_rate(tiny_qwen3_vl: Path, tmp_path: Path) -> None:
    scenes = {"world": "needle", "misses": 0.5}
    changes: dict[str, Any] = {
        "data": {**scenes, "difficulty": "easy"},
        "min_pixels": 128 * 128,
        "max_pixels": 128 * 128,
        "crop": None,
        "stages": [
            {"name": "large", "steps": 2, "data": {**scenes, "difficulty": {"preset": "easy", "items": [1, 1], "item_size": 160}}},
            {"name": "small", "steps": 3, "learning_rate": 5e-4, "schedule": "constant_then_linear", "hold": 0.5},
        ],
        "schedule": "constant",
        "batch": 2,
        "at_once": 1,
    }
    recipe = small_recipe(tmp_path / "data", tiny_qwen3_vl, **changes)
    train(recipe, tmp_path / "run")
    lines = [line for line in Run(tmp_path / "run").read_metrics() if "loss" in line]
    assert [line["stage"] for line in lines] == ["large"] * 2 + ["small"] * 3
    assert [line["learning_rate"] for line in lines] == pytest.approx([1e-3, 1e-3, 5e-4, 5e-4, 5e-4 * 2 / 3])
    assert json.loads((tmp_path / "run/trained/saccade.json").read_text())["crop"]["offset"] == 64
    train(recipe, tmp_path / "again", stopped=stop_after(3))
    train(recipe, tmp_path / "again", resume={"workers": 1})
    assert losses(tmp_path / "again") == losses(tmp_path / "run")


def test_parts_of_a_step_give_the_loss_of_the_whole(whole: tuple[Recipe, Path, list[News]], tmp_path: Path) -> None:
    recipe, folder, _ = whole
    train(replace(recipe, at_once=1, samples=0, evaluate=0), tmp_path / "run")
    assert list(losses(tmp_path / "run").values()) == pytest.approx(list(losses(folder).values()), rel=1e-5)


# How it ends where it cannot go on


def test_a_record_that_breaks_on_the_way_ends_the_run_with_what_was_learnt(
    whole: tuple[Recipe, Path, list[News]], tiny_qwen2_5_vl: Path, tmp_path: Path
) -> None:
    _, folder, _ = whole
    recipe = small_recipe(tmp_path / "data", tiny_qwen2_5_vl, steps=7, save_every=2)
    pictures = sorted((tmp_path / "data/pictures").iterdir())
    kept = {path: path.read_bytes() for path in pictures}

    def spoil(news: News) -> None:
        if news.figures.get("step") == 3:
            for path in pictures:
                path.write_bytes(b"no picture any more")

    with pytest.raises(TrainingError, match=r"The record of trace \w+ has a picture that cannot be read.*--resume") as caught:
        train(recipe, tmp_path / "run", tell=spoil)
    saved = Run(tmp_path / "run").saved_steps()[-1]
    assert saved >= 3
    assert f"everything up to step {saved}" in str(caught.value)
    assert Run(tmp_path / "run").notes()["state"] == "failed"
    for path, data in kept.items():
        path.write_bytes(data)
    train(recipe, tmp_path / "run", resume={})
    assert losses(tmp_path / "run") == losses(folder)


def test_a_loss_that_is_no_number_ends_the_run(tiny_qwen2_5_vl: Path, tmp_path: Path) -> None:
    recipe = small_recipe(tmp_path / "data", tiny_qwen2_5_vl, learning_rate=1e30, clip=0, steps=9)
    with pytest.raises(TrainingError, match=r"The loss became (nan|inf) by step \d: take a lower learning rate"):
        train(recipe, tmp_path / "run")


def test_what_is_wrong_from_the_beginning_makes_no_folder(tiny_qwen2_5_vl: Path, tmp_path: Path) -> None:
    recipe = small_recipe(tmp_path / "data", tiny_qwen2_5_vl)
    records = tmp_path / "data/records.jsonl"

    def refused(kind: type[Exception], said: str, changed: Recipe = recipe) -> None:
        with pytest.raises(kind, match=said):
            train(changed, tmp_path / "run")
        assert not (tmp_path / "run").exists()

    refused(TrainingError, "cannot be shared out to 1 processes with 4 at one time", replace(recipe, batch=6))
    refused(PolicyError, "is not there|no checkpoint", replace(recipe, model=str(tmp_path / "none")))
    (tmp_path / "data/pictures").rename(tmp_path / "data/elsewhere")
    refused(TrainingError, "no folder .*pictures")
    (tmp_path / "data/elsewhere").rename(tmp_path / "data/pictures")
    next((tmp_path / "data/pictures").iterdir()).unlink()
    refused(TrainingError, "wants the picture")
    records.write_bytes(records.read_bytes() + b"\n")
    refused(RecordError, "changed after it was written")
    card = beginning(recipe).card
    written(tmp_path / "data", [record(card, 1, tmp_path / "data/pictures", split=Split.TEST)])
    refused(TrainingError, r"no records of the split train with a weight over 0 \(it holds 1 of test, 1 of spatial\)")
    written(tmp_path / "data", [])
    refused(TrainingError, "holds no records")
    records.unlink()
    refused(RecordError, "no file of records|manifest")


def test_a_dialog_that_is_too_long_is_told_before_it_is_cut(tiny_qwen2_5_vl: Path, tmp_path: Path) -> None:
    recipe = small_recipe(tmp_path / "data", tiny_qwen2_5_vl, max_length=20)
    with pytest.raises(TrainingError, match=r"tokens with its pictures, and 20 are the most.*No checkpoint was saved yet"):
        train(recipe, tmp_path / "run")


def test_a_run_is_not_written_over_and_goes_on_only_as_itself(whole: tuple[Recipe, Path, list[News]], tmp_path: Path) -> None:
    recipe, folder, _ = whole
    with pytest.raises(TrainingError, match=r"is there already: go on with --resume .* or give the run another --name"):
        train(recipe, folder)
    with pytest.raises(TrainingError, match=r"There is no run in .*nowhere"):
        train(recipe, tmp_path / "nowhere", resume={})
    with pytest.raises(TrainingError, match=r"cannot have another `learning_rate`"):
        train(recipe, folder, resume={"learning_rate": 1.0})
    other = tmp_path / "run"
    shutil.copytree(folder, other)
    Run(other).note(data_sha256="0" * 64)
    with pytest.raises(TrainingError, match=r"cannot go on: the records are not what it was"):
        train(recipe, other, resume={})
