"""The items of a study: brought in line with what is selected, taken out by hand, and read a page at a time.

Everything here runs in the caller's transaction; what writes needs the study locked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, func, insert, or_, select, update

from annotations.documents import MAX_INTEGER
from annotations.queries import MAX_PAGE_SIZE
from annotations.rating_schema import ItemRow, PlaceRow
from annotations.schema import StepRow, TraceRow
from annotations.studies.selection import SelectedTrace
from annotations.studies.sentences import SentencePart, sentence_in
from annotations.studies.values import LeftOut, StudyItem, StudyItemPage
from core.errors import NotFound

# Rows of one statement: few enough parameters for any back end.
AT_ONCE = 250

_Value = TypeVar("_Value")


class Wanted:
    """The steps that a study is to ask about: by content hash, positions."""

    def __init__(self, selected: Iterable[SelectedTrace]) -> None:
        self.steps = {trace.trace: trace.steps for trace in selected}

    def __contains__(self, step: tuple[str, int]) -> bool:
        return step[1] in self.steps.get(step[0], ())


@dataclass(frozen=True, slots=True)
class Changes:
    """How many items were added, are asked again, are no longer selected, and have lost their trace."""

    added: int
    back: int
    not_selected: int
    trace_gone: int


def bring_in_line(connection: Connection, study_id: int, wanted: Wanted, now: datetime) -> Changes:
    """Make the study ask about exactly the wanted steps, but for those that were left out by hand."""
    missing = {trace: set(steps) for trace, steps in wanted.steps.items()}
    due: dict[LeftOut, list[int]] = {state: [] for state in LeftOut}
    for rows in _existing(connection, study_id):
        there = _in_store(connection, [row.trace_hash for row in rows if (row.trace_hash, row.step) not in wanted])
        for row in rows:
            missing.get(row.trace_hash, set()).discard(row.step)
            state = _due(row, wanted, there)
            if row.left_out not in (LeftOut.BY_HAND, state):
                due[state].append(row.id)
    for state, ids in due.items():
        _mark(connection, ids, state)
    added = _add(connection, study_id, [(trace, step) for trace, steps in missing.items() for step in sorted(steps)], now)
    return Changes(added, len(due[LeftOut.ASKED]), len(due[LeftOut.NOT_SELECTED]), len(due[LeftOut.TRACE_GONE]))


def leave_out(connection: Connection, study_id: int, ids: Sequence[int]) -> dict[int, str]:
    """Take items out by hand. Those that were not out by hand already come back, each with why it was left out before, or ''.

    Raises NotFound for a number that is no item of the study.
    """
    changed = {row.id: row.left_out for row in _named(connection, study_id, ids) if row.left_out != LeftOut.BY_HAND}
    _mark(connection, list(changed), LeftOut.BY_HAND)
    return changed


def take_back(connection: Connection, study_id: int, ids: Sequence[int], wanted: Wanted) -> dict[int, str]:
    """Take back what was left out by hand: it is asked again where it is wanted. Those that were come back, each with its new state.

    Raises NotFound for a number that is no item of the study.
    """
    rows = [row for row in _named(connection, study_id, ids) if row.left_out == LeftOut.BY_HAND]
    there = _in_store(connection, [row.trace_hash for row in rows])
    changed = {row.id: _due(row, wanted, there) for row in rows}
    for state in LeftOut:
        _mark(connection, [number for number, now in changed.items() if now == state], state)
    return {number: state.value for number, state in changed.items()}


def traces_of(connection: Connection, ids: Sequence[int]) -> set[str]:
    """The content hashes of the traces of items; numbers that no item has are passed over."""
    found: set[str] = set()
    for some in _some(sorted({number for number in ids if 0 < number <= MAX_INTEGER})):
        found.update(connection.scalars(select(ItemRow.trace_hash).where(ItemRow.id.in_(some))))
    return found


def item_page(connection: Connection, study_id: int, replacement: str, page: int, page_size: int) -> StudyItemPage:
    """One page of a study's items, by trace and step; a page behind the last is empty."""
    size = min(max(page_size, 1), MAX_PAGE_SIZE)
    page = min(max(page, 1), MAX_INTEGER // size)
    total = connection.execute(select(func.count()).select_from(ItemRow).where(ItemRow.study_id == study_id)).scalar_one()
    wanted = select(ItemRow).where(ItemRow.study_id == study_id).order_by(ItemRow.trace_hash, ItemRow.step)
    rows = connection.execute(wanted.offset((page - 1) * size).limit(size)).all()
    said, ratings = _sentences(connection, rows, replacement), _ratings(connection, [row.id for row in rows])
    items = [
        StudyItem(row.id, row.trace_hash, row.step, LeftOut(row.left_out), said.get((row.trace_hash, row.step), ()), ratings.get(row.id, 0))
        for row in rows
    ]
    return StudyItemPage(total, page, max(1, -(-total // size)), tuple(items))


def _due(row: Any, wanted: Wanted, there: set[str]) -> LeftOut:
    if (row.trace_hash, row.step) in wanted:
        return LeftOut.ASKED
    return LeftOut.NOT_SELECTED if row.trace_hash in there else LeftOut.TRACE_GONE


def _existing(connection: Connection, study_id: int) -> Iterator[Sequence[Any]]:
    """All items of the study, some at a time, by the index over study, trace and step."""
    wanted = select(ItemRow).where(ItemRow.study_id == study_id).order_by(ItemRow.trace_hash, ItemRow.step).limit(AT_ONCE)
    rows = connection.execute(wanted).all()
    while rows:
        yield rows
        trace, step = rows[-1].trace_hash, rows[-1].step
        # The first condition follows from the second; with it the index is entered in the right place.
        behind = wanted.where(ItemRow.trace_hash >= trace, or_(ItemRow.trace_hash > trace, ItemRow.step > step))
        rows = connection.execute(behind).all()


def _in_store(connection: Connection, hashes: Sequence[str]) -> set[str]:
    """Those of the content hashes that some data set has a trace for."""
    found: set[str] = set()
    for some in _some(sorted(set(hashes))):
        found.update(connection.scalars(select(TraceRow.content_hash).where(TraceRow.content_hash.in_(some))))
    return found


def _named(connection: Connection, study_id: int, ids: Sequence[int]) -> list[Any]:
    asked = sorted(set(ids))
    rows: list[Any] = []
    for some in _some([number for number in asked if 0 < number <= MAX_INTEGER]):
        rows += connection.execute(select(ItemRow).where(ItemRow.study_id == study_id, ItemRow.id.in_(some)).order_by(ItemRow.id)).all()
    if len(rows) < len(asked):
        missing = min(set(asked) - {row.id for row in rows})
        raise NotFound(f"This study has no item {missing!s:.20}: load the list again.")
    return rows


def _mark(connection: Connection, ids: Sequence[int], state: LeftOut) -> None:
    for some in _some(ids):
        connection.execute(update(ItemRow).where(ItemRow.id.in_(some)).values(left_out=state.value))


def _add(connection: Connection, study_id: int, steps: Sequence[tuple[str, int]], now: datetime) -> int:
    shared = {"study_id": study_id, "left_out": LeftOut.ASKED.value, "added_at": now}
    for some in _some(steps):
        connection.execute(insert(ItemRow), [{**shared, "trace_hash": trace, "step": step} for trace, step in some])
    return len(steps)


def _sentences(connection: Connection, rows: Sequence[Any], replacement: str) -> dict[tuple[str, int], tuple[SentencePart, ...]]:
    """The sentences of items by content hash and step; none for a trace that is gone."""
    if not rows:
        return {}
    found = (
        select(TraceRow.content_hash, StepRow.position, StepRow.text, StepRow.written)
        .join(StepRow, StepRow.trace_id == TraceRow.id)
        .where(
            TraceRow.content_hash.in_(sorted({row.trace_hash for row in rows})), StepRow.position.in_(sorted({row.step for row in rows}))
        )
    )
    return {(row.content_hash, row.position): sentence_in(row.text, row.written or "", replacement) for row in connection.execute(found)}


def _ratings(connection: Connection, ids: Sequence[int]) -> dict[int, int]:
    """How many ratings that count the items have, where they have any: a rating that counts holds a place without an end."""
    if not ids:
        return {}
    held = select(PlaceRow.item_id, func.count()).where(PlaceRow.item_id.in_(ids), PlaceRow.until.is_(None)).group_by(PlaceRow.item_id)
    return dict(connection.execute(held).all())


def _some(values: Sequence[_Value]) -> Iterator[Sequence[_Value]]:
    for first in range(0, len(values), AT_ONCE):
        yield values[first : first + AT_ONCE]
