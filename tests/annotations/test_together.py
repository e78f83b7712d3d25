"""Several writes to a database file as one transaction, each of which keeps its bounds."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from annotations.database import Database, open_database, sqlite_url
from annotations.schema import EventRow
from core.errors import NotFound, ReadOnly


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(sqlite_url(tmp_path / "together.sqlite3"))
    yield opened
    opened.close()


def write(database: Database, kind: str, *, then: Exception | None = None) -> None:
    with database.writing() as connection:
        connection.execute(insert(EventRow).values(at=datetime.now(UTC), kind=kind, actor="", payload={}))
        if then:
            raise then


def kinds(database: Database) -> list[str]:
    with database.reading() as connection:
        return list(connection.scalars(select(EventRow.kind).order_by(EventRow.id)))


def kinds_elsewhere(database: Database) -> list[str]:
    """What another thread sees."""
    seen: list[list[str]] = []
    thread = threading.Thread(target=lambda: seen.append(kinds(database)))
    thread.start()
    thread.join()
    return seen[0]


def test_what_is_written_together_is_seen_by_others_when_all_of_it_is_there(database: Database) -> None:
    with database.together():
        write(database, "first")
        assert kinds(database) == ["first"]
        assert kinds_elsewhere(database) == []
        write(database, "second")
    assert kinds(database) == kinds_elsewhere(database) == ["first", "second"]


def test_a_write_that_raises_is_taken_back_alone(database: Database) -> None:
    with database.together():
        write(database, "before")
        with pytest.raises(NotFound):
            write(database, "lost", then=NotFound("It is not there."))
        write(database, "behind")
    assert kinds(database) == ["before", "behind"]


def test_a_block_that_raises_leaves_nothing_and_the_next_write_stands_alone(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.together():
        write(database, "lost")
        raise ZeroDivisionError
    assert kinds(database) == []
    write(database, "alone")
    assert kinds_elsewhere(database) == ["alone"]


def test_nothing_is_written_together_into_what_is_only_read(database: Database, tmp_path: Path) -> None:
    reading = open_database(sqlite_url(tmp_path / "together.sqlite3"), read_only=True)
    with pytest.raises(ReadOnly), reading.together():
        pass
    assert kinds(reading) == []
    reading.close()
