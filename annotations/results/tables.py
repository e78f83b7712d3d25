"""A table and its files: CSV for spreadsheets, JSON lines for programs.

Both end each row with what the table was made of (study, guideline versions, seed, resamples), so that a row tells where it is from.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from annotations.csv_cells import safe_cell
from annotations.results.figures import plain

# Rows that are written at a time.
_ROWS = 200


@dataclass(frozen=True, slots=True)
class About:
    """What a table was made of. `versions`: of the guideline, of the ratings that count; `asked`: the only one asked for, or None."""

    study: str
    versions: tuple[int, ...]
    asked: int | None
    seed: int
    resamples: int


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells (text, number, bool or None), one for each of `columns`."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    about: About

    def to_json(self) -> dict[str, Any]:
        """The whole table as JSON values, with what it was made of."""
        document: dict[str, Any] = plain(self)
        return document


def csv_text(table: Table) -> Iterator[str]:
    """The table as CSV, in pieces; the first begins with a byte order mark, which makes spreadsheets read UTF-8 as what it is.

    Every text stands in quotes, and behind an apostrophe where a spreadsheet would run it; `annotations.csv_cells.plain_cell` gives it
    back. Numbers stay numbers, with their sign.
    """
    columns, rows = _with_about(table)
    yield "\ufeff" + _lines([columns])
    for first in range(0, len(rows), _ROWS):
        yield _lines(rows[first : first + _ROWS])


def jsonl_text(table: Table) -> Iterator[str]:
    """The table as one JSON object a row, in pieces; texts are as they were given."""
    columns, rows = _with_about(table)
    for row in rows:
        yield json.dumps(dict(zip(columns, plain(row), strict=True)), ensure_ascii=True, separators=(",", ":"), allow_nan=False) + "\n"


def _with_about(table: Table) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    about = table.about
    end = (about.study, " ".join(str(version) for version in about.versions), about.seed, about.resamples)
    return (*table.columns, "study", "guideline_versions", "seed", "resamples"), [(*row, *end) for row in table.rows]


def _lines(rows: list[tuple[Any, ...]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> str | float:
    """The value as csv writes it: a number bare, a text in quotes."""
    told = plain(value)
    return told if isinstance(told, int | float) and not isinstance(told, bool) else safe_cell(told)
