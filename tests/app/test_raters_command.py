"""`launch.py raters`, on a real database, and from a real terminal where it asks for a password."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from annotations.raters.accounts_file import read_accounts
from annotations.raters.values import Role
from app import commands
from app.commands.raters import ROLES
from app.services import open_services
from app.settings import settings_from
from core.errors import AccountError, NotAllowed, NotFound, ReadOnly, SaccadeError, StartError
from tests.app.conftest import ROOT

PASSWORD = "correct horse"


@pytest.fixture
def raters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    """Runs the command in a data folder, with a password on standard input; what it printed comes back."""

    def run(*words: str, password: str = PASSWORD) -> str:
        monkeypatch.setattr(sys, "stdin", io.StringIO(password + "\n"))
        asks = ["--password-stdin"] if words[0] in ("add", "password", "hash") else []
        command, arguments = commands.read(["raters", *words, *asks, "--data-dir", str(tmp_path)])
        assert commands.run(command, arguments) == 0
        return capsys.readouterr().out

    return run


def test_the_roles_are_those_of_the_program() -> None:
    assert tuple(Role) == ROLES


def test_an_account_from_its_beginning_to_its_end(raters, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    assert "from now on everybody has to sign in" in raters("add", "root", "--role", "admin")
    assert raters("add", "Zoë O.", password="another one") == "Added “Zoë O.” with the role rater.\n"
    assert raters("role", "Zoë O.", "lead") == "“Zoë O.” has the role lead.\n"
    assert "signed out everywhere" in raters("password", "Zoë O.", password="a third one")
    listed = raters("list").splitlines()
    assert re.fullmatch(r"name +role +ratings +last seen", listed[0])
    assert re.fullmatch(r"root +admin +0 +never", listed[1]) and re.fullmatch(r"Zoë O\. +lead +0 +never", listed[2])
    assert "What they rated stays" in raters("close", "Zoë O.")
    assert raters("list").splitlines()[2].endswith("closed")
    assert raters("reopen", "Zoë O.") == "“Zoë O.” may come in again.\n"
    with open_services(settings_from(commands.read(["raters", "list", "--data-dir", str(tmp_path)])[1], {})) as services:
        assert services.raters.sign_in("Zoë O.", "a third one", "")[0].role is Role.LEAD
        events = [event["name"] for event in services.store.events("rater_closed")]
    assert events == ["Zoë O."]


def test_a_line_for_the_file_is_read_back(raters, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    line = raters("hash", "a: b", "--role", "admin")
    assert PASSWORD not in line
    file = tmp_path / "raters.txt"
    file.write_text(line, encoding="utf-8")
    (account,) = read_accounts(file)
    assert (account.name, account.role) == ("a: b", Role.ADMIN)
    assert not (tmp_path / "saccade.sqlite3").exists()


@pytest.mark.parametrize(
    ("words", "kind", "said"),
    [
        (("close",), StartError, "launch.py raters close NAME"),
        (("list", "ben"), StartError, "launch.py raters list,"),
        (("role", "ben"), StartError, "launch.py raters role NAME ROLE"),
        (("add", "ben", "lead"), StartError, "launch.py raters add NAME"),
        (("close", "root"), NotAllowed, "see to another admin first"),
        (("role", "root", "lead"), NotAllowed, "see to another admin first"),
        (("close", "bne"), NotFound, "there are “root”"),
        (("add", "root"), AccountError, "There is an account of the name “root” already"),
        (("hash", "# x"), AccountError, "begins with #"),
        (("close", "root", "--read-only"), ReadOnly, "With --read-only"),
    ],
)
def test_what_cannot_be_done_is_said(raters, words: tuple[str, ...], kind: type[SaccadeError], said: str) -> None:  # type: ignore[no-untyped-def]
    raters("add", "root", "--role", "admin")
    with pytest.raises(kind, match=re.escape(said)):
        raters(*words)


def test_a_short_password_is_refused_and_the_first_account_is_an_admins(raters) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(AccountError, match="has 7 characters: give at least 8"):
        raters("add", "root", "--role", "admin", password="1234567")
    with pytest.raises(NotAllowed, match="see to another admin first"):
        raters("add", "ben")
    assert raters("list") == "There are no raters yet: nobody needs a password, and a name is enough.\n"


def test_only_adding_makes_a_database(raters, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(StartError, match="There is no database in"):
        raters("list")


def test_a_password_is_never_taken_from_the_command_line(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        commands.read(["raters", "add", "root", "--password", PASSWORD])


def terminal(folder: Path, *answers: str) -> tuple[int, str]:
    """The command with a terminal before it, which is given these answers; its exit code and what stood on the screen."""
    above, below = pty.openpty()
    command = [sys.executable, str(ROOT / "launch.py"), "raters", "add", "root", "--role", "admin", "--data-dir", str(folder)]
    process = subprocess.Popen(command, stdin=below, stdout=below, stderr=below, start_new_session=True, close_fds=True)
    os.close(below)
    seen = ""
    waiting = list(answers)
    try:
        while True:
            try:
                seen += os.read(above, 1024).decode()
            except OSError:  # the other end is closed: it has ended
                break
            if waiting and seen.rstrip(" ").endswith(":"):
                os.write(above, (waiting.pop(0) + "\n").encode())
                seen += "|"
        return process.wait(60), seen
    finally:
        process.kill()
        process.wait()
        os.close(above)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_at_a_terminal_it_is_asked_for_twice_and_not_shown(tmp_path: Path) -> None:
    code, seen = terminal(tmp_path, PASSWORD, PASSWORD)
    assert code == 0 and "Added “root”" in seen
    assert PASSWORD not in seen and "at least 8 characters" in seen
    code, seen = terminal(tmp_path, "another one", "another on")
    assert code == 1 and "The two passwords are not the same: nothing was changed." in seen
