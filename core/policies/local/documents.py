"""The small text files of a checkpoint, read with a sentence for what is wrong with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.errors import PolicyError

# No configuration of a model comes near; a tokenizer is read by its library and not here.
_MOST_BYTES = 64 * 2**20


def read_text(file: Path) -> str:
    """The file's text. Raises PolicyError where it cannot be read, is no UTF-8, or is far too large."""
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise PolicyError(f"{file} has {file.stat().st_size:,} bytes, far more than such a file has: it is not part of a checkpoint.")
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise PolicyError(f"{file} cannot be read ({error.strerror or error}).") from error
    except UnicodeDecodeError as error:
        raise PolicyError(f"{file} is not text in UTF-8: it is broken, so download or copy it again.") from error


def read_json(file: Path) -> dict[str, Any]:
    """The JSON object in the file. Raises PolicyError where it cannot be read, or is none."""
    try:
        found = json.loads(read_text(file))
    except (ValueError, RecursionError) as error:
        raise PolicyError(f"{file} is not JSON ({error}): it is broken or cut off, so download or copy it again.") from error
    if not isinstance(found, dict):
        raise PolicyError(f"{file} holds no JSON object: it is broken, so download or copy it again.")
    return found


def read_json_if_there(file: Path) -> dict[str, Any]:
    """The same; empty where there is no such file."""
    return read_json(file) if file.is_file() else {}
