"""How far answers agree, and pass@k."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import PolicyError
from core.rollout.samples import agreement, correct_of, pass_at_k
from core.trace import DomainName, StopReason, Trace, Truth, TruthKind
from tests.core.rollout.speaking import boxed, one, painted, speaker, task

POINTS = painted(1000, 700)


def answered(*answers: str | None, domain: DomainName = DomainName.VISUAL_SEARCH, truth: Truth | None = None) -> list[Trace]:
    """A trace for each answer to one question; None: a trace without."""
    asked = task(POINTS if domain is DomainName.WEB_GROUNDING else None, domain=domain, truth=truth)
    said = [
        f"<think> See (3, 4). </think><answer> {answer} </answer>" if answer is not None else "<think> Hm. </think>" for answer in answers
    ]
    return [one(speaker(text), asked, crop=None).trace for text in said]


def test_the_answer_of_most_is_told_in_the_words_of_the_first() -> None:
    found = agreement(answered("blue", "B. Red", "red.", "RED", None))
    assert (found.n, found.given, found.answer, found.count) == (5, 4, "B. Red", 3)
    assert (found.pairs, found.share) == (10, 0.3)
    assert found.words == "3 of 5 answered “B. Red”; 3 of 10 pairs agree (30%). 1 gave none."


@pytest.mark.parametrize(
    ("answers", "share"),
    [(["red"] * 4, 1.0), (["red", "blue"], 0.0), (["red", "blue", "red", "blue"], 1 / 3), ([None, None], 0.0), (["a", "b", "c"], 0.0)],
)
def test_the_share_is_of_pairs(answers: list[str | None], share: float) -> None:
    found = agreement(answered(*answers))
    assert found.share == pytest.approx(share)
    assert found.pairs == math.comb(len(answers), 2)


def test_what_cannot_be_told_is_said() -> None:
    assert agreement([]).words == "There is no answer yet."
    alone = agreement(answered("red"))
    assert (alone.share, alone.pairs, alone.answer) == (None, 0, "red") and "agrees with nobody" in alone.words
    silent = agreement(answered(None, None))
    assert (silent.answer, silent.count, silent.words) == (None, 0, "No conversation gave an answer.")


def test_points_agree_where_they_are_near_or_both_in_the_box() -> None:
    truth = boxed(100, 100, 400, 300)
    found = agreement(answered("(110, 110)", "(390, 290)", "(405, 300)", "(900, 600)", domain=DomainName.WEB_GROUNDING, truth=truth))
    # The first two by the box, the third because it is near the second: with the first it agrees in neither way.
    assert (found.answer, found.count) == ("(390, 290)", 3)
    assert found.share == pytest.approx(2 / 6)


def test_points_agree_without_a_truth_by_nearness_alone() -> None:
    unknown = Truth(TruthKind.NONE)
    found = agreement(answered("(110, 110)", "(140, 110)", "(300, 110)", "no idea", domain=DomainName.WEB_GROUNDING, truth=unknown))
    assert (found.answer, found.count, found.share) == ("(110, 110)", 2, pytest.approx(1 / 6))


def test_actions_agree_as_their_judge_has_it() -> None:
    truth = Truth(TruthKind.ACTION, "click [4]")
    found = agreement(answered("click [4]", "CLICK  [4]", "click [5]", "I would click", domain=DomainName.WEB_ACTION, truth=truth))
    assert (found.answer, found.count, found.share) == ("click [4]", 2, pytest.approx(1 / 6))


def test_answers_to_different_questions_are_not_compared() -> None:
    one_trace, other = answered("red")[0], answered("red")[0]
    other = replace(other, sample=replace(other.sample, question="Another?"))
    with pytest.raises(PolicyError, match="of several"):
        agreement([one_trace, other])


@given(st.integers(1, 9).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))))
def test_pass_at_k_is_the_share_of_choices_with_a_right_one(numbers: tuple[int, int, int]) -> None:
    n, correct, k = numbers
    chosen = list(combinations([True] * correct + [False] * (n - correct), k))
    assert pass_at_k(n, correct, k) == pytest.approx(sum(map(any, chosen)) / len(chosen))


def test_pass_at_k_holds_for_many_answers() -> None:
    assert pass_at_k(100_000, 1, 10) == pytest.approx(10 / 100_000)
    assert pass_at_k(4, 0, 4) == 0 and pass_at_k(4, 4, 1) == 1


@pytest.mark.parametrize(("n", "correct", "k"), [(4, 2, 5), (4, 2, 0), (4, 5, 1), (4, -1, 1), (0, 0, 1)])
def test_pass_at_k_refuses_what_cannot_be(n: int, correct: int, k: int) -> None:
    with pytest.raises(PolicyError):
        pass_at_k(n, correct, k)


def test_right_answers_are_counted_where_they_can_be_judged() -> None:
    assert correct_of(answered("red", "blue", None)) == (3, 1)
    assert correct_of(answered("red", truth=Truth(TruthKind.NONE))) == (0, 0)


@pytest.mark.parametrize("stop", [StopReason.CANCELLED, StopReason.ERROR])
def test_what_a_person_stopped_or_what_broke_off_is_no_answer(stop: StopReason) -> None:
    traces = answered("red", "red", None, truth=Truth(TruthKind.TEXT, "red"))
    traces[2] = replace(traces[2], stop=stop)
    assert correct_of(traces) == (2, 2)
    assert (agreement(traces).n, agreement(traces).share) == (2, 1.0)
    assert agreement(traces[2:]).words == "There is no answer yet."
