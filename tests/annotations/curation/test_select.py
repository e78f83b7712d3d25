"""What people said of a trace as figures, and which traces a rule takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotations.curation.evidence import Judged, gather
from annotations.curation.rules import Rule, parse_rule
from annotations.curation.select import first_failed, refuse_unasked, select
from annotations.studies.settings import HELPFUL, Choice, Measure, Question, StudySettings
from core.errors import RuleError
from core.trace import DomainName
from tests.annotations.curation.making import NOON, SETTINGS, evidence, facts, judged


def passes(rule: str, ratings: list[Judged], **changes: object) -> bool:
    return first_failed(evidence(ratings, **changes), parse_rule(rule)) is None  # type: ignore[arg-type]


def test_accuracy_is_pooled_by_step_before_it_is_pooled_by_trace() -> None:
    ratings = [judged("t", 0, rater) for rater in range(9)] + [judged("t", 1, 1, "no")]
    assert evidence(ratings).accurate == Fraction(1, 2), "nine votes for one step do not outvote the other"
    assert evidence([judged("t", 0, 1), judged("t", 0, 2), judged("t", 0, 3, "no")]).accurate == 1
    assert evidence([judged("t", 0, 1), judged("t", 0, 2, "no")]).accurate == 0, "a tie is not accurate"


def test_unsure_is_neither_for_nor_against() -> None:
    assert evidence([judged("t", 0, 1, "unsure"), judged("t", 0, 2), judged("t", 1, 1, "unsure")]).accurate == 1
    nothing = evidence([judged("t", 0, 1, "unsure")])
    assert (nothing.accurate, nothing.agreement, nothing.raters) == (None, None, (1,))
    assert not passes("accurate>=0", [judged("t", 0, 1, "unsure")]), "what cannot be told is not met"
    assert passes("raters>=1", [judged("t", 0, 1, "unsure")])


def test_helpfulness_is_the_mean_of_the_steps_means() -> None:
    ratings = [judged("t", 0, 1, helpful=5), judged("t", 0, 2, helpful=4), judged("t", 0, 3, helpful=1), judged("t", 1, 1, helpful=2)]
    assert evidence(ratings).helpful == Fraction(8, 3)


def test_figures_are_exact() -> None:
    fifths = [judged("t", step, 1, "yes" if step else "no") for step in range(5)]
    assert passes("accurate>=0.8", fifths, asked=5) and not passes("accurate>=0.800000001", fifths, asked=5)
    thirds = [judged("t", 0, rater, helpful=number) for rater, number in enumerate((1, 1, 2))] + [judged("t", 1, 9, helpful=2)]
    assert evidence(thirds).helpful == Fraction(5, 3)


def test_agreement_is_the_share_of_pairs() -> None:
    assert evidence([judged("t", 0, 1), judged("t", 0, 2), judged("t", 0, 3, "no"), judged("t", 1, 1)]).agreement == Fraction(1, 3)
    assert evidence([judged("t", 0, 1, "no"), judged("t", 0, 2, "no"), judged("t", 1, 1), judged("t", 1, 2, "no")]).agreement == Fraction(
        1, 2
    )
    assert evidence([judged("t", 0, 1)]).agreement is None


def test_steps_rated_counts_those_with_enough_people() -> None:
    ratings = [judged("t", 0, 1), judged("t", 0, 2), judged("t", 1, 1)]
    assert passes("steps_rated>=0.5", ratings, asked=4) and not passes("steps_rated>=0.6", ratings, asked=4)
    assert passes("raters>=2, steps_rated>=0.25", ratings, asked=4) and not passes("raters>=2, steps_rated>=0.5", ratings, asked=4)


@pytest.mark.parametrize(
    ("rule", "changes", "met"),
    [
        ("right", {"correct": True}, True),
        ("right", {"correct": None}, False),
        ("wrong", {"correct": False}, True),
        ("wrong", {"correct": None}, False),
        ("faults<=1", {"faults": 1}, True),
        ("faults<=0", {"faults": 1}, False),
        ("looks>=2", {"looks": 2}, True),
        ("looks>=2", {"looks": 1}, False),
        ("domain=spatial|web_action", {"domain": DomainName.SPATIAL}, True),
        ("domain=web_action", {"domain": DomainName.SPATIAL}, False),
        ("dataset=b", {"datasets": ("a", "b")}, True),
        ("dataset=c|d", {"datasets": ("a", "b")}, False),
        ("policy=hand", {"policy": "hand"}, True),
        ("policy=Hand", {"policy": "hand"}, False),
        ("raters>=2", {}, False),
        ("any", {"correct": None, "faults": 9}, True),
    ],
)
def test_each_condition(rule: str, changes: Mapping[str, object], met: bool) -> None:
    assert passes(rule, [judged("t", 0, 1)], **changes) is met


def test_each_trace_that_fails_is_counted_once_at_the_first_condition() -> None:
    def one(trace: str, accurate: str, **changes: object):  # type: ignore[no-untyped-def]
        return evidence([judged(trace, 0, 1, accurate)], **changes)  # type: ignore[arg-type]

    every = [one("a", "yes"), one("b", "no", correct=False), one("c", "yes", correct=False), one("d", "yes", faults=2)]
    selection = select(every, parse_rule("faults<=1, right, accurate>=0.5, looks>=0"))
    assert selection.failed == {"accurate>=0.5": 1, "right": 1, "faults<=1": 1, "looks>=0": 0}
    assert list(selection.failed) == ["accurate>=0.5", "right", "faults<=1", "looks>=0"]
    assert (selection.rated, [passed.facts.id for passed in selection.passed]) == (4, ["a"])


def test_only_asked_steps_of_known_traces_are_evidence() -> None:
    ratings = [judged("b", 0, 1), judged("a", 0, 2), judged("a", 5, 3, "no"), judged("gone", 0, 1), judged("unasked", 0, 1)]
    asked = {"a": frozenset({0, 1}), "b": frozenset({0}), "gone": frozenset({0})}
    found = gather(ratings, SETTINGS, asked, {name: facts(name) for name in ("a", "b", "unasked")})
    assert [(one.facts.id, one.asked, one.ratings, one.raters) for one in found] == [("a", 2, 1, (2,)), ("b", 1, 1, (1,))]


def test_evidence_names_versions_and_the_newest_rating() -> None:
    found = evidence([judged("t", 0, 1, version=2, minutes=5), judged("t", 1, 2, version=1), judged("t", 1, 3, version=2)])
    assert (found.guidelines, found.newest) == ((1, 2), NOON + timedelta(minutes=5))


ratings_of_one = st.lists(
    st.builds(
        lambda step, rater, accurate, helpful: judged("t", step, rater, accurate, helpful),
        st.integers(0, 3),
        st.integers(0, 4),
        st.sampled_from(["yes", "no", "unsure"]),
        st.integers(1, 5),
    ),
    min_size=1,
    unique_by=lambda one: (one.step, one.rater),
)


@given(ratings_of_one, st.randoms())
def test_the_order_of_ratings_changes_nothing(ratings: list[Judged], random: object) -> None:
    shuffled = list(ratings)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert evidence(shuffled, asked=4) == evidence(ratings, asked=4)


@given(ratings_of_one, st.floats(0, 1), st.floats(0, 1))
def test_a_stricter_rule_takes_no_more(ratings: list[Judged], one: float, two: float) -> None:
    low, high = sorted((one, two))
    found = evidence(ratings, asked=4)
    for name in ("accurate", "agreement", "steps_rated"):
        if first_failed(found, Rule(**{name: high})) is None:
            assert first_failed(found, Rule(**{name: low})) is None


def test_a_rule_that_no_trace_of_the_study_could_meet_is_refused() -> None:
    other = Question("clear", "Clear?", Measure.OTHER, (Choice("a", "A", "a", 0.0), Choice("b", "B", "b", 1.0)))
    study = StudySettings(questions=(other,))
    with pytest.raises(RuleError, match=r"counted as accuracy, so no trace can meet accurate>=0\.8: leave it out"):
        refuse_unasked(parse_rule("accurate>=0.8, right"), study)
    with pytest.raises(RuleError, match="counted as helpfulness, so no trace can meet helpful>=2"):
        refuse_unasked(parse_rule("helpful>=2"), study)
    with pytest.raises(RuleError, match=r"Helpfulness goes up to 5 in this study, so no trace can meet helpful>=5\.5"):
        refuse_unasked(parse_rule("helpful>=5.5"), StudySettings())
    refuse_unasked(parse_rule("right, raters>=2"), study)
    seven = replace(HELPFUL, choices=(*HELPFUL.choices, Choice("7", "7", "7", 7.0)))
    refuse_unasked(parse_rule("helpful>=6"), StudySettings(questions=(seven,)))
