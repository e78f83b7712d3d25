"""What is asked in an evaluation, and what came of it. Frozen values; everything in them can be written as JSON."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.domains import judge_trace
from core.evaluation.shares import Difference, Mean, Share, difference, mean, share
from core.geometry import Box
from core.rollout.samples import pass_at_k, told_ks
from core.rollout.values import Rollout, Task
from core.trace import BROKEN_OFF


@dataclass(frozen=True, slots=True)
class Question:
    """A task, and what is known about it beside its truth. Boxes are in pixels of the upright original.

    kind    of question: accuracy is told by it too
    chance  how often somebody is right who guesses as well as can be done without looking; None where nobody knows
    common  whether the answer that is most frequent in training is right; None where there is no such answer, as for points
    boxes   of all things that a step can speak of
    marks   what a look has to show whole, to be of use: one box for each thing that has to be looked at
    """

    task: Task
    kind: str
    chance: float | None
    common: bool | None
    boxes: tuple[Box, ...]
    marks: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one question under one condition.

    pointed, hit      steps with a point, and those of them whose point is in the box of some thing
    looks, looks_hit  looks that were carried out, and those of them that show the mark of a thing that is asked about, whole
    broken            the conversation broke off, which says nothing of the policy; it counts as not right
    seconds           from its first request to its end, others under way beside it
    took              since the conversation that ended before it: these add up to the time of all
    """

    right: bool
    answered: bool
    faults: int
    turns: int
    pointed: int
    hit: int
    looks: int
    looks_hit: int
    broken: bool
    stop: str
    seconds: float
    took: float = 0.0


def outcome_of(rollout: Rollout, question: Question, took: float) -> Outcome:
    """What a conversation comes to. `took`: seconds since the one that ended before it."""
    trace = rollout.trace
    points = [step.point for step in trace.steps if step.point is not None]
    windows = [look.window for look in trace.looks]
    return Outcome(
        right=judge_trace(trace).correct is True,
        answered=bool(trace.answer),
        faults=len(trace.faults),
        turns=len(trace.turns),
        pointed=len(points),
        hit=sum(any(box.contains(point) for box in question.boxes) for point in points),
        looks=len(windows),
        looks_hit=sum(any(holds(window, mark) for mark in question.marks) for window in windows),
        broken=trace.stop in BROKEN_OFF,
        stop=trace.stop.value,
        seconds=rollout.seconds,
        took=took,
    )


def holds(window: Box, box: Box) -> bool:
    """Whether a window shows the whole box."""
    return window.x1 <= box.x1 and window.y1 <= box.y1 and window.x2 >= box.x2 and window.y2 >= box.y2


@dataclass(frozen=True, slots=True)
class Result:
    """What came of all questions under one condition, in their order.

    draws  for each question what came of each of the times that it was asked. All figures but pass@k and the time are of the first ones,
           so that questions count alike and one answer does not hang on another
    """

    condition: str
    words: str
    kinds: tuple[str, ...]
    draws: tuple[tuple[Outcome, ...], ...]

    @property
    def n(self) -> int:
        return len(self.draws)

    @property
    def samples(self) -> int:
        """How often each question was asked."""
        return len(self.draws[0])

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """The first of each question."""
        return tuple(draws[0] for draws in self.draws)

    @property
    def seconds(self) -> float:
        """How long it took, all conversations together."""
        return sum(one.took for draws in self.draws for one in draws)

    @property
    def right(self) -> tuple[bool, ...]:
        """Question by question."""
        return tuple(one.right for one in self.outcomes)

    @property
    def accuracy(self) -> Share:
        """Right answers of all; what gave no answer or broke off is not right."""
        return share(sum(self.right), self.n)

    @property
    def by_kind(self) -> Mapping[str, Share]:
        """Right answers of the questions of each kind."""
        return {kind: self._of_kind(kind) for kind in sorted(set(self.kinds))}

    def _of_kind(self, kind: str) -> Share:
        right = [one.right for one, of in zip(self.outcomes, self.kinds, strict=True) if of == kind]
        return share(sum(right), len(right))

    @property
    def looks(self) -> float:
        """Looks a conversation, in the mean."""
        return statistics.fmean(one.looks for one in self.outcomes)

    @property
    def points_hit(self) -> Share:
        """Points of steps that are in the box of some thing."""
        return share(sum(one.hit for one in self.outcomes), sum(one.pointed for one in self.outcomes))

    @property
    def looks_hit(self) -> Share:
        """Looks that show the mark of a thing that is asked about."""
        return share(sum(one.looks_hit for one in self.outcomes), sum(one.looks for one in self.outcomes))

    @property
    def unanswered(self) -> Share:
        """Conversations without an answer."""
        return share(sum(not one.answered for one in self.outcomes), self.n)

    @property
    def faulty(self) -> Share:
        """Conversations with at least one fault."""
        return share(sum(one.faults > 0 for one in self.outcomes), self.n)

    @property
    def broken(self) -> int:
        """Conversations that broke off."""
        return sum(one.broken for one in self.outcomes)

    @property
    def points_each(self) -> tuple[tuple[int, int], ...]:
        """Of each question: points in some thing's box, and all points."""
        return tuple((one.hit, one.pointed) for one in self.outcomes)

    @property
    def looks_each(self) -> tuple[tuple[int, int], ...]:
        """Of each question: looks that show what is asked about, and all looks."""
        return tuple((one.looks_hit, one.looks) for one in self.outcomes)

    def passed(self, k: int) -> tuple[float, ...]:
        """pass@k of each question (`core.rollout.samples.pass_at_k`); what broke off counts as not right. Raises PolicyError where k is
        not between 1 and `samples`."""
        return tuple(pass_at_k(len(draws), sum(one.right for one in draws), k) for draws in self.draws)

    def pass_at(self, seed: int = 0) -> Mapping[int, Mean]:
        """pass@k for the ks that are told, over all questions."""
        return {k: mean(self.passed(k), seed) for k in told_ks(self.samples)}

    def against(self, other: Result, seed: int = 0) -> Difference:
        """How much oftener this is right than the other, question by question."""
        return difference(self.right, other.right, seed)

    def to_json(self, seed: int = 0) -> dict[str, Any]:
        """The result as JSON values, with a column for each thing that is known question by question. `seed`: of resampling."""
        shares = {"accuracy": self.accuracy, "points_hit": self.points_hit, "looks_hit": self.looks_hit}
        shares |= {"unanswered": self.unanswered, "faulty": self.faulty}
        found: dict[str, Any] = {"condition": self.condition, "words": self.words, "n": self.n}
        found |= {name: one.to_json() for name, one in shares.items()}
        found["by_kind"] = {kind: one.to_json() for kind, one in self.by_kind.items()}
        found |= {"looks": self.looks, "broken": self.broken, "samples": self.samples}
        found["pass_at_k"] = [{"k": k, **one.to_json()} for k, one in self.pass_at(seed).items()]
        found |= {"seconds": self.seconds, "seconds_a_trace": self.seconds / (self.n * self.samples)}
        found["seconds_from_request_to_end_median"] = statistics.median(one.seconds for one in self.outcomes)
        columns = ("right", "answered", "faults", "turns", "pointed", "hit", "looks", "looks_hit", "stop")
        each: dict[str, Any] = {name: [getattr(one, name) for one in self.outcomes] for name in columns}
        each["right_of_samples"] = [sum(one.right for one in draws) for draws in self.draws]
        return found | {"each": each}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A policy's answers to the same questions under several conditions; the first of them is what the others are set against.

    names    of the questions, in order; `kinds`, `chances` and `commons` as in `Question`
    """

    policy: str
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    chances: tuple[float | None, ...]
    commons: tuple[bool | None, ...]
    results: tuple[Result, ...]
    seed: int = 0

    @property
    def n(self) -> int:
        return len(self.names)

    @property
    def chance(self) -> float | None:
        """How often somebody is right, in the mean, who guesses as well as can be done without looking; None where nobody knows."""
        return _mean_chance(self.chances)

    @property
    def chance_by_kind(self) -> Mapping[str, float | None]:
        """The same for each kind of question."""
        return {kind: _mean_chance(_where(self.chances, self.kinds, kind)) for kind in sorted(set(self.kinds))}

    @property
    def common(self) -> Share:
        """How often the answer is right that is most frequent in training, of the questions that have one."""
        told = [one for one in self.commons if one is not None]
        return share(sum(told), len(told))

    def of(self, condition: str) -> Result:
        """The result under a condition. Raises KeyError where it was not asked under that."""
        for result in self.results:
            if result.condition == condition:
                return result
        raise KeyError(condition)

    def to_json(self) -> dict[str, Any]:
        """The evaluation as JSON values."""
        first = self.results[0]
        results = [result.to_json(self.seed) for result in self.results]
        for told, result in zip(results[1:], self.results[1:], strict=True):
            told["against"] = {"condition": first.condition, **result.against(first, self.seed).to_json()}
        by_kind = {kind: {"n": self.kinds.count(kind), "chance": chance} for kind, chance in self.chance_by_kind.items()}
        guessing = {"chance": self.chance, "by_kind": by_kind, "most_frequent_answer": self.common.to_json()}
        each = {"name": list(self.names), "kind": list(self.kinds), "chance": list(self.chances)}
        return {"policy": self.policy, "n": self.n, "seed": self.seed, "guessing": guessing, "conditions": results, "questions": each}


def _mean_chance(chances: Sequence[float | None]) -> float | None:
    known = [chance for chance in chances if chance is not None]
    return statistics.fmean(known) if len(known) == len(chances) else None


def _where(values: Sequence[float | None], kinds: Sequence[str], kind: str) -> list[float | None]:
    return [value for value, of in zip(values, kinds, strict=True) if of == kind]
