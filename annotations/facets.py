"""Counts traces by the values of the filters.

One grouped query counts every combination of values that occurs; totals and facets for any set of filters are then sums over those
cells. The cells depend on the words and the picture asked for and on nothing else, so they are kept until the data changes.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from annotations.database import Database
from annotations.fulltext import matches_text
from annotations.queries import Correctness, TraceQuery, shows_picture
from annotations.schema import DatasetRow, DataVersionRow, TraceRow
from annotations.words import words_of

# Searches whose cells are kept; a cell is a few hundred bytes, and there are rarely more than some thousands.
KEPT = 24
_CORRECT: dict[bool | None, Correctness] = {True: "right", False: "wrong", None: "unscored"}


@dataclass(frozen=True, slots=True)
class FacetValue:
    """A value of a filter, and how many traces it would leave."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class Facets:
    """For each filter its values, most frequent first, counted with all *other* filters applied.

    min_looks, max_looks  fewest and most looks of a trace, with all other filters applied; 0 where there is no trace
    """

    datasets: tuple[FacetValue, ...]
    domains: tuple[FacetValue, ...]
    policies: tuple[FacetValue, ...]
    stops: tuple[FacetValue, ...]
    correct: tuple[FacetValue, ...]
    faults: tuple[FacetValue, ...]
    min_looks: int
    max_looks: int


@dataclass(frozen=True, slots=True)
class _Cell:
    """A combination of values and the number of its traces."""

    dataset: str
    domain: str
    policy: str
    correct: Correctness
    stop: str
    looks: int
    faults: bool
    count: int


@dataclass(frozen=True, slots=True)
class _Filters:
    """The query's filters as tests of a cell, by name."""

    tests: dict[str, Callable[[_Cell], bool]]

    def keep(self, cells: Iterable[_Cell], *, but: str = "") -> list[_Cell]:
        """The cells that pass all filters but one."""
        tests = [test for name, test in self.tests.items() if name != but]
        return [cell for cell in cells if all(test(cell) for test in tests)]


class FacetCounter:
    """Counts for one database, and keeps what it counted while the data is as it was."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[tuple[str, ...], str | None], tuple[int, Sequence[_Cell]]] = OrderedDict()

    def total(self, connection: Connection, query: TraceQuery) -> int:
        """How many traces the query asks for, over all pages."""
        return sum(cell.count for cell in _filters(query).keep(self._cells(connection, query)))

    def facets(self, connection: Connection, query: TraceQuery) -> Facets:
        """The facets of the query."""
        cells, filters = self._cells(connection, query), _filters(query)
        looks = [cell.looks for cell in filters.keep(cells, but="looks")]
        return Facets(
            datasets=_count(filters.keep(cells, but="dataset"), lambda cell: cell.dataset),
            domains=_count(filters.keep(cells, but="domain"), lambda cell: cell.domain),
            policies=_count(filters.keep(cells, but="policy"), lambda cell: cell.policy),
            stops=_count(filters.keep(cells, but="stop"), lambda cell: cell.stop),
            correct=_count(filters.keep(cells, but="correct"), lambda cell: cell.correct),
            faults=_count(filters.keep(cells, but="faults"), lambda cell: "yes" if cell.faults else "no"),
            min_looks=min(looks, default=0),
            max_looks=max(looks, default=0),
        )

    def _cells(self, connection: Connection, query: TraceQuery) -> Sequence[_Cell]:
        # The version is read in the transaction that counts, so cells are never filed under a version they do not show.
        version = connection.execute(select(DataVersionRow.value).where(DataVersionRow.name == "traces")).scalar_one()
        key = (tuple(words_of(query.text)), query.picture)
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and kept[0] == version:
                self._kept.move_to_end(key)
                return kept[1]
        cells = _count_cells(connection, query)
        with self._lock:
            self._kept[key] = (version, cells)
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return cells


def _count_cells(connection: Connection, query: TraceQuery) -> Sequence[_Cell]:
    columns = (
        TraceRow.dataset_id,
        TraceRow.domain,
        TraceRow.policy,
        TraceRow.correct,
        TraceRow.stop,
        TraceRow.look_count,
        TraceRow.fault_count,
    )
    counted = select(*columns, func.count()).group_by(*columns)
    spoken = matches_text(connection, query.text)
    if spoken is not None:
        counted = counted.where(spoken)
    if query.picture is not None:
        counted = counted.where(shows_picture(query.picture))
    names = dict(connection.execute(select(DatasetRow.id, DatasetRow.name)).all())
    cells: Counter[tuple[str, str, str, Correctness, str, int, bool]] = Counter()
    for dataset_id, domain, policy, correct, stop, looks, faults, count in connection.execute(counted):
        cells[names[dataset_id], domain, policy, _CORRECT[correct], stop, looks, faults > 0] += count
    return [_Cell(*values, count=count) for values, count in cells.items()]


def _filters(query: TraceQuery) -> _Filters:
    tests: dict[str, Callable[[_Cell], bool]] = {}
    if query.dataset:
        tests["dataset"] = lambda cell: cell.dataset in query.dataset
    if query.domain:
        tests["domain"] = lambda cell: cell.domain in query.domain
    if query.policy:
        tests["policy"] = lambda cell: cell.policy in query.policy
    if query.stop:
        tests["stop"] = lambda cell: cell.stop in query.stop
    if query.correct is not None:
        tests["correct"] = lambda cell: cell.correct == query.correct
    if query.faults is not None:
        tests["faults"] = lambda cell: cell.faults is query.faults
    if query.min_looks is not None or query.max_looks is not None:
        least, most = query.min_looks, query.max_looks
        tests["looks"] = lambda cell: (least is None or cell.looks >= least) and (most is None or cell.looks <= most)
    return _Filters(tests)


def _count(cells: Iterable[_Cell], value_of: Callable[[_Cell], str]) -> tuple[FacetValue, ...]:
    counts: Counter[str] = Counter()
    for cell in cells:
        counts[value_of(cell)] += cell.count
    return tuple(FacetValue(value, count) for value, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])))
