"""What a server streams, piece by piece, to a completion: pure, without a network."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.policies.conversation import Finish
from core.policies.server.spelling import AnswerOpening, CallPart, Speller


@dataclass(frozen=True, slots=True)
class Piece:
    """One chunk of a stream, of the one choice that was asked for.

    ids, logprobs   of the chunk's tokens, where the server tells them
    prompt          the tokens before the model, where it tells them: once in a stream
    finish          the server's own word for why the turn ended; None as long as it goes on
    """

    text: str = ""
    reasoning: str = ""
    calls: tuple[CallPart, ...] = ()
    ids: tuple[int, ...] | None = None
    logprobs: tuple[float, ...] | None = None
    prompt: tuple[int, ...] | None = None
    finish: str | None = None


def read_piece(chunk: Mapping[str, Any]) -> Piece:
    """A chunk as the servers send it, read leniently: what is missing or of another kind is as if it were not there."""
    prompt = _ids(chunk.get("prompt_token_ids"))
    choice = _first(chunk.get("choices"))
    if choice is None:
        return Piece(prompt=prompt)
    delta = _mapping(choice.get("delta"))
    ids, logprobs = _tokens(choice)
    return Piece(
        text=_text(delta.get("content")),
        reasoning=_text(delta.get("reasoning_content")) or _text(delta.get("reasoning")),
        calls=tuple(_call(call) for call in _list(delta.get("tool_calls"))),
        ids=ids,
        logprobs=logprobs,
        prompt=prompt if prompt is not None else _ids(choice.get("prompt_token_ids")),
        finish=_text(choice.get("finish_reason")) or None,
    )


class Reader:
    """One turn while it is streamed. Raises nothing: what a server leaves out is left out of the completion.

    stop      the turn is over behind the first of these texts
    answers   the answer's opening tag stands already, and may come again
    """

    def __init__(self, stop: Sequence[str], *, answers: bool = False) -> None:
        self._stop = tuple(text for text in stop if text)
        self._speller = Speller()
        self._opening = AnswerOpening() if answers else None
        self._ids: list[int] = []
        self._logprobs: list[float] = []
        self._told = True
        self.prompt: tuple[int, ...] | None = None
        self.text = ""
        self.tokens = 0
        self.finish: Finish | None = None
        self.word: str | None = None

    def feed(self, piece: Piece) -> str:
        """The text that the piece adds. When `finish` is there afterwards, nothing further is to be read."""
        self.prompt = self.prompt if piece.prompt is None else piece.prompt
        raw = self._speller.feed(piece.text, piece.reasoning, piece.calls)
        if piece.finish is not None:
            raw += self._speller.end()
        new = self._opening.feed(raw) if self._opening else raw
        if piece.finish is not None and self._opening:
            new += self._opening.end()
        self._count(piece)
        added, cut = self._cut(new)
        if cut and added != new and len(piece.ids or ()) > 1:
            # Several tokens came at once, and the text ends among them: which of them it took is not known.
            self._told = False
        self.text += added
        if cut:
            self.finish = Finish.STOP
        elif piece.finish is not None:
            self.finish, self.word = (Finish.LENGTH if piece.finish == "length" else Finish.END), piece.finish
        return added

    @property
    def ids(self) -> tuple[int, ...] | None:
        """The sampled tokens; None where the server did not tell them all, or where they are not those of the text."""
        whole = self._told and self._ids and not (self._opening and self._opening.dropped)
        return tuple(self._ids) if whole else None

    @property
    def logprobs(self) -> tuple[float, ...] | None:
        """One for each of `ids`, or None."""
        return tuple(self._logprobs) if self.ids is not None and len(self._logprobs) == len(self._ids) else None

    @property
    def rebuilt(self) -> bool:
        """The server had taken the text apart, and it was put together again."""
        return self._speller.rebuilt

    def _count(self, piece: Piece) -> None:
        wrote = bool(piece.text or piece.reasoning or piece.calls)
        if piece.ids is None:
            self._told = self._told and not wrote
            self.tokens += wrote
            return
        self.tokens += len(piece.ids)
        self._ids += piece.ids
        self._logprobs += piece.logprobs or ()

    def _cut(self, new: str) -> tuple[str, bool]:
        if not self._stop or not new:
            return new, False
        # A stop text may have begun in what came before.
        back = min(len(self.text), max(map(len, self._stop)) - 1)
        window = self.text[len(self.text) - back :] + new
        ends = [at + len(stop) for stop in self._stop if (at := window.find(stop)) >= 0]
        if not ends:
            return new, False
        return new[: max(0, min(ends) - back)], True


def _tokens(choice: Mapping[str, Any]) -> tuple[tuple[int, ...] | None, tuple[float, ...] | None]:
    """The ids and log-probabilities of a chunk: vLLM and SGLang have the ids in `token_ids`, vLLM also as words of `logprobs`."""
    ids = _ids(choice.get("token_ids"))
    entries = _list(_mapping(choice.get("logprobs")).get("content"))
    if not entries:
        return ids, None
    values = [value for entry in entries if isinstance(value := entry.get("logprob"), int | float)]
    if ids is None:
        words = [_text(entry.get("token")).partition("token_id:")[2] for entry in entries]
        ids = tuple(int(word) for word in words) if all(word.isdecimal() for word in words) else None
    # vLLM writes -9999.0 where it has none.
    told = len(values) == len(entries) and all(math.isfinite(value) and value > -9999 for value in values)
    return ids, tuple(float(value) for value in values) if told else None


def _call(call: Mapping[str, Any]) -> CallPart:
    function, index = _mapping(call.get("function")), call.get("index")
    arguments = function.get("arguments")
    written = json.dumps(arguments, ensure_ascii=False) if isinstance(arguments, Mapping) else _text(arguments)
    return CallPart(index if isinstance(index, int) else 0, _text(function.get("name")) or None, written)


def _ids(value: object) -> tuple[int, ...] | None:
    if isinstance(value, list) and all(isinstance(entry, int) for entry in value):
        return tuple(value)
    return None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Mapping[str, Any]]:
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


def _first(value: object) -> Mapping[str, Any] | None:
    return next(iter(_list(value)), None)
