"""What a row is, told by its keys. docs/formats.md lists them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from annotations.importing.json_values import BadRow
from core.grammar import CALL_OPEN, IMAGE_MARK

# Values of the keys `format` and `version` in the lines that the export writes; the version is raised with every change that an older
# reader would misread.
EXPORT_FORMAT = "saccade.trace"
EXPORT_VERSION = 1


class SourceKind(StrEnum):
    """A kind of row; the value is what a person reads."""

    OWN_TRACE = "exported trace"
    TREE = "search tree"
    ROLLOUT = "evaluation rollout"
    CHAIN = "SFT chain, single-turn"
    DIALOG = "SFT chain, multi-turn"
    RL_RECORD = "RL record"
    EVAL_RECORD = "evaluation record"
    ERROR = "error log"


# Asked in this order: a tree has `question` too, and a record may carry keys of its own.
_KEYS: tuple[tuple[SourceKind, frozenset[str]], ...] = (
    (SourceKind.TREE, frozenset({"tree"})),
    (SourceKind.ROLLOUT, frozenset({"thoughts", "judge_score"})),
    (SourceKind.ROLLOUT, frozenset({"thoughts", "final_answer"})),
    (SourceKind.CHAIN, frozenset({"messages", "images"})),
    (SourceKind.CHAIN, frozenset({"messages", "image_paths"})),
    (SourceKind.RL_RECORD, frozenset({"problem", "answer"})),
    (SourceKind.EVAL_RECORD, frozenset({"conversations"})),
    (SourceKind.ERROR, frozenset({"error", "id"})),
    (SourceKind.ERROR, frozenset({"error", "idx"})),
)


def recognise(document: Any) -> SourceKind:
    """The kind of a row. Raises BadRow, with the keys that were found, for one that is none of them."""
    if not isinstance(document, Mapping):
        raise BadRow(f"The row is {_name(document)}, and should be an object with keys.")
    if document.get("format") == EXPORT_FORMAT:
        return SourceKind.OWN_TRACE
    keys = document.keys()
    for kind, wanted in _KEYS:
        if wanted <= keys:
            return SourceKind.DIALOG if kind is SourceKind.CHAIN and _is_multi_turn(document["messages"]) else kind
    shown = ", ".join(sorted(f"{key}"[:30] for key in keys)[:8]) or "none"
    raise BadRow(f"No known kind of row has these keys: {shown}. Known are rollouts, search trees, SFT chains, records and error logs.")


def message_role(message: Mapping[str, Any]) -> str:
    """system, user or assistant, by the names of either spelling of a chat."""
    role = str(message.get("role", message.get("from", "")))
    return {"human": "user", "gpt": "assistant", "model": "assistant"}.get(role, role)


def message_text(message: Mapping[str, Any]) -> str:
    """A message's text, with an image mark for each picture part. Raises BadRow where it has none."""
    content = message.get("content", message.get("value"))
    if isinstance(content, str):
        return content
    if not isinstance(content, list | tuple) or not all(isinstance(part, Mapping) for part in content):
        raise BadRow("A message has no text.")
    parts = []
    for part in content:
        text = part.get("text")
        # A parquet struct has every key in every part, so an absent one is None.
        parts.append(text if isinstance(text, str) else IMAGE_MARK if part.get("type") in ("image", "image_url") else "")
    return "".join(parts)


def _is_multi_turn(messages: Any) -> bool:
    if not isinstance(messages, list | tuple):
        return False
    said = [message for message in messages if isinstance(message, Mapping) and message_role(message) == "assistant"]
    return len(said) > 1 or any(CALL_OPEN in str(message.get("content", message.get("value"))) for message in said)


def _name(value: Any) -> str:
    names = {list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number", type(None): "empty"}
    return names.get(type(value), "no object")
