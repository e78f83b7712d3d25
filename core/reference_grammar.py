"""The reference implementation's own reading of a completion, kept for parity only: nothing else may read text with it.

`core.grammar` is the project's grammar. This file repeats the tests that the reference's reward functions make (its regular
expressions and the state machine of its multi-turn format), with their defects, so that the reward profile `vigorl` gives the
numbers that published runs were trained on. The defects are named where they are; docs/rewards.md says what the profile `strict`
does instead. Where the reference's expression would take quadratic time on hostile text, the same match is found in linear time.
"""

from __future__ import annotations

import ast
import json
import math
import re
from bisect import bisect_left

from core.grammar import ANSWER_CLOSE, ANSWER_OPEN, CALL_CLOSE, CALL_OPEN, THINK_CLOSE, THINK_OPEN

_THINK_TO_ANSWER = re.compile(rf"{THINK_CLOSE}\s*{ANSWER_OPEN}")
_OPEN_ANY_CASE = re.compile(ANSWER_OPEN, re.IGNORECASE)
_CLOSE_ANY_CASE = re.compile(ANSWER_CLOSE, re.IGNORECASE)
# No space may follow the opening parenthesis, and the numbers are whole.
_POINT = re.compile(r"\(\d+\s*,\s*\d+\)")
_TAG = re.compile(r"<(/?)(tool_call|observation|think|answer)>", re.IGNORECASE)
_END = re.compile(rf"{ANSWER_CLOSE}\s*(?:<\|im_end\|>\s*)?\Z")
_CALL_START = re.compile(rf"{CALL_OPEN}\s*(?=\{{)")
_CALL_END = re.compile(rf"\}}\s*{CALL_CLOSE}")
_NUMBERS = re.compile(r"[0-9\s,()\[\]+\-._]{1,200}")
_LETTER_PREFIX = re.compile(r"^[A-Za-z][.)]\s*")

# Two looked-at points count as two when they are at least this far apart, in the model's own numbers whatever the picture's size.
DISTINCT_PX = 10.0

# State -> the one tag that is allowed, and the state it leads to; anything else is malformed. After a think block, two are.
_TRANSITIONS: dict[str, dict[str, str]] = {
    "think_open": {"think": "think_close"},
    "think_close": {"/think": "post_think"},
    "post_think": {"tool_call": "tool_close", "answer": "answer_close"},
    "tool_close": {"/tool_call": "observation_open"},
    "observation_open": {"observation": "observation_close"},
    "observation_close": {"/observation": "think_open"},
    "answer_close": {"/answer": "end"},
    "end": {},
}


def single_turn_answer(text: str) -> str | None:
    """The stripped answer where the whole text is one think block, white space and one answer block; None otherwise."""
    if not (text.startswith(THINK_OPEN) and text.endswith(ANSWER_CLOSE)):
        return None
    between = _THINK_TO_ANSWER.search(text, len(THINK_OPEN))
    end = len(text) - len(ANSWER_CLOSE)
    return text[between.end() : end].strip() if between and between.end() <= end else None


def has_point_in_thought(text: str) -> bool:
    """True where the first think block holds a point of whole numbers. One is enough, wherever it lies (the docstring there says two)."""
    start = text.find(THINK_OPEN)
    end = text.find(THINK_CLOSE, start + len(THINK_OPEN)) if start >= 0 else -1
    return end >= 0 and _POINT.search(text, start, end) is not None


def answer_on_one_line(text: str) -> str:
    """The first answer block that holds no newline, stripped; else the whole text, stripped: so a bare answer is read too."""
    for line in text.split("\n"):
        start = line.find(ANSWER_OPEN)
        end = line.find(ANSWER_CLOSE, start + len(ANSWER_OPEN)) if start >= 0 else -1
        if end >= 0:
            return line[start + len(ANSWER_OPEN) : end].strip()
    return text.strip()


def answer_in_any_case(text: str) -> str | None:
    """The first answer block, whatever the case of its tags, stripped; None where there is none."""
    start = _OPEN_ANY_CASE.search(text)
    end = _CLOSE_ANY_CASE.search(text, start.end()) if start else None
    return text[start.end() : end.start()].strip() if start and end else None


def without_letter(text: str) -> str:
    """The text without an option's letter in front ('A. ', 'b)')."""
    return _LETTER_PREFIX.sub("", text.strip()).strip()


def read_whole_numbers(text: str) -> tuple[int, ...] | list[int] | None:
    """The tuple or list of whole numbers that the text spells in Python; None for anything else."""
    bare = text.strip()
    if not _NUMBERS.fullmatch(bare):
        return None
    try:
        value = ast.literal_eval(bare)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    if isinstance(value, tuple | list) and all(type(number) is int for number in value):
        return value
    return None


def multi_turn_calls(text: str) -> list[tuple[int, int]] | None:
    """The points of the tool calls where the text keeps the multi-turn format; None where it does not.

    A call without braces is passed over unseen, and the tool's name is never looked at.
    """
    if not _END.search(text) or not _tags_in_order(text):
        return None
    points = []
    for body in _calls_with_braces(text):
        point = _coordinate(body)
        if point is None:
            return None
        points.append(point)
    return points


def distinct_points(points: list[tuple[int, int]], least: float = DISTINCT_PX) -> int:
    """How many points remain when each is kept only if it is at least `least` from all that were kept before it."""
    kept: list[tuple[int, int]] = []
    for point in points:
        if all(math.dist(point, other) >= least for other in kept):
            kept.append(point)
    return len(kept)


def _tags_in_order(text: str) -> bool:
    state = "think_open"
    for tag in _TAG.finditer(text):
        following = _TRANSITIONS[state].get((tag[1] + tag[2]).lower())
        if following is None:
            return False
        state = following
    return state == "end"


def _calls_with_braces(text: str) -> list[str]:
    closes = [found.start() for found in _CALL_END.finditer(text)]
    bodies, after = [], 0
    for start in _CALL_START.finditer(text):
        nearest = bisect_left(closes, start.end() + 1)
        if start.start() >= after and nearest < len(closes):
            after = closes[nearest] + 1
            bodies.append(text[start.end() : after])
    return bodies


def _coordinate(body: str) -> tuple[int, int] | None:
    try:
        call = json.loads(body)
    except (ValueError, RecursionError):
        return None
    arguments = call.get("arguments") if isinstance(call, dict) else None
    point = arguments.get("coordinate") if isinstance(arguments, dict) else None
    # The limit keeps a number of a thousand digits, on which the reference breaks off, within what a distance can be taken of.
    if isinstance(point, list) and len(point) == 2 and all(isinstance(number, int) and abs(number) < 10**15 for number in point):
        return point[0], point[1]
    return None
