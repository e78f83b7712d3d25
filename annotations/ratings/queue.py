"""Which items a rater is given next: those that are kept for them, then those that are free, in the rater's own order.

Everything here happens in a transaction that has locked the study. What the memory says only decides where to look first; each item
is given out by its rows, and "nothing is left" is said after everything was read anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CompoundSelect, Connection, Select, bindparam, literal_column, null, select, union_all, update

from annotations.rating_schema import DraftRow, ItemRow, PlaceRow
from annotations.ratings.current import StudyNow
from annotations.ratings.drafts import draft_of, drafts_of
from annotations.ratings.ledger import Ledger
from annotations.ratings.memory import StudyMemory
from annotations.ratings.orders import RaterOrder
from annotations.ratings.places import ItemState, Places
from annotations.ratings.values import Ask, Draft, Progress

# Items that are looked at with one statement: at first as many as are wanted, because they are usually free, and then more and more.
_MORE, _MOST = 4, 250
# A lease is renewed when less than this share of it is left, so that asking again writes nothing.
_RENEW_BELOW = 0.9


# Statements that are run for every request are built once: building one takes as long as running it.
_HELD: Select[*tuple[Any, ...]] = (
    select(PlaceRow.item_id, PlaceRow.until, ItemRow.trace_hash, ItemRow.step, ItemRow.left_out, literal_column("0").label("begun"))
    .join(ItemRow, ItemRow.id == PlaceRow.item_id)
    .where(PlaceRow.rater_id == bindparam("rater"), PlaceRow.until.is_not(None), ItemRow.study_id == bindparam("study"))
)
_BEGUN: Select[*tuple[Any, ...]] = (
    select(DraftRow.item_id, null(), ItemRow.trace_hash, ItemRow.step, ItemRow.left_out, literal_column("1"))
    .join(ItemRow, ItemRow.id == DraftRow.item_id)
    .where(DraftRow.rater_id == bindparam("rater"), DraftRow.sequence >= 0, ItemRow.study_id == bindparam("study"))
)
_HELD_OR_BEGUN: CompoundSelect[*tuple[Any, ...]] = union_all(_HELD, _BEGUN)


@dataclass(slots=True)
class _Kept:
    """An item with the end of the rater's lease, and what is known of it where it had to be looked at."""

    item: int
    trace: str
    step: int
    until: datetime


class Round:
    """One rater's next items, found in one transaction."""

    def __init__(self, connection: Connection, study: StudyNow, memory: StudyMemory, rater: int, now: datetime) -> None:
        self._connection = connection
        self._study = study
        self._memory = memory
        self._rater = rater
        self._now = now
        self._places = Places(connection, study, now)
        self._until = lease_end(study, now)
        self._ledger = memory.ledger(connection, study, rater)
        self._given: dict[int, _Kept] = {}

    def give(self, count: int) -> tuple[Ask, ...]:
        """Up to so many items, with their leases renewed or granted; none where nothing is left for this rater."""
        rows = self._connection.execute(_HELD_OR_BEGUN, {"rater": self._rater, "study": self._study.id}).all()
        begun = {row.item_id for row in rows if row.begun}
        self._keep_what_is_held([row for row in rows if not row.begun], count)
        ledger = self._ledger
        self._grant((item for item in (*ledger.withdrawn, *begun) if item not in ledger.done), count)
        first = set(self._given)
        self._walk(count)
        if not self._given:
            # Whoever is told that nothing is left must be told the truth.
            self._memory.refresh(self._connection, self._study, self._now, force=True)
            self._walk(count)
        ledger.kept = frozenset(self._given)
        order, again = self._order(), ledger.withdrawn
        given = sorted(self._given.values(), key=lambda kept: (kept.item not in again, kept.item not in first, order.rank(kept.item)))
        drafts = drafts_of(self._connection, begun & self._given.keys(), self._rater)
        return tuple(_ask(self._study, kept, order, drafts.get(kept.item)) for kept in given)

    def _keep_what_is_held(self, rows: Sequence[Any], count: int) -> None:
        """Leases of this rater: live ones are renewed; one that has ended is renewed where nobody has a better right to the place."""
        asked, order, again = self._memory.asked.position, self._order(), self._ledger.withdrawn
        # What was taken back is asked first, also of somebody who holds more leases than are wanted now.
        rows = sorted(rows, key=lambda row: (row.item_id not in again, row.until <= self._now, order.rank(row.item_id)))
        for row in rows:
            # The row knows of what was left out a moment ago, and the memory may not.
            if row.left_out or row.item_id not in asked or row.until <= self._now:
                self._look_again(row.item_id, count)
            elif len(self._given) < count:
                self._given[row.item_id] = _Kept(row.item_id, row.trace_hash, row.step, row.until)
        self._renew([kept for kept in self._given.values() if needs_renewal(kept.until, self._study, self._now)])

    def _look_again(self, number: int, count: int) -> None:
        """A lease that has ended, or is of an item that is not asked as far as is known."""
        item = self._places.load([number])[number]
        self._places.promote(item)
        own = item.place_of(self._rater)
        if own is None or own.until is None:
            return
        if item.is_asked and len(self._given) < count:
            self._take(item)
        elif not item.is_asked:
            self._places.give_up(item, own)
            self._places.promote(item)

    def _renew(self, leases: list[_Kept]) -> None:
        if leases:
            ids = [kept.item for kept in leases]
            renewed = update(PlaceRow).where(PlaceRow.rater_id == self._rater, PlaceRow.item_id.in_(ids)).values(until=self._until)
            self._connection.execute(renewed)
        for kept in leases:
            kept.until = self._until

    def _walk(self, count: int) -> None:
        """Take what is free, in the rater's order."""
        done, memory = self._ledger.done, self._memory
        ids = memory.asked.ids
        order = (ids[position] for position in self._order())
        self._grant((item for item in order if item not in memory.full and item not in done), count)

    def _grant(self, items: Iterator[int], count: int) -> None:
        look = max(1, count - len(self._given))
        while len(self._given) < count:
            numbers = [number for _, number in zip(range(look), items, strict=False)]
            if not numbers:
                return
            found = self._places.load(numbers)
            for number in numbers:
                if number not in self._given and len(self._given) < count:
                    self._try(found[number])
            look = min(look * _MORE, _MOST)

    def _try(self, item: ItemState) -> None:
        if item.is_asked:
            self._places.promote(item)
            self._take(item)
        self._memory.note(item.id, item.free(self._study.places, self._now) if item.is_asked else 0)

    def _take(self, item: ItemState) -> None:
        if self._places.hold(item, self._rater, self._until):
            self._given[item.id] = _Kept(item.id, item.trace, item.step, self._until)

    def _order(self) -> RaterOrder:
        return self._memory.order(self._study, self._rater)


def lease_end(study: StudyNow, now: datetime) -> datetime:
    """When a lease that begins now ends."""
    return now + timedelta(minutes=study.settings.lease_minutes)


def needs_renewal(until: datetime, study: StudyNow, now: datetime) -> bool:
    """Whether so much of a lease has passed, or its length has changed so, that renewing it is worth a write."""
    left, whole = (until - now).total_seconds(), study.settings.lease_minutes * 60
    return not whole * _RENEW_BELOW <= left <= whole


def ask_of(connection: Connection, study: StudyNow, order: RaterOrder, item: ItemState, rater: int, until: datetime) -> Ask:
    """The ask for one item, with the rater's draft about it."""
    return _ask(study, _Kept(item.id, item.trace, item.step, until), order, draft_of(connection, item.id, rater))


def kept_for(connection: Connection, study: StudyNow, rater: int, now: datetime) -> frozenset[int]:
    """The items that the rater holds a lease on."""
    rows = connection.execute(_HELD, {"rater": rater, "study": study.id})
    return frozenset(row.item_id for row in rows if row.until > now)


def progress_of(study: StudyNow, memory: StudyMemory, ledger: Ledger) -> Progress:
    """How far a rater is. Open is what is asked, not done by the rater, and free or kept for the rater."""
    asked, full, done = memory.asked.position, memory.full, ledger.done
    kept = sum(item in full and item in asked and item not in done for item in ledger.kept)
    left = len(asked) - len(full) - sum(item in asked and item not in full for item in done) + kept
    return Progress(len(done), ledger.skipped, 0 if study.closed else left, ledger.median_seconds)


def _ask(study: StudyNow, kept: _Kept, order: RaterOrder, draft: Draft | None) -> Ask:
    numbers = order.numbers(kept.item)
    return Ask(
        item=kept.item,
        trace=kept.trace,
        step=kept.step,
        until=kept.until,
        trace_number=numbers.trace,
        traces=numbers.traces,
        step_number=numbers.step,
        steps=numbers.steps,
        version=study.newest.version,
        version_id=study.newest.version_id,
        settings=study.settings,
        draft=draft,
    )
