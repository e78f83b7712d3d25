"""Tiny checkpoints, built once a run; torch on one core, which the tests share with others."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from core.policies.local.loading import LoadedModel, load
from core.policies.local.untrained import ModelType, build
from core.policies.opening import PolicyOptions
from core.policies.references import read_reference

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[ModelType, Path]:
    """A folder with a checkpoint for each family."""
    root = tmp_path_factory.mktemp("checkpoints")
    return {family: build(root / f"tiny-{family.value}", family) for family in ModelType}


@pytest.fixture(scope="session")
def tiny_qwen2_vl(tiny_checkpoints: dict[ModelType, Path]) -> Path:
    """A folder with a tiny Qwen2-VL."""
    return tiny_checkpoints[ModelType.QWEN2_VL]


@pytest.fixture(scope="session")
def tiny_qwen2_5_vl(tiny_checkpoints: dict[ModelType, Path]) -> Path:
    """A folder with a tiny Qwen2.5-VL."""
    return tiny_checkpoints[ModelType.QWEN2_5_VL]


@pytest.fixture(scope="session")
def tiny_qwen3_vl(tiny_checkpoints: dict[ModelType, Path]) -> Path:
    """A folder with a tiny Qwen3-VL."""
    return tiny_checkpoints[ModelType.QWEN3_VL]


@pytest.fixture(scope="session")
def loaded_models(tiny_checkpoints: dict[ModelType, Path]) -> dict[ModelType, LoadedModel]:
    """The tiny checkpoints, loaded as any other is."""
    return {
        family: load(read_reference(str(folder)), PolicyOptions(), progress=lambda _: None) for family, folder in tiny_checkpoints.items()
    }


@pytest.fixture(scope="session", params=list(ModelType))
def loaded(request: pytest.FixtureRequest, loaded_models: dict[ModelType, LoadedModel]) -> LoadedModel:
    """Each of the loaded models in turn."""
    return loaded_models[request.param]


@pytest.fixture(scope="session")
def one_loaded(loaded_models: dict[ModelType, LoadedModel]) -> LoadedModel:
    """A loaded model, where any will do."""
    return loaded_models[ModelType.QWEN2_5_VL]
