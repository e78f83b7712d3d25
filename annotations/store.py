"""The store: adds samples, traces and events, and answers for them.

Every write is one transaction: it is there as a whole or not at all, and it is on the disk before the call returns. Reading is in
`annotations.queries` and `annotations.facets`; this class is the door to both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from annotations.columns import is_known
from annotations.database import Database
from annotations.documents import PreparedSample, PreparedTrace, Row, check_name, json_text, prepare, prepare_sample
from annotations.facets import FacetCounter, Facets
from annotations.fulltext import add_words
from annotations.queries import StoredTrace, TracePage, TraceQuery, find_trace, iter_samples, iter_traces, list_traces
from annotations.removing import DatasetContent, dataset_content, remove_dataset
from annotations.schema import (
    DatasetRow,
    DataVersionRow,
    DocumentRow,
    EventRow,
    PictureRow,
    SamplePictureRow,
    SampleRow,
    StepRow,
    TraceRow,
    TurnRow,
)
from annotations.scores import Scores, score_trace
from core.trace import Picture, Sample, Trace

# Traces prepared and written at a time: bounded memory, and few enough parameters for one statement on any back end.
CHUNK = 250


class Store:
    """Samples, traces and events in one database. Safe to share between threads."""

    def __init__(self, database: Database, *, score: Callable[[Trace], Scores] = score_trace) -> None:
        self.database = database
        self._score = score
        self._counter = FacetCounter(database)

    def add_trace(self, trace: Trace, *, dataset: str, actor: str = "") -> bool:
        """True where the trace is new to the data set, False where an equal one (all but its origin) is there already.

        Raises TraceError for a trace that cannot be given back as it is, ReadOnly and StoreError where nothing can be written.
        """
        return self.add_traces([trace], dataset=dataset, actor=actor)[0]

    def add_traces(self, traces: Iterable[Trace], *, dataset: str, actor: str = "") -> tuple[bool, ...]:
        """For each trace, True where it was new. All of them are added in one transaction, or, when anything is raised, none.

        The traces are taken in chunks, so an iterator of any length needs little memory; other writers wait while it runs.
        """
        check_name("data set", dataset)
        check_name("actor", actor)
        prepared = (prepare(trace, self._score(trace)) for trace in traces)
        # The first chunk, usually the only one, is worked out before the others are made to wait.
        first = list(islice(prepared, CHUNK))
        if not first:
            return ()
        added: list[bool] = []
        with self.database.writing() as connection:
            writer = _Writer(connection, dataset)
            for chunk in chain([first], iter(lambda: list(islice(prepared, CHUNK)), [])):
                added += writer.add(chunk)
            if any(added):
                writer.record("traces_added", actor, {"dataset": dataset, "added": sum(added), "known": len(added) - sum(added)})
        return tuple(added)

    def add_sample(self, sample: Sample, *, dataset: str) -> bool:
        """True where the sample is new to the data set, False where an equal one is there already."""
        check_name("data set", dataset)
        prepared = prepare_sample(sample)
        with self.database.writing() as connection:
            writer = _Writer(connection, dataset)
            known = writer.sample_ids([prepared])
            writer.add_samples([prepared])
            return not known

    def record_event(self, kind: str, payload: dict[str, Any], *, actor: str = "") -> None:
        """Add a line to the event log: what happened, in JSON values, and who did it. The time is now, in UTC.

        Raises TraceError for a payload that is not JSON: NaN, infinity, or half of a character.
        """
        check_name("actor", actor)
        json_text(payload)
        with self.database.writing() as connection:
            connection.execute(insert(EventRow).values(at=datetime.now(UTC), kind=kind, actor=actor, payload=payload))

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Several writes as one: all of them are durable when the block ends, and none is there when it raises.

        Other writers wait as long as the block runs. Raises ReadOnly and StoreError where nothing can be written.
        """
        with self.database.writing() as connection:
            yield Transaction(connection, self._score)

    def dataset_content(self, dataset: str) -> DatasetContent:
        """How much the data set holds. Raises NotFound, with the names that there are."""
        with self.database.reading() as connection:
            return dataset_content(connection, dataset)

    def remove_dataset(self, dataset: str, *, actor: str = "") -> DatasetContent:
        """Take a data set out with everything in it, in one transaction, and record that; what it held comes back.

        Events and pictures stay. Raises NotFound, and ReadOnly and StoreError where nothing can be written.
        """
        check_name("actor", actor)
        with self.database.writing() as connection:
            content = remove_dataset(connection, dataset)
            payload = {"dataset": dataset, **asdict(content)}
            connection.execute(insert(EventRow).values(at=datetime.now(UTC), kind="dataset_removed", actor=actor, payload=payload))
        return content

    def known_traces(self, ids: Iterable[str], dataset: str) -> frozenset[str]:
        """Those of the content hashes that the data set has a trace for."""
        found = select(TraceRow.content_hash).join(DatasetRow, DatasetRow.id == TraceRow.dataset_id).where(DatasetRow.name == dataset)
        with self.database.reading() as connection:
            return frozenset(connection.scalars(found.where(TraceRow.content_hash.in_(list(ids)))))

    def knows_sample(self, sample: Sample, dataset: str) -> bool:
        """Whether the data set has an equal sample."""
        found = select(SampleRow.id).join(DatasetRow, DatasetRow.id == SampleRow.dataset_id).where(DatasetRow.name == dataset)
        with self.database.reading() as connection:
            return connection.scalar(found.where(SampleRow.content_hash == prepare_sample(sample).content_hash)) is not None

    def events(self, kind: str) -> Iterator[dict[str, Any]]:
        """The payloads of all events of a kind, oldest first, a few at a time."""
        with self.database.reading() as connection:
            yield from (payload for _, payload in _payloads(connection, kind))

    def trace(self, trace_id: str, *, dataset: str = "") -> StoredTrace:
        """The trace with this content hash, from the named data set or else the first that has it. Raises NotFound."""
        with self.database.reading() as connection:
            return find_trace(connection, trace_id, dataset)

    def list_traces(self, query: TraceQuery) -> TracePage:
        """One page of the traces that the query asks for, and how many there are."""
        with self.database.reading() as connection:
            return list_traces(connection, query, self._counter.total(connection, query))

    def facets(self, query: TraceQuery) -> Facets:
        """How many traces each value of each filter would leave, with all other filters as they are."""
        with self.database.reading() as connection:
            return self._counter.facets(connection, query)

    def iter_traces(self, query: TraceQuery) -> Iterator[StoredTrace]:
        """All traces that the query asks for, in its order, whatever its page; a few at a time are held in memory."""
        return iter_traces(self.database, query)

    def iter_samples(self, dataset: str) -> Iterator[Sample]:
        """The samples of a data set in the order in which they came, a few at a time. Raises NotFound for an unknown name."""
        return iter_samples(self.database, dataset)


class Transaction:
    """Writes of any kind that are kept or lost together. Made by `Store.transaction`."""

    def __init__(self, connection: Connection, score: Callable[[Trace], Scores]) -> None:
        self._connection = connection
        self._score = score
        self._writers: dict[str, _Writer] = {}

    def add_traces(self, traces: Iterable[Trace], *, dataset: str) -> tuple[bool, ...]:
        """For each trace, True where it was new. Raises TraceError as `Store.add_traces` does; then the transaction is lost."""
        added: list[bool] = []
        prepared = (prepare(trace, self._score(trace)) for trace in traces)
        for chunk in iter(lambda: list(islice(prepared, CHUNK)), []):
            added += self._writer(dataset).add(chunk)
        return tuple(added)

    def add_samples(self, samples: Iterable[Sample], *, dataset: str) -> tuple[bool, ...]:
        """For each sample, True where it was new; equal ones count once."""
        prepared = [prepare_sample(sample) for sample in samples]
        known = set(self._writer(dataset).sample_ids(prepared)) if prepared else set()
        added = []
        for sample in prepared:
            added.append(sample.content_hash not in known)
            known.add(sample.content_hash)
        if any(added):
            self._writer(dataset).add_samples(prepared)
        return tuple(added)

    def record_event(self, kind: str, payload: dict[str, Any], *, actor: str = "") -> None:
        """Add a line to the event log."""
        self._connection.execute(insert(EventRow).values(at=datetime.now(UTC), kind=kind, actor=actor, payload=payload))

    def events(self, kind: str) -> Iterator[dict[str, Any]]:
        """The payloads of all events of a kind, with those of this transaction."""
        return (payload for _, payload in _payloads(self._connection, kind))

    def events_after(self, kind: str, number: int) -> tuple[tuple[int, dict[str, Any]], ...]:
        """Number and payload of the events of a kind that came after an event's number (0: all of them), in order."""
        return tuple(_payloads(self._connection, kind, after=number))

    def _writer(self, dataset: str) -> _Writer:
        if dataset not in self._writers:
            check_name("data set", dataset)
            self._writers[dataset] = _Writer(self._connection, dataset)
        return self._writers[dataset]


def _payloads(connection: Connection, kind: str, *, after: int = 0) -> Iterator[tuple[int, dict[str, Any]]]:
    # A few at a time by their ids, and not from an open cursor: not every driver can do anything else beside one.
    newest = connection.scalar(select(func.max(EventRow.id)).where(EventRow.kind == kind)) or 0
    last = after
    while last < newest:
        wanted = select(EventRow.id, EventRow.payload).where(EventRow.kind == kind, EventRow.id > last, EventRow.id <= newest)
        rows = connection.execute(wanted.order_by(EventRow.id).limit(CHUNK)).all()
        yield from ((row.id, row.payload) for row in rows)
        last = rows[-1].id


class _Writer:
    """Writes into one data set inside one transaction."""

    def __init__(self, connection: Connection, dataset: str) -> None:
        self.connection = connection
        self.now = datetime.now(UTC)
        # Writers of other programs wait here (SQLite's have waited already), so that the check for equal traces and the writing are
        # one act. An update that changes nothing locks the row where FOR UPDATE is not known.
        if is_known(connection.dialect):
            connection.execute(select(DataVersionRow.value).where(DataVersionRow.name == "traces").with_for_update())
        else:
            connection.execute(update(DataVersionRow).where(DataVersionRow.name == "traces").values(value=DataVersionRow.value))
        self.dataset_id = self._dataset(dataset)

    def add(self, chunk: Sequence[PreparedTrace]) -> list[bool]:
        """For each trace, True where it was new; equal ones inside the chunk count once."""
        known = set(self._trace_ids(chunk))
        fresh: dict[str, PreparedTrace] = {}
        added = []
        for trace in chunk:
            added.append(trace.content_hash not in known and trace.content_hash not in fresh)
            if added[-1]:
                fresh[trace.content_hash] = trace
        if fresh:
            self._add_fresh(list(fresh.values()))
            version = update(DataVersionRow).where(DataVersionRow.name == "traces").values(value=DataVersionRow.value + 1)
            self.connection.execute(version)
        return added

    def record(self, kind: str, actor: str, payload: dict[str, Any]) -> None:
        self.connection.execute(insert(EventRow).values(at=self.now, kind=kind, actor=actor, payload=payload))

    def _add_fresh(self, traces: list[PreparedTrace]) -> None:
        sample_ids = self.add_samples([trace.sample for trace in traces])
        picture_ids = self._pictures([trace.sample for trace in traces])
        rows = []
        for trace in traces:
            pictures = trace.sample.sample.pictures
            ids = {
                "content_hash": trace.content_hash,
                "dataset_id": self.dataset_id,
                "sample_id": sample_ids[trace.sample.content_hash],
                "picture_id": picture_ids[pictures[0].sha256] if pictures else None,
            }
            rows.append({**trace.row, **ids, "added_at": self.now})
        self.connection.execute(insert(TraceRow), rows)
        trace_ids = self._trace_ids(traces)
        numbered = [(trace_ids[trace.content_hash], trace) for trace in traces]
        self.connection.execute(insert(DocumentRow), [{"trace_id": number, "document": trace.document} for number, trace in numbered])
        self._insert(insert(TurnRow), [{**row, "trace_id": number} for number, trace in numbered for row in trace.turns])
        self._insert(insert(StepRow), [{**row, "trace_id": number} for number, trace in numbered for row in trace.steps])
        add_words(self.connection, [(number, trace.words) for number, trace in numbered])

    def add_samples(self, samples: Iterable[PreparedSample]) -> dict[str, int]:
        """The ids of samples by content hash, after those that were missing have been added."""
        wanted = {sample.content_hash: sample for sample in samples}
        known = self.sample_ids(wanted.values())
        fresh = [sample for content_hash, sample in wanted.items() if content_hash not in known]
        if not fresh:
            return known
        ids = {"dataset_id": self.dataset_id, "added_at": self.now}
        self.connection.execute(insert(SampleRow), [{**sample.row, **ids, "content_hash": sample.content_hash} for sample in fresh])
        known |= self.sample_ids(fresh)
        picture_ids = self._pictures(fresh)
        self._insert(
            insert(SamplePictureRow),
            [
                {"sample_id": known[sample.content_hash], "position": position, "picture_id": picture_ids[picture.sha256]}
                for sample in fresh
                for position, picture in enumerate(sample.sample.pictures)
            ],
        )
        return known

    def sample_ids(self, samples: Iterable[PreparedSample]) -> dict[str, int]:
        """The ids of those samples that the data set has, by content hash."""
        hashes = [sample.content_hash for sample in samples]
        found = select(SampleRow.content_hash, SampleRow.id).where(
            SampleRow.content_hash.in_(hashes), SampleRow.dataset_id == self.dataset_id
        )
        return dict(self.connection.execute(found).all())

    def _trace_ids(self, traces: Sequence[PreparedTrace]) -> dict[str, int]:
        hashes = [trace.content_hash for trace in traces]
        found = select(TraceRow.content_hash, TraceRow.id).where(TraceRow.content_hash.in_(hashes), TraceRow.dataset_id == self.dataset_id)
        return dict(self.connection.execute(found).all())

    def _pictures(self, samples: Iterable[PreparedSample]) -> dict[str, int]:
        """The ids of all pictures of the samples by content hash, after those that were missing have been added."""
        wanted: dict[str, Picture] = {}
        for sample in samples:
            for picture in sample.sample.pictures:
                wanted.setdefault(picture.sha256, picture)
        found = select(PictureRow.sha256, PictureRow.id).where(PictureRow.sha256.in_(wanted))
        known = dict(self.connection.execute(found).all())
        fresh = [picture for sha256, picture in wanted.items() if sha256 not in known]
        if not fresh:
            return known
        self.connection.execute(insert(PictureRow), [self._picture_row(picture) for picture in fresh])
        return dict(self.connection.execute(found).all())

    def _picture_row(self, picture: Picture) -> Row:
        size, orientation = picture.size, picture.orientation
        return {
            "sha256": picture.sha256,
            "width": size.width,
            "height": size.height,
            "orientation": orientation,
            "added_at": self.now,
        }

    def _dataset(self, name: str) -> int:
        found = select(DatasetRow.id).where(DatasetRow.name == name)
        number = self.connection.execute(found).scalar()
        if number is None:
            self.connection.execute(insert(DatasetRow).values(name=name, added_at=self.now))
            number = self.connection.execute(found).scalar_one()
        return number

    def _insert(self, statement: Any, rows: list[Row]) -> None:
        # An empty list would be one row of defaults.
        if rows:
            self.connection.execute(statement, rows)
