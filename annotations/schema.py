"""The tables, as they are at the head revision: see docs/schema.md for what each column means.

This file knows names, types and keys. It does not create anything: the migrations do, and a test holds that both agree.
Trace, turn and step have integer ids that are never given twice, so that comparisons, branches and attention can join by foreign key.
The tables of human evaluation are in `annotations.rating_schema`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    MetaData,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from annotations.columns import JsonValue, LongBytes, LongText, Name, UtcTime

# A name is an index key, and PostgreSQL refuses keys over about 2,700 bytes, InnoDB over 3,072; 500 characters are at most 2,000.
MAX_NAME = 500
QUESTION_KEY = 80
HASH = 64

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Names every constraint, so that a later migration can speak of it on any back end."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UtcTime, float: Double, dict[str, Any]: JsonValue, bytes: LongBytes}


class DatasetRow(Base):
    """A named set of samples and traces."""

    __tablename__ = "datasets"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Name(MAX_NAME), unique=True)
    added_at: Mapped[datetime]


class PictureRow(Base):
    """A picture by the SHA-256 of its bytes; width and height are upright."""

    __tablename__ = "pictures"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(Name(HASH), unique=True)
    width: Mapped[int]
    height: Mapped[int]
    orientation: Mapped[int]
    added_at: Mapped[datetime]


class SampleRow(Base):
    """A question about pictures. `document` is the whole sample; the other columns are for looking it up."""

    __tablename__ = "samples"
    __table_args__ = (UniqueConstraint("content_hash", "dataset_id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id"), index=True)
    content_hash: Mapped[str] = mapped_column(Name(HASH))
    question: Mapped[str] = mapped_column(LongText)
    domain: Mapped[str] = mapped_column(Name(32))
    truth_kind: Mapped[str] = mapped_column(Name(16))
    truth_text: Mapped[str] = mapped_column(LongText)
    document: Mapped[bytes]
    added_at: Mapped[datetime]


class SamplePictureRow(Base):
    """Which pictures a sample shows, in order; position 0 is the one that points are placed on."""

    __tablename__ = "sample_pictures"

    sample_id: Mapped[int] = mapped_column(ForeignKey("samples.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    picture_id: Mapped[int] = mapped_column(ForeignKey("pictures.id"), index=True)


class TraceRow(Base):
    """A trace as the list needs it. Narrow on purpose: a whole scan of 100,000 rows must stay far below a third of a second."""

    __tablename__ = "traces"
    __table_args__ = (
        UniqueConstraint("content_hash", "dataset_id"),
        # In the order in which the facets are counted, so that counting reads this index and no row.
        Index("ix_traces_facets", "dataset_id", "domain", "policy", "correct", "stop", "look_count", "fault_count"),
        Index(None, "question_key", "id"),
        Index(None, "step_count", "id"),
        Index(None, "look_count", "id"),
        Index(None, "fault_count", "id"),
        Index(None, "reward_strict", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    content_hash: Mapped[str] = mapped_column(Name(HASH))
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id"))
    sample_id: Mapped[int] = mapped_column(ForeignKey("samples.id"), index=True)
    picture_id: Mapped[int | None] = mapped_column(ForeignKey("pictures.id"), index=True)
    domain: Mapped[str] = mapped_column(Name(32))
    policy: Mapped[str] = mapped_column(Name(MAX_NAME))
    stop: Mapped[str] = mapped_column(Name(16))
    correct: Mapped[bool | None]
    turn_count: Mapped[int]
    step_count: Mapped[int]
    look_count: Mapped[int]
    fault_count: Mapped[int]
    reward_strict: Mapped[float | None]
    reward_vigorl: Mapped[float | None]
    # Ties of text are broken by bytes on every back end, so that a page is the same page everywhere.
    question_key: Mapped[str] = mapped_column(Name(QUESTION_KEY, bytewise=True))
    added_at: Mapped[datetime]


class DocumentRow(Base):
    """The whole trace, compressed. Beside `traces` and not in it, so that listing does not wade through the documents."""

    __tablename__ = "trace_documents"

    trace_id: Mapped[int] = mapped_column(ForeignKey("traces.id"), primary_key=True, autoincrement=False)
    document: Mapped[bytes]


class TurnRow(Base):
    """A turn of a trace: a projection of the document, with an id that later tables can name."""

    __tablename__ = "turns"
    __table_args__ = (UniqueConstraint("trace_id", "position"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    trace_id: Mapped[int] = mapped_column(ForeignKey("traces.id"))
    position: Mapped[int]
    answer: Mapped[str | None] = mapped_column(LongText)
    called: Mapped[bool]
    observed: Mapped[bool]


class StepRow(Base):
    """A step of a trace: a projection of the document. `x`, `y` and the look's window are in original pixels."""

    __tablename__ = "steps"
    __table_args__ = (
        UniqueConstraint("trace_id", "position"),
        ForeignKeyConstraint(["trace_id", "turn"], ["turns.trace_id", "turns.position"]),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    trace_id: Mapped[int]
    position: Mapped[int]
    turn: Mapped[int]
    text: Mapped[str] = mapped_column(LongText)
    written: Mapped[str | None] = mapped_column(LongText)
    source: Mapped[str | None] = mapped_column(Name(16))
    written_x: Mapped[float | None]
    written_y: Mapped[float | None]
    x: Mapped[float | None]
    y: Mapped[float | None]
    inside: Mapped[bool | None]
    look_x1: Mapped[float | None]
    look_y1: Mapped[float | None]
    look_x2: Mapped[float | None]
    look_y2: Mapped[float | None]


class EventRow(Base):
    """What happened, when, by whom. Rows are only ever added: triggers refuse the rest."""

    __tablename__ = "events"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    kind: Mapped[str] = mapped_column(Name(64), index=True)
    actor: Mapped[str] = mapped_column(Name(MAX_NAME))
    payload: Mapped[dict[str, Any]]


class DataVersionRow(Base):
    """A number that grows with every change of the traces; what was counted at one version holds until the next."""

    __tablename__ = "data_versions"

    name: Mapped[str] = mapped_column(Name(32), primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)
