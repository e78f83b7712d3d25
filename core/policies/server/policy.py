"""A server as a policy: sessions in any thread, their turns in the connection's loop."""

from __future__ import annotations

import concurrent.futures
import queue
import threading
import time
from dataclasses import dataclass, replace
from types import TracebackType
from typing import NoReturn, Self

from core.errors import PolicyError
from core.policies.conversation import Completion, Failed, Finished, PolicyEvent, Request, Role, Wrote
from core.policies.protocol import PolicyCard
from core.policies.server.asking import Asker
from core.policies.server.connection import Connection
from core.policies.server.refusals import picture_resized
from core.policies.server.spelling import REBUILT
from core.policies.server.streams import Reader

# The token of a picture in all of Qwen's vocabularies from Qwen2-VL on (<|image_pad|>).
_PICTURE_TOKEN = 151655


class ServerPolicy:
    """A model behind an OpenAI-compatible server. Sessions of it may run in several threads at once."""

    def __init__(self, connection: Connection, asker: Asker, card: PolicyCard) -> None:
        self._connection = connection
        self._asker = asker
        self._card = card
        self._sessions: set[ServerSession] = set()
        self._lock = threading.Lock()
        self._closed = False

    @property
    def card(self) -> PolicyCard:
        """What is known of it; what is found out while it answers stands in the details."""
        return self._card

    def session(self) -> ServerSession:
        """New conversations with it. Raises PolicyError where it was closed."""
        with self._lock:
            if self._closed:
                raise PolicyError(f"The connection to {self._card.name} was closed: open it again.")
            session = ServerSession(self)
            self._sessions.add(session)
            return session

    def close(self) -> None:
        """End what runs and close the connections; its sessions end with failures. May be called twice."""
        with self._lock:
            closed, self._closed = self._closed, True
            sessions, self._sessions = list(self._sessions), set()
        if closed:
            return
        for session in sessions:
            session.fail(PolicyError(f"The connection to {self._card.name} was closed while it answered."))
        self._connection.close()

    def __repr__(self) -> str:
        return f"ServerPolicy({self._card.name} at {self._connection.address})"

    def __reduce__(self) -> NoReturn:
        raise PolicyError("A server's policy is not written down: open it again.")

    def start(self, turn: Turn) -> concurrent.futures.Future[None]:
        """Begin a turn in the loop; for its sessions."""
        running = self._connection.start(self._answer(turn))
        running.add_done_callback(turn.settle)
        return running

    def forget(self, session: ServerSession) -> None:
        """A session was closed."""
        with self._lock:
            self._sessions.discard(session)

    async def _answer(self, turn: Turn) -> None:
        written: list[str] = []

        def wrote(text: str, tokens: int) -> None:
            written.append(text)
            turn.tell(Wrote(turn.row, text, tokens))

        try:
            reader = await self._asker.ask(turn.request, wrote)
            completion = await self._completion(turn, reader)
        except PolicyError as error:
            turn.tell(Failed(turn.row, error, "".join(written)))
            return
        self._learn(reader)
        turn.tell(Finished(turn.row, completion))

    async def _completion(self, turn: Turn, reader: Reader) -> Completion:
        """The completion; raises PolicyError where its tokens tell that the server shrank a picture."""
        assert reader.finish is not None
        self._check_pictures(turn.request, reader)
        context, prefix_tokens = None, 0
        if reader.prompt is not None and turn.history is not None and reader.prompt[: len(turn.history)] == turn.history:
            context = reader.prompt[len(turn.history) :]
            prefix = await self._asker.prefix_ids(turn.request.prefix)
            if prefix is None or context[len(context) - len(prefix) :] != prefix:
                context = None
            else:
                prefix_tokens = len(prefix)
        ids, logprobs = reader.ids, reader.logprobs
        if self._asker.dialect.tempered and turn.request.sampling.temperature not in (0.0, 1.0):
            logprobs = None
        turn.known = (*reader.prompt, *ids) if reader.prompt is not None and ids is not None else None
        return Completion(reader.text, reader.finish, ids, logprobs, context, prefix_tokens)

    def _check_pictures(self, request: Request, reader: Reader) -> None:
        if reader.prompt is None or self._card.factor == 1:
            return
        seen = reader.prompt.count(_PICTURE_TOKEN)
        pictures = [part.image for said in request.messages for part in said.pictures]
        if not seen or any(side % self._card.factor for picture in pictures for side in picture.size):
            return
        shown = sum(picture.width * picture.height // self._card.factor**2 for picture in pictures)
        if seen != shown:
            raise picture_resized(self._connection.address, seen, shown)

    def _learn(self, reader: Reader) -> None:
        found = {"dialect": self._asker.dialect.title, "prefix": self._asker.dialect.prefixes}
        if reader.rebuilt:
            found["turns"] = REBUILT
        if any(self._card.details.get(name) != value for name, value in found.items()):
            self._card = replace(self._card, details={**self._card.details, **found})


@dataclass(eq=False, slots=True)
class Turn:
    """A request under way. `history` are the row's tokens before it, `known` those after it, where the server tells them."""

    row: int
    request: Request
    events: queue.SimpleQueue[tuple[Turn, PolicyEvent]]
    history: tuple[int, ...] | None
    known: tuple[int, ...] | None = None
    running: concurrent.futures.Future[None] | None = None

    def tell(self, event: PolicyEvent) -> None:
        """Something happened; from any thread."""
        self.events.put((self, event))

    def settle(self, running: concurrent.futures.Future[None]) -> None:
        """The coroutine is over. A defect of this program, too, is told: nobody waits for a row that says nothing any more."""
        if not running.cancelled() and (error := running.exception()) is not None:
            self.tell(Failed(self.row, PolicyError(f"The server's answer could not be read ({type(error).__name__}).")))


class ServerSession:
    """Conversations with a server, from one thread."""

    def __init__(self, policy: ServerPolicy) -> None:
        self._policy = policy
        self._events: queue.SimpleQueue[tuple[Turn, PolicyEvent]] = queue.SimpleQueue()
        self._turns: dict[int, Turn] = {}
        self._known: dict[int, tuple[int, ...] | None] = {}
        self._failure: PolicyError | None = None
        self._closed = False

    def submit(self, row: int, request: Request) -> None:
        """Ask for a turn; what comes of it comes as events. Raises PolicyError where the row is still answering, or the session closed."""
        if self._closed:
            raise PolicyError("The session was closed: begin another one.")
        if row in self._turns:
            raise PolicyError(f"Row {row} is still answering: wait for it, or cancel it.")
        begins = all(said.role is not Role.ASSISTANT for said in request.messages)
        turn = Turn(row, request, self._events, () if begins else self._known.get(row))
        self._turns[row] = turn
        if self._failure is not None:
            turn.tell(Failed(row, self._failure))
            return
        try:
            turn.running = self._policy.start(turn)
        except PolicyError as error:
            turn.tell(Failed(row, error))

    def events(self, timeout: float) -> tuple[PolicyEvent, ...]:
        """What happened since the last call, oldest first; waits up to `timeout` seconds where nothing did, and is then empty."""
        out: list[PolicyEvent] = []
        until = time.monotonic() + timeout
        while True:
            try:
                turn, event = self._events.get_nowait() if out else self._events.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                return tuple(out)
            if self._turns.get(turn.row) is not turn:
                continue
            out.append(event)
            if not isinstance(event, Wrote):
                del self._turns[turn.row]
                self._known[turn.row] = turn.known

    def cancel(self, row: int) -> None:
        """Forget the row, at once. The stream is closed, and with it the server stops."""
        self._known.pop(row, None)
        turn = self._turns.pop(row, None)
        if turn is not None and turn.running is not None:
            turn.running.cancel()

    def close(self) -> None:
        """Cancel every row; may be called twice."""
        self._closed = True
        for row in list(self._turns):
            self.cancel(row)
        self._policy.forget(self)

    def fail(self, error: PolicyError) -> None:
        """The policy was closed, in whatever thread: what runs fails, and so does what is asked from now on."""
        self._failure = error
        for turn in list(self._turns.values()):
            turn.tell(Failed(turn.row, error))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
