"""Tokens to text while they are being sampled: characters whole, and stop texts found where they end."""

from __future__ import annotations

from collections.abc import Callable, Sequence

# A character has at most four bytes, and a token at least one. Whoever writes no whole character in so many tokens gets the marks that
# stand for broken ones.
_LONGEST_WAIT = 16
_BROKEN = "\N{REPLACEMENT CHARACTER}"


class Speech:
    """The text of a turn so far."""

    def __init__(self, decode: Callable[[Sequence[int]], str], stop: Sequence[str]) -> None:
        self._decode = decode
        self._stop = tuple(text for text in stop if text)
        self._overlap = max((len(text) for text in self._stop), default=1) - 1
        self._waiting: list[int] = []
        self._pieces: list[str] = []
        self._tail = ""
        self.stopped = False

    @property
    def text(self) -> str:
        """Everything that was given out."""
        return "".join(self._pieces)

    def hear(self, token: int) -> str:
        """The text that the token adds: none while a character is not whole, and nothing behind a stop text."""
        self._waiting.append(token)
        piece = self._decode(self._waiting)
        if piece.endswith(_BROKEN) and len(self._waiting) < _LONGEST_WAIT:
            return ""
        return self._give(piece)

    def end(self) -> str:
        """What was still waiting for the rest of its character."""
        return self._give(self._decode(self._waiting)) if self._waiting else ""

    def _give(self, piece: str) -> str:
        self._waiting.clear()
        if self._stop:
            piece = self._cut(piece)
        self._pieces.append(piece)
        return piece

    def _cut(self, piece: str) -> str:
        together = self._tail + piece
        ends = [place + len(text) for text in self._stop if (place := together.find(text)) >= 0]
        # A stop text that ended before this piece would have been found then.
        if ends:
            self.stopped = True
            return piece[: min(ends) - len(self._tail)]
        self._tail = together[-self._overlap :] if self._overlap else ""
        return piece
