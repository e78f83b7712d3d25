"""Counts of an import as it goes: verdicts, kinds, frames, points outside. The verdicts are written to the report file one by one."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from annotations.importing.frame_recovery import FRAME_WORDS, alternatives
from annotations.importing.kinds import SourceKind
from annotations.importing.report import KEPT_VERDICTS, ImportReport, LineVerdict, Outcome, OutsidePoints
from annotations.importing.rows import Converted
from annotations.importing.writing import Added, Pending
from core.trace import PointMention, Trace

_KEPT_WARNINGS = 50
_KEPT_WORDS = 100


@dataclass(slots=True)
class PointCount:
    """How many points lie outside, in the frame that was taken and in each of the others."""

    total: int = 0
    outside: int = 0
    others: Counter[str] = field(default_factory=Counter)

    def add(self, trace: Trace) -> None:
        """Counts the points of a trace."""
        mentions = [mention for turn in trace.turns for mention in turn.mentions]
        if not mentions:
            return
        grid = trace.frame.grid
        self.total += len(mentions)
        self.outside += count_outside(mentions, grid.width, grid.height)
        for rule in alternatives():
            other = rule.frame(trace.sample.pictures[0]).grid
            self.others[rule.option] += count_outside(mentions, other.width, other.height)

    def result(self) -> OutsidePoints:
        """The count, with the frame that would leave the fewest outside, where one is better than the one that was taken."""
        if not self.outside:
            return OutsidePoints(0, self.total)
        best = min((rule.option for rule in alternatives()), key=lambda option: self.others[option])
        if self.others[best] >= self.outside:
            return OutsidePoints(self.outside, self.total)
        return OutsidePoints(self.outside, self.total, best, self.others[best])


def count_outside(mentions: list[PointMention], width: int, height: int) -> int:
    """Mentions whose numbers are not in a grid of that size, the far edges included."""
    return sum(not (0 <= mention.x <= width and 0 <= mention.y <= height) for mention in mentions)


@dataclass(slots=True)
class Tally:
    """Everything an ImportReport is made of. `report` is where verdicts are written, one JSON object a line."""

    report: IO[str] | None = None
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    datasets: Counter[str] = field(default_factory=Counter)
    frames: Counter[str] = field(default_factory=Counter)
    domains: Counter[str] = field(default_factory=Counter)
    refused: list[LineVerdict] = field(default_factory=list)
    warnings: dict[str, None] = field(default_factory=dict)
    points: PointCount = field(default_factory=PointCount)
    traces: int = 0
    samples: int = 0
    events: int = 0

    @property
    def lines(self) -> int:
        """Lines that have a verdict."""
        return sum(self.outcomes.values())

    def warn(self, sentence: str) -> None:
        """Keeps a warning, each once."""
        if sentence and len(self.warnings) < _KEPT_WARNINGS:
            self.warnings.setdefault(sentence)

    def refuse(self, file: str, line: int, reason: str, kind: SourceKind | None) -> None:
        """Says of a line that it was refused."""
        self._say(LineVerdict(file, line, Outcome.REFUSED, reason, kind.value if kind else ""))

    def settle(self, row: Pending, added: Added) -> None:
        """Says of a row that was written what became of it."""
        self.kinds[row.kind] += 1
        if added.refusal:
            self._say(LineVerdict(row.file, row.line, Outcome.REFUSED, added.refusal, row.kind))
            return
        self._count(row.converted, row.dataset, added)
        if not added.anything:
            self._say(LineVerdict(row.file, row.line, Outcome.ALREADY_THERE, "everything in it was in the data set before", row.kind))
        elif row.notes:
            words = "; ".join(row.notes)
            self._say(LineVerdict(row.file, row.line, Outcome.REPAIRED, words, row.kind, added.traces))
        else:
            self._say(LineVerdict(row.file, row.line, Outcome.TAKEN, _taken(row.converted, added), row.kind, added.traces))

    def result(self, *, seconds: float, dry_run: bool, strict: bool, cancelled: bool, file: Path | None) -> ImportReport:
        """The report of all that was said and counted."""
        points = self.points.result()
        self.warn(points.words)
        return ImportReport(
            counts=dict(self.outcomes),
            kinds=dict(self.kinds),
            datasets=dict(self.datasets),
            frames=dict(self.frames),
            domains=dict(self.domains),
            refused=tuple(self.refused),
            warnings=tuple(self.warnings),
            points=points,
            traces_added=self.traces,
            samples_added=self.samples,
            events_added=self.events,
            seconds=seconds,
            dry_run=dry_run,
            strict=strict,
            cancelled=cancelled,
            report_file=file,
        )

    def _count(self, converted: Converted, dataset: str, added: Added) -> None:
        self.traces += added.traces
        self.samples += added.samples
        self.events += added.events
        if added.traces:
            _count(self.datasets, dataset, added.traces)
        for trace in converted.traces:
            _count(self.frames, f"{FRAME_WORDS[trace.frame.kind]}, because: {trace.frame.known_by[:200] or 'the trace says so'}")
            if converted.placed:
                self.points.add(trace)
        samples = [trace.sample for trace in converted.traces[:1]] + list(converted.samples)
        for sample in samples:
            _count(self.domains, f"{sample.domain}: {converted.domain_by}")

    def _say(self, verdict: LineVerdict) -> None:
        self.outcomes[verdict.outcome] += 1
        if verdict.outcome is Outcome.REFUSED and len(self.refused) < KEPT_VERDICTS:
            self.refused.append(verdict)
        if self.report is not None:
            self.report.write(json.dumps(verdict.as_json(), ensure_ascii=True) + "\n")


def _count(counter: Counter[str], words: str, number: int = 1) -> None:
    """Counts under the words; under "others" where a file brings too many of them to be read, or held."""
    counter[words if words in counter or len(counter) < _KEPT_WORDS else "others"] += number


def _taken(converted: Converted, added: Added) -> str:
    if converted.words:
        return converted.words
    again = len(converted.traces) - added.traces
    also = f"; {again} more were equal to others" if again else ""
    return f"{added.traces} trace{'' if added.traces == 1 else 's'}{also}"
