"""`launch.py runs`: the runs of training in their folders: list them, look at one, watch it, stop it."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.settings import settings_from
from core.errors import NotFound, StartError

if TYPE_CHECKING:
    from app.trainings.desk import TrainingDesk
    from app.trainings.values import TrainingRun

ACTIONS = ("list", "show", "watch", "stop")
# Seconds between two looks, and between two lines where nobody sits before them.
_EVERY, _QUIET = 2.0, 30.0
_NAME = 34


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is done, to which run, and where runs lie."""
    parser.add_argument("action", choices=ACTIONS, help="list all runs, or show, watch or stop one")
    parser.add_argument("run", nargs="?", metavar="RUN", help="the run's name, or its folder")
    where = "a folder of runs; may be repeated (default: SACCADE_RUNS, or runs)"
    parser.add_argument("--runs", type=Path, action="append", default=[], metavar="DIR", help=where)
    parser.add_argument("--json", action="store_true", help="list and show: as JSON")
    parser.add_argument("--at-once", action="store_true", help="stop: do not wait for the step that runs, and save nothing more")


def run(arguments: argparse.Namespace) -> int:
    """Does it; 0, or 1 where a run that was watched failed. Raises NotFound, StartError, TrainingError where one cannot be stopped."""
    from app.trainings.desk import TrainingDesk

    desk = TrainingDesk(settings_from(arguments, os.environ).runs)
    if arguments.action == "list":
        _list(desk, as_json=arguments.json)
        return 0
    found = _named(desk, arguments.run)
    if arguments.action == "watch":
        return _watch(desk, found)
    if arguments.action == "stop":
        desk.starter.stop(found, at_once=arguments.at_once)
        _print(f"{found.name} was asked to {'end at once' if arguments.at_once else 'stop after the step that runs'}.")
    elif arguments.json:
        print(json.dumps(_document(desk, found), indent=1, ensure_ascii=False))
    else:
        _show(desk, found)
    return 0


def _named(desk: TrainingDesk, name: str | None) -> TrainingRun:
    if name is None:
        raise StartError("Say which run: its name or its folder; `launch.py runs list` has all of them.")
    if (Path(name) / "run.json").is_file():
        return desk.folders.look(Path(os.path.normpath(Path(name).absolute())))
    there = desk.folders.runs()
    found = [one for one in there if one.name == name]
    if len(found) > 1:
        raise NotFound(f"There are {len(found)} runs {name!r}: name one by its folder: {', '.join(str(one.folder) for one in found)}.")
    if not found:
        where = ", ".join(str(root) for root in desk.folders.roots)
        known = f" There are {', '.join(one.name for one in there[:12])}." if there else ""
        raise NotFound(f"There is no run {name!r} in {where}.{known} Name other folders with --runs.")
    return found[0]


def _list(desk: TrainingDesk, *, as_json: bool) -> None:
    from app.trainings.view import run_view

    runs = desk.folders.runs()
    if as_json:
        print(json.dumps([run_view(one) for one in runs], indent=1, ensure_ascii=False))
        return
    for one in runs:
        _print(f"{one.name:<{_NAME}} {_line(one)}")
    if not runs:
        _print(f"There is no run in {', '.join(str(root) for root in desk.folders.roots)}: begin one with launch.py train.")


def _line(one: TrainingRun) -> str:
    """How a run stands, in a line."""
    from app.trainings.view import KIND_WORDS, left_words, state_words

    step = f"step {one.step:,}" + (f" of {one.steps:,}" if one.steps else "") if one.step is not None else ""
    return " · ".join(part for part in (state_words(one), KIND_WORDS.get(one.kind, one.kind), step, left_words(one), one.words) if part)


def _document(desk: TrainingDesk, one: TrainingRun) -> dict[str, Any]:
    from app.trainings.charts import charts
    from app.trainings.view import facts_view, run_view

    newest = [
        {"chart": chart["title"], "figure": line["name"], "step": line["x"][-1], "value": line["y"][-1]}
        for chart in charts(desk.metrics(one), one.kind)
        for line in chart["series"]
    ]
    return {"run": run_view(one), "facts": facts_view(one), "newest": newest}


def _show(desk: TrainingDesk, one: TrainingRun) -> None:
    from app.trainings.charts import charts

    document = _document(desk, one)
    _print(f"{one.name}: {_line(one)}")
    for fact in document["facts"]:
        _print(f"  {fact['title']:<24} {fact['text']}")
    for figure in document["newest"]:
        _print(f"  {figure['figure']:<24} {figure['value']:.5g} at step {figure['step']:,.0f}")
    for warning in filter(None, (chart["warning"] for chart in charts(desk.metrics(one), one.kind))):
        _print(f"  {warning}")


def _watch(desk: TrainingDesk, one: TrainingRun) -> int:
    """A line whenever there is news, until the run ends. Ctrl-C ends the watching, and not the run."""
    from app.trainings.values import GOING, State

    live, said, before = sys.stdout.isatty(), -_QUIET, ""
    while True:
        one = desk.folders.look(one.folder)
        words = f"{one.name}: {' · '.join((_line(one), *_figures(desk, one)))}"
        over = one.state not in GOING
        if words != before and (over or live or time.monotonic() - said >= _QUIET):
            _print(words, over=live and not over)
            said, before = time.monotonic(), words
        if over:
            return 1 if one.state is State.FAILED else 0
        time.sleep(_EVERY)


def _figures(desk: TrainingDesk, one: TrainingRun) -> Iterator[str]:
    log = desk.metrics(one)
    for name in ("loss", "reward", "accuracy", "looks"):
        value = log.last(name)
        if value is not None:
            yield f"{name} {value:.4g}"


def _print(words: str, *, over: bool = False) -> None:
    """A line; names and words are others': what would move a terminal's cursor is not passed on. `over`: the next is written over it."""
    plain = "".join(sign if sign.isprintable() else "\ufffd" for sign in words)
    print(f"\r\033[K{plain}" if sys.stdout.isatty() else plain, end="" if over else "\n", flush=True)
