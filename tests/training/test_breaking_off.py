"""Runs in processes of their own: killed, out of disk, out of memory, stopped by key, and shared by two processes.

The processes are forked from a server that has imported everything once, except where the command line itself is tried.
"""

from __future__ import annotations

import contextlib
import io
import json
import multiprocessing
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from core.policies.local.untrained import ModelType
from tests.training.small_data import record, small_recipe, written
from tests.training.test_command import typed
from tests.training.test_sft import losses, same, weights
from training.recipe import Recipe
from training.runs import Run
from training.sft import train
from training.start import beginning
from training.watching import News

ROOT = Path(__file__).resolve().parents[2]
STEPS = 24
FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(["training.sft"])
PATIENCE = 120.0


def no_room(run: Path, step: int) -> None:
    """From a step on, no file may become longer than a few kilobytes: less than the weights."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, resource.RLIM_INFINITY))


def no_memory(run: Path, step: int) -> None:
    """From a step on, hardly any more memory is to be had."""
    held = psutil.Process().memory_info().vms
    resource.setrlimit(resource.RLIMIT_AS, (held + 30_000_000, resource.RLIM_INFINITY))


def run_in_child(recipe: Recipe, folder: Path, at_step: int, then: Callable[[Path, int], None] | None, end: Any) -> None:
    """A training in this process; `then` happens once, after a step. How it ended goes into `end`."""

    def tell(news: News) -> None:
        if then is not None and news.figures.get("step") == at_step:
            then(folder, at_step)

    try:
        outcome = train(recipe, folder, tell=tell)
        end.put(("finished", str(outcome.steps)))
    except Exception as error:  # noqa: BLE001 - whatever it is, the test looks at it
        end.put((type(error).__name__, str(error)))


def ended(recipe: Recipe, folder: Path, at_step: int, then: Callable[[Path, int], None]) -> tuple[str, str]:
    end = FORKED.SimpleQueue()
    process = FORKED.Process(target=run_in_child, args=(recipe, folder, at_step, then, end))
    process.start()
    process.join(PATIENCE)
    assert process.exitcode == 0
    found: tuple[str, str] = end.get()
    return found


@pytest.fixture(scope="module")
def unbroken(tiny_checkpoints: dict[ModelType, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Recipe, Path]:
    """A run that nothing happens to."""
    folder = tmp_path_factory.mktemp("unbroken")
    changes = {"steps": STEPS, "save_every": 4, "evaluate": 0, "samples": 0, "batch": 2, "at_once": 2}
    recipe = small_recipe(folder / "data", tiny_checkpoints[ModelType.QWEN2_5_VL], **changes)
    train(recipe, folder / "run")
    return recipe, folder / "run"


def test_a_run_that_was_killed_goes_on_with_the_same_next_step(unbroken: tuple[Recipe, Path], tmp_path: Path) -> None:
    recipe, folder = unbroken
    run = Run(tmp_path / "run")
    end = FORKED.SimpleQueue()
    process = FORKED.Process(target=run_in_child, args=(recipe, run.folder, 0, None, end))
    process.start()
    until = time.monotonic() + PATIENCE
    while len(run.read_metrics()) < 6 and time.monotonic() < until:
        time.sleep(0.005)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join(PATIENCE)
    assert process.exitcode == -signal.SIGKILL
    saved = run.saved_steps()[-1]
    before = {step: loss for step, loss in losses(run.folder).items() if step <= saved}
    assert 4 <= saved < STEPS
    assert not run.trained.exists()
    train(recipe, run.folder, resume={})
    assert {step: losses(run.folder)[step] for step in before} == before
    assert losses(run.folder) == losses(folder)
    assert same(weights(run.trained), weights(folder / "trained"))


def test_a_full_disk_ends_a_run_with_what_was_saved(unbroken: tuple[Recipe, Path], tmp_path: Path) -> None:
    recipe, folder = unbroken
    kind, said = ended(recipe, tmp_path / "run", 9, no_room)
    assert kind == "TrainingError"
    assert said.startswith("The disk is full under ")
    assert said.endswith(f"Saved is everything up to step 8: go on from there with --resume {tmp_path / 'run'}")
    assert "\n" not in said
    run = Run(tmp_path / "run")
    assert (run.saved_steps(), run.notes()["state"]) == ([4, 8], "failed")
    assert not run.checkpoint(12).exists()
    train(recipe, run.folder, resume={})
    assert losses(run.folder) == losses(folder)


def test_running_out_of_memory_ends_a_run_with_what_was_saved(tiny_checkpoints: dict[ModelType, Path], tmp_path: Path) -> None:
    data = tmp_path / "data"
    changes = {
        "max_pixels": 1400 * 1400,
        "save_every": 1,
        "at_once": 2,
        "batch": 2,
        "evaluate": 0,
        "samples": 0,
        "epochs": 1,
        "steps": None,
    }
    files = [{"records": [str(data / name)]} for name in ("records.jsonl", "large.jsonl")]
    stages = [{"name": name, "data": file} for name, file in zip(("small", "large"), files, strict=True)]
    recipe = small_recipe(data, tiny_checkpoints[ModelType.QWEN2_5_VL], train=6, stages=stages, **changes)
    # The last two pictures are of ten thousand patches where the others are of 36.
    card = beginning(recipe).card
    written(data, [record(card, number, data / "pictures", side=1400) for number in (50, 52)], "large.jsonl")
    kind, said = ended(recipe, tmp_path / "run", 3, no_memory)
    assert kind == "OutOfMemory", said
    assert said.startswith("The memory ran out at step 4: what helps is fewer dialogs at one time (--set at_once=1), ")
    assert said.endswith(f"Saved is everything up to step 3: go on from there with --resume {tmp_path / 'run'}")
    assert Run(tmp_path / "run").saved_steps() == [2, 3]


SAYS = """
import json, os, sys
from pathlib import Path
Path(sys.argv[1], os.environ["RANK"]).write_text(json.dumps({name: value for name, value in os.environ.items() if name in sys.argv[2:]}))
"""


def surroundings_of_two(folder: Path) -> list[dict[str, str]]:
    """What `accelerate launch` tells each of the two processes that it begins with the shipped configuration."""
    script, config = folder / "says.py", ROOT / "training/accelerate/two-processes.yaml"
    script.write_text(SAYS)
    command = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(config), "--main_process_port", "0"]
    names = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "ACCELERATE_MIXED_PRECISION", "ACCELERATE_USE_CPU")
    done = subprocess.run(
        [*command, str(script), str(folder), *names], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stderr
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        own = {"MASTER_PORT": str(free.getsockname()[1]), "OMP_NUM_THREADS": "1"}
    return [json.loads((folder / rank).read_text()) | own for rank in ("0", "1")]


def type_in_child(words: tuple[str, ...], surroundings: dict[str, str], end: Any) -> None:
    """The command line in this process. Its exit code, and what it said, go into `end`."""
    os.environ.update(surroundings)
    with contextlib.redirect_stdout(io.StringIO()) as said:
        code = typed(*words)
    end.put((code, said.getvalue()))


def test_two_processes_give_the_loss_of_one(unbroken: tuple[Recipe, Path], tmp_path: Path) -> None:
    recipe, folder = unbroken
    file = tmp_path / "recipe.yaml"
    file.write_text(replace(recipe, at_once=1, save_every=10, evaluate=2).to_yaml())
    end = FORKED.SimpleQueue()
    words = (str(file), "--runs", str(tmp_path), "--name", "two", "--set", "device=cpu")
    processes = [FORKED.Process(target=type_in_child, args=(words, told, end)) for told in surroundings_of_two(tmp_path)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(PATIENCE)
        assert process.exitcode == 0
    ends = [end.get(), end.get()]
    assert [code for code, _ in ends] == [0, 0]
    run = Run(tmp_path / "two")
    assert run.notes()["processes"] == 2
    assert list(losses(run.folder).values()) == pytest.approx(list(losses(folder).values()), rel=1e-4)
    assert sum(line.get("dialogs", 0) for line in run.read_metrics()) == recipe.batch * STEPS
    for name, ours in weights(run.trained).items():
        torch.testing.assert_close(ours, weights(folder / "trained")[name], rtol=1e-3, atol=1e-4)
    assert "".join(said for _, said in ends).count("The trained policy is in") == 1


@pytest.mark.slow
def test_a_key_ends_the_command_with_a_checkpoint_and_it_goes_on(unbroken: tuple[Recipe, Path], tmp_path: Path) -> None:
    recipe, folder = unbroken
    file = tmp_path / "small.yaml"
    file.write_text(replace(recipe, save_every=0).to_yaml())
    command = [sys.executable, str(ROOT / "launch.py"), "train", str(file), "--runs", str(tmp_path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        run = Run(tmp_path / "small")
        until = time.monotonic() + PATIENCE
        while len(run.read_metrics()) < 3 and time.monotonic() < until:
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    (saved,) = run.saved_steps()
    assert said.splitlines()[-1] == f"saccade: Stopped after step {saved}, which is saved: go on with --resume {run.folder}"
    train(recipe, run.folder, resume={})
    assert losses(run.folder) == losses(folder)
