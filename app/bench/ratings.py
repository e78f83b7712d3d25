"""Many people rating at once over HTTP: how long a rating takes until it is on the disk, and whether a kill of the server loses any."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from annotations.database import open_database, sqlite_url
from annotations.store import Store
from annotations.studies.settings import StudySettings
from annotations.studies.store import StudyStore
from annotations.synthetic import make_traces
from app.bench.kills import measure_kills
from app.bench.postgres import NotHere, running_postgres
from app.bench.rating_clients import Rater, all_at_once
from app.bench.report import Figure
from app.bench.serving import serving
from app.settings import DATABASE_FILE
from core.errors import StartError

# Aims for the 95th percentile of saving a rating, in milliseconds, by how many rate at once.
AIMS = {20: 100, 50: 250}
STUDY = "bench"
# Each step is rated three times, as a new study has it.
_STEPS, _PLACES = 10, 3


def run(
    folder: Path,
    *,
    database: str | None = None,
    raters: tuple[int, ...] = (20, 50),
    each: int = 20,
    kills: int = 20,
    acknowledged: int = 10_000,
    traces: int = 600,
    seed: int = 0,
) -> list[Figure]:
    """Milliseconds of saving and of asking with so many raters of `each` ratings, without a pause; then kills under load.

    The same on SQLite and on a PostgreSQL of its own, where one is installed; or on `database` alone, which must hold no study yet.
    Raises StartError where it does, and StoreError where it does not answer.
    """
    wanted = _Wanted(raters, each, kills, acknowledged, traces, seed)
    if database is not None:
        return _measure(folder, database, "the database", wanted)
    figures = _measure(folder / "sqlite", None, "SQLite", wanted)
    try:
        with running_postgres() as server:
            figures += _measure(folder / "postgresql", server, "PostgreSQL", wanted)
    except NotHere as reason:
        print(f"Not measured on PostgreSQL: {reason}", file=sys.stderr)
    return figures


@dataclass(frozen=True, slots=True)
class _Wanted:
    """How much is measured."""

    raters: tuple[int, ...]
    each: int
    kills: int
    acknowledged: int
    traces: int
    seed: int


def _measure(folder: Path, database: str | None, name: str, wanted: _Wanted) -> list[Figure]:
    folder.mkdir(parents=True, exist_ok=True)
    url = database or sqlite_url(folder / DATABASE_FILE)
    options = ("--database", database) if database else ()
    study = _prepare(url, wanted.traces, wanted.seed)
    figures = []
    with serving(folder, *options) as server:
        for count in wanted.raters:
            figures += _rate(server.address, study, name, count, wanted.each, wanted.seed)
        figures.append(Figure(f"resident memory after them ({name})", (server.resident_megabytes(),), "MB", "under 500"))
    if wanted.kills:
        figures += measure_kills(
            folder, options, url, study, name, kills=wanted.kills, acknowledged=wanted.acknowledged, places=_PLACES, seed=wanted.seed
        )
    return figures


def _prepare(url: str, traces: int, seed: int) -> int:
    """The number of a new study of made-up traces."""
    database = open_database(url)
    try:
        studies = StudyStore(database)
        if studies.list():
            raise StartError("There are studies in this database: give the address of an empty one, which measuring fills.")
        Store(database).add_traces(make_traces(traces, _STEPS, seed), dataset="bench")
        return studies.create(STUDY, StudySettings(ratings_per_item=_PLACES)).id
    finally:
        database.close()


def _rate(address: str, study: int, name: str, count: int, each: int, seed: int) -> list[Figure]:
    # Other people each time: whoever has rated in another phase is somebody else.
    people = [Rater(address, study, 1000 * count + number, seed) for number in range(1, count + 1)]
    for rater in people:
        rater.sign_in()

    def work(rater: Rater) -> None:
        for _ in range(each):
            item = rater.next()
            if item is not None:
                rater.save(rater.judged(item))

    all_at_once(people, work)
    saving = [value for rater in people for value in rater.taken.saving]
    asking = [value for rater in people for value in rater.taken.asking]
    errors = [error for rater in people for error in rater.taken.errors]
    for error in errors[:3]:
        print(f"error: {error}", file=sys.stderr)
    missing = count * each - sum(len(rater.taken.acknowledged) for rater in people)
    aim = f"p95 under {AIMS[count]}" if count in AIMS else ""
    return [
        Figure(f"a rating saved, {count} raters without a pause ({name})", tuple(saving), "ms", aim),
        Figure(f"the next items, {count} raters without a pause ({name})", tuple(asking), "ms"),
        Figure(f"errors and ratings not saved, {count} raters ({name})", (float(len(errors) + missing),), "", "0"),
    ]
