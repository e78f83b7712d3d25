"""Turns -> text, in the one spelling that is written: that of the reference's SFT data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import FormatError
from core.grammar.reading import Message, Parsed
from core.grammar.tags import (
    ANSWER_CLOSE,
    ANSWER_OPEN,
    CALL_CLOSE,
    CALL_OPEN,
    ERROR_WORD,
    FORCED_PREFIX,
    FORCED_THOUGHT,
    IMAGE_MARK,
    OBSERVATION_CLOSE,
    OBSERVATION_OPEN,
    SILENT,
    TAG,
    THINK_CLOSE,
    THINK_OPEN,
    TOOL_ERROR,
    TOOL_NAME,
    write_number,
)
from core.trace import Author, Turn

_DOT_WORDS = ", with a red dot at the coordinate location"


@dataclass(frozen=True, slots=True)
class TurnText:
    """What a well-formed turn says.

    thought   the reasoning; the fixed sentence where `forced`
    call      the point of the tool call, in the model's numbers
    answer    the final answer; a turn has a call or an answer
    observed  the environment answered the call with a crop; `dot` says that the crop carries a red dot
    forced    think block and opening answer tag were injected
    error     the environment answered the call with this sentence instead of a crop; "" where it did not
    """

    thought: str
    call: tuple[float, float] | None = None
    answer: str | None = None
    observed: bool = False
    dot: bool = False
    forced: bool = False
    error: str = ""


def observation_text(dot: bool) -> str:
    """The environment's answer to a tool call; the crop stands where the image mark is."""
    words = f"Here is the crop of the image centered on the coordinate{_DOT_WORDS if dot else ''}:"
    return f"{OBSERVATION_OPEN}\n{words}\n{IMAGE_MARK}\n{OBSERVATION_CLOSE}"


def tool_error_text(reason: str) -> str:
    """The environment's answer to a call that it cannot carry out: the reason on one line, and no picture.

    A reason may repeat what the model wrote, so its marks are broken up: nothing in it opens or closes a block. Raises FormatError
    for a reason without words.
    """
    words = _on_one_line(reason)
    if not words:
        raise FormatError("An error needs a reason: a model that is told nothing cannot do better.")
    return f"{OBSERVATION_OPEN}\n{ERROR_WORD} {words}\n{OBSERVATION_CLOSE}"


def is_tool_error(observation: str) -> bool:
    """Whether an observation holds an error and no picture: then nothing was cut out, and the model was shown nothing."""
    return TOOL_ERROR.fullmatch(observation) is not None


def tool_error_reason(observation: str) -> str:
    """The reason in an error of `tool_error_text`; "" for an observation that is none."""
    found = TOOL_ERROR.fullmatch(observation)
    return found["reason"].strip() if found else ""


def _on_one_line(reason: str) -> str:
    # A space behind "<" keeps tags, chat marks and picture marks from being any.
    return " ".join(reason.replace("<", "< ").split())


def has_dot(observation: str) -> bool:
    """Whether an observation's words say that the crop carries a red dot."""
    return _DOT_WORDS in observation


def call_text(x: float, y: float) -> str:
    """The tool call for a point in the model's numbers."""
    return f'{CALL_OPEN}\n{{"name": "{TOOL_NAME}", "arguments": {{"coordinate": [{write_number(x)}, {write_number(y)}]}}}}\n{CALL_CLOSE}'


def format_messages(turns: Sequence[TurnText]) -> tuple[Message, ...]:
    """The messages of a conversation, as `parse_messages` reads them. Raises FormatError for what would not be read back."""
    messages: list[Message] = []
    for turn in turns:
        _check(turn)
        if turn.forced:
            messages.append(Message(Author.INJECTED, FORCED_PREFIX))
            messages.append(Message(Author.MODEL, f" {turn.answer} {ANSWER_CLOSE}"))
            continue
        action = call_text(*turn.call) if turn.call else f"{ANSWER_OPEN} {turn.answer} {ANSWER_CLOSE}"
        messages.append(Message(Author.MODEL, f"{THINK_OPEN} {turn.thought} {THINK_CLOSE}\n{action}"))
        if turn.observed:
            messages.append(Message(Author.OBSERVATION, observation_text(turn.dot)))
        elif turn.error:
            messages.append(Message(Author.OBSERVATION, tool_error_text(turn.error)))
    return tuple(messages)


def format_turns(turns: Sequence[TurnText]) -> str:
    """The conversation as one flat completion, as `parse` reads it; every call but the last one must have been answered.

    A flat text cannot say what was injected: `forced` turns are refused with FormatError.
    """
    if any(turn.forced for turn in turns) or any(turn.call and not (turn.observed or turn.error) for turn in turns[:-1]):
        raise FormatError("A flat completion cannot hold a forced turn, nor a turn behind an unanswered call: use format_messages.")
    return "".join(message.text for message in format_messages(turns))


def turn_texts(parsed: Parsed) -> tuple[TurnText, ...]:
    """What the turns say, for turns without faults: the inverse of `format_messages` and `format_turns`."""
    return tuple(_turn_text(turn) for turn in parsed.turns)


def _turn_text(turn: Turn) -> TurnText:
    observed = turn.observation.of(turn.text) if turn.observation else ""
    error = tool_error_reason(observed)
    return TurnText(
        thought=turn.thought.of(turn.text).strip() if turn.thought else "",
        call=(turn.call.mention.x, turn.call.mention.y) if turn.call and turn.call.mention else None,
        answer=turn.answer.of(turn.text).strip() if turn.answer else None,
        observed=bool(observed) and not error,
        dot=has_dot(observed),
        forced=any(part.author is Author.INJECTED for part in turn.authors),
        error=error,
    )


def _check(turn: TurnText) -> None:
    if (turn.call is None) == (turn.answer is None):
        raise FormatError("A turn needs either a call or an answer.")
    if turn.call and not all(math.isfinite(number) and abs(number) < 1e300 for number in turn.call):
        raise FormatError(f"A call needs two finite numbers, not {turn.call}.")
    if turn.observed and turn.call is None:
        raise FormatError("Only a call is answered by an observation.")
    if turn.error and (turn.call is None or turn.observed):
        raise FormatError("An error answers a call, in place of a crop.")
    if turn.error and turn.error != _on_one_line(turn.error):
        raise FormatError(f"An error is one line without marks, not {turn.error!r:.80}.")
    if turn.dot and not turn.observed:
        raise FormatError("A dot is drawn on a crop: without an observation there is none.")
    if turn.forced and (turn.answer is None or turn.thought != FORCED_THOUGHT):
        raise FormatError("A forced turn holds the fixed sentence and an answer.")
    for text in (turn.thought, turn.answer):
        if text is not None and (not text or text != text.strip() or TAG.search(text)):
            raise FormatError(f"A thought or an answer needs text without tags and without blank ends, not {text!r:.80}.")
        if text is not None and SILENT.fullmatch(text):
            raise FormatError(f"A thought or an answer needs words, not only marks: {text!r:.80}.")
