"""A PostgreSQL server of our own for measuring, in a scratch folder, reached by a socket in it and by nothing else."""

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
from pathlib import Path

_ACCOUNT = "postgres"
_PATIENCE = 60.0


class NotHere(Exception):
    """No PostgreSQL can be started on this machine; the words say why."""


@contextmanager
def running_postgres() -> Iterator[str]:
    """The address of an empty database on a server that ends with the block. Every commit is synced, as by default.

    Raises NotHere where no server is installed, or none may be started.
    """
    binaries, account = _binaries(), _account()
    folder = Path(tempfile.mkdtemp(prefix="saccade-bench-postgres-"))
    try:
        if account is not None:
            os.chown(folder, pwd.getpwnam(account).pw_uid, -1)
        data = folder / "data"
        setup = [str(binaries / "initdb"), "-D", str(data), "-U", _ACCOUNT, "-A", "trust", "-E", "UTF8", "--locale=C"]
        _run(setup, account, folder)
        serve = [str(binaries / "postgres"), "-D", str(data), "-k", str(folder), "-c", "listen_addresses="]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(serve, stdout=log, stderr=log, user=account, cwd=folder)
        try:
            _wait(binaries, folder, process)
            yield f"postgresql://{_ACCOUNT}@/{_ACCOUNT}?host={folder}"
        finally:
            # A fast shutdown: whoever is still connected is cut off.
            process.send_signal(signal.SIGINT)
            process.wait(_PATIENCE)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _binaries() -> Path:
    found = shutil.which("initdb")
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found is None and not installed:
        raise NotHere("no server is installed here (looked on the path and in /usr/lib/postgresql).")
    return (Path(found).resolve() if found else installed[-1]).parent


def _account() -> str | None:
    """The account that the server runs under: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(_ACCOUNT).pw_name
    except KeyError:
        raise NotHere(f"it does not run as root, and there is no account named {_ACCOUNT}.") from None


def _run(command: list[str], account: str | None, folder: Path) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, user=account, cwd=folder, timeout=_PATIENCE)
    except (OSError, subprocess.SubprocessError) as error:
        raise NotHere(f"{command[0]} failed ({error}).") from error


def _wait(binaries: Path, folder: Path, process: subprocess.Popen[bytes]) -> None:
    start = time.perf_counter()
    while time.perf_counter() - start < _PATIENCE and process.poll() is None:
        if subprocess.run([str(binaries / "pg_isready"), "-h", str(folder), "-q"], timeout=_PATIENCE).returncode == 0:
            return
        time.sleep(0.05)
    raise NotHere(f"it did not start: {(folder / 'log').read_text(errors='replace')[-300:]}")
