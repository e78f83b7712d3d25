"""A real server of this program in a process of its own, for measuring: started, asked, and ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.errors import StartError

_ROOT = Path(__file__).resolve().parents[2]
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Serving:
    """A server that answers: its address, its process id, and the seconds from its start to its first answer."""

    address: str
    pid: int
    seconds_to_answer: float

    def resident_megabytes(self) -> float:
        """The process's resident memory. Raises StartError on a system that does not tell it in /proc."""
        status = Path(f"/proc/{self.pid}/status")
        if not status.is_file():
            raise StartError("Resident memory is read from /proc, which this system does not have: measure it by hand.")
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    def kill(self) -> None:
        """End it at once, in the middle of whatever it does: it can finish nothing, and say nothing."""
        os.kill(self.pid, signal.SIGKILL)


@contextmanager
def serving(data_dir: Path, *options: str, port: int = 0) -> Iterator[Serving]:
    """A server over a data folder, with further options, on `port`, or on any free one of this machine; it is ended with the block."""
    port = port or free_port()
    command = [sys.executable, str(_ROOT / "launch.py"), "--port", str(port), "--data-dir", str(data_dir), "--no-browser", *options]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=_ROOT)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait(process, address, start)
        yield Serving(address, process.pid, time.perf_counter() - start)
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stderr:
            process.stderr.close()


def _wait(process: subprocess.Popen[bytes], address: str, start: float) -> None:
    while time.perf_counter() - start < _PATIENCE:
        if process.poll() is not None:
            words = process.stderr.read().decode(errors="replace") if process.stderr else ""
            raise StartError(f"The server to be measured did not start: {words.strip() or process.returncode}")
        try:
            with urllib.request.urlopen(address, timeout=_PATIENCE):
                return
        except urllib.error.HTTPError:
            return  # a server that asks who is there answers too
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.01)
    raise StartError(f"The server to be measured did not answer within {_PATIENCE:.0f} s.")


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
