"""A checkpoint as a policy: sessions put conversations to it, one thread runs the model for all of them."""

from __future__ import annotations

import itertools
import queue
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from core.errors import PolicyError
from core.policies.conversation import Completion, Failed, Finished, PolicyEvent, Request, Role, Said, Shown, Wrote
from core.policies.local.choosing import Chooser, Draw, stream_of_chance
from core.policies.local.inference import Inference, Spent
from core.policies.local.loading import LoadedModel
from core.policies.local.places import lay_out
from core.policies.local.rendering import Encoded
from core.policies.local.speech import Speech
from core.policies.local.turns import Turn
from core.policies.protocol import CLOSED, PolicyCard

# Conversations that are computed at once where nothing else is said: enough to share the reading of the weights.
_SLOTS = 8


class LocalPolicy:
    """A checkpoint that runs in this process.

    `slots` is how many conversations are computed at once; more wait their turn. `chooser` may pick tokens itself, for tests and
    measurements: a model without training never writes a tool call.
    """

    def __init__(self, loaded: LoadedModel, *, slots: int = _SLOTS, chooser: Chooser | None = None) -> None:
        if slots < 1:
            raise PolicyError(f"At least 1 conversation has to be computed at once, not {slots}.")
        self._loaded = loaded
        self._inference = Inference(loaded, slots, chooser)
        self._closed = False
        self._numbers = itertools.count()
        # A tokenizer of the library can be used by one thread at a time.
        self._rendering_lock = threading.Lock()

    @property
    def card(self) -> PolicyCard:
        """What is known of it."""
        return self._loaded.card

    @property
    def is_closed(self) -> bool:
        """Whether it answers nothing any more."""
        return self._inference.is_closing

    @property
    def spent(self) -> Spent:
        """What it did since it was opened."""
        return self._inference.spent

    def session(self) -> LocalSession:
        """New conversations with it. Raises PolicyError where it was closed."""
        if self._closed:
            raise PolicyError(CLOSED)
        return LocalSession(self._loaded, self._inference, self._rendering_lock, next(self._numbers))

    def close(self) -> None:
        """End the thread and free what it holds; what still runs ends with failures."""
        if not self._closed:
            self._closed = True
            self._inference.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class _Past:
    """A turn that is over: what was asked, all tokens up to its end with their pictures, and what came of it."""

    request: Request
    ids: tuple[int, ...]
    pictures: tuple[Shown, ...]
    completion: Completion

    def is_answered_by(self, said: Said) -> bool:
        """Whether a message is what the model said then."""
        if said.role is not Role.ASSISTANT:
            return False
        own = self.completion.ids or ()
        if said.ids is None:
            return said.text == self.request.prefix + self.completion.text
        prefix = (self.completion.context_ids or ())[-self.completion.prefix_tokens :] if self.completion.prefix_tokens else ()
        return said.ids in (own, prefix + own)


@dataclass(slots=True)
class _Conversation:
    """A row as its session knows it: its turns so far, and the one that runs."""

    past: list[_Past] = field(default_factory=list)
    running: Turn | None = None

    def continued_by(self, request: Request) -> tuple[_Past, Said] | None:
        """The turn that a request goes on from, with the message that came in between; None where it goes on from none."""
        for past in reversed(self.past):
            known = len(past.request.messages)
            if len(request.messages) == known + 2 and request.messages[:known] == past.request.messages:
                answer, following = request.messages[known:]
                if past.is_answered_by(answer) and following.role is Role.USER:
                    return past, following
        return None

    def note(self, event: PolicyEvent) -> None:
        """Keep what the row needs to go on from, when its turn is over."""
        if isinstance(event, Finished) and self.running is not None:
            layout = self.running.layout
            ids = (*layout.ids.tolist(), *self.running.ids)
            pictures = tuple(place.shown for place in layout.places)
            self.past.append(_Past(self.running.request, ids, pictures, event.completion))
        if not isinstance(event, Wrote):
            self.running = None


class LocalSession:
    """Conversations with a checkpoint, from one thread."""

    def __init__(self, loaded: LoadedModel, inference: Inference, rendering_lock: threading.Lock, number: int) -> None:
        self._loaded, self._inference, self._lock, self._number = loaded, inference, rendering_lock, number
        self._queue: queue.SimpleQueue[tuple[_Conversation, Turn | None, PolicyEvent]] = queue.SimpleQueue()
        self._rows: dict[int, _Conversation] = {}
        self._closed = False

    def submit(self, row: int, request: Request) -> None:
        """Ask for a turn of a row. Raises PolicyError where the session was closed, or the row's last request still runs."""
        if self._closed:
            raise PolicyError("The session was closed: open a new one.")
        conversation = self._rows.setdefault(row, _Conversation())
        if conversation.running is not None:
            raise PolicyError(f"The row {row} has not answered its last request yet: wait for it, or cancel it.")
        try:
            with self._lock:
                turn = self._turn(row, conversation, request)
            self._inference.prepare(turn)
        except PolicyError as error:
            self._queue.put((conversation, None, Failed(row, error)))
            return
        conversation.running = turn
        self._inference.submit(turn)

    def events(self, timeout: float) -> tuple[PolicyEvent, ...]:
        """What happened since the last call, oldest first; waits up to `timeout` seconds where nothing did."""
        until = time.monotonic() + timeout
        found: list[PolicyEvent] = []
        while not found:
            try:
                entries = [self._queue.get(timeout=max(0.0, until - time.monotonic()))]
                while not self._queue.empty():
                    entries.append(self._queue.get_nowait())
            except queue.Empty:
                return ()
            for conversation, turn, event in entries:
                # What was still on its way when its row was cancelled is left out.
                if self._rows.get(event.row) is conversation and conversation.running is turn:
                    conversation.note(event)
                    _add(found, event)
        return tuple(found)

    def cancel(self, row: int) -> None:
        """Forget a row: no event of it comes any more, and its place is free."""
        conversation = self._rows.pop(row, None)
        if conversation is not None:
            self._inference.release((self._number, row), conversation.running)

    def close(self) -> None:
        """Cancel every row; may be called twice."""
        self._closed = True
        for row in tuple(self._rows):
            self.cancel(row)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _turn(self, row: int, conversation: _Conversation, request: Request) -> Turn:
        rendering = self._loaded.rendering
        goes_on = conversation.continued_by(request)
        if goes_on is None:
            before, encoded = Encoded(()), rendering.opening(request.messages, request.prefix)
            conversation.past.clear()
        else:
            past, said = goes_on
            del conversation.past[conversation.past.index(past) + 1 :]
            before = Encoded(past.ids, past.pictures)
            encoded = rendering.between(past.ids[-1] == rendering.turn_end, said, request.prefix)
        whole = before + encoded
        self._check_length(len(whole.ids))
        processor = rendering.image_processor
        layout = lay_out(whole.ids, whole.pictures, image_id=rendering.image_id, cell=processor.patch_size * processor.merge_size)
        turn = Turn(
            owner=(self._number, row),
            row=row,
            request=request,
            layout=layout,
            own_from=len(before.ids),
            prefix_tokens=encoded.prefix_tokens,
            draw=Draw(request.sampling, stream_of_chance(request.sampling.seed, len(whole.ids))),
            speech=Speech(rendering.decode, request.stop),
            deliver=lambda event: self._queue.put((conversation, turn, event)),
        )
        return turn

    def _check_length(self, tokens: int) -> None:
        context = self._loaded.card.context
        if context is not None and tokens >= context:
            raise PolicyError(
                f"The conversation has {tokens:,} tokens with its pictures, and the model's context holds {context:,}: show smaller "
                "pictures (fewer pixels), or end it in fewer turns."
            )


def _add(found: list[PolicyEvent], event: PolicyEvent) -> None:
    # Who looks seldom gets what a row wrote meanwhile in one piece.
    if isinstance(event, Wrote) and found and isinstance(last := found[-1], Wrote) and last.row == event.row:
        found[-1] = Wrote(event.row, last.text + event.text, last.tokens + event.tokens)
    else:
        found.append(event)
