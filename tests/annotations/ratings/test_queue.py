"""Who is given what, in which order, and how many leases anybody can hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from annotations.ratings.kept import Facts, Recent
from annotations.ratings.memory import patience
from annotations.ratings.orders import AskedItems, order_of
from annotations.ratings.values import Ask
from annotations.studies.settings import StepOrder, StudySettings
from annotations.studies.values import Study
from core.errors import NotFound
from tests.annotations.ratings.worlds import World, skipped


def all_of(world: World, study: Study, rater: int) -> list[Ask]:
    """Everything that a rater is asked, one after the other, in the order in which it comes."""
    found: list[Ask] = []
    while given := world.ratings.next(study.id, rater, count=1):
        world.rate(study, given[0], rater)
        found.append(given[0])
    return found


def test_each_rater_has_an_order_that_outlives_the_server(world: World) -> None:
    study, ann, ben = world.study(traces=5, steps=2, ratings_per_item=2), world.rater("Ann"), world.rater("Ben")
    asked = [world.ratings.next(study.id, ann, count=20), world.another_server().next(study.id, ann, count=20)]
    assert [ask.item for ask in asked[0]] == [ask.item for ask in asked[1]]
    mine, theirs = ([(ask.trace, ask.step) for ask in all_of(world, study, rater)] for rater in (ann, ben))
    assert mine != theirs and set(mine) == set(theirs) and len(mine) == 10
    # The steps of a trace come one after the other.
    assert [step for _, step in mine] == [0, 1] * 5 and [trace for trace, _ in mine[::2]] == [trace for trace, _ in mine[1::2]]
    assert [(ask.trace_number, ask.traces, ask.step_number, ask.steps) for ask in asked[0]] == [
        (number, 5, step, 2) for number in range(1, 6) for step in (1, 2)
    ]


def test_shuffled_steps_are_numbered_as_they_come(sqlite_world: World) -> None:
    world = sqlite_world
    study, ann = world.study(traces=4, steps=3, order=StepOrder.SHUFFLED, seed=3), world.rater("Ann")
    asked = all_of(world, study, ann)
    assert [ask.trace for ask in asked] != sorted(ask.trace for ask in asked)
    traces: dict[str, list[int]] = {}
    for ask in asked:
        traces.setdefault(ask.trace, []).append(ask.step_number)
        assert ask.trace_number == list(traces).index(ask.trace) + 1 and ask.steps == 3
    assert list(traces.values()) == [[1, 2, 3]] * 4


def test_the_order_is_the_digest_of_seed_rater_and_content() -> None:
    asked = AskedItems([(1, "b", 0), (2, "a", 1), (3, "a", 0)])
    assert (list(asked.ids), asked.hashes, list(asked.first)) == ([3, 2, 1], ["a", "b"], [0, 2, 3])
    # sha256("0:7:a") begins with 4ad328fc, sha256("0:7:b") with e3d0d792: an order must never change under a running study.
    order = order_of(asked, StudySettings(seed=0), 7)
    assert [asked.ids[position] for position in order] == [3, 2, 1]
    assert [order.rank(item) for item in (3, 2, 1)] == [0, 1, 2]
    numbers = order.numbers(99)
    assert (numbers.trace, numbers.step) == (0, 0) and order.rank(99) == 3


@pytest.mark.parametrize("by", list(StepOrder))
def test_ranks_and_numbers_go_with_the_order(by: StepOrder) -> None:
    asked = AskedItems([(10 * trace + step, f"trace {trace}", step) for trace in range(7) for step in range(trace + 1)])
    order = order_of(asked, StudySettings(order=by), 3)
    items = [asked.ids[position] for position in order]
    assert sorted(items) == sorted(asked.ids) and [order.rank(item) for item in items] == list(range(28))
    seen: dict[int, int] = {}
    for item in items:
        numbers, trace = order.numbers(item), item // 10
        seen[trace] = seen.get(trace, 0) + 1
        assert (numbers.trace, numbers.traces) == (list(seen).index(trace) + 1, 7)
        assert (numbers.step, numbers.steps) == (seen[trace], trace + 1)


def test_asking_again_renews_and_collects_nothing(world: World) -> None:
    study, ann, ben = world.study(traces=3, steps=2, ratings_per_item=1), world.rater("Ann"), world.rater("Ben")
    first = world.ratings.next(study.id, ann, count=3)
    for _ in range(5):
        world.clock.passes(20)
        again = world.ratings.next(study.id, ann, count=3)
        assert [ask.item for ask in again] == [ask.item for ask in first]
        assert all((ask.until - world.clock.now).total_seconds() == 30 * 60 for ask in again)
    assert len(world.ratings.next(study.id, ann, count=1)) == 1
    assert len(world.ratings.next(study.id, ben, count=20)) == 3
    world.clock.passes(31)
    # Its own leases have ended and nobody took them: they come first again.
    assert [ask.item for ask in world.ratings.next(study.id, ann, count=3)] == [ask.item for ask in first]


def test_what_one_skips_others_are_asked(world: World) -> None:
    study, ann, ben = world.study(traces=1, steps=1, ratings_per_item=1), world.rater("Ann"), world.rater("Ben")
    ask = world.ratings.next(study.id, ann)[0]
    world.rate(study, ask, ann, judgement=skipped())
    assert world.ratings.next(study.id, ann) == ()
    assert world.ratings.next(study.id, ben)[0].item == ask.item


def test_what_is_left_out_is_asked_no_more_and_its_lease_is_given_up(world: World) -> None:
    study, ann, ben = world.study(traces=2, steps=1, ratings_per_item=1), world.rater("Ann"), world.rater("Ben")
    one, two = world.ratings.next(study.id, ann, count=2)
    world.studies.leave_out(study.id, [one.item])
    assert [ask.item for ask in world.ratings.next(study.id, ann)] == [two.item]
    assert world.ratings.next(study.id, ben) == ()
    # A rating that was on its way is kept, and counts.
    assert world.rate(study, one, ann).standing == "counts"
    world.studies.take_back(study.id, [one.item])
    assert world.ratings.next(study.id, ben) == ()


def test_what_is_left_out_is_not_asked_where_the_memory_is_trusted_either(world: World) -> None:
    world.patience = lambda items: 3600.0
    world.ratings = world.another_server()
    study, ann = world.study(traces=2, steps=1, ratings_per_item=1), world.rater("Ann")
    one, two = world.ratings.next(study.id, ann, count=2)
    world.studies.leave_out(study.id, [one.item])
    assert [ask.item for ask in world.ratings.next(study.id, ann, count=2)] == [two.item]


def test_what_is_taken_back_comes_first_of_more_leases_than_are_wanted(world: World) -> None:
    study, ann = world.study(traces=6, steps=1, ratings_per_item=1), world.rater("Ann")
    held = world.ratings.next(study.id, ann, count=6)
    last = held[-1]
    world.rate(study, last, ann)
    again = world.ratings.withdraw_last(study.id, ann, token=world.token())
    assert again.item == last.item
    assert world.ratings.next(study.id, ann, count=1)[0].item == last.item
    assert world.ratings.next(study.id, ann, count=3)[0].item == last.item


@pytest.mark.parametrize("count", [-3, 0, 10**9])
def test_a_count_that_makes_no_sense_is_brought_within_bounds(sqlite_world: World, count: int) -> None:
    study, ann = sqlite_world.study(traces=15, steps=2), sqlite_world.rater("Ann")
    assert len(sqlite_world.ratings.next(study.id, ann, count=count)) == (1 if count < 1 else 20)
    with pytest.raises(NotFound, match="no rater"):
        sqlite_world.ratings.next(study.id, 2**70)


@contextmanager
def statements(world: World) -> Iterator[list[str]]:
    """What is said to the database inside the block."""
    said: list[str] = []

    def listen(connection: object, cursor: object, statement: str, *_: object) -> None:
        said.append(statement)

    event.listen(world.database.engine, "before_cursor_execute", listen)
    try:
        yield said
    finally:
        event.remove(world.database.engine, "before_cursor_execute", listen)


def test_the_next_item_is_found_without_looking_at_all_of_them(sqlite_world: World) -> None:
    """However far a study of several hundred items has come, asking and rating take the same few statements."""
    world = sqlite_world
    world.patience = lambda items: 3600.0
    world.ratings = world.another_server()
    study, raters = world.study(traces=20, steps=10, ratings_per_item=1), [world.rater(name) for name in ("Ann", "Ben", "Cleo")]
    for rater in raters:
        world.ratings.next(study.id, rater)
    most = 0
    for turn in range(60):
        rater = raters[turn % 3]
        with statements(world) as said:
            given = world.ratings.next(study.id, rater)
            world.rate(study, given[0], rater)
            world.ratings.progress(study.id, rater)
        most = max(most, len(said))
    # A few more where others hold what would have come next.
    assert most <= 45, most


def test_the_memory_is_bounded() -> None:
    recent: Recent[int, str] = Recent(2)
    for number in (1, 2, 3):
        recent.keep(number, str(number))
    assert list(recent) == [2, 3] and recent.used(2) == "2" and recent.used(1) is None
    recent.keep(4, "4")
    assert list(recent) == [2, 4]
    facts: Facts[str, int] = Facts(1)
    assert [facts.of("a", lambda: None), facts.of("a", lambda: 1), facts.of("a", lambda: 2), facts.of("b", lambda: 3)] == [None, 1, 1, 3]
    assert facts.of("a", lambda: 4) == 4
    assert patience(300) == 0 and 0 < patience(1_000) < patience(20_000) == patience(1_000_000) == 4
