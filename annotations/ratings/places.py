"""Who holds which place of an item: the N that may rate it, leases and ratings alike.

Everything here happens inside a write transaction that has locked the study (`annotations.ratings.current.lock_study`), so what was
read of an item stays true until the transaction ends. The primary key of the table is a second promise of the same.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, bindparam, delete, exists, insert, select, update

from annotations.rating_schema import ItemRow, PlaceRow, RatingRow
from annotations.ratings.current import StudyNow, Versions
from annotations.ratings.values import RatingKind
from annotations.schema import TraceRow

# Items that are read with one statement.
AT_ONCE = 250


@dataclass(slots=True)
class Place:
    """A place that has a row. `until`: the end of the lease; None: a rating that counts."""

    number: int
    rater: int
    until: datetime | None

    def is_held(self, now: datetime) -> bool:
        """Whether the place is somebody's: by a rating, or by a lease that has not ended."""
        return self.until is None or self.until > now


@dataclass(frozen=True, slots=True)
class Revision:
    """A row of `ratings`, without what was said in it."""

    id: int
    kind: RatingKind
    version_id: int
    trace: str
    token: str


@dataclass(slots=True)
class ItemState:
    """An item with its places and, by rater, the revisions of its ratings, oldest first.

    present  the store has a trace with the item's content hash
    """

    id: int
    study: int
    trace: str
    step: int
    left_out: str
    present: bool
    places: list[Place] = field(default_factory=list)
    revisions: dict[int, list[Revision]] = field(default_factory=dict)

    @property
    def is_asked(self) -> bool:
        return not self.left_out and self.present

    def place_of(self, rater: int) -> Place | None:
        """The place that has a row of this rater, whether or not the lease has ended."""
        return next((place for place in self.places if place.rater == rater), None)

    def free(self, places: int, now: datetime) -> int:
        """How many of so many places nobody holds; below 0 where more are held."""
        return places - sum(place.is_held(now) for place in self.places)

    def fits(self, revision: Revision, same: Collection[int]) -> bool:
        """Whether a revision is a judgement of this trace by what the study asks now, so that it may count."""
        return revision.kind is RatingKind.RATED and revision.version_id in same and revision.trace == self.trace

    def waiting(self, same: Collection[int]) -> list[int]:
        """The raters whose rating fits and has no place, those first who have waited longest."""
        counted = {place.rater for place in self.places if place.until is None}
        found = []
        for rater, revisions in self.revisions.items():
            if rater not in counted and self.fits(revisions[-1], same):
                found.append((self.since(rater, same), rater))
        return [rater for _, rater in sorted(found)]

    def has_token(self, token: str) -> bool:
        """Whether a rating of the item has come under this token."""
        return any(revision.token == token for revisions in self.revisions.values() for revision in revisions)

    def since(self, rater: int, same: Collection[int]) -> int:
        """The first revision from which on the rater's rating fits without a break: changing an answer loses no rank."""
        oldest = 0
        for revision in reversed(self.revisions.get(rater, [])):
            if not self.fits(revision, same):
                break
            oldest = revision.id
        return oldest


def load_items(connection: Connection, ids: Sequence[int]) -> dict[int, ItemState]:
    """The items of these numbers, with who holds and who has rated them; numbers that no item has are left out."""
    found: dict[int, ItemState] = {}
    for first in range(0, len(ids), AT_ONCE):
        found |= _load(connection, ids[first : first + AT_ONCE])
    return found


def trace_is_there() -> ColumnElement[bool]:
    """The condition that the store has a trace with an item's content hash, in any data set."""
    return exists(select(TraceRow.id).where(TraceRow.content_hash == ItemRow.trace_hash))


class Places:
    """Gives and takes the places of items of one study, inside one transaction."""

    def __init__(self, connection: Connection, study: StudyNow, now: datetime) -> None:
        self._connection = connection
        self.study = study
        self.now = now

    def load(self, ids: Sequence[int]) -> dict[int, ItemState]:
        """The items of these numbers as they are now."""
        return load_items(self._connection, ids)

    def hold(self, item: ItemState, rater: int, until: datetime | None) -> bool:
        """Give the rater a place, or keep the one that is there, `until` then. False where all places are held by others."""
        own = item.place_of(rater)
        if own is not None:
            if own.until != until:
                self._change(item, own, rater, until)
            return True
        if item.free(self.study.places, self.now) < 1:
            return False
        taken = {place.number for place in item.places}
        number = next((number for number in range(1, self.study.places + 1) if number not in taken), None)
        if number is not None:
            item.places.append(Place(number, rater, until))
            self._connection.execute(_TAKE, {"item_id": item.id, "place": number, "rater_id": rater, "until": until})
            return True
        ended = min((place for place in item.places if not place.is_held(self.now)), key=lambda place: place.number)
        self._change(item, ended, rater, until)
        return True

    def give_up(self, item: ItemState, place: Place) -> None:
        """Free a place."""
        self._connection.execute(_FREE, _key(item, place))
        item.places.remove(place)

    def promote(self, item: ItemState) -> None:
        """Give the places that are free to ratings that wait for one, oldest first; who has a lease on the item needs no other place."""
        waiting = item.waiting(self.study.same)
        kept = {place.rater for place in item.places if place.is_held(self.now)}
        for rater in [rater for rater in waiting if rater in kept]:
            self.hold(item, rater, None)
        for rater in [rater for rater in waiting if rater not in kept][: max(0, item.free(self.study.places, self.now))]:
            self.hold(item, rater, None)

    def settle(self, item: ItemState) -> None:
        """Bring the places in line with what the study asks now: its number of places, and its questions.

        A rating that does not fit any more loses its place; where more are held than there are, the newest ratings wait and leases
        end; where there are more than before, those that wait get them.
        """
        for place in list(item.places):
            revisions = item.revisions.get(place.rater)
            newest = revisions[-1] if revisions else None
            fits = newest is not None and item.fits(newest, self.study.same)
            # Under earlier questions that are asked again: whoever skipped then is not asked again.
            skipped = newest is not None and newest.kind is RatingKind.SKIPPED and newest.version_id in self.study.same
            if skipped if place.until else not fits:
                self.give_up(item, place)
        if len(item.places) > self.study.places or any(place.number > self.study.places for place in item.places):
            self._fit_into(item)
        self.promote(item)

    def _fit_into(self, item: ItemState) -> None:
        def rank(place: Place) -> tuple[bool, int, float]:
            lease = place.until
            return (lease is not None, item.since(place.rater, self.study.same), -lease.timestamp() if lease else 0.0)

        ordered = sorted((place for place in item.places if place.is_held(self.now)), key=rank)
        keep = ordered[: self.study.places]
        for place in [place for place in item.places if place not in keep]:
            self.give_up(item, place)
        free = [number for number in range(1, self.study.places + 1) if all(place.number != number for place in keep)]
        for place in [place for place in keep if place.number > self.study.places]:
            number = free.pop(0)
            self._connection.execute(update(PlaceRow).where(*_OF_PLACE).values(place=number), _key(item, place))
            place.number = number

    def _change(self, item: ItemState, place: Place, rater: int, until: datetime | None) -> None:
        self._connection.execute(_CHANGE, {**_key(item, place), "rater": rater, "end": until})
        place.rater, place.until = rater, until


def settle_places(connection: Connection, study_id: int, *, now: datetime) -> None:
    """Bring all places of a study in line with its newest version; for the transaction that has written that version.

    The study must be locked (`lock_study`). Without this a study revised to fewer places would have more ratings that count than it
    asks for, and one with other questions would keep its places for answers that count no more. Raises NotFound.
    """
    places = Places(connection, Versions().now(connection, study_id), now)
    touched = select(ItemRow.id).where(ItemRow.study_id == study_id).order_by(ItemRow.id)
    rated = exists(select(RatingRow.id).where(RatingRow.item_id == ItemRow.id))
    held = exists(select(PlaceRow.place).where(PlaceRow.item_id == ItemRow.id))
    ids = list(connection.scalars(touched.where(rated | held)))
    for first in range(0, len(ids), AT_ONCE):
        for item in load_items(connection, ids[first : first + AT_ONCE]).values():
            places.settle(item)


# Statements that are run for every request are built once: building one takes as long as running it.
_ITEMS = (
    select(ItemRow.id, ItemRow.study_id, ItemRow.trace_hash, ItemRow.step, ItemRow.left_out, trace_is_there().label("present"))
    .add_columns(PlaceRow.place, PlaceRow.rater_id, PlaceRow.until)
    .outerjoin(PlaceRow, PlaceRow.item_id == ItemRow.id)
    .where(ItemRow.id.in_(bindparam("ids", expanding=True)))
    .order_by(ItemRow.id, PlaceRow.place)
)
_REVISIONS = (
    select(RatingRow.id, RatingRow.item_id, RatingRow.rater_id, RatingRow.kind, RatingRow.version_id, RatingRow.trace_hash, RatingRow.token)
    .where(RatingRow.item_id.in_(bindparam("ids", expanding=True)))
    .order_by(RatingRow.id)
)
_OF_PLACE = (PlaceRow.item_id == bindparam("of_item"), PlaceRow.place == bindparam("of_place"))
_CHANGE = update(PlaceRow).where(*_OF_PLACE).values(rater_id=bindparam("rater"), until=bindparam("end"))
_TAKE = insert(PlaceRow)
_FREE = delete(PlaceRow).where(*_OF_PLACE)


def _load(connection: Connection, ids: Sequence[int]) -> dict[int, ItemState]:
    found: dict[int, ItemState] = {}
    for row in connection.execute(_ITEMS, {"ids": ids}):
        if row.id not in found:
            found[row.id] = ItemState(row.id, row.study_id, row.trace_hash, row.step, row.left_out, bool(row.present))
        if row.place is not None:
            found[row.id].places.append(Place(row.place, row.rater_id, row.until))
    for row in connection.execute(_REVISIONS, {"ids": ids}):
        revision = Revision(row.id, RatingKind(row.kind), row.version_id, row.trace_hash, row.token)
        found[row.item_id].revisions.setdefault(row.rater_id, []).append(revision)
    return found


def _key(item: ItemState, place: Place) -> dict[str, int]:
    return {"of_item": item.id, "of_place": place.number}
