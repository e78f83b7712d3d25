"""Improvements in a folder of runs: begun, looked at, stopped and gone on with.

    runs/.improvements/NAME/   records.jsonl with its manifest, improvement.json (what was wanted), start.json (whose process it is),
                               output.txt (what that says)
    runs/NAME, runs/NAME-grpo  the runs of its halves, as any other

Each is a process of its own, `launch.py improve`, which hears neither Ctrl-C nor the end of whoever began it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from app.improvements.values import Chosen, Improvement, State
from app.improvements.wish import Wish
from app.improving import REINFORCED
from app.policy_register import RUN, Register, TrainedPolicy, state_of
from app.trainings.folders import id_of
from app.trainings.launching import Heard, heard, outliving
from app.trainings.processes import is_alive
from app.trainings.starts import last_sentence, output_of, read_start, write_start_to
from app.trainings.values import Start
from core.errors import NotFound, ReadOnly, TrainingError
from core.manifest import Manifest

FOLDER, RECORDS = ".improvements", "records.jsonl"
_WANTED, _START, _OUTPUT = "improvement.json", "start.json", "output.txt"
# A checkpoint's small files may have to be fetched.
_PATIENCE = 600.0

Write = Callable[[Path], Manifest]
"""Writes the curated records to a file, with their manifest beside it."""


class ImprovementDesk:
    """The improvements in the first folder in which runs lie. Safe to share between threads.

    pictures  folder with the pictures of all records
    """

    def __init__(self, roots: Sequence[Path], pictures: Path, register: Register, *, read_only: bool) -> None:
        # A folder that is a run itself holds no others.
        root = next((root for root in roots if not (root / RUN).is_file()), roots[0])
        self._root = Path(os.path.normpath(root.expanduser().absolute()))
        self._pictures = pictures.absolute()
        self._register = register
        self.read_only = read_only
        self._rehearsing = threading.Lock()
        self._starting = threading.Lock()

    def improvements(self) -> list[Improvement]:
        """All of them, the newest first."""
        return sorted((self._look(folder) for folder in self._folders()), key=lambda one: -(one.begun or 0))

    def improvement(self, named: str) -> Improvement:
        """The one of an id. Raises NotFound."""
        for folder in self._folders():
            if id_of(folder) == named:
                return self._look(folder)
        raise NotFound(f"There is no improvement {named[:40]!r} any more: its folder may have been moved or removed.")

    def rehearse(self, wish: Wish, write: Write, scratch: Path) -> Heard:
        """Whether it could begin, and what it would come to, or the reason why not, in the words of `launch.py improve --dry-run`.

        Raises TrainingError where another one is tried out, and what `write` raises.
        """
        self._refuse_read_only()
        wish = wish.checked()
        if not self._rehearsing.acquire(blocking=False):
            raise TrainingError("Another improvement is being tried out: wait until that has ended.")
        try:
            with tempfile.TemporaryDirectory(prefix="improvement-", dir=scratch) as folder:
                records = Path(folder) / RECORDS
                write(records)
                return heard("improve", [*wish.words(records, self._pictures, self._root), "--dry-run"], patience=_PATIENCE)
        finally:
            self._rehearsing.release()

    def begin(self, wish: Wish, write: Write) -> Improvement:
        """Begin one. Raises TrainingError for a name that is none or is taken, ReadOnly, and what `write` raises."""
        self._refuse_read_only()
        wish = wish.checked()
        with self._starting:
            folder = self._root / FOLDER / wish.name
            if folder.exists() or any(half.exists() for half in _halves(self._root, wish)):
                raise TrainingError(f"There is a policy or a run {wish.name!r} in {self._root} already: give this one another name.")
            # No policy is called so, and none that is looked for.
            draft = folder.with_name(f".{wish.name}")
            try:
                shutil.rmtree(draft, ignore_errors=True)
                draft.mkdir(parents=True)
                manifest = write(draft / RECORDS)
                study = manifest.curation.study if manifest.curation is not None else ""
                chosen = {"study": study, "rule": manifest.rule, "records": manifest.splits.get("train", 0)}
                (draft / _WANTED).write_text(json.dumps({"wish": wish.to_json(), "chosen": chosen}, ensure_ascii=False), encoding="utf-8")
                draft.rename(folder)
            except OSError as error:
                raise TrainingError(f"The folder of runs {self._root} cannot be written to ({error.strerror or error}).") from error
            finally:
                shutil.rmtree(draft, ignore_errors=True)
            self._start(folder, wish)
        return self._look(folder)

    def go_on(self, named: str) -> Improvement:
        """Take one up again where it was. Raises TrainingError for one that goes on or is done, ReadOnly, NotFound."""
        self._refuse_read_only()
        with self._starting:
            found = self.improvement(named)
            if found.state not in (State.STOPPED, State.ENDED):
                raise TrainingError(f"{found.wish.name} is {found.state.value}: only one that was stopped or broke off is gone on with.")
            self._start(found.folder, found.wish)
        return self._look(found.folder)

    def stop(self, named: str) -> Improvement:
        """Ask one to stop: a training behind its step, with a checkpoint; asked a second time, at once. Raises TrainingError for one that
        does not go on here, ReadOnly, NotFound."""
        self._refuse_read_only()
        found = self.improvement(named)
        start = read_start(found.folder)
        if found.state is not State.GOING or start is None:
            raise TrainingError(f"{found.wish.name} is {found.state.value}, and has no process here that could be stopped.")
        write_start_to(found.folder / _START, replace(start, asked=True))
        with suppress(ProcessLookupError):
            # It passes that on to the training, which has a session of its own.
            os.kill(start.pid, signal.SIGTERM)
        return self._look(found.folder)

    def forget(self, named: str) -> None:
        """Take away what is left of one that never came to a run. Raises TrainingError for any other, ReadOnly, NotFound."""
        self._refuse_read_only()
        found = self.improvement(named)
        if found.state is State.GOING or any(half.exists() for half in found.halves):
            raise TrainingError(f"{found.wish.name} has a run and is kept: remove its folders by hand if it is not wanted any more.")
        shutil.rmtree(found.folder, ignore_errors=True)

    def _folders(self) -> Iterator[Path]:
        for file in sorted((self._root / FOLDER).glob(f"*/{_WANTED}")):
            if not file.parent.name.startswith("."):
                yield file.parent

    def _start(self, folder: Path, wish: Wish) -> None:
        words = wish.words(folder / RECORDS, self._pictures, self._root)
        try:
            start = outliving("improve", words, folder / _OUTPUT, title=f"improve {wish.name}", behind=True)
            write_start_to(folder / _START, start)
        except OSError as error:
            raise TrainingError(f"{wish.name!r} could not be begun ({error.strerror}).") from error

    def _look(self, folder: Path) -> Improvement:
        wish, chosen = _wanted(folder)
        start, said = read_start(folder), output_of(folder)
        halves = _halves(self._root, wish)
        policy = self._policy(halves[-1]) if halves else None
        going = start is not None and is_alive(start)
        state = State.GOING if going else _ended(start, policy, halves)
        words = "" if state in (State.GOING, State.DONE) else last_sentence(said)
        stopping = going and start is not None and start.asked
        begun = start.created if start is not None else None
        return Improvement(id_of(folder), folder, wish, chosen, state, words, begun, halves, policy, stopping, said)

    def _policy(self, run: Path) -> TrainedPolicy | None:
        # The register names folders as they were given, with steps upwards in them.
        return next((one for one in self._register.policies() if os.path.normpath(one.folder) == str(run)), None)

    def _refuse_read_only(self) -> None:
        if self.read_only:
            raise ReadOnly("With --read-only policies are looked at, and none is trained.")


def _ended(start: Start | None, policy: TrainedPolicy | None, halves: Sequence[Path]) -> State:
    if policy is not None and any("difference" in score for score in policy.scores):
        return State.DONE
    # A run may have been stopped by itself, where it is watched.
    asked = (start is not None and start.asked) or any(state_of(half) == "stopped" for half in halves)
    return State.STOPPED if asked else State.ENDED


def _halves(root: Path, wish: Wish) -> tuple[Path, ...]:
    return tuple(root / f"{wish.name}{behind}" for _, behind in zip(wish.halves, ("", REINFORCED), strict=False))


def _wanted(folder: Path) -> tuple[Wish, Chosen]:
    try:
        told = json.loads((folder / _WANTED).read_text(encoding="utf-8"))
        chosen = told["chosen"]
        return Wish.from_json(told["wish"]), Chosen(str(chosen["study"]), str(chosen["rule"]), int(chosen["records"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Wish(folder.name), Chosen("", "", 0)
