"""What a start is told, and by whom."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from annotations.queries import TraceQuery
from app import commands
from app.services import open_services
from app.settings import DATA_DIR, DATABASE_FILE, DOMAINS, VALUE_OPTIONS, Settings, add_server_options, add_store_options, settings_from
from core.errors import StartError
from core.trace import DomainName
from tests.app.conftest import ROOT


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser()
    add_server_options(made)
    add_store_options(made)
    return made


def test_the_defaults() -> None:
    assert settings_from(parser().parse_args([]), {}) == Settings(
        host="127.0.0.1",
        port=7860,
        data_dir=ROOT / "data",
        database_url=None,
        open_browser=True,
        read_only=False,
        auth=None,
        behind_proxy=False,
    )
    assert ROOT / "data" == DATA_DIR


def test_flags_come_before_the_environment(tmp_path: Path) -> None:
    environment = {"SACCADE_HOST": "::1", "SACCADE_PORT": "7001", "SACCADE_DATA_DIR": str(tmp_path), "SACCADE_DATABASE": "postgresql://x/y"}
    environment["SACCADE_AUTH"] = str(tmp_path / "raters.txt")
    told = settings_from(parser().parse_args([]), environment)
    assert (told.host, told.port, told.data_dir, told.database_url) == ("::1", 7001, tmp_path, "postgresql://x/y")
    assert (told.auth, told.behind_proxy) == (tmp_path / "raters.txt", False)

    flags = ["--host", "127.0.0.1", "--port", "0", "--data-dir", "a", "--database", "sqlite:////b", "--no-browser", "--read-only"]
    told = settings_from(parser().parse_args([*flags, "--auth", "r", "--behind-proxy"]), environment)
    assert told == Settings("127.0.0.1", 0, Path("a").absolute(), "sqlite:////b", False, True, Path("r").absolute(), True)


def test_policies_are_named_by_flags_or_with_commas_in_the_environment() -> None:
    environment = {"SACCADE_POLICY": " org/one, ,http://127.0.0.1:8000/v1#m,org/one"}
    assert settings_from(parser().parse_args([]), environment).policies == ("org/one", "http://127.0.0.1:8000/v1#m")
    flags = ["--policy", "org/two", "--policy", "./three", "--policy", "org/two"]
    assert settings_from(parser().parse_args(flags), environment).policies == ("org/two", "./three")
    assert settings_from(argparse.Namespace(policy=["a model's name"]), environment).policies == (), "export means another thing by it"


def test_the_database_lies_in_the_data_folder(tmp_path: Path) -> None:
    told = settings_from(parser().parse_args(["--data-dir", str(tmp_path)]), {})
    assert told.database_url is None


def test_the_command_line_offers_every_domain() -> None:
    assert tuple(DomainName) == DOMAINS


def test_a_data_folder_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "what? 100%20 sure"
    told = settings_from(parser().parse_args(["--data-dir", str(folder)]), {})
    with open_services(told) as services:
        assert services.store.list_traces(TraceQuery()).total == 0
    assert (folder / DATABASE_FILE).is_file()


def test_a_command_without_a_server_has_its_defaults() -> None:
    made = argparse.ArgumentParser()
    add_store_options(made)
    assert settings_from(made.parse_args([]), {}).port == 7860


@pytest.mark.parametrize("text", ["-1", "65536", "abc", "7860.0", ""])
def test_what_is_not_a_port_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        parser().parse_args([f"--port={text}"])
    assert left.value.code == 2
    assert "is not a port: give a whole number from 0 to 65535" in capsys.readouterr().err
    if text:
        with pytest.raises(StartError, match=r"SACCADE_PORT: .* is not a port"):
            settings_from(parser().parse_args([]), {"SACCADE_PORT": text})


# -- the command line --


def test_options_that_take_a_value_are_known_before_they_are_parsed() -> None:
    took = {option for action in parser()._actions if action.nargs is None for option in action.option_strings}
    assert took == VALUE_OPTIONS


def test_options_may_stand_before_a_command_and_pytest_gets_what_follows() -> None:
    command, arguments = commands.read(["test", "-k", "frames", "--help"])
    assert command is commands.COMMANDS["test"]
    assert arguments.rest == ["-k", "frames", "--help"]
    command, arguments = commands.read(["--port", "7", "--data-dir", "test"])
    assert command is commands.WORKBENCH
    assert (arguments.port, arguments.data_dir) == (7, Path("test"))


def test_an_unknown_command_is_named_with_the_nearest() -> None:
    with pytest.raises(StartError, match=r"There is no command 'tset'\. Did you mean 'test'\?"):
        commands.read(["tset"])


def test_a_mistyped_option_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        commands.read(["--prot", "7860"])
    assert "--prot" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", *commands.COMMANDS])
def test_the_help_of_every_command_needs_no_package(name: str) -> None:
    wrapper = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from app import commands; commands.read({[*filter(None, [name]), '--help']})"
    if name in commands.COMMANDS and commands.COMMANDS[name].verbatim:
        wrapper = wrapper.replace(", '--help'", "")
    ended = subprocess.run([sys.executable, "-I", "-S", "-c", wrapper], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
