"""The door to the people: adds raters, signs them in, says what they may do, and records every change.

While no account has a password, this is one person's machine: a name is enough, and everybody may do everything. From the first password
on the store is guarded, and it stays so: an admin with a password always remains. A password, or anything made from one, never stands in
an event.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, update

from annotations.database import Database
from annotations.raters import people, throttle
from annotations.raters.accounts_file import FileAccount
from annotations.raters.following import FileChanges, follow
from annotations.raters.names import clean_name
from annotations.raters.passwords import Passwords, checked
from annotations.raters.sessions import KEPT, Sessions, end_sessions_of
from annotations.raters.values import Account, Door, Rater, Role
from annotations.rating_schema import RaterRow
from core.errors import AccountError, NotAllowed, ReadOnly, SignInRefused

MAX_PREFERENCES = 16 * 1024
_NAME_IS_NOT_ENOUGH = "A name is not enough here any more: sign in with a password."
_NOT_THE_OLD_ONE = "The old password is not right: type the one that you sign in with now."
_NO_WRITING = "With --read-only no password can be changed: leave it out at the next start."
_REFUSED = "This name and this password do not belong together: check both, or ask an admin for a new password."


def utc_now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


class RaterStore:
    """The raters, their sessions and their preferences in one database. Safe to share between threads.

    `now` tells the time. `passwords` makes and compares hashes; left out, with the parameters of the library.
    """

    def __init__(self, database: Database, *, now: Callable[[], datetime] = utc_now, passwords: Passwords | None = None) -> None:
        self.database = database
        self._now = now
        self._passwords = passwords or Passwords()
        self._guarded = False
        self._asked: datetime | None = None
        self._sessions = Sessions(database, now, self.guarded)

    # -- who there is --

    def guarded(self) -> bool:
        """True when any open account has a password: then nobody comes in without one."""
        # It never goes back, so the table is asked no more once it was true.
        if not self._guarded:
            with self.database.reading() as connection:
                self._guarded = people.is_guarded(connection)
        return self._guarded

    def rater(self, rater_id: int) -> Rater:
        """The rater with this id, open or closed, with the role in the table. Raises NotFound."""
        with self.database.reading() as connection:
            return people.rater_of(people.row(connection, rater_id))

    def by_name(self, name: str) -> Rater:
        """The rater of this name, open or closed. Raises NotFound, with the names that there are."""
        with self.database.reading() as connection:
            return people.rater_of(people.row_of(connection, name))

    def list(self) -> tuple[Account, ...]:
        """All accounts, the open ones first, then by name."""
        with self.database.reading() as connection:
            return people.accounts(connection)

    def account(self, rater_id: int) -> Account:
        """The account of a rater. Raises NotFound."""
        with self.database.reading() as connection:
            return people.accounts(connection, people.row(connection, rater_id).id)[0]

    def names_without_password(self) -> tuple[str, ...]:
        """The open raters whose name is enough, by name; none where that is not enough any more."""
        return () if self.guarded() else tuple(one.rater.name for one in self.list() if not one.guarded and one.closed is None)

    # -- changing them --

    def open_by_name(self, name: str) -> Rater:
        """The rater of this name, made where there is none, as somebody who may do everything on their own machine.

        Raises NotAllowed where names are not enough any more, and for an account that is closed; AccountError for what is no name.
        """
        name = clean_name(name)
        if self.guarded():
            raise NotAllowed(_NAME_IS_NOT_ENOUGH)
        found = self._open_row(name)
        if found is None:
            with self.database.writing() as connection:
                found = people.find(connection, name)
                number = people.add(connection, name, Role.RATER, "", self._now(), actor=name) if found is None else found.id
        else:
            number = found.id
        return Rater(number, name, Role.ADMIN)

    def add(self, name: str, role: Role, password: str, *, actor: str = "") -> Rater:
        """A new account with a password. Raises AccountError for a name that is taken, or a name or password that cannot be.

        Raises NotAllowed where the first account with a password is not an admin's.
        """
        name, hashed = clean_name(name), self._passwords.hashed(password)
        with self.database.writing() as connection:
            people.lock(connection)
            if people.find(connection, name) is not None:
                raise AccountError(f"There is an account of the name “{name}” already: give it a new password, or choose another name.")
            number = people.add(connection, name, role, hashed, self._now(), actor=actor)
            people.keep_an_admin(connection)
        self._forget()
        return Rater(number, name, role)

    def set_password(self, rater_id: int, password: str, *, actor: str = "") -> None:
        """Give a rater a new password; whoever was signed in under the name is not any more. Raises AccountError, NotFound, NotAllowed."""
        hashed = self._passwords.hashed(password)
        self._change(rater_id, actor, "password_changed", {"password": hashed}, ends_sessions=True)

    def why_no_own_password(self, rater_id: int) -> str:
        """Why somebody cannot change their own password here, in a sentence; empty where they can. Raises NotFound."""
        if self.database.read_only:
            return _NO_WRITING
        with self.database.reading() as connection:
            row = people.row(connection, rater_id)
        if not row.password:
            return f"“{row.name}” has no password: on this machine a name is enough."
        if people.FILE in row.preferences:
            return f"The password of “{row.name}” stands in the accounts file of --auth: ask whoever keeps that file to change it there."
        return ""

    def change_own_password(self, rater_id: int, old: str, new: str, *, address: str, session: str) -> None:
        """Give a rater who knows the old password a new one. Their other sessions end, and the one with the secret `session` goes on.

        A wrong old password counts as a failure to sign in from `address`. Raises NotAllowed for it, for an account without a password,
        and for one of the accounts file; TooManyAttempts; AccountError for a new password that cannot be; ReadOnly.
        """
        if why := self.why_no_own_password(rater_id):
            raise ReadOnly(why) if self.database.read_only else NotAllowed(why)
        checked(new)
        with self.database.writing() as connection:
            row = people.row(connection, rater_id)
            throttle.begin_attempt(connection, row.name, address, self._now())
        if not self._passwords.match(row.password, old):
            raise NotAllowed(_NOT_THE_OLD_ONE)
        hashed = self._passwords.hashed(new)
        with self.database.writing() as connection:
            people.lock(connection)
            now = people.row(connection, rater_id)
            # Somebody may have changed it, or closed the account, while this was computed.
            if now.password != row.password or now.closed_at is not None:
                raise NotAllowed(_NOT_THE_OLD_ONE)
            throttle.forgive(connection, row.name, address)
            people.change(connection, now, {"password": hashed}, "password_changed", row.name, self._now())
            end_sessions_of(connection, rater_id, but=session)
        self._forget()

    def set_role(self, rater_id: int, role: Role, *, actor: str = "") -> None:
        """Give a rater another role. Raises NotFound, and NotAllowed where no admin would remain."""
        self._change(rater_id, actor, "role_changed", {"role": role.value})

    def close(self, rater_id: int, *, actor: str = "") -> None:
        """Let a rater in no more; what they rated stays. Raises NotFound, and NotAllowed where no admin would remain."""
        self._change(rater_id, actor, "rater_closed", {"closed_at": self._now()}, ends_sessions=True)

    def reopen(self, rater_id: int, *, actor: str = "") -> None:
        """Let a rater in again. Raises NotFound, and NotAllowed where no admin would be there."""
        self._change(rater_id, actor, "rater_reopened", {"closed_at": None})

    def follow_file(self, accounts: Sequence[FileAccount]) -> FileChanges:
        """Bring the accounts of the accounts file into the table: see `annotations.raters.following`.

        Raises NotAllowed, with nothing changed, where no admin would remain.
        """
        with self.database.writing() as connection:
            people.lock(connection)
            changes = follow(connection, accounts, self._now())
        self._forget()
        return changes

    # -- coming in --

    def sign_in(self, name: str, password: str, address: str) -> tuple[Rater, str]:
        """Who signed in, and the secret of the new session; `address` says from where, to count failures by.

        An unknown name takes as long as a wrong password, and is refused in the same words. Raises SignInRefused, and
        TooManyAttempts after ten failures in ten minutes under this name from this address, even where the password is right.
        """
        with self.database.writing() as connection:
            throttle.begin_attempt(connection, name, address, self._now())
        with self.database.reading() as connection:
            found = people.find(connection, throttle.key_of(name))
        stored = found.password if found is not None and found.closed_at is None else ""
        if not self._passwords.match(stored, password) or found is None:
            raise SignInRefused(_REFUSED)
        renewed = self._passwords.renewed(stored, password)
        with self.database.writing() as connection:
            row = people.row(connection, found.id)
            if row.password != stored or row.closed_at is not None:
                raise SignInRefused(_REFUSED)
            if renewed != stored:
                connection.execute(update(RaterRow).where(RaterRow.id == row.id).values(password=renewed))
            throttle.forgive(connection, name, address)
            return people.rater_of(row), self._begin(connection, row.id, row.name)

    def start_session(self, rater: Rater) -> str:
        """The secret of a new session of somebody whose name was enough. Raises NotAllowed where it is enough no longer."""
        with self.database.writing() as connection:
            row = people.row(connection, rater.id)
            if row.password or row.closed_at is not None or people.is_guarded(connection):
                raise NotAllowed(_NAME_IS_NOT_ENOUGH)
            return self._begin(connection, row.id, row.name)

    def session(self, secret: str) -> Rater | None:
        """Whose session it is, or None; while nothing is guarded, as an admin."""
        return self._sessions.rater(secret)

    def door(self, secret: str | None) -> Door:
        """What a request finds that carries this secret, or none."""
        guarded = self.guarded()
        self._asked = self._now()
        return Door(guarded, self._sessions.rater(secret) if secret else None)

    def kept_door(self, secret: str | None) -> Door | None:
        """The same where it was looked up within the last few seconds, else None; asks no database, so it never waits."""
        fresh = self._asked is not None and timedelta() <= self._now() - self._asked < KEPT
        if not self._guarded and not fresh:
            return None
        known, rater = self._sessions.kept(secret) if secret else (True, None)
        return Door(self._guarded, rater) if known else None

    def sign_out(self, secret: str) -> None:
        """End a session; one that is not there is no matter."""
        self._sessions.end(secret)

    # -- what they like --

    def preferences(self, rater_id: int) -> dict[str, Any]:
        """What a rater set for themselves, such as keys; empty where nothing was. Raises NotFound."""
        with self.database.reading() as connection:
            return dict(people.row(connection, rater_id).preferences.get("document", {}))

    def save_preferences(self, rater_id: int, document: dict[str, Any]) -> None:
        """Keep a rater's preferences in place of the former ones. Raises AccountError for more than 16 KiB, or what is not JSON."""
        try:
            size = len(json.dumps(document, ensure_ascii=False, allow_nan=False).encode())
        except ValueError as error:
            raise AccountError(f"These preferences cannot be kept, because they are not JSON ({error}).") from error
        if size > MAX_PREFERENCES:
            raise AccountError(f"The preferences take {size} bytes: at most {MAX_PREFERENCES} are kept.")
        with self.database.writing() as connection:
            kept = {**people.row(connection, rater_id).preferences, "document": document}
            connection.execute(update(RaterRow).where(RaterRow.id == rater_id).values(preferences=kept))

    # -- inside --

    def _open_row(self, name: str) -> people.Row | None:
        with self.database.reading() as connection:
            found = people.find(connection, name)
        if found is not None and found.closed_at is not None:
            raise NotAllowed(f"The account “{name}” is closed: reopen it, or use another name.")
        return found

    def _begin(self, connection: Connection, rater_id: int, name: str) -> str:
        people.record(connection, "signed_in", name, {"rater": rater_id}, self._now())
        return self._sessions.begin(connection, rater_id)

    def _change(self, rater_id: int, actor: str, kind: str, values: dict[str, Any], *, ends_sessions: bool = False) -> None:
        with self.database.writing() as connection:
            people.lock(connection)
            row = people.row(connection, rater_id)
            if kind in ("rater_closed", "rater_reopened"):
                if (row.closed_at is None) == (values["closed_at"] is None):
                    return
                # Whoever closes or opens by hand decides, and not what the accounts file did before.
                values = {**values, "preferences": people.without_gone(row.preferences)}
            people.change(connection, row, values, kind, actor, self._now())
            if ends_sessions:
                end_sessions_of(connection, rater_id)
            people.keep_an_admin(connection)
        self._forget()

    def _forget(self) -> None:
        self._asked = None
        self._sessions.forget()
