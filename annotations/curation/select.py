"""Which of the rated traces a rule takes, and which condition turns down each of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType

from annotations.curation.evidence import TraceEvidence
from annotations.curation.rules import Rule
from annotations.studies.settings import Measure, StudySettings
from core.errors import RuleError


@dataclass(frozen=True, slots=True)
class Selection:
    """The traces that pass, in the order in which they came, and the rule's conditions -> how many traces each was the first to
    turn down."""

    rated: int
    passed: tuple[TraceEvidence, ...]
    failed: dict[str, int] = field(hash=False)


def select(evidence: Iterable[TraceEvidence], rule: Rule) -> Selection:
    """Sorts rated traces by the rule. A condition stands in `failed` as it is written in the rule, also where it turns nothing down."""
    passed: list[TraceEvidence] = []
    failed = {rule.written(name): 0 for name in rule.conditions}
    rated = 0
    for one in evidence:
        rated += 1
        first = first_failed(one, rule)
        if first is None:
            passed.append(one)
        else:
            failed[rule.written(first)] += 1
    return Selection(rated, tuple(passed), failed)


def first_failed(evidence: TraceEvidence, rule: Rule) -> str | None:
    """The name of the first condition that the trace does not meet; None where it meets all."""
    return next((name for name in rule.conditions if not _CHECKS[name](evidence, rule)), None)


def refuse_unasked(rule: Rule, settings: StudySettings) -> None:
    """Raises RuleError where the rule asks for what the study does not: it would turn every trace down and not say why."""
    for name, measure in (("accurate", Measure.ACCURACY), ("agreement", Measure.ACCURACY), ("helpful", Measure.HELPFULNESS)):
        if name in rule.conditions and settings.question(measure) is None:
            raise RuleError(f"No question of this study is counted as {measure}, so no trace can meet {rule.written(name)}: leave it out.")
    question = settings.question(Measure.HELPFULNESS)
    if rule.helpful is not None and question:
        most = max(choice.score for choice in question.choices if choice.score is not None)
        if rule.helpful > most:
            raise RuleError(f"Helpfulness goes up to {most:g} in this study, so no trace can meet {rule.written('helpful')}: lower it.")


def opening_rule(settings: StudySettings) -> Rule:
    """A rule to begin with: right answers without faults, most steps accurate, helpfulness in the upper part of the study's scale."""
    helpful = settings.question(Measure.HELPFULNESS)
    scores = [choice.score for choice in helpful.choices if choice.score is not None] if helpful else []
    # Five eighths of the way: 3.5 on the paper's scale from 1 to 5.
    wanted = min(scores) + 0.625 * (max(scores) - min(scores)) if scores else None
    return Rule(
        accurate=0.8 if settings.question(Measure.ACCURACY) else None,
        helpful=wanted if wanted is None or wanted >= 0 else None,
        answer="right",
        raters=min(2, settings.ratings_per_item),
        faults=0,
    )


def _exact(threshold: float) -> Fraction:
    """The number as it is written: 0.8 is four of five, and not the binary number beside it."""
    return Fraction(repr(threshold))


def _at_least(value: Fraction | None, threshold: float | None) -> bool:
    return threshold is None or (value is not None and value >= _exact(threshold))


# Each is asked only where the rule holds the condition.
_CHECKS: Mapping[str, Callable[[TraceEvidence, Rule], bool]] = MappingProxyType(
    {
        "accurate": lambda one, rule: _at_least(one.accurate, rule.accurate),
        "helpful": lambda one, rule: _at_least(one.helpful, rule.helpful),
        "answer": lambda one, rule: one.facts.correct is (rule.answer == "right"),
        "agreement": lambda one, rule: _at_least(one.agreement, rule.agreement),
        "raters": lambda one, rule: len(one.raters) >= (rule.raters or 0),
        "steps_rated": lambda one, rule: _at_least(one.steps_rated(rule.raters or 1), rule.steps_rated),
        "faults": lambda one, rule: rule.faults is None or one.facts.faults <= rule.faults,
        "looks": lambda one, rule: one.facts.looks >= (rule.looks or 0),
        "domain": lambda one, rule: one.facts.domain.value in rule.domain,
        "dataset": lambda one, rule: not set(rule.dataset).isdisjoint(one.facts.datasets),
        "policy": lambda one, rule: one.facts.policy in rule.policy,
    }
)
