"""Takes a data set out of the store, with everything that is in it: the one thing that deletes.

Events stay, because the log only grows, and so do pictures, which other data sets may show; the event says what went.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, Select, delete, exists, func, select, update
from sqlalchemy.orm import aliased

from annotations.documents import indexed_words, read_trace
from annotations.fulltext import remove_words
from annotations.schema import (
    DatasetRow,
    DataVersionRow,
    DocumentRow,
    SamplePictureRow,
    SampleRow,
    StepRow,
    TraceRow,
    TurnRow,
)
from core.errors import NotFound

# Rows that go with one statement: few enough parameters for any back end.
_AT_ONCE = 250
_NAMED = 10


@dataclass(frozen=True, slots=True)
class DatasetContent:
    """What a data set holds: traces, samples (with those that no trace belongs to), and pictures that no other data set shows."""

    traces: int
    samples: int
    pictures: int


def dataset_content(connection: Connection, name: str) -> DatasetContent:
    """What the data set holds. Raises NotFound, with the names that there are."""
    return _content(connection, _number(connection, name))


def remove_dataset(connection: Connection, name: str) -> DatasetContent:
    """Deletes the data set in the connection's transaction; what it held comes back. Raises NotFound."""
    # First of all, so that other writers wait, and whatever was counted before counts no more.
    connection.execute(update(DataVersionRow).where(DataVersionRow.name == "traces").values(value=DataVersionRow.value + 1))
    number = _number(connection, name)
    content = _content(connection, number)
    for ids in _batches(connection, select(TraceRow.id).where(TraceRow.dataset_id == number)):
        documents = connection.execute(select(DocumentRow.trace_id, DocumentRow.document).where(DocumentRow.trace_id.in_(ids)))
        remove_words(connection, [(row.trace_id, indexed_words(read_trace(row.document))) for row in documents])
        for column in (StepRow.trace_id, TurnRow.trace_id, DocumentRow.trace_id, TraceRow.id):
            connection.execute(delete(column.class_).where(column.in_(ids)))
    for ids in _batches(connection, select(SampleRow.id).where(SampleRow.dataset_id == number)):
        connection.execute(delete(SamplePictureRow).where(SamplePictureRow.sample_id.in_(ids)))
        connection.execute(delete(SampleRow).where(SampleRow.id.in_(ids)))
    connection.execute(delete(DatasetRow).where(DatasetRow.id == number))
    return content


def _number(connection: Connection, name: str) -> int:
    found = connection.execute(select(DatasetRow.id, DatasetRow.name).order_by(DatasetRow.id)).all()
    for row in found:
        if row.name == name:
            return int(row.id)
    there = ", ".join(row.name for row in found[:_NAMED]) + (f" and {len(found) - _NAMED} more" if len(found) > _NAMED else "")
    raise NotFound(f"There is no data set “{name}”: there {'is' if len(found) == 1 else 'are'} {there or 'none'}.")


def _content(connection: Connection, number: int) -> DatasetContent:
    traces = select(func.count()).select_from(TraceRow).where(TraceRow.dataset_id == number)
    samples = select(func.count()).select_from(SampleRow).where(SampleRow.dataset_id == number)
    other, shown_there = aliased(SampleRow), aliased(SamplePictureRow)
    elsewhere = exists().where(shown_there.sample_id == other.id, shown_there.picture_id == SamplePictureRow.picture_id)
    pictures = (
        select(func.count(SamplePictureRow.picture_id.distinct()))
        .join(SampleRow, SampleRow.id == SamplePictureRow.sample_id)
        .where(SampleRow.dataset_id == number, ~elsewhere.where(other.dataset_id != number))
    )
    return DatasetContent(*(connection.execute(counted).scalar_one() for counted in (traces, samples, pictures)))


def _batches(connection: Connection, wanted: Select[int]) -> Iterator[list[int]]:
    """Ids, a few at a time; each batch must be gone before the next is asked for."""
    while ids := list(connection.execute(wanted.limit(_AT_ONCE)).scalars()):
        yield ids
