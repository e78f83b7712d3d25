"""The migrations make exactly the tables that the schema names, and each is there as a whole or not at all."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from annotations.database import Database, open_database
from annotations.migrations import FOLDER, HEAD_REVISION, VERSION_TABLE, current_revision
from annotations.queries import TraceQuery
from annotations.rating_schema import Base
from annotations.store import Store
from annotations.synthetic import make_traces
from core.errors import StoreError

BREAKS = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{head}"


def upgrade() -> None:
    op.create_table("rumours", sa.Column("id", sa.Integer, primary_key=True))
    op.execute("UPDATE data_versions SET value = 7")
    op.execute("{statement}")
"""


def ours(name: str | None, kind: str, parents: object) -> bool:
    """Leaves out the word index, which the back ends make each in its own way, outside of the schema's metadata."""
    return not (kind == "table" and (name or "").startswith("trace_words"))


def test_the_head_is_the_head() -> None:
    assert ScriptDirectory(str(FOLDER)).get_heads() == [HEAD_REVISION]


def test_the_migrated_database_is_the_schema(empty_url: str) -> None:
    database = open_database(empty_url)
    with database.reading() as connection:
        options = {"compare_type": True, "compare_server_default": True, "include_name": ours, "version_table": VERSION_TABLE}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []
        assert current_revision(connection) == HEAD_REVISION
    database.close()


def test_constraints_have_the_names_of_the_schema(empty_url: str, back_end: str) -> None:
    """The comparison above does not look at the names of keys; a later migration will speak of them."""
    database = open_database(empty_url)
    with database.reading() as connection:
        found = inspect(connection)
        for table in Base.metadata.sorted_tables:
            # SQLite spells an automatic id inside its column, where there is no place for a name; MariaDB has one name for all.
            assert found.get_pk_constraint(table.name)["name"] in (
                (table.primary_key.name,) if back_end == "postgresql" else (table.primary_key.name, None)
            )
            names = {str(key["name"]) for key in found.get_foreign_keys(table.name)}
            assert names == {str(key.name) for key in table.foreign_key_constraints}
    database.close()


def test_opening_again_changes_nothing(empty_url: str) -> None:
    database = open_database(empty_url)
    Store(database).add_traces(make_traces(2), dataset="demo")
    database.close()
    database = open_database(empty_url)
    assert Store(database).list_traces(TraceQuery()).total == 2
    database.close()


@pytest.fixture
def later_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This program with one more migration, whose file the test writes at the path that comes back."""
    folder = tmp_path / "migrations"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr("annotations.migrations.FOLDER", folder)
    monkeypatch.setattr("annotations.database.HEAD_REVISION", "9999")
    return folder / "versions" / "9999_next.py"


def tables(database: Database) -> set[str]:
    with database.reading() as connection:
        return set(inspect(connection).get_table_names())


@pytest.mark.parametrize("fresh", [True, False])
def test_a_migration_that_breaks_leaves_the_database_as_it_was(
    empty_url: str, back_end: str, later_program: Path, monkeypatch: pytest.MonkeyPatch, fresh: bool
) -> None:
    if back_end in ("mariadb", "plain"):
        pytest.skip("only SQLite and PostgreSQL take back a change of tables")
    if not fresh:
        with monkeypatch.context() as now:
            now.setattr("annotations.migrations.FOLDER", FOLDER)
            now.setattr("annotations.database.HEAD_REVISION", HEAD_REVISION)
            database = open_database(empty_url)
            Store(database).add_traces(make_traces(2), dataset="demo")
            before = tables(database)
            database.close()
    later_program.write_text(BREAKS.format(head=HEAD_REVISION, statement="INSERT INTO nowhere VALUES (1)"))
    with pytest.raises(StoreError, match=r"refused the work .*nowhere"):
        open_database(empty_url)
    with monkeypatch.context() as now:
        now.setattr("annotations.migrations.FOLDER", FOLDER)
        now.setattr("annotations.database.HEAD_REVISION", HEAD_REVISION)
        database = open_database(empty_url)
        if not fresh:
            assert tables(database) == before
            assert Store(database).list_traces(TraceQuery()).total == 2
        with database.reading() as connection:
            assert current_revision(connection) == HEAD_REVISION
            assert connection.execute(text("SELECT value FROM data_versions")).scalar_one() < 7
        database.close()


@pytest.mark.parametrize("back_end", [pytest.param("mariadb", marks=pytest.mark.mariadb), "plain"])
def test_a_migration_that_breaks_where_tables_cannot_be_taken_back_loses_no_data(
    empty_url: str, later_program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as now:
        now.setattr("annotations.migrations.FOLDER", FOLDER)
        now.setattr("annotations.database.HEAD_REVISION", HEAD_REVISION)
        database = open_database(empty_url)
        Store(database).add_traces(make_traces(2), dataset="demo")
        database.close()
        later_program.write_text(BREAKS.format(head=HEAD_REVISION, statement="INSERT INTO nowhere VALUES (1)"))
        now.setattr("annotations.migrations.FOLDER", later_program.parents[1])
        now.setattr("annotations.database.HEAD_REVISION", "9999")
        with pytest.raises(
            StoreError, match=rf"brought from revision {HEAD_REVISION} to 9999 and cannot take back .* restore it from a backup\.$"
        ):
            open_database(empty_url)
        now.setattr("annotations.migrations.FOLDER", FOLDER)
        now.setattr("annotations.database.HEAD_REVISION", HEAD_REVISION)
        database = open_database(empty_url)
        assert Store(database).list_traces(TraceQuery()).total == 2
        with database.reading() as connection:
            assert current_revision(connection) == HEAD_REVISION
        database.close()


def test_an_older_database_is_brought_to_the_head_and_keeps_its_data(
    empty_url: str, later_program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as now:
        now.setattr("annotations.migrations.FOLDER", FOLDER)
        now.setattr("annotations.database.HEAD_REVISION", HEAD_REVISION)
        database = open_database(empty_url)
        Store(database).add_traces(make_traces(2), dataset="demo")
        database.close()
    later_program.write_text(BREAKS.format(head=HEAD_REVISION, statement="INSERT INTO rumours VALUES (1)"))
    with pytest.raises(
        StoreError, match=rf"was written by an earlier version of Saccade \(revision {HEAD_REVISION}\): start once without --read-only"
    ):
        open_database(empty_url, read_only=True)
    database = open_database(empty_url)
    assert "rumours" in tables(database)
    assert Store(database).list_traces(TraceQuery()).total == 2
    database.close()


def test_the_docs_name_every_table_and_column() -> None:
    """Each table has a heading in docs/schema.md, and each of its columns stands below it."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "schema.md").read_text(encoding="utf-8")
    sections = {part.split("\n")[0].strip(): part for part in page.split("\n### ")[1:]}
    assert set(sections) == {*Base.metadata.tables, "trace_words"}
    for table in Base.metadata.sorted_tables:
        missing = [column.name for column in table.columns if f"`{column.name}`" not in sections[table.name]]
        assert missing == [], table.name
