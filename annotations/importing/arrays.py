"""A stream of JSON -> its top-level elements as bytes, without reading what is in them.

Only quotes, brackets and commas are looked at, so an element that is not JSON does not keep the next one from being found, and of an
element over the limit no more than the limit is held. A parser that reads the whole array as one text (ijson, say) stops at the first
`NaN` and builds an element of any size in memory.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

_INSIDE_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_AT_TOP = re.compile(rb'["\[\]{},]')
# Deeper down commas mean nothing, and a whole string is one match: this is what makes a gigabyte bearable.
_DEEPER = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|["\[\]{}]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Element:
    """One element: its bytes, or the first of them where it is over the limit; `length` in full; `reason` where it is broken off."""

    raw: bytes
    length: int
    reason: str = ""


def array_elements(stream: io.BufferedReader[Any], limit: int, chunk: int) -> Iterator[Element]:
    """The elements of the JSON array that the stream holds, in order."""
    while stream.read(1) not in (b"[", b""):
        pass
    yield from _Scanner(limit, in_array=True).elements(stream, chunk)


def object_elements(stream: io.BufferedReader[Any], limit: int, chunk: int) -> Iterator[Element]:
    """The objects of a stream that holds one after the other, each over any number of lines."""
    yield from _Scanner(limit, in_array=False).elements(stream, chunk)


@dataclass(slots=True)
class _Scanner:
    """Where the scan stands: nothing of the stream is kept but the element that is being read."""

    limit: int
    in_array: bool
    depth: int = 0
    in_string: bool = False
    escaped: bool = False
    over: bool = False
    parts: list[bytes] = field(default_factory=list)
    held: int = 0
    length: int = 0

    def elements(self, stream: io.BufferedReader[Any], chunk: int) -> Iterator[Element]:
        while not self.over and (data := stream.read(chunk)):
            yield from self._scan(data)
            if self.over:
                rest = self._rest(data, stream, chunk)
                if rest:
                    yield Element(b"", 0, "There is text behind the end of the array.")
                return
        yield from self._broken_off()

    def _scan(self, data: bytes) -> Iterator[Element]:
        at = start = 0
        if self.escaped:
            at, self.escaped = 1, False
        while at < len(data):
            if self.in_string:
                at = self._leave_string(data, at)
                continue
            found = (_DEEPER if self.depth else _AT_TOP).search(data, at)
            if not found:
                break
            at = found.end()
            ends = self._step(found.group()[:1], whole_string=len(found.group()) > 1)
            if ends:
                # The comma or the array's own bracket is not part of the element; an object's bracket is.
                self._keep(data[start : at - 1 if self.in_array else at])
                start = at
                yield from self._finished()
            if self.over:
                self.parts = [data[at:]]
                return
        self._keep(data[start:])

    def _leave_string(self, data: bytes, at: int) -> int:
        found = _INSIDE_STRING.match(data, at)
        at = found.end() if found else at
        if at < len(data):
            self.in_string = data[at : at + 1] != b'"'
            self.escaped = self.in_string
            return at + 1
        return at

    def _step(self, mark: bytes, *, whole_string: bool) -> bool:
        """Takes one mark in; True where an element ends with it."""
        if mark == b'"':
            self.in_string = not whole_string
        elif mark in b"[{":
            self.depth += 1
        elif mark == b",":
            return self.in_array
        elif self.depth:
            self.depth -= 1
            return self.depth == 0 and not self.in_array
        elif mark == b"]" and self.in_array:
            self.over = True
            return True
        return False

    def _keep(self, data: bytes) -> None:
        self.length += len(data)
        if self.held < self.limit:
            self.parts.append(data[: self.limit - self.held])
            self.held += len(self.parts[-1])

    def _finished(self) -> Iterator[Element]:
        raw, length = b"".join(self.parts).strip(), self.length
        self.parts, self.held, self.length = [], 0, 0
        if raw:
            yield Element(raw, length if length > self.limit else len(raw))
        elif not self.over:
            yield Element(b"", 0, "There is nothing between two commas.")

    def _rest(self, data: bytes, stream: io.BufferedReader[Any], chunk: int) -> bytes:
        rest = b"".join(self.parts).strip()
        while not rest and (data := stream.read(chunk)):
            rest = data.strip()
        return rest[:1]

    def _broken_off(self) -> Iterator[Element]:
        if self.depth or self.in_string:
            reason = "The file breaks off inside this element: a bracket or a quote is missing, or the file was cut short."
            yield Element(b"", self.length, reason)
            return
        if b"".join(self.parts).strip():
            yield from self._finished()
        if self.in_array:
            yield Element(b"", 0, "The array is not closed: the file was probably cut short.")
