"""How far a run is, and how long it will take."""

from __future__ import annotations

import pytest

from core.rollout.progress import Pace


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
