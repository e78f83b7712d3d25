"""A policy without a model: a program says what is written. For tests, for trying things out, and for playing recordings back."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from core.errors import PolicyError
from core.frames import QWEN2_5_FACTOR
from core.policies.conversation import Completion, Failed, Finish, Finished, PolicyEvent, Request, Role, Said, Shown, Wrote
from core.policies.protocol import PolicyCard, PolicyKind


@dataclass(frozen=True, slots=True)
class CutOff:
    """Words behind which a turn's tokens run out, however many it was given: it ends as cut off."""

    text: str


Script = Callable[[tuple[Said, ...], int], str | CutOff]
"""From a conversation so far and its row to what is written next. A prefix that is put into the speaker's mouth stands at the end as
an assistant's message, and is not repeated. A PolicyError that it raises becomes the row's failure."""

# Tokens of a script's words are their bytes in UTF-8; these three stand for what is not text.
END_TOKEN = 256
PICTURE_TOKEN = 257
MESSAGE_TOKEN = 258

_PIECE = re.compile(r"\s*\S+|\s+")


class ScriptedPolicy:
    """Says what a script says, word by word.

    seconds_per_piece  how long a word takes; 0: no longer than the machine does
    tells_tokens       a token is a byte of UTF-8, and ids and log-probabilities (0.0, a script is sure) are told; else a token is a
                       word, and they are not
    """

    def __init__(
        self,
        script: Script,
        name: str = "script",
        *,
        seconds_per_piece: float = 0.0,
        card: PolicyCard | None = None,
        tells_tokens: bool = True,
    ) -> None:
        if not seconds_per_piece >= 0:
            raise PolicyError(f"A word takes 0 seconds or more, not {seconds_per_piece}.")
        self._script = script
        self._pace = seconds_per_piece
        self._tells_tokens = tells_tokens
        self._card = card or PolicyCard(name, PolicyKind.SCRIPTED)
        self._closed = threading.Event()

    @property
    def card(self) -> PolicyCard:
        """What is known of it; by default the frame and the sizes of Qwen2.5-VL."""
        return self._card

    def session(self) -> ScriptedSession:
        """New conversations with it. Raises PolicyError where it was closed."""
        if self._closed.is_set():
            raise PolicyError(f"The policy {self._card.name} was closed: open it again to ask it.")
        return ScriptedSession(self.script_of_session(), self._card, self._pace, self._tells_tokens, self._closed)

    def close(self) -> None:
        """Its sessions end with failures. May be called twice."""
        self._closed.set()

    def script_of_session(self) -> Script:
        """The script that a new session follows; one that keeps count of its conversations overrides this."""
        return self._script


@dataclass(slots=True)
class _Turn:
    """A turn that is being said: pieces to come, and the completion behind them."""

    pieces: list[str]
    completion: Completion
    due: float
    said: str = ""


@dataclass(slots=True)
class _Row:
    """What a row said last: the conversation that it stood in, and its own words behind that."""

    messages: tuple[Said, ...] = ()
    spoken: str = ""
    turn: _Turn | None = None
    failure: PolicyError | None = field(default=None)


class ScriptedSession:
    """A session of a ScriptedPolicy: everything happens in `events`, in the caller's thread."""

    def __init__(self, script: Script, card: PolicyCard, pace: float, tells_tokens: bool, closed: threading.Event) -> None:
        self._script = script
        self._card = card
        self._pace = pace
        self._tells_tokens = tells_tokens
        self._closed = closed
        self._rows: dict[int, _Row] = {}

    def submit(self, row: int, request: Request) -> None:
        """Ask for a turn; raises PolicyError where the row has not ended the one before."""
        before = self._rows.get(row)
        if before and (before.turn or before.failure):
            raise PolicyError(f"Row {row} is still speaking: a row has one request at a time.")
        state = _Row()
        self._rows[row] = state
        mouth = (Said(Role.ASSISTANT, (request.prefix,)),) if request.prefix else ()
        try:
            said = self._script((*request.messages, *mouth), row)
        except PolicyError as error:
            state.failure = error
            return
        context = self._context(request, before)
        completion = self._completion(said, request, context)
        pieces = _PIECE.findall(completion.text)
        state.messages, state.spoken = request.messages, request.prefix + completion.text
        state.turn = _Turn(pieces, completion, time.monotonic() + self._pace)

    def events(self, timeout: float) -> tuple[PolicyEvent, ...]:
        """One piece of every row whose time has come; waits up to `timeout` seconds for the first."""
        until = time.monotonic() + timeout
        while not (events := self._due()):
            coming = [row.turn.due for row in self._rows.values() if row.turn]
            wait = min([*coming, until]) - time.monotonic()
            if time.monotonic() >= until:
                break
            if self._closed.wait(max(0.0, wait)):
                return self._all_failed()
        return events

    def cancel(self, row: int) -> None:
        """Forget the row, at once."""
        self._rows.pop(row, None)

    def close(self) -> None:
        """Cancel every row; may be called twice."""
        self._rows.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _due(self) -> tuple[PolicyEvent, ...]:
        if self._closed.is_set():
            return self._all_failed()
        now, events = time.monotonic(), list[PolicyEvent]()
        for number, row in self._rows.items():
            if row.failure:
                events.append(Failed(number, row.failure))
                row.failure = None
            elif row.turn and row.turn.due <= now:
                events.append(self._next_of(number, row, row.turn))
        return tuple(events)

    def _next_of(self, number: int, row: _Row, turn: _Turn) -> PolicyEvent:
        if not turn.pieces:
            row.turn = None
            return Finished(number, turn.completion)
        piece = turn.pieces.pop(0)
        turn.said += piece
        turn.due += self._pace if turn.pieces else 0.0
        return Wrote(number, piece, len(piece.encode()) if self._tells_tokens else 1)

    def _all_failed(self) -> tuple[PolicyEvent, ...]:
        error = PolicyError(f"The policy {self._card.name} was closed while it spoke.")
        failed = [Failed(number, error, row.turn.said if row.turn else "") for number, row in self._rows.items() if row.turn or row.failure]
        self._rows.clear()
        return tuple(failed)

    def _completion(self, said: str | CutOff, request: Request, context: tuple[int, ...]) -> Completion:
        text, finish = _ended(said if isinstance(said, str) else said.text, request, byte_tokens=self._tells_tokens)
        if isinstance(said, CutOff) and finish is Finish.END:
            finish = Finish.LENGTH
        if not self._tells_tokens:
            return Completion(text, finish)
        ids = (*text.encode(), END_TOKEN) if finish is Finish.END else tuple(text.encode())
        return Completion(text, finish, ids, (0.0,) * len(ids), context, len(request.prefix.encode()), len(context))

    def _context(self, request: Request, before: _Row | None) -> tuple[int, ...]:
        """The tokens between what the row said last and what it is asked now; all of them where the conversation does not go on there."""
        known = len(before.messages) + 1 if before and before.messages else 0
        goes_on = before is not None and 0 < known <= len(request.messages) and _goes_on(before, request.messages, known)
        said = request.messages[known:] if goes_on else request.messages
        return (*(token for message in said for token in message_tokens(message, self._card.factor)), *request.prefix.encode())


def message_tokens(message: Said, factor: int) -> tuple[int, ...]:
    """A message in the tokens of a script: a mark, then the bytes of its texts, and of each picture as many marks as it has patches."""
    patch = QWEN2_5_FACTOR if factor == 1 else factor
    tokens = [MESSAGE_TOKEN]
    for part in message.parts:
        if isinstance(part, Shown):
            tokens += [PICTURE_TOKEN] * max(1, (part.image.width // patch) * (part.image.height // patch))
        else:
            tokens += part.encode()
    return tuple(tokens)


def _goes_on(before: _Row, messages: tuple[Said, ...], known: int) -> bool:
    spoken = messages[known - 1]
    return messages[: known - 1] == before.messages and spoken.role is Role.ASSISTANT and spoken.text == before.spoken


def _ended(text: str, request: Request, *, byte_tokens: bool) -> tuple[str, Finish]:
    """What of a script's text is said, and why it ends there: behind a stop text, at the limit, or by itself."""
    ends = [found + len(stop) for stop in request.stop if stop and (found := text.find(stop)) >= 0]
    stopped = text[: min(ends)] if ends else text
    room = _room(stopped, request.max_new_tokens, byte_tokens=byte_tokens)
    if len(room) < len(stopped):
        return room, Finish.LENGTH
    if ends:
        return stopped, Finish.STOP
    # The token that ends a turn needs room too.
    return stopped, Finish.END if _count(stopped, byte_tokens=byte_tokens) < request.max_new_tokens else Finish.LENGTH


def _room(text: str, tokens: int, *, byte_tokens: bool) -> str:
    """As much of the beginning as fits into that many tokens; a letter is never cut in two."""
    if byte_tokens:
        return text.encode()[:tokens].decode(errors="ignore")
    return "".join(_PIECE.findall(text)[:tokens])


def _count(text: str, *, byte_tokens: bool) -> int:
    return len(text.encode()) if byte_tokens else len(_PIECE.findall(text))
