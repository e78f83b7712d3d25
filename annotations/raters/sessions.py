"""Who has signed in: a secret of 256 bits in a cookie, of which the table knows only the SHA-256.

A session ends fourteen days after it was last used, and at the latest ninety days after it began. What was looked up is kept for a few
seconds, because every request asks; whatever this program changes about a person is known at once, a change by another program within
those seconds.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from annotations.database import Database
from annotations.raters.values import Rater, Role
from annotations.rating_schema import RaterRow, SessionRow

IDLE = timedelta(days=14)
LONGEST = timedelta(days=90)
_RENEWAL = timedelta(hours=1)
KEPT = timedelta(seconds=5)
_KEPT_SESSIONS = 4096


@dataclass(frozen=True, slots=True)
class _Found:
    """What the table said of a session: who it belongs to, or nobody, and when it was asked."""

    rater: Rater | None
    at: datetime


class Sessions:
    """The sessions of one database. Safe to share between threads."""

    def __init__(self, database: Database, now: Callable[[], datetime], is_guarded: Callable[[], bool]) -> None:
        self._database = database
        self._now = now
        self._is_guarded = is_guarded
        self._kept: dict[str, _Found] = {}
        self._changes = 0

    def begin(self, connection: Connection, rater_id: int) -> str:
        """The secret of a new session, inside a transaction for writing; sessions that are over are swept away."""
        now = self._now()
        connection.execute(delete(SessionRow).where(SessionRow.expires_at <= now))
        secret = secrets.token_urlsafe(32)
        row = {"secret_hash": _hash(secret), "rater_id": rater_id, "added_at": now, "expires_at": now + IDLE}
        connection.execute(insert(SessionRow).values(**row))
        return secret

    def kept(self, secret: str) -> tuple[bool, Rater | None]:
        """Whether it was looked up just now, and whose it was. Asks no database."""
        found = self._kept.get(_hash(secret))
        if found is None or not timedelta() <= self._now() - found.at < KEPT:
            return False, None
        return True, found.rater

    def rater(self, secret: str) -> Rater | None:
        """Whose session it is; None for one that is over, unknown, or of somebody who may not come in any more.

        While nobody has a password everybody may do everything, so the role is then admin.
        """
        known, rater = self.kept(secret)
        if known:
            return rater
        now, changes = self._now(), self._changes
        rater = self._look_up(_hash(secret), now)
        if len(self._kept) >= _KEPT_SESSIONS:
            self._kept.clear()
        # What was read while somebody changed it may be what it was before.
        if changes == self._changes:
            self._kept[_hash(secret)] = _Found(rater, now)
        return rater

    def end(self, secret: str) -> None:
        """End a session; one that is not there is no matter."""
        with self._database.writing() as connection:
            connection.execute(delete(SessionRow).where(SessionRow.secret_hash == _hash(secret)))
        self.forget()

    def forget(self) -> None:
        """Look everything up again: something about the people has changed."""
        self._changes += 1
        self._kept.clear()

    def _look_up(self, secret_hash: str, now: datetime) -> Rater | None:
        person = select(RaterRow.id, RaterRow.name, RaterRow.role, RaterRow.password, SessionRow.added_at, SessionRow.expires_at)
        live = (SessionRow.secret_hash == secret_hash, SessionRow.expires_at > now, RaterRow.closed_at.is_(None))
        with self._database.reading() as connection:
            row = connection.execute(person.join(SessionRow, SessionRow.rater_id == RaterRow.id).where(*live)).first()
        if row is None:
            return None
        guarded = self._is_guarded()
        if guarded and not row.password:
            # Whoever said this name on the machine when a name was enough has proved nothing.
            return None
        until = min(now + IDLE, row.added_at + LONGEST)
        if until - row.expires_at >= _RENEWAL and not self._database.read_only:
            with self._database.writing() as connection:
                connection.execute(update(SessionRow).where(SessionRow.secret_hash == secret_hash).values(expires_at=until))
        rater = Rater(row.id, row.name, Role(row.role))
        return rater if guarded else replace(rater, role=Role.ADMIN)


def end_sessions_of(connection: Connection, rater_id: int, *, but: str = "") -> None:
    """End every session of a rater, inside a transaction for writing; that of the secret `but` goes on."""
    connection.execute(delete(SessionRow).where(SessionRow.rater_id == rater_id, SessionRow.secret_hash != _hash(but)))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
