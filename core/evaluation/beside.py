"""Two policies on the same questions, paired: what the one has over the other, question by question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import TaskError
from core.evaluation.shares import Difference, Mean, difference, mean_difference, rate_difference
from core.evaluation.values import Evaluation, Result
from core.rollout.samples import told_ks


@dataclass(frozen=True, slots=True)
class Compared:
    """What the one policy has over the other under one condition: its figures less the other's, each with its interval.

    right       right answers, with McNemar's exact test; `by_kind`: the same for the questions of each kind
    looks       looks a conversation
    points_hit  of all points in the reasoning, those in some thing's box; None where one of the two names none
    looks_hit   of all looks, those that show what is asked about; None where one of the two never looks
    pass_at     pass@k by k, for the ks that both tell
    """

    condition: str
    right: Difference
    by_kind: Mapping[str, Difference]
    looks: Mean
    points_hit: Mean | None
    looks_hit: Mean | None
    pass_at: Mapping[int, Mean]

    def to_json(self) -> dict[str, Any]:
        """The comparison as JSON values."""
        found: dict[str, Any] = {"condition": self.condition, "right": self.right.to_json()}
        found["by_kind"] = {kind: one.to_json() for kind, one in self.by_kind.items()}
        for name in ("looks", "points_hit", "looks_hit"):
            value: Mean | None = getattr(self, name)
            found[name] = None if value is None else value.to_json()
        return found | {"pass_at_k": [{"k": k, **one.to_json()} for k, one in self.pass_at.items()]}


def beside(one: Evaluation, other: Evaluation) -> tuple[Compared, ...]:
    """What the one policy has over the other, under every condition that both were asked under.

    Raises TaskError where they were not asked the same questions in the same order: nothing could be paired.
    """
    if one.names != other.names:
        raise TaskError(f"{one.policy} and {other.policy} were not asked the same questions, so nothing can be paired.")
    known = {result.condition: result for result in other.results}
    return tuple(_compared(result, known[result.condition], one.seed) for result in one.results if result.condition in known)


def _compared(one: Result, other: Result, seed: int) -> Compared:
    return Compared(
        one.condition,
        one.against(other, seed),
        {kind: _of_kind(one, other, kind, seed) for kind in sorted(set(one.kinds))},
        mean_difference([it.looks for it in one.outcomes], [it.looks for it in other.outcomes], seed),
        rate_difference(one.points_each, other.points_each, seed),
        rate_difference(one.looks_each, other.looks_each, seed),
        {k: mean_difference(one.passed(k), other.passed(k), seed) for k in told_ks(min(one.samples, other.samples))},
    )


def _of_kind(one: Result, other: Result, kind: str, seed: int) -> Difference:
    places = [place for place, of in enumerate(one.kinds) if of == kind]
    return difference([one.right[place] for place in places], [other.right[place] for place in places], seed)
