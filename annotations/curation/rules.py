"""Which rated traces are preferred: a rule, and the one line of text that it is written as.

    accurate>=0.8, helpful>=3.5, right, raters>=2, faults<=0, policy=vigorl|"a name, with signs"

Conditions are set apart by commas; a trace must meet all of them, and is turned down by the first that it does not meet, in the order
of `CONDITIONS`. Each may stand once; `any` alone takes every rated trace. A trace of which a condition cannot be told (no step has
a scored answer, no truth is known) does not meet it.

    accurate>=A     share of the asked steps with a scored answer that people find accurate, 0 to 1
    helpful>=H      mean helpfulness of the steps, on the study's scale
    right, wrong    the answer, by the truth of the sample
    agreement>=A    share of pairs of people who gave the same scored answer about accuracy, mean over the steps with two or more
    raters>=N       different people whose ratings of the trace count
    steps_rated>=S  share of the asked steps that at least `raters` people rated (one, where the rule asks for no number)
    faults<=N       faults of the trace
    looks>=N        looks of the trace
    domain=, dataset=, policy=    one of the names set apart by |
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from core.errors import RuleError
from core.trace import DomainName

MAX_LENGTH = 10_000
DECIMALS = 9
EVERY = "any"
_PLAIN = re.compile(r"[^\s\",|=<>]+")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*+"')
_NUMBER = re.compile(rf"[0-9]{{1,9}}(?:\.[0-9]{{1,{DECIMALS}}})?")
_WORD = re.compile(r"\s*+([^\s,|=<>≤≥\"]*+)\s*+")
_SIGN = re.compile(r"([<>=≤≥!]+)\s*+")


class Kind(StrEnum):
    """What stands behind the sign of a condition."""

    SHARE = "share"
    MEAN = "mean"
    COUNT = "count"
    ANSWER = "answer"
    NAMES = "names"


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that a rule may hold: its word, the sign behind it, what follows, and what it asks for in words."""

    name: str
    sign: str
    kind: Kind
    words: str


CONDITIONS: Mapping[str, Condition] = MappingProxyType(
    {
        condition.name: condition
        for condition in (
            Condition("accurate", ">=", Kind.SHARE, "share of steps that people find accurate"),
            Condition("helpful", ">=", Kind.MEAN, "mean helpfulness of the steps"),
            Condition("answer", "=", Kind.ANSWER, "the answer"),
            Condition("agreement", ">=", Kind.SHARE, "how often two people agree about accuracy"),
            Condition("raters", ">=", Kind.COUNT, "people who rated the trace"),
            Condition("steps_rated", ">=", Kind.SHARE, "share of the asked steps that were rated by enough people"),
            Condition("faults", "<=", Kind.COUNT, "faults of the trace"),
            Condition("looks", ">=", Kind.COUNT, "looks of the trace"),
            Condition("domain", "=", Kind.NAMES, "domain"),
            Condition("dataset", "=", Kind.NAMES, "data set"),
            Condition("policy", "=", Kind.NAMES, "model"),
        )
    }
)
_ANSWERS = ("right", "wrong")
_EXAMPLES = {Kind.SHARE: "0.8", Kind.MEAN: "3.5", Kind.COUNT: "2", Kind.ANSWER: "right", Kind.NAMES: "name"}


@dataclass(frozen=True, slots=True)
class Rule:
    """What a trace must meet, see the module; None and () ask for nothing. Raises RuleError for a number that cannot be meant.

    `str(rule)` is the canonical text: `parse_rule` gives an equal rule back, and equal rules have equal texts.
    """

    accurate: float | None = None
    helpful: float | None = None
    answer: str | None = None
    agreement: float | None = None
    raters: int | None = None
    steps_rated: float | None = None
    faults: int | None = None
    looks: int | None = None
    domain: tuple[str, ...] = ()
    dataset: tuple[str, ...] = ()
    policy: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, tuple):
                # One order and no doubles, so that equal rules have equal texts.
                object.__setattr__(self, field.name, tuple(sorted(set(value))))
            elif value is not None:
                object.__setattr__(self, field.name, _checked(CONDITIONS[field.name], value))
        known = [domain.value for domain in DomainName]
        for name in self.domain:
            if name not in known:
                raise RuleError(f"There is no domain {name!r:.60}{_meant(name, known)}: the domains are {', '.join(known)}.")
        if any(not name for name in (*self.dataset, *self.policy)):
            raise RuleError('A name in a rule is not empty: write for example policy="a name".')

    @property
    def conditions(self) -> tuple[str, ...]:
        """The names of the conditions that the rule holds, in the order in which they are asked."""
        return tuple(name for name in CONDITIONS if getattr(self, name) not in (None, ()))

    def written(self, name: str) -> str:
        """A condition as it stands in the text: `accurate>=0.8`."""
        condition, value = CONDITIONS[name], getattr(self, name)
        if condition.kind is Kind.ANSWER:
            return str(value)
        if condition.kind is Kind.NAMES:
            return f"{name}{condition.sign}{'|'.join(_quoted(text) for text in value)}"
        return f"{name}{condition.sign}{_number(value)}"

    def __str__(self) -> str:
        return ", ".join(self.written(name) for name in self.conditions) or EVERY


def parse_rule(text: str) -> Rule:
    """The rule that a text says. Raises RuleError, which names the word that is wrong and what is possible."""
    if len(text) > MAX_LENGTH:
        raise RuleError(f"A rule has at most {MAX_LENGTH:,} characters, and this text has {len(text):,}.")
    if not text.strip():
        raise RuleError(f"The rule is empty: write a condition such as accurate>=0.8, or {EVERY} for every rated trace.")
    found: dict[str, Any] = {}
    at = 0
    while True:
        name, value, at = _condition(text, at)
        if name in found:
            raise RuleError(f"{name} stands twice in the rule: write it once.")
        found[name] = value
        if at == len(text):
            break
        if text[at] != ",":
            raise RuleError(f"A comma sets conditions apart, and {text[at:]!r:.40} follows one without it.")
        at += 1
    if EVERY in found and len(found) > 1:
        raise RuleError(f"{EVERY} takes every rated trace and stands alone: leave it out, or leave the conditions out.")
    found.pop(EVERY, None)
    return Rule(**found)


def _condition(text: str, at: int) -> tuple[str, Any, int]:
    """Name and value of the condition that begins here, and where it ends."""
    word = _WORD.match(text, at)
    assert word is not None
    name, at = word[1], word.end()
    if not name:
        raise RuleError(_without_condition(text[at:].strip()))
    sign = _SIGN.match(text, at)
    if not sign:
        if name in _ANSWERS:
            return "answer", name, at
        if name == EVERY:
            return EVERY, None, at
        raise RuleError(_without_sign(name))
    condition = CONDITIONS.get(name)
    if condition is None:
        raise RuleError(_unknown(name))
    if sign[1] != condition.sign:
        like = f"{name}{condition.sign}{_EXAMPLES[condition.kind]}"
        raise RuleError(f"{name} is followed by {condition.sign}, not by {sign[1]!r:.20}: write for example {like}.")
    if condition.kind is Kind.NAMES:
        names, at = _names(condition, text, sign.end())
        return name, names, at
    value = _WORD.match(text, sign.end())
    assert value is not None
    if condition.kind is Kind.ANSWER:
        return name, None if value[1] == EVERY else value[1], value.end()
    return name, _read_number(condition, value[1]), value.end()


def _names(condition: Condition, text: str, at: int) -> tuple[tuple[str, ...], int]:
    names: list[str] = []
    while True:
        found = _QUOTED.match(text, at) or _PLAIN.match(text, at)
        if not found:
            rest = f", not {text[at:].strip()!r:.40}" if text[at:].strip() else ""
            raise RuleError(f"{condition.name}= is followed by a name, in double quotes where it holds blanks or signs{rest}.")
        names.append(_unquoted(condition, found[0]))
        at = found.end()
        at += len(text[at:]) - len(text[at:].lstrip())
        if not text.startswith("|", at):
            return tuple(names), at
        at += 1
        at += len(text[at:]) - len(text[at:].lstrip())


def _unquoted(condition: Condition, written: str) -> str:
    if not written.startswith('"'):
        return written
    try:
        name = json.loads(written, strict=False)
    except ValueError as error:
        raise RuleError(f'{condition.name}={written:.60} cannot be read: inside quotes, \\" is a quote and \\\\ a backslash.') from error
    return str(name)


def _read_number(condition: Condition, word: str) -> float | int:
    like = f"{condition.name}{condition.sign}{_EXAMPLES[condition.kind]}"
    if not _NUMBER.fullmatch(word):
        hint = " (a share is written from 0 to 1, without a per cent sign)" if word.endswith("%") else ""
        raise RuleError(f"{word!r:.40} behind {condition.name} is no number{hint}: write for example {like}.")
    if condition.kind is Kind.COUNT:
        if "." in word:
            raise RuleError(f"{condition.name} is a whole number, not {word}: write for example {like}.")
        return int(word)
    return float(word)


def _checked(condition: Condition, value: Any) -> Any:
    if condition.kind is Kind.ANSWER:
        if value not in _ANSWERS:
            raise RuleError(f"The answer is {', '.join(_ANSWERS)} or {EVERY}, not {value!r:.40}.")
        return value
    most = {Kind.SHARE: 1.0, Kind.MEAN: 1e6}.get(condition.kind, 1e9 - 1)
    if not (math.isfinite(value) and 0 <= value <= most):
        what = "a share from 0 to 1" if condition.kind is Kind.SHARE else "a number of 0 or more"
        raise RuleError(f"{condition.name} is {what}, not {value:g}.")
    # As many decimals as are read, so that what is written is what is meant; abs makes the negative zero a plain one.
    return int(value) if condition.kind is Kind.COUNT else abs(round(float(value), DECIMALS))


def _without_condition(rest: str) -> str:
    if rest:
        return f"A condition is missing before {rest!r:.40}."
    return "The rule ends with a comma: a condition is missing behind it."


def _without_sign(name: str) -> str:
    if name in CONDITIONS:
        condition = CONDITIONS[name]
        if condition.kind is Kind.ANSWER:
            return "answer needs a value: write right, wrong or answer=any."
        return f"{name} needs a value: write for example {name}{condition.sign}{_EXAMPLES[condition.kind]}."
    return _unknown(name)


def _unknown(name: str) -> str:
    possible = [*(name for name in CONDITIONS if name != "answer"), *_ANSWERS]
    return f"A rule knows no {name!r:.40}{_meant(name, possible)}: the conditions are {', '.join(possible)}, or {EVERY} alone."


def _meant(name: str, possible: list[str]) -> str:
    close = difflib.get_close_matches(name.lower(), possible, n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _quoted(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _number(value: float) -> str:
    """A number without exponent and without a fraction that says nothing: 1 for 1.0."""
    text = format(Decimal(repr(value)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
