"""Is this answer right? Four judges, each a pure function from an answer and a truth to a verdict with its reason in words.

They are strict: a text is right when it equals the truth, never because it contains it. Points and boxes are in pixels of the
upright original; whoever has the model's numbers converts them first. What a missing answer means is one rule for all: it is
wrong when a truth is known. What cannot be judged is not scored, which is not the same as zero.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from core.geometry import Box, Point

# The reference's point_match judge takes a point for right when it is closer than this (in its pixels; here in original pixels).
NEAR_PX = 50.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge found: `correct` and `score` (0 to 1) are None where nothing could be scored; `reason` is a sentence."""

    correct: bool | None
    score: float | None
    reason: str


def unscored(reason: str) -> Verdict:
    """The verdict that there is nothing to score."""
    return Verdict(None, None, reason)


def judge_text(answer: str | None, truth: str) -> Verdict:
    """Right when the answer is the truth but for case, spacing, punctuation at the end and the letter of an option ('A. ', 'b) ').

    An option's letter is passed over where only one of the two carries one. If the truth is a lone letter, an answer that begins
    with that option's letter is right. An empty truth is no truth.
    """
    wanted = _folded(truth)
    if not wanted:
        return unscored("There is no truth to compare with.")
    if answer is None or not answer.strip():
        return _no_answer(answer)
    if _same_text(_folded(answer), wanted):
        return _right(f"The answer “{answer.strip()}” is the truth “{truth.strip()}”.")
    return _wrong(f"The answer “{answer.strip()}” is not the truth “{truth.strip()}”.")


def judge_point_in_box(point: Point | None, box: Box, *, answer: str | None = None) -> Verdict:
    """Right when the point is in the box or on its edge, both in original pixels. `answer` is the text that the point was read from."""
    if point is None:
        return _no_point(answer)
    if box.contains(point):
        return _right(f"The point {_words(point)} is in the box {_box_words(box)}.")
    nearest = Point(min(max(point.x, box.x1), box.x2), min(max(point.y, box.y1), box.y2))
    return _wrong(f"The point {_words(point)} is {point.distance(nearest):.1f} px outside the box {_box_words(box)}.")


def judge_point_near(point: Point | None, truth: Point, *, threshold: float = NEAR_PX, answer: str | None = None) -> Verdict:
    """Right when the point is less than `threshold` original pixels from the truth."""
    if point is None:
        return _no_point(answer)
    distance = point.distance(truth)
    if distance < threshold:
        return _right(f"The point {_words(point)} is {distance:.1f} px from {_words(truth)}, under the limit of {threshold:g} px.")
    return _wrong(f"The point {_words(point)} is {distance:.1f} px from {_words(truth)}: the limit is {threshold:g} px.")


class Verb(StrEnum):
    """The five things a web agent can do."""

    CLICK = "click"
    TYPE = "type"
    SCROLL = "scroll"
    GO_BACK = "go_back"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class WebAction:
    """One action, read: the element's id for click and type, and the words in the last brackets for type, scroll and stop."""

    verb: Verb
    element: int | None = None
    words: str | None = None


# An id longer than this is no id; the limit keeps int() away from Python's limit on digits.
_ID = r"\[\s*(?P<element>[0-9]{1,18})\s*\]"
_ACTIONS = {
    Verb.CLICK: re.compile(rf"click\s*{_ID}", re.IGNORECASE),
    Verb.TYPE: re.compile(rf"type\s*{_ID}\s*\[(?P<words>.*)\]", re.IGNORECASE | re.DOTALL),
    Verb.SCROLL: re.compile(r"scroll\s*\[\s*(?P<words>up|down)\s*\]", re.IGNORECASE),
    Verb.GO_BACK: re.compile(r"go_back", re.IGNORECASE),
    Verb.STOP: re.compile(r"stop(?:\s*\[(?P<words>.*)\])?", re.IGNORECASE | re.DOTALL),
}


def read_web_action(text: str) -> WebAction | None:
    """The action that the whole text is: click [id], type [id] [content], scroll [up|down], go_back or stop [answer]; None otherwise.

    Code fences around it are passed over. A bare 'stop' is 'stop []'. What is typed, or given as the answer, may hold brackets and
    the names of other actions.
    """
    bare = text.strip().strip("`").strip()
    for verb, pattern in _ACTIONS.items():
        found = pattern.fullmatch(bare)
        if found:
            groups = found.groupdict()
            element = int(groups["element"]) if "element" in groups else None
            words = (groups["words"] or "").strip() if "words" in groups else None
            return WebAction(verb, element, words)
    return None


def judge_web_action(answer: str | None, truth: str) -> Verdict:
    """Right when verb, element and words all agree; typed words but for case and spacing, a stop's answer as `judge_text` has it.

    The score is the share of the truth's parts that agree, and 0 where the verb differs: 'click [13]' for 'click [12]' scores 0.5.
    """
    wanted = read_web_action(truth)
    if wanted is None:
        return unscored(f"The truth “{truth.strip()}” is none of the five actions, so nothing is scored.")
    if answer is None or not answer.strip():
        return _no_answer(answer)
    given = read_web_action(answer)
    if given is None:
        return _wrong(f"“{answer.strip()}” is not one whole action, such as click [id], type [id] [content] or stop [answer].")
    if given.verb is not wanted.verb:
        return _wrong(f"The action is “{given.verb}”, and should be “{wanted.verb}”.")
    return _compare_arguments(given, wanted)


def _compare_arguments(given: WebAction, wanted: WebAction) -> Verdict:
    parts, mistakes = 1, []
    if wanted.element is not None:
        parts += 1
        if given.element != wanted.element:
            mistakes.append(f"the element is [{given.element}], and should be [{wanted.element}]")
    if wanted.words is not None:
        parts += 1
        if not _same_words(given, wanted):
            mistakes.append(f"the words are “{given.words}”, and should be “{wanted.words}”")
    if not mistakes:
        return _right(f"The action “{wanted.verb}” agrees with the truth in every part.")
    return Verdict(False, (parts - len(mistakes)) / parts, f"The action is “{wanted.verb}” as it should be, but {' and '.join(mistakes)}.")


def _same_words(given: WebAction, wanted: WebAction) -> bool:
    one, two = given.words or "", wanted.words or ""
    if wanted.verb is Verb.STOP:
        return _same_text(_folded(one), _folded(two))
    return _spaced(one) == _spaced(two)


_OPTION = re.compile(r"\(?(?P<letter>[a-z])[.)]\s+(?P<rest>\S.*)", re.DOTALL)


def _same_text(answer: str, truth: str) -> bool:
    if answer == truth:
        return True
    option, wanted = _OPTION.fullmatch(answer), _OPTION.fullmatch(truth)
    if option and not wanted:
        # "A. right" for "right"; and where the truth is the lone letter, "A. right" for "A".
        return truth in (option["rest"], option["letter"])
    return wanted is not None and option is None and answer == wanted["rest"]


def _spaced(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def _folded(text: str) -> str:
    spaced = _spaced(text)
    # A text of nothing but punctuation is kept: stripped, "?" and "!" would be the same.
    return spaced.rstrip(" .,;:!?…") or spaced


def _right(reason: str) -> Verdict:
    return Verdict(True, 1.0, reason)


def _wrong(reason: str) -> Verdict:
    return Verdict(False, 0.0, reason)


def _no_answer(answer: str | None) -> Verdict:
    return _wrong("No answer was given." if answer is None else "The answer is empty.")


def _no_point(answer: str | None) -> Verdict:
    if answer is None or not answer.strip():
        return _no_answer(answer)
    return _wrong(f"The answer “{answer.strip()}” is not a point.")


def _words(point: Point) -> str:
    return f"({point.x:.1f}, {point.y:.1f})"


def _box_words(box: Box) -> str:
    return "(" + ", ".join(f"{corner:.1f}" for corner in box.corners) + ")"
