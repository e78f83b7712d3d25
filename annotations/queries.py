"""Reads traces: one page of a list, one trace, or all of them in a stream.

A page is found in two steps: the ids of its rows, in order, from the narrow table or one of its indexes alone; then those rows. The
total is counted in `annotations.facets`, once for each state of the data.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Select, case, false, select, true
from sqlalchemy.orm import InstrumentedAttribute

from annotations.columns import is_mysql, is_tuned
from annotations.database import Database
from annotations.documents import MAX_INTEGER, read_sample, read_trace
from annotations.fulltext import matches_text
from annotations.schema import DatasetRow, DocumentRow, PictureRow, SamplePictureRow, SampleRow, TraceRow
from annotations.scores import Scores
from core.errors import NotFound
from core.trace import DomainName, Sample, StopReason, Trace

Sort = Literal["newest", "oldest", "question", "steps", "looks", "reward", "faults"]
Correctness = Literal["right", "wrong", "unscored"]
# Traces that a stream holds at a time.
BATCH = 100
MAX_PAGE_SIZE = 500


@dataclass(frozen=True, slots=True)
class TraceQuery:
    """Which traces, in which order, and which page of them. Filters with several values take traces with any of them.

    text        words that must all occur in question, reasoning or answer, the last as a beginning; no words: no filter
    faults      True: with faults, False: without
    picture     content hash of a picture that the sample shows
    sort        by time of adding; by question from a to z; by number of steps, looks or faults, or strict reward, most first.
                Ties lie newest first (by question: oldest first), so that an order is always the same order
    page        from 1; page_size up to 500
    """

    text: str = ""
    dataset: tuple[str, ...] = ()
    domain: tuple[str, ...] = ()
    policy: tuple[str, ...] = ()
    correct: Correctness | None = None
    faults: bool | None = None
    stop: tuple[str, ...] = ()
    min_looks: int | None = None
    max_looks: int | None = None
    picture: str | None = None
    sort: Sort = "newest"
    page: int = 1
    page_size: int = 50


@dataclass(frozen=True, slots=True)
class TraceItem:
    """A trace as a line of the list. `id` is its content hash, `number` its row, `picture` the content hash of its first picture."""

    id: str
    number: int
    question: str
    dataset: str
    domain: DomainName
    policy: str
    stop: StopReason
    turns: int
    steps: int
    looks: int
    faults: int
    scores: Scores
    picture: str | None
    added: datetime


@dataclass(frozen=True, slots=True)
class TracePage:
    """The lines of one page, and how many traces and pages the query has in all (at least one page)."""

    total: int
    page: int
    pages: int
    items: tuple[TraceItem, ...]


@dataclass(frozen=True, slots=True)
class StoredTrace:
    """A trace, with what the store knows of it. `id` is its content hash, `number` its row."""

    id: str
    number: int
    dataset: str
    added: datetime
    scores: Scores
    trace: Trace


@dataclass(frozen=True, slots=True)
class _Order:
    column: InstrumentedAttribute[Any]
    descending: bool


_ORDERS: dict[Sort, _Order] = {
    "newest": _Order(TraceRow.id, True),
    "oldest": _Order(TraceRow.id, False),
    "question": _Order(TraceRow.question_key, False),
    "steps": _Order(TraceRow.step_count, True),
    "looks": _Order(TraceRow.look_count, True),
    "reward": _Order(TraceRow.reward_strict, True),
    "faults": _Order(TraceRow.fault_count, True),
}


def list_traces(connection: Connection, query: TraceQuery, total: int) -> TracePage:
    """One page of the traces that the query asks for; a page behind the last is empty."""
    size = min(max(query.page_size, 1), MAX_PAGE_SIZE)
    pages = max(1, -(-total // size))
    page = max(query.page, 1)
    ids = _page_ids(connection, query, total, (page - 1) * size, size)
    return TracePage(total, page, pages, _items(connection, ids))


def find_trace(connection: Connection, trace_id: str, dataset: str = "") -> StoredTrace:
    """The trace with this content hash, from the named data set where it is there, else from the first. Raises NotFound."""
    named = case((DatasetRow.name.in_(_askable([dataset])), 0), else_=1)
    found = _stored(TraceRow.content_hash.in_(_askable([trace_id]))).order_by(named, TraceRow.id).limit(1)
    row = connection.execute(found).one_or_none()
    if row is None:
        raise NotFound(f"There is no trace {trace_id[:80]}: it may be in another data folder, or the link is incomplete.")
    return _stored_trace(row)


def iter_traces(database: Database, query: TraceQuery) -> Iterator[StoredTrace]:
    """All traces that the query asks for now, in its order; what is added meanwhile is not among them.

    The ids are held (8 bytes a trace), and the traces themselves a few at a time. Each batch is a short transaction of its own, so
    that a slow taker holds up nobody.
    """
    with database.reading() as connection:
        ids = array("q", connection.execute(_ordered(connection, _filtered(connection, query), _ORDERS[query.sort])).scalars())
    for first in range(0, len(ids), BATCH):
        batch = ids[first : first + BATCH].tolist()
        with database.reading() as connection:
            rows = {row.id: row for row in connection.execute(_stored(TraceRow.id.in_(batch)))}
        yield from (_stored_trace(rows[number]) for number in batch if number in rows)


def iter_samples(database: Database, dataset: str) -> Iterator[Sample]:
    """The samples of a data set in the order in which they came. Raises NotFound for an unknown name."""
    last = 0
    with database.reading() as connection:
        number = connection.execute(select(DatasetRow.id).where(DatasetRow.name == dataset)).scalar()
    if number is None:
        raise NotFound(f"There is no data set “{dataset}”.")
    while True:
        wanted = select(SampleRow.id, SampleRow.document).where(SampleRow.dataset_id == number, SampleRow.id > last)
        with database.reading() as connection:
            rows = connection.execute(wanted.order_by(SampleRow.id).limit(BATCH)).all()
        if not rows:
            return
        yield from (read_sample(row.document) for row in rows)
        last = rows[-1].id


def shows_picture(sha256: str) -> ColumnElement[bool]:
    """The condition that the trace's sample shows a picture."""
    samples = select(SamplePictureRow.sample_id).join(PictureRow, PictureRow.id == SamplePictureRow.picture_id)
    return TraceRow.sample_id.in_(samples.where(PictureRow.sha256.in_(_askable([sha256]))))


def _askable(values: Iterable[str]) -> list[str]:
    """The values without those that no database holds, and that a driver would not send: with NUL or half of a character."""
    return [value for value in values if "\0" not in value and value.encode(errors="ignore").decode() == value]


def _integer(value: int) -> int:
    """A number that the back ends can compare with a count: no count is below -1 or over the largest integer."""
    return min(max(value, -1), MAX_INTEGER)


def _filtered(connection: Connection, query: TraceQuery) -> Select[int]:
    """The ids of the traces that the query asks for, in no order."""
    wanted = select(TraceRow.id)
    spoken = matches_text(connection, query.text)
    if spoken is not None:
        wanted = wanted.where(spoken)
    if query.picture is not None:
        wanted = wanted.where(shows_picture(query.picture))
    if query.dataset:
        named = select(DatasetRow.id).where(DatasetRow.name.in_(_askable(query.dataset)))
        wanted = wanted.where(TraceRow.dataset_id.in_(named))
    for column, values in ((TraceRow.domain, query.domain), (TraceRow.policy, query.policy), (TraceRow.stop, query.stop)):
        if values:
            wanted = wanted.where(column.in_(_askable(values)))
    if query.correct is not None:
        answers = {"right": TraceRow.correct == true(), "wrong": TraceRow.correct == false(), "unscored": TraceRow.correct.is_(None)}
        wanted = wanted.where(answers[query.correct])
    if query.faults is not None:
        wanted = wanted.where(TraceRow.fault_count > 0 if query.faults else TraceRow.fault_count == 0)
    if query.min_looks is not None:
        wanted = wanted.where(TraceRow.look_count >= _integer(query.min_looks))
    if query.max_looks is not None:
        wanted = wanted.where(TraceRow.look_count <= _integer(query.max_looks))
    return wanted


def _ordered(connection: Connection, wanted: Select[int], order: _Order, *, reverse: bool = False) -> Select[int]:
    """In the order, ties by id; nothing known (NULL) lies behind everything known. `reverse` is the same order from its end."""
    columns: list[InstrumentedAttribute[Any]] = [order.column] if order.column.key == "id" else [order.column, TraceRow.id]
    descending = order.descending is not reverse
    directed = [column.desc() if descending else column.asc() for column in columns]
    if order.column.key == "reward_strict":
        if is_tuned(connection.dialect):
            directed[0] = directed[0].nulls_last() if descending else directed[0].nulls_first()
        elif not is_mysql(connection.dialect):
            # MySQL and MariaDB have no words for it and need none: NULL is their least value.
            known = case((order.column.is_(None), 0), else_=1)
            directed.insert(0, known.desc() if descending else known.asc())
    return wanted.order_by(*directed)


def _page_ids(connection: Connection, query: TraceQuery, total: int, offset: int, size: int) -> list[int]:
    """The ids of a page in order. A page in the second half is counted off from the end."""
    if offset >= total:
        return []
    size = min(size, total - offset)
    wanted, order = _filtered(connection, query), _ORDERS[query.sort]
    behind = total - offset - size
    if behind >= offset:
        return list(connection.execute(_ordered(connection, wanted, order).offset(offset).limit(size)).scalars())
    backwards = connection.execute(_ordered(connection, wanted, order, reverse=True).offset(behind).limit(size)).scalars().all()
    return list(reversed(backwards))


def _items(connection: Connection, ids: list[int]) -> tuple[TraceItem, ...]:
    found = (
        select(TraceRow, SampleRow.question, DatasetRow.name.label("dataset"), PictureRow.sha256)
        .join(SampleRow, SampleRow.id == TraceRow.sample_id)
        .join(DatasetRow, DatasetRow.id == TraceRow.dataset_id)
        .outerjoin(PictureRow, PictureRow.id == TraceRow.picture_id)
        .where(TraceRow.id.in_(ids))
    )
    rows = {row.id: row for row in connection.execute(found)}
    return tuple(_item(rows[number]) for number in ids)


def _item(row: Any) -> TraceItem:
    return TraceItem(
        id=row.content_hash,
        number=row.id,
        question=row.question,
        dataset=row.dataset,
        domain=DomainName(row.domain),
        policy=row.policy,
        stop=StopReason(row.stop),
        turns=row.turn_count,
        steps=row.step_count,
        looks=row.look_count,
        faults=row.fault_count,
        scores=Scores(row.correct, row.reward_strict, row.reward_vigorl),
        picture=row.sha256,
        added=row.added_at,
    )


def _stored(condition: ColumnElement[bool]) -> Select[TraceRow, str, bytes]:
    return (
        select(TraceRow, DatasetRow.name.label("dataset"), DocumentRow.document)
        .join(DatasetRow, DatasetRow.id == TraceRow.dataset_id)
        .join(DocumentRow, DocumentRow.trace_id == TraceRow.id)
        .where(condition)
    )


def _stored_trace(row: Any) -> StoredTrace:
    scores = Scores(row.correct, row.reward_strict, row.reward_vigorl)
    return StoredTrace(row.content_hash, row.id, row.dataset, row.added_at, scores, read_trace(row.document))
