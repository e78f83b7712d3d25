"""The figures of a ladder: a row for each rung, a line for each claim, a place for each size and number of items."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, overload

from app.ladder.claims import CLAIMS, Claim, Measure, Verdict, verdict
from app.ladder.reading import Asked, Known
from app.ladder.rungs import CURVES, RUNGS, Rung
from core.errors import TaskError
from core.evaluation.seeds import (
    OverSeeds,
    mean_difference_over_seeds,
    mean_over_seeds,
    rate_difference_over_seeds,
    rate_over_seeds,
)
from core.rollout.samples import told_ks

_RUNG = {rung.name: rung for rung in RUNGS}


@dataclass(frozen=True, slots=True)
class Row:
    """A rung's figures; `against` has those less the figures of `rung.than`, where both were asked.

    right, looks     a conversation, in the mean
    points, looks_hit   of all points those in some item, of all looks those that show what is asked about; None where there is none
    passed           pass@k by k
    masked, dead     shares of its training: rollouts that were masked, groups without gradient; None where it did not learn by rewards
    """

    rung: Rung
    seeds: int
    n: int
    right: OverSeeds
    points: OverSeeds | None
    looks: OverSeeds
    looks_hit: OverSeeds | None
    passed: Mapping[int, OverSeeds]
    masked: float | None
    dead: float | None
    against: Mapping[str, OverSeeds]

    def to_json(self) -> dict[str, Any]:
        """The row as JSON values."""
        rung = self.rung
        told: dict[str, Any] = {"rung": rung.name, "title": rung.title, "than": rung.than, "differs": rung.differs}
        told |= {"seeds": self.seeds, "n": self.n, "masked": self.masked, "groups_without_gradient": self.dead}
        for name in ("right", "points", "looks", "looks_hit"):
            value: OverSeeds | None = getattr(self, name)
            told[name] = None if value is None else value.to_json()
        told["pass_at_k"] = [{"k": k, **one.to_json()} for k, one in self.passed.items()]
        return told | {"against": {name: one.to_json() for name, one in self.against.items()}}


@dataclass(frozen=True, slots=True)
class Tested:
    """A claim with what came of it: `more` less `less`; None where one of them was not asked."""

    claim: Claim
    apart: OverSeeds | None

    @property
    def verdict(self) -> Verdict:
        return verdict(self.apart)

    def to_json(self) -> dict[str, Any]:
        """The claim as JSON values."""
        claim = self.claim
        told = {"claim": claim.words, "figure": claim.figure, "source": claim.source, "paper": claim.paper}
        told |= {"more": claim.more, "less": claim.less, "measure": claim.measure.value, "verdict": self.verdict.value}
        return told | {"difference": None if self.apart is None else self.apart.to_json()}


@dataclass(frozen=True, slots=True)
class Place:
    """Right answers of a rung in a world of other items: how many, or how large in px; and how often guessing is right."""

    rung: Rung
    at: int
    right: OverSeeds
    chance: float | None

    def to_json(self) -> dict[str, Any]:
        """The place as JSON values."""
        return {"rung": self.rung.name, "at": self.at, "right": self.right.to_json(), "chance": self.chance}


@dataclass(frozen=True, slots=True)
class Report:
    """All of it. `chances`: how often guessing is right, by the world's name."""

    plan: Mapping[str, Any]
    rows: tuple[Row, ...]
    claims: tuple[Tested, ...]
    curves: Mapping[str, tuple[Place, ...]]
    chances: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values."""
        curves = {what: [place.to_json() for place in places] for what, places in self.curves.items()}
        rows, claims = [row.to_json() for row in self.rows], [claim.to_json() for claim in self.claims]
        head = {"format": "saccade.ladder-report", "version": 1, "ladder": dict(self.plan), "guessing": dict(self.chances)}
        return head | {"rungs": rows, "claims": claims, "curves": curves}


def report_of(known: Known, rungs: Sequence[Rung] = RUNGS) -> Report:
    """The figures of these rungs as far as they are known, and of all claims. Raises TaskError where two that are to be paired were not
    asked the same questions."""
    rows = tuple(_row(known, rung) for rung in rungs if known.of(rung))
    claims = tuple(Tested(claim, _tested(known, claim)) for claim in CLAIMS)
    curves = {what: tuple(_places(known, rungs, what)) for what in ("items", "size")}
    chances = {one.world: one.chance for asked in known.asked.values() for one in asked if one.chance is not None}
    return Report(known.plan, rows, claims, curves, chances)


def _row(known: Known, rung: Rung) -> Row:
    asked, several = known.of(rung), known.several_of(rung)
    shares = known.shares.get(rung.training, ())
    return Row(
        rung,
        len(asked),
        len(asked[0].names),
        _share(_alike(asked, rung), _right),
        _bounded(rate_over_seeds([one.points for one in asked])),
        mean_over_seeds([one.looks for one in asked]),
        _bounded(rate_over_seeds([one.looks_hit for one in asked])),
        {k: _bounded(mean_over_seeds([one.passed(k) for one in several])) for k in told_ks(several[0].several[0][0])} if several else {},
        _mean([one["masked"] for one in shares if "masked" in one]),
        _mean([one["dead_groups"] for one in shares if "dead_groups" in one]),
        _against(known, rung),
    )


def _against(known: Known, rung: Rung) -> dict[str, OverSeeds]:
    """The rung less the one that it is set against: right answers, looks, points in items."""
    other = _RUNG.get(rung.than)
    pair = _pair(known, rung, other) if other is not None else None
    if pair is None:
        return {}
    mine, theirs = pair
    found = {"right": _apart(mine, theirs, _right), "looks": _apart(mine, theirs, _looks)}
    points = rate_difference_over_seeds([one.points for one in mine], [one.points for one in theirs])
    return found | ({} if points is None else {"points": points})


def _tested(known: Known, claim: Claim) -> OverSeeds | None:
    pair = _pair(known, _RUNG[claim.more], _RUNG[claim.less])
    return None if pair is None else _apart(*pair, _right if claim.measure is Measure.RIGHT else _looks)


def _pair(known: Known, one: Rung, other: Rung) -> tuple[list[Asked], list[Asked]] | None:
    """What both answered, of the seeds that both have; one of a single training stands beside every seed of the other. None where there is
    nothing to be paired."""
    mine, theirs = ({asked.seed: asked for asked in known.of(rung)} for rung in (one, other))
    if not mine or not theirs:
        return None
    seeds = [seed for seed in mine if seed in theirs]
    first, second = ([side[seed] for seed in seeds] for side in (mine, theirs))
    if _RUNG[other.name].training == "start" and one.training != "start":
        first, second = list(mine.values()), list(theirs.values())
    if not first or not second:
        return None
    if len({asked.names for asked in (*first, *second)}) > 1:
        raise TaskError(f"{one.name} and {other.name} were not asked the same questions: run the ladder again with one --n.")
    return first, second


def _places(known: Known, rungs: Sequence[Rung], what: str) -> list[Place]:
    found = []
    for rung in rungs:
        for at, asked in known.curve_of(rung, what).items() if rung.name in CURVES else ():
            found.append(Place(rung, at, _share(_alike(asked, rung), _right), asked[0].chance))
    return found


def _alike(asked: Sequence[Asked], rung: Rung) -> Sequence[Asked]:
    if len({one.names for one in asked}) > 1:
        raise TaskError(f"The seeds of {rung.name} were not asked the same questions: run the ladder again with one --n.")
    return asked


def _right(asked: Asked) -> Sequence[float]:
    return asked.right


def _looks(asked: Asked) -> Sequence[float]:
    return asked.looks


def _share(asked: Sequence[Asked], of: Callable[[Asked], Sequence[float]]) -> OverSeeds:
    """The mean over seeds and questions of what is 0 or 1."""
    return _bounded(mean_over_seeds([of(one) for one in asked]))


@overload
def _bounded(found: OverSeeds) -> OverSeeds: ...


@overload
def _bounded(found: None) -> None: ...


def _bounded(found: OverSeeds | None) -> OverSeeds | None:
    """A share or a rate: its interval does not leave 0 to 1."""
    if found is None or found.interval is None:
        return found
    low, high = found.interval
    return replace(found, interval=(max(0.0, low), min(1.0, high)))


def _apart(one: Sequence[Asked], other: Sequence[Asked], of: Callable[[Asked], Sequence[float]]) -> OverSeeds:
    return mean_difference_over_seeds([of(asked) for asked in one], [of(asked) for asked in other])


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
