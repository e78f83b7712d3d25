"""A world on a fresh SQLite file, as the tests of ratings have it."""

from tests.annotations.ratings.conftest import sqlite_world

__all__ = ["sqlite_world"]
