"""One JSON text -> plain values that every database takes, with a list of what had to be mended.

Mended, and said: bytes that are not UTF-8, NaN and Infinity, numbers too large for a float, keys that stand twice, raw control
characters inside strings, NUL characters and lone surrogates. What cannot be read at all is a `BadRow` with one sentence.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

from core.errors import SaccadeError

# Longer whole numbers are no count, size or coordinate; a float holds up to 308 digits.
_LONGEST_INT = 300
# In JSON text: an escaped NUL or surrogate, or a NUL as it is. Only a text with one of these needs the slow walk.
_SUSPICIOUS = re.compile(rb"\\u0000|\\u[dD][89a-fA-F]|\x00")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT = "\ufffd"
# json.loads recurses; so does everything that walks its result. Nothing that is known nests deeper than a search tree of this depth.
_DEEPEST = 200


class BadRow(SaccadeError, ValueError):
    """A line, element or row that cannot be taken; the text is the reason, one sentence."""


def read_json(raw: bytes, *, last: bool = False) -> tuple[Any, tuple[str, ...]]:
    """The values of one JSON text and what was mended in it. `last` says that the file ends here. Raises BadRow."""
    notes: list[str] = []
    text = _decoded(raw, notes)
    try:
        document = _loaded(text, notes)
    except json.JSONDecodeError as error:
        raise BadRow(_broken(error, text, last)) from error
    except RecursionError as error:
        raise BadRow("The JSON is nested too deeply to be read.") from error
    except ValueError as error:
        raise BadRow(f"Not JSON that can be read: {error}.") from error
    if _SUSPICIOUS.search(raw):
        document = storable(document, notes)
    return document, tuple(dict.fromkeys(notes))


def storable(value: Any, notes: list[str]) -> Any:
    """The value with NUL and lone surrogates in its texts replaced and non-finite floats emptied. Raises BadRow for deep nesting."""
    return _walk(value, notes, _DEEPEST)


def _walk(value: Any, notes: list[str], depth: int) -> Any:
    if depth < 0:
        raise BadRow(f"The values are nested more than {_DEEPEST} deep.")
    if isinstance(value, str):
        return clean_text(value, notes)
    if isinstance(value, float) and not math.isfinite(value):
        return _empty_number(notes)(str(value))
    if isinstance(value, dict):
        return {clean_text(str(key), notes): _walk(item, notes, depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_walk(item, notes, depth - 1) for item in value]
    return value


def clean_text(text: str, notes: list[str]) -> str:
    """The text with what no database can keep (NUL, half of a surrogate pair) replaced by U+FFFD."""
    mended, count = _UNSTORABLE.subn(_REPLACEMENT, text)
    if count:
        notes.append("characters that cannot be stored (NUL or half a surrogate pair) were replaced by U+FFFD")
    return mended


def _decoded(raw: bytes, notes: list[str]) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        notes.append("bytes that are not UTF-8 were replaced by U+FFFD")
        return raw.decode("utf-8", errors="replace")


def _loaded(text: str, notes: list[str]) -> Any:
    before = list(notes)
    try:
        return _decoder(notes, strict=True).decode(text)
    except json.JSONDecodeError as error:
        if not error.msg.startswith("Invalid control character"):
            raise
    notes[:] = before
    document = _decoder(notes, strict=False).decode(text)
    notes.append("raw control characters inside strings were kept")
    return document


def _decoder(notes: list[str], *, strict: bool) -> json.JSONDecoder:
    empty = _empty_number(notes)

    def read_int(digits: str) -> int | None:
        return int(digits) if len(digits) <= _LONGEST_INT else empty(f"{digits[:12]}...")

    def read_float(digits: str) -> float | None:
        number = float(digits)
        return number if math.isfinite(number) else empty(digits[:24])

    def read_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        document = dict(pairs)
        if len(document) < len(pairs):
            seen: set[str] = set()
            twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
            notes.append(f"the key {clean_text(twice, [])!r:.60} stands twice, and the last value was kept")
        return document

    return json.JSONDecoder(object_pairs_hook=read_object, parse_int=read_int, parse_float=read_float, parse_constant=empty, strict=strict)


def _empty_number(notes: list[str]) -> Callable[[str], None]:
    def empty(written: str) -> None:
        notes.append(f"{written} is no number that can be kept, and its place was left empty")

    return empty


def _broken(error: json.JSONDecodeError, text: str, last: bool) -> str:
    if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
        where = "the file was probably cut short" if last else "a line break may stand inside it"
        return f"The JSON breaks off after {len(text)} characters: {where}."
    return f"Not JSON: {error.msg[:1].lower()}{error.msg[1:]} at character {error.pos + 1}."
