"""The first start: real environments, a real pip, and packages made on the spot instead of a network."""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.bootstrap import Pin, read_pins
from app.installing import Progress
from core.errors import StartError
from tests.app.conftest import ROOT, Checkout, make_wheel

UNREACHABLE = {"PIP_NO_INDEX": "", "PIP_FIND_LINKS": "", "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0"}


# -- pins --


@pytest.mark.parametrize("file", ["requirements.txt", "tests/requirements.txt"])
def test_every_line_of_the_requirements_is_an_exact_pin_with_its_reason(file: str) -> None:
    lines = [line for line in (ROOT / file).read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    assert len(read_pins(ROOT / file)) == len(lines)
    assert [line for line in lines if "  # " not in line] == []


@pytest.mark.parametrize("line", ["torch", "torch>=2", "-r other.txt", "torch==2.13.0 ; python_version > '3'", "https://example.org/x.whl"])
def test_a_line_that_is_not_an_exact_pin_is_refused(tmp_path: Path, line: str) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text(f"# first\npebble==1.0\n{line}\n", encoding="utf-8")
    with pytest.raises(StartError, match=r"line 3: .* is not an exact pin"):
        read_pins(file)


@pytest.mark.parametrize(
    ("installed", "pinned", "met"),
    [("2.13.0", "2.13.0", True), ("2.13.0+cpu", "2.13.0", True), ("2.13.1", "2.13.0", False), ("2.13.0", "2.13.0+cpu", False)],
)
def test_a_pin_is_met_by_its_version_with_or_without_a_build_label(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: str, pinned: str, met: bool
) -> None:
    folder = tmp_path / f"cobble-{installed}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: cobble\nVersion: {installed}\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert Pin("cobble", pinned).met() is met
    assert not Pin("no-such-package", "1.0").met()


# -- Python too old --


def test_the_launcher_is_read_by_an_old_python() -> None:
    ast.parse((ROOT / "launch.py").read_text(encoding="utf-8"), feature_version=(3, 6))


@pytest.mark.parametrize("version", [(3, 6, 15), (3, 8, 18), (3, 10, 13)])
def test_an_old_python_gets_a_sentence(version: tuple[int, int, int]) -> None:
    wrapper = f"import sys, runpy; sys.version_info = ({version}) + ('final', 0); runpy.run_path('launch.py', run_name='__main__')"
    ended = subprocess.run([sys.executable, "-c", wrapper], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert f"needs Python 3.11 or later, and this is Python {version[0]}.{version[1]}" in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert ended.stdout == ""


# -- what is installed, and when --


@pytest.mark.slow
def test_the_first_start_installs_and_the_second_does_not(checkout: Checkout, tmp_path: Path) -> None:
    code, said = checkout.run("--word=stone")
    assert code == 0, said
    assert "package 1 of 1: pebble 1.0" in said
    assert "installing 1 package\n" in said
    assert f"running in {checkout.root / '.venv'} with stone and pebble 1.0" in said
    digest = hashlib.sha256((checkout.root / "requirements.txt").read_bytes()).hexdigest()
    assert json.loads((checkout.root / ".venv/saccade.json").read_text(encoding="utf-8")) == {"requirements.txt": digest}

    code, said = checkout.run()
    assert (code, said) == (0, f"running in {checkout.root / '.venv'} with  and pebble 1.0\n")

    make_wheel(tmp_path / "wheels", "pebble", "2.0")
    checkout.require("pebble==2.0")
    code, said = checkout.run()
    assert code == 0, said
    assert "pebble 2.0" in said.splitlines()[-1]


def test_an_environment_that_has_the_pins_is_used_as_it_is(checkout: Checkout) -> None:
    checkout.require(f"pytest=={importlib.metadata.version('pytest')}")
    command = checkout.root / "app/commands/serve.py"
    command.write_text(
        command.read_text(encoding="utf-8").replace("import pebble", "import types; pebble = types.SimpleNamespace(VERSION=0)")
    )
    code, said = checkout.run()
    assert (code, said) == (0, f"running in {sys.prefix} with  and pebble 0\n")
    assert not (checkout.root / ".venv").exists()


def test_a_mistyped_command_line_costs_no_install(checkout: Checkout) -> None:
    assert checkout.run("--wrod=stone")[0] == 2
    assert checkout.run("--help")[0] == 0
    assert not (checkout.root / ".venv").exists()


def test_an_install_that_did_not_do_its_work_does_not_go_round_for_ever(checkout: Checkout) -> None:
    code, said = checkout.run(SACCADE_PREPARED="1")
    assert code == 1
    assert said.endswith("was installed, yet pebble 1.0 is not to be found there: remove that folder and start again.\n")


# -- what goes wrong, and is mended --


@pytest.mark.slow
def test_without_a_network_a_sentence_and_then_the_next_start_resumes(checkout: Checkout) -> None:
    code, said = checkout.run(**UNREACHABLE)
    assert code == 1
    assert said.splitlines()[-1].startswith("saccade: The packages could not be downloaded, because the package index did not answer")
    assert "Traceback" not in said

    code, said = checkout.run()
    assert code == 0, said
    assert said.startswith("An earlier install did not finish; resuming it.\n")
    assert "pebble 1.0" in said.splitlines()[-1]


@pytest.mark.slow
def test_a_start_killed_in_the_middle_is_resumed_by_the_next(checkout: Checkout) -> None:
    with _silent_index() as address:
        process = checkout.start(**(UNREACHABLE | {"PIP_INDEX_URL": address}))
        _wait_for(checkout.root / ".venv/install.log", "Looking in indexes")
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    code, said = checkout.run()
    assert code == 0, said
    assert said.startswith("An earlier install did not finish; resuming it.\n")


@pytest.mark.slow
def test_a_pip_that_outlives_its_start_keeps_the_next_one_waiting(checkout: Checkout) -> None:
    with _silent_index() as address:
        process = checkout.start(**(UNREACHABLE | {"PIP_INDEX_URL": address}))
        _wait_for(checkout.root / ".venv/install.log", "Looking in indexes")
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        following = checkout.start()
        assert following.stdout is not None
        assert following.stdout.readline() == "Another start is preparing the environment; waiting for it.\n"
    said, _ = following.communicate(timeout=300)  # the index is gone, and with it the first pip
    assert following.returncode == 0, said
    assert said.startswith("An earlier install did not finish; resuming it.\n")


@pytest.mark.slow
def test_ctrl_c_during_the_install_is_one_line(checkout: Checkout) -> None:
    with _silent_index() as address:
        process = checkout.start(**(UNREACHABLE | {"PIP_INDEX_URL": address}))
        _wait_for(checkout.root / ".venv/install.log", "Looking in indexes")
        os.killpg(process.pid, signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.splitlines()[-1] == "saccade: Stopped before the install was finished; the next start resumes it."
    assert "Traceback" not in said


@pytest.mark.slow
def test_a_damaged_environment_is_mended(checkout: Checkout) -> None:
    assert checkout.run()[0] == 0
    packages = next((checkout.root / ".venv/lib").glob("*/site-packages"))

    shutil.rmtree(packages / "pebble-1.0.dist-info")
    (packages / "pebble.py").unlink()
    code, said = checkout.run()  # a package is missing
    assert code == 0, said

    (packages / "pebble-1.0.dist-info/INSTALLER").unlink()
    (packages / "pebble.py").write_text("VERSION = 'half", encoding="utf-8")
    (checkout.root / ".venv/saccade.json").write_text('{"installing": "requirements.txt"}', encoding="utf-8")
    code, said = checkout.run()  # pip was killed while it unpacked a package
    assert code == 0, said
    assert "resuming it" in said

    (checkout.root / ".venv/bin/python").unlink()
    code, said = checkout.run()  # the interpreter is gone
    assert code == 0, said
    assert f"The environment in {checkout.root / '.venv'} is incomplete; making it anew." in said


@pytest.mark.slow
def test_two_starts_at_once_install_once(checkout: Checkout) -> None:
    both = [checkout.start(f"--word={word}") for word in ("flint", "chalk")]
    said = [process.communicate(timeout=300)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sorted(text.count("Preparing") for text in said) == [0, 1]
    assert sorted(text.count("Another start is preparing the environment; waiting for it.") for text in said) == [0, 1]
    assert all("and pebble 1.0" in text for text in said)


def test_a_python_without_venv_gets_a_sentence(checkout: Checkout, tmp_path: Path) -> None:
    module = tmp_path / "broken/venv/__main__.py"
    module.parent.mkdir(parents=True)
    module.with_name("__init__.py").touch()
    module.write_text("raise SystemExit('The virtual environment was not created, because ensurepip is not available.')", encoding="utf-8")
    code, said = checkout.run(PYTHONPATH=str(tmp_path / "broken"))
    assert code == 1
    assert "has no working venv and pip: install them" in said
    assert "Traceback" not in said


def test_a_file_in_the_environment_s_place_gets_a_sentence(checkout: Checkout) -> None:
    (checkout.root / ".venv").write_text("not a folder", encoding="utf-8")
    code, said = checkout.run()
    assert code == 1
    assert "remove whatever is in its place and start again" in said
    assert "Traceback" not in said


@pytest.mark.slow
def test_a_full_disk_gets_a_sentence(checkout: Checkout, tmp_path: Path) -> None:
    make_wheel(tmp_path / "wheels", "pebble", "1.0", filler=80_000_000)
    disk = checkout.root / ".venv"
    disk.mkdir()
    with small_disk(disk, "64m"):
        code, said = checkout.run(TMPDIR=str(tmp_path))
    assert code == 1
    assert "The disk is full" in said.splitlines()[-1]
    assert "Traceback" not in said


# -- what is told of pip's chatter --


def test_pip_s_noise_is_hidden_and_its_progress_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(2, tmp_path)
    for line in (
        "Looking in indexes: https://index.example/simple",
        "WARNING: Location 'file:///somewhere/' is ignored: it is neither a file nor a directory.",
        "Collecting pebble==1.0 (from -r /x/requirements.txt (line 1))",
        "  Downloading pebble-1.0-py3-none-any.whl (12 kB)",
        "Processing /wheels/boulder-2.13.0+cpu-cp311-cp311-linux_x86_64.whl (from -r /x/requirements.txt (line 2))",
        "Collecting sand_grain>=3 (from boulder==2.13.0->-r /x/requirements.txt (line 2))",
        "  Downloading sand_grain-3.1-py3-none-any.whl (890.1 MB)",
        "Requirement already satisfied: sand-grain in ./x (from boulder)",
        "Installing collected packages: pebble, boulder, sand-grain",
    ):
        progress.hear(line)
    assert capsys.readouterr().out.splitlines() == [
        "package 1 of 2: pebble 1.0",
        "package 2 of 2: boulder 2.13.0+cpu",
        "  it needs sand-grain (3 found so far)",
        "  downloading sand_grain-3.1-py3-none-any.whl (890.1 MB)",
        "installing 3 packages",
    ]


@pytest.mark.parametrize(
    ("lines", "code", "sentence"),
    [
        (
            ["WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError(...)'"],
            1,
            "the package index did not answer",
        ),
        (
            ["ERROR: Could not find a version that satisfies the requirement x==1 (from versions: none)"],
            1,
            "the package index did not answer",
        ),
        (["ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"], 1, "The disk is full"),
        (
            ["Collecting a==1", "ERROR: Could not find x==1 (from versions: none)", "ERROR: No matching distribution found for x==1"],
            1,
            "The package index has no x==1 for Python",
        ),
        (["Collecting a==1"], -9, "The install was ended by signal 9"),
        (["Collecting a==1", "ERROR: Something else."], 1, "The install failed (Something else): mend that"),
        ([], 2, "The install failed (pip ended with code 2)"),
    ],
)
def test_a_failure_is_told_with_its_mend(tmp_path: Path, lines: list[str], code: int, sentence: str) -> None:
    progress = Progress(1, tmp_path)
    for line in lines:
        progress.hear(line)
    said = progress.failure(code, tmp_path / "install.log")
    assert sentence in said
    assert "start" in said  # every sentence says how to go on


# -- tools --


@contextmanager
def _silent_index() -> Iterator[str]:
    """The address of a package index that takes every request and answers none."""
    held = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hold() -> None:
            try:
                while True:
                    held.append(server.accept()[0])
            except OSError:
                return

        threading.Thread(target=hold, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/simple"
        server.shutdown(socket.SHUT_RDWR)
    for connection in held:
        connection.close()


def _wait_for(file: Path, text: str) -> None:
    """Wait until `file` holds `text`; pip's first words come when it has begun."""
    pause = threading.Event()
    for _ in range(1200):
        if file.exists() and text in file.read_text(encoding="utf-8"):
            return
        pause.wait(0.05)
    raise AssertionError(f"{file} never held {text!r}")


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """A disk of `size` at `folder`; skips the test where none can be made."""
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("only root can make a small disk to fill")
    if subprocess.run([mount, "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let a small disk be made")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)
