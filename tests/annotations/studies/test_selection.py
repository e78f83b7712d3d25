"""Which steps a study asks about, on all back ends."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from annotations.store import Store
from annotations.studies.selection import BATCH, select_steps
from annotations.studies.settings import Selection, StepChoice, StudySettings
from annotations.studies.store import StudyStore
from annotations.synthetic import make_traces
from core.trace import DomainName
from tests.annotations.studies.conftest import MakeTrace

LONG = "The red mug (100, 200) is left of it. The blue bowl (300, 200) is right of it. The big spoon (500, 300) lies in front of it."


def chosen(store: Store, **wish: Any) -> dict[str, tuple[int, ...]]:
    """Content hash to steps, by a selection; `seed` is the study's."""
    settings = StudySettings(seed=wish.pop("seed", 0), selection=Selection(**wish))
    with store.database.reading() as connection:
        found = list(select_steps(connection, settings))
    assert len({trace.trace for trace in found}) == len(found)
    return {trace.trace: trace.steps for trace in found}


def test_steps_with_a_point_inside_the_picture_are_asked(store: Store, make_trace: MakeTrace) -> None:
    outside = make_trace("The red mug is (100, 200) there. The blue bowl is (5000, 200) there. Nothing else is to be seen.")
    blind = make_trace(LONG, name="without a picture", pictures=())
    store.add_traces([outside, blind], dataset="one")
    assert [step.inside for step in outside.steps] == [True, False, None]
    assert chosen(store) == {outside.content_hash: (0,)}


def test_steps_that_say_too_little_are_not_asked(sqlite_store: Store, make_trace: MakeTrace) -> None:
    trace = make_trace("Here (100, 200). The red mug (300, 200). It stands on the table (500, 300).")
    sqlite_store.add_trace(trace, dataset="one")
    positions = {words: chosen(sqlite_store, min_words=words).get(trace.content_hash) for words in (0, 1, 2, 3, 4, 5, 6)}
    assert positions == {0: (0, 1, 2), 1: (0, 1, 2), 2: (1, 2), 3: (1, 2), 4: (2,), 5: (2,), 6: None}


def test_the_choice_of_steps(store: Store, make_trace: MakeTrace) -> None:
    trace = make_trace("There (40, 40)", "I see the mug at (100, 200)", LONG)
    store.add_trace(trace, dataset="one")
    assert [step.look is not None for step in trace.steps] == [True, True, False, False, False]
    positions = {choice: chosen(store, steps=choice)[trace.content_hash] for choice in StepChoice}
    assert positions == {StepChoice.ALL: (1, 2, 3, 4), StepChoice.FIRST: (1,), StepChoice.LAST: (4,), StepChoice.LOOKED: (1,)}
    assert chosen(store, steps=StepChoice.LOOKED, min_words=0) == {trace.content_hash: (0, 1)}
    assert chosen(store, steps=StepChoice.FIRST, min_words=0) == {trace.content_hash: (0,)}


def test_filters_leave_the_traces_of_any_of_their_values(store: Store, make_trace: MakeTrace) -> None:
    search = make_trace(LONG, name="search")
    web = make_trace(LONG, name="web", domain=DomainName.WEB_ACTION, policy="second")
    spatial = make_trace(LONG, name="spatial", domain=DomainName.SPATIAL, policy="Second")
    store.add_traces([search, web], dataset="one")
    store.add_traces([spatial], dataset="two")
    every = {trace.content_hash for trace in (search, web, spatial)}
    assert set(chosen(store)) == every
    assert set(chosen(store, datasets=("two",))) == {spatial.content_hash}
    assert set(chosen(store, datasets=("two", "one", "three"))) == every
    assert set(chosen(store, domains=("web_action", "spatial"))) == {web.content_hash, spatial.content_hash}
    assert set(chosen(store, policies=("second",))) == {web.content_hash}
    assert set(chosen(store, policies=("second",), datasets=("two",))) == set()


def test_a_trace_of_two_data_sets_is_one(store: Store, make_trace: MakeTrace) -> None:
    trace = make_trace(LONG)
    for dataset in ("one", "two", "three"):
        store.add_trace(trace, dataset=dataset)
    for wish in ({}, {"traces": 2}, {"datasets": ("two", "three")}):
        assert chosen(store, **wish) == {trace.content_hash: (0, 1, 2)}


def test_so_many_traces_are_drawn_by_the_seed(store: Store) -> None:
    store.add_traces(make_traces(40, 2, seed=1), dataset="one")
    every = chosen(store)
    some = chosen(store, traces=10)
    assert len(every) == 40 and len(some) == 10 and some.items() <= every.items()
    assert chosen(store, traces=10) == some
    assert chosen(store, traces=10, seed=1) != some
    assert chosen(store, traces=15).items() > some.items()
    assert chosen(store, traces=100) == every


def test_a_trace_without_a_step_to_ask_about_takes_no_place_in_the_draw(sqlite_store: Store, make_trace: MakeTrace) -> None:
    good = make_trace(LONG, name="good")
    sqlite_store.add_trace(good, dataset="one")
    sqlite_store.add_traces([make_trace("Too short (1, 2).", name=str(number)) for number in range(BATCH + 5)], dataset="one")
    assert chosen(sqlite_store, traces=1) == {good.content_hash: (0, 1, 2)}


def test_new_traces_change_the_draw_as_little_as_can_be(sqlite_store: Store) -> None:
    sqlite_store.add_traces(make_traces(40, 2, seed=1), dataset="one")
    before = set(chosen(sqlite_store, traces=20))
    new = list(make_traces(10, 2, seed=2))
    sqlite_store.add_traces(new, dataset="two")
    after = set(chosen(sqlite_store, traces=20))
    # Each that came in is new, and has pushed out one.
    assert after - before <= {trace.content_hash for trace in new}
    assert 0 < len(after - before) < 10


def test_so_many_steps_of_a_trace_are_drawn_by_the_seed(sqlite_store: Store) -> None:
    sqlite_store.add_traces(make_traces(12, 10, seed=3), dataset="one")
    every = chosen(sqlite_store)
    some = chosen(sqlite_store, steps_per_trace=3)
    assert all(len(steps) == 3 and set(steps) <= set(every[trace]) and list(steps) == sorted(steps) for trace, steps in some.items())
    assert len({*some.values()}) > 1
    assert chosen(sqlite_store, steps_per_trace=3) == some != chosen(sqlite_store, steps_per_trace=3, seed=1)


def test_the_preview_counts_what_would_be_asked(store: Store, studies: StudyStore, make_trace: MakeTrace) -> None:
    web = make_trace(LONG, name="web", domain=DomainName.WEB_ACTION, policy="second", pictures=("b",))
    for trace in (make_trace(LONG, name="one"), make_trace(LONG, name="two"), web):
        store.add_trace(trace, dataset="one")
    preview = studies.preview(StudySettings())
    assert (preview.traces, preview.steps, preview.pictures) == (3, 9, 2)
    assert [(share.value, share.traces, share.steps) for share in preview.by_domain] == [("visual_search", 2, 6), ("web_action", 1, 3)]
    assert [(share.value, share.traces, share.steps) for share in preview.by_policy] == [("first", 2, 6), ("second", 1, 3)]
    nothing = studies.preview(replace(StudySettings(), selection=Selection(datasets=("none",))))
    assert (nothing.traces, nothing.steps, nothing.pictures, nothing.by_domain) == (0, 0, 0, ())
