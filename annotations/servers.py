"""Connections to database servers, and what each session there is held to.

PostgreSQL, MySQL and MariaDB are known by their ways. Any other back end is used as SQL's standard has it: what this program needs is tried
out on it before a table is made, and what a server would refuse by itself elsewhere is refused here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, InvalidRequestError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry

from annotations.addresses import hide, name_of, without_dialect, without_driver
from annotations.columns import is_known, is_mysql
from annotations.faults import in_words
from annotations.migrations import broke_off, clear, current_revision, upgrade
from core.errors import ReadOnly, StoreError

# Two programs that open one new database at once take turns on this advisory lock ("saccade" in ASCII).
MIGRATION_LOCK = 0x73616363616465
# Seconds that one of them waits on MySQL and MariaDB; PostgreSQL waits as long as it takes.
MIGRATION_WAIT = 600
_CHANGES = re.compile(r"\s*(insert|update|delete|merge|replace|create|drop|alter|truncate)\b", re.IGNORECASE)
_CHANGES_LOGS = re.compile(
    r"\s*(update|delete(\s+from)?|truncate(\s+table)?|(merge|replace)\s+into)\s+[\"`\[]?(?P<table>events|ratings)\b", re.IGNORECASE
)
_APPEND_ONLY = {
    "events": "The event log is append-only: its lines cannot be changed.",
    "ratings": "Ratings are append-only: add a revision.",
}


def server_engine(url: URL, read_only: bool) -> Engine:
    """An engine for any back end but SQLite, and the settings of each session. Nothing is connected yet, but the driver is loaded.

    Raises StoreError where the dialect or the driver is missing, or is of the kind that only asynchronous programs can use.
    """
    name = name_of(url)
    try:
        # MySQL's drivers differ in what they speak unless told.
        query = {"charset": "utf8mb4", **url.query} if url.drivername in ("mysql+mysqldb", "mariadb+mysqldb") else url.query
        engine = create_engine(url.set(query=query), pool_size=8, max_overflow=32, pool_pre_ping=True)
    except NoSuchModuleError as error:
        raise without_dialect(name) from error
    except ImportError as error:
        raise without_driver(name, error) from error
    except (ArgumentError, TypeError, ValueError) as error:
        raise _not_taken(name, url, error) from error
    if engine.dialect.is_async:
        raise StoreError(f"The driver {engine.dialect.driver} of {name} is for asynchronous programs: name another one in the address.")
    for statement in _settings(engine, read_only):
        _say_first(engine, statement)
    if engine.dialect.name != "postgresql":
        _guard_logs(engine)
    if read_only and not is_known(engine.dialect):
        _guard_everything(engine)
    return engine


def meet(engine: Engine, name: str) -> dict[str, Any]:
    """Connect once; what a reading transaction asks for, so that it sees one state of the data, comes back.

    Raises StoreError for an address with settings that its driver does not take, and DBAPIError where nobody answers.
    """
    try:
        with engine.connect() as connection:
            raw = connection.connection.dbapi_connection
            try:
                levels = engine.dialect.get_isolation_level_values(raw) if raw is not None else ()
            except NotImplementedError:
                levels = ()
    except (ArgumentError, InvalidRequestError, TypeError, ValueError, ImportError) as error:
        raise _not_taken(name, engine.url, error) from error
    level = next((level for level in ("REPEATABLE READ", "SERIALIZABLE") if level in levels), None)
    return {} if level is None else {"isolation_level": level}


def writing_options(engine: Engine) -> dict[str, Any]:
    """What a writing transaction asks for: each statement after the lock sees what others wrote before it."""
    return {"isolation_level": "READ COMMITTED"} if is_mysql(engine.dialect) else {}


def bring_to_head(engine: Engine, writing: Callable[[], AbstractContextManager[Connection]], name: str, head: str) -> None:
    """Run all pending migrations; of several programs that come at once, one does it. Raises StoreError where they break off."""
    if not is_known(engine.dialect):
        _look_before(writing, name)
    with _only_one(engine), writing() as connection:
        if engine.dialect.name == "postgresql":
            # Given back with the transaction.
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
        before = current_revision(connection)
        # Another program may have been faster while this one waited for its turn.
        if before == head:
            return
        if is_mysql(engine.dialect) and broke_off(connection):
            clear(connection)
        try:
            upgrade(connection)
        except DBAPIError as error:
            if before is None or engine.dialect.name == "postgresql":
                raise
            said = f"It was being brought from revision {before} to {head} and cannot take back half of a change: restore it from a backup."
            raise StoreError(f"{in_words(error, name, engine.url)} {said}") from error


def _look_before(writing: Callable[[], AbstractContextManager[Connection]], name: str) -> None:
    with writing() as connection:
        revision, unfinished = current_revision(connection), broke_off(connection)
    if unfinished:
        raise StoreError(f"A first start broke off and left half of the tables in {name}: drop them all, or choose another --database.")
    if revision is None:
        from annotations.trials import try_out

        try_out(writing, name)


@contextmanager
def _only_one(engine: Engine) -> Iterator[None]:
    """Holds the place of the only program that migrates, on MySQL and MariaDB: beyond the transaction, which ends at every new table."""
    if not is_mysql(engine.dialect):
        yield
        return
    lock = {"name": f"saccade {MIGRATION_LOCK:x}", "wait": MIGRATION_WAIT}
    with engine.connect() as connection:
        if connection.scalar(text("SELECT GET_LOCK(:name, :wait)"), lock) != 1:
            raise StoreError("Another program is bringing this database up to date and does not come to an end: look after it first.")
        try:
            yield
        finally:
            # Ending the session gives the lock back too, and needs no answer.
            connection.invalidate()


def _not_taken(name: str, url: URL, error: Exception) -> StoreError:
    reason = hide(" ".join(str(error).split()), url)
    return StoreError(f"The address {name} is not one that its driver takes ({reason}): check what stands in it.")


def _settings(engine: Engine, read_only: bool) -> tuple[str, ...]:
    if engine.dialect.name == "postgresql":
        reading = "on" if read_only else "off"
        return ("SET timezone TO 'UTC'", "SET synchronous_commit TO on", f"SET default_transaction_read_only TO {reading}")
    if is_mysql(engine.dialect):
        return (
            "SET SESSION time_zone = '+00:00'",
            # A value that does not fit is an error, and never cut.
            "SET SESSION sql_mode = CONCAT_WS(',', NULLIF(@@sql_mode, ''), 'STRICT_ALL_TABLES')",
            "SET SESSION foreign_key_checks = 1",
            f"SET SESSION TRANSACTION {'READ ONLY' if read_only else 'READ WRITE'}",
        )
    return ()


def _say_first(engine: Engine, statement: str) -> None:
    @event.listens_for(engine, "connect")
    def say(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        try:
            cursor.execute(statement)
        finally:
            cursor.close()
        connection.commit()


def _guard_logs(engine: Engine) -> None:
    """MySQL's triggers do not see a TRUNCATE, and of other back ends no trigger is known."""

    @event.listens_for(engine, "before_cursor_execute")
    def refuse(connection: Connection, cursor: object, statement: str, *_: object) -> None:
        if found := _CHANGES_LOGS.match(statement):
            raise StoreError(_APPEND_ONLY[found["table"].lower()])


def _guard_everything(engine: Engine) -> None:
    @event.listens_for(engine, "before_cursor_execute")
    def refuse(connection: Connection, cursor: object, statement: str, *_: object) -> None:
        if _CHANGES.match(statement):
            raise ReadOnly("The database was opened for reading only: start without --read-only to change it.")
