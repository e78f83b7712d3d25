"""A world on each back end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from annotations.database import Database, open_database, sqlite_url
from tests.annotations.ratings.worlds import World


@pytest.fixture
def world(database: Database) -> World:
    """A fresh database on each back end, with the stores over it."""
    return World(database)


@pytest.fixture
def sqlite_world(tmp_path: Path) -> Iterator[World]:
    """The same on SQLite alone, for what has nothing to do with the back end."""
    database = open_database(sqlite_url(tmp_path / "saccade.db"))
    yield World(database)
    database.close()
