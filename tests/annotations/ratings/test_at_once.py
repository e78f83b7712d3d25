"""Many people at the same moment, in threads and over several servers: never more than N, every token once, nothing lost."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
from sqlalchemy import func, select

from annotations.database import Database, open_database
from annotations.rating_schema import PlaceRow, RatingRow
from annotations.ratings.values import Acknowledged, Standing
from core.errors import NotAllowed, RatingRefused, StoreError
from tests.annotations.ratings.worlds import World, rated

PEOPLE = 8
_Answer = TypeVar("_Answer")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def back_end(request: pytest.FixtureRequest) -> str:
    """The two back ends that are meant for many people at once."""
    name: str = request.param
    return name


@pytest.fixture
def worlds(database: Database, database_url: str) -> Sequence[World]:
    """Two servers over one database, each with connections of its own."""
    second = open_database(database_url)
    first = World(database)
    return (first, World(second, number=first.number))


def at_once(works: Sequence[Callable[[], _Answer]]) -> list[_Answer]:
    """The answers to all works, which are begun at the same moment."""
    together = threading.Barrier(len(works))

    def begin(work: Callable[[], _Answer]) -> _Answer:
        together.wait()
        return work()

    with ThreadPoolExecutor(len(works)) as threads:
        return list(threads.map(begin, works))


def test_a_crowd_rates_every_item_exactly_n_times(worlds: Sequence[World]) -> None:
    world = worlds[0]
    study, people = world.study(traces=4, steps=2, ratings_per_item=3), [world.rater(f"Rater {number}") for number in range(PEOPLE)]
    kept: list[Acknowledged] = []

    def work(number: int) -> None:
        own = worlds[number % 2]
        while given := own.ratings.next(study.id, people[number], count=2):
            answer = own.rate(study, given[0], people[number])
            kept.append(answer)

    at_once([lambda number=number: work(number) for number in range(PEOPLE)])  # type: ignore[misc]
    # Whoever came while the others held leases was told that nothing is left, and asks again later.
    for number in range(PEOPLE):
        work(number)
    assert len(kept) == len({answer.rating.id for answer in kept}) == 24
    assert {answer.standing for answer in kept} == {Standing.COUNTS}
    with world.database.reading() as connection:
        places = connection.execute(select(PlaceRow.item_id, func.count()).where(PlaceRow.until.is_(None)).group_by(PlaceRow.item_id)).all()
    assert [count for _, count in places] == [3] * 8
    worlds[1].database.close()


def test_the_same_token_at_once_is_one_row(worlds: Sequence[World]) -> None:
    world = worlds[0]
    study, ann = world.study(), world.rater("Ann")
    ask = world.ratings.next(study.id, ann)[0]
    token = world.token()
    works = [lambda own=own: own.rate(study, ask, ann, token=token) for own in (*worlds, *worlds, *worlds)]
    answers = at_once(works)  # type: ignore[arg-type]
    assert Counter(answer.repeated for answer in answers) == {True: 5, False: 1}
    assert len({answer.rating.id for answer in answers}) == 1 and world.rows(study) == 1
    worlds[1].database.close()


def test_two_tabs_are_two_revisions_in_one_place(worlds: Sequence[World]) -> None:
    world = worlds[0]
    study, ann = world.study(ratings_per_item=1), world.rater("Ann")
    ask = world.ratings.next(study.id, ann)[0]
    works = [lambda own=own, n=n: own.rate(study, ask, ann, judgement=rated(comment=str(n))) for n, own in enumerate((*worlds, *worlds))]
    answers = at_once(works)  # type: ignore[arg-type]
    assert sorted(answer.rating.revision for answer in answers) == [1, 2, 3, 4]
    assert {answer.standing for answer in answers} == {Standing.COUNTS} and world.counted(ask.item) == 1
    worlds[1].database.close()


def test_a_late_crowd_on_one_item_fills_it_and_waits(worlds: Sequence[World]) -> None:
    world = worlds[0]
    study, people = world.study(traces=1, steps=1, ratings_per_item=2), [world.rater(f"Rater {number}") for number in range(PEOPLE)]
    ask = world.ratings.next(study.id, people[0])[0]
    world.clock.passes(31)
    worlds[1].clock.now = world.clock.now
    works = [lambda n=n: worlds[n % 2].rate(study, ask, people[n]) for n in range(PEOPLE)]  # type: ignore[misc]
    standings = Counter(answer.standing for answer in at_once(works))
    assert standings == {Standing.COUNTS: 2, Standing.SURPLUS: PEOPLE - 2} and world.counted(ask.item) == 2
    with world.database.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(RatingRow)) == PEOPLE
    worlds[1].database.close()


def skip_where_parts_stay(world: World) -> None:
    if not world.database.takes_back_parts:
        pytest.skip("of this back end it is not known whether a part of a transaction can be taken back")


def test_ratings_that_share_a_transaction_are_kept_each_by_itself(world: World) -> None:
    """On every back end that takes parts back: a refused rating, and a token that the table refuses, cost the others nothing."""
    skip_where_parts_stay(world)
    study, ann, ben = world.study(), world.rater("Ann"), world.rater("Ben")
    mine, theirs = world.ratings.next(study.id, ann, count=2), world.ratings.next(study.id, ben, count=2)
    token = world.token()
    with world.database.together():
        first = world.rate(study, mine[0], ann, token=token)
        with pytest.raises(RatingRefused, match="no answer to"):
            world.rate(study, mine[1], ann, judgement=rated(answers={}))
        with pytest.raises(NotAllowed, match="somebody else"):
            world.rate(study, theirs[0], ben, token=token)
        with pytest.raises(RatingRefused, match="something else"):
            world.rate(study, mine[1], ann, token=token)
        second = world.rate(study, theirs[0], ben)
        assert world.ratings.progress(study.id, ben).done == 1
    assert world.rows(study) == 2 and second.rating.id > first.rating.id
    assert [world.ratings.progress(study.id, rater).done for rater in (ann, ben)] == [1, 1]


def test_what_a_lost_transaction_said_is_forgotten(world: World) -> None:
    skip_where_parts_stay(world)
    study, ann = world.study(), world.rater("Ann")
    ask = world.ratings.next(study.id, ann)[0]

    def lose() -> None:
        with world.database.together():
            assert world.rate(study, ask, ann).progress.done == 1
            raise StoreError("The disk is full.")

    with pytest.raises(StoreError, match="full"):
        lose()
    world.ratings.forget()
    assert world.rows(study) == 0 and world.ratings.progress(study.id, ann).done == 0
    assert ask.item in {one.item for one in world.ratings.next(study.id, ann)}
