"""An adapter and its base as one checkpoint: it says what the adapter says, and a training can begin with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.errors import TrainingError
from core.policies.local.loading import LoadedModel, load
from core.policies.local.untrained import ModelType
from core.policies.opening import PolicyOptions
from core.policies.references import read_reference
from tests.training.small_data import small_recipe
from training.merging import merge
from training.sft import train
from training.start import beginning


def loaded(folder: Path) -> LoadedModel:
    return load(read_reference(str(folder)), PolicyOptions(device="cpu", dtype="float32", slots=1), progress=lambda _: None)


def test_an_adapter_is_written_into_its_base(tiny_checkpoints: dict[ModelType, Path], tmp_path: Path) -> None:
    recipe = small_recipe(tmp_path, tiny_checkpoints[ModelType.QWEN2_5_VL], train=4, steps=1, evaluate=0, samples=0, lora={"rank": 2})
    train(recipe, tmp_path / "run")
    whole = merge(tmp_path / "run")
    one, other, base = (loaded(folder) for folder in (tmp_path / "run/trained", whole, Path(recipe.model)))
    found, wanted = one.model.state_dict(), other.model.state_dict()
    assert found.keys() == wanted.keys() and all(torch.equal(found[name], wanted[name]) for name in found)
    assert not all(torch.equal(wanted[name], known) for name, known in base.model.state_dict().items())
    assert other.card.max_pixels == one.card.max_pixels and other.card.crop == one.card.crop
    # A second time it is there, and nothing half-written is beside it.
    assert merge(tmp_path / "run") == whole and not (tmp_path / "run/merged.part").exists()
    assert beginning(replace(recipe, model=str(whole))).rendering.tokens("red") == beginning(recipe).rendering.tokens("red")
    with pytest.raises(TrainingError, match="is an adapter: begin with its base"):
        beginning(replace(recipe, model=str(tmp_path / "run/trained")))


def test_a_policy_with_weights_of_its_own_is_not_merged(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"There is no adapter in .*trained: a policy whose weights are all its own"):
        merge(tmp_path)
