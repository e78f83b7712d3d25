"""The table of raters follows the accounts file: who is in it may come in as it says, who has gone from it may not.

The file has the last word on roles and passwords of its own accounts. It does not open what was closed by hand: somebody who was shut
out must not come back because a file was forgotten.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, update

from annotations.raters import people
from annotations.raters.accounts_file import FileAccount
from annotations.raters.sessions import end_sessions_of
from annotations.rating_schema import RaterRow

ACTOR = "accounts file"


@dataclass(frozen=True, slots=True)
class FileChanges:
    """What a file changed, by name. `left_closed`: in the file, and yet closed, because that was done by hand."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    reopened: tuple[str, ...] = ()
    left_closed: tuple[str, ...] = ()


def follow(connection: Connection, accounts: Sequence[FileAccount], now: datetime) -> FileChanges:
    """Make the table say what the file says, inside a transaction for writing. Raises NotAllowed where no admin would remain."""
    there = {row.name: row for row in people.rows(connection)}
    said: dict[str, list[str]] = {name: [] for name in ("added", "changed", "closed", "reopened", "left_closed")}
    for account in accounts:
        found = there.get(account.name)
        if found is None:
            people.add(connection, account.name, account.role, account.password, now, actor=ACTOR, file=_digest(account.password))
            said["added"].append(account.name)
            continue
        if _bring_in_line(connection, found, account, now):
            said["changed"].append(account.name)
        if found.closed_at is not None:
            gone = bool(found.preferences.get(people.GONE))
            if gone:
                people.change(connection, found, {"closed_at": None}, "rater_reopened", ACTOR, now)
            said["reopened" if gone else "left_closed"].append(account.name)
    said["closed"] = _close_who_is_gone(connection, [*there.values()], {account.name for account in accounts}, now)
    people.keep_an_admin(connection)
    return FileChanges(**{name: tuple(names) for name, names in said.items()})


def _bring_in_line(connection: Connection, found: people.Row, account: FileAccount, now: datetime) -> bool:
    """Give a row the role and the password of its line; whether anything was another before."""
    digest = _digest(account.password)
    # The hash in the table may have been made anew since: the file is asked whether its own has changed.
    other_password = found.preferences.get(people.FILE) != digest
    if found.role != account.role.value:
        people.change(connection, found, {"role": account.role.value}, "role_changed", ACTOR, now)
    if other_password:
        people.change(connection, found, {"password": account.password}, "password_changed", ACTOR, now)
        end_sessions_of(connection, found.id)
    kept: dict[str, Any] = {**people.without_gone(found.preferences), people.FILE: digest}
    if kept != found.preferences:
        connection.execute(update(RaterRow).where(RaterRow.id == found.id).values(preferences=kept))
    return other_password or found.role != account.role.value


def _close_who_is_gone(connection: Connection, rows: Sequence[people.Row], named: set[str], now: datetime) -> list[str]:
    closed = []
    for row in rows:
        if people.FILE in row.preferences and row.name not in named and row.closed_at is None:
            values = {"closed_at": now, "preferences": {**row.preferences, people.GONE: True}}
            people.change(connection, row, values, "rater_closed", ACTOR, now)
            end_sessions_of(connection, row.id)
            closed.append(row.name)
    return closed


def _digest(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()
