"""The journals of runs in the data folder: what a run that dies with the program had, and how the next start finds it.

    runs/<run>.jsonl   what happened, event by event (core.rollout.journal)
    runs/<run>.json    where its traces belong
    runs/<run>.lock    held by the program in which it runs; the system lets go of it however that ends

Several programs may work with one data folder: what another one holds is not touched.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from annotations.durable import whole_file
from annotations.store import Store
from core.errors import SaccadeError, StoreError
from core.rollout.journal import Journal, read_journal
from core.rollout.values import RolloutEvent

FOLDER = "runs"
_KINDS = ("jsonl", "json", "lock")


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was found of runs that died: traces that are in the store now, and sentences about what could not be read."""

    runs: int = 0
    traces: int = 0
    troubles: tuple[str, ...] = ()


def recovered_words(found: Recovered) -> tuple[str, ...]:
    """Lines for whoever started the program; none where nothing was found."""
    told: tuple[str, ...] = ()
    if found.runs:
        runs = "A run was" if found.runs == 1 else f"{found.runs} runs were"
        came = (
            f"{found.traces} trace{'' if found.traces == 1 else 's'} of what there was came in"
            if found.traces
            else "nothing had been said yet"
        )
        told = (f"{runs} cut off when the program ended; {came}.",)
    return (*told, *found.troubles)


class RunJournals:
    """The journals in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def keep(self, run: str, dataset: str, actor: str) -> Iterator[Kept]:
        """A journal for a run. It is gone when the block ends, unless `Kept.needed` says that the store does not have everything.

        Raises StoreError where the folder cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = _locked(self._file(run, "lock"))
        except OSError as error:
            raise self._unwritable(error) from error
        kept, whole = None, False
        try:
            with self._begun(run, dataset, actor) as journal:
                kept = Kept(journal)
                yield kept
            whole = not kept.needed
        finally:
            # A run that broke off before anything was said in it has left nothing to come back to.
            if whole or kept is None or not kept.written:
                self._remove(run)
            self._let_go(run, lock)

    def recover(self, store: Store) -> Recovered:
        """Puts what died runs had into the store, and takes their journals away."""
        found = Recovered()
        for run in self._runs():
            lock = _locked(self._file(run, "lock"))
            if lock is None:
                # It is going on, in another program.
                continue
            try:
                if self._file(run, "jsonl").is_file():
                    found = Recovered(found.runs + 1, found.traces + self._recover(run, store), found.troubles)
                self._remove(run)
            except SaccadeError as error:
                found = Recovered(found.runs, found.traces, (*found.troubles, f"The run {run} was left as it is: {error}"))
            finally:
                self._let_go(run, lock)
        return found

    def _begun(self, run: str, dataset: str, actor: str) -> Journal:
        try:
            with whole_file(self._file(run, "json")) as note:
                note.write(json.dumps({"dataset": dataset, "actor": actor}).encode())
            return Journal(self._file(run, "jsonl"))
        except OSError as error:
            raise self._unwritable(error) from error

    def _runs(self) -> tuple[str, ...]:
        """The runs of which there is a file."""
        files = self.folder.iterdir() if self.folder.is_dir() else ()
        return tuple(sorted({file.stem for file in files if file.suffix[1:] in _KINDS and not file.name.startswith(".")}))

    def _unwritable(self, error: OSError) -> StoreError:
        return StoreError(f"{self.folder} cannot be written ({error.strerror}): make room, or change its permissions.")

    def _recover(self, run: str, store: Store) -> int:
        dataset, actor = self._note(run)
        file = self._file(run, "jsonl")
        try:
            traces = tuple(trace for trace in read_journal(file) if trace.turns)
        except OSError as error:
            raise StoreError(f"{file} cannot be read ({error.strerror}).") from error
        return sum(store.add_traces(traces, dataset=dataset, actor=actor))

    def _note(self, run: str) -> tuple[str, str]:
        file = self._file(run, "json")
        try:
            note = json.loads(file.read_text(encoding="utf-8"))
            return str(note["dataset"]), str(note["actor"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{file}, which says where its traces belong, cannot be read: take the run's files away.") from error

    def _file(self, run: str, kind: str) -> Path:
        return self.folder / f"{run}.{kind}"

    def _remove(self, run: str) -> None:
        """All but the lock, which still keeps others away."""
        for kind in ("jsonl", "json"):
            self._file(run, kind).unlink(missing_ok=True)

    def _let_go(self, run: str, lock: int | None) -> None:
        if lock is not None:
            os.close(lock)
        if not self._file(run, "jsonl").exists():
            # Windows takes no file away that somebody else has just opened; the next start does.
            with contextlib.suppress(OSError):
                self._file(run, "lock").unlink(missing_ok=True)


@dataclass(eq=False, slots=True)
class Kept:
    """A journal that is being written. `needed`: the store does not have everything that is in it."""

    journal: Journal
    needed: bool = False
    broken: bool = False
    written: bool = False

    def write(self, event: RolloutEvent) -> str:
        """Write down what happened; a sentence where that could not be done, once: the run goes on without its journal."""
        if self.broken:
            return ""
        try:
            self.journal.write(event)
            self.written = True
        except OSError as error:
            self.broken = True
            return f"The run's journal cannot be written ({error.strerror}): make room. Should the program die now, this run is lost."
        return ""


def _locked(file: Path) -> int | None:
    """A handle that holds the lock; None where another program does. Raises OSError."""
    handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    if _take(handle):
        return handle
    os.close(handle)
    return None


def _take(handle: int) -> bool:
    if sys.platform == "win32":
        import msvcrt

        with contextlib.suppress(OSError):
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            return True
        return False
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # Where a file system has no locks, nobody can tell: what is there is taken to have died.
        return error.errno in (errno.ENOLCK, errno.ENOTSUP)
    return True
