"""What one rater has said in one study, kept in memory and brought up to date from the table.

Ratings are only ever added, and those of a study get their numbers while the study is locked, so every row with a higher number than
the last one read is a later one, and nothing has to be read twice: the counts are exact at any time, whichever process wrote.
"""

from __future__ import annotations

import statistics
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select

from annotations.rating_schema import ItemRow, RatingRow
from annotations.ratings.values import RatingKind

_NEW = (
    select(RatingRow.id, RatingRow.item_id, RatingRow.kind, RatingRow.version_id, RatingRow.trace_hash, RatingRow.content)
    .add_columns(ItemRow.trace_hash.label("item_trace"))
    .join(ItemRow, ItemRow.id == RatingRow.item_id)
    .where(RatingRow.rater_id == bindparam("rater"), RatingRow.id > bindparam("last"), ItemRow.study_id == bindparam("study"))
    .order_by(RatingRow.id)
)


@dataclass(frozen=True, slots=True)
class _Said:
    kind: RatingKind
    version_id: int
    is_of_trace: bool
    seconds: float


class Ledger:
    """The newest revision of each item that the rater has rated, skipped or taken back in the study."""

    def __init__(self, study_id: int, rater_id: int) -> None:
        # The items that were kept for the rater when last looked at, to count what is open without asking again.
        self.kept: frozenset[int] = frozenset()
        self._study, self._rater = study_id, rater_id
        self._last = 0
        self._said: dict[int, _Said] = {}
        self._same: Collection[int] = ()
        self._done: set[int] = set()
        self._skipped: set[int] = set()
        self._withdrawn: set[int] = set()
        self._median: float | None = None
        self._counted = True

    def catch_up(self, connection: Connection, same: Collection[int]) -> None:
        """Read what is new. `same`: the versions whose answers count together with the newest one's."""
        rows = connection.execute(_NEW, {"rater": self._rater, "last": self._last, "study": self._study}).all()
        if same != self._same:
            self._same = same
            for item, said in self._said.items():
                self._take(item, said)
        for row in rows:
            is_of_trace = row.trace_hash == row.item_trace
            self._take(row.item_id, _Said(RatingKind(row.kind), row.version_id, is_of_trace, float(row.content["seconds"])))
            self._last = row.id

    @property
    def done(self) -> Collection[int]:
        """The items that the rater has rated or skipped, by what the study asks now: they are not asked again."""
        return self._done

    @property
    def skipped(self) -> int:
        """How many of the items that are done were skipped."""
        return len(self._skipped)

    @property
    def withdrawn(self) -> Collection[int]:
        """The items whose rating the rater has taken back, and not given anew."""
        return self._withdrawn

    @property
    def median_seconds(self) -> float | None:
        """Median time on the items that are done; None before the first."""
        if not self._counted:
            times = [self._said[item].seconds for item in self._done]
            self._median, self._counted = (statistics.median(times) if times else None), True
        return self._median

    def _take(self, item: int, said: _Said) -> None:
        self._said[item] = said
        done = said.kind is not RatingKind.WITHDRAWN and said.version_id in self._same and said.is_of_trace
        for holds, items in (
            (done, self._done),
            (done and said.kind is RatingKind.SKIPPED, self._skipped),
            (said.kind is RatingKind.WITHDRAWN, self._withdrawn),
        ):
            (items.add if holds else items.discard)(item)
        self._counted = False
