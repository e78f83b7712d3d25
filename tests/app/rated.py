"""Ratings that are made up, as the results read them: a study of two policies whose figures are known roughly."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from annotations.ratings.standing import RatedStep, StepFacts
from annotations.ratings.values import Correction, Judgement, Rating, RatingKind, Standing
from annotations.results.resampling import Draws
from annotations.results.study import StudyResults, StudyTold, results_of
from annotations.studies.settings import StudySettings
from core.geometry import Point

NAMES = ("Ada", "Ben", "Chandra", "Dolores <b>", "Emeka")
BEGIN = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _facts(trace: int, step: int, steps: int) -> StepFacts:
    policy = ("ViGoRL-7B <i>", "Qwen2.5-VL-7B-Instruct, a policy with a long name")[trace % 2]
    domain = ("spatial", "visual_search", "web_grounding")[trace % 3]
    return StepFacts(
        "demo",
        domain,
        policy,
        trace % 3 != 0,
        "answered",
        _hash(f"sample {trace // 2}"),
        _hash("p"),
        800,
        600,
        400.0,
        300.0,
        step % 2 == 0,
        steps,
    )


def _judgement(chance: random.Random, rater: int, trace: int, step: int) -> Judgement:
    if chance.random() < 0.04:
        return Judgement(RatingKind.SKIPPED, reason="The sentence cannot be understood alone", seconds=4.0)
    hard = random.Random(trace * 100 + step).random()
    draw = 0.7 * hard + 0.3 * chance.random()
    accurate = "unsure" if chance.random() < 0.05 else "yes" if draw < 0.62 + 0.03 * rater else "no"
    base = {"yes": 3.9, "no": 2.2, "unsure": 3.0}[accurate]
    helpful = min(5, max(1, round(chance.gauss(base, 0.9))))
    moved = accurate == "no" and chance.random() < 0.6
    correction = Correction(point=Point(400 + chance.gauss(40, 30), 300 + chance.gauss(-20, 25))) if moved else None
    return Judgement(
        RatingKind.RATED,
        {"accurate": accurate, "helpful": str(helpful)},
        correction,
        seconds=max(2.0, chance.gauss(9 + 2 * rater, 3)),
        keys_only=chance.random() < 0.8,
    )


def rated_steps(traces: int = 24, steps: int = 3, raters: Sequence[str] = NAMES, *, overlap: int = 3, seed: int = 7) -> list[RatedStep]:
    """Each step judged by `overlap` of the raters; some skip, some move the point, a few ratings are surplus or set apart."""
    chance = random.Random(seed)
    found: list[RatedStep] = []
    for trace in range(traces):
        for step in range(steps):
            for rater in sorted(chance.sample(range(len(raters)), min(overlap, len(raters)))):
                number = len(found) + 1
                said = _judgement(chance, rater, trace, step)
                stands = (
                    Standing.NOT_RATED
                    if said.kind is not RatingKind.RATED
                    else Standing.SURPLUS
                    if number % 41 == 0
                    else Standing.SET_APART
                    if number % 53 == 0
                    else Standing.COUNTS
                )
                rating = Rating(
                    number,
                    f"token{number}",
                    trace * steps + step,
                    rater + 1,
                    1,
                    1,
                    _hash(f"trace {trace}"),
                    said,
                    BEGIN + timedelta(seconds=20 * number),
                )
                found.append(RatedStep(rating, stands, raters[rater], 1, rating.trace, step, _facts(trace, step, steps)))
    return found


def study_results(rows: Sequence[RatedStep], *, name: str = "Pilot of March", resamples: int = 200) -> StudyResults:
    """The results of such ratings under the paper's questions."""
    return results_of(StudyTold(1, name, False, 1, None, ()), StudySettings(), rows, Draws(0, resamples))
