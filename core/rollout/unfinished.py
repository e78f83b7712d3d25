"""A conversation as far as its events tell: what is shown while it goes on, and what is left of it where the run dies."""

from __future__ import annotations

from dataclasses import replace

from core.crops import CropRule
from core.grammar import Message, parse_messages
from core.grounding import ground
from core.rollout.values import Spoke
from core.trace import StopReason, Trace


class Unfinished:
    """Follows one conversation: made of what `Began` tells, fed with what `Spoke` tells."""

    def __init__(self, trace: Trace, crop: CropRule | None) -> None:
        self._before = trace
        self._crop = crop
        self._spoken: list[tuple[int, Message]] = []

    def add(self, spoke: Spoke) -> None:
        """A piece was said: it goes on the last message, where that is of the same turn and author."""
        if self._spoken:
            turn, last = self._spoken[-1]
            if (turn, last.author) == (spoke.turn, spoke.author):
                self._spoken[-1] = (turn, Message(last.author, last.text + spoke.text))
                return
        self._spoken.append((spoke.turn, Message(spoke.author, spoke.text)))

    def trace(self, stop: StopReason = StopReason.UNKNOWN) -> Trace:
        """The trace of what was said so far, as if it had ended here for that reason."""
        before = self._before
        said = parse_messages([message for _, message in self._spoken])
        trace = ground(before.sample, said, before.frame, self._crop, policy=before.policy, stop=stop)
        return replace(trace, system_prompt=before.system_prompt, origin=before.origin, settings=dict(before.settings))
