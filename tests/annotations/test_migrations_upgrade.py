"""A database of every earlier revision is brought to the head and keeps what is in it.

`golden/` holds SQLite files, packed, as the program of that revision wrote them; they are never made anew. On the other back ends an
old database is made here, by the migrations up to that revision.
"""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from annotations.database import Database, open_database, sqlite_url
from annotations.migrations import FOLDER, HEAD_REVISION, VERSION_TABLE, current_revision
from annotations.queries import TraceQuery
from annotations.rating_schema import Base
from annotations.store import Store
from annotations.studies.settings import StudySettings
from annotations.studies.store import StudyStore
from annotations.synthetic import make_traces
from core.errors import StoreError

GOLDEN = Path(__file__).parent / "golden"
# What the files of GOLDEN hold: three traces of the demo, one of them in two data sets.
DEMO = {
    "a503fe89ecd7750137d7e6f4615854a56d212f836242434e5fad0604ca6d2cd9": 7,
    "b514315c348f00709d8899480d85b2ff6e505f50f11801520d026576b56b65c3": 4,
    "179dfbd97a1a0b2774f7ede1af084c6a39ee7ac997be691f667e10147bec24bd": 4,
}
NEW = {"raters", "sessions", "sign_in_failures", "studies", "study_versions", "study_items", "item_places", "ratings", "drafts"}


def unpacked(revision: str, folder: Path) -> str:
    """The URL of a copy of the golden database of a revision."""
    file = folder / f"{revision}.sqlite3"
    file.write_bytes(gzip.decompress((GOLDEN / f"{revision}.sqlite3.gz").read_bytes()))
    return sqlite_url(file)


def tables(database: Database) -> set[str]:
    with database.reading() as connection:
        return set(inspect(connection).get_table_names())


def is_the_schema(database: Database) -> bool:
    """Whether the tables are those of the head, but for the word index, which the back ends make each in its own way."""
    with database.reading() as connection:
        options: dict[str, Any] = {
            "compare_type": True,
            "include_name": lambda name, kind, _: not (kind == "table" and (name or "").startswith("trace_words")),
            "version_table": VERSION_TABLE,
        }
        context = MigrationContext.configure(connection, opts=options)
        return compare_metadata(context, Base.metadata) == [] and current_revision(connection) == HEAD_REVISION


def test_there_is_a_golden_database_of_every_revision_before_the_head() -> None:
    earlier = {file.name.partition("_")[0] for file in (FOLDER / "versions").glob("0*.py")} - {HEAD_REVISION}
    assert {file.name.partition(".")[0] for file in GOLDEN.glob("*.sqlite3.gz")} == earlier


@pytest.mark.parametrize("revision", sorted(file.name.partition(".")[0] for file in GOLDEN.glob("*.sqlite3.gz")))
def test_a_golden_database_is_brought_to_the_head_and_keeps_its_data(revision: str, tmp_path: Path) -> None:
    url = unpacked(revision, tmp_path)
    with pytest.raises(StoreError, match=rf"revision {revision}\): start once without --read-only"):
        open_database(url, read_only=True)
    database = open_database(url)
    store = Store(database)
    assert is_the_schema(database)
    for trace, steps in DEMO.items():
        stored = store.trace(trace)
        assert stored.trace.content_hash == trace and len(stored.trace.steps) == steps
    assert store.trace("b514315c348f00709d8899480d85b2ff6e505f50f11801520d026576b56b65c3", dataset="more").dataset == "more"
    assert {(one.value, one.count) for one in store.facets(TraceQuery()).datasets} == {("demo", 3), ("more", 1)}
    assert store.list_traces(TraceQuery(text="headband")).total == 1
    assert list(store.events("note")) == [{"said": "Kept through every revision: é, 研究."}]
    assert [event["dataset"] for event in store.events("traces_added")] == ["demo", "demo", "demo", "more"]
    # What the revisions since have added works on the old data.
    studies = StudyStore(database)
    study = studies.create("Of old traces", StudySettings())
    assert {item.trace for item in studies.items(study.id).items} == set(DEMO)
    database.close()
    again = open_database(url, read_only=True)
    assert StudyStore(again).list() == (study,)
    again.close()


def test_a_database_of_the_first_revision_is_brought_to_the_head_on_every_back_end(
    empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "migrations"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for later in set((folder / "versions").glob("0*.py")) - set((folder / "versions").glob("0001_*.py")):
        later.unlink()
    traces = list(make_traces(5))
    with monkeypatch.context() as then:
        then.setattr("annotations.migrations.FOLDER", folder)
        then.setattr("annotations.database.HEAD_REVISION", "0001")
        old = open_database(empty_url)
        Store(old).add_traces(traces, dataset="old", actor="Ada")
        before = tables(old)
        with old.reading() as connection:
            assert current_revision(connection) == "0001"
            assert connection.execute(text("SELECT count(*) FROM studies")).scalar_one() == 0
        old.close()
    assert NEW - before == NEW - {"studies"}
    database = open_database(empty_url)
    assert is_the_schema(database)
    assert tables(database) == before | NEW
    store = Store(database)
    assert [store.trace(trace.content_hash).trace for trace in traces] == traces
    assert list(store.events("traces_added")) == [{"dataset": "old", "added": 5, "known": 0}]
    studies = StudyStore(database)
    study = studies.create("Of old traces", StudySettings())
    assert studies.by_name("Of old traces") == study and study.items > 5
    database.close()
