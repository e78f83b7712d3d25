"""A run's folder: what was asked for, what happened, and what came of it.

    recipe.yaml         the recipe with every value said
    run.json            seed, digest of the data, versions, machine, how it stands, and the process that runs it
    metrics.jsonl       a line every few steps
    samples/            traces that the policy made on the way, and their pictures: `launch.py import` takes them
    rollouts/           the same of what it learnt from, where it learns by rewards
    checkpoints/        the newest ones: weights, optimizer, chance; a run goes on from the last
    trained/            the trained policy, once the run is over: `launch.py --policy RUN/trained` opens it

Lines and files are written so that a kill at any moment leaves what was there before: a checkpoint counts once its mark is in it.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.errors import TrainingError
from core.policies import machine
from training.recipe import Recipe
from training.recipe_files import read_recipe

RECIPE, RUN, METRICS, SAMPLES, CHECKPOINTS, TRAINED = "recipe.yaml", "run.json", "metrics.jsonl", "samples", "checkpoints", "trained"
ROLLOUTS = "rollouts"
_MARK = "whole.json"
_PACKAGES = ("torch", "transformers", "trl", "peft", "accelerate", "datasets", "numpy", "pillow")
# What may be another when a run goes on: nothing of it changes what is learnt.
FREE_TO_CHANGE = (
    *("at_once", "checkpointing", "threads", "workers", "log_every", "save_every", "keep"),
    *("evaluate_every", "evaluate", "sample_every", "samples", "max_new_tokens"),
)


@dataclass(frozen=True, slots=True)
class Run:
    """A run's folder."""

    folder: Path

    @property
    def metrics(self) -> Path:
        return self.folder / METRICS

    @property
    def samples(self) -> Path:
        return self.folder / SAMPLES

    @property
    def rollouts(self) -> Path:
        return self.folder / ROLLOUTS

    @property
    def checkpoints(self) -> Path:
        return self.folder / CHECKPOINTS

    @property
    def trained(self) -> Path:
        return self.folder / TRAINED

    def checkpoint(self, step: int) -> Path:
        """Where the checkpoint of a step is, or would be."""
        return self.checkpoints / f"checkpoint-{step}"

    def saved_steps(self) -> list[int]:
        """The steps of the whole checkpoints, in order."""
        found = (path.parent.name.removeprefix("checkpoint-") for path in self.checkpoints.glob(f"checkpoint-*/{_MARK}"))
        return sorted(int(step) for step in found if step.isdigit())

    def mark_whole(self, checkpoint: Path, keep: int) -> None:
        """Say that all of a checkpoint is written, and let go of the oldest over `keep`."""
        _write(checkpoint / _MARK, json.dumps({"step": int(checkpoint.name.removeprefix("checkpoint-"))}))
        for step in self.saved_steps()[:-keep]:
            # Without its mark it counts no more, whatever of it is gone.
            (self.checkpoint(step) / _MARK).unlink(missing_ok=True)
            shutil.rmtree(self.checkpoint(step), ignore_errors=True)

    def drop_broken(self) -> None:
        """Remove checkpoints that a kill or a full disk left half-written."""
        for path in self.checkpoints.glob("checkpoint-*"):
            if not (path / _MARK).is_file():
                shutil.rmtree(path, ignore_errors=True)

    def add_metrics(self, line: Mapping[str, Any]) -> None:
        """Add a line to metrics.jsonl."""
        with self.metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def read_metrics(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl; a last one that was cut off is left out."""
        if not self.metrics.is_file():
            return []
        lines = []
        for line in self.metrics.read_text(encoding="utf-8").splitlines():
            try:
                lines.append(json.loads(line))
            except ValueError:
                continue
        return lines

    def forget_after(self, step: int) -> None:
        """Drop the metrics, samples and rollouts of steps behind a checkpoint: they come again when the run goes on from it."""
        kept = [line for line in self.read_metrics() if line.get("step", 0) <= step]
        _write(self.metrics, "".join(json.dumps(line) + "\n" for line in kept))
        for path in (*self.samples.glob("step-*.jsonl"), *self.rollouts.glob("step-*.jsonl")):
            if int(path.stem.removeprefix("step-")) > step:
                path.unlink()

    def note(self, **told: Any) -> None:
        """Add to run.json, or change what stands there."""
        path = self.folder / RUN
        known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        _write(path, json.dumps(known | told, indent=1, ensure_ascii=False) + "\n")

    def notes(self) -> dict[str, Any]:
        """What run.json says. Raises TrainingError where there is none."""
        try:
            told: dict[str, Any] = json.loads((self.folder / RUN).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise TrainingError(f"{self.folder} is no run's folder: it has no {RUN} that can be read.") from error
        return told


def begin(folder: Path, recipe: Recipe, told: Mapping[str, Any]) -> Run:
    """A new run's folder, with its recipe and what is told of it. Raises TrainingError where it is there already or cannot be made."""
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise TrainingError(f"{folder} is there already: go on with --resume {folder}, or give the run another --name.") from None
    except OSError as error:
        raise TrainingError(f"The run's folder {folder} cannot be made ({error.strerror}): name another place with --runs.") from error
    run = Run(folder)
    run.checkpoints.mkdir()
    run.samples.mkdir()
    _write(folder / RECIPE, recipe.to_yaml())
    run.note(begun=_now(), **told, versions=versions(), machine=platform.platform(), state="running", words="", **this_process())
    return run


def take_up(folder: Path, changes: Mapping[str, Any]) -> tuple[Run, Recipe]:
    """A run that is to go on, with its recipe. Raises TrainingError where there is none, or a change would make it another training."""
    kind_of(folder)
    known = read_recipe(str(folder / RECIPE))
    recipe = read_recipe(str(folder / RECIPE), changes)
    changed = [field.name for field in fields(Recipe) if _learnt(known, field.name) != _learnt(recipe, field.name)]
    refused = [name for name in changed if name not in FREE_TO_CHANGE]
    if refused:
        raise TrainingError(
            f"A run that goes on cannot have another `{refused[0]}`, for it would be another training: leave it, or begin a new run. "
            f"Free to change are {', '.join(FREE_TO_CHANGE)}."
        )
    return Run(folder), recipe


def kind_of(folder: Path) -> str:
    """What sort of training the run in a folder is: "sft" or "grpo". Raises TrainingError where there is none."""
    if not (folder / RECIPE).is_file():
        raise TrainingError(f"There is no run in {folder} (no {RECIPE}): give the folder of a run, such as runs/NAME.")
    return read_recipe(str(folder / RECIPE)).kind


def _learnt(recipe: Recipe, name: str) -> Any:
    return recipe.grpo.as_learnt() if name == "grpo" and recipe.grpo is not None else getattr(recipe, name)


def versions() -> dict[str, str | None]:
    """What the figures of a run depend on beside its recipe."""
    return {"python": platform.python_version(), **machine.versions(_PACKAGES)}


def this_process() -> dict[str, Any]:
    """By what others find out whether a run that says "running" still does: the process, and the machine that it is on."""
    return {"pid": os.getpid(), "host": platform.node()}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _write(path: Path, text: str) -> None:
    """The whole text or none of it."""
    draft = path.with_name(path.name + ".part")
    try:
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
