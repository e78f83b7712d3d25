"""How far an import is, told a few times a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from annotations.importing.report import Outcome, Progress
from annotations.importing.tally import Tally

# Seconds between two reports; and before the first guess at the time left, which would be wild.
_TELL_EVERY = 0.2
_GUESS_AFTER = 1.0


class ProgressClock:
    """Turns bytes into progress. Files that are read twice count twice: `sizes` are the bytes to be read of each, in all.

    `now` is the time in seconds, of any beginning.
    """

    def __init__(self, tell: Callable[[Progress], None], sizes: Sequence[int], *, now: Callable[[], float] = time.monotonic) -> None:
        self._tell = tell
        self._sizes = sizes
        self._now = now
        self._begun = self._told = now()
        self._done = 0
        self._lines = 0

    def begin(self) -> None:
        """Begins a reading of all files: lines are counted from the first again."""
        self._lines = 0

    def tell(self, number: int, name: str, position: int, tally: Tally) -> None:
        """Counts a line that was read, `position` bytes into its file, and tells where the import is unless that was just told."""
        self._lines += 1
        now = self._now()
        if now - self._told >= _TELL_EVERY:
            self._told = now
            self._say(number, name, self._done + position, tally)

    def finish(self, number: int, name: str, size: int, tally: Tally) -> None:
        """Tells that a file of that many bytes is done."""
        self._done += size
        self._say(number, name, self._done, tally)

    def _say(self, number: int, name: str, done: int, tally: Tally) -> None:
        total = sum(self._sizes)
        elapsed = self._now() - self._begun
        left = elapsed * (total - done) / done if done and elapsed >= _GUESS_AFTER else None
        left = None if left is None else max(0.0, left)
        # A line that was read may still wait for its verdict; a file that cannot be opened has a verdict and no line.
        lines = max(self._lines, tally.lines)
        refused = tally.outcomes[Outcome.REFUSED]
        self._tell(Progress(name, number, len(self._sizes), min(done, total), total, lines, refused, left))
