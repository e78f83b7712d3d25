"""A world on each back end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from annotations.database import Database, open_database, sqlite_url
from tests.annotations.conftest import BACK_ENDS
from tests.annotations.ratings.worlds import World


@pytest.fixture(scope="session", params=BACK_ENDS)
def shared_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One database on each back end for all tests that keep to studies of their own: making one takes longer than most of them."""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_server").migrated_database()
    elif request.param == "mariadb":
        url = request.getfixturevalue("maria_server").empty_database()
    else:
        url = sqlite_url(tmp_path_factory.mktemp("ratings") / "saccade.db").replace("sqlite", request.param, 1)
    opened = open_database(url)
    yield opened
    opened.close()


@pytest.fixture
def world(shared_database: Database) -> World:
    """Stores and names of a test's own, on each back end."""
    return World(shared_database)


@pytest.fixture
def sqlite_world(tmp_path: Path) -> Iterator[World]:
    """The same on a fresh SQLite file, for what has nothing to do with the back end."""
    database = open_database(sqlite_url(tmp_path / "saccade.db"))
    yield World(database)
    database.close()
