"""The order in which a rater is asked: drawn by the study's seed and the rater, and the same after every start.

A trace's place is the SHA-256 of seed, rater and content hash; a shuffled step's that of seed, rater, content hash and step.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

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


class RaterOrder:
    """The order of one rater over the items that are asked."""

    def __init__(self, asked: AskedItems, settings: StudySettings, rater: int) -> None:
        self._asked = asked
        beginning = f"{settings.seed}:{rater}:"
        if settings.order is StepOrder.BY_TRACE:
            traces = _drawn([f"{beginning}{trace}" for trace in asked.hashes])
            self.sequence = array("l", (at for trace in traces for at in range(asked.first[trace], asked.first[trace + 1])))
        else:
            words = (f"{beginning}{asked.hashes[trace]}:{step}" for trace, step in zip(asked.trace, asked.steps, strict=True))
            self.sequence = array("l", _drawn(list(words)))
        self._rank = array("l", bytes(len(self.sequence) * self.sequence.itemsize))
        self._trace_number = array("l", bytes(len(asked.hashes) * self.sequence.itemsize))
        seen = 0
        for rank, position in enumerate(self.sequence):
            self._rank[position] = rank
            if not self._trace_number[asked.trace[position]]:
                seen += 1
                self._trace_number[asked.trace[position]] = seen

    def rank(self, item: int) -> int:
        """The place of an item in the order, from 0; behind all others for one that is not asked."""
        position = self._asked.position.get(item)
        return len(self.sequence) if position is None else self._rank[position]

    def numbers(self, item: int) -> Numbers:
        """Where the item stands, in words a person can count by."""
        position = self._asked.position.get(item)
        if position is None:
            return Numbers(0, len(self._asked.hashes), 0, 0)
        trace = self._asked.trace[position]
        steps = range(self._asked.first[trace], self._asked.first[trace + 1])
        step = sum(self._rank[other] <= self._rank[position] for other in steps)
        return Numbers(self._trace_number[trace], len(self._asked.hashes), step, len(steps))


def _drawn(words: Sequence[str]) -> list[int]:
    """The positions of the words, sorted by their digests."""
    digests = [hashlib.sha256(word.encode()).digest() for word in words]
    return sorted(range(len(words)), key=digests.__getitem__)
