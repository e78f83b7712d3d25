"""Beginning, trying out, taking up and stopping runs: each is a process of its own, `launch.py train`, that outlives whoever began it."""

from __future__ import annotations

import re
import shlex
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from app.trainings import starts
from app.trainings.folders import RunFolders
from app.trainings.launching import RECIPES, Heard, heard, outliving
from app.trainings.processes import ask_to_stop, is_alive, this_host
from app.trainings.values import Start, TrainingRun
from core.errors import ReadOnly, TrainingError

_NAME = re.compile(r"\w[\w.,+= -]{0,99}")
# A checkpoint's small files may have to be fetched.
_PATIENCE = 600.0


@dataclass(frozen=True, slots=True)
class Wish:
    """A run that is wanted; what is empty is as the recipe has it.

    recipe   the name of a shipped one, or a YAML file
    changes  `KEY=VALUE`, as `--set` takes them
    """

    recipe: str
    name: str = ""
    model: str = ""
    records: str = ""
    pictures: str = ""
    changes: tuple[str, ...] = ()

    def words(self) -> list[str]:
        """The command line behind `train`. Values stand behind their option's equals sign, so that none is taken for an option."""
        given = (("--model", self.model), ("--records", self.records), ("--pictures", self.pictures))
        options = [f"{name}={value.strip()}" for name, value in given if value.strip()]
        return [*options, *(f"--set={change.strip()}" for change in self.changes if change.strip()), "--", self.recipe]


@dataclass(frozen=True, slots=True)
class Recipe:
    """A shipped recipe."""

    name: str
    title: str


class Starter:
    """Begins runs in the first of the folders of runs. Safe to share between threads."""

    def __init__(self, folders: RunFolders, *, read_only: bool) -> None:
        self._folders = folders
        self._read_only = read_only
        self._rehearsing = threading.Lock()
        self._starting = threading.Lock()
        self._recipes: tuple[float, tuple[Recipe, ...]] = (-1.0, ())

    def recipes(self) -> tuple[Recipe, ...]:
        """The shipped recipes, as `launch.py train --list` tells them. Raises TrainingError where it cannot."""
        at = RECIPES.stat().st_mtime
        if self._recipes[0] != at:
            said = heard("train", ["--list"], patience=_PATIENCE)
            if not said.ok:
                raise TrainingError(f"The recipes cannot be listed: {said.words}")
            parts = (line.split(None, 1) for line in said.words.splitlines() if line.strip())
            self._recipes = at, tuple(Recipe(name, title[0] if title else "") for name, *title in parts)
        return self._recipes[1]

    def rehearse(self, wish: Wish) -> Heard:
        """What a run would come to, in the words of a dry run; nothing is written. Raises TrainingError where one goes on already."""
        self._check(wish)
        if not self._rehearsing.acquire(blocking=False):
            raise TrainingError("Another dry run is going on: wait until it has ended.")
        try:
            return heard("train", ["--dry-run", *wish.words()], patience=_PATIENCE)
        finally:
            self._rehearsing.release()

    def start(self, wish: Wish) -> Path:
        """Begin a run; the folder that it will have. Raises TrainingError for a name that is none or is taken, ReadOnly."""
        self._check(wish)
        root = self._root()
        with self._starting:
            folder = root / (wish.name.strip() or _free_name(root, Path(wish.recipe).stem))
            waits = starts.read_start(folder)
            if folder.exists() or (waits is not None and is_alive(waits)):
                raise TrainingError(f"There is a run {folder.name!r} in {root} already: give this one another name.")
            try:
                (root / starts.WAITING).mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise TrainingError(
                    f"The folder of runs {root} cannot be written to ({error.strerror}): name another with --runs."
                ) from error
            _begin(folder, [f"--runs={root}", f"--name={folder.name}", *wish.words()])
        return folder

    def resume(self, run: TrainingRun, changes: Sequence[str] = ()) -> None:
        """Take a run up again from its last checkpoint. Raises TrainingError where it cannot go on, ReadOnly."""
        self._refuse_read_only()
        _check_changes(changes)
        with self._starting:
            now = self._folders.look(run.folder)
            if not now.can_resume:
                raise TrainingError(f"The run {run.name!r} is {now.state.value}: only one that was stopped or broke off is taken up again.")
            _begin(run.folder, [f"--resume={run.folder}", *(f"--set={change.strip()}" for change in changes if change.strip())])

    def stop(self, run: TrainingRun, *, at_once: bool = False) -> None:
        """Ask a run to stop after its step, with a checkpoint; a second time with `at_once`, to end where it is.

        Raises TrainingError where its process is not one of this machine that is known for certain, ReadOnly.
        """
        self._refuse_read_only()
        now = self._folders.look(run.folder)
        if now.stopping and not at_once:
            return
        if not now.can_stop:
            where = f" It runs on {now.host}: stop it there." if now.host and now.pid is None else ""
            raise TrainingError(f"The run {run.name!r} is {now.state.value} and has no process here that could be stopped.{where}")
        start = starts.read_start(run.folder)
        ask_to_stop(run.folder, start, now.pid)
        known = start if start is not None and is_alive(start) else _named(now.pid)
        # Who looks next is told that it is stopping. Where the folder cannot be written to, they are not.
        with suppress(OSError):
            if known is not None:
                starts.write_start(run.folder, replace(known, asked=True))

    def forget(self, run: TrainingRun) -> None:
        """Take away what is left of a start that never became a run. Raises TrainingError for a run, ReadOnly."""
        self._refuse_read_only()
        if run.exists or run.can_stop:
            raise TrainingError(f"{run.folder} is a run and is kept: remove its folder by hand if it is not wanted any more.")
        starts.forget(run.folder)

    def _check(self, wish: Wish) -> None:
        self._refuse_read_only()
        if not _is_file(wish.recipe) and wish.recipe not in {one.name for one in self.recipes()}:
            raise TrainingError(f"There is no recipe {wish.recipe[:80]!r}: choose a shipped one, or give the path of a YAML file.")
        if wish.name.strip() and not _NAME.fullmatch(wish.name.strip()):
            raise TrainingError(f"{wish.name[:80]!r} cannot name a run's folder: take letters, digits, hyphens and dots, 100 at most.")
        _check_changes(wish.changes)

    def _refuse_read_only(self) -> None:
        if self._read_only:
            raise ReadOnly("With --read-only runs are watched, and none is begun or stopped.")

    def _root(self) -> Path:
        root = next((root for root in self._folders.roots if not starts.is_run(root)), None)
        if root is None:
            raise TrainingError("Each folder that was named with --runs is a run itself: name a folder in which runs lie.")
        return root


def command_of(wish: Wish) -> str:
    """How the same run is begun by hand."""
    name = [f"--name={wish.name.strip()}"] if wish.name.strip() else []
    return shlex.join(["python3", "launch.py", "train", *name, *wish.words()])


def _check_changes(changes: Sequence[str]) -> None:
    wrong = next((change for change in changes if change.strip() and not change.partition("=")[1]), None)
    if wrong is not None:
        raise TrainingError(f"A value is set as KEY=VALUE, such as steps=100, and not as {wrong.strip()[:80]!r}.")


def _is_file(recipe: str) -> bool:
    return Path(recipe).suffix in (".yaml", ".yml") and Path(recipe).expanduser().is_file()


def _free_name(root: Path, stem: str) -> str:
    names = (stem if number == 1 else f"{stem}-{number}" for number in range(1, 10_000))
    return next(name for name in names if not (root / name).exists())


def _begin(folder: Path, words: Sequence[str]) -> None:
    """Start the process of a run."""
    try:
        # A run that goes on writes behind what was said before; what is left of a start that failed is let go of.
        output, behind = starts.output_file(folder), starts.is_run(folder)
        starts.write_start(folder, outliving("train", words, output, title=f"train {folder.name}", behind=behind))
    except OSError as error:
        raise TrainingError(f"The run {folder.name!r} could not be begun ({error.strerror}).") from error


def _named(pid: int | None) -> Start | None:
    if pid is None:
        return None
    try:
        process = psutil.Process(pid)
        return Start(pid, process.create_time(), this_host(), tuple(process.cmdline()))
    except psutil.Error:
        return None
