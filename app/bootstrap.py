"""Prepares the environment of a fresh machine, once, and goes on in it. Standard library only.

What `prepare` decides:

    this interpreter has every pinned package   -> nothing to do
    .venv is stamped with these requirements    -> go on in .venv
    otherwise                                   -> make or mend .venv, install, stamp it, go on in it

The stamp is `.venv/saccade.json`: the sha256 of each requirements file that was installed, written when pip has succeeded. While an
install runs, the stamp says so instead; a start that finds that word, and no other start at work, resumes what broke off.
"""

# ruff: noqa: T201 - the first start speaks through print

from __future__ import annotations

import contextlib
import errno
import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from core.errors import StartError

PREPARED = "SACCADE_PREPARED"  # set for the program that goes on after an install, so that a bad one cannot go round for ever
_DISK_FULL = "The disk is full, so the environment in {} could not be made: free some space and start again."
_PIN = re.compile(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.+!_-]+)")


@dataclass(frozen=True, slots=True)
class Pin:
    """One line of a requirements file: this package in exactly this version."""

    name: str
    version: str

    def met(self) -> bool:
        """Whether the running interpreter has it. A build label such as `+cpu` on the installed version is as good."""
        try:
            installed = importlib.metadata.version(self.name)
        except importlib.metadata.PackageNotFoundError:
            return False
        return self.version in (installed, installed.partition("+")[0])


@dataclass(frozen=True, slots=True)
class Environment:
    """The virtual environment of a checkout, in `.venv` beside launch.py."""

    root: Path

    @property
    def folder(self) -> Path:
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        return self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    @property
    def stamp(self) -> Path:
        return self.folder / "saccade.json"

    def is_running(self) -> bool:
        """Whether this very process runs in it."""
        return self.folder.exists() and Path(sys.prefix).resolve() == self.folder.resolve()

    def state(self) -> dict[str, str]:
        """What the stamp says: the sha256 of each installed file, `{"installing": ...}`, or nothing."""
        try:
            stamp = json.loads(self.stamp.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return stamp if isinstance(stamp, dict) else {}

    def has(self, files: Sequence[str]) -> bool:
        """Whether these requirement files, as they are now, were installed."""
        state = self.state()
        return self.python.exists() and all(state.get(file) == _sha256(self.root / file) for file in files)

    def write_stamp(self, state: dict[str, str]) -> None:
        """Replace the stamp in one step: it is never half written."""
        fresh = self.stamp.with_suffix(".tmp")
        fresh.write_text(json.dumps(state, indent=1), encoding="utf-8")
        fresh.replace(self.stamp)


def prepare(root: Path, files: Sequence[str], argv: Sequence[str]) -> None:
    """Return when this interpreter has all that the requirement `files` pin; else go on as `launch.py argv` in one that has.

    Raises StartError with the mend where no environment can be made.
    """
    prepared = os.environ.pop(PREPARED, None)
    own = Environment(root)
    unmet = [pin for file in files for pin in read_pins(root / file) if not pin.met()]
    if not unmet and (not own.is_running() or own.has(files)):
        return
    if prepared:
        what = f"{unmet[0].name} {unmet[0].version} is not to be found" if unmet else "its stamp is not"
        raise StartError(f"The environment in {own.folder} was installed, yet {what} there: remove that folder and start again.")
    if own.is_running() or not own.has(files):
        _make_ready(own, files)
        os.environ[PREPARED] = "1"
    _go_on(own, argv)


def read_pins(path: Path) -> tuple[Pin, ...]:
    """The pins of a requirements file. Raises StartError for a line that is not one exact pin."""
    pins = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        if (match := _PIN.fullmatch(text)) is None:
            raise StartError(f"{path}, line {number}: {text!r} is not an exact pin; write it as name==version.")
        pins.append(Pin(match[1], match[2]))
    return tuple(pins)


def _make_ready(own: Environment, files: Sequence[str]) -> None:
    """Make or mend the environment and install `files`; the only one to do so at a time."""
    try:
        with _alone(own.root) as lock:
            if own.is_running() or not own.has(files):
                _install(own, files, lock)
    except OSError as error:
        if (sentence := _in_words(own, error)) is None:
            raise
        raise StartError(sentence) from error


def _install(own: Environment, files: Sequence[str], lock: int) -> None:
    from app.installing import pip_install  # only the one start that installs pays for it

    began = time.monotonic()
    paths = [own.root / file for file in files]
    direct = sum(len(read_pins(path)) for path in paths)
    if "installing" in own.state():
        print("An earlier install did not finish; resuming it.", flush=True)
    else:
        print(f"Preparing {own.folder}: {direct} packages and what they need. This happens once and takes some minutes.", flush=True)
    if not _works(own):
        _make_environment(own)
    _drop_half_installed(own)
    own.write_stamp({"installing": ", ".join(files)})
    pip_install(own.python, paths, direct, own.folder / "install.log", keep_open=[lock])
    own.write_stamp({file: _sha256(path) for file, path in zip(files, paths, strict=True)})
    print(f"The environment is ready, after {_duration(time.monotonic() - began)}.", flush=True)


def _works(own: Environment) -> bool:
    """Whether the environment has an interpreter that starts, of the version it was made for, with a pip."""
    with contextlib.suppress(OSError):
        check = [str(own.python), "-c", "import encodings, pip"]
        return subprocess.run(check, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0
    return False


def _make_environment(own: Environment) -> None:
    """Make `.venv` anew with the interpreter this one was made from. Raises StartError."""
    if own.folder.exists():
        print(f"The environment in {own.folder} is incomplete; making it anew.", flush=True)
    base = getattr(sys, "_base_executable", None) or sys.executable
    command = [base, "-m", "venv", "--clear", str(own.folder)]
    made = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False)
    if made.returncode == 0:
        return
    said = (made.stdout + made.stderr).strip()
    if "No space left" in said or "[Errno 28]" in said:
        raise StartError(_DISK_FULL.format(own.folder))
    if "ensurepip" in said or "No module named venv" in said:
        raise StartError(
            f"This Python ({base}) has no working venv and pip: install them (on Debian and Ubuntu: apt install python3-venv python3-pip) "
            "and start again."
        )
    last = said.splitlines()[-1] if said else f"code {made.returncode}"
    raise StartError(f"No environment could be made in {own.folder} ({last}): remove whatever is in its place and start again.")


def _drop_half_installed(own: Environment) -> None:
    """Forget packages that a broken-off pip had begun to unpack: it names itself in INSTALLER only after a package's last file.

    Without this, the next pip takes such a package for installed.
    """
    for folder in own.folder.glob("[lL]ib/**/site-packages/*.dist-info"):
        if not (folder / "INSTALLER").exists() or not (folder / "RECORD").exists():
            shutil.rmtree(folder)


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[int]:
    """Hold the lock of this checkout's environment; the file descriptor that holds it comes back. Another start waits."""
    lock = os.open(root / ".venv.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        if not _take(lock, wait=False):
            print("Another start is preparing the environment; waiting for it.", flush=True)
            _take(lock, wait=True)
        yield lock
    finally:
        os.close(lock)


def _take(lock: int, wait: bool) -> bool:
    """Take the lock. The system gives it back when the last process that holds it ends, however it ends."""
    if sys.platform == "win32":
        import msvcrt

        while True:
            with contextlib.suppress(OSError):
                msvcrt.locking(lock, msvcrt.LK_NBLCK, 1)
                return True
            if not wait:
                return False
            time.sleep(0.5)
    import fcntl

    try:
        fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError as error:
        # On a file system without locks, go on as a program without a lock would.
        return error.errno in (errno.ENOLCK, errno.ENOTSUP)
    return True


def _go_on(own: Environment, argv: Sequence[str]) -> NoReturn:
    """Become `launch.py argv` in the environment: the same process where the system can, so that signals reach it."""
    command = [str(own.python), str(own.root / "launch.py"), *argv]
    sys.stdout.flush()
    if sys.platform == "win32":
        raise SystemExit(subprocess.call(command))
    os.execv(command[0], command)


def _in_words(own: Environment, error: OSError) -> str | None:
    """The sentence for an error of the disk while the environment is made; None where it is another one."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _DISK_FULL.format(own.folder)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return (
            f"The environment cannot be made, because {error.filename or own.root} is not writable: start from a copy of the project in a "
            "folder of your own, or with a Python that has the packages of requirements.txt."
        )
    return None


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
