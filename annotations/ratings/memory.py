"""What the queue keeps in memory of each study, so that giving out the next item reads a few rows and not all of them.

All of it is a hint. Whether an item is free is decided by its rows, in the transaction that gives it out; and before a rater is told
that there is nothing left, everything here is read anew.
"""

from __future__ import annotations

import threading
import time
from array import array
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, func, or_, select

from annotations.rating_schema import ItemRow, PlaceRow
from annotations.ratings.current import StudyNow
from annotations.ratings.kept import Recent
from annotations.ratings.ledger import Ledger
from annotations.ratings.orders import AskedItems, RaterOrder, order_of
from annotations.ratings.places import trace_is_there

# Below so many items a study is looked at anew every time; a larger one once in a time that grows with it, in seconds, up to the longest.
_EXACT_UP_TO = 300
_ITEMS_A_SECOND = 5_000
_LONGEST = 4.0
KEPT_STUDIES = 16
KEPT_LEDGERS = 256
# Positions of all orders of a study together; a position takes 24 bytes at most.
KEPT_POSITIONS = 1_000_000


def patience(items: int) -> float:
    """For how many seconds it is trusted which of so many items are full; the longer, the longer it takes to look."""
    return 0.0 if items <= _EXACT_UP_TO else min(_LONGEST, items / _ITEMS_A_SECOND)


class StudyMemory:
    """One study: the items that it asks about, which of them have no place left, and the order and the ratings of its raters.

    Used under its `lock`.
    """

    def __init__(self, study_id: int, patience: Callable[[int], float]) -> None:
        self.lock = threading.RLock()
        self.asked = AskedItems([])
        self._study = study_id
        self._patience = patience
        self._full: set[int] = set()
        self._ids = array("q")
        self._read_for: tuple[int, int] | None = None
        self._read_at = 0.0
        self._orders: Recent[int, RaterOrder] = Recent(1)
        self._ledgers: Recent[int, Ledger] = Recent(KEPT_LEDGERS)

    def refresh(self, connection: Connection, study: StudyNow, now: datetime, *, force: bool = False) -> None:
        """Read the items and the full ones, where the study has changed, or time has passed, or `force` asks for it."""
        read_for = (study.newest.version_id, study.data)
        if not force and read_for == self._read_for and time.monotonic() - self._read_at < self._patience(len(self.asked)):
            return
        wanted = select(ItemRow.id).where(ItemRow.study_id == self._study, ItemRow.left_out == "").order_by(ItemRow.id)
        ids = array("q", connection.scalars(wanted))
        if read_for != self._read_for or ids != self._ids:
            self._read_items(connection, study)
            self._ids = ids
        self._full = self._read_full(connection, study, now)
        self._read_for, self._read_at = read_for, time.monotonic()

    def order(self, study: StudyNow, rater: int) -> RaterOrder:
        """The rater's order over the items that are asked now."""
        return self._orders.used(rater) or self._orders.keep(rater, order_of(self.asked, study.settings, rater))

    def ledger(self, connection: Connection, study: StudyNow, rater: int) -> Ledger:
        """What the rater has said, up to this transaction."""
        ledger = self._ledgers.used(rater) or self._ledgers.keep(rater, Ledger(self._study, rater))
        ledger.catch_up(connection, study.same)
        return ledger

    @property
    def is_exact(self) -> bool:
        """Whether the study is so small that it is looked at anew every time."""
        return self._patience(len(self.asked)) <= 0

    @property
    def full(self) -> set[int]:
        """Items all of whose places are held, as far as is known."""
        return self._full

    def note(self, item: int, free: int) -> None:
        """An item has been looked at and has so many free places."""
        if item in self.asked.position:
            (self._full.discard if free > 0 else self._full.add)(item)

    def _read_items(self, connection: Connection, study: StudyNow) -> None:
        there = select(ItemRow.id, ItemRow.trace_hash, ItemRow.step).where(ItemRow.study_id == self._study, ItemRow.left_out == "")
        self.asked = AskedItems([(row.id, row.trace_hash, row.step) for row in connection.execute(there.where(trace_is_there()))])
        self._orders = Recent(max(4, KEPT_POSITIONS // max(1, len(self.asked))))

    def _read_full(self, connection: Connection, study: StudyNow, now: datetime) -> set[int]:
        held = or_(PlaceRow.until.is_(None), PlaceRow.until > now)
        full = (
            select(PlaceRow.item_id)
            .join(ItemRow, ItemRow.id == PlaceRow.item_id)
            .where(ItemRow.study_id == self._study, ItemRow.left_out == "", held)
            .group_by(PlaceRow.item_id)
            .having(func.count() >= study.places)
        )
        return {item for item in connection.scalars(full) if item in self.asked.position}


class Memory:
    """The studies that were asked about last. Safe to share between threads."""

    def __init__(self, patience: Callable[[int], float]) -> None:
        self._lock = threading.Lock()
        self._patience = patience
        self._studies: Recent[int, StudyMemory] = Recent(KEPT_STUDIES)

    def study(self, study_id: int) -> StudyMemory:
        """What is known of a study."""
        with self._lock:
            known = self._studies.used(study_id)
            return known or self._studies.keep(study_id, StudyMemory(study_id, self._patience))

    def forget(self) -> None:
        """Know nothing any more: after a transaction that was lost, for what was read in it may never have been."""
        with self._lock:
            self._studies.clear()
