"""What a study asks now: its newest version, and which versions before it asked the same."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select, update

from annotations.columns import is_known
from annotations.documents import MAX_INTEGER
from annotations.rating_schema import StudyRow, StudyVersionRow
from annotations.ratings.kept import Facts
from annotations.schema import DataVersionRow
from annotations.studies.settings import StudySettings
from core.errors import NotFound

# Versions that are kept as read; one never changes.
_KEPT = 256


@dataclass(frozen=True, slots=True)
class Version:
    """The settings of a study at one time. `version_id` is the row, `version` its number within the study."""

    version_id: int
    study: int
    version: int
    settings: StudySettings


@dataclass(frozen=True, slots=True)
class StudyNow:
    """A study as one transaction sees it.

    newest  the version that is asked by
    same    the rows of all versions that ask the same questions as the newest: their ratings count together
    data    a number that changes with the traces in the store
    """

    id: int
    name: str
    closed: bool
    newest: Version
    same: frozenset[int]
    data: int

    @property
    def settings(self) -> StudySettings:
        return self.newest.settings

    @property
    def places(self) -> int:
        """How many raters judge each item."""
        return self.newest.settings.ratings_per_item


class Versions:
    """Reads studies and their versions, and keeps the versions. Safe to share between threads."""

    def __init__(self) -> None:
        self._read: Facts[int, Version] = Facts(_KEPT)
        self._same: Facts[int, frozenset[int]] = Facts(_KEPT)

    def now(self, connection: Connection, study_id: int) -> StudyNow:
        """The study as the transaction sees it. Raises NotFound."""
        row = connection.execute(_NOW, {"study": row_number(study_id)}).one_or_none()
        if row is None:
            raise NotFound(f"There is no study with the number {study_id!s:.20}.")
        newest = self.version(connection, row.id)
        same = self._same.of(newest.version_id, lambda: self.same_as(connection, newest))
        return StudyNow(study_id, row.name, row.closed_at is not None, newest, same or frozenset(), row.data)

    def version(self, connection: Connection, version_id: int) -> Version:
        """The version in that row. Raises NotFound."""
        version = self._read.of(version_id, lambda: _read(connection, version_id))
        if version is None:
            raise NotFound(f"There is no version of a study with the number {version_id!s:.20}: load the page again.")
        return version

    def same_as(self, connection: Connection, version: Version) -> frozenset[int]:
        """The rows of all versions of its study, earlier and later, that ask the same questions as a version."""
        ids = connection.scalars(select(StudyVersionRow.id).where(StudyVersionRow.study_id == version.study)).all()
        asks = version.settings.asks
        return frozenset(number for number in ids if self.version(connection, number).settings.asks == asks)


# Statements that are run for every request are built once: building one takes as long as running it.
_NOW = (
    select(
        StudyRow.name,
        StudyRow.closed_at,
        StudyVersionRow.id,
        select(DataVersionRow.value).where(DataVersionRow.name == "traces").scalar_subquery().label("data"),
    )
    .join(StudyVersionRow, StudyVersionRow.study_id == StudyRow.id)
    .where(StudyRow.id == bindparam("study"))
    .order_by(StudyVersionRow.version.desc())
    .limit(1)
)


def _read(connection: Connection, version_id: int) -> Version | None:
    row = connection.execute(select(StudyVersionRow).where(StudyVersionRow.id == row_number(version_id))).one_or_none()
    return None if row is None else Version(row.id, row.study_id, row.version, StudySettings.from_json(row.settings))


def lock_study(connection: Connection, study_id: int) -> None:
    """Makes other writers of the study wait until the transaction ends; what is read after this is what they left."""
    if connection.dialect.name == "sqlite":
        # There is one writer at a time, and this transaction is its.
        return
    if is_known(connection.dialect):
        connection.execute(select(StudyRow.id).where(StudyRow.id == row_number(study_id)).with_for_update())
    else:
        # An update that changes nothing locks the row where FOR UPDATE is not known.
        connection.execute(update(StudyRow).where(StudyRow.id == row_number(study_id)).values(name=StudyRow.name))


def row_number(number: int) -> int:
    """A row's number that every back end can compare with; no row has the number 0."""
    return number if 0 < number <= MAX_INTEGER else 0
