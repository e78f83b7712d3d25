"""Which files an import reads: those that were named, and in folders those whose names end as a file of traces does."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from annotations.importing.frame_recovery import ARGS_FILE, read_arguments, recover_frame
from annotations.importing.json_values import BadRow
from annotations.importing.kinds import SourceKind
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
    warning    a sentence on its args.json: why it could not be used, or that it was taken for all uploaded files
    """

    path: Path
    name: str
    dataset: str
    arguments: Mapping[str, Any] | None = None
    warning: str = ""


def find_sources(given: Sequence[Path | Upload]) -> tuple[Source, ...]:
    """The files to read, each once, in order.

    Raises ImportRefused where there is none, where one that was named is not there, and where it cannot be told to which of the
    uploaded files an uploaded args.json belongs.
    """
    found = {source.path: source for source in _uploaded([item for item in given if isinstance(item, Upload)])}
    for item in given:
        if not isinstance(item, Upload):
            for path, name in _files(item):
                # A link and what it leads to are one file; args.json is looked for where the name is.
                found.setdefault(path.resolve(), _source(path, name))
    if not found:
        raise ImportRefused(f"There is nothing to import in {_named(given)}: give files or folders with .jsonl, .json or .parquet files.")
    return tuple(found.values())


def _uploaded(uploads: Sequence[Upload]) -> list[Source]:
    """The uploaded files. An upload has lost its folder, so that one args.json is of all of them, and of several each may be of any."""
    runs = [upload for upload in uploads if _base(upload.name) == ARGS_FILE]
    names = {upload.path: _base(upload.name) or "upload" for upload in uploads if upload not in runs}
    if not runs:
        return [Source(path, name, _dataset(name, "")) for path, name in names.items()]
    instead = "import one run at a time, or the folder of the runs by command (python3 launch.py import FOLDER)."
    if len(runs) > 1:
        raise ImportRefused(
            f"{len(runs)} files called {ARGS_FILE} were uploaded, and an upload does not say which run each is of: {instead}"
        )
    tags = sorted({tag for name in names.values() if (tag := _tag(name))})
    if len(tags) > 1:
        raise ImportRefused(f"The uploaded {ARGS_FILE} can be of one run only, and the files are of {_listed(tags)}: {instead}")
    arguments, warning = _arguments(runs[0].path)
    if warning:
        return [Source(path, name, _dataset(name, ""), None, f"{name}: {warning}") for path, name in names.items()]
    # One sentence for all of them, so that it is said once.
    frame = recover_frame(SourceKind.ROLLOUT, arguments).known_by
    shared = f"The uploaded {ARGS_FILE} was taken for the run of {_listed(list(names.values()))} ({frame})."
    return [Source(path, name, _dataset(name, ""), arguments, shared) for path, name in names.items()]


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
    return Source(path, name, _dataset(path.name, folder), arguments, f"{name}: {warning}" if warning else "")


def _arguments(path: Path) -> tuple[Mapping[str, Any] | None, str]:
    try:
        return read_arguments(path), ""
    except BadRow as error:
        return None, f"The run's arguments are not known, so its frame is not either: {error}"


def _dataset(name: str, folder: str) -> str:
    """The run's tag, the run's folder, or the file's own name without its endings."""
    return (_tag(name) or folder or _stem(name))[:_LONGEST_NAME]


def _tag(name: str) -> str:
    """The name of the run in a file's name, as the reference writes it; "" where there is none."""
    tagged = _REFERENCE_NAME.fullmatch(_stem(name))
    return tagged["tag"] if tagged else ""


def _stem(name: str) -> str:
    return name.split(".", 1)[0] or name


def _base(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).name


def _named(given: Sequence[Path | Upload]) -> str:
    return _listed([item.name if isinstance(item, Upload) else str(item) for item in given])


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "") if names else "nothing"
