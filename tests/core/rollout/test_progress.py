"""How far a run is, and how long it will take."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from core.rollout.progress import Pace


@dataclass
class Clock:
    """A clock that stands still until it is set."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def test_nothing_is_said_of_the_time_before_anything_is_done() -> None:
    pace = Pace(2, 5)
    told = pace.progress([0, 0])
    assert (told.ended, told.conversations, told.seconds_left) == (0, 2, None)


def test_turns_count_before_conversations_end() -> None:
    told = Pace(1, 5).progress([1])
    assert told.seconds_left is not None and told.seconds_left == pytest.approx(told.seconds * 4)


def test_conversations_are_expected_to_be_as_long_as_those_that_ended() -> None:
    pace = Pace(4, 5)
    pace.end(2)
    told = pace.progress([1])
    # One of four has ended, and half of another is done.
    assert told.seconds_left == pytest.approx(told.seconds * (4 - 1.5) / 1.5)


def test_a_long_conversation_is_never_quite_done() -> None:
    pace = Pace(2, 5)
    pace.end(1)
    told = pace.progress([9])
    assert told.seconds_left is not None and told.seconds_left > 0


def test_what_is_done_takes_no_time() -> None:
    pace = Pace(1, 1)
    pace.end(0)
    assert pace.progress([]).seconds_left == 0
    assert Pace(0, 1).progress([]).seconds_left == 0


def test_before_a_turn_has_ended_the_limits_tell_how_long_it_takes_at_most() -> None:
    clock = Clock()
    pace = Pace(2, 5, tokens=500, clock=clock)
    # Pictures are read first: that is no pace of writing.
    clock.now += 30
    assert pace.progress([0, 0]).seconds_at_most is None, "nothing was written"
    pace.wrote(10)
    assert pace.progress([0, 0]).seconds_at_most is None, "the first words tell no pace"
    clock.now += 2
    pace.wrote(40)
    told = pace.progress([0, 0])
    # 40 tokens in 2 seconds, and of 2 * 500 there are 950 to come.
    assert (told.tokens, told.seconds_left, told.seconds_at_most) == (50, None, pytest.approx(47.5))


def test_once_a_turn_has_ended_there_is_an_estimate_in_place_of_a_bound() -> None:
    clock = Clock()
    pace = Pace(1, 5, tokens=500, clock=clock)
    pace.wrote(10)
    clock.now += 2
    pace.wrote(40)
    told = pace.progress([1])
    assert (told.seconds_left, told.seconds_at_most) == (8.0, None)


def test_conversations_that_broke_off_write_no_further_tokens() -> None:
    clock = Clock()
    pace = Pace(2, 5, tokens=500, clock=clock)
    pace.wrote(10)
    clock.now += 2
    pace.wrote(40)
    pace.end(0, unfinished=30)
    # The other wrote 20 of its 500.
    assert pace.progress([0]).seconds_at_most == pytest.approx(24)


def test_whoever_writes_more_than_was_allowed_is_soon_done() -> None:
    clock = Clock()
    pace = Pace(1, 1, tokens=10, clock=clock)
    pace.wrote(10)
    clock.now += 2
    pace.wrote(40)
    assert pace.progress([0]).seconds_at_most == 0.0
