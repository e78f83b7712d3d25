"""A study with raters in a real database, under a clock that a test moves."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from annotations.database import Database
from annotations.raters.store import RaterStore
from annotations.rating_schema import ItemRow, PlaceRow, RatingRow
from annotations.ratings.memory import patience
from annotations.ratings.store import RatingStore
from annotations.ratings.values import Acknowledged, Ask, Judgement, RatingKind, Standing
from annotations.store import Store
from annotations.studies.settings import Selection, StudySettings
from annotations.studies.store import StudyStore
from annotations.studies.values import Study
from annotations.synthetic import make_traces

ANSWERS = {"accurate": "yes", "helpful": "4"}
# Worlds may share a database: each has names, traces and tokens of its own.
_numbers = itertools.count(1)
_tokens = itertools.count(1)


@dataclass
class Clock:
    """The time, as the test has it."""

    now: datetime = datetime(2031, 5, 1, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def passes(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)


@dataclass
class World:
    """A database with traces, and the stores over it."""

    database: Database
    clock: Clock = field(default_factory=Clock)
    patience: Callable[[int], float] = patience
    number: int = field(default_factory=lambda: next(_numbers))

    def __post_init__(self) -> None:
        self.store = Store(self.database)
        self.studies = StudyStore(self.database)
        self.raters = RaterStore(self.database)
        self.ratings = self.another_server()

    def another_server(self) -> RatingStore:
        """The ratings as a second process would have them: over the same database, with a memory of its own."""
        return RatingStore(self.database, now=self.clock, patience=self.patience)

    def add_traces(self, traces: int, steps: int, name: str) -> str:
        """Made-up traces of this world, in a data set of their own, the name of which comes back."""
        dataset = f"{name} {self.number}"
        self.store.add_traces(make_traces(traces, steps, zlib.crc32(dataset.encode())), dataset=dataset)
        return dataset

    def study(self, traces: int = 2, steps: int = 2, *, name: str = "Study", **settings: Any) -> Study:
        """A study of traces of its own."""
        selection = Selection(datasets=(self.add_traces(traces, steps, name),))
        return self.studies.create(f"{name} {self.number}", StudySettings(selection=selection, **settings))

    def revise(self, study: Study, **settings: Any) -> Study:
        """The study under other settings, of the same traces."""
        return self.studies.revise(study.id, StudySettings(selection=study.settings.selection, **settings))

    def rater(self, name: str) -> int:
        return self.raters.open_by_name(f"{name} {self.number}").id

    def token(self, name: str = "") -> str:
        """A new token; with a name, always the same one of this world."""
        return f"{self.number}-{name or next(_tokens)}"

    def rate(self, study: Study, ask: Ask, rater: int, **changes: Any) -> Acknowledged:
        """Submit a judgement of an ask, with a token of its own."""
        given: dict[str, Any] = {"version_id": study.version_id, "trace": ask.trace, "judgement": rated(), "token": self.token()}
        return self.ratings.submit(ask.item, rater, **(given | changes))

    def counted(self, item: int) -> int:
        """How many places of an item ratings hold, by the table."""
        held = select(func.count()).select_from(PlaceRow).where(PlaceRow.item_id == item, PlaceRow.until.is_(None))
        with self.database.reading() as connection:
            return int(connection.execute(held).scalar_one())

    def rows(self, study: Study) -> int:
        """How many revisions a study has, by the table."""
        found = (
            select(func.count()).select_from(RatingRow).join(ItemRow, ItemRow.id == RatingRow.item_id).where(ItemRow.study_id == study.id)
        )
        with self.database.reading() as connection:
            return int(connection.execute(found).scalar_one())

    def standings(self, study: Study) -> dict[int, Standing]:
        """The standing of each rater's newest rating in a study of one item."""
        return {step.rating.rater: step.standing for step in self.ratings.ratings(study.id)}


def rated(**changes: Any) -> Judgement:
    return Judgement(**({"kind": RatingKind.RATED, "answers": ANSWERS, "seconds": 4.0} | changes))


def skipped(reason: str = "too dark") -> Judgement:
    return Judgement(RatingKind.SKIPPED, reason=reason, seconds=2.0)
