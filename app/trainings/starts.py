"""What is written down of a process that was started for a run, and what it says on its way: in the run's folder, once there is one.

runs/.starts/NAME.json, NAME.txt   until the run has a folder, which the training itself makes
runs/NAME/start.json, output.txt   from then on
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from annotations.durable import whole_file
from app.trainings.values import Start

WAITING = ".starts"
RUN, _START, _OUTPUT = "run.json", "start.json", "output.txt"
_TAIL = 32 * 1024
_PREFIX = "saccade: "


def is_run(folder: Path) -> bool:
    """Whether a folder is a run's by now: the training makes the folder first, and says what it is a moment later."""
    return (folder / RUN).is_file()


def start_file(folder: Path) -> Path:
    """Where the start of a run is written down, before and after it has a folder."""
    return folder / _START if is_run(folder) else folder.parent / WAITING / f"{folder.name}.json"


def output_file(folder: Path) -> Path:
    """Where what the run's process says is written."""
    return folder / _OUTPUT if is_run(folder) else folder.parent / WAITING / f"{folder.name}.txt"


def waiting(root: Path) -> list[Path]:
    """The folders of runs in `root` that were started from here, and may not have one yet."""
    return [root / file.stem for file in sorted((root / WAITING).glob("*.json"))]


def adopt(folder: Path) -> None:
    """Bring what waited for a run's folder into it. A process goes on writing where it wrote, whatever the file is called."""
    beside = folder.parent / WAITING / folder.name
    if not is_run(folder) or not beside.with_name(f"{folder.name}.json").is_file():
        return
    # Two who look at the same time both try: one of them finds nothing, and all is where it belongs. A mounted folder may be for reading.
    with contextlib.suppress(OSError):
        os.replace(beside.with_name(f"{folder.name}.txt"), folder / _OUTPUT)
    with contextlib.suppress(OSError):
        os.replace(beside.with_name(f"{folder.name}.json"), folder / _START)


def read_start(folder: Path) -> Start | None:
    """The start that was written down last for a run; None where it was not started from here."""
    for file in (folder / _START, folder.parent / WAITING / f"{folder.name}.json"):
        try:
            told = json.loads(file.read_text(encoding="utf-8"))
            command = tuple(str(word) for word in told["command"])
            return Start(int(told["pid"]), float(told["created"]), str(told["host"]), command, bool(told.get("asked")))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


def write_start(folder: Path, start: Start) -> None:
    """Write the start of a run down, as a whole. Raises OSError."""
    write_start_to(start_file(folder), start)


def write_start_to(file: Path, start: Start) -> None:
    """Write a start into a file, as a whole. Raises OSError."""
    told: dict[str, Any] = {"pid": start.pid, "created": start.created, "host": start.host, "command": list(start.command)}
    with whole_file(file) as opened:
        opened.write(json.dumps(told | {"asked": start.asked}, ensure_ascii=False).encode())


def forget(folder: Path) -> None:
    """Remove what waits for a run that will never be."""
    for ending in ("json", "txt"):
        (folder.parent / WAITING / f"{folder.name}.{ending}").unlink(missing_ok=True)


def output_of(folder: Path) -> str:
    """The end of what the run's process said; empty where nothing is known of it."""
    for file in (folder / _OUTPUT, folder.parent / WAITING / f"{folder.name}.txt"):
        try:
            with file.open("rb") as opened:
                opened.seek(max(0, opened.seek(0, os.SEEK_END) - _TAIL))
                return opened.read().decode("utf-8", "replace")
        except OSError:
            continue
    return ""


def last_sentence(said: str) -> str:
    """What a process said last: its own sentence where it ended with one, else its last line."""
    lines = [line.strip() for line in said.replace("\r", "\n").splitlines() if line.strip()]
    told = [line for line in lines if line.startswith(_PREFIX)]
    return (told[-1].removeprefix(_PREFIX) if told else lines[-1] if lines else "")[:2000]
