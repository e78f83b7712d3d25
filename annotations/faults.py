"""What a back end's error means, in one sentence with the mend."""

from __future__ import annotations

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from annotations.addresses import hide
from core.errors import StoreError

_FULL = "The disk that holds {name} is full: nothing was saved. Make room, or choose another --data-dir."
_NOT_WRITABLE = "{name} cannot be written: change its permissions, choose another --data-dir, or start with --read-only."
_BUSY = "{name} is being written by another program and did not become free in time: close that program, or try again."
_UNREACHABLE = "The database {name} does not answer ({reason}): start its server, or check the address, the user and the password."

_LACKS_RIGHT = "The user of {name} lacks a right there ({reason}): grant it, or choose another --database."

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
    "42501": _LACKS_RIGHT,
    "08": _UNREACHABLE,
    "28": _UNREACHABLE,
    "3D": _UNREACHABLE,
    "53": _UNREACHABLE,
    "57": _UNREACHABLE,
}
# Numbers of MySQL and MariaDB (https://mariadb.com/kb/en/mariadb-error-code-reference/); those from 2000 on are a client's.
_MYSQL = {
    **dict.fromkeys((1021, 1114), _FULL),
    **dict.fromkeys((1290, 1792, 1836), _NOT_WRITABLE),
    **dict.fromkeys((1044, 1142, 1143, 1227, 1370), _LACKS_RIGHT),
    **dict.fromkeys((0, 1040, 1045, 1049, 1053, 1129, 1130, 1152, 1203, 1226, 1698, 1927, 2002, 2003, 2005, 2006, 2013), _UNREACHABLE),
    **dict.fromkeys((1205, 1213), _BUSY),
    1153: "{name} takes no more than its max_allowed_packet at once ({reason}): raise it in the server's settings.",
    1419: "{name} lets nobody make the event log's triggers ({reason}): set log_bin_trust_function_creators = 1 on the server.",
}


def in_words(error: DBAPIError, name: str, url: URL) -> StoreError:
    """The StoreError that says what went wrong with the database of that name and address, and what mends it; no password is in it."""
    said = error.orig.args[1] if _number(error) is not None and len(error.orig.args) > 1 else error.orig  # type: ignore[union-attr]
    reason = " ".join(str(said).split("\n")[0].split()).rstrip(".")
    sentence = _known(error) or "The database {name} refused the work ({reason})."
    return StoreError(sentence.format(name=name, reason=hide(reason, url)))


def refuses_writes(error: DBAPIError) -> bool:
    """True where a connection that is for reading only was asked to write."""
    return _known(error) == _NOT_WRITABLE


def _known(error: DBAPIError) -> str | None:
    code = getattr(error.orig, "sqlite_errorname", None)
    if code is not None:
        return _SQLITE.get("_".join(str(code).split("_")[:2]))
    number = _number(error)
    if number is not None:
        return _MYSQL.get(number)
    state = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None)
    if state is None:
        # No answer from a server carries no state.
        return _UNREACHABLE if isinstance(error, (OperationalError, InterfaceError)) else None
    return _POSTGRESQL.get(state) or _POSTGRESQL.get(str(state)[:2])


def _number(error: DBAPIError) -> int | None:
    """The number of an error of MySQL or MariaDB: their drivers give it first, and no other driver gives one."""
    arguments = getattr(error.orig, "args", ())
    return arguments[0] if arguments and isinstance(arguments[0], int) else None
