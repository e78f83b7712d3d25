"""Opens a database, holds it to its settings, and gives out transactions.

This file knows connections and transactions; it knows no table. SQLite is the default: write-ahead log, every commit synced to the disk,
foreign keys on, each asserted on every connection. PostgreSQL is the choice for many people at once; what is told to it, and to any
other server, is in `annotations.servers`.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from annotations.addresses import name_of, parse_address
from annotations.columns import is_known as is_known_dialect
from annotations.faults import in_words, refuses_writes
from annotations.migrations import HEAD_REVISION, current_revision, is_known, upgrade
from core.errors import DatabaseTooNew, ReadOnly, StoreError

# How long a connection waits for another process's write before it gives up, in milliseconds.
BUSY_TIMEOUT = 10_000
# Page cache of one connection, in KiB: eight connections stay far below the memory that the whole program may use.
CACHE_KIB = 8_192


class Database:
    """An open database at the head revision. Made by `open_database`; close it when done."""

    def __init__(self, engine: Engine, name: str, *, read_only: bool) -> None:
        self.engine = engine
        self.name = name
        self.read_only = read_only
        self._reading: dict[str, Any] = {}
        self._writing: dict[str, Any] = {"writing": True}
        self._writer = threading.Lock()
        self._joined = threading.local()

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @property
    def takes_back_parts(self) -> bool:
        """Whether a part of a transaction can be taken back alone, so that several writes may share one (`together`)."""
        return is_known_dialect(self.engine.dialect)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection in a transaction that sees one state of the database and is rolled back at the end.

        Inside `together` it is that block's connection. Raises StoreError where the database does not answer.
        """
        joined = self._joint
        if joined is not None:
            with self.in_words():
                yield joined
            return
        with self.in_words(), self.engine.connect().execution_options(**self._reading) as connection, connection.begin() as transaction:
            yield connection
            transaction.rollback()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection in a write transaction: committed, and durable, when the block ends; rolled back when it raises.

        One writer at a time in this process. Keep the block short. Inside `together` it is durable when that block ends. Raises
        ReadOnly where the database was opened for reading, and StoreError where it cannot be written.
        """
        if self.read_only:
            raise self._for_reading_only()
        joined = self._joint
        if joined is not None:
            with self.in_words(), joined.begin_nested():
                yield joined
            return
        options = self._writing
        with self.in_words(), self._writer, self.engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection

    @contextmanager
    def together(self) -> Iterator[None]:
        """Everything that this thread writes inside the block is one transaction, and durable when the block ends, or lost when it raises.

        Each write keeps its bounds: one that raises is taken back alone, and the block may go on with the next. For a database file:
        to sync a commit to the disk takes longer than most writes, so those that wait for each other anyway share one. Not every other
        back end has bounds within a transaction. Raises what `writing` raises.
        """
        with self.writing() as connection:
            self._joined.connection = connection
            try:
                yield
            finally:
                self._joined.connection = None

    @property
    def _joint(self) -> Connection | None:
        joined: Connection | None = getattr(self._joined, "connection", None)
        return joined

    def meet(self) -> None:
        """Connect to a server for the first time, and see what it offers. Raises StoreError where it does not answer."""
        from annotations.servers import meet, writing_options

        with self.in_words():
            self._reading = meet(self.engine, self.name)
            self._writing |= writing_options(self.engine)

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()

    def _for_reading_only(self) -> ReadOnly:
        return ReadOnly("The database was opened for reading only: start without --read-only to change it.")

    @contextmanager
    def in_words(self) -> Iterator[None]:
        """Whatever the back end refuses inside this block is raised as a StoreError, or ReadOnly, with the mend."""
        try:
            yield
        except DBAPIError as error:
            if self.read_only and refuses_writes(error):
                raise self._for_reading_only() from error
            raise in_words(error, self.name, self.engine.url) from error
        except PoolTimeout as error:
            raise StoreError(f"All connections to {self.name} are in use: try again in a moment.") from error


def open_database(url: str, *, read_only: bool = False) -> Database:
    """The database at an SQLAlchemy URL, brought to the head revision; a missing SQLite file is made.

    `postgresql://` means the psycopg driver, `mysql://` and `mariadb://` mean pymysql. With `read_only` nothing is made, migrated or
    written. Raises DatabaseTooNew for a database of a later version of the program, and StoreError, with the mend, for everything
    else that stands in the way.
    """
    parsed = parse_address(url)
    name = name_of(parsed)
    if parsed.drivername in ("sqlite", "sqlite+pysqlite"):
        database = Database(_sqlite_engine(parsed, name, read_only), name, read_only=read_only)
    else:
        # Loaded for a server only: SQLite starts without it.
        from annotations.servers import server_engine

        database = Database(server_engine(parsed, read_only), name, read_only=read_only)
    with ExitStack() as unless_opened:
        unless_opened.callback(database.close)
        if not database.is_sqlite:
            database.meet()
        _bring_to_head(database)
        unless_opened.pop_all()
    return database


def sqlite_url(path: Path) -> str:
    """The URL of a SQLite file; a question mark or a per cent sign in its path stays one."""
    return URL.create("sqlite", database=str(path)).render_as_string()


def _bring_to_head(database: Database) -> None:
    with database.reading() as connection:
        revision = current_revision(connection)
    if revision == HEAD_REVISION:
        return
    if revision is not None and not is_known(revision):
        raise DatabaseTooNew(
            f"The database at {database.name} was written by a later version of Saccade (revision {revision}); "
            "update the program or choose another --data-dir."
        )
    if database.read_only:
        age = (
            "holds no tables of Saccade yet" if revision is None else f"was written by an earlier version of Saccade (revision {revision})"
        )
        raise StoreError(f"The database at {database.name} {age}: start once without --read-only.")
    if database.is_sqlite:
        with database.writing() as connection:
            # Another program may have been faster while this one waited for its turn.
            if current_revision(connection) != HEAD_REVISION:
                upgrade(connection)
    else:
        from annotations.servers import bring_to_head

        with database.in_words():
            bring_to_head(database.engine, database.writing, database.name, HEAD_REVISION)


def _sqlite_engine(url: URL, name: str, read_only: bool) -> Engine:
    path = Path(name)
    if read_only and not path.is_file():
        raise StoreError(f"There is no database at {name} to read: start once without --read-only, or choose another --data-dir.")
    if not path.parent.is_dir():
        raise StoreError(f"The folder {path.parent} does not exist: create it, or choose another --data-dir.")
    engine = create_engine(url, pool_size=8, max_overflow=32, **({"creator": _reader(path)} if read_only else {}))

    @event.listens_for(engine, "connect")
    def settle(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        # This program says BEGIN itself; the driver would begin late, and never for a read.
        connection.isolation_level = None
        for pragma, value in _pragmas(read_only):
            require_pragma(connection, name, pragma, value)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that reads first and writes later can fail in the middle; one that asks for the lock at once waits its turn.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writing") else "BEGIN")

    return engine


def _reader(path: Path) -> Callable[[], sqlite3.Connection]:
    """Opens a file so that no write is possible, also from a folder that forbids the two files that its log needs beside it."""
    address = f"file:{quote(str(path.resolve()))}?mode=ro"
    log = path.with_name(path.name + "-wal")

    def connect() -> sqlite3.Connection:
        try:
            return _answering(address)
        except sqlite3.OperationalError:
            # Without a log there is no writer, so the file may be read as it lies there.
            if log.exists() and log.stat().st_size:
                raise
            return _answering(address + "&immutable=1")

    return connect


def _answering(address: str) -> sqlite3.Connection:
    connection = sqlite3.connect(address, uri=True, check_same_thread=False)
    with ExitStack() as unless_answered:
        unless_answered.callback(connection.close)
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
        unless_answered.pop_all()
    return connection


def _pragmas(read_only: bool) -> tuple[tuple[str, str | int], ...]:
    shared: tuple[tuple[str, str | int], ...] = (("busy_timeout", BUSY_TIMEOUT), ("foreign_keys", 1), ("cache_size", -CACHE_KIB))
    # synchronous 2 is FULL: a commit is on the disk before it is acknowledged, through a loss of power too.
    return (*shared, ("query_only", 1)) if read_only else (*shared, ("journal_mode", "wal"), ("synchronous", 2))


def require_pragma(connection: DBAPIConnection, name: str, pragma: str, value: str | int) -> None:
    """Set a pragma on a SQLite connection. Raises StoreError where SQLite, asked again, says something else."""
    cursor = connection.cursor()
    try:
        cursor.execute(f"PRAGMA {pragma} = {value}")
        cursor.execute(f"PRAGMA {pragma}")
        row = cursor.fetchone()
    finally:
        cursor.close()
    if row is None or row[0] != value:
        found = None if row is None else row[0]
        raise StoreError(f"SQLite did not take {pragma} = {value} for {name} (it says {found}): keep the data on a local disk.")
