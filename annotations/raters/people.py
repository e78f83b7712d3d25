"""The rows of the raters: found, added, changed, each change with its event, inside a transaction that somebody else began."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol, cast

from sqlalchemy import Connection, and_, exists, func, insert, select, update

from annotations.columns import is_known
from annotations.raters.sessions import IDLE
from annotations.raters.values import Account, Rater, Role
from annotations.rating_schema import RaterRow, RatingRow, SessionRow
from annotations.ratings.values import RatingKind
from annotations.schema import EventRow
from core.errors import NotAllowed, NotFound

# In the preferences' column, beside the person's own `document`: the digest of the hash that the accounts file had for this account,
# and whether it was closed because it had gone from the file.
FILE = "file"
GONE = "gone"


class Row(Protocol):
    """A row of the table of raters, as it is read."""

    id: int
    name: str
    role: str
    password: str
    preferences: dict[str, Any]
    added_at: datetime
    closed_at: datetime | None


_COLUMNS = (
    RaterRow.id,
    RaterRow.name,
    RaterRow.role,
    RaterRow.password,
    RaterRow.preferences,
    RaterRow.added_at,
    RaterRow.closed_at,
)
_OPEN_WITH_PASSWORD = and_(RaterRow.closed_at.is_(None), RaterRow.password != "")


def rater_of(row: Row) -> Rater:
    """The value of a row."""
    return Rater(row.id, row.name, Role(row.role))


def find(connection: Connection, name: str) -> Row | None:
    """The row of a name, written exactly so, or None."""
    return cast("Row | None", connection.execute(select(*_COLUMNS).where(RaterRow.name == name)).first())


def row(connection: Connection, rater_id: int) -> Row:
    """The row of an id. Raises NotFound."""
    found = connection.execute(select(*_COLUMNS).where(RaterRow.id == rater_id)).first()
    if found is None:
        raise NotFound(f"There is no rater with the number {rater_id}.")
    return cast(Row, found)


def row_of(connection: Connection, name: str) -> Row:
    """The row of a name. Raises NotFound, with the names that there are."""
    found = find(connection, name)
    if found is None:
        names = connection.scalars(select(RaterRow.name).order_by(RaterRow.name)).all()
        there = f"there are {', '.join(f'“{one}”' for one in names)}" if names else "there is none yet"
        raise NotFound(f"There is no rater of the name “{name}”: {there}.")
    return found


def rows(connection: Connection) -> tuple[Row, ...]:
    """All rows, in the order in which they came."""
    return tuple(cast(Row, one) for one in connection.execute(select(*_COLUMNS).order_by(RaterRow.id)).all())


def lock(connection: Connection) -> None:
    """Let nobody else change a rater until the transaction ends, so that the last admin cannot go from two sides at once."""
    # SQLite has waited for its turn already. An update that changes nothing locks the rows where FOR UPDATE is not known.
    if is_known(connection.dialect):
        connection.execute(select(RaterRow.id).order_by(RaterRow.id).with_for_update()).all()
    else:
        connection.execute(update(RaterRow).values(role=RaterRow.role))


def is_guarded(connection: Connection) -> bool:
    """Whether any open account has a password."""
    return connection.execute(select(RaterRow.id).where(_OPEN_WITH_PASSWORD).limit(1)).first() is not None


def keep_an_admin(connection: Connection) -> None:
    """Raises NotAllowed where, after a change in this transaction, accounts have passwords and none of the open ones is an admin's."""
    any_password = connection.execute(select(RaterRow.id).where(RaterRow.password != "").limit(1)).first()
    admins = select(RaterRow.id).where(_OPEN_WITH_PASSWORD, RaterRow.role == Role.ADMIN.value).limit(1)
    if any_password is not None and connection.execute(admins).first() is None:
        raise NotAllowed(
            "After this, no open account with a password would be an admin's, and nobody could let others in: see to another admin first."
        )


def record(connection: Connection, kind: str, actor: str, payload: dict[str, Any], now: datetime) -> None:
    """Add a line to the event log."""
    connection.execute(insert(EventRow).values(at=now, kind=kind, actor=actor, payload=payload))


def add(connection: Connection, name: str, role: Role, password: str, now: datetime, *, actor: str, file: str = "") -> int:
    """The id of a new rater, recorded. `password`: a hash, or nothing; `file`: the digest of the hash in the accounts file."""
    values = {"name": name, "role": role.value, "password": password, "preferences": {FILE: file} if file else {}, "added_at": now}
    result = connection.execute(insert(RaterRow).values(**values, closed_at=None))
    number = int(result.inserted_primary_key[0]) if result.inserted_primary_key else row_of(connection, name).id
    payload = {"rater": number, "name": name, "role": role.value, "password": bool(password)}
    record(connection, "rater_added", actor, payload, now)
    return number


def change(connection: Connection, found: Row, values: dict[str, Any], kind: str, actor: str, now: datetime) -> None:
    """Change a rater's row, and record it: of a role the old and the new one, of a password only that there is another."""
    connection.execute(update(RaterRow).where(RaterRow.id == found.id).values(**values))
    payload: dict[str, Any] = {"rater": found.id, "name": found.name}
    if "role" in values:
        payload |= {"old": found.role, "new": values["role"]}
    record(connection, kind, actor, payload, now)


def without_gone(preferences: dict[str, Any]) -> dict[str, Any]:
    """The preferences' column without the mark that the accounts file had closed the account."""
    return {name: value for name, value in preferences.items() if name != GONE}


def accounts(connection: Connection, rater_id: int | None = None) -> tuple[Account, ...]:
    """All accounts, or one: the open ones first, then by name."""
    wanted = select(*_COLUMNS) if rater_id is None else select(*_COLUMNS).where(RaterRow.id == rater_id)
    found = [cast(Row, one) for one in connection.execute(wanted).all()]
    counts, seen = _ratings(connection), _seen(connection)
    made = (_account(one, counts.get(one.id, 0), seen.get(one.id)) for one in found)
    return tuple(sorted(made, key=lambda one: (one.closed is not None, one.rater.name.casefold(), one.rater.id)))


def _account(found: Row, ratings: int, seen: datetime | None) -> Account:
    from_file = FILE in found.preferences
    return Account(rater_of(found), bool(found.password), from_file, ratings, found.added_at, seen, found.closed_at)


def _ratings(connection: Connection) -> dict[int, int]:
    """How many steps each rater has rated, as their newest revision says."""
    later = RatingRow.__table__.alias("later")
    same = and_(later.c.item_id == RatingRow.item_id, later.c.rater_id == RatingRow.rater_id, later.c.revision > RatingRow.revision)
    newest = select(RatingRow.rater_id, func.count().label("steps")).where(RatingRow.kind == RatingKind.RATED.value, ~exists().where(same))
    return {row.rater_id: row.steps for row in connection.execute(newest.group_by(RatingRow.rater_id)).all()}


def _seen(connection: Connection) -> dict[int, datetime]:
    """When each rater was last there: signed in, came back with a session (to the hour), or rated."""
    signed_in = select(RaterRow.id, func.max(EventRow.at)).join(EventRow, EventRow.actor == RaterRow.name)
    came_back = select(SessionRow.rater_id, func.max(SessionRow.expires_at)).group_by(SessionRow.rater_id)
    rated = select(RatingRow.rater_id, func.max(RatingRow.at)).group_by(RatingRow.rater_id)
    times = [(number, at) for number, at in connection.execute(signed_in.where(EventRow.kind == "signed_in").group_by(RaterRow.id)).all()]
    times += [(number, until - IDLE) for number, until in connection.execute(came_back).all()]
    times += [(number, at) for number, at in connection.execute(rated).all()]
    last: dict[int, datetime] = {}
    for number, at in times:
        last[number] = max(at, last.get(number, at))
    return last
