"""Work in line: each caller gets what became of its own work, however many share a transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, insert, select

from annotations.database import Database, open_database, sqlite_url
from annotations.schema import EventRow
from app.lanes import Lanes
from core.errors import NotFound, ReadOnly, StoreError
from tests.app.own_loop import in_own_loop


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(sqlite_url(tmp_path / "lanes.sqlite3"))
    yield opened
    opened.close()


@pytest.fixture
def lost() -> list[bool]:
    """Once for each time that a transaction of several works was lost."""
    return []


@pytest.fixture
def lanes(database: Database, lost: list[bool]) -> Lanes:
    return Lanes(database, lambda: lost.append(True))


def writer(database: Database, kind: str, *, then: Exception | None = None) -> Callable[[], str]:
    """A work that writes a line, and gives its name back or raises."""

    def work() -> str:
        with database.writing() as connection:
            connection.execute(insert(EventRow).values(at=datetime.now(UTC), kind=kind, actor="", payload={}))
            if then:
                raise then
        return kind

    return work


def kinds(database: Database) -> list[str]:
    with database.reading() as connection:
        return list(connection.scalars(select(EventRow.kind).order_by(EventRow.id)))


def all_at_once(lanes: Lanes, works: list[Callable[[], Any]]) -> list[Any]:
    """What each work gave back or raised."""

    async def run() -> list[Any]:
        return await asyncio.gather(*(lanes.write(work) for work in works), return_exceptions=True)

    return in_own_loop(run())


def test_many_that_write_at_once_share_commits_and_keep_their_order(database: Database, lanes: Lanes) -> None:
    commits: list[Any] = []
    event.listen(database.engine, "commit", commits.append)
    names = [f"work {number:02d}" for number in range(40)]
    assert all_at_once(lanes, [writer(database, name) for name in names]) == names
    assert kinds(database) == names
    assert len(commits) <= 5


def test_a_refusal_reaches_its_own_caller_and_costs_nobody_else(database: Database, lanes: Lanes, lost: list[bool]) -> None:
    refused = NotFound("It is not there.")
    found = all_at_once(lanes, [writer(database, "a"), writer(database, "b", then=refused), writer(database, "c")])
    assert found == ["a", refused, "c"]
    assert kinds(database) == ["a", "c"] and lost == []


def test_a_defect_of_one_work_reaches_its_caller_and_the_others_are_done(database: Database, lanes: Lanes, lost: list[bool]) -> None:
    works = [writer(database, "a"), writer(database, "b", then=ZeroDivisionError()), writer(database, "c"), writer(database, "d")]
    first, second, third, fourth = all_at_once(lanes, works)
    assert isinstance(second, ZeroDivisionError) and [first, third, fourth] == ["a", "c", "d"]
    assert sorted(kinds(database)) == ["a", "c", "d"] and lost
    assert all_at_once(lanes, [writer(database, "later")]) == ["later"]


def test_what_was_lost_with_others_is_done_again_by_itself(database: Database, lanes: Lanes, lost: list[bool]) -> None:
    tries: list[str] = []

    def once_full() -> str:
        tries.append("b")
        if len(tries) == 1:
            raise StoreError("The disk is full: make room.")
        return writer(database, "b")()

    assert all_at_once(lanes, [writer(database, "a"), once_full, writer(database, "c")]) == ["a", "b", "c"]
    assert sorted(kinds(database)) == ["a", "b", "c"]
    assert (len(tries), lost) == (2, [True])


def test_a_database_that_stays_full_is_told_to_whom_it_concerns(database: Database, lanes: Lanes) -> None:
    full = StoreError("The disk is full: make room.")
    assert all_at_once(lanes, [writer(database, "a"), writer(database, "b", then=full)]) == ["a", full]
    assert kinds(database) == ["a"]


def test_a_database_that_is_only_read_refuses_each(tmp_path: Path, database: Database) -> None:
    reading = open_database(sqlite_url(tmp_path / "lanes.sqlite3"), read_only=True)
    found = all_at_once(Lanes(reading, lambda: None), [writer(reading, "a"), writer(reading, "b")])
    assert [type(one) for one in found] == [ReadOnly, ReadOnly]
    reading.close()


def test_reading_does_not_wait_for_those_who_write(database: Database, lanes: Lanes) -> None:
    async def run() -> list[str]:
        gate = asyncio.Event()
        loop = asyncio.get_running_loop()

        def slow() -> None:
            with database.writing():
                asyncio.run_coroutine_threadsafe(gate.wait(), loop).result(30)

        writing = asyncio.create_task(lanes.write(slow))
        await asyncio.sleep(0)
        seen = await lanes.read(lambda: kinds(database))
        gate.set()
        await writing
        return seen

    assert in_own_loop(run()) == []
