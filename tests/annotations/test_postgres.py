"""What only PostgreSQL does; the tests of store, queries, database and migrations run on it too."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from annotations.database import open_database
from annotations.queries import TraceQuery
from annotations.store import Store
from annotations.synthetic import make_traces
from core.errors import StoreError
from tests.annotations.conftest import PostgresServer

pytestmark = pytest.mark.postgres


def test_the_bare_scheme_means_psycopg(postgres_server: PostgresServer) -> None:
    url = postgres_server.empty_database()
    for scheme in ("postgresql://", "postgres://", "postgresql+psycopg://"):
        database = open_database(url.replace("postgresql://", scheme))
        assert database.engine.dialect.driver == "psycopg"
        assert database.engine.dialect.name == "postgresql"
        database.close()


def test_sessions_are_durable_and_in_utc(postgres_server: PostgresServer) -> None:
    url = postgres_server.migrated_database()
    for read_only in (False, True):
        database = open_database(url, read_only=read_only)
        with database.reading() as connection:
            said = [connection.execute(text(f"SHOW {name}")).scalar() for name in ("synchronous_commit", "timezone")]
            assert said == ["on", "UTC"]
            assert connection.execute(text("SHOW default_transaction_read_only")).scalar() == ("on" if read_only else "off")
            assert connection.execute(text("SHOW transaction_isolation")).scalar() == "repeatable read"
        database.close()


@pytest.mark.parametrize(("name", "user"), [("no_such_database", "postgres"), ("postgres", "no_such_user")])
def test_an_unknown_database_or_user_is_one_sentence(postgres_server: PostgresServer, name: str, user: str) -> None:
    with pytest.raises(StoreError, match=r"does not answer .*no_such.*: start its server, or check the address, the user") as caught:
        open_database(postgres_server.url(name, user=user))
    assert "\n" not in str(caught.value)


def test_a_user_without_rights_is_told_so(postgres_server: PostgresServer) -> None:
    url = postgres_server.migrated_database()
    postgres_server.sql("DROP ROLE IF EXISTS guest")
    postgres_server.sql("CREATE ROLE guest LOGIN")
    with pytest.raises(StoreError, match=r"lacks a right there .*: grant it"):
        open_database(url.replace("postgres@", "guest@"))


def test_a_reader_needs_no_right_to_write(postgres_server: PostgresServer) -> None:
    url = postgres_server.migrated_database()
    writer = Store(open_database(url))
    writer.add_traces(make_traces(3), dataset="demo")
    writer.database.close()
    name = url.split("/")[3].split("?")[0]
    postgres_server.sql("DROP ROLE IF EXISTS reader")
    postgres_server.sql("CREATE ROLE reader LOGIN")
    postgres_server.sql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader", database=name)
    reader = Store(open_database(url.replace("postgres@", "reader@"), read_only=True))
    assert reader.list_traces(TraceQuery(text="which")).total == 3
    reader.database.close()
    postgres_server.sql("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM reader", database=name)


def test_a_connection_that_the_server_ended_is_replaced(postgres_server: PostgresServer) -> None:
    store = Store(open_database(postgres_server.migrated_database()))
    store.add_traces(make_traces(3), dataset="demo")
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname LIKE 'test_%'"
    postgres_server.sql(ended)
    assert store.list_traces(TraceQuery()).total == 3
    with pytest.raises(StoreError, match="does not answer"), store.database.writing() as connection:
        postgres_server.sql(ended)
        connection.execute(text("UPDATE data_versions SET value = 99"))
    assert store.list_traces(TraceQuery()).total == 3
    store.database.close()


def test_a_search_can_use_the_index(postgres_server: PostgresServer) -> None:
    store = Store(open_database(postgres_server.migrated_database()))
    store.add_traces(make_traces(300, 2), dataset="demo")
    with store.database.reading() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        asked = "EXPLAIN SELECT trace_id FROM trace_words WHERE words @@ CAST('''which'' & ''num'':*' AS tsquery)"
        plan = "\n".join(connection.execute(text(asked)).scalars())
    assert "ix_trace_words_words" in plan
    store.database.close()
