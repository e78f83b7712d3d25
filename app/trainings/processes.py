"""The processes that train: which one leads a run's folder, whether it is still there, and asking it to stop.

A number of a process is given to another one when the first has ended, so a number alone proves nothing. A process is shown as the run's
where it was there before the run wrote last; and it is sent a signal only where it is the very one that was started from here, or where
its own command line says that it trains in that folder.
"""

from __future__ import annotations

import os
import platform
import signal
import socket
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from app.trainings.values import Start
from core.errors import TrainingError

# Clocks and file systems round; two processes of one number are never that near.
_NEAR = 2.0
_SEEN_FOR = 2.0


def this_host() -> str:
    """The name of this machine, as runs write it down."""
    return platform.node()


def is_here(host: str) -> bool:
    """Whether a name is this machine's."""
    return host in (platform.node(), socket.gethostname())


def is_alive(start: Start) -> bool:
    """Whether the process of a start is still there."""
    if not is_here(start.host):
        return False
    try:
        process = psutil.Process(start.pid)
        return bool(abs(process.create_time() - start.created) < _NEAR and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def was_there(pid: int, written: float) -> bool:
    """Whether a process of this machine is there, and was when something was written, in seconds since 1970."""
    try:
        process = psutil.Process(pid)
        return bool(process.create_time() <= written + _NEAR and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def led_folder(command: Sequence[str], cwd: Path) -> Path | None:
    """The run's folder that a command line of `launch.py train` leads; None for any other command line."""
    words = list(command)
    at = next((place for place, word in enumerate(words) if Path(word).name == "launch.py"), None)
    if at is None or "train" not in words[at + 1 :]:
        return None
    after = words[words.index("train", at + 1) + 1 :]
    if {"--dry-run", "--list"} & {*after}:
        return None
    resumed = _option(after, "--resume")
    if resumed is not None:
        return _absolute(cwd, resumed)
    name = _option(after, "--name") or Path(_recipe(after)).stem
    return _absolute(cwd, _option(after, "--runs") or "runs") / name if name else None


def _absolute(cwd: Path, named: str) -> Path:
    return Path(os.path.normpath(cwd / Path(named).expanduser()))


def _option(words: Sequence[str], name: str) -> str | None:
    for place, word in enumerate(words):
        if word == name and place + 1 < len(words):
            return words[place + 1]
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
    return None


def _recipe(words: Sequence[str]) -> str:
    """The one word that is neither an option nor the value of one."""
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word.startswith("--") and len(word) > 2:
            skip = "=" not in word and word != "--dry-run"
        elif word != "--":
            return word
    return ""


class Processes:
    """The processes of this machine that train, looked for now and then. Safe to share between threads."""

    def __init__(self) -> None:
        self._found: dict[Path, int] = {}
        self._at = -_SEEN_FOR

    def leading(self, folder: Path) -> int | None:
        """The number of the process that leads a run's folder; None where there is none."""
        if time.monotonic() - self._at >= _SEEN_FOR:
            self._found, self._at = _search(), time.monotonic()
        return self._found.get(Path(os.path.normpath(folder.absolute())))


def _search() -> dict[Path, int]:
    found: dict[Path, int] = {}
    leads: dict[int, Path] = {}
    parents: dict[int, int] = {}
    for process in psutil.process_iter(["cmdline", "ppid", "status"]):
        told = process.info
        if not told["cmdline"] or "train" not in told["cmdline"] or told["status"] == psutil.STATUS_ZOMBIE:
            continue
        folder = _led_by(process)
        if folder is not None:
            leads[process.pid], parents[process.pid] = folder, told["ppid"]
    for pid, folder in leads.items():
        # Those that prepare pictures have the command line of the one that they belong to.
        if leads.get(parents[pid]) != folder:
            found[folder] = pid
    return found


def _led_by(process: psutil.Process) -> Path | None:
    try:
        return led_folder(process.cmdline(), Path(process.cwd()))
    except (psutil.Error, OSError):
        return None


def ask_to_stop(folder: Path, start: Start | None, pid: int | None) -> None:
    """Send Ctrl-C's signal to the process that trains in a folder: to its whole group where it was started from here.

    Raises TrainingError where no process is found of which it is certain.
    """
    try:
        if start is not None and is_alive(start):
            if os.getpgid(start.pid) == start.pid:
                os.killpg(start.pid, signal.SIGINT)
            else:
                os.kill(start.pid, signal.SIGINT)
            return
        if pid is None or _led_by(psutil.Process(pid)) != Path(os.path.normpath(folder.absolute())):
            raise TrainingError(
                f"No process of this machine is known for certain to train in {folder}: stop it where it was started, with Ctrl-C."
            )
        os.kill(pid, signal.SIGINT)
    except (psutil.NoSuchProcess, ProcessLookupError):
        raise TrainingError(f"The process that trained in {folder} has ended by itself: look again.") from None
    except PermissionError:
        raise TrainingError(f"The process {pid} belongs to somebody else, who has to stop it.") from None
