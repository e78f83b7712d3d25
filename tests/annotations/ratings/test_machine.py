"""Raters who come, ask, rate, skip, undo, edit and leave; leases that end, restarts, revisions: whatever happens, the promises hold."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import select, text

from annotations.database import open_database, sqlite_url
from annotations.rating_schema import ItemRow, PlaceRow, RatingRow
from annotations.ratings.values import Acknowledged, Ask, Judgement, RatingKind, Standing
from annotations.schema import TraceRow
from annotations.studies.settings import ACCURATE, HELPFUL
from core.errors import NotFound
from tests.annotations.ratings.worlds import World, rated, skipped

RATERS = 4
LEASE = 30
QUESTIONS = ((ACCURATE, HELPFUL), (ACCURATE,))
raters = st.integers(0, RATERS - 1)
items = st.integers(0, 5)
servers = st.integers(0, 1)
judgements = st.sampled_from([rated(), rated(answers={"accurate": "no", "helpful": "1"}), rated(comment="so"), skipped()])


@dataclass
class Item:
    """An item as its rows tell it, read without the code under test."""

    id: int
    trace: str
    asked: bool
    rows: list[Any] = field(default_factory=list)
    newest: dict[int, Any] = field(default_factory=dict)


class Raters(RuleBasedStateMachine):
    """A study of six items over a real file, two servers with memories of their own, and at most four people."""

    template: Path
    trusted = 0.0

    @initialize(places=st.integers(1, 3))
    def begin(self, places: int) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="saccade-machine-"))
        shutil.copy(self.template, self.folder / "saccade.db")
        self.world = World(open_database(sqlite_url(self.folder / "saccade.db")), patience=lambda _: self.trusted, number=1)
        self.study = self.world.studies.by_name("Study 1")
        self.people = [self.world.rater(f"Rater {number}") for number in range(RATERS)]
        self.settings: dict[str, Any] = {"ratings_per_item": places, "lease_minutes": LEASE}
        self.study = self.world.revise(self.study, **self.settings)
        self.known: dict[int, set[int]] = {}
        self.asks: dict[tuple[int, int], tuple[Ask, int]] = {}
        self.acknowledged: dict[str, tuple[Acknowledged, int]] = {}
        self.start_servers()

    def start_servers(self) -> None:
        self.servers = [self.world.another_server() for _ in range(2)]

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.database.close()
            shutil.rmtree(self.folder)

    # -- what people do --

    @rule(rater=raters, server=servers, count=st.integers(1, 3))
    def come(self, rater: int, server: int, count: int) -> None:
        self.ask(rater, server, count)

    def ask(self, rater: int, server: int, count: int) -> tuple[Ask, ...]:
        person, before = self.people[rater], self.leases(self.people[rater])
        given = self.servers[server].next(self.study.id, person, count=count)
        found = self.read()
        assert len({ask.item for ask in given}) == len(given) <= count
        assert len(self.leases(person)) <= max(count, len(before))
        for ask in given:
            item = found[ask.item]
            assert item.asked and not self.is_done(item, person)
            assert [row.rater_id for row in item.rows].count(person) == 1
            self.asks[rater, ask.item] = (ask, self.study.version_id)
        if not given and not self.study.closed:
            assert [item.id for item in found.values() if item.asked and not self.is_done(item, person) and self.free(item) > 0] == []
        return given

    @rule(rater=raters, server=servers, judgement=judgements)
    def work(self, rater: int, server: int, judgement: Judgement) -> None:
        """What most people do most of the time: they answer what they are asked, and go on."""
        for ask in self.ask(rater, server, 3)[:2]:
            self.submit(rater, ask.item, server, judgement)
        self.ask(rater, server, 3)

    @precondition(lambda self: self.asks)
    @rule(data=st.data(), server=servers, judgement=judgements)
    def answer(self, data: st.DataObject, server: int, judgement: Judgement) -> None:
        """A late answer, one of an old page, or a changed one: all of them are kept."""
        rater, number = data.draw(st.sampled_from(sorted(self.asks)))
        self.submit(rater, number, server, judgement)

    def submit(self, rater: int, number: int, server: int, judgement: Judgement) -> None:
        ask, version_id = self.asks[rater, number]
        if judgement.kind is RatingKind.RATED and len(self.questions_of(version_id)) == 1:
            judgement = rated(answers={"accurate": "yes"})
        token, person = self.world.token(), self.people[rater]
        kept = self.servers[server].submit(number, person, version_id=version_id, trace=ask.trace, judgement=judgement, token=token)
        assert not kept.repeated
        self.acknowledged[token] = (kept, person)

    def questions_of(self, version_id: int) -> tuple[Any, ...]:
        return next(one.settings.questions for one in self.world.studies.versions(self.study.id) if one.version_id == version_id)

    @precondition(lambda self: self.acknowledged)
    @rule(data=st.data(), server=servers)
    def repeat(self, data: st.DataObject, server: int) -> None:
        token = data.draw(st.sampled_from(sorted(self.acknowledged)))
        kept, person = self.acknowledged[token]
        again = self.servers[server].submit(
            kept.rating.item,
            person,
            version_id=self.study.version_id,
            trace=kept.rating.trace,
            judgement=kept.rating.judgement,
            token=token,
        )
        assert again.repeated and again.rating == kept.rating

    @rule(rater=raters, server=servers)
    def undo(self, rater: int, server: int) -> None:
        person = self.people[rater]
        before = {number for number, item in self.read().items() if person in item.newest and item.newest[person].kind != "withdrawn"}
        try:
            ask = self.servers[server].withdraw_last(self.study.id, person, token=self.world.token())
        except NotFound:
            assert before == set()
            return
        assert ask.item in before and ask.draft is not None and ask.draft.content["kind"] != "withdrawn"
        if self.read()[ask.item].asked and ask.until > self.world.clock.now and not self.study.closed:
            assert ask.item in {one.item for one in self.servers[server].next(self.study.id, person)}
            self.asks[rater, ask.item] = (ask, self.study.version_id)

    @precondition(lambda self: self.asks)
    @rule(data=st.data(), server=servers, sequence=st.integers(0, 5))
    def begin_to_say(self, data: st.DataObject, server: int, sequence: int) -> None:
        rater, number = data.draw(st.sampled_from(sorted(self.asks)))
        if [row for row in self.read()[number].rows if row.rater_id == self.people[rater]]:
            self.servers[server].save_draft(number, self.people[rater], sequence, {"n": sequence})

    # -- what happens to them --

    @rule(minutes=st.sampled_from([1, 20, LEASE + 1]))
    def time_passes(self, minutes: int) -> None:
        self.world.clock.passes(minutes)

    @rule(server=servers, data=st.data())
    def something_happens(self, server: int, data: st.DataObject) -> None:
        """The server is restarted, or the lead changes something."""
        there = self.traces_are_there()
        what = data.draw(st.sampled_from(("restart", "choose", "close", "traces", *(("places", "questions") if there else ()))))
        if what == "restart":
            self.restart()
        elif what == "choose":
            self.choose(data.draw(items), data.draw(st.booleans()))
        elif what == "close":
            self.study = (self.world.studies.reopen if self.study.closed else self.world.studies.close)(self.study.id)
        elif what == "traces":
            self.world.store.remove_dataset("Study 1") if there else self.world.add_traces(3, 2, "Study")
        else:
            changed = (
                {"ratings_per_item": data.draw(st.integers(1, 3))}
                if what == "places"
                else {"questions": data.draw(st.sampled_from(QUESTIONS))}
            )
            self.settings |= changed
            self.study = self.world.revise(self.study, **self.settings)

    def restart(self) -> None:
        self.world.database.close()
        clock = self.world.clock
        self.world = World(open_database(sqlite_url(self.folder / "saccade.db")), clock, lambda _: self.trusted, number=1)
        self.start_servers()

    def traces_are_there(self) -> bool:
        return bool(self.world.store.known_traces([item.trace for item in self.read().values()], "Study 1"))

    def choose(self, item: int, out: bool) -> None:
        number = sorted(self.read())[item]
        (self.world.studies.leave_out if out else self.world.studies.take_back)(self.study.id, [number])

    # -- what must hold --

    @rule(server=servers)
    def everybody_leaves(self, server: int) -> None:
        """Nothing is locked for ever: when all leases have ended, whoever comes new is given all that is not rated enough."""
        self.world.clock.passes(100 * LEASE)
        newcomer = self.world.rater(f"newcomer {self.world.token()}")
        expected = {number for number, item in self.read().items() if item.asked and self.free(item, waiting_first=True) > 0}
        given = self.servers[server].next(self.study.id, newcomer, count=20)
        if self.trusted and given and not self.study.closed:
            # What is full is known from before: some may be given now and the rest when asked again, but never nothing.
            assert {ask.item for ask in given} <= expected
        else:
            assert {ask.item for ask in given} == (set() if self.study.closed else expected)
        self.world.clock.passes(100 * LEASE)

    @rule(server=servers)
    def results(self, server: int) -> None:
        counted: dict[int, int] = {}
        steps = list(self.servers[server].ratings(self.study.id))
        found = self.read()
        for step in steps:
            item = found[step.rating.item]
            assert item.newest[step.rating.rater].id == step.rating.id
            if step.standing is Standing.COUNTS:
                assert self.fits(item, step.rating.rater)
                counted[item.id] = counted.get(item.id, 0) + 1
            elif step.standing is Standing.SURPLUS:
                assert self.free(item) <= 0
        assert max(counted.values(), default=0) <= self.study.settings.ratings_per_item
        assert len(steps) == sum(len(item.newest) for item in found.values())

    @invariant()
    def never_more_than_n(self) -> None:
        if not hasattr(self, "world"):
            return
        places = self.study.settings.ratings_per_item
        for item in self.read().values():
            assert len(item.rows) <= places and all(1 <= row.place <= places for row in item.rows)
            for row in item.rows:
                assert row.until is not None or self.fits(item, row.rater_id)
            # A place that has no row is never left to nobody while a rating waits for it.
            assert len(item.rows) == places or not self.waiting(item)

    @invariant()
    def nothing_is_lost(self) -> None:
        if not hasattr(self, "world"):
            return
        with self.world.database.reading() as connection:
            rows = {row.token: row for row in connection.execute(select(RatingRow))}
        for token, (kept, person) in self.acknowledged.items():
            row = rows[token]
            assert (row.id, row.rater_id, row.item_id, row.revision) == (kept.rating.id, person, kept.rating.item, kept.rating.revision)
            assert Judgement.from_json(row.content) == kept.rating.judgement

    @rule(rater=raters, server=servers)
    def progress_is_exact(self, rater: int, server: int) -> None:
        person = self.people[rater]
        progress = self.servers[server].progress(self.study.id, person)
        done = [item for item in self.read().values() if self.is_done(item, person)]
        assert progress.done == len(done)
        assert progress.skipped == sum(item.newest[person].kind == "skipped" for item in done)

    # -- the rows --

    def read(self) -> dict[int, Item]:
        with self.world.database.reading() as connection:
            there = set(connection.scalars(select(TraceRow.content_hash)))
            rows = connection.execute(select(ItemRow).where(ItemRow.study_id == self.study.id))
            found = {row.id: Item(row.id, row.trace_hash, not row.left_out and row.trace_hash in there) for row in rows}
            for row in connection.execute(select(PlaceRow)):
                found[row.item_id].rows.append(row)
            for row in connection.execute(select(RatingRow).order_by(RatingRow.revision)):
                found[row.item_id].newest[row.rater_id] = row
        return found

    def same(self) -> set[int]:
        """The versions that ask what the newest one asks; counted anew for each version only."""
        if self.study.version_id not in self.known:
            asks = self.study.settings.asks
            versions = self.world.studies.versions(self.study.id)
            self.known[self.study.version_id] = {one.version_id for one in versions if one.settings.asks == asks}
        return self.known[self.study.version_id]

    def is_done(self, item: Item, person: int) -> bool:
        newest = item.newest.get(person)
        return newest is not None and newest.kind != "withdrawn" and newest.version_id in self.same()

    def fits(self, item: Item, person: int) -> bool:
        newest = item.newest.get(person)
        return newest is not None and newest.kind == "rated" and newest.version_id in self.same() and newest.trace_hash == item.trace

    def waiting(self, item: Item) -> list[int]:
        placed = {row.rater_id for row in item.rows if row.until is None}
        return [person for person in item.newest if person not in placed and self.fits(item, person)]

    def free(self, item: Item, *, waiting_first: bool = False) -> int:
        held = sum(row.until is None or row.until > self.world.clock.now for row in item.rows)
        return self.study.settings.ratings_per_item - held - (len(self.waiting(item)) if waiting_first else 0)

    def leases(self, person: int) -> list[int]:
        return [
            item.id
            for item in self.read().values()
            for row in item.rows
            if row.rater_id == person and row.until is not None and row.until > self.world.clock.now
        ]


class RatersOfAStudyThatIsLarge(Raters):
    """The same where the memory is trusted for a while, as in a study of many thousand items."""

    trusted = 3600.0


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the study: copied for each example."""
    file = tmp_path_factory.mktemp("machine") / "saccade.db"
    world = World(open_database(sqlite_url(file)), number=1)
    world.study(traces=3, steps=2, lease_minutes=LEASE)
    for number in range(RATERS):
        world.rater(f"Rater {number}")
    with world.database.engine.connect() as connection:
        connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    world.database.close()
    return file


@pytest.mark.parametrize(("machine", "examples"), [(Raters, 12), (RatersOfAStudyThatIsLarge, 12)])
def test_the_promises_hold(machine: type[Raters], examples: int, template: Path) -> None:
    machine.template = template
    chosen = settings(
        max_examples=examples,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    case: Callable[[], None] = _test_of(machine, chosen)
    case()


def _test_of(machine: type[Raters], chosen: settings) -> Callable[[], None]:
    from hypothesis.stateful import run_state_machine_as_test

    return lambda: run_state_machine_as_test(machine, settings=chosen)  # type: ignore[no-untyped-call]
