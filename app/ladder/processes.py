"""Trainings as processes, several beside each other, and how all of them are stopped.

with Crew(2) as crew:
    for place in crew.done(tasks):      # tasks call crew.lead with what stands behind `launch.py train`
        ...                             # the task at that place has ended; others go on meanwhile
"""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

from app.trainings.launching import environment, launched
from core.errors import TrainingError

_TRAIN = tuple(launched("train", ()))


class Crew:
    """Leads up to `jobs` trainings at a time. When it ends, those that still go on are stopped behind their step, and waited for.

    command  what stands before a training's words
    """

    def __init__(self, jobs: int = 1, command: Sequence[str] = _TRAIN) -> None:
        self._command = tuple(command)
        self._pool = ThreadPoolExecutor(jobs)
        self._lock = threading.Lock()
        self._going: list[subprocess.Popen[bytes]] = []
        self._over = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._lock:
            self._over = True
            # At once, and before anything is waited for: who presses Ctrl-C a second time leaves none that goes on unasked.
            for process in self._going:
                process.send_signal(signal.SIGINT)
        self._pool.shutdown(cancel_futures=True)

    def done(self, tasks: Sequence[Callable[[], None]]) -> Iterator[int]:
        """Begins the tasks in their order, and gives the place of each, in order, once it has ended. Raises what a task raises."""
        for place, future in enumerate([self._pool.submit(task) for task in tasks]):
            future.result()
            yield place

    def lead(self, words: Sequence[str]) -> None:
        """A training in a process of its own, until it ends; Ctrl-C does not reach it, but this program does.

        Raises TrainingError where it does not come to its end.
        """
        with self._lock:
            if self._over:
                raise TrainingError("The training was not begun, because all were stopped.")
            process = subprocess.Popen([*self._command, *words], env=environment(), stdin=subprocess.DEVNULL, start_new_session=True)
            self._going.append(process)
        code = process.wait()
        with self._lock:
            self._going.remove(process)
        if code:
            raise TrainingError("The training did not come to its end, as it says above. When that is mended, the same command goes on.")
