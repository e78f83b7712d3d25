"""One run of pip: its chatter told as steady lines, its failures as one sentence with the mend. Standard library only.

The whole of what pip said is kept in a log file; what a person sees is what is being done and how far it is:

    package 3 of 16: fastapi 0.165.0
      downloading torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl (890.1 MB)
      it needs networkx (31 found so far)
    installing: 24 of 72 packages
"""

# ruff: noqa: T201 - the first start speaks through print

from __future__ import annotations

import contextlib
import os
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from core.errors import StartError

HEARTBEAT = 10.0  # seconds without a word after which a line says that the work goes on
RAW_PROGRESS = (24, 1)  # the first pip that can print its progress as plain numbers

_COLLECTING = re.compile(r"(?:Collecting|Requirement already satisfied:) ([A-Za-z0-9._-]+)(?:\[[^]]*\])?([^ ;(]*)")
_PROCESSING = re.compile(r"Processing \S*?/([A-Za-z0-9._]+?)-(\d[^-/]*)-[^/]*\.whl")
_DIRECT = re.compile(r"\(from -r |^[^(]*$")
_DOWNLOADING = re.compile(r"\s*Downloading (\S+) \(([^)]*)\)")
_INSTALLING = re.compile(r"Installing collected packages: (.*)")
_PROGRESS = re.compile(r"Progress (\d+) of (\d+)")
_NO_ANSWER = re.compile(
    r"NewConnectionError|ConnectTimeoutError|ReadTimeout|ConnectionResetError|ProtocolError|IncompleteRead|ProxyError|SSLError"
    r"|Max retries exceeded|Could not fetch URL|Failed to establish|Connection broken|Connection timed out|Network is unreachable"
    r"|[Nn]ame or service not known|[Tt]emporary failure in name resolution|getaddrinfo failed"
)
_DISK_FULL = re.compile(r"\[Errno (?:28|122)\]|No space left on device|Disk quota exceeded")
_NO_MATCH = re.compile(r"No matching distribution found for (\S+)")


def pip_install(python: Path, requirements: Sequence[Path], direct: int, log: Path, keep_open: Sequence[int] = ()) -> None:
    """Install the `requirements` files, which name `direct` packages, into the environment of `python`.

    `keep_open` are file descriptors that pip holds as long as it lives: with the lock among them, a pip that outlives a killed start
    still keeps the next one waiting. Raises StartError with the mend; KeyboardInterrupt with a sentence when it is stopped.
    """
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--no-color", "--progress-bar"]
    command.append("raw" if _pip_version(python) >= RAW_PROGRESS else "off")
    for file in requirements:
        command += ["-r", str(file)]
    progress = Progress(direct, _site_packages(python))
    with log.open("w", encoding="utf-8") as record:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            pass_fds=() if os.name == "nt" else tuple(keep_open),
        )
        try:
            _follow(process, progress, record)
        except KeyboardInterrupt as stop:
            raise type(stop)("Stopped before the install was finished; the next start resumes it.") from None
        finally:
            _end(process)
    if process.returncode != 0:
        raise StartError(progress.failure(process.returncode, log))


class Progress:
    """What pip has said so far, told in steady lines."""

    def __init__(self, direct: int, site_packages: Path) -> None:
        self.direct = direct
        self.site_packages = site_packages
        self.found: list[str] = []
        self.found_direct = 0
        self.to_install = self.installed_before = 0
        self.doing = "asking the package index"
        self.last_told = time.monotonic()
        self.told = ""
        self.errors: list[str] = []
        self.no_answer = self.disk_full = False

    def hear(self, line: str) -> None:
        """Take in one line of pip's and say what a person wants to know of it, which is often nothing."""
        if found := (_COLLECTING.match(line) or _PROCESSING.match(line)):
            self._found(found[1].replace("_", "-"), found[2].replace("==", ""), bool(_DIRECT.search(line)))
        elif download := _DOWNLOADING.match(line):
            self.doing = f"downloading {download[1]}"
            if download[2].endswith(("MB", "GB")):  # the small ones are here before the line is read
                self._tell(f"  downloading {download[1]} ({download[2]})")
        elif number := _PROGRESS.match(line):
            self._downloaded(int(number[1]), int(number[2]))
        elif install := _INSTALLING.match(line):
            self.to_install = install[1].count(",") + 1
            self.installed_before = self._installed()
            self.doing = "installing"
            self._tell(f"installing {self.to_install} package{'s' if self.to_install > 1 else ''}")
        elif line.startswith("ERROR:"):
            self.errors.append(line.removeprefix("ERROR:").strip())
        self.disk_full = self.disk_full or bool(_DISK_FULL.search(line))
        if not self.no_answer and _NO_ANSWER.search(line):
            self.no_answer = True
            self._tell("  no answer from the package index; trying again")

    def pulse(self) -> None:
        """Called when pip has been silent for a moment: how far the install is, or that the work goes on."""
        silent = time.monotonic() - self.last_told
        if self.to_install and silent >= 2:
            done = min(self._installed() - self.installed_before, self.to_install)
            self._tell(f"  installing: {done} of {self.to_install} packages", again=silent >= HEARTBEAT)
        elif silent >= HEARTBEAT:
            self._tell(f"  still {self.doing}", again=True)

    def failure(self, code: int, log: Path) -> str:
        """Why pip ended with `code`, as one sentence with the mend."""
        if self.disk_full:
            return f"The disk is full, so the install broke off: free some space on the disk of {log.parent} and start again; it resumes."
        if self.no_answer or (not self.found and any("from versions: none" in error for error in self.errors)):
            return (
                "The packages could not be downloaded, because the package index did not answer: check the network connection (or the "
                f"proxy, which pip takes from HTTPS_PROXY) and start again; the install resumes. All of it is in {log}"
            )
        for error in self.errors:
            if missing := _NO_MATCH.search(error):
                return (
                    f"The package index has no {missing[1]} for Python {sys.version_info[0]}.{sys.version_info[1]} on this machine: start "
                    f"with another Python, such as python3.12 launch.py, after removing {log.parent}. All of it is in {log}"
                )
        if code < 0:
            return f"The install was ended by signal {-code}, perhaps for want of memory: start again; it resumes. All of it is in {log}"
        last = self.errors[-1] if self.errors else f"pip ended with code {code}"
        return f"The install failed ({last.rstrip('.')}): mend that and start again; it resumes. All of it is in {log}"

    def _found(self, name: str, version: str, direct: bool) -> None:
        if name.lower() in self.found:
            return
        self.found.append(name.lower())
        if direct and self.found_direct < self.direct:
            self.found_direct += 1
            self._tell(f"package {self.found_direct} of {self.direct}: {name} {version}".rstrip())
        else:
            self._tell(f"  it needs {name} ({len(self.found)} found so far)")
        self.doing = f"looking at {name}"

    def _installed(self) -> int:
        return sum(1 for _ in self.site_packages.glob("*.dist-info/INSTALLER"))

    def _downloaded(self, done: int, total: int) -> None:
        if time.monotonic() - self.last_told >= 2 and done < total:
            self._tell(f"  {self.doing}: {done / 1e6:.0f} of {total / 1e6:.0f} MB")

    def _tell(self, line: str, again: bool = False) -> None:
        """Print `line`; the same line twice running only where `again` asks for it."""
        if line != self.told or again:
            print(line, flush=True)
            self.told = line
            self.last_told = time.monotonic()


def _follow(process: subprocess.Popen[str], progress: Progress, record: TextIO) -> None:
    """Read pip's output to its end, with a pulse for the silences."""
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=0.5)
        except queue.Empty:
            progress.pulse()
            continue
        if line is None:
            return
        with contextlib.suppress(OSError):  # on a full disk the log is lost too; the sentence to come matters more
            record.write(line)
            record.flush()
        progress.hear(line)


def _end(process: subprocess.Popen[str]) -> None:
    """Wait for pip, or end it where it is still at work."""
    if process.stdout is not None and process.poll() is None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=1)
    if process.poll() is None:
        process.terminate()
    process.wait()


def _pip_version(python: Path) -> tuple[int, ...]:
    """The version of the environment's pip, from the name of its folder, so that no interpreter is started to ask."""
    for folder in _site_packages(python).glob("pip-*.dist-info"):
        return tuple(int(part) for part in re.findall(r"\d+", folder.name)[:2])
    return (0,)


def _site_packages(python: Path) -> Path:
    """Where the environment of `python` keeps its packages."""
    environment = python.parent.parent
    if os.name == "nt":
        return environment / "Lib" / "site-packages"
    return next(environment.glob("lib/python3*/site-packages"), environment / "lib")
