"""The reference implementation's eight reward functions, number for number: the profile `vigorl`.

They score a completion as raw text against the truth's raw text, in whatever pixels both were written, and keep their defects:
a run trained with them is explained by these numbers and no others. `core.rewards` has the corrected profile.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from core.errors import TruthError
from core.reference_grammar import (
    answer_in_any_case,
    answer_on_one_line,
    distinct_points,
    has_point_in_thought,
    multi_turn_calls,
    read_whole_numbers,
    single_turn_answer,
    without_letter,
)

# Added to the format's 1 for each distinct look beyond the first.
LOOK_BONUS = 0.2


class RewardKind(StrEnum):
    """The reward functions, by what is answered and in how many turns."""

    POINT_SINGLE = "point_single"
    POINT_MULTITURN = "point_multiturn"
    TEXT_SINGLE = "text_single"
    TEXT_MULTITURN = "text_multiturn"
    WEB_ACTION = "web_action"

    @property
    def answer_weight(self) -> float:
        """The weight of being right; the format has the rest."""
        return 0.6 if self in (RewardKind.POINT_MULTITURN, RewardKind.TEXT_MULTITURN) else 0.5

    @property
    def format_weight(self) -> float:
        return 0.4 if self in (RewardKind.POINT_MULTITURN, RewardKind.TEXT_MULTITURN) else 0.5


@dataclass(frozen=True, slots=True)
class ReferenceScore:
    """Accuracy (0 to 1) and format (0 to 1, or more with the bonus for looks), each with its reason."""

    kind: RewardKind
    accuracy: float
    accuracy_reason: str
    format: float
    format_reason: str

    @property
    def overall(self) -> float:
        return self.kind.answer_weight * self.accuracy + self.kind.format_weight * self.format


def score_as_reference(kind: RewardKind, completion: str, ground_truth: str) -> ReferenceScore:
    """The reference's score of a completion, with reasons."""
    if kind is RewardKind.TEXT_SINGLE:
        accuracy = _text_accuracy(completion, ground_truth)
        shape = _single_format(completion, answer_needed=True)
    elif kind is RewardKind.TEXT_MULTITURN:
        accuracy = _text_accuracy_any_case(completion, ground_truth)
        shape = _multi_turn_format(completion, point_needed=False)
    elif kind is RewardKind.POINT_SINGLE:
        accuracy = _box_accuracy(completion, ground_truth)
        shape = _single_format(completion, point_needed=True)
    elif kind is RewardKind.POINT_MULTITURN:
        accuracy = _box_accuracy(completion, ground_truth)
        shape = _multi_turn_format(completion, point_needed=True)
    else:
        accuracy = _action_accuracy(answer_on_one_line(completion), ground_truth)
        shape = _single_format(completion)
    return ReferenceScore(kind, *accuracy, *shape)


def reference_score(kind: str, completion: str, ground_truth: str) -> dict[str, float]:
    """{"overall", "format", "accuracy"} exactly as the reference's reward function of that kind returns it.

    Raises TruthError for a kind that is none of `RewardKind`.
    """
    try:
        wanted = RewardKind(kind)
    except ValueError as error:
        raise TruthError(f"There is no reward function {kind!r}: use one of {', '.join(RewardKind)}.") from error
    score = score_as_reference(wanted, completion, ground_truth)
    return {"overall": score.overall, "format": score.format, "accuracy": score.accuracy}


def _single_format(completion: str, *, answer_needed: bool = False, point_needed: bool = False) -> tuple[float, str]:
    answer = single_turn_answer(completion)
    if answer is None:
        return 0.0, "The text is not exactly one think block and one answer block."
    if answer_needed and not answer:
        return 0.0, "The answer is empty."
    if point_needed and not _is_point(answer):
        return 0.0, "The answer is not a point of two whole numbers."
    if not has_point_in_thought(completion):
        return 0.0, "The thought holds no point of two whole numbers."
    return 1.0, "One think block with a point in it, and one answer block."


def _multi_turn_format(completion: str, *, point_needed: bool) -> tuple[float, str]:
    calls = multi_turn_calls(completion)
    if calls is None:
        return 0.0, "The tags are not in the order of the multi-turn format, or a tool call has no point of two whole numbers."
    answer = answer_in_any_case(completion)
    if not answer:
        return 0.0, "The answer is empty."
    if point_needed and not _is_point(answer):
        return 0.0, "The answer is not a point of two whole numbers."
    distinct = distinct_points(calls)
    if distinct > 1:
        reason = f"The format is kept, and {distinct} distinct looks add {LOOK_BONUS:g} for each after the first."
        return 1 + LOOK_BONUS * (distinct - 1), reason
    return 1.0, "The format is kept; a bonus begins with the second distinct look."


def _text_accuracy(completion: str, truth: str) -> tuple[float, str]:
    # Defect: the truth keeps its case, so a truth with a capital letter cannot be met.
    given = without_letter(answer_on_one_line(completion)).lower()
    return _outcome(given == truth.strip(), f"“{given}”, in lower case, against the truth “{truth.strip()}” as it is written")


def _text_accuracy_any_case(completion: str, truth: str) -> tuple[float, str]:
    given, wanted = (answer_in_any_case(completion) or "").lower(), truth.strip().lower()
    return _outcome(bool(given) and given == wanted, f"“{given}” against the truth “{wanted}”, both in lower case")


def _box_accuracy(completion: str, truth: str) -> tuple[float, str]:
    given = answer_on_one_line(completion)
    box, point = read_whole_numbers(truth), read_whole_numbers(given)
    if box is None or len(box) != 4:
        return 0.0, f"The truth “{truth}” is not a box of four whole numbers."
    if point is None or len(point) != 2:
        return 0.0, "No answer on one line is a pair of whole numbers."
    inside = box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]
    return _outcome(inside, f"({point[0]}, {point[1]}) against the box {tuple(box)}, as the numbers stand")


_ID = re.compile(r"\[(\d+)\]")
_BRACKETS = re.compile(r"\[(.*?)\]")


def _action_accuracy(given: str, truth: str) -> tuple[float, str]:
    # Defect: the verb is looked for anywhere in the answer, in this order, so typed words can decide.
    for verb in ("go_back", "stop"):
        if verb in given:
            return _outcome(verb in truth, f"“{verb}” looked for in the truth “{truth}”; what follows it is not compared")
    if "scroll" in given:
        agrees = any(direction in given and direction in truth for direction in ("[down]", "[up]"))
        return _outcome(agrees, f"the direction of “{given}” looked for in the truth “{truth}”")
    for verb, brackets in (("click", _ID), ("type", _BRACKETS)):
        if verb in given:
            return _verb_and_element(verb, brackets, given, truth)
    return 0.0, "No known action is named."


def _verb_and_element(verb: str, brackets: re.Pattern[str], given: str, truth: str) -> tuple[float, str]:
    one, two = brackets.search(given), brackets.search(truth)
    same_verb, same_element = verb in truth, bool(one and two and one[1] == two[1])
    found = f"“{verb}” is {'' if same_verb else 'not '}in the truth, and the first brackets {'agree' if same_element else 'do not agree'}"
    return 0.5 * same_verb + 0.5 * same_element, f"{found}: 0.5 for each."


def _is_point(text: str) -> bool:
    # The format wants parentheses, where the accuracy also takes brackets and bare numbers.
    if not (text.startswith("(") and text.endswith(")")):
        return False
    value = read_whole_numbers(text)
    return isinstance(value, tuple) and len(value) == 2


def _outcome(right: bool, comparison: str) -> tuple[float, str]:
    return (1.0, f"Right: {comparison}.") if right else (0.0, f"Wrong: {comparison}.")
