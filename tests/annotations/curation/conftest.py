"""A bench on each back end, and one on SQLite alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from annotations.database import Database, open_database, sqlite_url
from tests.annotations.curation.making import Bench


@pytest.fixture
def any_bench(database: Database) -> Bench:
    """A fresh database on each back end, with the stores over it."""
    return Bench(database)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """The same on SQLite, for what has nothing to do with the back end."""
    database = open_database(sqlite_url(tmp_path / "saccade.db"))
    yield Bench(database)
    database.close()
