"""Whether the results of a study can have changed: told by a handful of numbers, without reading a rating."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from annotations.database import Database
from annotations.rating_schema import ItemRow, PlaceRow, RatingRow, StudyRow
from annotations.schema import DataVersionRow
from annotations.studies.versions import newest_version


def freshness(database: Database, study_id: int) -> str:
    """A text that is another one whenever the results of the study may be others. Raises NotFound.

    Results change with a rating, with a version, when a rating gets a place or an item is left out, and when traces come or go.
    """
    with database.reading() as connection:
        study = newest_version(connection, study_id)
        ratings = select(func.max(RatingRow.id)).join(ItemRow, ItemRow.id == RatingRow.item_id).where(ItemRow.study_id == study_id)
        places = select(func.count()).select_from(PlaceRow).join(ItemRow, ItemRow.id == PlaceRow.item_id)
        traces = select(DataVersionRow.value).where(DataVersionRow.name == "traces")
        parts = (
            study_id,
            study.version_id,
            connection.scalar(select(StudyRow.closed_at).where(StudyRow.id == study_id)) or "open",
            connection.scalar(ratings) or 0,
            connection.scalar(places.where(ItemRow.study_id == study_id, PlaceRow.until.is_(None))) or 0,
            connection.scalar(traces) or 0,
            *_left_out(connection, study_id),
        )
    return ":".join(str(part) for part in parts)


def _left_out(connection: Connection, study_id: int) -> list[str]:
    counted = select(ItemRow.left_out, func.count()).where(ItemRow.study_id == study_id).group_by(ItemRow.left_out)
    return sorted(f"{reason}={number}" for reason, number in connection.execute(counted))
