"""Back to the text that the model wrote, where a server takes it apart.

`transformers serve` with a Qwen model, and other servers that were started with a parser, send reasoning and tool calls as fields of
their own. The format that a trace is read in has them as text, so they are put back: reasoning between its tags, a call as JSON between
its. Blanks and the spelling of the JSON can differ from what was sampled.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from core.grammar import ANSWER_OPEN, CALL_CLOSE, CALL_OPEN, THINK_CLOSE, THINK_OPEN

REBUILT = "taken apart by the server, put together here"
"""What a trace is told of such turns."""


@dataclass(frozen=True, slots=True)
class CallPart:
    """A part of a tool call: the name comes once, the arguments (JSON) in pieces. `index` counts the calls of a turn."""

    index: int
    name: str | None
    arguments: str


class Speller:
    """One turn's pieces to one text, piece by piece."""

    def __init__(self) -> None:
        self._reasoning = False
        self._call: int | None = None
        self.rebuilt = False

    def feed(self, text: str, reasoning: str, calls: tuple[CallPart, ...]) -> str:
        """The text that a piece adds."""
        out = ""
        if reasoning:
            out += "" if self._reasoning else self._close() + THINK_OPEN
            self._reasoning, self.rebuilt = True, True
            out += reasoning
        if text:
            out += self._close() + text
        for call in calls:
            out += self._called(call)
        return out

    def end(self) -> str:
        """What is still open at the end of the turn, closed; reasoning that was cut off stays open, as the model left it."""
        return f"}}\n{CALL_CLOSE}" if self._call is not None else ""

    def _called(self, call: CallPart) -> str:
        out = ""
        if self._call != call.index:
            out = self._close() + f'\n{CALL_OPEN}\n{{"name": {json.dumps(call.name or "", ensure_ascii=False)}, "arguments": '
            self._call, self.rebuilt = call.index, True
        return out + call.arguments

    def _close(self) -> str:
        out = THINK_CLOSE if self._reasoning else ""
        if self._call is not None:
            out += f"}}\n{CALL_CLOSE}"
        self._reasoning, self._call = False, None
        return out


class AnswerOpening:
    """Takes off the answer's opening tag, and a thought before it, where the model was asked for an answer whose tag stands already.

    Text is held back as long as it could still be that.
    """

    def __init__(self) -> None:
        self._held = ""
        self._open = True
        self.dropped = False

    def feed(self, text: str) -> str:
        """The text that is certain to belong behind the tag."""
        if not self._open:
            return text
        self._held += text
        at = self._held.find(ANSWER_OPEN)
        if at >= 0:
            self.dropped = True
            return self._let_go(self._held[at + len(ANSWER_OPEN) :])
        start = self._held.lstrip()
        if any(start.startswith(tag) or tag.startswith(start) for tag in (ANSWER_OPEN, THINK_OPEN)):
            return ""
        return self._let_go(self._held)

    def end(self) -> str:
        """What was held back in vain."""
        return self._let_go(self._held)

    def _let_go(self, text: str) -> str:
        self._held, self._open = "", False
        return text
