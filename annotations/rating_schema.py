"""The tables of human evaluation: raters, studies, what is asked, who holds which place, what was judged. See docs/schema.md.

A judgement must outlive what it judged, so nothing here points at a trace by foreign key: an item names the trace's content hash and
the step's position, and a data set may be removed without touching a rating. `ratings` is append-only, as `events` is.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from annotations.columns import Name
from annotations.schema import HASH, MAX_NAME, Base

MAX_RATER_NAME = 120
ADDRESS = 64
WORD = 16


class RaterRow(Base):
    """A person who rates, or leads. `password` is an argon2id hash; empty where the name alone is enough, on a single machine."""

    __tablename__ = "raters"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Name(MAX_RATER_NAME), unique=True)
    role: Mapped[str] = mapped_column(Name(WORD))
    password: Mapped[str] = mapped_column(Name(255))
    preferences: Mapped[dict[str, Any]]
    added_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class SessionRow(Base):
    """Somebody who has signed in, by the SHA-256 of the secret in the cookie."""

    __tablename__ = "sessions"

    secret_hash: Mapped[str] = mapped_column(Name(HASH), primary_key=True)
    rater_id: Mapped[int] = mapped_column(ForeignKey("raters.id"), index=True)
    added_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class SignInFailureRow(Base):
    """A sign-in that failed: under which name, whether or not there is such a rater, and from which address."""

    __tablename__ = "sign_in_failures"
    __table_args__ = (Index(None, "account", "address", "at"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(Name(MAX_RATER_NAME))
    address: Mapped[str] = mapped_column(Name(ADDRESS))
    at: Mapped[datetime]


class StudyRow(Base):
    """A human study. What it asks is in its versions."""

    __tablename__ = "studies"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Name(MAX_NAME), unique=True)
    added_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class StudyVersionRow(Base):
    """The settings of a study as they were at one time: the guideline that a rating names. Never changed."""

    __tablename__ = "study_versions"
    __table_args__ = (UniqueConstraint("study_id", "version"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id"))
    version: Mapped[int]
    settings: Mapped[dict[str, Any]]
    actor: Mapped[str] = mapped_column(Name(MAX_NAME))
    added_at: Mapped[datetime]


class ItemRow(Base):
    """One step that a study asks about. `left_out` says why it is no longer asked: empty, `by_hand`, `not_selected` or `trace_gone`."""

    __tablename__ = "study_items"
    __table_args__ = (UniqueConstraint("study_id", "trace_hash", "step"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id"))
    trace_hash: Mapped[str] = mapped_column(Name(HASH))
    step: Mapped[int]
    left_out: Mapped[str] = mapped_column(Name(WORD))
    added_at: Mapped[datetime]


class PlaceRow(Base):
    """One of the N places of an item, and who holds it: for a time (a lease, until `until`) or with a rating (`until` is empty).

    The primary key is the promise that an item never has more than N ratings that count; a place that is free has no row.
    """

    __tablename__ = "item_places"
    __table_args__ = (UniqueConstraint("item_id", "rater_id"),)

    item_id: Mapped[int] = mapped_column(ForeignKey("study_items.id"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    rater_id: Mapped[int] = mapped_column(ForeignKey("raters.id"), index=True)
    until: Mapped[datetime | None]


class RatingRow(Base):
    """A judgement of one step by one rater, in one of its revisions: the last one holds. Rows are only ever added.

    kind     rated, skipped or withdrawn
    content  the answers, correction, comment and circumstances: `annotations.ratings.values.Judgement`
    """

    __tablename__ = "ratings"
    __table_args__ = (UniqueConstraint("item_id", "rater_id", "revision"), Index(None, "rater_id", "id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str] = mapped_column(Name(HASH), unique=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("study_items.id"))
    rater_id: Mapped[int] = mapped_column(ForeignKey("raters.id"))
    version_id: Mapped[int] = mapped_column(ForeignKey("study_versions.id"))
    revision: Mapped[int]
    kind: Mapped[str] = mapped_column(Name(WORD))
    trace_hash: Mapped[str] = mapped_column(Name(HASH))
    content: Mapped[dict[str, Any]]
    at: Mapped[datetime]


class DraftRow(Base):
    """What a rater has begun to say about an item and not yet submitted. `sequence` grows with every change on the rater's side."""

    __tablename__ = "drafts"

    item_id: Mapped[int] = mapped_column(ForeignKey("study_items.id"), primary_key=True)
    rater_id: Mapped[int] = mapped_column(ForeignKey("raters.id"), primary_key=True, index=True)
    sequence: Mapped[int] = mapped_column(BigInteger)
    content: Mapped[dict[str, Any]]
    at: Mapped[datetime]
