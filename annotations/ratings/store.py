"""The door to ratings: gives out what is to be rated, keeps what was said, and answers for it.

Every write is one short transaction that locks the study, and is on the disk before the call returns. Ratings are only ever added.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select

from annotations.database import Database
from annotations.rating_schema import ItemRow, RaterRow, RatingRow
from annotations.ratings.checking import check_judgement, check_token, check_trace
from annotations.ratings.current import StudyNow, Versions, lock_study, row_number
from annotations.ratings.drafts import check_draft, write_draft
from annotations.ratings.kept import Facts
from annotations.ratings.memory import Memory, patience
from annotations.ratings.places import AT_ONCE, ItemState, Places
from annotations.ratings.queue import Round, ask_of, kept_for, lease_end, progress_of
from annotations.ratings.standing import OwnRatings, RatedStep, own_ratings, rated_steps, read_rating, waiting_items
from annotations.ratings.submitting import OTHERS_TOKEN, Desk, Given, Undone, no_item
from annotations.ratings.values import Acknowledged, Ask, Asked, Judgement, Progress, Rating, RatingKind, Standing
from annotations.schema import PictureRow, TraceRow
from core.errors import NotAllowed, NotFound, RatingRefused, StoreError
from core.geometry import Size

MAX_COUNT = 20
MAX_PAGE_SIZE = 500
_KEPT = 50_000
_MAX_PAGE = 10_000_000


def utc_now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


class RatingStore:
    """The ratings, leases and drafts of one database. Safe to share between threads; several processes may share a database.

    Numbers of studies, items and raters are rows. Raises NotFound for one that is not there, and ReadOnly and StoreError where nothing
    can be written. `now` is the clock of leases and ratings.
    """

    def __init__(self, database: Database, *, now: Callable[[], datetime] = utc_now, patience: Callable[[int], float] = patience) -> None:
        """`patience`: for how many seconds a study of so many items need not be looked at anew, to know which of them are full."""
        self.database = database
        self._now = now
        self._versions = Versions()
        self._memory = Memory(patience)
        # What never changes: the name of a rater, the study of an item, the picture of a trace.
        self._names: Facts[int, str] = Facts(_KEPT)
        self._studies: Facts[int, int] = Facts(_KEPT)
        self._sizes: Facts[str, Size] = Facts(_KEPT)

    def next(self, study_id: int, rater_id: int, *, count: int = 3) -> tuple[Ask, ...]:
        """Up to `count` items for the rater, with a lease on each: those that are kept for the rater first, then free ones in the
        rater's own order. None where nothing is left, or the study is closed.

        Asking again renews the leases and collects no more of them.
        """
        return self.ask(study_id, rater_id, count=count).asks

    def ask(self, study_id: int, rater_id: int, *, count: int = 3) -> Asked:
        """What `next` gives, with the study's version and the rater's progress, of one moment."""
        with self._writing(study_id) as (connection, study):
            self._name(connection, rater_id)
            memory, now = self._memory.study(study_id), self._now()
            with memory.lock:
                memory.refresh(connection, study, now)
                asks: tuple[Ask, ...] = ()
                if not study.closed:
                    asks = Round(connection, study, memory, rater_id, now).give(min(max(count, 1), MAX_COUNT))
                progress = progress_of(study, memory, memory.ledger(connection, study, rater_id))
        for ask in asks:
            self._studies.keep(ask.item, study_id)
        return Asked(asks, study.newest.version, progress)

    def hold(self, item_id: int, rater_id: int) -> Ask:
        """The ask for an item that the rater holds a lease on, which is renewed, or has rated. Raises NotAllowed otherwise."""
        with self._writing_item(item_id) as (connection, study):
            desk = self._desk(connection, study, rater_id)
            item = desk.item(item_id)
            return self._ask(connection, desk, item, rater_id, self._kept(desk, item, rater_id))

    def submit(self, item_id: int, rater_id: int, *, version_id: int, trace: str, judgement: Judgement, token: str) -> Acknowledged:
        """Keep a judgement: the first of this rater about the item, or the next revision. On the disk when this returns.

        version_id  the version of the study that the rater was shown
        trace       content hash of the trace that the rater was shown; where it is not the item's, the rating is kept, set apart
        token       made by the client, once for each rating: sent again, it is acknowledged again and writes nothing

        Raises RatingRefused for a judgement that nobody could have meant, NotAllowed for a token of another rater, and NotFound for an
        item that this rater was never asked about, as far as can be told.
        """
        check_token(token)
        check_trace(trace)
        try:
            return self._submit(item_id, rater_id, version_id, trace, judgement, token)
        except StoreError:
            # The table takes a token once. Whose it is, and for which item, is only asked when it has refused one.
            with self.database.reading() as connection:
                row = connection.execute(select(RatingRow.item_id, RatingRow.rater_id).where(RatingRow.token == token)).one_or_none()
            if row is not None and row.rater_id != rater_id:
                raise NotAllowed(OTHERS_TOKEN) from None
            if row is not None and row.item_id != item_id:
                raise _used("rating") from None
            raise

    def withdraw_last(self, study_id: int, rater_id: int, *, token: str) -> Ask:
        """Take back the last rating or skip of this rater that stands; its item is asked again, with the former answers as its draft.

        The same token again takes back nothing more, and gives the same item. Raises NotFound where there is nothing to take back.
        """
        check_token(token)
        with self._writing(study_id) as (connection, study):
            desk = self._desk(connection, study, rater_id)
            known = desk.known(token, rater_id)
            if known is None:
                undone = desk.undo(rater_id, token)
            elif known.rating.judgement.kind is RatingKind.WITHDRAWN and (item := desk.item(known.rating.item)).study == study_id:
                undone = Undone(item, self._kept(desk, item, rater_id))
            else:
                raise _used("undoing")
            ask = self._ask(connection, desk, undone.item, rater_id, undone.until)
        self._note(study, undone.item, desk.now)
        return ask

    def save_draft(self, item_id: int, rater_id: int, sequence: int, content: dict[str, Any]) -> bool:
        """Keep what the rater has begun, and renew the lease. False where a draft with this `sequence` or a higher one has come before.

        A draft that comes after its rating, from before it, is told by its sequence too. Raises RatingRefused for one that is too
        large, and NotAllowed for an item that this rater neither holds nor has rated.
        """
        check_draft(sequence, content)
        with self._writing_item(item_id) as (connection, study):
            desk = self._desk(connection, study, rater_id)
            self._kept(desk, desk.item(item_id), rater_id)
            return write_draft(connection, item_id, rater_id, sequence, content, desk.now)

    def progress(self, study_id: int, rater_id: int) -> Progress:
        """How far the rater is. What is done is exact; what is open may be some seconds old in a large study."""
        with self.database.reading() as connection:
            self._name(connection, rater_id)
            return self._progress(connection, self._versions.now(connection, study_id), rater_id, self._now())

    def mine(self, study_id: int, rater_id: int, *, page: int = 1, page_size: int = 50) -> OwnRatings:
        """One page of the rater's own ratings and skips, newest first, each with its standing; a page behind the last is empty."""
        page, page_size = min(max(page, 1), _MAX_PAGE), min(max(page_size, 1), MAX_PAGE_SIZE)
        rater_id = row_number(rater_id)
        found = self._mine(study_id, rater_id, page, page_size)
        waiting = [own.rating.item for own in found.items if own.standing is Standing.SURPLUS]
        return self._mine(study_id, rater_id, page, page_size) if self._promote(study_id, waiting) else found

    def ratings(self, study_id: int, *, under: int | None = None) -> Iterator[RatedStep]:
        """The newest revision of every rater about every item, in the order in which they came, with its standing and its step's facts.

        Skipped and withdrawn ones are among them, and say so. A few are held in memory at a time. `under`, the row of a version: the
        newest of those revisions that answer what it asks, though the rater may have answered other questions about the item since.
        """
        with self.database.reading() as connection:
            waiting = waiting_items(connection, self._versions.now(connection, study_id))
        self._promote(study_id, waiting)
        return rated_steps(self.database, self._versions, study_id, under)

    def history(self, item_id: int, rater_id: int) -> tuple[Rating, ...]:
        """Every revision of the rater about the item, the first one first; none where there is none."""
        wanted = select(RatingRow).where(RatingRow.item_id == row_number(item_id), RatingRow.rater_id == row_number(rater_id))
        with self.database.reading() as connection:
            rows = connection.execute(wanted.order_by(RatingRow.revision)).all()
            return tuple(read_rating(row, self._versions.version(connection, row.version_id).version) for row in rows)

    def forget(self) -> None:
        """Know nothing any more of what was read: after a transaction around several calls was lost (`Database.together`)."""
        self._memory.forget()

    @contextmanager
    def _writing(self, study_id: int) -> Iterator[tuple[Connection, StudyNow]]:
        with self._lost(), self.database.writing() as connection:
            lock_study(connection, study_id)
            yield connection, self._versions.now(connection, study_id)

    @contextmanager
    def _lost(self) -> Iterator[None]:
        """What was read in a transaction that is lost is forgotten: some of it may have been written in that transaction."""
        try:
            yield
        except StoreError:
            self._memory.forget()
            raise

    @contextmanager
    def _writing_item(self, item_id: int) -> Iterator[tuple[Connection, StudyNow]]:
        with self._lost(), self.database.writing() as connection:
            # An item never goes to another study, so this may be asked before the study is locked.
            study_id = self._studies.of(
                item_id, lambda: connection.scalar(select(ItemRow.study_id).where(ItemRow.id == row_number(item_id)))
            )
            if study_id is None:
                raise no_item(item_id)
            lock_study(connection, study_id)
            yield connection, self._versions.now(connection, study_id)

    def _progress(self, connection: Connection, study: StudyNow, rater_id: int, now: datetime) -> Progress:
        memory = self._memory.study(study.id)
        with memory.lock:
            memory.refresh(connection, study, now)
            ledger = memory.ledger(connection, study, rater_id)
            if memory.is_exact:
                ledger.kept = kept_for(connection, study, rater_id, now)
            return progress_of(study, memory, ledger)

    def _desk(self, connection: Connection, study: StudyNow, rater_id: int) -> Desk:
        return Desk(connection, study, self._versions, self._now(), self._name(connection, rater_id))

    def _name(self, connection: Connection, rater_id: int) -> str:
        """The rater's name, for the log. Raises NotFound where there is no such rater."""
        name = self._names.of(rater_id, lambda: connection.scalar(select(RaterRow.name).where(RaterRow.id == row_number(rater_id))))
        if name is None:
            raise NotFound(f"There is no rater with the number {rater_id!s:.20}: sign in again.")
        return name

    def _submit(self, item_id: int, rater_id: int, version_id: int, trace: str, judgement: Judgement, token: str) -> Acknowledged:
        with self._writing_item(item_id) as (connection, study):
            desk = self._desk(connection, study, rater_id)
            item = desk.item(item_id)
            known = desk.known(token, rater_id) if item.has_token(token) else None
            if known is not None and known.rating.judgement.kind is RatingKind.WITHDRAWN:
                raise _used("rating")
            if known is not None:
                progress = self._progress(connection, study, rater_id, desk.now)
                return Acknowledged(study.id, known.rating, desk.standing_of(item, known), True, progress)
            if trace != item.trace and not _has_had(desk, item, rater_id):
                # A lease that ended leaves nothing behind, but whoever was shown the item knows its trace.
                raise no_item(item_id)
            version = self._versions.version(connection, version_id)
            if version.study != study.id:
                raise RatingRefused(f"The version {version_id} belongs to another study than the item {item_id}: load the page again.")
            check_judgement(judgement, version.settings, self._sizes.of(trace, lambda: _picture_size(connection, trace)))
            kept = desk.take(item, Given(item_id, rater_id, version_id, trace, judgement, token))
            self._note(study, item, desk.now)
            progress = self._progress(connection, study, rater_id, desk.now)
            return Acknowledged(study.id, kept.rating, desk.standing_of(item, kept), False, progress)

    def _kept(self, desk: Desk, item: ItemState, rater_id: int) -> datetime:
        """Until when the item is kept for a rater who holds it, has begun it, or has rated it. Raises NotAllowed for anybody else."""
        revisions, own = item.revisions.get(rater_id), item.place_of(rater_id)
        if own is not None and own.until is None:
            # A rating that counts needs no lease.
            return lease_end(desk.study, desk.now)
        if not _has_had(desk, item, rater_id):
            raise NotAllowed("This step is not kept for you any more: ask for the next one.")
        if own is None and revisions and revisions[-1].kind is not RatingKind.WITHDRAWN:
            return desk.now
        return desk.keep(item, rater_id)

    def _ask(self, connection: Connection, desk: Desk, item: ItemState, rater_id: int, until: datetime) -> Ask:
        memory = self._memory.study(desk.study.id)
        with memory.lock:
            memory.refresh(connection, desk.study, desk.now)
            return ask_of(connection, desk.study, memory.order(desk.study, rater_id), item, rater_id, until)

    def _mine(self, study_id: int, rater_id: int, page: int, page_size: int) -> OwnRatings:
        with self.database.reading() as connection:
            return own_ratings(connection, self._versions.now(connection, study_id), rater_id, page, page_size)

    def _promote(self, study_id: int, items: Sequence[int]) -> bool:
        """Give places to ratings that wait, where a lease has ended since; True where anything was looked at."""
        if not items or self.database.read_only:
            return False
        for first in range(0, len(items), AT_ONCE):
            with self._writing(study_id) as (connection, study):
                places = Places(connection, study, self._now())
                for item in places.load(items[first : first + AT_ONCE]).values():
                    places.promote(item)
        return True

    def _note(self, study: StudyNow, item: ItemState, now: datetime) -> None:
        memory = self._memory.study(study.id)
        with memory.lock:
            memory.note(item.id, item.free(study.places, now))


def _used(what: str) -> RatingRefused:
    return RatingRefused(f"This token has been used for something else: make a new one for every {what}.")


def _has_had(desk: Desk, item: ItemState, rater_id: int) -> bool:
    """Whether anything tells that the rater was asked about the item: a place, a rating or a draft."""
    return item.place_of(rater_id) is not None or bool(item.revisions.get(rater_id)) or desk.has_draft(item, rater_id)


def _picture_size(connection: Connection, trace: str) -> Size | None:
    """The upright size of the picture that a trace speaks of; None where the trace is gone."""
    found = select(PictureRow.width, PictureRow.height).join(TraceRow, TraceRow.picture_id == PictureRow.id)
    row = connection.execute(found.where(TraceRow.content_hash == trace).limit(1)).one_or_none()
    return None if row is None else Size(row.width, row.height)
