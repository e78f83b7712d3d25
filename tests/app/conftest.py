"""A checkout that can be installed without a network: the real start, a command that says where it runs, and packages made here."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# What the checkout under test runs in place of the workbench: it says which interpreter it is in and what it was given.
COMMAND = """
import argparse, sys

def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--word", default="")

def run(arguments: argparse.Namespace) -> int:
    import pebble
    print("running in", sys.prefix, "with", arguments.word, "and pebble", pebble.VERSION)
    return 0
"""


def make_wheel(folder: Path, name: str, version: str, *, filler: int = 0) -> Path:
    """A wheel of one module, `name`.py, and `filler` bytes that do not compress."""
    files = {
        f"{name}.py": f'VERSION = "{version}"\n'.encode(),
        f"{name}-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{name}-{version}.dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if filler:
        files[f"{name}_filler.bin"] = os.urandom(filler)
    record = f"{name}-{version}.dist-info/RECORD"
    rows = [f"{path},sha256={_digest(data)},{len(data)}" for path, data in files.items()]
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, data in files.items():
            archive.writestr(path, data)
        archive.writestr(record, "\n".join([*rows, f"{record},,", ""]))
    return wheel


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


@dataclass
class Checkout:
    """A checkout in a folder of its own, started as a person would: `launch.py` with some Python, in some environment."""

    root: Path
    environment: dict[str, str]
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    def require(self, *pins: str) -> None:
        (self.root / "requirements.txt").write_text("\n".join(pins) + "\n", encoding="utf-8")

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Begin `launch.py`, in a session of its own, with what it prints in one stream."""
        process = subprocess.Popen(
            [sys.executable, str(self.root / "launch.py"), *arguments],
            env=self.environment | environment,
            cwd=self.root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.running.append(process)
        return process

    def run(self, *arguments: str, **environment: str) -> tuple[int, str]:
        """The exit code of `launch.py` and all that it printed."""
        process = self.start(*arguments, **environment)
        said, _ = process.communicate(timeout=300)
        return process.returncode, said


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    """The start of this project with `pebble` as its one package, found in a folder; no network, no settings of this machine."""
    root = tmp_path / "checkout"
    for part in ("launch.py", "app/*.py", "app/commands/__init__.py", "core/__init__.py", "core/errors.py"):
        for source in ROOT.glob(part):
            target = root / source.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    (root / "app/commands/serve.py").write_text(COMMAND, encoding="utf-8")
    make_wheel(tmp_path / "wheels", "pebble", "1.0")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "SACCADE_", "PYTEST_"))}
    offline = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path / "wheels"), "PIP_NO_CACHE_DIR": "1"}
    made = Checkout(root, kept | offline)
    made.require("pebble==1.0  # a package made for this test")
    yield made
    for process in made.running:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
