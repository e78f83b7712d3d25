"""Reinforcement learning in processes of its own: killed, and shared by two over gloo. They are forked from a server that has imported
everything once."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from core.policies.local.untrained import ModelType
from tests.training.rewarding import GROUP, rewarding_recipe
from training.grpo import train
from training.recipe import Recipe
from training.runs import Run

FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(["training.grpo"])
PATIENCE = 240.0
STEPS = 4


def learnt(folder: Path) -> list[tuple[float, float]]:
    """Loss and reward of every step."""
    return [(line["loss"], line["reward"]) for line in Run(folder).read_metrics() if "loss" in line]


def run_in_child(recipe: Recipe, folder: Path, surroundings: dict[str, str], end: Any) -> None:
    """A training in this process. How it ended goes into `end`."""
    os.environ.update(surroundings)
    try:
        end.put(("finished", str(train(recipe, folder).steps)))
    except Exception as error:  # noqa: BLE001 - whatever it is, the test looks at it
        end.put((type(error).__name__, str(error)))


@pytest.fixture(scope="module")
def unbroken(tiny_checkpoints: dict[ModelType, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Recipe, Path]:
    """A run that nothing happens to: sampled for real, and paid by chance."""
    folder = tmp_path_factory.mktemp("unbroken")
    told = {"reward": "random", "mask_overrun": False, "kl": 0.05, "rollouts_every": 2}
    changes = {"steps": STEPS, "save_every": 1, "batch": 2 * GROUP, "at_once": GROUP, "max_new_tokens": 8}
    recipe = rewarding_recipe(folder / "data", tiny_checkpoints[ModelType.QWEN3_VL], grpo=told, **changes)
    train(recipe, folder / "run")
    return recipe, folder / "run"


def test_a_run_that_was_killed_goes_on_with_the_same_next_step(unbroken: tuple[Recipe, Path], tmp_path: Path) -> None:
    recipe, folder = unbroken
    run = Run(tmp_path / "run")
    end = FORKED.SimpleQueue()
    process = FORKED.Process(target=run_in_child, args=(recipe, run.folder, {}, end))
    process.start()
    until = time.monotonic() + PATIENCE
    while not run.saved_steps() and time.monotonic() < until:
        time.sleep(0.005)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join(PATIENCE)
    assert not run.trained.exists() and run.notes()["state"] == "running"
    train(recipe, run.folder, resume={})
    assert learnt(run.folder) == learnt(folder)
    assert run.notes()["pid"] == os.getpid()


def test_two_processes_learn_what_one_does(unbroken: tuple[Recipe, Path], tmp_path: Path) -> None:
    recipe, folder = unbroken
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    end = FORKED.SimpleQueue()
    shared = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    processes = []
    for rank in ("0", "1"):
        surroundings = {**shared, "RANK": rank, "LOCAL_RANK": rank}
        processes.append(FORKED.Process(target=run_in_child, args=(recipe, tmp_path / "run", surroundings, end)))
        processes[-1].start()
    for process in processes:
        process.join(PATIENCE)
        assert process.exitcode == 0
    assert [end.get(), end.get()] == [("finished", str(STEPS))] * 2
    assert Run(tmp_path / "run").notes()["processes"] == 2
    for ours, alone in zip(learnt(tmp_path / "run"), learnt(folder), strict=True):
        assert ours == pytest.approx(alone, rel=1e-3, abs=1e-5)
    lines = (tmp_path / "run/rollouts/step-000002.jsonl").read_text().splitlines()
    assert len(lines) == 2 * GROUP
