"""Files -> rows, streaming: JSON lines, JSON arrays and parquet, plain or gzipped, in UTF-8, UTF-16 or UTF-32.

What a file is, is told by its first bytes and never by its name. A row is at most `MAX_ROW_BYTES` long; of a longer one, only that
much is ever held. A row that cannot be read comes out with its reason, and the rows behind it are read all the same.
"""

from __future__ import annotations

import codecs
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from annotations.importing.arrays import Element, array_elements, object_elements
from annotations.importing.json_values import BadRow, read_json, storable

# The longest line, array element or text of a row that is read. The reference's largest search trees have a few megabytes.
MAX_ROW_BYTES = 16 * 2**20
_CHUNK = 2**20
# Where so many lines are the first and none is JSON, the file is of another kind.
_FIRST_LINES = 20
_BUFFER = 2**18
# A first line with nothing but a bracket: an object that was written over several lines.
_OBJECT_OVER_LINES = re.compile(rb"\s*\{[ \t]*\r?\n")

_GZIP = b"\x1f\x8b"
PARQUET = b"PAR1"
_BINARY = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"%PDF", b"PK\x03\x04", b"SQLite format 3", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ")
# UTF-32 first: its little-endian mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a file: `document` where it could be read, else `reason`. `line` counts from 1; 0 is the file as a whole.

    `size` is the length of its text in bytes, 0 where it is not known.
    """

    line: int
    document: Any = None
    reason: str = ""
    repairs: tuple[str, ...] = ()
    size: int = field(default=0, compare=False)


class RowFile:
    """An open file of rows. Iterating gives `Row`s and never raises for what is in the file.

    `position` is how far into the file on the disk the last row lies, in bytes. Raises OSError where the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._path = path
        self.size = path.stat().st_size
        self._share = 0.0
        self._given = 0
        self._plain = False

    def __enter__(self) -> RowFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    @property
    def position(self) -> int:
        """How far the rows that were given out reach, from 0 to `size`; of a packed or recoded file, how far it has been read."""
        read = self._given if self._plain else self._file.tell()
        return min(max(read, int(self._share * self.size)), self.size)

    def __iter__(self) -> Iterator[Row]:
        start = self._file.read(4)
        self._file.seek(0)
        if not start:
            yield Row(0, reason="The file is empty.")
        elif start == PARQUET:
            yield from self._parquet_rows()
        else:
            yield from self._text_rows(start)

    def _parquet_rows(self) -> Iterator[Row]:
        # pyarrow takes a while to load, and most imports need none of it.
        from annotations.importing.parquet import parquet_rows

        for line, total, values, reason in parquet_rows(self._path):
            self._share = line / total if total else 1.0
            yield Row(line, reason=reason) if reason else _stored_row(line, values)

    def _text_rows(self, start: bytes) -> Iterator[Row]:
        line = 0
        try:
            stream = self._text_stream(start)
            for row in _rows_of_text(stream):
                line = row.line
                self._given += row.size
                yield row
        except zlib.error as error:
            yield Row(line + 1, reason=f"The gzip file is damaged or was cut short: {error}.")

    def _text_stream(self, start: bytes) -> io.BufferedReader[Any]:
        packed = start.startswith(_GZIP)
        raw: io.RawIOBase = _Unpacked(self._file) if packed else _Plain(self._file)
        plain = io.BufferedReader(raw, _BUFFER)
        encoding, mark = _encoding(plain.peek(512)[:512])
        plain.read(mark)
        self._plain = encoding == "utf-8" and not packed
        return plain if encoding == "utf-8" else io.BufferedReader(_Recoded(plain, encoding), _BUFFER)


def _rows_of_text(stream: io.BufferedReader[Any]) -> Iterator[Row]:
    head = stream.peek(4096)[:4096]
    reason = _not_text(head)
    first = head.lstrip()[:1]
    if reason or not first:
        yield Row(0, reason=reason or "The file holds nothing but white space.")
    elif first == b"[":
        yield from _element_rows(array_elements(stream, MAX_ROW_BYTES, _CHUNK))
    elif _OBJECT_OVER_LINES.match(head):
        yield from _element_rows(object_elements(stream, MAX_ROW_BYTES, _CHUNK))
    else:
        yield from _lines_of_json(_line_rows(stream))


def _lines_of_json(rows: Iterator[Row]) -> Iterator[Row]:
    """The rows, or, where none of the first is JSON, one that refuses the file as a whole: a page of prose has no rows."""
    first = []
    for row in rows:
        first.append(row)
        # A line that is too long to be read may well be JSON.
        if not row.reason or row.size > MAX_ROW_BYTES:
            break
        if len(first) == _FIRST_LINES:
            reason = "Not JSON lines, a JSON array or parquet: its first line is not JSON"
            yield Row(0, reason=f"{reason}, and neither are the next {_FIRST_LINES - 1}.")
            return
    yield from first
    yield from rows


def _line_rows(stream: io.BufferedReader[Any]) -> Iterator[Row]:
    line = 0
    while raw := stream.readline(MAX_ROW_BYTES + 1):
        line += 1
        if len(raw) > MAX_ROW_BYTES and not raw.endswith(b"\n"):
            length = len(raw) + _skip_line(stream)
            yield Row(line, reason=_too_long(length), size=length)
        elif raw.strip():
            yield _read_row(line, raw, last=not raw.endswith(b"\n"))


def _skip_line(stream: io.BufferedReader[Any]) -> int:
    """Reads to the end of the line, a piece at a time; bytes read."""
    skipped = 0
    while piece := stream.readline(_CHUNK):
        skipped += len(piece)
        if piece.endswith(b"\n"):
            break
    return skipped


def _element_rows(elements: Iterator[Element]) -> Iterator[Row]:
    line = 0
    for line, element in enumerate(elements, start=1):
        if element.reason:
            yield Row(line, reason=element.reason, size=element.length)
        elif element.length > len(element.raw):
            yield Row(line, reason=_too_long(element.length), size=element.length)
        else:
            yield _read_row(line, element.raw, last=False)
    if not line:
        yield Row(0, reason="The array is empty.")


def _read_row(line: int, raw: bytes, *, last: bool) -> Row:
    try:
        document, repairs = read_json(raw.strip(), last=last)
    except BadRow as error:
        return Row(line, reason=str(error), size=len(raw))
    return Row(line, document, repairs=repairs, size=len(raw))


def _stored_row(line: int, values: Any) -> Row:
    notes: list[str] = []
    try:
        document = storable(values, notes)
    except BadRow as error:
        return Row(line, reason=str(error))
    return Row(line, document, repairs=tuple(dict.fromkeys(notes)))


def _too_long(length: int) -> str:
    return f"The row is {length / 2**20:.1f} MiB long, and {MAX_ROW_BYTES // 2**20} MiB is the most that is read."


def _encoding(head: bytes) -> tuple[str, int]:
    """The text's encoding and the length of its byte order mark. Without a mark, NULs beside ASCII betray UTF-16 and UTF-32."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name, len(mark)
    first = head[:4]
    shapes = {b"\0\0\0x": "utf-32-be", b"x\0\0\0": "utf-32-le", b"\0x\0x": "utf-16-be", b"x\0x\0": "utf-16-le"}
    return shapes.get(re.sub(rb"[^\0]", b"x", first), "utf-8"), 0


def _not_text(head: bytes) -> str:
    if head.startswith(_BINARY) or head[257:262] == b"ustar":
        return "Not a file of traces: its first bytes are those of a picture, a document or a packed archive."
    if head.startswith(PARQUET):
        return "A parquet file inside gzip is not read: unpack it first."
    strange = sum(byte < 32 and byte not in b"\t\n\r" for byte in head)
    return "Not a file of traces: it holds binary data." if strange > len(head) * 0.3 else ""


class _Plain(io.RawIOBase):
    """A file's bytes as they come, behind a door that may be closed without closing the file."""

    def __init__(self, file: io.BufferedReader[Any]) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._file.readinto1(buffer)


class _Unpacked(io.RawIOBase):
    """The inside of a gzip file, of any number of members. What lies before a damaged place is given out before zlib.error is raised."""

    def __init__(self, packed: io.BufferedReader[Any]) -> None:
        self._packed = packed
        self._zlib = zlib.decompressobj(wbits=31)
        self._input = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = b""
        while not data:
            self._input = self._input or self._packed.read(_BUFFER)
            if not self._input:
                if self._zlib.eof:
                    return 0
                raise zlib.error("it ends in the middle")
            if self._zlib.eof:
                if not self._input.startswith(_GZIP):
                    return 0
                self._zlib = zlib.decompressobj(wbits=31)
            data = self._zlib.decompress(self._input, len(buffer))
            self._input = self._zlib.unused_data if self._zlib.eof else self._zlib.unconsumed_tail
        buffer[: len(data)] = data
        return len(data)


class _Recoded(io.RawIOBase):
    """UTF-16 or UTF-32 as UTF-8, a piece at a time. Half surrogate pairs are passed on, for the row's own mending to name them."""

    def __init__(self, raw: io.BufferedReader[Any], encoding: str) -> None:
        self._raw = raw
        self._decoder = codecs.getincrementaldecoder(encoding)(errors="surrogatepass")
        self._pending = b""
        self._over = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._pending and not self._over:
            piece = self._raw.read(_BUFFER)
            self._over = not piece
            self._pending = self._recode(piece)
        data, self._pending = self._pending[: len(buffer)], self._pending[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)

    def _recode(self, piece: bytes) -> bytes:
        try:
            text = self._decoder.decode(piece, final=self._over)
        except UnicodeDecodeError:
            # A byte too few at the end, or a code beyond Unicode: what stands here is unreadable, the rest goes on.
            self._decoder.reset()
            text = "\ufffd"
        return text.encode("utf-8", errors="surrogatepass")
