"""A run that is going on, or has ended, as those who watch it see it: what each conversation has said so far, and how far all are.

The run's own thread writes; anybody may read. Every change has a number, so that who watches can ask for what came after a number: of
each conversation there is only its newest state, and a slow watcher misses nothing but the states between.
"""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass, replace
from enum import StrEnum

from app.asking import Asked
from core.domains import judge_trace
from core.policies.protocol import PolicyCard
from core.rollout.unfinished import Unfinished
from core.rollout.values import Began, Ended, Progress, Rollout, RolloutEvent, Spoke
from core.trace import StopReason, Trace


class RunState(StrEnum):
    """How far a run is."""

    WAITING = "waiting"
    """For other runs to end."""
    LOADING = "loading"
    """For its policy."""
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


class DrawState(StrEnum):
    """How far a conversation is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


OVER = frozenset({RunState.DONE, RunState.STOPPED, RunState.FAILED})


@dataclass(frozen=True, slots=True)
class Stored:
    """Where a trace was put: its content hash, and the data set."""

    id: str
    dataset: str


@dataclass(frozen=True, slots=True)
class DrawNow:
    """A conversation at one moment. `seq` is the number of its last change; `trace` is None before its first word.

    error  why it broke off; empty where it did not
    """

    draw: int
    seq: int
    state: DrawState
    trace: Trace | None
    stored: Stored | None
    correct: bool | None
    error: str

    @property
    def ended(self) -> bool:
        """Whether nothing more is said in it."""
        return self.state not in (DrawState.WAITING, DrawState.RUNNING)


@dataclass(eq=False, slots=True)
class _Draw:
    """What is kept of a conversation: what it has said so far, and once it has ended, what came of it."""

    draw: int
    seq: int = 0
    state: DrawState = DrawState.WAITING
    said: Unfinished | None = None
    rollout: Rollout | None = None
    stored: Stored | None = None
    correct: bool | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class RunNow:
    """A run as a whole at one moment; `seq` is the number of the last change of anything but what is said.

    waiting_for  what it waits for, in words
    seconds      since it began, and once it has ended, how long it took
    seconds_left, seconds_at_most  as a rollout's `Progress` has them
    error        why it failed; `not_stored` why its traces are not in the store
    """

    seq: int
    state: RunState
    waiting_for: str
    ended: int
    tokens: int
    seconds: float
    seconds_left: float | None
    seconds_at_most: float | None
    error: str
    not_stored: str
    policy_name: str


class LiveRun:
    """A run. Safe to use from several threads. `tokens`: those of the conversations that ended are kept."""

    def __init__(self, asked: Asked, *, not_stored: str = "", tokens: bool = False) -> None:
        self.id = secrets.token_hex(8)
        self.asked = asked
        self.stopping = threading.Event()
        self.over = threading.Event()
        self._lock = threading.Lock()
        self._tokens = tokens
        self._draws = [_Draw(draw) for draw in range(asked.samples)]
        self._seq = 0
        self._now = RunNow(0, RunState.WAITING, "", 0, 0, 0.0, None, None, "", not_stored, "")
        self._began = time.monotonic()

    # What its thread tells.

    def waits(self, state: RunState, words: str) -> None:
        """It waits for something, in words."""
        with self._lock:
            if (self._now.state, self._now.waiting_for) != (state, words) and self._now.state not in OVER:
                self._change(state=state, waiting_for=words)

    def begins(self, card: PolicyCard) -> None:
        """Its policy is there and is asked from now on."""
        with self._lock:
            self._began = time.monotonic()
            self._change(state=RunState.RUNNING, waiting_for="", policy_name=card.name)

    def take(self, event: RolloutEvent) -> None:
        """Something has happened in it."""
        with self._lock:
            if isinstance(event, Progress):
                times = {"seconds": event.seconds, "seconds_left": event.seconds_left, "seconds_at_most": event.seconds_at_most}
                self._change(ended=event.ended, tokens=event.tokens, **times)
                return
            draw = self._draws[event.conversation]
            if isinstance(event, Began):
                draw.said, draw.state = Unfinished(event.trace, event.crop), DrawState.RUNNING
            elif isinstance(event, Spoke) and draw.said is not None:
                draw.said.add(event)
            elif isinstance(event, Ended):
                _end(draw, event.rollout if self._tokens else replace(event.rollout, tokens=None))
                self._change(ended=len([one for one in self._draws if one.rollout]))
            draw.seq = self._next()

    def keeps(self, draw: int, stored: Stored) -> None:
        """A conversation's trace is in the store."""
        with self._lock:
            self._draws[draw].stored = stored
            self._draws[draw].seq = self._next()
            self._change()

    def cannot_store(self, sentence: str) -> None:
        """Traces of it are not in the store, and why."""
        with self._lock:
            self._change(not_stored=sentence)

    def ends(self, state: RunState, error: str = "") -> None:
        """It is over; only the first end counts."""
        with self._lock:
            if self._now.state in OVER:
                return
            left = DrawState.STOPPED if state is RunState.STOPPED else DrawState.FAILED
            for draw in self._draws:
                if draw.rollout is None:
                    draw.state, draw.seq = left, self._next()
            times = {"seconds": time.monotonic() - self._began, "seconds_left": None, "seconds_at_most": None}
            self._change(state=state, waiting_for="", error=error, **times)
            # What comes after the end of a run is told behind it: nobody waits for that.
            self.over.set()

    # What anybody may ask.

    @property
    def now(self) -> RunNow:
        """The run as a whole."""
        with self._lock:
            running = self._now.state not in OVER
            return replace(self._now, seconds=time.monotonic() - self._began) if running else self._now

    @property
    def seq(self) -> int:
        """The number of the last change."""
        with self._lock:
            return self._seq

    @property
    def rollouts(self) -> tuple[Rollout, ...]:
        """What came of the conversations that have ended, in their order."""
        with self._lock:
            return tuple(draw.rollout for draw in self._draws if draw.rollout)

    @property
    def stored(self) -> tuple[tuple[int, Stored], ...]:
        """Which conversations are in the store, and where."""
        with self._lock:
            return tuple((draw.draw, draw.stored) for draw in self._draws if draw.stored)

    @property
    def verdicts(self) -> tuple[bool | None, ...]:
        """Whether each conversation that has ended is right; None where that is not known."""
        with self._lock:
            return tuple(draw.correct for draw in self._draws if draw.rollout)

    def changed_after(self, seq: int) -> tuple[tuple[int, int], ...]:
        """Number of the change and draw of the conversations that have changed since, the oldest change first."""
        with self._lock:
            return tuple(sorted((draw.seq, draw.draw) for draw in self._draws if draw.seq > seq))

    def draw(self, number: int) -> DrawNow:
        """A conversation as it is now. Raises IndexError for one that there is not."""
        with self._lock:
            draw = self._draws[number]
            told = DrawNow(draw.draw, draw.seq, draw.state, None, draw.stored, draw.correct, draw.error)
            rollout, said = draw.rollout, draw.said
        if rollout is not None:
            return replace(told, trace=rollout.trace)
        if said is None:
            return told
        # Read without the lock: a word that is added meanwhile is in it or not, and has a number of its own.
        return replace(told, trace=said.trace(StopReason.ERROR) if told.ended else _so_far(said))

    def _next(self) -> int:
        self._seq += 1
        return self._seq

    def _change(self, **changes: object) -> None:
        self._now = replace(self._now, seq=self._next(), **changes)  # type: ignore[arg-type]


def _end(draw: _Draw, rollout: Rollout) -> None:
    trace = rollout.trace
    draw.rollout, draw.error, draw.said = rollout, rollout.error, None
    ended = {StopReason.CANCELLED: DrawState.STOPPED, StopReason.ERROR: DrawState.FAILED}
    draw.state = ended.get(trace.stop, DrawState.DONE)
    draw.correct = judge_trace(trace).correct


def _so_far(said: Unfinished) -> Trace:
    """The trace of what was said until now. Of the turn that is being written nothing is held against it yet."""
    trace = said.trace()
    last = len(trace.turns) - 1
    return replace(trace, faults=tuple(fault for fault in trace.faults if fault.turn < last and fault.span is not None))
