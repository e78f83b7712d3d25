"""Where the page and the command line ask for runs: the folders, and the figures that were read last."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from app.trainings.folders import METRICS, RunFolders
from app.trainings.metrics import MetricsLog
from app.trainings.starting import Starter
from app.trainings.values import TrainingRun

# A run with 100,000 lines of figures is some tens of megabytes.
_KEPT = 8


class TrainingDesk:
    """The runs in some folders. Safe to share between threads."""

    def __init__(self, roots: Sequence[Path], *, read_only: bool = False) -> None:
        self.folders = RunFolders(roots, writes=not read_only)
        self.starter = Starter(self.folders, read_only=read_only)
        self.read_only = read_only
        self._logs: OrderedDict[str, MetricsLog] = OrderedDict()
        self._lock = Lock()

    def metrics(self, run: TrainingRun) -> MetricsLog:
        """The figures of a run, up to its last whole line."""
        with self._lock:
            log = self._logs.setdefault(run.id, MetricsLog(run.folder / METRICS))
            self._logs.move_to_end(run.id)
            while len(self._logs) > _KEPT:
                self._logs.popitem(last=False)
        log.refresh()
        return log
