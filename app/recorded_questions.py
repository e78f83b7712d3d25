"""The questions that recorded runs answer, read once: the page asks for them whenever it is opened, and they hardly ever change."""

from __future__ import annotations

from threading import Lock

from annotations.demo import DEMO_DATASET
from annotations.queries import TraceQuery
from annotations.store import Store
from app.asking import recorded_samples, recorded_traces
from core.errors import PolicyError
from core.policies.replay import SHIPPED
from core.trace import Sample

Questions = tuple[tuple[Sample, int], ...]

# What tells whether anything has changed: the file's time and size, how many traces the demo has, and the newest one's content.
_Seen = tuple[int, int, int, str]


class RecordedQuestions:
    """What recorded runs answer, and how often. Safe to use from several threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: tuple[_Seen, Questions] | None = None
        self._lock = Lock()

    def samples(self) -> Questions:
        """The questions in their order; nothing where the recorded runs cannot be read, which asking them tells."""
        seen = self._seen()
        with self._lock:
            if self._kept is not None and self._kept[0] == seen:
                return self._kept[1]
        try:
            found = recorded_samples(recorded_traces(self._store))
        except PolicyError:
            return ()
        with self._lock:
            self._kept = seen, found
        return found

    def _seen(self) -> _Seen:
        demo = self._store.list_traces(TraceQuery(dataset=(DEMO_DATASET,), page_size=1))
        try:
            told = SHIPPED.stat()
        except OSError:
            return 0, 0, 0, ""
        return told.st_mtime_ns, told.st_size, demo.total, next((row.id for row in demo.items), "")
