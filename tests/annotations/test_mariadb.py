"""What only MariaDB does; the tests of store, queries, database and migrations run on it too."""

from __future__ import annotations

import pytest
from sqlalchemy import inspect, text

from annotations.database import open_database
from annotations.queries import TraceQuery
from annotations.store import Store
from annotations.synthetic import make_traces
from core.errors import StoreError
from tests.annotations.servers import MariaServer

pytestmark = pytest.mark.mariadb


@pytest.mark.parametrize("scheme", ["mysql", "mariadb", "mysql+pymysql", "mariadb+pymysql"])
def test_every_spelling_of_the_address_opens_the_same_database(maria_server: MariaServer, scheme: str) -> None:
    url = maria_server.empty_database()
    writer = Store(open_database(url))
    writer.add_traces(make_traces(3), dataset="demo")
    writer.database.close()
    database = open_database(url.replace("mysql", scheme, 1))
    assert database.engine.dialect.driver == "pymysql"
    assert Store(database).list_traces(TraceQuery(text="which")).total == 3
    database.close()


def test_mariadb_by_its_own_name_makes_the_same_tables(maria_server: MariaServer) -> None:
    database = open_database(maria_server.empty_database().replace("mysql://", "mariadb://"))
    with database.reading() as connection:
        asked = "SELECT DISTINCT engine, table_collation FROM information_schema.tables WHERE table_schema = database()"
        ours = connection.execute(text(f"{asked} AND table_name <> 'saccade_version'")).all()
    assert [tuple(row) for row in ours] == [("InnoDB", "utf8mb4_nopad_bin")]
    database.close()


def test_sessions_are_strict_and_in_utc(maria_server: MariaServer) -> None:
    url = maria_server.empty_database()
    for read_only in (False, True):
        database = open_database(url, read_only=read_only)
        with database.reading() as connection:
            assert connection.scalar(text("SELECT @@time_zone")) == "+00:00"
            assert "STRICT_ALL_TABLES" in str(connection.scalar(text("SELECT @@sql_mode")))
            assert connection.scalar(text("SELECT @@foreign_key_checks")) == 1
            assert connection.scalar(text("SELECT @@tx_isolation")) == "REPEATABLE-READ"
            assert connection.scalar(text("SELECT @@tx_read_only")) == int(read_only)
        database.close()


def test_names_that_differ_in_a_blank_or_an_accent_are_two(maria_server: MariaServer) -> None:
    store = Store(open_database(maria_server.empty_database()))
    trace = next(make_traces(1))
    names = ("a", "A", "a ", "á", "\N{GRINNING FACE}")
    for name in names:
        assert store.add_trace(trace, dataset=name)
    assert {facet.value for facet in store.facets(TraceQuery()).datasets} == set(names)
    assert all(store.list_traces(TraceQuery(dataset=(name,))).total == 1 for name in names)
    store.database.close()


@pytest.mark.parametrize(("name", "user"), [("no_such_database", "root"), ("mysql", "no_such_user:secret")])
def test_an_unknown_database_or_user_is_one_sentence(maria_server: MariaServer, name: str, user: str) -> None:
    with pytest.raises(StoreError, match=r"does not answer .*no_such.*: start its server, or check the address, the user") as caught:
        open_database(maria_server.url(name, user=user))
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_server_that_is_not_there_is_one_sentence() -> None:
    pytest.importorskip("pymysql")
    with pytest.raises(StoreError, match=r"does not answer .*: start its server") as caught:
        open_database("mysql://ann:secret@127.0.0.1:1/name")
    assert "secret" not in str(caught.value)


def test_a_setting_that_the_driver_does_not_know_is_one_sentence(maria_server: MariaServer) -> None:
    with pytest.raises(StoreError, match=r"is not one that its driver takes .*speed.*: check what stands in it"):
        open_database(maria_server.url("mysql") + "&speed=high")


def test_a_user_without_rights_is_told_so(maria_server: MariaServer) -> None:
    url = maria_server.empty_database()
    open_database(url).close()
    maria_server.sql("CREATE OR REPLACE USER guest@localhost")
    maria_server.sql(f"GRANT INSERT ON {url.split('/')[3].split('?')[0]}.studies TO guest@localhost")
    with pytest.raises(StoreError, match=r"lacks a right there .*: grant it"):
        open_database(url.replace("root@", "guest@"))


def test_a_reader_needs_no_right_to_write(maria_server: MariaServer) -> None:
    url = maria_server.empty_database()
    writer = Store(open_database(url))
    writer.add_traces(make_traces(3), dataset="demo")
    writer.database.close()
    maria_server.sql("CREATE OR REPLACE USER reader@localhost")
    maria_server.sql(f"GRANT SELECT ON {url.split('/')[3].split('?')[0]}.* TO reader@localhost")
    reader = Store(open_database(url.replace("root@", "reader@"), read_only=True))
    assert reader.list_traces(TraceQuery(text="which")).total == 3
    reader.database.close()


def test_the_triggers_hold_against_anybody(maria_server: MariaServer) -> None:
    url = maria_server.empty_database()
    store = Store(open_database(url))
    store.record_event("started", {})
    store.database.close()
    name = url.split("/")[3].split("?")[0]
    for statement in (f"UPDATE {name}.events SET actor = 'me'", f"DELETE FROM {name}.events"):
        with pytest.raises(Exception, match="the event log is append-only"):
            maria_server.sql(statement)


def test_a_first_start_that_broke_off_is_begun_anew(maria_server: MariaServer) -> None:
    url = maria_server.empty_database()
    store = Store(open_database(url))
    with store.database.engine.connect() as connection:
        connection.execute(text("DROP TABLE trace_words"))
        connection.execute(text("DROP TABLE drafts"))
        connection.execute(text("DELETE FROM saccade_version"))
        connection.commit()
    store.database.close()
    store = Store(open_database(url))
    assert all(store.add_traces(make_traces(3), dataset="demo"))
    with store.database.reading() as connection:
        assert {"drafts", "trace_words"} <= set(inspect(connection).get_table_names())
    store.database.close()


def test_a_connection_that_the_server_ended_is_replaced(maria_server: MariaServer) -> None:
    store = Store(open_database(maria_server.empty_database()))
    store.add_traces(make_traces(3), dataset="demo")

    def end(number: int) -> None:
        maria_server.sql(f"KILL CONNECTION {number}")

    with store.database.reading() as connection:
        number = connection.scalar(text("SELECT connection_id()"))
    end(number)
    assert store.list_traces(TraceQuery()).total == 3
    with pytest.raises(StoreError, match="does not answer"), store.database.writing() as connection:
        connection.execute(text("UPDATE data_versions SET value = 99"))
        end(connection.scalar(text("SELECT connection_id()")))
        connection.execute(text("UPDATE data_versions SET value = 100"))
    with store.database.reading() as connection:
        assert connection.scalar(text("SELECT value FROM data_versions")) == 1
    store.database.close()


def test_a_trace_larger_than_a_packet_is_one_sentence(maria_server: MariaServer) -> None:
    maria_server.sql("SET GLOBAL max_allowed_packet = 16384")
    try:
        store = Store(open_database(maria_server.empty_database()))
        with pytest.raises(StoreError, match=r"max_allowed_packet|does not answer"):
            store.record_event("large", {"text": "x" * 100_000})
        store.database.close()
    finally:
        maria_server.sql("SET GLOBAL max_allowed_packet = 16777216")


def test_a_search_can_use_the_index(maria_server: MariaServer) -> None:
    store = Store(open_database(maria_server.empty_database()))
    store.add_traces(make_traces(300, 2), dataset="demo")
    with store.database.reading() as connection:
        asked = "EXPLAIN SELECT trace_id FROM trace_words WHERE word = 'rubo' OR word LIKE 'num%'"
        plan = connection.execute(text(asked)).mappings().one()
    assert (plan["key"], plan["type"]) == ("PRIMARY", "range")
    store.database.close()
