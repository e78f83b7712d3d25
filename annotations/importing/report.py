"""What an import says about every line, and in the end: frozen values, no file is touched here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any


class Outcome(StrEnum):
    """What became of a line."""

    TAKEN = "taken"
    REPAIRED = "repaired"
    """Taken, after something in it was mended; the words say what."""
    REFUSED = "refused"
    ALREADY_THERE = "already there"
    """Everything in the line was in the data set before."""


@dataclass(frozen=True, slots=True)
class LineVerdict:
    """One line's fate. `line` counts from 1: lines of a JSONL, elements of an array, rows of a parquet; 0 is the file as a whole."""

    file: str
    line: int
    outcome: Outcome
    words: str
    kind: str = ""
    traces: int = 0
    """Traces that this line added."""

    def as_json(self) -> dict[str, Any]:
        """The verdict as one object of the report file."""
        return {
            "file": self.file,
            "line": self.line,
            "outcome": self.outcome.value,
            "words": self.words,
            "kind": self.kind,
            "traces": self.traces,
        }

    def __str__(self) -> str:
        place = f"{self.file}, line {self.line}" if self.line else self.file
        return f"{place}: {self.outcome.value}: {self.words}"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is.

    bytes_done, bytes_total   of the files as they lie on the disk, read twice where the import is strict
    lines, refused            lines that were read, and those of them that were refused
    seconds_left              None until it can be told
    """

    file: str
    file_number: int
    files: int
    bytes_done: int
    bytes_total: int
    lines: int
    refused: int
    seconds_left: float | None = None

    @property
    def share(self) -> float:
        """Done, from 0 to 1."""
        return min(1.0, self.bytes_done / self.bytes_total) if self.bytes_total else 1.0


@dataclass(frozen=True, slots=True)
class OutsidePoints:
    """Points that lie outside their picture.

    `advice` is what to give to `--frame` instead, and `fewest` how many points it would leave outside; "" where no frame does better.
    """

    outside: int = 0
    total: int = 0
    advice: str = ""
    fewest: int = 0

    @property
    def words(self) -> str:
        """The warning in one sentence; "" where every point lies inside."""
        if not self.outside:
            return ""
        share = f"{self.outside / self.total:.1%}".replace("%", " %")
        found = f"{self.outside} of {self.total} points ({share}) lie outside their picture."
        if not self.advice:
            return f"{found} No other frame would leave fewer outside, so they may be the model's own errors."
        return f"{found} The frame {self.advice} would leave {self.fewest} outside: try it (--frame {self.advice})."


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The end of an import.

    counts      lines by outcome      kinds  lines by kind of source
    frames      how the point frame was known, in words, with the number of traces
    domains     how the domain was known, in words, with the number of samples
    refused     the first refused lines, at most `KEPT_VERDICTS`; all of them stand in the report file
    warnings    sentences for a person: points outside, an args.json that could not be read
    """

    counts: Mapping[Outcome, int] = field(default_factory=dict)
    kinds: Mapping[str, int] = field(default_factory=dict)
    datasets: Mapping[str, int] = field(default_factory=dict)
    frames: Mapping[str, int] = field(default_factory=dict)
    domains: Mapping[str, int] = field(default_factory=dict)
    refused: tuple[LineVerdict, ...] = ()
    warnings: tuple[str, ...] = ()
    points: OutsidePoints = OutsidePoints()
    traces_added: int = 0
    samples_added: int = 0
    events_added: int = 0
    seconds: float = 0.0
    dry_run: bool = False
    strict: bool = False
    cancelled: bool = False
    taken_back: bool = False
    """A strict import that left nothing behind, because a line was refused or it was stopped."""
    report_file: Path | None = None

    @property
    def lines(self) -> int:
        """Lines that got a verdict."""
        return sum(self.counts.values())

    def count(self, outcome: Outcome) -> int:
        """Lines with that outcome."""
        return self.counts.get(outcome, 0)

    @property
    def words(self) -> str:
        """The whole import in one or two sentences."""
        parts = ", ".join(f"{self.count(outcome):,} {outcome.value}" for outcome in Outcome)
        added = _joined(
            [
                counted(self.traces_added, "trace"),
                counted(self.samples_added, "sample") if self.samples_added else "",
                counted(self.events_added, "event") if self.events_added else "",
            ]
        )
        verb = "would be added" if self.dry_run else "added"
        nothing_new = self.lines > 0 and not (self.traces_added or self.samples_added or self.events_added)
        end = " Nothing new: everything that could be taken was there already." if nothing_new and self._all_there else ""
        stopped = " Stopped before the end." if self.cancelled else ""
        if self.taken_back:
            return f"{counted(self.lines, 'line')}: {parts}. Nothing was added, because all or nothing was asked for.{stopped}"
        return f"{counted(self.lines, 'line')}: {parts}; {added} {verb}.{end}{stopped}"

    @property
    def _all_there(self) -> bool:
        return self.count(Outcome.ALREADY_THERE) > 0


KEPT_VERDICTS = 200


def counted(number: int, noun: str) -> str:
    """A number of things, in words: "1 line", "16 evaluation rollouts", "2 SFT chains, single-turn"."""
    first, comma, rest = noun.partition(",")
    return f"{number:,} {first}{'' if number == 1 else 's'}{comma}{rest}"


def _joined(parts: list[str]) -> str:
    said = [part for part in parts if part]
    return said[0] if len(said) == 1 else ", ".join(said[:-1]) + " and " + said[-1]
