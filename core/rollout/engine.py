"""The rollout engine: many conversations with one policy at once, each led turn by turn to its trace.

A row whose turn is done gets its crop at once and goes on, whatever the other rows do. Everything happens in the caller's thread, which
pulls the events; the policy works in threads or processes of its own.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence

from core.errors import PolicyError
from core.policies.conversation import Failed, Finished, PolicyEvent, Request, Wrote
from core.policies.protocol import Policy, Session
from core.rollout.conversations import Conversation
from core.rollout.observations import Views
from core.rollout.plans import Plan, plan_of
from core.rollout.progress import Pace
from core.rollout.values import Ended, Progress, RolloutEvent, RolloutSettings, Spoke, Task
from core.trace import StopReason

# Conversations under way at once: enough for any policy to fill its batch, few enough to keep their pictures in memory.
AT_ONCE = 64
# How long a wait for the policy lasts, in seconds, before it is asked again whether the run is to stop.
POLL = 0.1


def roll_out(
    policy: Policy,
    tasks: Sequence[Task],
    settings: RolloutSettings | None = None,
    *,
    stop: threading.Event | None = None,
    policy_name: str | None = None,
    at_once: int = AT_ONCE,
) -> Iterator[RolloutEvent]:
    """What happens while the tasks are asked of the policy, as it happens; the run goes on as its events are pulled.

    Every conversation that began ends with `Ended`: also where its policy fails, which costs no other conversation, and where `stop`
    is set, which ends those under way as cancelled; those that had not begun then have no events. Closing the iterator ends the run.
    Raises PolicyError before anything is asked, for a task that cannot be, and while it runs where no session can be opened.
    """
    settings = settings or RolloutSettings()
    plans = [plan_of(policy.card, task, settings, policy_name=policy_name) for task in tasks]
    if at_once < 1:
        raise PolicyError(f"At least 1 conversation is under way at once, not {at_once}.")
    return _Run(policy, tasks, plans, settings, stop or threading.Event(), at_once).events()


class _Run:
    """A run under way."""

    def __init__(
        self, policy: Policy, tasks: Sequence[Task], plans: list[Plan], settings: RolloutSettings, stop: threading.Event, at_once: int
    ) -> None:
        self._policy = policy
        self._tasks = tasks
        self._plans = plans
        self._settings = settings
        self._stop = stop
        self._at_once = at_once
        self._waiting = deque((task, draw) for task, asked in enumerate(tasks) for draw in range(asked.samples) if draw not in asked.known)
        self._active: dict[int, Conversation] = {}
        self._began: dict[int, float] = {}
        self._views: tuple[int, Views] | None = None
        multi_turn = any(plan.multi_turn for plan in plans)
        self._pace = Pace(len(self._waiting), settings.max_turns if multi_turn else 1, _most_tokens(settings, multi_turn=multi_turn))
        self._next_number = 0

    def events(self) -> Iterator[RolloutEvent]:
        with self._policy.session() as session:
            while not self._stop.is_set():
                yield from self._begin_more(session)
                if not self._active:
                    break
                yield from self._hear(session)
                yield from self._end_overdue(session)
                if self._pace.due():
                    yield self._progress()
            yield from self._end_all(session, StopReason.CANCELLED)
        yield self._progress()

    def _hear(self, session: Session) -> Iterator[RolloutEvent]:
        """Whatever the policy has said since; where the whole session fails, all its conversations do."""
        try:
            events = session.events(POLL)
        except PolicyError as error:
            yield from self._end_all(session, StopReason.ERROR, str(error))
            return
        for event in events:
            yield from self._take(session, event)
            if self._stop.is_set():
                return

    def _begin_more(self, session: Session) -> Iterator[RolloutEvent]:
        while self._waiting and len(self._active) < self._at_once and not self._stop.is_set():
            task, draw = self._waiting.popleft()
            conversation = Conversation(self._next_number, task, draw, self._plans[task], self._views_of(task))
            self._next_number += 1
            self._active[conversation.number] = conversation
            self._began[conversation.number] = time.monotonic()
            yield conversation.began()
            yield from self._submit(session, conversation, conversation.begin())

    def _views_of(self, task: int) -> Views:
        """The task's views, shared by its draws, which begin one after the other; they live as long as a conversation needs them."""
        if self._views is None or self._views[0] != task:
            self._views = (task, Views(self._plans[task], self._tasks[task].image))
        return self._views[1]

    def _submit(self, session: Session, conversation: Conversation, request: Request) -> Iterator[RolloutEvent]:
        try:
            session.submit(conversation.number, request)
        except PolicyError as error:
            yield from self._end(session, conversation, StopReason.ERROR, str(error))

    def _take(self, session: Session, event: PolicyEvent) -> Iterator[RolloutEvent]:
        conversation = self._active.get(event.row)
        if conversation is None:
            return
        if isinstance(event, Wrote):
            self._pace.wrote(event.tokens)
            yield conversation.wrote(event.text, event.tokens)
        elif isinstance(event, Failed):
            missing = event.partial.removeprefix(conversation.partial) if event.partial.startswith(conversation.partial) else ""
            if missing:
                yield conversation.wrote(missing, 0)
            yield from self._end(session, conversation, StopReason.ERROR, str(event.error))
        else:
            yield from self._answered(session, conversation, event)

    def _answered(self, session: Session, conversation: Conversation, event: Finished) -> Iterator[RolloutEvent]:
        reply = conversation.answered(event.completion)
        spoken: tuple[Spoke, ...] = reply.spoken
        yield from spoken
        if isinstance(reply.then, StopReason):
            yield from self._end(session, conversation, reply.then)
        else:
            yield from self._submit(session, conversation, reply.then)

    def _end_overdue(self, session: Session) -> Iterator[RolloutEvent]:
        limit = self._settings.seconds
        if limit is None:
            return
        now = time.monotonic()
        for conversation in [one for number, one in self._active.items() if now - self._began[number] > limit]:
            yield from self._end(session, conversation, StopReason.TIMEOUT)

    def _end_all(self, session: Session, stop: StopReason, error: str = "") -> Iterator[RolloutEvent]:
        for conversation in list(self._active.values()):
            yield from self._end(session, conversation, stop, error)

    def _end(self, session: Session, conversation: Conversation, stop: StopReason, error: str = "") -> Iterator[RolloutEvent]:
        session.cancel(conversation.number)
        del self._active[conversation.number]
        seconds = time.monotonic() - self._began.pop(conversation.number)
        self._pace.end(conversation.turns, conversation.streamed)
        yield Ended(conversation.number, conversation.rollout(stop, seconds, error, card=self._policy.card))
        yield self._progress()

    def _progress(self) -> Progress:
        return self._pace.progress(conversation.turns for conversation in self._active.values())


def _most_tokens(settings: RolloutSettings, *, multi_turn: bool) -> int:
    """How many tokens are written in one conversation at most; a forced answer, too, is a turn."""
    turns = settings.max_turns if multi_turn else min(settings.max_turns, 1 + settings.force_answer)
    return min(settings.max_tokens, turns * settings.max_new_tokens)
