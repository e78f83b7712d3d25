"""Tiny checkpoints for the tests of training: the same as those of the policies; torch on one core."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.policies.local.loading import LoadedModel
from core.policies.local.untrained import ModelType
from core.rollout.values import Rollout
from tests.core.policies.conftest import loaded_models, one_loaded, tiny_checkpoints, tiny_qwen2_5_vl, tiny_qwen2_vl, tiny_qwen3_vl
from tests.training.led import SCRIPTS, led, small

__all__ = ["loaded_models", "one_loaded", "tiny_checkpoints", "tiny_qwen2_5_vl", "tiny_qwen2_vl", "tiny_qwen3_vl"]


@pytest.fixture(scope="session")
def rolled_out(loaded_models: dict[ModelType, LoadedModel]) -> Callable[[LoadedModel, str], Rollout]:
    """The rollout of one of the scripts by a checkpoint; each is led once."""
    known: dict[tuple[str, str], Rollout] = {}

    def roll(loaded: LoadedModel, name: str) -> Rollout:
        key = (loaded.family.model_type, name)
        if key not in known:
            known[key] = led(loaded, SCRIPTS[name])
        return known[key]

    return roll


@pytest.fixture(scope="session", params=[ModelType.QWEN2_5_VL, ModelType.QWEN3_VL], ids=["qwen2_5_vl", "qwen3_vl"])
def looking(request: pytest.FixtureRequest, loaded_models: dict[ModelType, LoadedModel]) -> LoadedModel:
    """Each of the two families in turn, shown pictures of few tokens."""
    return small(loaded_models[request.param])
