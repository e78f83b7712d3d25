"""Figures of rollouts that were learnt from: sums that grow over steps and processes, and their means for a line of metrics."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from core.domains import judge_trace
from core.trace import FaultKind, StopReason, Trace
from training.rollouts import Rewarded


@dataclass(slots=True)
class Sums:
    """Sums with how many went into each; those of several processes are added."""

    values: dict[str, tuple[float, int]] = field(default_factory=dict)

    def add(self, name: str, value: float, count: int = 1) -> None:
        """Add a value that stands for `count` of them."""
        total, known = self.values.get(name, (0.0, 0))
        self.values[name] = (total + value, known + count)

    def join(self, others: Mapping[str, tuple[float, int]]) -> None:
        """Add another's."""
        for name, (value, count) in others.items():
            self.add(name, value, count)

    def means(self) -> dict[str, float]:
        """The mean of each; of what nothing went into, and of faults and ends that did not occur, none."""
        rare = ("faults/", "stops/")
        return {
            name: round(total / count, 6) for name, (total, count) in self.values.items() if count and (total or not name.startswith(rare))
        }


def hit(trace: Trace) -> bool | None:
    """Whether a look or the answer lies in the truth's box; None where the truth is no box."""
    box = trace.sample.truth.box
    if box is None:
        return None
    looked = [step.point for step in trace.steps if step.look is not None and step.point is not None]
    answered = [trace.answer_point] if trace.answer_point is not None else []
    return any(box.contains(point) for point in (*looked, *answered))


def is_dead(rewards: Sequence[float | None]) -> bool:
    """Whether a group gives no gradient: all of its rewards that count are equal, or there are fewer than two."""
    known = [reward for reward in rewards if reward is not None]
    return len(known) < 2 or max(known) - min(known) < 1e-9


def figures_of(rollouts: Sequence[Rewarded], group: int, sums: Sums) -> None:
    """Add the figures of a round of rollouts, those of a question behind each other."""
    for one in rollouts:
        trace = one.led.trace
        sums.add("length", sum(one.led.written))
        sums.add("looks", len(trace.looks))
        sums.add("masked", float(one.paid is None))
        if (right := judge_trace(trace).correct) is not None:
            sums.add("accuracy", float(right))
        if (met := hit(trace)) is not None:
            sums.add("hit_rate", float(met))
        if one.paid is not None:
            sums.add("reward", one.paid)
            for component in one.scored.components:
                sums.add(f"reward/{component.name}", component.value)
    # Of every kind and reason, so that their means are over all rollouts.
    faults = Counter(fault.kind for one in rollouts for fault in one.led.trace.faults)
    stops = Counter(one.led.trace.stop for one in rollouts)
    for kind in FaultKind:
        sums.add(f"faults/{kind}", faults[kind], len(rollouts))
    for stop in StopReason:
        sums.add(f"stops/{stop}", stops[stop], len(rollouts))
    for start in range(0, len(rollouts), group):
        paid = [one.paid for one in rollouts[start : start + group]]
        known = [reward for reward in paid if reward is not None]
        sums.add("dead_groups", float(is_dead(paid)))
        if len(known) > 1:
            sums.add("reward_spread", statistics.stdev(known))
