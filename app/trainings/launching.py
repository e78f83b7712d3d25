"""This program's own commands as processes: heard to their end, or begun so that they outlive whoever began them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from app.trainings.processes import this_host
from app.trainings.starts import last_sentence
from app.trainings.values import Start

LAUNCH = Path(__file__).resolve().parents[2] / "launch.py"
RECIPES = LAUNCH.parent / "training" / "recipes"


@dataclass(frozen=True, slots=True)
class Heard:
    """What a command said: all of it where it came to its end, else the sentence that it ended with."""

    ok: bool
    words: str


def launched(name: str, words: Sequence[str]) -> list[str]:
    """The command line of the command of that name."""
    return [sys.executable, str(LAUNCH), name, *words]


def environment() -> dict[str, str]:
    """What a process of this program is given, which prepares its own environment and speaks at once."""
    return {name: value for name, value in os.environ.items() if name != "SACCADE_PREPARED"} | {"PYTHONUNBUFFERED": "1"}


def heard(name: str, words: Sequence[str], *, patience: float | None = None) -> Heard:
    """Run a command to its end. `patience`: seconds after which it is ended."""
    command = launched(name, words)
    try:
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=environment(), timeout=patience)
    except subprocess.TimeoutExpired:
        return Heard(False, f"It took longer than {patience:.0f} s and was ended.")
    ok = done.returncode == 0
    return Heard(ok, done.stdout.strip() if ok else last_sentence(done.stderr) or f"It ended with code {done.returncode}.")


def outliving(name: str, words: Sequence[str], output: Path, *, title: str, behind: bool) -> Start:
    """Begin a command in a session of its own: it hears neither Ctrl-C nor the end of whoever began it. Raises OSError.

    output  file for what it says; `behind`: after what is in it
    title   of the thread that waits for its end, so that its number is free again
    """
    command = launched(name, words)
    with output.open("ab" if behind else "wb") as file:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, env=environment(), start_new_session=True
        )
    threading.Thread(target=process.wait, name=title, daemon=True).start()
    return Start(process.pid, _created(process.pid), this_host(), tuple(command))


def _created(pid: int) -> float:
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return time.time()
