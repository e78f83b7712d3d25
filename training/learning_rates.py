"""The learning rate of every step of a run: a stage after the other, each with its own warm-up and fall."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from training.recipe import Schedule


@dataclass(frozen=True, slots=True)
class Course:
    """A stage's learning rate: `rate` at its highest, over `steps` steps; `warmup` and `hold` are shares of them."""

    steps: int
    rate: float
    schedule: Schedule
    warmup: float = 0.0
    hold: float = 0.5

    def at(self, step: int) -> float:
        """The learning rate of a step of the stage, from 0.

        The warm-up is a straight line from nothing over ceil(warmup * steps) steps and the cosine half a wave over the rest, both as
        transformers has them (`get_cosine_schedule_with_warmup`).
        """
        rising = math.ceil(self.steps * self.warmup)
        if step < rising:
            return self.rate * step / rising
        done = (step - rising) / max(1, self.steps - rising)
        return self.rate * _fall(self.schedule, done, self.hold)


class LearningRates:
    """The learning rates of a run."""

    def __init__(self, courses: Sequence[Course]) -> None:
        self._courses = tuple(courses)
        self._starts = [0, *accumulate(course.steps for course in courses)]

    @property
    def highest(self) -> float:
        """The highest that any stage reaches: what the optimizer is given."""
        return max(course.rate for course in self._courses)

    def stage(self, step: int) -> int:
        """The stage that a step, from 0, belongs to; behind the last one, the last."""
        return min(bisect_right(self._starts, step) - 1, len(self._courses) - 1)

    def at(self, step: int) -> float:
        """The learning rate of a step of the run, from 0; behind the last one, what the last stage ends with."""
        stage = self.stage(step)
        course = self._courses[stage]
        return course.at(min(step - self._starts[stage], course.steps))

    def factor(self, step: int) -> float:
        """`at` as a share of `highest`."""
        return self.at(step) / self.highest


def _fall(schedule: Schedule, done: float, hold: float) -> float:
    """What is left of the learning rate when the share `done` of a stage is over."""
    if schedule is Schedule.COSINE:
        return max(0.0, 0.5 * (1.0 + math.cos(math.pi * done)))
    if schedule is Schedule.LINEAR:
        return max(0.0, 1.0 - done)
    if schedule is Schedule.CONSTANT or done < hold or hold == 1.0:
        return 1.0
    return max(0.0, (1.0 - done) / (1.0 - hold))
