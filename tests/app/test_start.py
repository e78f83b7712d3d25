"""The real program, started as a person would start it: what it answers, what it leaves alone, and what it says when it cannot."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest
from argon2 import PasswordHasher

from annotations.database import open_database
from app.commands.serve import has_desktop
from app.start import listen, prepare_data_dir, web_address
from core.errors import StartError
from tests.app.conftest import ROOT
from tests.app.test_bootstrap import small_disk

HEAVY = {"torch", "transformers", "trl", "datasets"}


def launch(*arguments: str, errors: IO[str] | int = subprocess.PIPE, **environment: str) -> subprocess.Popen[str]:
    """`launch.py` with these arguments, in the environment that the tests run in."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SACCADE_")}
    return subprocess.Popen(
        [sys.executable, str(ROOT / "launch.py"), *arguments],
        env=kept | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
    )


def refused(*arguments: str, **environment: str) -> str:
    """The one sentence with which a start ends that cannot be."""
    process = launch("--no-browser", *arguments, **environment)
    said, sentence = process.communicate(timeout=120)
    assert process.returncode == 1
    assert said == ""
    assert sentence.startswith("saccade: ")
    assert sentence.count("\n") == 1
    return sentence


@contextmanager
def serving(data_dir: Path, *arguments: str, host: str = "127.0.0.1", **environment: str) -> Iterator[Workbench]:
    """The workbench, once it listens; ended at the end of the block where it still runs."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as errors:
        process = launch("--no-browser", "--port", "0", "--data-dir", str(data_dir), *arguments, errors=errors, **environment)
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            address = re.fullmatch(rf"Saccade is at http://{re.escape(host)}:(\d+)/ \(Ctrl-C ends it\)\n", line)
            workbench = Workbench(process, errors, int(address[1]) if address else 0)
            assert address, line + workbench.end(signal.SIGTERM)[2]
            yield workbench
        finally:
            process.kill()
            process.communicate()


@dataclass
class Workbench:
    """A workbench that serves on `port`; its standard error goes to a file, which never fills up."""

    process: subprocess.Popen[str]
    errors: IO[str]
    port: int

    def end(self, number: signal.Signals) -> tuple[int, str, str]:
        """Send it a signal; its exit code, and the rest of what it said on both streams."""
        self.process.send_signal(number)
        said, _ = self.process.communicate(timeout=60)
        self.errors.seek(0)
        return self.process.returncode, said, self.errors.read()


def get(port: int, path: str) -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()


def sign_in(port: int, password: str, address: str, *, proto: str = "http") -> tuple[int, str]:
    """Status and cookie of an attempt to sign in as root that says it was passed on for somebody at `address`."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        headers = {"X-Forwarded-For": address, "X-Forwarded-Proto": proto, "Content-Type": "application/json"}
        connection.request("POST", "/api/session", json.dumps({"name": "root", "password": password}), headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.getheader("set-cookie") or ""


# -- a start that works --


@pytest.mark.slow
def test_the_second_start_answers_and_imports_no_model_library(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as first:  # it makes the folder, the database and the demo
        assert get(first.port, "/")[0] == 200
    stubs = set(ROOT.glob("[ac]*/**/*.pyi"))
    with serving(tmp_path / "data", PYTHONPROFILEIMPORTTIME="1") as second:
        status, page = get(second.port, "/")
        assert status == 200
        assert b"Saccade" in page
        _, _, log = second.end(signal.SIGINT)
    imported = {line.rpartition("|")[2].strip() for line in log.splitlines() if line.startswith("import time:")}
    assert {"gradio", "app.server"} <= imported
    assert HEAVY & imported == set()
    assert set(ROOT.glob("[ac]*/**/*.pyi")) == stubs


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_ends_with_one_line_though_a_page_is_open(tmp_path: Path, number: signal.Signals, code: int) -> None:
    with serving(tmp_path) as workbench, socket.create_connection(("127.0.0.1", workbench.port), timeout=60) as page:
        page.sendall(b"GET /gradio_api/heartbeat/page HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")  # a page asks for this and stays
        assert page.recv(12) == b"HTTP/1.1 200"
        assert workbench.end(number) == (code, "", "saccade: Stopped.\n")


@pytest.mark.slow
def test_reading_only_changes_nothing(tmp_path: Path) -> None:
    with serving(tmp_path):
        pass
    before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*") if file.is_file()}
    with serving(tmp_path, "--read-only") as workbench:
        assert get(workbench.port, "/")[0] == 200
    after = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*") if file.is_file()}
    kept = {file for file in before if file.suffix in {".sqlite3", ".jpg", ".png"}}
    assert kept and {file: after[file] for file in kept} == {file: before[file] for file in kept}


# -- a start that cannot be --


def test_a_port_that_is_taken_is_named_before_anything_is_loaded(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = launch("--no-browser", f"--port={port}", f"--data-dir={tmp_path / 'data'}", PYTHONPROFILEIMPORTTIME="1")
        _, log = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"saccade: Port {port} on 127.0.0.1 is taken" in log
    assert f"try --port {port + 1}" in log
    assert not {"gradio", "sqlalchemy"} & {line.rpartition("|")[2].strip() for line in log.splitlines()}
    assert not (tmp_path / "data").exists()


def test_an_address_that_others_reach_is_refused_while_nobody_needs_a_password(tmp_path: Path) -> None:
    sentence = refused("--host=0.0.0.0", "--port=0", f"--data-dir={tmp_path / 'data'}")
    assert "does not listen on 0.0.0.0, because no account has a password" in sentence
    assert "launch.py raters add NAME --role admin" in sentence and "ssh -L" in sentence
    assert "--behind-proxy lets others in" in refused("--behind-proxy", "--port=0", f"--data-dir={tmp_path / 'data'}")


def test_an_accounts_file_lets_others_in(tmp_path: Path) -> None:
    file = tmp_path / "raters.txt"
    file.write_text(f"root:admin:{PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash('a password')}\n", encoding="utf-8")
    file.chmod(0o644)
    data = tmp_path / "data"
    with serving(data, "--auth", str(file), "--host", "0.0.0.0", host=socket.gethostname()) as workbench:
        assert get(workbench.port, "/")[0] == 401
        assert get(workbench.port, "/sign-in")[0] == 200
        guesses = [sign_in(workbench.port, "a guess", f"198.51.100.{n}")[0] for n in range(11)]
        assert guesses == [401] * 10 + [429], "nobody is believed about where they come from"
        _, _, said = workbench.end(signal.SIGTERM)
    assert "Accounts, as the file says: added root." in said
    assert f"chmod 600 {file}" in said
    assert "--behind-proxy" in said, "passwords in the clear are warned of"
    assert "nobody can sign in" in refused("--read-only", "--port=0", f"--data-dir={data}")
    file.write_text("root:admin:a password\n", encoding="utf-8")
    sentence = refused("--auth", str(file), "--port=0", f"--data-dir={data}")
    assert "line 1 has a password" in sentence and "a password\n" not in sentence


@pytest.mark.slow
def test_a_proxy_on_this_machine_is_believed_where_it_is_said_to_be_there(tmp_path: Path) -> None:
    file = tmp_path / "raters.txt"
    file.write_text(f"root:admin:{PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash('a password')}\n", encoding="utf-8")
    with serving(tmp_path / "data", "--behind-proxy", SACCADE_AUTH=str(file)) as workbench:
        guesses = [sign_in(workbench.port, "a guess", f"198.51.100.{n}")[0] for n in range(11)]
        assert guesses == [401] * 11, "each from another address"
        status, cookie = sign_in(workbench.port, "a password", "198.51.100.99", proto="https")
        assert status == 200 and "Secure" in cookie and "HttpOnly" in cookie


def test_an_address_of_another_machine_cannot_be_listened_on() -> None:
    with pytest.raises(StartError, match=r"cannot listen on 192\.0\.2\.1"):
        listen("192.0.2.1", 0)


def test_a_host_that_is_not_known_is_refused() -> None:
    with pytest.raises(StartError, match="not known on this machine: use --host 127"):
        listen("no-such-host.invalid", 0)


def test_a_data_folder_with_a_file_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file", encoding="utf-8")
    sentence = refused("--port=0", f"--data-dir={tmp_path / 'data'}")
    assert f"The data folder {tmp_path / 'data'} cannot be written in (a file is in its place): name another with --data-dir." in sentence


@pytest.mark.parametrize("folder", ["/proc/saccade", "/dev/null/saccade"])
def test_a_data_folder_where_nobody_may_write(folder: str) -> None:
    if not Path("/proc/self").exists():
        pytest.skip("this system has no /proc")
    with pytest.raises(StartError, match=rf"The data folder {folder} cannot be written in \(.*\): name another with --data-dir"):
        prepare_data_dir(Path(folder))


def test_a_full_disk(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with small_disk(tmp_path / "data", "1m"):
        sentence = refused("--port=0", f"--data-dir={tmp_path / 'data'}")
        assert "is full (1 MB are free, 16 MB are needed): free some space" in sentence
        (tmp_path / "data/filler").write_bytes(b"0" * (1024 * 1024))
        assert "is full (0 MB are free" in refused("--port=0", f"--data-dir={tmp_path / 'data'}")


def test_a_database_of_a_later_version(tmp_path: Path) -> None:
    file = tmp_path / "saccade.sqlite3"
    open_database(f"sqlite:///{file}").close()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE saccade_version SET version_num = '9999'")
    sentence = refused("--port=0", f"--data-dir={tmp_path}")
    assert "was written by a later version of Saccade" in sentence
    assert "update the program" in sentence


def test_a_database_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "saccade.sqlite3").write_bytes(b"not a database, but long enough to look at " * 100)
    assert "Traceback" not in refused("--port=0", f"--data-dir={tmp_path}")
    assert "Traceback" not in refused("--port=0", f"--data-dir={tmp_path / 'other'}", "--database=mysql://x/y")
    assert "Traceback" not in refused("--port=0", f"--data-dir={tmp_path / 'none'}", "--read-only")


# -- parts --


def test_a_socket_listens_from_the_start() -> None:
    with listen("localhost", 0) as first:
        port = first.getsockname()[1]
        assert web_address(first) == f"http://{first.getsockname()[0]}:{port}/"
        with pytest.raises(StartError, match=f"Port {port} on localhost is taken"):
            listen("localhost", port)


def test_no_answer_waits_for_the_acknowledgement_of_its_first_half() -> None:
    with listen("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()) as _:
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_the_address_of_ipv6_stands_in_brackets() -> None:
    try:
        listening = listen("::1", 0)
    except StartError:
        pytest.skip("this machine has no IPv6 loopback")
    with listening:
        assert web_address(listening).startswith("http://[::1]:")


@pytest.mark.skipif(sys.platform != "linux", reason="the other systems always have a desktop")
@pytest.mark.parametrize(
    ("environment", "has"),
    [
        ({}, False),
        ({"DISPLAY": ":0"}, True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, True),
        ({"DISPLAY": ":0", "CI": "true"}, False),
        ({"DISPLAY": "localhost:10", "SSH_CONNECTION": "192.0.2.1 1 192.0.2.2 22"}, False),
    ],
)
def test_the_browser_is_opened_where_there_is_a_desktop(environment: dict[str, str], has: bool) -> None:
    assert has_desktop(environment) is has
