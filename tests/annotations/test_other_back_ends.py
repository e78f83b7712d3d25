"""A back end that nobody told the store about is tried out, guarded, and refused where it cannot carry a store."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.dialects import mssql, mysql, oracle
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateTable

from annotations.columns import MARK
from annotations.database import open_database
from annotations.fulltext import WORDS
from annotations.queries import TraceQuery
from annotations.schema import Base
from annotations.store import Store
from annotations.synthetic import make_traces
from core.errors import ReadOnly, StoreError


def test_texts_come_out_as_they_went_in_also_where_a_blank_is_nothing(tmp_path: Path) -> None:
    url = f"plain:///{tmp_path / 'a.db'}"
    store = Store(open_database(url))
    for name in ("", "a", "a "):
        store.add_trace(next(make_traces(1)), dataset=name)
    assert [item.dataset for item in store.list_traces(TraceQuery()).items] == ["a ", "a", ""]
    with store.database.reading() as connection:
        assert connection.scalars(text("SELECT name FROM datasets ORDER BY id")).all() == [MARK, f"a{MARK}", f"a {MARK}"]
        assert "saccade_probe" not in inspect(connection).get_table_names()
    store.database.close()


def test_a_database_that_takes_names_for_one_is_refused(tmp_path: Path) -> None:
    url = f"careless:///{tmp_path / 'a.db'}"
    with pytest.raises(StoreError, match="takes different names for one, or cannot hold every character: make it anew with Unicode"):
        open_database(url)
    engine = create_engine(url)
    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == []
    engine.dispose()


def test_half_of_a_first_start_is_told(tmp_path: Path) -> None:
    url = f"plain:///{tmp_path / 'a.db'}"
    database = open_database(url)
    with database.writing() as connection:
        connection.execute(text("DELETE FROM saccade_version"))
    database.close()
    with pytest.raises(StoreError, match=r"A first start broke off and left half of the tables in .*: drop them all"):
        open_database(url)


def test_a_reader_changes_nothing(tmp_path: Path) -> None:
    url = f"plain:///{tmp_path / 'a.db'}"
    open_database(url).close()
    reader = open_database(url, read_only=True)
    for statement in ("INSERT INTO studies VALUES (1)", "  drop table studies", "CREATE TABLE notes (words text)"):
        with pytest.raises(ReadOnly, match="opened for reading only"), reader.engine.connect() as connection:
            connection.execute(text(statement))
    reader.close()


@pytest.mark.parametrize(
    "statement", ["UPDATE events SET actor = ''", "delete from `events`", 'TRUNCATE TABLE "events"', "DELETE [events]"]
)
def test_the_store_itself_guards_the_event_log(tmp_path: Path, statement: str) -> None:
    database = open_database(f"plain:///{tmp_path / 'a.db'}")
    with pytest.raises(StoreError, match="The event log is append-only"), database.writing() as connection:
        connection.execute(text(statement))
    database.close()


@pytest.mark.parametrize("dialect", [mysql.dialect(), mssql.dialect(), oracle.dialect()], ids=lambda dialect: dialect.name)
def test_every_table_can_be_spelt_in_other_dialects(dialect: Dialect) -> None:
    """Not run on those servers: only that no type is unknown there, and that names are compared exactly."""
    for table in (*Base.metadata.sorted_tables, WORDS):
        said = str(CreateTable(table).compile(dialect=dialect))
        if dialect.name == "mssql" and "NVARCHAR(501)" in said:
            assert "NVARCHAR(501) COLLATE Latin1_General_100_BIN2" in said
