"""How a rating comes to be kept, changed and taken back: always as a further row, with the event that tells old and new.

Everything here happens inside a write transaction that has locked the study. What is refused is refused before the first write.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from annotations.rating_schema import ItemRow, RatingRow
from annotations.ratings.current import StudyNow, Versions
from annotations.ratings.drafts import draft_of, empty_draft, put_back
from annotations.ratings.places import ItemState, Places
from annotations.ratings.queue import lease_end, needs_renewal
from annotations.ratings.standing import TRACE_GONE, is_newest, read_rating, standing
from annotations.ratings.values import Judgement, Rating, RatingKind, Standing
from annotations.schema import EventRow
from core.errors import NotAllowed, NotFound

OTHERS_TOKEN = "This token belongs to somebody else: load the page again."

# Statements that are run for every request are built once: building one takes as long as running it.
_OF_TOKEN = select(RatingRow).where(RatingRow.token == bindparam("token"))
_OF_ID = select(RatingRow).where(RatingRow.id == bindparam("number"))
_ADD = insert(RatingRow)
_TELL = insert(EventRow)


@dataclass(frozen=True, slots=True)
class Given:
    """A judgement as it came: of which item, by whom, under which version, of which trace, with its token."""

    item: int
    rater: int
    version_id: int
    trace: str
    judgement: Judgement
    token: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A rating in the table, and the row of its version."""

    rating: Rating
    version_id: int


@dataclass(frozen=True, slots=True)
class Undone:
    """An item whose rating has been taken back, and the end of the lease on it."""

    item: ItemState
    until: datetime


class Desk:
    """Takes in the ratings of one study, inside one transaction."""

    def __init__(self, connection: Connection, study: StudyNow, versions: Versions, now: datetime, rater_name: str) -> None:
        """`rater_name`: of whoever comes to the desk, for the log."""
        self._connection = connection
        self._rater_name = rater_name
        self._versions = versions
        self.study = study
        self.now = now
        self.places = Places(connection, study, now)

    def item(self, number: int) -> ItemState:
        """The item as it is now. Raises NotFound."""
        found = self.places.load([number])
        if number not in found:
            raise no_item(number)
        return found[number]

    def has_draft(self, item: ItemState, rater: int) -> bool:
        """Whether the rater has begun to say something about the item."""
        return draft_of(self._connection, item.id, rater) is not None

    def known(self, token: str, rater: int) -> Kept | None:
        """The rating that has been kept under a token; None where the token is new. Raises NotAllowed for a token of another rater."""
        row = self._connection.execute(_OF_TOKEN, {"token": token}).one_or_none()
        if row is None:
            return None
        if row.rater_id != rater:
            raise NotAllowed(OTHERS_TOKEN)
        return Kept(self._read(row), row.version_id)

    def newest(self, item: ItemState, rater: int) -> Rating | None:
        """The rater's newest revision about the item."""
        if not item.revisions.get(rater):
            return None
        return self._read(self._connection.execute(_OF_ID, {"number": item.revisions[rater][-1].id}).one())

    def take(self, item: ItemState, given: Given) -> Kept:
        """Keep a judgement as the next revision, and see to its place."""
        rating = self._add(given, self.newest(item, given.rater))
        self._see_to_place(item, given)
        empty_draft(self._connection, item.id, given.rater, self.now)
        return Kept(rating, given.version_id)

    def standing_of(self, item: ItemState, kept: Kept) -> Standing:
        """Whether the rating counts now."""
        rating = kept.rating
        fits = kept.version_id in self.study.same and rating.trace == item.trace
        place = item.place_of(rating.rater)
        present = item.present and item.left_out != TRACE_GONE
        return standing(rating.judgement.kind, fits=fits, present=present, placed=place is not None and place.until is None)

    def undo(self, rater: int, token: str) -> Undone:
        """Take back the rater's last rating that stands: a further revision says so, and its answers become a draft again.

        Raises NotFound where nothing is left to take back.
        """
        last = self._last(rater)
        item = self.item(last.item_id)
        old = self._read(last)
        given = Given(item.id, rater, last.version_id, last.trace_hash, Judgement(RatingKind.WITHDRAWN), token)
        self._add(given, old)
        put_back(self._connection, item.id, rater, old.judgement.to_json(), self.now)
        return Undone(item, self.keep(item, rater))

    def keep(self, item: ItemState, rater: int) -> datetime:
        """The end of the rater's lease on the item: renewed where there is one, granted where a place is free.

        A rating that counts keeps its place when it has been taken back. The present, where the rater can have no place.
        """
        self.places.promote(item)
        own, until = item.place_of(rater), lease_end(self.study, self.now)
        if own is not None and own.until is not None and not needs_renewal(own.until, self.study, self.now):
            return own.until
        if own is not None or item.is_asked:
            return until if self.places.hold(item, rater, until) else self.now
        return self.now

    def _see_to_place(self, item: ItemState, given: Given) -> None:
        """`item` is as it was before this rating: whoever has waited for a place until now has the better right."""
        self.places.promote(item)
        own = item.place_of(given.rater)
        fits = given.judgement.kind is RatingKind.RATED and given.version_id in self.study.same and given.trace == item.trace
        if fits:
            self.places.hold(item, given.rater, None)
        elif own is not None and (own.until is None or given.judgement.kind is RatingKind.SKIPPED):
            self.places.give_up(item, own)
            # The rater's earlier rating waits for nothing any more.
            item.revisions.pop(given.rater, None)
            self.places.promote(item)

    def _add(self, given: Given, old: Rating | None) -> Rating:
        revision = 1 if old is None else old.revision + 1
        row = {
            "token": given.token,
            "item_id": given.item,
            "rater_id": given.rater,
            "version_id": given.version_id,
            "revision": revision,
            "kind": given.judgement.kind.value,
            "trace_hash": given.trace,
            "content": given.judgement.to_json(),
            "at": self.now,
        }
        key = self._connection.execute(_ADD, row).inserted_primary_key
        number = int(key[0]) if key else 0
        told = {
            "rating": number,
            "item": given.item,
            "study": self.study.name,
            "rater": given.rater,
            "revision": revision,
            "old": None if old is None else old.judgement.to_json(),
            "new": row["content"],
        }
        self._connection.execute(_TELL, {"at": self.now, "kind": "rating", "actor": self._rater_name, "payload": told})
        version = self._versions.version(self._connection, given.version_id).version
        return Rating(number, given.token, given.item, given.rater, version, revision, given.trace, given.judgement, self.now)

    def _last(self, rater: int) -> Any:
        stands = (RatingRow.kind != RatingKind.WITHDRAWN.value, is_newest())
        found = select(RatingRow).join(ItemRow, ItemRow.id == RatingRow.item_id)
        found = found.where(RatingRow.rater_id == rater, ItemRow.study_id == self.study.id, *stands)
        row = self._connection.execute(found.order_by(RatingRow.id.desc()).limit(1)).one_or_none()
        if row is None:
            raise NotFound("There is nothing to undo: no rating of yours stands in this study.")
        return row

    def _read(self, row: Any) -> Rating:
        return read_rating(row, self._versions.version(self._connection, row.version_id).version)


def no_item(number: int) -> NotFound:
    """What to say where there is no such item."""
    return NotFound(f"There is no item {number!s:.20}: load the page again.")
