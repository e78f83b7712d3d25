"""How far a run is, and how long it will take."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from core.rollout.values import Progress

# How often a run says how far it is, in seconds, where nothing else happens.
EVERY = 0.5


# For how long something is written, in seconds, before its pace is gone by.
LEAST_WRITING = 1.0


class Pace:
    """Counts what is done.

    turns   that a conversation takes at most
    tokens  that are written in a conversation at most; None: nobody knows
    clock   tells seconds, and only goes forward
    """

    def __init__(self, conversations: int, turns: int, tokens: int | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._conversations = conversations
        self._turns = max(1, turns)
        self._most = tokens
        self._clock = clock
        self._started = clock()
        self._said = self._started
        self._ended_turns = 0
        self._lost = 0
        self._first: tuple[float, int] | None = None
        self.ended = 0
        self.tokens = 0

    def due(self) -> bool:
        """Whether it is time to say again how far the run is."""
        return self._clock() - self._said >= EVERY

    def wrote(self, tokens: int) -> None:
        """So many tokens were written."""
        self.tokens += tokens
        if self._first is None and tokens:
            # Before the first words there are pictures to be read, which is no pace of writing.
            self._first = self._clock(), self.tokens

    def end(self, turns: int, unfinished: int = 0) -> None:
        """A conversation of that many turns has ended; `unfinished` are the tokens of a turn that it did not end."""
        self.ended += 1
        self._ended_turns += turns
        self._lost += unfinished

    def progress(self, turns_under_way: Iterable[int]) -> Progress:
        """How far the run is, given the turns that each conversation under way has behind it."""
        self._said = self._clock()
        seconds = self._said - self._started
        left = self._conversations - self.ended
        if left == 0:
            return Progress(self.ended, self._conversations, self.tokens, seconds, 0.0)
        under_way = list(turns_under_way)
        if self._ended_turns or any(under_way):
            share = self._share(under_way)
            return Progress(self.ended, self._conversations, self.tokens, seconds, seconds * (1 - share) / share)
        return Progress(self.ended, self._conversations, self.tokens, seconds, None, self._at_most(left))

    def _at_most(self, left: int) -> float | None:
        """The seconds that the conversations under way and to come take where each writes as much as it may."""
        if self._most is None or self._first is None:
            return None
        since, before = self._first
        writing, written = self._said - since, self.tokens - before
        if writing < LEAST_WRITING or not written:
            return None
        return max(0.0, (left * self._most - (self.tokens - self._lost)) * writing / written)

    def _share(self, under_way: list[int]) -> float:
        """The part of the work that is done, by turns: a conversation is expected to take as many as those that ended took."""
        expected = self._ended_turns / self.ended if self.ended and self._ended_turns else self._turns
        # One that has had as many is nearly, and never quite, at its end.
        done = sum(min(turns / expected, 0.9) for turns in under_way)
        return (self.ended + done) / self._conversations
