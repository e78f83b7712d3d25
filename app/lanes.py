"""Where the work of a route is done: in threads, and only in as many of them as can get anything done.

A study has one writer at a time, a database file has one for all, and every commit is synced to the disk. Fifty people who save at once
would be fifty threads that wait for one lock, of which any may be the next, and fifty syncs one after the other. Here they wait in line,
the first come first; those who wait when the writer is free are written in one transaction, and nobody is answered before it is on the
disk.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeVar

from annotations.database import Database
from core.errors import SaccadeError, StoreError

# Python runs one thread at a time; a few more make use of the time that others wait for the disk or for a server.
_READERS = 4
# As many connections as a server's pool keeps open.
_WRITERS = 8
# Works in one transaction: the first of them waits for the last.
_AT_ONCE = 16

Given = TypeVar("Given")


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of a work. `alone`: nothing, because the transaction it was in was lost: it is to be done by itself."""

    value: Any = None
    refused: SaccadeError | None = None
    alone: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    """A work in line, and where its outcome is waited for."""

    work: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    outcome: asyncio.Future[_Outcome]


class Lanes:
    """Runs blocking work for the routes of one application, each lane in the order in which the work came.

    `lost` is called when a transaction of several works was lost, before each of them is done by itself.
    """

    def __init__(self, database: Database, lost: Callable[[], None]) -> None:
        self._database = database
        self._lost = lost
        self._readers = ThreadPoolExecutor(_READERS, "reading")
        self._writers = ThreadPoolExecutor(1 if database.takes_back_parts else _WRITERS, "writing")
        self._line: deque[_Waiting] = deque()
        self._lock = Lock()
        self._busy = False

    async def read(self, work: Callable[[], Given]) -> Given:
        """What `work`, which writes nothing, gives back or raises."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, work)

    async def write(self, work: Callable[[], Given]) -> Given:
        """What `work` gives back or raises, once what it wrote is on the disk.

        It may be done twice, when the first time was lost as a whole. Once begun it is done to its end, also when nobody waits any more.
        """
        loop = asyncio.get_running_loop()
        if self._database.takes_back_parts:
            waiting = _Waiting(work, loop, loop.create_future())
            self._stand_in_line(waiting)
            outcome = await waiting.outcome
            if outcome.refused:
                raise outcome.refused
            if not outcome.alone:
                given: Given = outcome.value
                return given
        return await loop.run_in_executor(self._writers, work)

    def _stand_in_line(self, waiting: _Waiting) -> None:
        with self._lock:
            self._line.append(waiting)
            begin, self._busy = not self._busy, True
        if begin:
            self._writers.submit(self._write_round)

    def _write_round(self) -> None:
        with self._lock:
            round_ = [self._line.popleft() for _ in range(min(_AT_ONCE, len(self._line)))]
        outcomes: list[_Outcome] | None = None
        try:
            outcomes = self._written(round_)
        finally:
            # Also after a defect of the program: the work that has it meets it again by itself, and nobody waits for ever.
            with self._lock:
                self._busy = bool(self._line)
            if self._busy:
                self._writers.submit(self._write_round)
            if outcomes is None:
                self._lost()
            _deliver(round_, outcomes or [_Outcome(alone=True)] * len(round_))

    def _written(self, round_: Sequence[_Waiting]) -> list[_Outcome]:
        with self._database.together():
            return [_done(waiting.work) for waiting in round_]


def _done(work: Callable[[], Any]) -> _Outcome:
    try:
        return _Outcome(work())
    except StoreError:
        # What the database refuses one, it may refuse all.
        raise
    except SaccadeError as refused:
        return _Outcome(refused=refused)


def _deliver(round_: Sequence[_Waiting], outcomes: Sequence[_Outcome]) -> None:
    for loop in {waiting.loop for waiting in round_}:
        told = [(waiting, outcome) for waiting, outcome in zip(round_, outcomes, strict=True) if waiting.loop is loop]
        loop.call_soon_threadsafe(_tell, told)


def _tell(told: Sequence[tuple[_Waiting, _Outcome]]) -> None:
    for waiting, outcome in told:
        if not waiting.outcome.done():
            waiting.outcome.set_result(outcome)
