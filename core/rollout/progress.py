"""How far a run is, and how long it will take."""

from __future__ import annotations

import time
from collections.abc import Iterable

from core.rollout.values import Progress

# How often a run says how far it is, in seconds, where nothing else happens.
EVERY = 0.5


class Pace:
    """Counts what is done. Times are of a clock that only goes forward."""

    def __init__(self, conversations: int, turns: int) -> None:
        self._conversations = conversations
        self._turns = max(1, turns)
        self._started = time.monotonic()
        self._said = self._started
        self._ended_turns = 0
        self.ended = 0
        self.tokens = 0

    def due(self) -> bool:
        """Whether it is time to say again how far the run is."""
        return time.monotonic() - self._said >= EVERY

    def end(self, turns: int) -> None:
        """A conversation of that many turns has ended."""
        self.ended += 1
        self._ended_turns += turns

    def progress(self, turns_under_way: Iterable[int]) -> Progress:
        """How far the run is, given the turns that each conversation under way has behind it."""
        self._said = time.monotonic()
        seconds = self._said - self._started
        left = self._conversations - self.ended
        if left == 0:
            return Progress(self.ended, self._conversations, self.tokens, seconds, 0.0)
        share = self._share(list(turns_under_way))
        return Progress(self.ended, self._conversations, self.tokens, seconds, seconds * (1 - share) / share if share > 0 else None)

    def _share(self, under_way: list[int]) -> float:
        """The part of the work that is done, by turns: a conversation is expected to take as many as those that ended took."""
        expected = self._ended_turns / self.ended if self.ended and self._ended_turns else self._turns
        # One that has had as many is nearly, and never quite, at its end.
        done = sum(min(turns / expected, 0.9) for turns in under_way)
        return (self.ended + done) / self._conversations
