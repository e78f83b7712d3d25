"""The marks of the format: tags, chat marks, the tool's name and the fixed sentences (ViGoRL, reference commit e7970c0)."""

from __future__ import annotations

import re

THINK_OPEN, THINK_CLOSE = "<think>", "</think>"
CALL_OPEN, CALL_CLOSE = "<tool_call>", "</tool_call>"
OBSERVATION_OPEN, OBSERVATION_CLOSE = "<observation>", "</observation>"
ANSWER_OPEN, ANSWER_CLOSE = "<answer>", "</answer>"
IMAGE_MARK = "<image>"

# The paper prints `crop`; everything the authors released says this.
TOOL_NAME = "search_coordinate"

# What the reference puts into the model's mouth when turns or pictures have run out.
FORCED_THOUGHT = "Based on all the information I've gathered, I'll now provide my final answer."
FORCED_PREFIX = f"{THINK_OPEN} {FORCED_THOUGHT} {THINK_CLOSE}\n{ANSWER_OPEN}"

TAG = re.compile(r"<(/?)(think|tool_call|observation|answer)>", re.IGNORECASE)
OBSERVATION_TAG = re.compile(r"<(/?)observation>", re.IGNORECASE)

_CHAT_MARK = r"<\|im_end\|>|<\|endoftext\|>|<\|im_start\|>(?:assistant|user|system)?"
_PICTURE_MARK = r"<image>|<\|vision_start\|>|<\|vision_end\|>|<\|image_pad\|>"
# Marks that belong to the transport, not to what was said: they are neither steps nor stray text.
SILENT = re.compile(rf"(?:\s|{_CHAT_MARK}|{_PICTURE_MARK})*+")
# What the environment says where it cannot carry a call out: an error, and no picture.
ERROR_WORD = "Error:"
TOOL_ERROR = re.compile(
    rf"\s*+(?:<\|im_end\|>\s*+)?+(?:<\|im_start\|>user\s*+)?+"
    rf"{OBSERVATION_OPEN}\s*+{ERROR_WORD}(?P<reason>(?:[^<]++|<(?=\s))*+){OBSERVATION_CLOSE}"
    rf"(?:\s*+<\|im_end\|>)?+(?:\s*+<\|im_start\|>assistant)?+\s*+",
    re.IGNORECASE,
)
# What may stand before and after an observation and was written by the environment as well.
BEFORE_OBSERVATION = re.compile(r"<\|im_start\|>user\s*\Z")
AFTER_OBSERVATION = re.compile(
    rf"(?:\s*+(?:{_PICTURE_MARK}))*+(?:\s*+<\|im_end\|>)?+(?:\s*+<\|im_start\|>assistant\n?)?+",
)

_NUMBER = r"([+-]?(?:\d++(?:\.\d*+)?+|\.\d++))"
# Possessive quantifiers keep the search linear on hostile text: nothing is tried twice.
POINT_IN_TEXT = re.compile(rf"\(\s*+{_NUMBER}\s*+,\s*+{_NUMBER}\s*+\)")
# A tool call's coordinate as it stands in the JSON.
_JSON_NUMBER = r"(-?\d++(?:\.\d++)?+(?:[eE][+-]?\d++)?+)"
POINT_LIST = re.compile(rf"\[\s*+{_JSON_NUMBER}\s*+,\s*+{_JSON_NUMBER}\s*+\]")
# Two numbers in parentheses with other signs than the format has: a typographic minus, full-width signs, powers of ten.
_NEAR_NUMBER = r"[-+−–－＋]?+\d[\d.eE+]*+"
ALMOST_POINT = re.compile(rf"[(（]\s*+{_NEAR_NUMBER}\s*+[,，]\s*+{_NEAR_NUMBER}\s*+[)）]")
# What an almost-point has and a point has not: a text without it is not searched for them.
ODD_SIGN = re.compile(r"[−–－＋（），]|\d[eE+]|\.\d*+\.")
_POINT_ALONE = re.compile(rf"\s*+[(\[]?\s*+{_NUMBER}\s*+,\s*+{_NUMBER}\s*+[)\]]?\s*+")
_BOX_ALONE = re.compile(rf"\s*+[(\[]?\s*+{_NUMBER}\s*+,\s*+{_NUMBER}\s*+,\s*+{_NUMBER}\s*+,\s*+{_NUMBER}\s*+[)\]]?\s*+")
# The reference's builder ends a sentence here when it cuts chains into dialogs.
SENTENCE_END = re.compile(r"[.!?](?=\s|\Z)")


def read_point(text: str) -> tuple[float, float] | None:
    """The two numbers of a text that is a point and nothing else: "(12, 34)", "[12, 34]", "12, 34.5"; None otherwise."""
    found = _POINT_ALONE.fullmatch(text)
    return (float(found[1]), float(found[2])) if found and _is_finite(found.groups()) else None


def read_box(text: str) -> tuple[float, float, float, float] | None:
    """The four numbers of a text that is a box and nothing else, in the order they stand; None otherwise."""
    found = _BOX_ALONE.fullmatch(text)
    if not found or not _is_finite(found.groups()):
        return None
    return (float(found[1]), float(found[2]), float(found[3]), float(found[4]))


def _is_finite(numbers: tuple[str, ...]) -> bool:
    # A number of more than 300 digits is no coordinate; float() would make it infinite.
    return all(abs(float(number)) < 1e300 for number in numbers)


def write_number(value: float) -> str:
    """A coordinate as the format writes it: whole numbers without a decimal point."""
    return str(int(value)) if value == int(value) else repr(value)
