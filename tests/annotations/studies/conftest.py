"""Traces whose steps are known, for the tests of studies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from annotations.database import Database, open_database, sqlite_url
from annotations.store import Store
from annotations.studies.store import StudyStore
from core.crops import CropRule
from core.frames import CoordinateFrame
from core.geometry import Size
from core.grammar import TurnText, format_turns, parse
from core.grounding import ground
from core.trace import DomainName, Picture, Sample, Trace, Truth, TruthKind

MakeTrace = Callable[..., Trace]


def _trace(
    *turns: str,
    name: str = "a",
    domain: DomainName = DomainName.VISUAL_SEARCH,
    policy: str = "first",
    pictures: Sequence[str] = ("a",),
) -> Trace:
    """A trace on a picture of 1000 x 800; a turn that ends in its point, as "(10, 20)", zooms in there."""
    shown = tuple(Picture(letter * 64, Size(1000, 800)) for letter in pictures)
    sample = Sample(f"Where is {name}?", domain, shown, Truth(TruthKind.TEXT, "here"), name)
    spoken = []
    for turn in turns[:-1]:
        x, y = turn[turn.rindex("(") + 1 : -1].split(", ")
        spoken.append(TurnText(turn, call=(int(x), int(y)), observed=True))
    spoken.append(TurnText(turns[-1], answer="here"))
    frame = CoordinateFrame.original(Size(1000, 800))
    return ground(sample, parse(format_turns(spoken)), frame, CropRule(50, 384, False), policy=policy)


@pytest.fixture
def make_trace() -> MakeTrace:
    """Makes a trace from its turns' thoughts."""
    return _trace


@pytest.fixture
def studies(database: Database) -> StudyStore:
    """The studies of a fresh database on each back end."""
    return StudyStore(database)


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    """A store in a fresh SQLite file, for what does not depend on the back end."""
    database = open_database(sqlite_url(tmp_path / "studies.db"))
    yield Store(database)
    database.close()


@pytest.fixture
def sqlite_studies(sqlite_store: Store) -> StudyStore:
    """The studies of that file."""
    return StudyStore(sqlite_store.database)
