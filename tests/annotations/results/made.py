"""Made-up ratings: single ones by hand, and whole studies with effects of traces and raters that are known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import numpy as np

from annotations.ratings.standing import RatedStep, StepFacts
from annotations.ratings.values import Correction, Judgement, Rating, RatingKind, Standing
from annotations.results.resampling import Draws
from annotations.results.study import StudyResults, StudyTold, results_of
from annotations.studies.settings import StudySettings
from core.geometry import Point

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAPER = StudySettings()
STUDY = StudyTold(1, "pilot", False, 1, None, ())
_numbers = count(1)


def facts(**changed: Any) -> StepFacts:
    """The facts of a step; what is not given is the same everywhere."""
    known: dict[str, Any] = {
        "dataset": "set",
        "domain": "spatial",
        "policy": "model",
        "correct": True,
        "stop": "answered",
        "sample": "sample",
        "picture": "0" * 64,
        "width": 1000,
        "height": 800,
        "x": 100.0,
        "y": 100.0,
        "looked": False,
        "steps": 3,
    }
    return StepFacts(**(known | changed))


def rated(
    trace: str = "t1",
    step: int = 0,
    rater: int = 1,
    *,
    accurate: str | None = "yes",
    helpful: str | None = "4",
    kind: RatingKind = RatingKind.RATED,
    standing: Standing = Standing.COUNTS,
    version: int = 1,
    seconds: float = 10.0,
    at: datetime | None = None,
    answers: dict[str, str] | None = None,
    of: StepFacts | None = None,
    gone: bool = False,
    **said: Any,
) -> RatedStep:
    """One rating, an hour of ids after the last one."""
    number = next(_numbers)
    given = (
        {name: value for name, value in (("accurate", accurate), ("helpful", helpful)) if value is not None} if answers is None else answers
    )
    if kind is not RatingKind.RATED:
        standing = Standing.NOT_RATED
        given = {}
    if kind is RatingKind.SKIPPED:
        said.setdefault("reason", "too unclear")
    judgement = Judgement(kind, given, seconds=seconds, **said)
    when = at or NOON + timedelta(seconds=number)
    rating = Rating(number, f"token {number}", hash((trace, step)) % 10**9, rater, version, 1, trace, judgement, when)
    return RatedStep(rating, standing, f"Rater {rater}", version, trace, step, None if gone else of or facts(sample=f"sample of {trace}"))


def told(
    rows: list[RatedStep], settings: StudySettings = PAPER, *, seed: int = 0, resamples: int = 400, pseudonyms: bool = False
) -> StudyResults:
    """The results of these ratings."""
    return results_of(STUDY, settings, rows, Draws(seed, resamples), pseudonyms=pseudonyms)


def study(seed: int, *, traces: int = 40, steps: int = 3, raters: int = 6, each: int = 3, spread: float = 1.0) -> list[RatedStep]:
    """A study in which traces and raters differ, by `spread` on the scale of logits; each step has `each` raters."""
    random = np.random.default_rng(seed)
    of_trace, of_rater = random.normal(0, spread, traces), random.normal(0, spread / 2, raters)
    rows = []
    for trace in range(traces):
        # Two traces a sample, one of each model.
        seen = facts(
            sample=f"sample {trace // 2}",
            policy=f"model {trace % 2}",
            domain=("spatial", "web")[trace % 3 == 0],
            correct=(True, False, None)[trace % 5 % 3],
            dataset=("first", "second")[trace % 7 == 0],
        )
        for step in range(steps):
            for rater in random.choice(raters, each, replace=False):
                logit = 0.8 + of_trace[trace] + of_rater[rater] + random.normal(0, 0.5)
                accurate = "unsure" if random.random() < 0.05 else "yes" if random.random() < 1 / (1 + np.exp(-logit)) else "no"
                helpful = int(np.clip(np.round(3 + logit / 2 + random.normal(0, 0.7)), 1, 5))
                corrected = Correction(Point(*(100 + random.normal(0, 20, 2)))) if accurate == "no" else None
                rows.append(
                    rated(
                        f"trace {trace:04}",
                        step,
                        int(rater) + 1,
                        accurate=accurate,
                        helpful=str(helpful),
                        seconds=float(random.gamma(4, 3)),
                        of=seen,
                        correction=corrected,
                        comment="hm" if random.random() < 0.02 else "",
                        keys_only=bool(random.random() < 0.8),
                        at=NOON + timedelta(seconds=float(random.random() * 1e5)),
                    )
                )
    return rows
