"""Reads what curation needs of the store: which steps a study asks about, what is known of its traces, and whether anything changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import Connection, func, select

from annotations.curation.evidence import TraceFacts
from annotations.database import Database
from annotations.documents import read_trace
from annotations.rating_schema import ItemRow, RatingRow
from annotations.ratings.standing import is_newest
from annotations.ratings.values import RatingKind
from annotations.schema import DatasetRow, DataVersionRow, DocumentRow, EventRow, PictureRow, SamplePictureRow, SampleRow, TraceRow
from annotations.studies.values import LeftOut
from core.errors import NotFound
from core.trace import DomainName, Trace

# Traces asked about at a time: few enough parameters for one statement on any back end.
BATCH = 250
# Traces that a stream holds at a time.
HELD = 50


def state_of(connection: Connection, study_id: int) -> tuple[int, int, int]:
    """Numbers that change with everything that the evidence of a study is made of.

    Ratings are only ever added, and whatever else is done to a study or to traces leaves an event or another version of the data.
    """
    ratings = select(func.max(RatingRow.id)).join(ItemRow, ItemRow.id == RatingRow.item_id).where(ItemRow.study_id == study_id)
    events = select(func.max(EventRow.id)).where(EventRow.kind != "rating")
    data = select(DataVersionRow.value).where(DataVersionRow.name == "traces")
    rating, event, version = (connection.scalar(wanted) or 0 for wanted in (ratings, events, data))
    return rating, event, version


def rating_counts(connection: Connection) -> dict[int, int]:
    """Study -> how many steps somebody has rated in it, each rater's counted on its own; only studies with any."""
    counted = (
        select(ItemRow.study_id, func.count())
        .select_from(RatingRow)
        .join(ItemRow, ItemRow.id == RatingRow.item_id)
        .where(RatingRow.kind == RatingKind.RATED.value, is_newest())
        .group_by(ItemRow.study_id)
    )
    return dict(connection.execute(counted).all())


def asked_steps(connection: Connection, study_id: int) -> dict[str, frozenset[int]]:
    """Trace -> the steps of it that the study asks about now."""
    wanted = select(ItemRow.trace_hash, ItemRow.step).where(ItemRow.study_id == study_id, ItemRow.left_out == LeftOut.ASKED.value)
    steps: dict[str, set[int]] = defaultdict(set)
    for row in connection.execute(wanted):
        steps[row.trace_hash].add(row.step)
    return {trace: frozenset(numbers) for trace, numbers in steps.items()}


def trace_facts(connection: Connection, traces: Iterable[str]) -> dict[str, TraceFacts]:
    """What the store knows of those of the traces that it holds."""
    wanted = sorted(set(traces))
    facts: dict[str, TraceFacts] = {}
    for first in range(0, len(wanted), BATCH):
        facts |= _facts(connection, wanted[first : first + BATCH])
    return facts


def read_traces(database: Database, wanted: Sequence[tuple[str, str]]) -> Iterator[Trace]:
    """The traces of these content hashes as these data sets have them, in this order, a few at a time.

    Raises NotFound for one that has gone since it was looked up.
    """
    columns = (TraceRow.content_hash, DatasetRow.name, DocumentRow.document)
    stored = select(*columns).join(DatasetRow, DatasetRow.id == TraceRow.dataset_id).join(DocumentRow, DocumentRow.trace_id == TraceRow.id)
    for first in range(0, len(wanted), HELD):
        batch = wanted[first : first + HELD]
        with database.reading() as connection:
            found = connection.execute(stored.where(TraceRow.content_hash.in_([trace for trace, _ in batch])))
            documents = {(row.content_hash, row.name): row.document for row in found}
        for key in batch:
            if key not in documents:
                raise NotFound(f"The trace {key[0]} of the data set “{key[1]}” was removed just now: try again.")
            yield read_trace(documents[key])


def _facts(connection: Connection, traces: list[str]) -> dict[str, TraceFacts]:
    found = (
        select(TraceRow, SampleRow.question, DatasetRow.name.label("dataset"))
        .join(SampleRow, SampleRow.id == TraceRow.sample_id)
        .join(DatasetRow, DatasetRow.id == TraceRow.dataset_id)
        .where(TraceRow.content_hash.in_(traces))
        .order_by(TraceRow.id)
    )
    rows = connection.execute(found).all()
    pictures = _pictures(connection, sorted({row.sample_id for row in rows}))
    datasets: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        datasets[row.content_hash].append(row.dataset)
    # A trace of several data sets is one trace: all else is the same in each of its rows.
    return {
        row.content_hash: TraceFacts(
            id=row.content_hash,
            question=row.question,
            domain=DomainName(row.domain),
            policy=row.policy,
            datasets=tuple(sorted(datasets[row.content_hash])),
            pictures=pictures.get(row.sample_id, ()),
            correct=row.correct,
            faults=row.fault_count,
            looks=row.look_count,
        )
        for row in rows
    }


def _pictures(connection: Connection, samples: list[int]) -> dict[int, tuple[str, ...]]:
    found = (
        select(SamplePictureRow.sample_id, PictureRow.sha256)
        .join(PictureRow, PictureRow.id == SamplePictureRow.picture_id)
        .where(SamplePictureRow.sample_id.in_(samples))
        .order_by(SamplePictureRow.sample_id, SamplePictureRow.position)
    )
    pictures: dict[int, tuple[str, ...]] = {}
    for row in connection.execute(found):
        pictures[row.sample_id] = (*pictures.get(row.sample_id, ()), row.sha256)
    return pictures
