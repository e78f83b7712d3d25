"""Files that are there as a whole or not at all: written beside their place, made durable, then put under their name."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def whole_file(target: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """A new file that becomes `target` when the block ends, and is gone when it raises. The folder must be there. Raises OSError.

    durable  its bytes and its name have reached the disk when the block is left
    """
    draft = target.with_name(f".{target.name[:60]}.{secrets.token_hex(6)}.part")
    try:
        with draft.open("xb") as file:
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.replace(draft, target)
        if durable:
            _sync_folder(target.absolute().parent)
    finally:
        draft.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """The new name is on the disk too, and not only the bytes. Windows cannot open a folder, and does not need it."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
