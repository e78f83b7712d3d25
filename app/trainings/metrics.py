"""The figures of a run, read from its metrics.jsonl as it grows.

A line is taken once it is whole. What was read before is not read again; where the file has become another one, as when a run goes on
from an earlier checkpoint, it is read from its beginning.
"""

from __future__ import annotations

import itertools
import json
import math
import os
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO, TypeGuard

import numpy

_CHUNK = 4 * 1024 * 1024
# A line of more bytes is no run's.
_LONGEST = 16 * 1024 * 1024
# So many bytes before the place that was reached tell whether the file is still the same one.
_KNOWN = 96
# More columns than any run has: a file that is none does not fill the memory.
_COLUMNS = 200
_TAIL = 16 * 1024


@dataclass(frozen=True, slots=True)
class Column:
    """The values of one figure, with their steps."""

    steps: array[float] = field(default_factory=lambda: array("d"))
    values: array[float] = field(default_factory=lambda: array("d"))


Points = tuple[list[float], list[float]]


class MetricsLog:
    """A metrics.jsonl. Safe to share between threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()
        self._clear()

    def _clear(self) -> None:
        self._at = 0
        self._known = b""
        self._columns: dict[str, Column] = {}
        self._stages: list[tuple[float, str]] = []
        self.lines = 0

    def refresh(self) -> None:
        """Take in what is new. A file that is not there, or not any more, has no lines; raises nothing."""
        with self._lock:
            try:
                with self.path.open("rb") as file:
                    self._read(file)
            except OSError:
                self._clear()

    def _read(self, file: BinaryIO) -> None:
        if not self._is_same(file):
            self._clear()
        file.seek(self._at)
        rest = b""
        while chunk := file.read(_CHUNK):
            *whole, rest = (rest + chunk).split(b"\n")
            if whole:
                self._take(whole)
                self._at = file.tell() - len(rest)
            elif len(rest) > _LONGEST:
                break
        before = min(_KNOWN, self._at)
        file.seek(self._at - before)
        self._known = file.read(before)

    def _is_same(self, file: BinaryIO) -> bool:
        if file.seek(0, os.SEEK_END) < self._at:
            return False
        file.seek(self._at - len(self._known))
        return file.read(len(self._known)) == self._known

    def _take(self, lines: list[bytes]) -> None:
        for line in _documents(lines):
            self.lines += 1
            step = line.get("step")
            if not _is_number(step):
                continue
            stage = line.get("stage")
            if isinstance(stage, str) and (not self._stages or self._stages[-1][1] != stage):
                self._stages.append((float(step), stage))
            for name, value in line.items():
                if name != "step" and _is_number(value):
                    self._add(name, step, value)

    def _add(self, name: str, step: float, value: float) -> None:
        column = self._columns.get(name)
        if column is None:
            if len(self._columns) >= _COLUMNS:
                return
            column = self._columns[name] = Column()
        column.steps.append(step)
        column.values.append(value)

    @property
    def names(self) -> tuple[str, ...]:
        """The figures that there are."""
        with self._lock:
            return tuple(self._columns)

    @property
    def stages(self) -> list[tuple[float, str]]:
        """Where each stage of the recipe begins: the first step that was told of it, and its name."""
        with self._lock:
            return list(self._stages)

    def points(self, name: str, most: int) -> Points:
        """Steps and values of a figure, about `most` of them: of each stretch the lowest and the highest."""
        with self._lock:
            column = self._columns.get(name, Column())
            return thinned(column.steps, column.values, most)

    def ends(self, name: str, share: float = 0.1) -> tuple[float, float] | None:
        """The means of the first and of the last part of a figure; None for fewer than ten values."""
        with self._lock:
            values = self._columns.get(name, Column()).values
            if len(values) < 10:
                return None
            part = max(3, int(len(values) * share))
            return math.fsum(values[:part]) / part, math.fsum(values[-part:]) / part

    def last(self, name: str) -> float | None:
        """The newest value of a figure."""
        with self._lock:
            column = self._columns.get(name)
            return column.values[-1] if column else None


def thinned(steps: Iterable[float], values: Iterable[float], most: int) -> Points:
    """About `most` of the points, in their order: the first, the last, and of each stretch the lowest and the highest."""
    x, y = numpy.asarray(steps, dtype=float), numpy.asarray(values, dtype=float)
    if len(x) > most:
        edges = numpy.linspace(0, len(x), most // 2 + 1).astype(int)
        kept = {0, len(x) - 1}
        for low, high in itertools.pairwise(edges):
            if high > low:
                kept |= {int(low + y[low:high].argmin()), int(low + y[low:high].argmax())}
        at = sorted(kept)
        x, y = x[at], y[at]
    return [float(one) for one in x], [float(f"{one:.6g}") for one in y]


def last_figures(path: Path) -> dict[str, Any]:
    """What the last lines of a metrics.jsonl say together, the newest word of each figure; read from its end alone."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL))
            tail = file.read()
    except OSError:
        return {}
    lines = tail.split(b"\n")[:-1]
    if size > _TAIL:
        lines = lines[1:]
    found: dict[str, Any] = {}
    for line in _documents(lines):
        found |= line
    return found


def _documents(lines: list[bytes]) -> Iterable[Mapping[str, Any]]:
    """The JSON objects of whole lines; a line that is none is left out. All at once is twice as fast as one by one."""
    told = [line for line in lines if line.strip()]
    try:
        found: list[Any] = json.loads(b"[" + b",".join(told) + b"]")
    except (ValueError, RecursionError):
        found = [document for line in told if (document := _document(line)) is not None]
    return [one for one in found if isinstance(one, dict)]


def _document(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _is_number(value: object) -> TypeGuard[float]:
    # JSON has no other kinds of them; a whole number may be larger than any float.
    return (type(value) is float or type(value) is int) and -1e300 < value < 1e300
