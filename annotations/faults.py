"""What a back end's error means, in one sentence with the mend."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError

from core.errors import StoreError

_FULL = "The disk that holds {name} is full: nothing was saved. Make room, or choose another --data-dir."
_NOT_WRITABLE = "{name} cannot be written: change its permissions, choose another --data-dir, or start with --read-only."
_BUSY = "{name} is being written by another program and did not become free in time: close that program, or try again."
_UNREACHABLE = "The database {name} does not answer ({reason}): start its server, or check the address, the user and the password."

# Names of SQLite's result codes, without their extension (https://www.sqlite.org/rescode.html).
_SQLITE = {
    "SQLITE_FULL": _FULL,
    "SQLITE_READONLY": _NOT_WRITABLE,
    "SQLITE_PERM": _NOT_WRITABLE,
    "SQLITE_CANTOPEN": "{name} cannot be opened or made: check that its folder exists and may be written, or choose another --data-dir.",
    "SQLITE_NOTADB": "{name} is not a database: move that file away, or choose another --data-dir.",
    "SQLITE_CORRUPT": "The database {name} is damaged ({reason}): restore it from a backup.",
    "SQLITE_BUSY": _BUSY,
    "SQLITE_LOCKED": _BUSY,
    "SQLITE_IOERR": "The disk that holds {name} reports an error ({reason}): check the disk, then try again.",
}
# Classes and codes of SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html).
_POSTGRESQL = {
    "53100": _FULL,
    "25006": _NOT_WRITABLE,
    "42501": "The user of {name} lacks a right there ({reason}): grant it, or choose another --database.",
    "08": _UNREACHABLE,
    "28": _UNREACHABLE,
    "3D": _UNREACHABLE,
    "53": _UNREACHABLE,
    "57": _UNREACHABLE,
}


def in_words(error: DBAPIError, name: str) -> StoreError:
    """The StoreError that says what went wrong with the database of that name, and what mends it."""
    reason = " ".join(str(error.orig).split("\n")[0].split()).rstrip(".")
    sentence = _known(error) or "The database {name} refused the work ({reason})."
    return StoreError(sentence.format(name=name, reason=reason))


def refuses_writes(error: DBAPIError) -> bool:
    """True where a connection that is for reading only was asked to write."""
    return _known(error) == _NOT_WRITABLE


def _known(error: DBAPIError) -> str | None:
    code = getattr(error.orig, "sqlite_errorname", None)
    if code is not None:
        return _SQLITE.get("_".join(str(code).split("_")[:2]))
    state = getattr(error.orig, "sqlstate", None)
    if state is None:
        # No answer from a server carries no state.
        return _UNREACHABLE
    return _POSTGRESQL.get(state) or _POSTGRESQL.get(str(state)[:2])
