"""Drafts: what a rater has begun to say, kept as it came, each change with a number that grows.

When the rating comes, its draft is emptied, and its number stays behind, negated: a change that was on its way and arrives late
is told by it, and does not bring an old state back.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from annotations.documents import json_text
from annotations.rating_schema import DraftRow
from annotations.ratings.values import Draft
from core.errors import RatingRefused, TraceError

MAX_DRAFT = 64 * 1024
# JavaScript counts exactly up to here.
MAX_SEQUENCE = 2**53 - 1


# Statements that are run for every request are built once: building one takes as long as running it.
_OF_ITEMS = select(DraftRow).where(
    DraftRow.rater_id == bindparam("rater"), DraftRow.item_id.in_(bindparam("items", expanding=True)), DraftRow.sequence >= 0
)
_EMPTY = (
    update(DraftRow)
    .where(DraftRow.item_id == bindparam("of_item"), DraftRow.rater_id == bindparam("of_rater"), DraftRow.sequence >= 0)
    .values(sequence=-1 - DraftRow.sequence, content=bindparam("nothing"), at=bindparam("now"))
)


def check_draft(sequence: int, content: dict[str, Any]) -> None:
    """Raises RatingRefused for a draft that could not be kept."""
    if not 0 <= sequence <= MAX_SEQUENCE:
        raise RatingRefused(f"A draft's number is 0 to {MAX_SEQUENCE}, not {sequence}.")
    try:
        size = len(json_text(content).encode())
    except TraceError as error:
        raise RatingRefused(f"The draft cannot be kept: {error}") from error
    if size > MAX_DRAFT:
        raise RatingRefused(f"A draft has at most {MAX_DRAFT // 1024} KiB, not {size / 1024:.0f}: shorten the comment.")


def drafts_of(connection: Connection, items: Collection[int], rater_id: int) -> dict[int, Draft]:
    """The rater's drafts about some items, by item."""
    rows = connection.execute(_OF_ITEMS, {"rater": rater_id, "items": list(items)}) if items else ()
    return {row.item_id: Draft(row.item_id, row.sequence, row.content) for row in rows}


def draft_of(connection: Connection, item_id: int, rater_id: int) -> Draft | None:
    """The rater's draft about an item, if there is one."""
    row = connection.execute(select(DraftRow).where(*_key(item_id, rater_id), DraftRow.sequence >= 0)).one_or_none()
    return None if row is None else Draft(item_id, row.sequence, row.content)


def write_draft(connection: Connection, item_id: int, rater_id: int, sequence: int, content: dict[str, Any], now: datetime) -> bool:
    """Keep the draft. False where one with that number or a higher one has been kept, or had been when its rating came."""
    known = connection.scalar(select(DraftRow.sequence).where(*_key(item_id, rater_id)))
    if known is None:
        row = {"item_id": item_id, "rater_id": rater_id, "sequence": sequence, "content": content, "at": now}
        connection.execute(insert(DraftRow).values(row))
        return True
    if sequence <= _number(known):
        return False
    connection.execute(update(DraftRow).where(*_key(item_id, rater_id)).values(sequence=sequence, content=content, at=now))
    return True


def put_back(connection: Connection, item_id: int, rater_id: int, content: dict[str, Any], now: datetime) -> Draft:
    """Make what was submitted a draft again, newer than any before."""
    known = connection.scalar(select(DraftRow.sequence).where(*_key(item_id, rater_id)))
    sequence = 1 if known is None else _number(known) + 1
    write_draft(connection, item_id, rater_id, sequence, content, now)
    return Draft(item_id, sequence, content)


def empty_draft(connection: Connection, item_id: int, rater_id: int, now: datetime) -> None:
    """The rating has come: nothing of the draft stays but its number."""
    connection.execute(_EMPTY, {"of_item": item_id, "of_rater": rater_id, "now": now, "nothing": {}})


def _number(sequence: int) -> int:
    return sequence if sequence >= 0 else -1 - sequence


def _key(item_id: int, rater_id: int) -> tuple[Any, ...]:
    return (DraftRow.item_id == item_id, DraftRow.rater_id == rater_id)
