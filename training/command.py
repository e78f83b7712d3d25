"""`launch.py train`: a recipe becomes a run's folder with a trained policy in it; or goes on where a run broke off."""

# ruff: noqa: T201 - a command speaks through print

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from core.errors import TrainingError

if TYPE_CHECKING:
    from training.recipe import Recipe
    from training.session import Outcome
    from training.watching import News

# Where nobody watches, a line of progress comes every so many seconds.
_QUIET = 30.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which recipe, on what, under which name."""
    parser.add_argument("recipe", nargs="?", metavar="RECIPE", help="the name of a shipped recipe, or a YAML file")
    parser.add_argument("--list", action="store_true", help="say which recipes are shipped, or what RECIPE is, and do nothing else")
    parser.add_argument("--json", action="store_true", help="list: as JSON")
    parser.add_argument(
        "--records", type=Path, action="append", metavar="FILE", help="curated records in place of the recipe's; may be repeated"
    )
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="folder of their pictures (default: pictures beside the records)")
    parser.add_argument("--model", metavar="REF", help="the checkpoint to begin with, in place of the recipe's: a hub name or a folder")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="another value for a key of the recipe; may be repeated"
    )
    parser.add_argument("--dry-run", action="store_true", help="data, template and first batch, and what it would come to; no weights")
    parser.add_argument("--name", metavar="NAME", help="the run's name, and its folder's (default: the recipe's)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="folder of the runs (default runs)")
    parser.add_argument("--resume", type=Path, metavar="RUN", help="go on with the run in this folder, from its last checkpoint")
    parser.add_argument("--merge", type=Path, metavar="RUN", help="write a run's adapter and its base as one checkpoint, RUN/merged")


def run(arguments: argparse.Namespace) -> int:
    """Trains; 0 once the run is over. Raises SaccadeError with what is wrong, what is saved and what to do, and KeyboardInterrupt where it
    was stopped by hand, with a checkpoint."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    if arguments.list:
        return _list(arguments)
    if arguments.merge is not None:
        return _merge(arguments.merge)
    from training.recipe_files import read_recipe

    if (arguments.recipe is None) == (arguments.resume is None):
        raise TrainingError(
            "Give a recipe to begin a run, or --resume with the folder of one to go on; --list says which recipes there are."
        )
    if arguments.resume is not None:
        return _train(None, arguments.resume, arguments)
    recipe = read_recipe(arguments.recipe, _changes(arguments))
    if (arguments.records or arguments.pictures) and any(stage.data for stage in recipe.stages):
        raise TrainingError(
            f"The stages of {arguments.recipe} have data of their own: name theirs with --set stages.0.data.records=[FILE]."
        )
    if arguments.dry_run:
        print("\n".join(_rehearsed(recipe)))
        return 0
    return _train(recipe, arguments.runs / (arguments.name or Path(arguments.recipe).stem), arguments)


def _list(arguments: argparse.Namespace) -> int:
    """The shipped recipes, or the one that is named with its changes, a line each."""
    from training.recipe_files import read_recipe, shipped

    names = [arguments.recipe] if arguments.recipe is not None else list(shipped())
    found = [(name, read_recipe(name, _changes(arguments))) for name in names]
    if arguments.json:
        told = [
            {"name": name, "title": one.title, "kind": one.kind, "model": one.model, "adapter": one.lora is not None} for name, one in found
        ]
        print(json.dumps(told, indent=1, ensure_ascii=False))
        return 0
    for name, one in found:
        print(f"{name:<32} {one.title}")
    return 0


def _merge(folder: Path) -> int:
    from training.merging import merge

    print(f"The adapter and its base are one checkpoint in {merge(folder)}.")
    return 0


def _rehearsed(recipe: Recipe) -> Iterator[str]:
    if recipe.kind == "grpo":
        from training.grpo_rehearsal import rehearse_rewards

        return rehearse_rewards(recipe).lines()
    from training.rehearsal import rehearse

    return rehearse(recipe).lines()


def _changes(arguments: argparse.Namespace) -> dict[str, Any]:
    from training.recipe_files import parse_value

    changes: dict[str, Any] = {}
    if arguments.records:
        changes["data.records"] = [str(path) for path in arguments.records]
    if arguments.pictures:
        changes["data.pictures"] = str(arguments.pictures)
    if arguments.model:
        changes["model"] = arguments.model
    for given in arguments.set:
        key, found, value = given.partition("=")
        if not found or not key:
            raise TrainingError(f"--set takes KEY=VALUE, such as --set steps=100, not {given!r}.")
        changes[key] = parse_value(value)
    return changes


def _train(recipe: Recipe | None, folder: Path, arguments: argparse.Namespace) -> int:
    from training.recipe import Recipe
    from training.runs import kind_of

    train = _trained_by(recipe.kind if recipe is not None else kind_of(folder))
    meter = _Meter()
    resume = _changes(arguments) if recipe is None else None
    with _asked_to_stop() as stopped:
        outcome = train(recipe or Recipe("", ""), folder, resume=resume, tell=meter.tell, stopped=stopped)
    meter.end()
    return _end(outcome)


def _trained_by(kind: str) -> Callable[..., Outcome]:
    if kind == "grpo":
        from training.grpo import train as by_rewards

        return by_rewards
    from training.sft import train as by_records

    return by_records


def _end(outcome: Outcome) -> int:
    is_main = int(os.environ.get("RANK", "0")) == 0
    if not outcome.finished:
        raise KeyboardInterrupt(f"Stopped after step {outcome.steps:,}, which is saved: go on with --resume {outcome.run}")
    if is_main:
        print(f"The trained policy is in {outcome.run / 'trained'}: python3 launch.py --policy {outcome.run / 'trained'}")
        samples = outcome.run / "samples"
        if any(samples.glob("*.jsonl")):
            print(f"What it said on the way: python3 launch.py import {samples} --image-root {samples / 'pictures'}")
    return 0


@contextmanager
def _asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Whether somebody pressed Ctrl-C, or the system asked the program to end. The second time it ends at once."""
    asked = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Meter:
    """The news on a terminal: figures in one line that is written over, all else in lines of its own."""

    def __init__(self) -> None:
        self._live = sys.stdout.isatty()
        self._open = False
        self._said = -_QUIET

    def tell(self, news: News) -> None:
        if "loss" not in news.figures:
            self.end()
            print(news.words, flush=True)
        elif self._live:
            print(f"\r\033[K{news.words}", end="", flush=True)
            self._open = True
        elif time.monotonic() - self._said >= _QUIET or news.figures["step"] == news.figures["of"]:
            print(news.words, flush=True)
            self._said = time.monotonic()

    def end(self) -> None:
        """Leave the line that is written over."""
        if self._open:
            print(flush=True)
            self._open = False
