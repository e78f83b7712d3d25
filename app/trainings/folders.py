"""The runs in the folders of runs, each as its folder tells it now.

A folder may be on a drive of another machine: nothing is needed of it but to be read.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from app.durations import duration
from app.trainings import starts
from app.trainings.metrics import last_figures
from app.trainings.processes import Processes, is_alive, is_here, was_there
from app.trainings.starts import RUN
from app.trainings.values import GOING, RESUMABLE, Start, State, TrainingRun
from core.errors import NotFound

METRICS, RECIPE = "metrics.jsonl", "recipe.yaml"
# A run that cannot be looked at counts as silent when it wrote nothing for so many seconds. Steps of large models take minutes.
QUIET = 1800.0
_LARGEST = 1024 * 1024


class RunFolders:
    """The folders in which runs lie. A folder that is a run itself counts as one. Safe to share between threads.

    writes  whether what waits for a run's folder may be brought into it
    """

    def __init__(self, roots: Sequence[Path], *, writes: bool = True) -> None:
        self.roots = tuple(dict.fromkeys(Path(os.path.normpath(root.expanduser().absolute())) for root in roots))
        self._writes = writes
        self._processes = Processes()

    def runs(self) -> list[TrainingRun]:
        """All runs: those that go on first, then the newest first."""
        found = [self.look(folder) for folder in self._folders()]
        return sorted(found, key=lambda run: (run.state not in GOING, -(run.begun or run.heard or 0), run.name))

    def run(self, named: str) -> TrainingRun:
        """The run of an id. Raises NotFound."""
        for folder in self._folders():
            if id_of(folder) == named:
                return self.look(folder)
        raise NotFound(f"There is no run {named[:40]!r} any more: its folder may have been moved or removed.")

    def _folders(self) -> Iterator[Path]:
        seen: set[Path] = set()
        for root in self.roots:
            found = [root] if (root / RUN).is_file() else _below(root)
            for folder in (*found, *starts.waiting(root)):
                if folder not in seen:
                    seen.add(folder)
                    yield folder

    def look(self, folder: Path) -> TrainingRun:
        """A run as its folder tells it now."""
        if self._writes:
            starts.adopt(folder)
        told = _read(folder / RUN)
        start = starts.read_start(folder)
        figures = last_figures(folder / METRICS)
        heard = max((at for name in (RUN, METRICS) if (at := _written(folder / name)) is not None), default=None)
        pid = self._pid(folder, told, start)
        said = starts.last_sentence(starts.output_of(folder)) if start else ""
        # A process that has said nothing in run.json yet: that still tells of the one before it.
        unheard = start is not None and not start.asked and _is_newer(starts.start_file(folder), folder / RUN)
        state, words = _state(told, start, heard, pid, said, unheard=unheard)
        host = start.host if start and is_alive(start) else _text(told, "host") or None
        going = state in GOING
        here = pid is not None or (start is not None and is_alive(start))
        return TrainingRun(
            id=id_of(folder),
            name=folder.name,
            folder=folder,
            kind=_text(told, "kind") or ("sft" if told else ""),
            title=_text(told, "title"),
            state=state,
            words=words,
            step=_newest(told, figures, going=going),
            steps=_count(figures.get("of")) or _count(told.get("steps")),
            begun=_moment(told.get("begun")),
            heard=heard,
            seconds_left=_seconds(figures.get("seconds_left")) if state in (State.RUNNING, State.SILENT) else None,
            pid=pid if going else None,
            host=host,
            stopping=going and start is not None and start.asked and is_alive(start),
            can_stop=going and here,
            can_resume=state in RESUMABLE and (folder / RECIPE).is_file() and not here,
            told=told,
        )

    def _pid(self, folder: Path, told: dict[str, Any], start: Start | None) -> int | None:
        """The process of this machine that trains in a folder; None where there is none, or none is known."""
        if start is not None and is_alive(start):
            return start.pid
        if (found := self._processes.leading(folder)) is not None:
            return found
        pid, written = _count(told.get("pid")), _written(folder / RUN)
        if told.get("state") != "running" or pid is None or written is None or not is_here(_text(told, "host")):
            return None
        return pid if was_there(pid, written) else None


def id_of(folder: Path) -> str:
    """The id of a run's folder: of its path, for several folders of runs may hold the same name."""
    return hashlib.sha256(str(folder).encode("utf-8", "surrogateescape")).hexdigest()[:12]


def _state(
    told: dict[str, Any], start: Start | None, heard: float | None, pid: int | None, said: str, *, unheard: bool
) -> tuple[State, str]:
    """How a run stands, and the sentence for it. `said` is the last that its process said; `unheard`: it has written nothing yet."""
    alive = start is not None and is_alive(start)
    if not told:
        return (State.STARTING, "Its data and its checkpoint are being opened.") if alive else (State.FAILED, f"It did not begin: {said}")
    state, words = _text(told, "state"), _text(told, "words")
    if state != "running":
        known = State(state) if state in (State.STOPPED, State.FINISHED, State.FAILED) else State.FAILED
        if unheard and known is not State.FINISHED:
            return (State.STARTING, "It is being taken up again.") if alive else (known, f"It was not taken up again: {said}")
        return known, words
    if pid is not None:
        return State.RUNNING, ""
    host = _text(told, "host")
    if (host and is_here(host)) or (start is not None and is_here(start.host)):
        end = f" The last that its process said: {said}" if said else ""
        return State.INTERRUPTED, f"Its process is gone, and did not say why; what was saved is there.{end}"
    quiet = time.time() - (heard or 0)
    if quiet < QUIET:
        return State.RUNNING, f"On {host}, which cannot be looked into from here." if host else ""
    where = f"It runs on {host}, or it did" if host else "It says that it runs"
    return State.SILENT, f"{where}; nothing was heard of it for {duration(quiet)}."


def _newest(told: dict[str, Any], figures: dict[str, Any], *, going: bool) -> int | None:
    """The step that is done. What run.json says was written when the run last ended; the figures go on meanwhile."""
    counted = [step for step in (_count(figures.get("step")), _count(told.get("step"))) if step is not None]
    if not counted:
        return None
    return counted[0] if going and "step" in figures else max(counted)


def _below(root: Path) -> list[Path]:
    try:
        return sorted(path for path in root.iterdir() if not path.name.startswith(".") and (path / RUN).is_file())
    except OSError:
        return []


def _read(path: Path) -> dict[str, Any]:
    """The JSON object of a small file; empty where it cannot be read. It is replaced as a whole, so it is never half there."""
    try:
        with path.open("rb") as file:
            told = json.loads(file.read(_LARGEST))
    except (OSError, ValueError, RecursionError):
        return {"state": "failed", "words": f"{path.name} cannot be read."} if path.is_file() else {}
    return told if isinstance(told, dict) else {"state": "failed", "words": f"{path.name} is not a run's."}


def _written(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def _is_newer(one: Path, other: Path) -> bool:
    """Whether a file was written after another one, by the clock of the drive that both lie on."""
    return (_written(one) or 0) > (_written(other) or 0)


def _text(told: dict[str, Any], name: str) -> str:
    value = told.get(name)
    return value[:2000] if isinstance(value, str) else ""


def _count(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e15 else None


def _seconds(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e10 else None


def _moment(value: object) -> float | None:
    """Seconds since 1970 of a time in ISO 8601."""
    try:
        return datetime.fromisoformat(str(value)).timestamp()
    except ValueError:
        return None
