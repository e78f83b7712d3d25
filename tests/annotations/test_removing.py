"""A data set goes as a whole, with its event, and nothing of another goes with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from sqlalchemy import func, select, text

from annotations.database import Database, open_database, sqlite_url
from annotations.queries import TraceQuery
from annotations.removing import DatasetContent
from annotations.schema import Base
from annotations.store import Store
from annotations.synthetic import make_traces
from core.errors import NotFound, ReadOnly
from core.trace import Trace
from tests import strategies


def rows(database: Database) -> dict[str, int]:
    """How many rows each table has."""
    with database.reading() as connection:
        return {
            name: connection.execute(select(func.count()).select_from(table)).scalar_one() for name, table in Base.metadata.tables.items()
        }


def test_a_data_set_is_removed_with_everything_in_it(store: Store) -> None:
    traces = list(make_traces(300, seed=1))
    store.add_traces(traces[:20], dataset="other")
    before = rows(store.database)
    store.add_traces(traces, dataset="gone")
    assert {value.value for value in store.facets(TraceQuery()).datasets} == {"other", "gone"}
    content = store.dataset_content("gone")
    assert (content.traces, content.samples) == (300, len({repr(trace.sample) for trace in traces}))
    assert store.remove_dataset("gone", actor="me") == content
    after = rows(store.database)
    assert after.pop("pictures") == before.pop("pictures") + content.pictures
    assert after.pop("events") == before.pop("events") + 2
    assert after == before
    payload = {"dataset": "gone", "traces": 300, "samples": content.samples, "pictures": content.pictures}
    assert list(store.events("dataset_removed")) == [payload]
    assert [value.value for value in store.facets(TraceQuery()).datasets] == ["other"], "what was counted before is counted anew"
    assert {stored.id for stored in store.iter_traces(TraceQuery())} == {trace.content_hash for trace in traces[:20]}


def test_searches_find_what_is_left_and_the_same_traces_may_come_back(store: Store) -> None:
    traces = list(make_traces(3, seed=1))
    store.add_traces(traces, dataset="gone")
    words = traces[0].sample.question
    found = store.list_traces(TraceQuery(text=words)).total
    assert found > 0
    store.remove_dataset("gone")
    assert store.list_traces(TraceQuery(text=words)).total == 0
    assert store.add_traces(traces, dataset="gone") == (True, True, True)
    assert store.list_traces(TraceQuery(text=words)).total == found


def test_the_index_forgets_every_word(tmp_path: Path) -> None:
    """SQLite's index has no copy of the words: one that it is not told to forget would stay in the file."""
    store = Store(open_database(sqlite_url(tmp_path / "saccade.db")))
    store.add_traces(make_traces(5, seed=1), dataset="gone")
    store.remove_dataset("gone")
    with store.database.reading() as connection:
        connection.execute(text("CREATE VIRTUAL TABLE temp.seen USING fts5vocab(main, trace_words, row)"))
        assert connection.execute(text("SELECT count(*) FROM temp.seen")).scalar_one() == 0
    store.database.close()


def test_any_trace_can_be_removed(store: Store) -> None:
    kept = list(make_traces(1, seed=2))
    store.add_traces(kept, dataset="kept")

    @settings(max_examples=30, deadline=None)
    @given(trace=strategies.traces())
    def removed(trace: Trace) -> None:
        store.add_trace(trace, dataset="any")
        assert store.remove_dataset("any").traces == 1

    removed()
    assert [stored.id for stored in store.iter_traces(TraceQuery())] == [kept[0].content_hash]


def test_samples_without_a_trace_go_too(store: Store) -> None:
    sample = next(iter(make_traces(1, seed=1))).sample
    store.add_sample(sample, dataset="records")
    assert store.remove_dataset("records") == DatasetContent(0, 1, len(sample.pictures))


def test_what_is_not_there_is_said_and_changes_nothing(store: Store) -> None:
    with pytest.raises(NotFound, match=r"There is no data set “mine”: there are none\."):
        store.remove_dataset("mine")
    store.add_traces(make_traces(2, seed=1), dataset="Mine")
    before = rows(store.database)
    with pytest.raises(NotFound, match=r"There is no data set “mine”: there is Mine\."):
        store.remove_dataset("mine")
    with pytest.raises(NotFound):
        store.dataset_content("mine")
    assert rows(store.database) == before


def test_a_store_for_reading_removes_nothing(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "saccade.db")
    writing = Store(open_database(url))
    writing.add_traces(make_traces(2, seed=1), dataset="mine")
    writing.database.close()
    reading = Store(open_database(url, read_only=True))
    with pytest.raises(ReadOnly):
        reading.remove_dataset("mine")
    assert reading.dataset_content("mine").traces == 2
    reading.database.close()
