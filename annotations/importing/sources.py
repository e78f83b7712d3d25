"""Which files an import reads: those that were named, and in folders those whose names end as a file of traces does."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from annotations.importing.frame_recovery import ARGS_FILE, read_arguments
from annotations.importing.json_values import BadRow
from core.errors import ImportRefused

# A folder holds pictures and notes beside its traces. A file that is named itself is always read, whatever its name is.
_ENDING = re.compile(r"\.(?:jsonl|ndjson|json|parquet)(?:\.gz)?\Z", re.IGNORECASE)
# How the reference names its files; the tag is the name of the run.
_REFERENCE_NAME = re.compile(r"(?:rollouts|errors)_(?P<tag>.+)_worker\d+_(?:final|ckpt\d+)")
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was uploaded: where it lies, and what it was called."""

    path: Path
    name: str


@dataclass(frozen=True, slots=True)
class Source:
    """A file to be read.

    name       what to call it to a person: never a path of this machine
    dataset    the data set that its name stands for
    arguments  of the run that wrote it, from args.json; None where there is none
    warning    why an args.json could not be used
    """

    path: Path
    name: str
    dataset: str
    arguments: Mapping[str, Any] | None = None
    warning: str = ""


def find_sources(given: Sequence[Path | Upload]) -> tuple[Source, ...]:
    """The files to read, each once, in order. Raises ImportRefused where there is none, or one that was named is not there."""
    uploaded = next((item for item in given if isinstance(item, Upload) and _base(item.name) == ARGS_FILE), None)
    arguments, warning = _arguments(uploaded.path) if uploaded else (None, "")
    found: dict[Path, Source] = {}
    for item in given:
        if isinstance(item, Upload):
            if _base(item.name) != ARGS_FILE:
                name = _base(item.name) or "upload"
                found.setdefault(item.path, Source(item.path, name, _dataset(name, ""), arguments, warning))
        else:
            for path, name in _files(item):
                # A link and what it leads to are one file; args.json is looked for where the name is.
                found.setdefault(path.resolve(), _source(path, name))
    if not found:
        raise ImportRefused(f"There is nothing to import in {_named(given)}: give files or folders with .jsonl, .json or .parquet files.")
    return tuple(found.values())


def _files(path: Path) -> list[tuple[Path, str]]:
    if path.is_file():
        return [] if path.name == ARGS_FILE else [(path, path.name)]
    if not path.is_dir():
        raise ImportRefused(f"There is no file or folder {path}.")
    files = []
    for folder, folders, names in os.walk(path):
        folders.sort()
        for name in sorted(names):
            file = Path(folder, name)
            if name != ARGS_FILE and _ENDING.search(name) and file.is_file():
                files.append((file, file.relative_to(path).as_posix()))
    return files


def _source(path: Path, name: str) -> Source:
    beside = path.parent / ARGS_FILE
    arguments, warning = _arguments(beside) if beside.is_file() else (None, "")
    folder = path.resolve().parent.name if arguments is not None else ""
    return Source(path, name, _dataset(path.name, folder), arguments, warning)


def _arguments(path: Path) -> tuple[Mapping[str, Any] | None, str]:
    try:
        return read_arguments(path), ""
    except BadRow as error:
        return None, f"The run's arguments are not known, so its frame is not either: {error}"


def _dataset(name: str, folder: str) -> str:
    """The run's tag, the run's folder, or the file's own name without its endings."""
    stem = name.split(".", 1)[0] or name
    tagged = _REFERENCE_NAME.fullmatch(stem)
    return ((tagged["tag"] if tagged else folder) or stem)[:_LONGEST_NAME]


def _base(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).name


def _named(given: Sequence[Path | Upload]) -> str:
    names = [item.name if isinstance(item, Upload) else str(item) for item in given]
    return ", ".join(names[:3]) + (" and others" if len(names) > 3 else "") if names else "nothing"
