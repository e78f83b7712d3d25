"""Figures with their n and spread, and the machine they were taken on."""

from __future__ import annotations

import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from core.policies.machine import cores, main_memory, processor


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured quantity: its name, every value that was taken, their unit, and the aim where there is one."""

    name: str
    values: tuple[float, ...]
    unit: str
    aim: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def p95(self) -> float:
        """The value that 95 % of the values do not exceed (the nearest rank)."""
        ordered = sorted(self.values)
        return ordered[min(len(ordered) - 1, max(0, -(-len(ordered) * 95 // 100) - 1))]

    def line(self) -> str:
        """One row of the table."""
        spread = f"{_number(min(self.values))} to {_number(max(self.values))}"
        figures = f"{_number(self.median):>9} {_number(self.p95):>9}  {spread:<20}"
        return f"{self.name:<64} {figures} {self.unit:<5} {len(self.values):>4}  {self.aim}".rstrip()

    def to_json(self) -> dict[str, object]:
        """The figure as JSON values."""
        return {
            "name": self.name,
            "unit": self.unit,
            "n": len(self.values),
            "median": self.median,
            "p95": self.p95,
            "min": min(self.values),
            "max": max(self.values),
            "aim": self.aim,
        }


def table(figures: Sequence[Figure]) -> str:
    """All figures below a heading."""
    head = f"{'':<64} {'median':>9} {'p95':>9}  {'min to max':<20} {'unit':<5} {'n':>4}  aim"
    return "\n".join([head, *(figure.line() for figure in figures)])


def machine() -> str:
    """The kind of machine in a line: processor, cores, memory, system, Python."""
    memory = f"{main_memory().total / 2**30:.0f} GiB"
    return f"{processor()}, {cores()} cores, {memory}, {platform.system()}, Python {platform.python_version()}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
