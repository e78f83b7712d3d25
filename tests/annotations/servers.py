"""A MariaDB server of our own for the tests, and SQLite under a name that the store does not know."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.base import SQLiteTypeCompiler
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from annotations.database import open_database

# Several servers start beside each other: little memory and disk each, and no asynchronous files, whose number the kernel limits.
_SMALL = ("--innodb-buffer-pool-size=64M", "--innodb-log-file-size=16M", "--skip-innodb-use-native-aio")


@dataclass
class MariaServer:
    """A running server that is reached by a socket in a folder of its own, and by nothing else."""

    folder: Path
    count: int = 0
    migrated: bytes = b""

    def url(self, name: str, *, user: str = "root") -> str:
        return f"mysql://{user}@localhost/{name}?unix_socket={self.folder / 'socket'}"

    def sql(self, statement: str) -> None:
        address = self.url("mysql").replace("mysql://", "mysql+pymysql://")
        engine = create_engine(address, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
        engine.dispose()

    def empty_database(self) -> str:
        """The URL of a new database without tables."""
        self.count += 1
        self.sql(f"CREATE DATABASE test_{self.count}")
        return self.url(f"test_{self.count}")

    def migrated_database(self) -> str:
        """The URL of a new database at the head revision: migrated once, then written out and read in again."""
        if not self.migrated:
            self.sql("CREATE DATABASE migrated")
            open_database(self.url("migrated")).close()
            self.migrated = self._client("mariadb-dump", "--skip-comments", "migrated")
        url = self.empty_database()
        self._client("mariadb", f"test_{self.count}", told=self.migrated)
        return url

    def _client(self, program: str, *words: str, told: bytes = b"") -> bytes:
        command = [program, "--no-defaults", f"--socket={self.folder / 'socket'}", "--user=root", *words]
        return subprocess.run(command, input=told, check=True, stdout=subprocess.PIPE, timeout=60).stdout


@contextmanager
def running_mariadb() -> Iterator[MariaServer]:
    """A MariaDB server; skips where no server is installed, or none may be started."""
    pytest.importorskip("pymysql", reason="the driver pymysql is not installed here; the test command installs it")
    binaries = [_binary(name) for name in ("mariadb-install-db", "mariadbd")]
    if None in binaries:
        pytest.skip("no MariaDB server is installed here (looked for mariadb-install-db and mariadbd)")
    install, serve = binaries
    account = _account()
    folder = Path(tempfile.mkdtemp(prefix="saccade-mariadb-"))
    if account is not None:
        os.chown(folder, pwd.getpwnam(account).pw_uid, -1)
    data = folder / "data"
    _install(
        [str(install), "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal", "--skip-test-db", *_SMALL],
        data,
        account,
    )
    own = [f"--datadir={data}", f"--socket={folder / 'socket'}", f"--pid-file={folder / 'pid'}", "--skip-networking"]
    command = [serve, "--no-defaults", *own, *_SMALL, "--innodb-flush-log-at-trx-commit=0", "--skip-innodb-doublewrite"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, user=account, group=account, cwd=folder)  # type: ignore[arg-type]
    try:
        _wait(folder, process)
        yield MariaServer(folder)
    finally:
        # Nothing of it is kept, so it need not put its files in order.
        process.kill()
        process.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def _install(command: list[str], data: Path, account: str | None) -> None:
    """A new data folder; tried twice, and what the program said is told where it fails both times."""
    for _ in range(2):
        shutil.rmtree(data, ignore_errors=True)
        done = subprocess.run(command, capture_output=True, text=True, user=account, group=account, cwd=data.parent, timeout=120)
        if done.returncode == 0:
            return
        log = "".join(file.read_text(errors="replace") for file in data.glob("*.err"))
    raise RuntimeError(f"MariaDB's data folder could not be made (exit status {done.returncode}): {done.stdout}{done.stderr}{log}")


def _binary(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def _account() -> str | None:
    """The account that the server runs under: MariaDB refuses to run as root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("mysql").pw_name
    except KeyError:
        pytest.skip("MariaDB does not run as root, and there is no account named mysql to run it under")


def _wait(folder: Path, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if (folder / "socket").exists():
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"MariaDB did not start: {(folder / 'log').read_text()}")


class PlainDialect(SQLiteDialect_pysqlite):
    """SQLite under a name that the store has never heard of: it is treated as any other database would be."""

    name = "plain"
    supports_statement_cache = True

    def on_connect(self) -> Callable[[Any], None]:
        usual = super().on_connect()

        def settle(connection: Any) -> None:
            if usual is not None:
                usual(connection)
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = OFF")

        return settle


class _CarelessTypes(SQLiteTypeCompiler):
    def visit_VARCHAR(self, type_: Any, **kw: Any) -> str:
        return f"{super().visit_VARCHAR(type_, **kw)} COLLATE NOCASE"


class CarelessDialect(PlainDialect):
    """A database that takes capital letters for small ones, as many do unless told."""

    name = "careless"
    supports_statement_cache = True
    type_compiler_cls = _CarelessTypes


registry.register("plain", __name__, "PlainDialect")
registry.register("careless", __name__, "CarelessDialect")
