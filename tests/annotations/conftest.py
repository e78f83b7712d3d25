"""Real databases for the tests of the store: SQLite files, a PostgreSQL and a MariaDB server of our own, each test with a fresh one."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from annotations.database import Database, open_database, sqlite_url
from annotations.store import Store
from tests.annotations.servers import MariaServer, running_mariadb

NOBODY = 65534
BACK_ENDS = (
    "sqlite",
    pytest.param("postgresql", marks=pytest.mark.postgres),
    pytest.param("mariadb", marks=pytest.mark.mariadb),
    # A database that the store does not know by name.
    "plain",
)


@dataclass
class PostgresServer:
    """A running server that is reached by a socket in a folder of its own, and by nothing else."""

    binaries: Path
    folder: Path
    count: int = 0
    templates: list[str] = field(default_factory=list)

    def url(self, name: str, *, user: str = "postgres") -> str:
        return f"postgresql://{user}@/{name}?host={self.folder}"

    def sql(self, statement: str, *, database: str = "postgres") -> None:
        command: list[str | Path] = [
            self.binaries / "psql",
            "-h",
            self.folder,
            "-U",
            "postgres",
            "-d",
            database,
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            statement,
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=60)

    def empty_database(self) -> str:
        """The URL of a new database without tables."""
        self.count += 1
        self.sql(f"CREATE DATABASE test_{self.count}")
        return self.url(f"test_{self.count}")

    def migrated_database(self) -> str:
        """The URL of a new database at the head revision: migrated once, then copied."""
        if not self.templates:
            self.sql("CREATE DATABASE migrated")
            open_database(self.url("migrated")).close()
            self.templates.append("migrated")
        self.count += 1
        self.sql(f"CREATE DATABASE test_{self.count} TEMPLATE migrated")
        return self.url(f"test_{self.count}")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server for this run; skips where no server is installed, or none may be started."""
    binaries = _binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server is installed here (looked on the path and in /usr/lib/postgresql)")
    as_user = _user()
    folder = Path(tempfile.mkdtemp(prefix="saccade-postgres-"))
    if as_user is not None:
        os.chown(folder, pwd.getpwnam(as_user).pw_uid, -1)
    data = folder / "data"
    setup: list[str | Path] = [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    subprocess.run(setup, check=True, capture_output=True, user=as_user, cwd=folder, timeout=120)
    serve: list[str | Path] = [binaries / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(serve, stdout=log, stderr=log, user=as_user, cwd=folder)
    try:
        server = PostgresServer(binaries, folder)
        _wait(server, process)
        yield server
    finally:
        # Nothing of it is kept, so it need not wait for sessions that somebody forgot.
        process.send_signal(signal.SIGQUIT)
        process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def maria_server() -> Iterator[MariaServer]:
    """A MariaDB server for this run; skips where no server is installed, or none may be started."""
    with running_mariadb() as server:
        yield server


def _binaries() -> Path | None:
    found = shutil.which("initdb")
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found is not None:
        return Path(found).resolve().parent
    return installed[-1].parent if installed else None


def _user() -> str | None:
    """The account that the server runs under: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        pytest.skip("PostgreSQL does not run as root, and there is no account named postgres to run it under")


def _wait(server: PostgresServer, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        ready = subprocess.run([server.binaries / "pg_isready", "-h", server.folder, "-q"], timeout=10)
        if ready.returncode == 0:
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"PostgreSQL did not start: {(server.folder / 'log').read_text()}")


@pytest.fixture(params=BACK_ENDS)
def back_end(request: pytest.FixtureRequest) -> str:
    """The name of a back end; a test that asks for it runs on each."""
    name: str = request.param
    return name


@pytest.fixture
def empty_url(back_end: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database that does not hold a table yet."""
    if back_end == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        return server.empty_database()
    return _fresh(back_end, request, tmp_path)


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file at the head revision, without a row: migrated once, then copied."""
    file = tmp_path_factory.mktemp("migrated") / "saccade.db"
    open_database(sqlite_url(file)).close()
    return file


@pytest.fixture
def database_url(back_end: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a fresh database; opening it brings it to the head revision where it is not there already."""
    return migrated_url(back_end, request, tmp_path)


def migrated_url(back_end: str, request: pytest.FixtureRequest, folder: Path) -> str:
    """The URL of a fresh database on a back end, in `folder` where it is a file."""
    if back_end == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        return server.migrated_database()
    if back_end == "sqlite":
        shutil.copyfile(request.getfixturevalue("migrated_sqlite"), folder / "saccade.db")
    if back_end == "mariadb":
        maria: MariaServer = request.getfixturevalue("maria_server")
        return maria.migrated_database()
    return _fresh(back_end, request, folder)


def _fresh(back_end: str, request: pytest.FixtureRequest, folder: Path) -> str:
    if back_end == "mariadb":
        server: MariaServer = request.getfixturevalue("maria_server")
        return server.empty_database()
    return sqlite_url(folder / "saccade.db").replace("sqlite", back_end, 1)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A fresh database on each back end."""
    opened = open_database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def store(database: Database) -> Store:
    """A store in a fresh database on each back end."""
    return Store(database)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every account may walk into, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="saccade-test-"))
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


@contextmanager
def without_rights() -> Iterator[None]:
    """Permissions count inside this block, also where the tests run as root."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
