"""`launch.py test`: the whole test suite, with pytest, from the root of the project."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing of its own: what follows `test` is pytest's."""


# The whole suite goes to three processes, a file at a time to whichever is free: a third of its time is waiting for browsers and servers.
# With four, browsers on two cores wait for each other, and nothing is won. Files are taken in the order of tests/conftest.py: in xdist's
# own, by the number of their tests, long files of few tests come last, and the other processes have nothing to do.
WHOLE = ("-n", "3", "--dist", "loadfile", "--no-loadscope-reorder")


def run(arguments: argparse.Namespace) -> int:
    """Run pytest in place of this process, so that its exit code and its signals are its own."""
    command = [sys.executable, "-m", "pytest", *(arguments.rest or WHOLE)]
    os.chdir(ROOT)
    sys.stdout.flush()
    if sys.platform == "win32":  # there, exec leaves the console to two programs at once
        return subprocess.call(command)
    os.execv(sys.executable, command)
