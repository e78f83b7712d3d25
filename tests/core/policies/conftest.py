"""Tiny checkpoints, built once a run; torch on one core, which the tests share with others."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.tiny_models import Family, build

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[Family, Path]:
    """A folder with a checkpoint for each family."""
    root = tmp_path_factory.mktemp("checkpoints")
    return {family: build(root / f"tiny-{family.value}", family) for family in Family}


@pytest.fixture(scope="session")
def tiny_qwen2_vl(tiny_checkpoints: dict[Family, Path]) -> Path:
    """A folder with a tiny Qwen2-VL."""
    return tiny_checkpoints[Family.QWEN2_VL]


@pytest.fixture(scope="session")
def tiny_qwen2_5_vl(tiny_checkpoints: dict[Family, Path]) -> Path:
    """A folder with a tiny Qwen2.5-VL."""
    return tiny_checkpoints[Family.QWEN2_5_VL]


@pytest.fixture(scope="session")
def tiny_qwen3_vl(tiny_checkpoints: dict[Family, Path]) -> Path:
    """A folder with a tiny Qwen3-VL."""
    return tiny_checkpoints[Family.QWEN3_VL]
