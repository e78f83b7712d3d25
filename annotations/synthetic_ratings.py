"""Ratings by made-up people, whose names say so: real ratings through the real store, to try results on and to show them.

Each person has a bias, a speed and a habit of their own; each step has a truth that nobody sees. The same arguments over the same study
give the same judgements.
"""

from __future__ import annotations

import hashlib
import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from annotations.raters.store import RaterStore
from annotations.raters.values import Role
from annotations.ratings.store import RatingStore
from annotations.ratings.values import Ask, Correction, Judgement, RatingKind
from annotations.studies.settings import Measure, Question, StudySettings
from annotations.studies.store import StudyStore
from annotations.studies.values import AskedStep
from core.errors import NotFound
from core.geometry import Box, Point, Size

NAME = "made-up rater"
# Shares of what people do beside answering yes or no.
_SKIPPED, _CHANGED, _CORRECTED, _BOXED, _COMMENTED = 0.02, 0.03, 0.6, 0.2, 0.03


@dataclass(frozen=True, slots=True)
class _Person:
    """How often somebody is wrong and unsure, how much more (or less) helpful they find things, and their seconds on a step."""

    rater: int
    wrong: float
    unsure: float
    kindness: float
    seconds: float


@dataclass(frozen=True, slots=True)
class _Truth:
    """Whether a step's circle lies where it should, where it should lie, and how helpful it is on a scale of 0 to 1."""

    accurate: bool
    place: Point
    helpful: float


def make_ratings(
    studies: StudyStore,
    ratings: RatingStore,
    raters: RaterStore,
    study_id: int,
    *,
    people: int = 12,
    seed: int = 0,
    accuracy: float = 0.73,
    at_most: int | None = None,
) -> int:
    """Have a study rated by so many made-up people until nothing is left for them, or `at_most` ratings are there; their number.

    accuracy  the share of steps whose circle lies where it should; higher where the trace's answer is right, lower where it is wrong
    """
    settings = studies.study(study_id).settings
    known: dict[int, AskedStep] = {}
    crew = [_person(raters, seed, number) for number in range(1, people + 1)]
    given = 0
    while crew and (at_most is None or given < at_most):
        for person in list(crew):
            asks = ratings.next(study_id, person.rater, count=1) if at_most is None or given < at_most else ()
            if not asks:
                crew.remove(person)
                continue
            asked = known.setdefault(asks[0].item, studies.asked_step(asks[0].item))
            for judgement in _judgements(asked, settings, person, seed, accuracy):
                _submit(ratings, asks[0], asked, person, judgement, seed)
            given += 1
    return given


def _submit(ratings: RatingStore, ask: Ask, asked: AskedStep, person: _Person, judgement: Judgement, seed: int) -> None:
    revision = len(ratings.history(ask.item, person.rater)) + 1
    token = hashlib.sha256(f"{seed}:{asked.study}:{ask.item}:{person.rater}:{revision}".encode()).hexdigest()
    ratings.submit(ask.item, person.rater, version_id=asked.version_id, trace=ask.trace, judgement=judgement, token=token)


def _person(raters: RaterStore, seed: int, number: int) -> _Person:
    name = f"{NAME} {number:02}"
    try:
        rater = raters.by_name(name)
    except NotFound:
        # Where passwords are needed, nobody knows this one.
        rater = raters.add(name, Role.RATER, secrets.token_urlsafe(24)) if raters.guarded() else raters.open_by_name(name)
    draw = Random(f"{seed}:{name}")
    return _Person(rater.id, draw.uniform(0.03, 0.12), draw.uniform(0.02, 0.08), draw.gauss(0, 0.1), draw.uniform(5, 14))


def _judgements(asked: AskedStep, settings: StudySettings, person: _Person, seed: int, accuracy: float) -> Sequence[Judgement]:
    """What a person says of a step; now and then they change it at once."""
    size = asked.stored.trace.sample.pictures[0].size
    truth = _truth(asked, size, seed, accuracy)
    draw = Random(f"{seed}:{asked.stored.id}:{asked.step.index}:{person.rater}")
    said = _judgement(asked, settings, person, truth, size, draw)
    return (said, _judgement(asked, settings, person, truth, size, draw)) if draw.random() < _CHANGED else (said,)


def _truth(asked: AskedStep, size: Size, seed: int, accuracy: float) -> _Truth:
    draw = Random(f"{seed}:{asked.stored.id}:{asked.step.index}")
    tilt = {True: 0.08, False: -0.12, None: 0.0}[asked.stored.scores.correct]
    accurate = draw.random() < accuracy + tilt
    point = asked.step.point or Point(size.width / 2, size.height / 2)
    angle, away = draw.uniform(0, math.tau), draw.uniform(0.0, 0.01) if accurate else draw.uniform(0.08, 0.3)
    place = _within(size, point.x + math.cos(angle) * away * size.width, point.y + math.sin(angle) * away * size.width)
    return _Truth(accurate, place, min(1.0, max(0.0, draw.gauss(0.7 if accurate else 0.3, 0.12))))


def _judgement(asked: AskedStep, settings: StudySettings, person: _Person, truth: _Truth, size: Size, draw: Random) -> Judgement:
    seconds = round(person.seconds * draw.lognormvariate(0, 0.4), 1)
    keys_only, zoom_seen = draw.random() < 0.7, (draw.random() < 0.8 if asked.step.look else None)
    if draw.random() < _SKIPPED:
        reason = draw.choice(settings.skip_reasons) if settings.skip_reasons else "It cannot be judged"
        return Judgement(RatingKind.SKIPPED, reason=reason, seconds=seconds, zoom_seen=zoom_seen, keys_only=keys_only)
    says_yes = truth.accurate is not (draw.random() < person.wrong)
    answers = {question.id: _answer(question, person, truth, says_yes, draw) for question in settings.questions}
    corrects = settings.corrections and not says_yes and draw.random() < _CORRECTED
    return Judgement(
        RatingKind.RATED,
        answers=answers,
        correction=_correction(truth.place, size, draw) if corrects else None,
        own_point=_near(truth.place, size, draw) if settings.own_point_first else None,
        comment="Hard to tell at this size." if draw.random() < _COMMENTED else "",
        seconds=seconds,
        zoom_seen=zoom_seen,
        keys_only=keys_only and not corrects,
    )


def _answer(question: Question, person: _Person, truth: _Truth, says_yes: bool, draw: Random) -> str:
    unscored = [choice for choice in question.choices if choice.score is None]
    scored = sorted((choice for choice in question.choices if choice.score is not None), key=lambda choice: choice.score or 0.0)
    if question.measure is Measure.ACCURACY:
        if unscored and draw.random() < person.unsure:
            return draw.choice(unscored).value
        return (scored[-1] if says_yes else scored[0]).value
    # Where on the scale the feeling lies, moved by the person's bias and by chance.
    felt = truth.helpful + person.kindness + draw.gauss(0, 0.12)
    return scored[min(len(scored) - 1, max(0, round(felt * (len(scored) - 1))))].value


def _correction(place: Point, size: Size, draw: Random) -> Correction:
    point = _near(place, size, draw)
    if draw.random() >= _BOXED:
        return Correction(point=point)
    half = 0.03 * size.width
    low, high = _within(size, point.x - half, point.y - half), _within(size, point.x + half, point.y + half)
    box = Box(low.x, low.y, high.x, high.y)
    return Correction(box=box) if box.area > 0 else Correction(point=point)


def _near(place: Point, size: Size, draw: Random) -> Point:
    return _within(size, draw.gauss(place.x, 0.01 * size.width), draw.gauss(place.y, 0.01 * size.width))


def _within(size: Size, x: float, y: float) -> Point:
    return Point(round(min(max(x, 0.0), size.width), 1), round(min(max(y, 0.0), size.height), 1))
