"""Which dialog stands at which place of a run: a pure function of the seed and the place, so that a run that goes on goes on with the
dialog that would have come next, in whatever process it is prepared.

Places are counted over the whole run: step s of batch size b has the places s * b to s * b + b - 1. A source of n dialogs is gone through
in epochs, each in an order of its own; several sources of a stage are mixed by their shares.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

# So many dialogs in a row hold each source by its share.
_PATTERN = 256
# So many batches are sorted by length together: enough to find equals, few enough to keep the order by chance.
_WINDOW = 16


@dataclass(frozen=True, slots=True)
class Placed:
    """A dialog: the stage, the source in it, and the place in the source."""

    stage: int
    source: int
    index: int


@dataclass(frozen=True, slots=True)
class Part:
    """A stage as the order sees it.

    places  how many dialogs it has: steps times batch
    sizes   different dialogs in each source; None: it never ends
    shares  of each source
    length  of a dialog, for batches of one length: (source, index) -> any number that grows with it; None: as they come
    """

    places: int
    sizes: tuple[int | None, ...]
    shares: tuple[float, ...]
    length: Callable[[int, int], int] | None = None


class Order:
    """The dialogs of a run by their places."""

    def __init__(self, parts: Sequence[Part], batch: int, seed: int) -> None:
        self._parts = tuple(parts)
        self._batch = batch
        self._seed = seed
        self._starts = np.cumsum([0, *(part.places for part in parts)])
        # Caches of their own, not of the class: they end with the order, and every process fills its own.
        self._window = lru_cache(maxsize=4)(self._make_window)
        self._pattern = lru_cache(maxsize=4)(self._make_pattern)
        self._epoch = lru_cache(maxsize=16)(self._make_epoch)

    def __reduce__(self) -> tuple[type[Order], tuple[tuple[Part, ...], int, int]]:
        return Order, (self._parts, self._batch, self._seed)

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __getitem__(self, place: int) -> Placed:
        """Raises IndexError for a place that the run does not have."""
        if not 0 <= place < len(self):
            raise IndexError(f"The run has {len(self):,} places, and there is no place {place:,}.")
        stage = int(np.searchsorted(self._starts, place, side="right")) - 1
        within = place - int(self._starts[stage])
        if self._parts[stage].length is None:
            return self._item(stage, within)
        window, at = divmod(within, self._batch * _WINDOW)
        return self._window(stage, window)[at]

    def instead(self, place: int, turn: int) -> Placed:
        """What takes the place of a dialog of the same stage that is of no use: for every `turn`, from 1, another; as much a function of
        the seed as the order itself. A source that has come to its end begins again."""
        stage = int(np.searchsorted(self._starts, place, side="right")) - 1
        return self._item(stage, place - int(self._starts[stage]) + turn * self._parts[stage].places)

    def _item(self, stage: int, within: int) -> Placed:
        part = self._parts[stage]
        source, drawn = 0, within
        if len(part.sizes) > 1:
            block, at = divmod(within, _PATTERN)
            sources, ranks, counts = self._pattern(stage, block)
            source = int(sources[at])
            drawn = block * int(counts[source]) + int(ranks[at])
        size = part.sizes[source]
        if size is None:
            return Placed(stage, source, drawn)
        epoch, at = divmod(drawn, size)
        return Placed(stage, source, int(self._epoch(stage, source, epoch)[at]))

    def _make_epoch(self, stage: int, source: int, epoch: int) -> np.ndarray:
        size = self._parts[stage].sizes[source]
        order: np.ndarray = self._chance(1, stage, source, epoch).permutation(size or 0)
        return order

    def _make_pattern(self, stage: int, block: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For each place of a block: its source, and how many of that source stand before it; and each source's count in a block."""
        counts = _counts(self._parts[stage].shares)
        sources = self._chance(2, stage, block).permutation(np.repeat(np.arange(len(counts)), counts))
        ranks = np.zeros(_PATTERN, dtype=np.int64)
        for source in range(len(counts)):
            mine = sources == source
            ranks[mine] = np.arange(int(mine.sum()))
        return sources, ranks, counts

    def _make_window(self, stage: int, window: int) -> list[Placed]:
        """A window's dialogs: sorted by length, cut into batches, the batches in an order by chance."""
        part = self._parts[stage]
        start = window * self._batch * _WINDOW
        items = [self._item(stage, within) for within in range(start, min(start + self._batch * _WINDOW, part.places))]
        length = part.length
        if length is not None:
            items.sort(key=lambda placed: length(placed.source, placed.index))
        batches = [items[at : at + self._batch] for at in range(0, len(items), self._batch)]
        return [placed for at in self._chance(3, stage, window).permutation(len(batches)) for placed in batches[at]]

    def _chance(self, *place: int) -> np.random.Generator:
        return np.random.Generator(np.random.Philox(np.random.SeedSequence([self._seed, *place])))


def _counts(shares: Sequence[float]) -> np.ndarray:
    """How many of a block's places each source has: by largest remainders, and at least one."""
    exact = np.array(shares, dtype=float) / sum(shares) * _PATTERN
    counts: np.ndarray = np.maximum(np.floor(exact).astype(int), 1)
    for at in np.argsort(np.floor(exact) - exact, kind="stable"):
        if counts.sum() < _PATTERN:
            counts[at] += 1
    while counts.sum() > _PATTERN:
        counts[np.argmax(counts)] -= 1
    return counts


def by_share(sizes: Sequence[int | None], shares: Sequence[float], most: int) -> list[tuple[int, int]]:
    """Up to `most` places of several sources, as (source, index): however many of them are taken, each source has its share of them.

    sizes   of the sources; None: without end. One that has come to its end leaves the rest to the others
    shares  in any unit, all above 0
    """
    taken, chosen = [0] * len(sizes), list[tuple[int, int]]()
    while len(chosen) < most:
        left = [source for source, size in enumerate(sizes) if size is None or taken[source] < size]
        if not left:
            break
        # Who would be furthest behind with one more for somebody else: Sainte-Laguë's divisors.
        next_one = min(left, key=lambda source: (taken[source] + 0.5) / shares[source])
        chosen.append((next_one, taken[next_one]))
        taken[next_one] += 1
    return chosen
