"""Opening a database: its settings hold on every connection, and whatever stands in the way is one clear sentence."""

from __future__ import annotations

import multiprocessing
import sqlite3
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from annotations.database import BUSY_TIMEOUT, open_database, require_pragma, sqlite_url
from annotations.queries import TraceQuery
from annotations.store import Store
from annotations.synthetic import make_traces
from core.errors import DatabaseTooNew, ReadOnly, StoreError
from tests.annotations.conftest import without_rights


def test_settings_hold_on_every_connection(tmp_path: Path) -> None:
    database = open_database(sqlite_url(tmp_path / "a.db"))
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": BUSY_TIMEOUT}
    with ExitStack() as stack:
        for _ in range(12):
            connection = stack.enter_context(database.reading())
            assert {pragma: connection.execute(text(f"PRAGMA {pragma}")).scalar() for pragma in wanted} == wanted
    database.close()


def test_a_setting_that_is_not_taken_is_an_error() -> None:
    memory: Any = sqlite3.connect(":memory:")
    with pytest.raises(StoreError, match=r"did not take journal_mode = wal for it \(it says memory\)"):
        require_pragma(memory, "it", "journal_mode", "wal")
    memory.close()


def test_a_failed_block_is_rolled_back(tmp_path: Path) -> None:
    database = open_database(sqlite_url(tmp_path / "a.db"))
    with pytest.raises(KeyError), database.writing() as connection:
        connection.execute(text("UPDATE data_versions SET value = 7"))
        raise KeyError("stop")
    with database.reading() as connection:
        assert connection.execute(text("SELECT value FROM data_versions")).scalar() == 0
    database.close()


def test_a_reader_sees_one_state(tmp_path: Path) -> None:
    database = open_database(sqlite_url(tmp_path / "a.db"))
    with database.reading() as reader:
        before = reader.execute(text("SELECT value FROM data_versions")).scalar()
        with database.writing() as writer:
            writer.execute(text("UPDATE data_versions SET value = 7"))
        assert reader.execute(text("SELECT value FROM data_versions")).scalar() == before == 0
    with database.reading() as reader:
        assert reader.execute(text("SELECT value FROM data_versions")).scalar() == 7
    database.close()


def test_a_reading_block_cannot_leave_a_change_behind(tmp_path: Path) -> None:
    database = open_database(sqlite_url(tmp_path / "a.db"))
    with database.reading() as connection:
        connection.execute(text("UPDATE data_versions SET value = 7"))
    with database.reading() as connection:
        assert connection.execute(text("SELECT value FROM data_versions")).scalar() == 0
    database.close()


def test_writers_in_one_process_take_turns(tmp_path: Path) -> None:
    database = open_database(sqlite_url(tmp_path / "a.db"))

    def add() -> None:
        for _ in range(25):
            with database.writing() as connection:
                value = connection.execute(text("SELECT value FROM data_versions")).scalar_one()
                connection.execute(text("UPDATE data_versions SET value = :value"), {"value": value + 1})

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.reading() as connection:
        assert connection.execute(text("SELECT value FROM data_versions")).scalar() == 200
    database.close()


def _open_and_close(url: str) -> None:
    open_database(url).close()


def test_several_programs_can_make_one_database_at_once(empty_url: str, back_end: str) -> None:
    if back_end == "plain":
        pytest.skip("how programs take turns on a database that is not known by name is not known either")
    context = multiprocessing.get_context("spawn")
    programs = [context.Process(target=_open_and_close, args=(empty_url,)) for _ in range(4)]
    for program in programs:
        program.start()
    for program in programs:
        program.join()
    assert [program.exitcode for program in programs] == [0, 0, 0, 0]
    database = open_database(empty_url, read_only=True)
    with database.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM data_versions")).scalar() == 1
    database.close()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "'nonsense' is not a database URL: write sqlite:////folder/file.db, postgresql://user@host/name or mysql://"),
        ("mysql://ann:secret@host:port/name", r"'\*\*\*@host:port/name' is not a database URL"),
        ("mysql//ann:sec@ret@host/name", r"'\*\*\*@host/name' is not a database URL"),
        ("sqlite://", "A database in memory loses everything at the end"),
        ("sqlite:///:memory:", "A database in memory loses everything at the end"),
        ("sqlite+pysqlcipher:////folder/a.db", "SQLite is opened with the driver that Python brings"),
        (
            "oracle://ann:secret@host/name",
            r"The address oracle://ann:\*\*\*@host/name needs the package oracledb: pip install oracledb into \.venv\.$",
        ),
        (
            "mysql+mysqldb://host/name?password=secret",
            r"\?password=\*\*\* needs the package MySQLdb: pip install mysqlclient into \.venv\.$",
        ),
        ("postgresql+unheardof://ann:secret@host/name", r"SQLAlchemy does not know postgresql\+unheardof \(.*\): check its spelling"),
        (
            "unheardof://ann:secret@host/name",
            r"SQLAlchemy does not know unheardof \(unheardof://ann:\*\*\*@host/name\): check its spelling",
        ),
        ("sqlite:////nowhere/at/all/a.db", "The folder /nowhere/at/all does not exist: create it, or choose another --data-dir."),
        ("sqlite:////proc/a.db", "/proc/a.db cannot be opened or made"),
    ],
)
def test_a_url_that_cannot_be_opened(url: str, said: str) -> None:
    with pytest.raises(StoreError, match=said) as caught:
        open_database(url)
    assert "\n" not in str(caught.value)
    assert "sec" not in str(caught.value)


def test_a_server_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="does not answer") as caught:
        open_database(f"postgresql://ann:secret@/traces?host={tmp_path}")
    assert "secret" not in str(caught.value)
    assert "start its server, or check the address" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_text("This is a shopping list, and a long one at that. " * 40)
    for read_only in (False, True):
        with pytest.raises(StoreError, match="is not a database: move that file away"):
            open_database(sqlite_url(path), read_only=read_only)
    assert path.read_text().startswith("This is")


def test_a_damaged_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    database = open_database(sqlite_url(path))
    Store(database).add_traces(make_traces(50), dataset="demo")
    database.close()
    data = bytearray(path.read_bytes())
    data[8192:-4096] = b"\xa5" * (len(data) - 8192 - 4096)
    path.write_bytes(data)
    with pytest.raises(StoreError, match=r"is damaged|refused the work"):
        list(Store(open_database(sqlite_url(path))).iter_traces(TraceQuery()))


def test_a_folder_that_may_not_be_written(open_folder: Path) -> None:
    open_database(sqlite_url(open_folder / "warm.db")).close()
    open_folder.chmod(0o555)
    with without_rights(), pytest.raises(StoreError, match="cannot be opened or made: check that its folder exists and may be written"):
        open_database(sqlite_url(open_folder / "a.db"))


def test_a_file_that_may_not_be_written(open_folder: Path) -> None:
    path = open_folder / "a.db"
    database = open_database(sqlite_url(path))
    Store(database).add_traces(make_traces(2), dataset="demo")
    database.close()
    path.chmod(0o444)
    open_folder.chmod(0o555)
    with without_rights():
        opened = open_database(sqlite_url(path), read_only=True)
        assert Store(opened).list_traces(TraceQuery()).total == 2
        opened.close()
        with pytest.raises(StoreError, match="start with --read-only"):
            Store(open_database(sqlite_url(path))).record_event("started", {})


def test_a_full_disk_loses_nothing_that_was_there(tmp_path: Path) -> None:
    database = open_database(sqlite_url(tmp_path / "a.db"))
    store = Store(database)
    store.add_traces(make_traces(5), dataset="demo")

    @event.listens_for(database.engine, "begin")
    def fill_up(connection: object) -> None:
        # The number of pages there are: SQLite then says what it says on a full disk.
        connection.exec_driver_sql("PRAGMA max_page_count = 1")  # type: ignore[attr-defined]

    with pytest.raises(StoreError, match=r"The disk that holds .* is full: nothing was saved. Make room, or choose another --data-dir."):
        store.add_traces(make_traces(500, seed=1), dataset="demo")
    assert store.list_traces(TraceQuery()).total == 5
    event.remove(database.engine, "begin", fill_up)
    database.engine.dispose()
    assert all(store.add_traces(make_traces(50, seed=1), dataset="demo"))
    database.close()


def test_a_writer_that_waits_too_long_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("annotations.database.BUSY_TIMEOUT", 50)
    path = tmp_path / "a.db"
    database = open_database(sqlite_url(path))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="is being written by another program and did not become free in time"):
        Store(database).record_event("started", {})
    other.execute("ROLLBACK")
    other.close()
    Store(database).record_event("started", {})
    database.close()


@pytest.mark.parametrize("read_only", [False, True])
def test_a_database_of_a_later_version_is_left_alone(database_url: str, read_only: bool) -> None:
    database = open_database(database_url)
    with database.writing() as connection:
        connection.execute(text("UPDATE saccade_version SET version_num = 'abc'"))
    database.close()
    with pytest.raises(DatabaseTooNew) as caught:
        open_database(database_url, read_only=read_only)
    assert str(caught.value).endswith(
        " was written by a later version of Saccade (revision abc); update the program or choose another --data-dir."
    )


def test_reading_makes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with pytest.raises(StoreError, match=r"There is no database at .*/a.db to read: start once without --read-only"):
        open_database(sqlite_url(path), read_only=True)
    assert list(tmp_path.iterdir()) == []
    sqlite3.connect(path).execute("CREATE TABLE notes (words)").connection.close()
    with pytest.raises(StoreError, match="holds no tables of Saccade yet: start once without --read-only"):
        open_database(sqlite_url(path), read_only=True)


def test_reading_sees_what_another_program_writes(database_url: str) -> None:
    writer = Store(open_database(database_url))
    reader = Store(open_database(database_url, read_only=True))
    assert reader.list_traces(TraceQuery()).total == 0
    writer.add_traces(make_traces(3), dataset="demo")
    assert reader.list_traces(TraceQuery()).total == 3
    with pytest.raises(ReadOnly, match="was opened for reading only: start without --read-only to change it"), reader.database.writing():
        pass
    writer.database.close()
    reader.database.close()


def test_no_way_of_asking_a_reader_writes(database_url: str) -> None:
    open_database(database_url).close()
    reader = open_database(database_url, read_only=True)
    for statement in ("UPDATE data_versions SET value = 1", "CREATE TABLE notes (words text)", "DROP TABLE studies"):
        with reader.engine.connect() as connection, pytest.raises((DBAPIError, ReadOnly), match=r"(?i)read.?only"):
            connection.execute(text(statement))
    with pytest.raises(ReadOnly, match="opened for reading only"), reader.reading() as connection:
        connection.execute(text("UPDATE data_versions SET value = 1"))
    reader.close()


def test_names_with_signs_are_only_names(tmp_path: Path) -> None:
    path = tmp_path / "a folder with 100%20 ? # & signs" / "b.db"
    path.parent.mkdir()
    url = sqlite_url(path)
    for read_only in (False, True):
        database = open_database(url, read_only=read_only)
        assert database.name == str(path)
        database.close()
    assert path.is_file()


def test_the_second_start_loads_little(tmp_path: Path) -> None:
    """A database at the head is opened without Alembic, and nothing heavy is loaded on the way."""
    url = sqlite_url(tmp_path / "a.db")
    open_database(url).close()
    program = (
        "import sys\n"
        "from annotations.database import open_database\n"
        "from annotations.queries import TraceQuery\n"
        "from annotations.store import Store\n"
        f"print(Store(open_database({url!r})).list_traces(TraceQuery()).total)\n"
        "heavy = {'alembic', 'torch', 'transformers', 'gradio', 'fastapi', 'pandas', 'numpy', 'psycopg', 'mako'}\n"
        "heavy |= {'pymysql', 'sqlalchemy.dialects.mysql', 'sqlalchemy.dialects.postgresql', 'annotations.servers'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    root = Path(__file__).resolve().parents[2]
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=root, check=True, timeout=120)
    assert said.stdout.split("\n")[:2] == ["0", "[]"]
