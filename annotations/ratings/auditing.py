"""Whether the tables of a study hold what they promise: read from the rows alone, for measurements and for doubt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select, text

from annotations.database import Database
from annotations.rating_schema import ItemRow, PlaceRow, RatingRow, StudyRow
from annotations.schema import EventRow


@dataclass(frozen=True, slots=True)
class Audit:
    """What the tables hold of a study.

    rows       how many revisions there are
    tokens     the row of each token
    logged     how many of those rows the event log tells of
    most       ratings that count of the item that has most
    checked    the database has a check of its own file (SQLite)
    integrity  what that finds wrong
    """

    rows: int
    tokens: Mapping[str, int]
    logged: int
    most: int
    checked: bool
    integrity: tuple[str, ...]


def audit(database: Database, study_id: int) -> Audit:
    """Look through all ratings of the study and, on SQLite, through the whole file. Takes as long as there is to read."""
    with database.reading() as connection:
        name = connection.scalar(select(StudyRow.name).where(StudyRow.id == study_id))
        found = select(RatingRow.id, RatingRow.token).join(ItemRow, ItemRow.id == RatingRow.item_id).where(ItemRow.study_id == study_id)
        rows = connection.execute(found).all()
        places = select(PlaceRow.item_id).join(ItemRow, ItemRow.id == PlaceRow.item_id).where(ItemRow.study_id == study_id)
        counted = Counter(connection.scalars(places.where(PlaceRow.until.is_(None))))
        told = connection.scalars(select(EventRow.payload).where(EventRow.kind == "rating"))
        logged = {payload["rating"] for payload in told if payload["study"] == name}
        said = connection.scalars(text("PRAGMA integrity_check")).all() if database.is_sqlite else ()
    return Audit(
        rows=len(rows),
        tokens={row.token: row.id for row in rows},
        logged=sum(row.id in logged for row in rows),
        most=max(counted.values(), default=0),
        checked=database.is_sqlite,
        integrity=tuple(str(line) for line in said if line != "ok"),
    )
