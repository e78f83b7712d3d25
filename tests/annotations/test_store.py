"""What is put into the store comes out of it, once, whole, or not at all; on all back ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError

from annotations.database import Database, open_database
from annotations.queries import TraceQuery
from annotations.schema import Base, EventRow, SampleRow, StepRow, TraceRow, TurnRow
from annotations.scores import Scores, score_trace
from annotations.store import CHUNK, Store
from annotations.synthetic import make_traces
from core.errors import NotFound, ReadOnly, SaccadeError, StoreError, TraceError, TruthError
from core.trace import Origin, Sample, Trace, Truth, TruthKind
from tests import strategies

ANY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def count(database: Database, table: str) -> int:
    with database.reading() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def counts(database: Database) -> dict[str, int]:
    return {table: count(database, table) for table in Base.metadata.tables}


@ANY
@given(trace=strategies.traces())
def test_any_trace_comes_out_as_it_went_in(store: Store, trace: Trace) -> None:
    store.add_trace(trace, dataset="any")
    stored = store.trace(trace.content_hash)
    # An equal trace of another origin, with its frame known in another way, may have come first.
    frame = replace(stored.trace.frame, known_by=trace.frame.known_by)
    assert replace(stored.trace, origin=trace.origin, frame=frame) == trace
    assert stored.trace.content_hash == stored.id == trace.content_hash
    assert stored.scores == score_trace(trace)
    assert not store.add_trace(trace, dataset="any")


@ANY
@given(trace=strategies.traces())
def test_rows_of_turns_and_steps_agree_with_the_document(store: Store, trace: Trace) -> None:
    store.add_trace(trace, dataset="any")
    number = store.trace(trace.content_hash).number
    with store.database.reading() as connection:
        row = connection.execute(select(TraceRow).where(TraceRow.id == number)).one()
        turns = connection.execute(select(TurnRow).where(TurnRow.trace_id == number).order_by(TurnRow.position)).all()
        steps = connection.execute(select(StepRow).where(StepRow.trace_id == number).order_by(StepRow.position)).all()
    assert (row.turn_count, row.step_count, row.look_count, row.fault_count) == (
        len(trace.turns),
        len(trace.steps),
        len(trace.looks),
        len(trace.faults),
    )
    assert (row.policy, row.domain, row.stop) == (trace.policy, trace.sample.domain, trace.stop)
    assert [turn.answer for turn in turns] == [turn.answer.of(turn.text) if turn.answer else None for turn in trace.turns]
    assert [turn.called for turn in turns] == [turn.call is not None for turn in trace.turns]
    assert [(step.turn, step.text, step.inside) for step in steps] == [(step.turn, step.text, step.inside) for step in trace.steps]
    assert [(step.x, step.y) for step in steps] == [(step.point.x, step.point.y) if step.point else (None, None) for step in trace.steps]
    written = [(s.mention.written, s.mention.x, s.mention.y, s.mention.source) if s.mention else (None,) * 4 for s in trace.steps]
    assert [(step.written, step.written_x, step.written_y, step.source) for step in steps] == written
    windows = [step.look.window.corners if step.look else (None,) * 4 for step in trace.steps]
    assert [(step.look_x1, step.look_y1, step.look_x2, step.look_y2) for step in steps] == windows


@ANY
@given(sample=strategies.samples)
def test_any_sample_comes_out_as_it_went_in(store: Store, sample: Sample) -> None:
    # The same sample may be drawn twice.
    known_before = store.knows_sample(sample, "samples")
    assert store.add_sample(sample, dataset="samples") is not known_before
    assert list(store.iter_samples("samples")).count(sample) == 1
    assert not store.add_sample(sample, dataset="samples")


def test_adding_twice_adds_nothing(store: Store) -> None:
    traces = list(make_traces(20))
    assert all(store.add_traces(traces, dataset="demo"))
    before = counts(store.database)
    elsewhere = [replace(trace, origin=Origin("file", "other.jsonl", 7)) for trace in traces]
    assert not any(store.add_traces(elsewhere, dataset="demo"))
    assert counts(store.database) == before


def test_equal_traces_in_one_call_count_once(store: Store) -> None:
    one, two = make_traces(2)
    assert store.add_traces([one, two, one, two], dataset="demo") == (True, True, False, False)
    assert count(store.database, "traces") == 2


def test_one_trace_can_be_in_two_data_sets(store: Store) -> None:
    trace = next(make_traces(1))
    assert store.add_trace(trace, dataset="one")
    assert store.add_trace(trace, dataset="two")
    assert store.trace(trace.content_hash).dataset == "one"
    assert [item.dataset for item in store.list_traces(TraceQuery()).items] == ["two", "one"]


def test_a_sample_and_its_traces_share_a_row(store: Store) -> None:
    traces = list(make_traces(4))
    assert store.add_sample(traces[0].sample, dataset="demo")
    store.add_traces(traces, dataset="demo")
    assert not store.add_sample(traces[0].sample, dataset="demo")
    assert count(store.database, "samples") == 1
    assert count(store.database, "pictures") == 1


def _breaking_off(traces: list[Trace]) -> Iterator[Trace]:
    yield from traces
    raise TraceError("The file breaks off here.")


@pytest.mark.parametrize("whole", [0, 3, CHUNK + 3])
def test_a_source_that_breaks_off_leaves_nothing(store: Store, whole: int) -> None:
    before = counts(store.database)
    with pytest.raises(TraceError, match="breaks off"):
        store.add_traces(_breaking_off(list(make_traces(whole, 1))), dataset="demo")
    assert counts(store.database) == before
    assert store.list_traces(TraceQuery()).total == 0


@pytest.mark.parametrize("table", ["traces", "trace_documents", "turns", "steps", "trace_words", "events", "data_versions"])
def test_a_database_that_fails_halfway_leaves_nothing(store: Store, back_end: str, table: str) -> None:
    if back_end == "sqlite" and table == "trace_words":
        pytest.skip("SQLite takes no trigger on a virtual table")
    before = counts(store.database)
    verb = "UPDATE" if table == "data_versions" else "INSERT"
    with store.database.writing() as connection:
        for statement in _refusal(back_end, table, verb):
            connection.execute(text(statement))
    with pytest.raises(StoreError, match="on purpose"):
        store.add_traces(make_traces(3), dataset="demo")
    assert counts(store.database) == before


def _refusal(back_end: str, table: str, verb: str) -> list[str]:
    if back_end in ("sqlite", "plain"):
        return [f"CREATE TRIGGER refuse BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, 'on purpose'); END"]
    if back_end == "mariadb":
        complaint = "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'on purpose'"
        return [f"CREATE TRIGGER refuse BEFORE {verb} ON {table} FOR EACH ROW {complaint}"]
    return [
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'on purpose'; END $$",
        f"CREATE TRIGGER refuse BEFORE {verb} ON {table} FOR EACH ROW EXECUTE FUNCTION refuse()",
    ]


def _with(**changes: object) -> Callable[[Trace], Trace]:
    return lambda trace: replace(trace, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_with(answer="half \ud83d of it"), r"U\+D83D"),
        (_with(recorded_score=float("nan")), "NaN and infinity"),
        (_with(policy="p" * 501), "501 characters"),
        (_with(policy="p\0"), "NUL"),
        (lambda trace: replace(trace, steps=trace.steps[1:]), "Step 0 says that it is step 1"),
        (lambda trace: replace(trace, turns=()), "lies in turn 0, and the trace has 0 turns"),
        (lambda trace: replace(trace, turns=trace.turns * 2), "Turn 1 says that it is turn 0"),
        (
            lambda trace: replace(trace, sample=replace(trace.sample, pictures=(replace(trace.sample.pictures[0], sha256="../x"),))),
            "SHA-256",
        ),
    ],
)
def test_a_trace_that_could_not_come_out_again_is_refused(store: Store, change: Callable[[Trace], Trace], said: str) -> None:
    trace = next(make_traces(1))
    with pytest.raises(TraceError, match=said):
        store.add_trace(change(trace), dataset="demo")
    assert count(store.database, "traces") == 0


def test_a_truth_without_its_box_is_refused(store: Store) -> None:
    trace = next(make_traces(1))
    with pytest.raises(TruthError):
        store.add_trace(replace(trace, sample=replace(trace.sample, truth=Truth(TruthKind.BOX, "[1, 2, 3, 4]"))), dataset="demo")


def test_a_name_of_a_data_set_must_fit_its_index(store: Store) -> None:
    with pytest.raises(TraceError, match="data set's name has 501 characters"):
        store.add_trace(next(make_traces(1)), dataset="d" * 501)
    wide = "\N{GRINNING FACE}" * 500
    assert store.add_trace(replace(next(make_traces(1)), policy=wide), dataset=wide)
    assert store.list_traces(TraceQuery(policy=(wide,), dataset=(wide,))).total == 1


def test_a_nul_in_a_text_comes_out_again(store: Store) -> None:
    trace = next(make_traces(1))
    step = replace(trace.steps[0], text="a\0b")
    changed = replace(trace, steps=(step, *trace.steps[1:]), sample=replace(trace.sample, question="who\0?"))
    store.add_trace(changed, dataset="demo")
    assert store.trace(changed.content_hash).trace == changed
    assert store.list_traces(TraceQuery()).items[0].question == "who\N{REPLACEMENT CHARACTER}?"


def test_a_megabyte_of_text_is_stored_and_found_by_its_first_words(store: Store) -> None:
    trace = next(make_traces(1))
    long = " ".join(f"word{number}" for number in range(120_000))
    question = replace(trace.sample, question=long)
    assert store.add_trace(replace(trace, sample=question), dataset="demo")
    assert store.list_traces(TraceQuery(text="word7")).total == 1


def test_an_unknown_trace_is_not_found(store: Store) -> None:
    for wrong in ("", "0" * 64, "' OR 1=1 --", "%"):
        with pytest.raises(NotFound, match="There is no trace"):
            store.trace(wrong)
    with pytest.raises(NotFound, match="no data set"):
        list(store.iter_samples("nowhere"))


def test_ids_are_never_given_twice(store: Store) -> None:
    trace, other = make_traces(2)
    store.add_trace(trace, dataset="demo")
    number = store.trace(trace.content_hash).number
    with store.database.writing() as connection:
        for statement in ("DELETE FROM steps", "DELETE FROM turns", "DELETE FROM trace_documents"):
            connection.execute(text(statement))
        if not store.database.is_sqlite:
            connection.execute(text("DELETE FROM trace_words"))
        connection.execute(text("DELETE FROM traces"))
    store.add_trace(other, dataset="demo")
    assert store.trace(other.content_hash).number > number


def test_scores_can_be_given_by_another_rule(database: Database) -> None:
    store = Store(database, score=lambda trace: Scores(None, 0.25, None))
    trace = next(make_traces(1))
    store.add_trace(trace, dataset="demo")
    assert store.trace(trace.content_hash).scores == Scores(None, 0.25, None)
    assert store.list_traces(TraceQuery(correct="unscored")).total == 1


def test_the_time_of_adding_is_utc(store: Store) -> None:
    trace = next(make_traces(1))
    store.add_trace(trace, dataset="demo")
    added = store.trace(trace.content_hash).added
    assert added.tzinfo is UTC
    assert abs(datetime.now(UTC) - added) < timedelta(minutes=5)


def test_adding_is_logged(store: Store) -> None:
    traces = list(make_traces(3))
    store.add_traces(traces, dataset="demo", actor="ann")
    store.add_traces(traces, dataset="demo", actor="bob")
    store.record_event("guideline_changed", {"from": 1, "to": [2, None, "é"]}, actor="ann")
    with store.database.reading() as connection:
        events = connection.execute(select(EventRow).order_by(EventRow.id)).all()
    assert [(event.kind, event.actor) for event in events] == [("traces_added", "ann"), ("guideline_changed", "ann")]
    assert events[0].payload == {"dataset": "demo", "added": 3, "known": 0}
    assert events[1].payload == {"from": 1, "to": [2, None, "é"]}
    assert all(event.at.tzinfo is UTC for event in events)


@pytest.mark.parametrize("statement", ["UPDATE events SET actor = 'me'", "DELETE FROM events", "TRUNCATE events"])
def test_the_event_log_only_grows(store: Store, back_end: str, statement: str) -> None:
    if back_end == "sqlite" and statement.startswith("TRUNCATE"):
        pytest.skip("SQLite has no TRUNCATE")
    store.record_event("started", {}, actor="ann")
    with pytest.raises(StoreError, match="append-only"), store.database.writing() as connection:
        connection.execute(text(statement))
    with store.database.reading() as connection:
        assert connection.execute(select(EventRow.actor)).scalars().all() == ["ann"]


def test_a_step_must_lie_in_a_turn_of_its_trace(store: Store) -> None:
    store.add_traces(make_traces(2, 2), dataset="demo")
    with pytest.raises(StoreError, match=r"(?i)foreign key"), store.database.writing() as connection:
        connection.execute(update(StepRow).where(StepRow.id == 1).values(turn=99))


def test_a_store_opened_for_reading_refuses_to_write(store: Store, database_url: str) -> None:
    trace = next(make_traces(1))
    store.add_trace(trace, dataset="demo")
    reader = Store(open_database(database_url, read_only=True))
    try:
        assert reader.trace(trace.content_hash).trace == trace
        assert reader.facets(TraceQuery()).datasets[0].value == "demo"
        for write in (
            lambda: reader.add_trace(trace, dataset="other"),
            lambda: reader.add_sample(trace.sample, dataset="other"),
            lambda: reader.record_event("x", {}),
        ):
            with pytest.raises(ReadOnly, match="--read-only"):
                write()
        # Nor does the connection itself, whoever asks it.
        with reader.database.engine.connect() as connection, pytest.raises((DBAPIError, ReadOnly), match=r"(?i)read.?only"):
            connection.execute(update(SampleRow).values(question="gone"))
    finally:
        reader.database.close()


def test_writers_at_once_lose_nothing_and_double_nothing(store: Store, database_url: str) -> None:
    """Four threads in this process and four with connections of their own, as another process has, add overlapping traces."""
    traces = list(make_traces(40, 2))
    other = Store(open_database(database_url))
    errors: list[SaccadeError] = []
    added: list[bool] = []

    def write(target: Store, first: int) -> None:
        try:
            for trace in traces[first : first + 20]:
                added.append(target.add_trace(trace, dataset="demo"))
        except SaccadeError as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(target, first)) for target in (store, other) for first in (0, 5, 10, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.database.close()
    assert errors == []
    assert added.count(True) == count(store.database, "traces") == 40
    with store.database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(StepRow)).scalar_one() == 80
