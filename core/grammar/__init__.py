"""Text <-> turns and steps: the only package that knows a tag.

    parse, parse_messages            text -> Parsed (turns, faults, answer, pieces)
    format_turns, format_messages    TurnText -> text; turn_texts is their inverse
    read_point, read_box             an answer or a truth that is a point or a box

Reading never raises and takes time linear in the text; writing raises FormatError for what could not be read back.
"""

from core.grammar.pieces import StepPiece
from core.grammar.reading import Message, Parsed, as_messages, parse, parse_messages
from core.grammar.tags import (
    ANSWER_CLOSE,
    ANSWER_OPEN,
    CALL_CLOSE,
    CALL_OPEN,
    FORCED_PREFIX,
    FORCED_THOUGHT,
    IMAGE_MARK,
    OBSERVATION_CLOSE,
    OBSERVATION_OPEN,
    THINK_CLOSE,
    THINK_OPEN,
    TOOL_NAME,
    read_box,
    read_point,
    write_number,
)
from core.grammar.writing import (
    TurnText,
    call_text,
    format_messages,
    format_turns,
    has_dot,
    is_tool_error,
    observation_text,
    tool_error_text,
    turn_texts,
)

__all__ = [
    "ANSWER_CLOSE",
    "ANSWER_OPEN",
    "CALL_CLOSE",
    "CALL_OPEN",
    "FORCED_PREFIX",
    "FORCED_THOUGHT",
    "IMAGE_MARK",
    "OBSERVATION_CLOSE",
    "OBSERVATION_OPEN",
    "THINK_CLOSE",
    "THINK_OPEN",
    "TOOL_NAME",
    "Message",
    "Parsed",
    "StepPiece",
    "TurnText",
    "as_messages",
    "call_text",
    "format_messages",
    "format_turns",
    "has_dot",
    "is_tool_error",
    "observation_text",
    "parse",
    "parse_messages",
    "read_box",
    "read_point",
    "tool_error_text",
    "turn_texts",
    "write_number",
]
