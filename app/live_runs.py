"""Asking policies from the app and the command line: each run in a thread of its own, its traces in the store as they come.

A run waits for its turn, then for its policy, then rolls out. Whatever happens to it is told by its `LiveRun`; nothing here raises into a
page. While it runs, a journal in the data folder holds what it has, for the next start, should this one die.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from annotations.pictures import PictureStore
from annotations.store import Store
from app.asking import Asked, task_of
from app.live_run import LiveRun, RunState, Stored
from app.policy_shelf import PolicyShelf, Stopped
from app.run_journals import Kept, Recovered, RunJournals
from core.errors import NotFound, PolicyError, SaccadeError
from core.rollout.engine import roll_out
from core.rollout.values import Ended
from core.trace import Trace

if TYPE_CHECKING:
    from core.policies.protocol import Policy

AT_ONCE = 8
KEPT = 50
# How often a run that waits in line looks whether it still wants to, in seconds.
_GLANCE = 0.1
_FAREWELL = 3.0
_DEFECT = "The run ended because of a defect of the program, which is told in the program's own window."
READ_ONLY = "With --read-only nothing is stored: what is said here is gone when the program ends."


class LiveRuns:
    """The runs of one start, the newest ones kept. Safe to use from several threads; to be closed.

    journals  None: nothing is written, and no trace is stored
    tokens    the tokens of what ended are kept too: some hundred kilobytes a conversation
    """

    def __init__(
        self,
        shelf: PolicyShelf,
        store: Store,
        pictures: PictureStore,
        journals: RunJournals | None,
        *,
        at_once: int = AT_ONCE,
        tokens: bool = False,
    ) -> None:
        self._shelf = shelf
        self._store = store
        self._pictures = pictures
        self._journals = journals
        self._at_once = at_once
        self._tokens = tokens
        self._runs: OrderedDict[str, LiveRun] = OrderedDict()
        self._threads: dict[str, threading.Thread] = {}
        self._line: list[LiveRun] = []
        self._changed = threading.Condition()
        self._closed = False

    def start(self, asked: Asked) -> LiveRun:
        """A run, which has begun. Raises NotFound for a policy that is not on the shelf, PolicyError where too many runs are waiting."""
        self._shelf.line(asked.policy)
        run = LiveRun(asked, not_stored=READ_ONLY if asked.dataset and self._journals is None else "", tokens=self._tokens)
        thread = threading.Thread(target=self._work, args=(run,), name=f"run {run.id}", daemon=True)
        with self._changed:
            if self._closed:
                raise PolicyError("The program is ending, and no run begins any more.")
            if len(self._line) >= KEPT:
                raise PolicyError(
                    f"{len(self._line)} runs are going on or waiting already: stop some of them, or wait until they have ended."
                )
            self._runs[run.id] = run
            self._line.append(run)
            self._threads[run.id] = thread
            over = [one.id for one in self._runs.values() if one.over.is_set()]
            for old in over[: max(0, len(self._runs) - KEPT)]:
                del self._runs[old]
        thread.start()
        return run

    def run(self, run: str) -> LiveRun:
        """The run of that name. Raises NotFound for one that there never was or that is no longer kept."""
        with self._changed:
            found = self._runs.get(run)
        if found is None:
            raise NotFound(f"There is no run {run!r:.40} any more: its traces are in the list, where they were stored.")
        return found

    def runs(self) -> tuple[LiveRun, ...]:
        """The runs that are kept, the newest first."""
        with self._changed:
            return tuple(reversed(self._runs.values()))

    def asking(self, policy: str) -> int:
        """How many runs ask a policy or wait to."""
        with self._changed:
            return sum(run.asked.policy == policy for run in self._line)

    def stop(self, run: LiveRun) -> None:
        """Ends a run at once; what it has is kept."""
        run.stopping.set()
        with self._changed:
            self._changed.notify_all()

    def recover(self) -> Recovered:
        """Puts what runs had that died with the program into the store."""
        return self._journals.recover(self._store) if self._journals else Recovered()

    def close(self) -> None:
        """Stops every run and waits a moment for what it has to be kept. May be called twice."""
        with self._changed:
            self._closed = True
            runs, threads = list(self._runs.values()), list(self._threads.values())
        for run in runs:
            self.stop(run)
        for thread in threads:
            thread.join(_FAREWELL)

    def _work(self, run: LiveRun) -> None:
        try:
            with self._turn(run):
                run.waits(RunState.LOADING, "asks for its policy")
                with self._shelf.lend(run.asked.policy, run.stopping, lambda words: run.waits(RunState.LOADING, words)) as policy:
                    self._roll_out(run, policy)
            run.ends(RunState.STOPPED if run.stopping.is_set() else RunState.DONE)
        except Stopped:
            run.ends(RunState.STOPPED)
        except SaccadeError as error:
            run.ends(RunState.FAILED, str(error))
        finally:
            run.ends(RunState.FAILED, _DEFECT)
            with self._changed:
                self._threads.pop(run.id, None)

    @contextmanager
    def _turn(self, run: LiveRun) -> Iterator[None]:
        """Waits until the run is among those that may go on at once."""
        try:
            while (before := self._before(run)) >= self._at_once:
                if run.stopping.is_set():
                    raise Stopped("It was stopped before it began.")
                ahead = before - self._at_once
                run.waits(RunState.WAITING, f"{self._at_once} runs are going on; {ahead or 'none'} of those that wait came before this one")
                with self._changed:
                    self._changed.wait(_GLANCE)
            yield
        finally:
            with self._changed:
                self._line.remove(run)
                self._changed.notify_all()

    def _before(self, run: LiveRun) -> int:
        with self._changed:
            return self._line.index(run)

    def _roll_out(self, run: LiveRun, policy: Policy) -> None:
        asked = run.asked
        task = task_of(asked, self._pictures)
        run.begins(policy.card)
        stored = self._journals.keep(run.id, asked.dataset, asked.actor) if self._journals and asked.dataset else nullcontext()
        with stored as kept:
            try:
                for event in roll_out(policy, (task,), asked.settings, stop=run.stopping):
                    if kept is not None and (trouble := kept.write(event)):
                        run.cannot_store(trouble)
                    run.take(event)
                    if isinstance(event, Ended) and kept is not None:
                        self._store_one(run, kept, event.rollout.draw, event.rollout.trace)
            finally:
                if kept is not None:
                    self._store_rest(run, kept)

    def _store_rest(self, run: LiveRun, kept: Kept) -> None:
        """What conversations had said that did not come to an end of their own."""
        for number in range(run.asked.samples):
            draw = run.draw(number)
            if not draw.ended and draw.trace is not None:
                self._store_one(run, kept, number, draw.trace)

    def _store_one(self, run: LiveRun, kept: Kept, draw: int, trace: Trace) -> None:
        if not trace.turns or run.asked.dataset is None:
            return
        try:
            self._store.add_trace(trace, dataset=run.asked.dataset, actor=run.asked.actor)
        except SaccadeError as error:
            # The journal stays, and the next start tries again.
            kept.needed = True
            run.cannot_store(str(error))
        else:
            run.keeps(draw, Stored(trace.content_hash, run.asked.dataset))
