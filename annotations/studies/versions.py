"""The versions of a study, read and written in the caller's transaction."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Select, insert, select

from annotations.documents import MAX_INTEGER
from annotations.rating_schema import StudyVersionRow
from annotations.studies.settings import StudySettings
from annotations.studies.values import StudyVersion
from core.errors import NotFound


def newest_version(connection: Connection, study_id: int) -> StudyVersion:
    """The newest version of a study. Raises NotFound."""
    row = connection.execute(_versions(known(study_id)).order_by(StudyVersionRow.version.desc()).limit(1)).one_or_none()
    if row is None:
        raise no_study(study_id)
    return StudyVersion(row.version, row.id, StudySettings.from_json(row.settings), row.actor, row.added_at)


def all_versions(connection: Connection, study_id: int) -> tuple[StudyVersion, ...]:
    """The versions of a study, the first one first. Raises NotFound."""
    rows = connection.execute(_versions(known(study_id)).order_by(StudyVersionRow.version)).all()
    if not rows:
        raise no_study(study_id)
    return tuple(StudyVersion(row.version, row.id, StudySettings.from_json(row.settings), row.actor, row.added_at) for row in rows)


def add_version(connection: Connection, study_id: int, version: int, settings: StudySettings, actor: str, now: datetime) -> None:
    """Write a version down."""
    row = {"study_id": study_id, "version": version, "settings": settings.to_json(), "actor": actor, "added_at": now}
    connection.execute(insert(StudyVersionRow).values(row))


def known(number: int) -> int:
    """An id that a database can be asked for. Raises NotFound for one that no row can have."""
    if not 0 < number <= MAX_INTEGER:
        raise no_study(number)
    return number


def no_study(study_id: int) -> NotFound:
    """The error for a study that is not there."""
    return NotFound(f"There is no study {study_id!s:.20}: it may be in another data folder.")


def _versions(study_id: int) -> Select[StudyVersionRow]:
    return select(StudyVersionRow).where(StudyVersionRow.study_id == study_id)
