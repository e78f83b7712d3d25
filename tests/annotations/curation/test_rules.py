"""The rule over ratings: one text for one rule, and a sentence for every text that is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotations.curation.rules import CONDITIONS, Rule, parse_rule
from core.errors import RuleError
from core.trace import DomainName

shares = st.none() | st.floats(0, 1)
counts = st.none() | st.integers(0, 999_999_999)
names = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12), max_size=3).map(tuple)
rules = st.builds(
    Rule,
    accurate=shares,
    helpful=st.none() | st.floats(0, 1e6),
    answer=st.sampled_from([None, "right", "wrong"]),
    agreement=shares,
    raters=counts,
    steps_rated=shares,
    faults=counts,
    looks=counts,
    domain=st.lists(st.sampled_from(DomainName).map(str), max_size=3).map(tuple),
    dataset=names,
    policy=names,
)


@given(rules)
def test_a_rule_is_read_back_from_its_text(rule: Rule) -> None:
    text = str(rule)
    assert parse_rule(text) == rule
    assert str(parse_rule(text)) == text


@given(st.text(st.sampled_from('acurteheplfl>=<0.8, "|\\x\n'), max_size=40))
def test_any_text_is_a_rule_or_a_sentence(text: str) -> None:
    try:
        rule = parse_rule(text)
    except RuleError as error:
        assert str(error).endswith(".") and len(str(error)) < 400
    else:
        assert parse_rule(str(rule)) == rule


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("accurate>=0.8, helpful>=3.5, right, raters>=2, faults<=0", "accurate>=0.8, helpful>=3.5, right, raters>=2, faults<=0"),
        ("  faults <= 00 ,raters>=2\n,accurate >= 1.0", "accurate>=1, raters>=2, faults<=0"),
        ("answer=wrong", "wrong"),
        ("answer=any", "any"),
        ("answer=any, looks>=1", "looks>=1"),
        (" any ", "any"),
        ('policy=b|a | "b"', "policy=a|b"),
        ('dataset="a, b"|"say \\"x\\""|V*', 'dataset=V*|"a, b"|"say \\"x\\""'),
        ("domain=web_grounding|spatial", "domain=spatial|web_grounding"),
    ],
)
def test_one_spelling_for_a_rule(text: str, canonical: str) -> None:
    assert str(parse_rule(text)) == canonical


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "The rule is empty: write a condition such as accurate>=0.8, or any for every rated trace."),
        ("acurate>=0.8", "A rule knows no 'acurate' (did you mean accurate?): the conditions are accurate, helpful, agreement, raters, "),
        ("Right", "A rule knows no 'Right' (did you mean right?)"),
        ("accurate>0.8", "accurate is followed by >=, not by '>': write for example accurate>=0.8."),
        ("accurate≥0.8", "accurate is followed by >=, not by '≥'"),
        ("faults>=1", "faults is followed by <=, not by '>='"),
        ("accurate", "accurate needs a value: write for example accurate>=0.8."),
        ("accurate>=", "'' behind accurate is no number: write for example accurate>=0.8."),
        ("accurate>=80%", "'80%' behind accurate is no number (a share is written from 0 to 1, without a per cent sign)"),
        ("accurate>=80", "accurate is a share from 0 to 1, not 80."),
        ("helpful>=1e3", "'1e3' behind helpful is no number"),
        ("helpful>=٣", "behind helpful is no number"),
        ("raters>=1.5", "raters is a whole number, not 1.5"),
        ("raters>=-1", "'-1' behind raters is no number"),
        ("right, wrong", "answer stands twice in the rule: write it once."),
        ("raters>=2, raters>=3", "raters stands twice in the rule"),
        ("any, right", "any takes every rated trace and stands alone"),
        ("answer=perhaps", "The answer is right, wrong or any, not 'perhaps'."),
        ("answer", "answer needs a value: write right, wrong or answer=any."),
        ("domain=web", "There is no domain 'web'"),
        ("domain=web_groundin", "There is no domain 'web_groundin' (did you mean web_grounding?)"),
        ("policy=", "policy= is followed by a name, in double quotes where it holds blanks or signs."),
        ("policy=a|", "policy= is followed by a name"),
        ('policy=""', "A name in a rule is not empty"),
        ('policy="\\q"', "cannot be read"),
        ("policy=two words", "A comma sets conditions apart, and 'words' follows one without it."),
        ("right raters>=2", "A comma sets conditions apart, and 'raters>=2' follows one without it."),
        ("right,", "The rule ends with a comma"),
        (", right", "A condition is missing before ', right'."),
        ("right,,wrong", "A condition is missing before ',wrong'."),
        ("x" * 10_001, "A rule has at most 10,000 characters, and this text has 10,001."),
    ],
)
def test_a_text_that_is_no_rule_is_told_why(text: str, said: str) -> None:
    with pytest.raises(RuleError) as caught:
        parse_rule(text)
    assert said in str(caught.value)


def test_a_rule_says_its_conditions_in_order() -> None:
    rule = parse_rule("policy=b, looks>=1, right, accurate>=0.5")
    assert rule.conditions == ("accurate", "answer", "looks", "policy")
    assert [rule.written(name) for name in rule.conditions] == ["accurate>=0.5", "right", "looks>=1", "policy=b"]
    assert set(CONDITIONS) == set(Rule.__dataclass_fields__), "every condition has its place in the rule"
    with pytest.raises(RuleError, match="accurate is a share from 0 to 1, not nan"):
        Rule(accurate=float("nan"))
