"""The traces that were read last, ready for use: the steps of one trace are asked about one after the other, and it never changes."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from annotations.store import Store
from core.trace import Trace

# A trace of the paper's length takes some tens of KiB.
_KEPT = 128


class RecentTraces:
    """Traces by their content hash, the last ones kept. Safe to use from several threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: OrderedDict[str, Trace] = OrderedDict()
        self._lock = Lock()

    def __contains__(self, trace_id: str) -> bool:
        """Whether the trace is kept now, so that asking for it reads nothing."""
        with self._lock:
            return trace_id in self._kept

    def trace(self, trace_id: str) -> Trace:
        """The trace with this content hash; one that was removed after it was read may still be given. Raises NotFound."""
        with self._lock:
            if trace_id in self._kept:
                self._kept.move_to_end(trace_id)
                return self._kept[trace_id]
        read = self._store.trace(trace_id).trace
        with self._lock:
            self._kept[trace_id] = read
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return read
