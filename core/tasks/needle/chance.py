"""Chance that is the same for ever: Python promises the stream of `random.Random.random` for a seed, and of nothing built on it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

Thing = TypeVar("Thing")

# Part of every seed: a world that draws other scenes gets another number.
WORLD = "needle 1"


class Chance:
    """Draws for one scene, from words that name it: the same words give the same draws, on every machine and with every Python."""

    def __init__(self, *words: object) -> None:
        self._random = random.Random("/".join([WORLD, *map(str, words)])).random

    def below(self, end: int) -> int:
        """A whole number from 0 to end - 1, all alike."""
        return int(self._random() * end)

    def between(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + self.below(high - low + 1)

    def happens(self, share: float) -> bool:
        """True in that share of all draws."""
        return self._random() < share

    def pick(self, things: Sequence[Thing]) -> Thing:
        """One of them, all alike."""
        return things[self.below(len(things))]

    def some(self, things: Sequence[Thing], count: int) -> list[Thing]:
        """That many different ones, in an order by chance; all of them where there are fewer."""
        left, chosen = list(things), list[Thing]()
        while left and len(chosen) < count:
            chosen.append(left.pop(self.below(len(left))))
        return chosen
