"""Two policies on the same questions: what is paired, and what is said of it."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from core.errors import TaskError
from core.evaluation.beside import beside
from core.evaluation.values import Evaluation, Outcome, Result

KINDS = ("mark", "pair") * 10


def outcome(right: bool, *, looks: int = 1, hit: int = 1, pointed: int = 1) -> Outcome:
    return Outcome(right, True, 0, 1, pointed, hit, looks, looks, False, "answered", 1.0)


def told(policy: str, *draws: Sequence[Sequence[Outcome]], names: str = "q", conditions: Sequence[str] = ("as-it-is",)) -> Evaluation:
    count = len(draws[0])
    kinds = KINDS[:count]
    results = [Result(name, name, kinds, tuple(map(tuple, column))) for name, column in zip(conditions, draws, strict=True)]
    questions = tuple(f"{names}/{at}" for at in range(count))
    return Evaluation(policy, questions, kinds, (0.5,) * count, (None,) * count, tuple(results))


def test_the_difference_is_of_pairs_with_an_exact_test() -> None:
    one = told("new", [[outcome(True, looks=2)]] * 10)
    other = told("old", [[outcome(at >= 6)] for at in range(10)])
    (found,) = beside(one, other)
    assert found.right.value == pytest.approx(0.6) and (found.right.one_only, found.right.other_only) == (6, 0)
    # Six pairs differ, all one way: 2 * (1/2)^6.
    assert found.right.p == pytest.approx(0.03125)
    assert found.right.interval is not None and 0 < found.right.interval[0] < 0.6 < found.right.interval[1]
    assert {kind: one.value for kind, one in found.by_kind.items()} == {"mark": pytest.approx(0.6), "pair": pytest.approx(0.6)}
    # One look more on every question: there is no spread to make an interval of.
    assert (found.looks.value, found.looks.interval) == (1.0, None)


def test_points_are_paired_by_question_and_weighed_by_their_number() -> None:
    one = told("new", [[outcome(True, hit=at % 3, pointed=4)] for at in range(12)])
    other = told("old", [[outcome(True, hit=1, pointed=2 + at % 2)] for at in range(12)])
    (found,) = beside(one, other)
    assert found.points_hit is not None and found.points_hit.value == pytest.approx(12 / 48 - 12 / 30)
    low, high = found.points_hit.interval or (0.0, 0.0)
    assert low < found.points_hit.value < high


def test_who_never_points_has_no_hit_rate() -> None:
    blind = told("blind", [[outcome(False, looks=0, pointed=0, hit=0)]] * 4)
    (found,) = beside(told("new", [[outcome(True)]] * 4), blind)
    assert found.points_hit is None and found.looks_hit is None


def test_pass_at_k_is_paired_for_the_ks_that_both_tell() -> None:
    one = told("new", [[outcome(at % 2 == 0), outcome(True), outcome(False), outcome(False)] for at in range(8)])
    other = told("old", [[outcome(False), outcome(False)] for _ in range(8)])
    (found,) = beside(one, other)
    # Two or one of four are right: 1/2 and 1/4 of one draw; 5/6 and 1/2 of two.
    assert {k: mean.value for k, mean in found.pass_at.items()} == {1: pytest.approx(3 / 8), 2: pytest.approx((5 / 6 + 1 / 2) / 2)}


def test_only_conditions_that_both_were_asked_under_are_compared() -> None:
    column = [[outcome(True)]] * 4
    one, other = told("new", column, column, conditions=("as-it-is", "blank")), told("old", column)
    (found,) = beside(one, other)
    assert found.condition == "as-it-is"
    assert json.loads(json.dumps(found.to_json()))["right"]["p_mcnemar"] == 1.0


def test_other_questions_cannot_be_paired() -> None:
    column = [[outcome(True)]] * 4
    with pytest.raises(TaskError, match="new and old were not asked the same questions"):
        beside(told("new", column), told("old", column, names="other"))
