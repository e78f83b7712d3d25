"""Texts of a source -> messages of a conversation. Tags are read and written by core.grammar; this file only asks it."""

from __future__ import annotations

from dataclasses import replace

from core.grammar import ANSWER_CLOSE, ANSWER_OPEN, Message, Parsed, observation_text, parse
from core.trace import Author, FaultKind


def is_completion(text: str) -> bool:
    """Whether a text that is kept as an answer is a whole output, with its tags."""
    # Most answers are a word or two.
    return "<" in text and any(turn.thought or turn.answer or turn.call for turn in parse(text).turns)


def answer_alone(text: str) -> str:
    """The block of an answer of which only the inside was kept."""
    return f"{ANSWER_OPEN} {text.strip()} {ANSWER_CLOSE}"


def observed(thought: str) -> list[Message]:
    """The environment's answer to a turn: an observation where its first call names a place, nothing where it does not.

    The reference's evaluation never mentions the dot, even where it draws one.
    """
    turns = parse(thought).turns
    call = turns[-1].call if turns else None
    if call is None or call.mention is None:
        return []
    return [Message(Author.OBSERVATION, observation_text(dot=False))]


def without_fault(parsed: Parsed, kind: FaultKind, turn: int) -> Parsed:
    """The same, without faults of a kind in a turn: for what the source did not keep, or its protocol did not ask for."""
    return replace(parsed, faults=tuple(fault for fault in parsed.faults if (fault.kind, fault.turn) != (kind, turn)))
