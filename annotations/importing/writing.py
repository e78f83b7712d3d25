"""Converted rows -> the store, some hundred in a transaction; and the same as a rehearsal that writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Protocol

from annotations.importing.errors import RUN_FAILED
from annotations.importing.rows import Converted, Event
from annotations.store import Store
from core.errors import TraceError, TruthError
from core.trace import Sample, Trace, canonical_json


@dataclass(frozen=True, slots=True)
class Pending:
    """A row that was read, and waits to be written into its data set."""

    file: str
    line: int
    kind: str
    dataset: str
    converted: Converted
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Added:
    """How many traces, samples and events of a row were new; `refusal` where the store could not take it."""

    traces: int = 0
    samples: int = 0
    events: int = 0
    refusal: str = ""

    @property
    def anything(self) -> bool:
        """Whether anything of the row was new."""
        return bool(self.traces or self.samples or self.events)


class Taker(Protocol):
    """What takes rows in: a transaction of the store, or a rehearsal."""

    def add_traces(self, traces: Iterable[Trace], *, dataset: str) -> tuple[bool, ...]: ...

    def add_samples(self, samples: Iterable[Sample], *, dataset: str) -> tuple[bool, ...]: ...

    def record_event(self, kind: str, payload: dict[str, Any], *, actor: str = "") -> None: ...

    def events_after(self, kind: str, number: int) -> tuple[tuple[int, dict[str, Any]], ...]: ...


class Writer:
    """Writes batches of rows. `opened` gives a fresh taker for each batch."""

    def __init__(self, opened: Callable[[], AbstractContextManager[Taker]]) -> None:
        self._opened = opened
        self._events: set[bytes] = set()
        self._last_event = 0

    def write(self, batch: Sequence[Pending]) -> list[Added]:
        """What was new of each row, in order. Raises StoreError where nothing can be written; then nothing of the batch is there."""
        if not batch:
            return []
        try:
            return self._write(batch)
        except (TraceError, TruthError) as error:
            if len(batch) == 1:
                return [Added(refusal=str(error))]
        # One row is at fault, and the transaction with it: again, row by row.
        return [added for row in batch for added in self.write([row])]

    def _write(self, batch: Sequence[Pending]) -> list[Added]:
        new_events: set[bytes] = set()
        with self._opened() as taker:
            traces = _added(batch, taker.add_traces, lambda converted: converted.traces)
            samples = _added(batch, taker.add_samples, lambda converted: converted.samples)
            if any(row.converted.events for row in batch):
                self._learn_events(taker)
            events = []
            for row in batch:
                fresh = [event for event in row.converted.events if self._is_new(event, new_events)]
                for event in fresh:
                    taker.record_event(event.kind, event.payload)
                events.append(len(fresh))
        self._events.update(new_events)
        return [Added(*counts) for counts in zip(traces, samples, events, strict=True)]

    def _learn_events(self, taker: Taker) -> None:
        """What was recorded since the last batch: another import may be running, and this transaction now keeps it out."""
        for number, payload in taker.events_after(RUN_FAILED, self._last_event):
            self._events.add(_digest(canonical_json(payload)))
            self._last_event = number

    def _is_new(self, event: Event, new_events: set[bytes]) -> bool:
        digest = _digest(canonical_json(event.payload))
        if digest in self._events or digest in new_events:
            return False
        new_events.add(digest)
        return True


def _added(batch: Sequence[Pending], add: Callable[..., tuple[bool, ...]], items: Callable[[Converted], tuple[Any, ...]]) -> list[int]:
    """New items of each row. All rows of one data set go to the taker at once: that is what makes it fast."""
    new = [0] * len(batch)
    for dataset in dict.fromkeys(row.dataset for row in batch):
        owners = [at for at, row in enumerate(batch) if row.dataset == dataset for _ in items(row.converted)]
        if owners:
            flags = add([item for row in batch if row.dataset == dataset for item in items(row.converted)], dataset=dataset)
            for at, flag in zip(owners, flags, strict=True):
                new[at] += flag
    return new


def store_writer(store: Store) -> Writer:
    """Writes each batch in a transaction of its own."""
    return Writer(store.transaction)


@contextmanager
def whole_writer(store: Store) -> Iterator[Writer]:
    """Writes all batches in one transaction: it is kept when the block ends, and lost when the block raises."""
    with store.transaction() as transaction:

        @contextmanager
        def opened() -> Iterator[Taker]:
            yield transaction

        yield Writer(opened)


def rehearsing_writer(store: Store) -> Writer:
    """Writes nothing, and answers as if it did."""
    rehearsal = _Rehearsal(store)

    @contextmanager
    def opened() -> Iterator[Taker]:
        yield rehearsal

    return Writer(opened)


def checking_writer() -> Writer:
    """Writes nothing, asks nothing and remembers nothing: for the first reading of a strict import, which only looks for refusals."""

    @contextmanager
    def opened() -> Iterator[Taker]:
        yield _Check()

    return Writer(opened)


class _Check:
    """Takes everything in as new."""

    def add_traces(self, traces: Iterable[Trace], *, dataset: str) -> tuple[bool, ...]:
        return tuple(True for _ in traces)

    def add_samples(self, samples: Iterable[Sample], *, dataset: str) -> tuple[bool, ...]:
        return tuple(True for _ in samples)

    def record_event(self, kind: str, payload: dict[str, Any], *, actor: str = "") -> None:
        """An event that is not recorded."""

    def events_after(self, kind: str, number: int) -> tuple[tuple[int, dict[str, Any]], ...]:
        """None: this import remembers nothing."""
        return ()


class _Rehearsal:
    """Takes rows in by their content hashes alone; 16 bytes of each are remembered."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: set[bytes] = set()

    def add_traces(self, traces: Iterable[Trace], *, dataset: str) -> tuple[bool, ...]:
        ids = [trace.content_hash for trace in traces]
        known = self._store.known_traces(ids, dataset)
        return tuple(self._is_new(trace_id, dataset, known=trace_id in known) for trace_id in ids)

    def add_samples(self, samples: Iterable[Sample], *, dataset: str) -> tuple[bool, ...]:
        return tuple(self._is_new(repr(sample), dataset, known=self._store.knows_sample(sample, dataset)) for sample in samples)

    def record_event(self, kind: str, payload: dict[str, Any], *, actor: str = "") -> None:
        """An event that is not recorded."""

    def events_after(self, kind: str, number: int) -> tuple[tuple[int, dict[str, Any]], ...]:
        """The events that are there; asked for once, because a rehearsal adds none."""
        return tuple(enumerate(self._store.events(kind), start=1))[number:]

    def _is_new(self, name: str, dataset: str, *, known: bool) -> bool:
        key = _digest(f"{dataset}\n{name}")
        if known or key in self._seen:
            return False
        self._seen.add(key)
        return True


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=16).digest()
