"""The order in which a rater is asked: drawn by the study's seed and the rater, and the same after every start.

A trace's place is the SHA-256 of seed, rater and content hash; a shuffled step's that of seed, rater, content hash and step.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from annotations.studies.settings import StepOrder, StudySettings


class AskedItems:
    """The items that a study asks about now, by position: those of a trace lie together, in the order of its steps.

    ids     the item's row
    trace   the position of its trace in `hashes`
    first   the position of the first item of each trace, and behind the last one the number of all items
    """

    def __init__(self, rows: Sequence[tuple[int, str, int]]) -> None:
        """`rows`: row, content hash and step of every item, in any order."""
        ordered = sorted(rows, key=lambda row: (row[1], row[2]))
        self.ids = array("q", (row[0] for row in ordered))
        self.steps = array("l", (row[2] for row in ordered))
        self.position = {number: position for position, number in enumerate(self.ids)}
        self.hashes: list[str] = []
        self.trace = array("l")
        self.first = array("l")
        for position, (_, trace, _) in enumerate(ordered):
            if not self.hashes or self.hashes[-1] != trace:
                self.hashes.append(trace)
                self.first.append(position)
            self.trace.append(len(self.hashes) - 1)
        self.first.append(len(ordered))

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Numbers:
    """Which trace of how many, and which step of how many, an item is in a rater's order; from 1, and 0 where it is not in it."""

    trace: int
    traces: int
    step: int
    steps: int


class RaterOrder(Protocol):
    """The order of one rater over the items that are asked."""

    def __iter__(self) -> Iterator[int]:
        """The positions of the items, one after the other."""

    def rank(self, item: int) -> int:
        """The place of an item in the order, from 0; behind all others for one that is not asked."""

    def numbers(self, item: int) -> Numbers:
        """Where the item stands, in words a person can count by."""


def order_of(asked: AskedItems, settings: StudySettings, rater: int) -> RaterOrder:
    """The order that the study's settings give this rater."""
    beginning = f"{settings.seed}:{rater}:"
    return _ByTrace(asked, beginning) if settings.order is StepOrder.BY_TRACE else _Shuffled(asked, beginning)


class _ByTrace:
    """Traces as they are drawn, the steps of each one after the other: only the traces' places need to be kept."""

    def __init__(self, asked: AskedItems, beginning: str) -> None:
        self._asked = asked
        self._traces = array("l", _drawn([f"{beginning}{trace}" for trace in asked.hashes]))
        self._place = array("l", bytes(len(self._traces) * self._traces.itemsize))
        self._start = array("l", self._place)
        start = 0
        for place, trace in enumerate(self._traces):
            self._place[trace], self._start[trace] = place, start
            start += asked.first[trace + 1] - asked.first[trace]

    def __iter__(self) -> Iterator[int]:
        first = self._asked.first
        for trace in self._traces:
            yield from range(first[trace], first[trace + 1])

    def rank(self, item: int) -> int:
        position = self._asked.position.get(item)
        if position is None:
            return len(self._asked)
        trace = self._asked.trace[position]
        return self._start[trace] + position - self._asked.first[trace]

    def numbers(self, item: int) -> Numbers:
        position, traces = self._asked.position.get(item), len(self._asked.hashes)
        if position is None:
            return Numbers(0, traces, 0, 0)
        trace = self._asked.trace[position]
        first, behind = self._asked.first[trace], self._asked.first[trace + 1]
        return Numbers(self._place[trace] + 1, traces, position - first + 1, behind - first)


class _Shuffled:
    """All items as they are drawn; a trace is numbered by the first of its items that comes."""

    def __init__(self, asked: AskedItems, beginning: str) -> None:
        self._asked = asked
        words = (f"{beginning}{asked.hashes[trace]}:{step}" for trace, step in zip(asked.trace, asked.steps, strict=True))
        self._sequence = array("l", _drawn(list(words)))
        self._rank = array("l", bytes(len(self._sequence) * self._sequence.itemsize))
        self._trace_number = array("l", bytes(len(asked.hashes) * self._sequence.itemsize))
        seen = 0
        for rank, position in enumerate(self._sequence):
            self._rank[position] = rank
            if not self._trace_number[asked.trace[position]]:
                seen += 1
                self._trace_number[asked.trace[position]] = seen

    def __iter__(self) -> Iterator[int]:
        return iter(self._sequence)

    def rank(self, item: int) -> int:
        position = self._asked.position.get(item)
        return len(self._sequence) if position is None else self._rank[position]

    def numbers(self, item: int) -> Numbers:
        position, traces = self._asked.position.get(item), len(self._asked.hashes)
        if position is None:
            return Numbers(0, traces, 0, 0)
        trace = self._asked.trace[position]
        steps = range(self._asked.first[trace], self._asked.first[trace + 1])
        step = sum(self._rank[other] <= self._rank[position] for other in steps)
        return Numbers(self._trace_number[trace], traces, step, len(steps))


def _drawn(words: Sequence[str]) -> list[int]:
    """The positions of the words, sorted by their digests."""
    digests = [hashlib.sha256(word.encode()).digest() for word in words]
    return sorted(range(len(words)), key=digests.__getitem__)
