"""Whether a rating is one that somebody could have meant: its token, its trace, its answers, its places in the picture."""

from __future__ import annotations

import re

from annotations.documents import json_text
from annotations.ratings.values import Judgement, RatingKind
from annotations.schema import HASH
from annotations.studies.settings import StudySettings
from core.errors import RatingRefused, TraceError
from core.geometry import Box, Point, Size

_TOKEN = re.compile(rf"[!-~]{{1,{HASH}}}")
_HASH = re.compile(r"[0-9a-f]{64}")


def check_token(token: str) -> None:
    """Raises RatingRefused for a token that could not be kept and found again on every database."""
    if not _TOKEN.fullmatch(token):
        raise RatingRefused(f"A rating's token is 1 to {HASH} letters, digits and signs without blanks, not {token!r:.80}.")


def check_trace(trace: str) -> None:
    """Raises RatingRefused where `trace` is no content hash."""
    if not _HASH.fullmatch(trace):
        raise RatingRefused(f"A rating names its trace by the content hash, 64 hexadecimal digits, not {trace!r:.80}.")


def check_judgement(judgement: Judgement, settings: StudySettings, size: Size | None) -> None:
    """Raises RatingRefused for answers that these settings do not know or that are missing, and for places outside the picture.

    size  of the upright original picture; None where the trace is gone, and with it the size
    """
    if judgement.kind is RatingKind.WITHDRAWN:
        raise RatingRefused("A rating is taken back by undoing it, and not by sending another.")
    _check_answers(judgement, settings)
    _check_places(judgement, size)
    try:
        json_text(judgement.to_json())
    except TraceError as error:
        raise RatingRefused(f"The rating cannot be kept: {error}") from error


def _check_answers(judgement: Judgement, settings: StudySettings) -> None:
    questions = {question.id: question for question in settings.questions}
    for name, value in judgement.answers.items():
        if name not in questions:
            raise RatingRefused(f"The study asks no question called {name!r:.60}: answer {', '.join(questions)}.")
        values = [choice.value for choice in questions[name].choices]
        if value not in values:
            raise RatingRefused(f"{value!r:.60} is no answer to {name!r}: choose from {', '.join(values)}.")
    missing = [name for name in questions if name not in judgement.answers]
    if judgement.kind is RatingKind.RATED and missing:
        raise RatingRefused(f"There is no answer to {missing[0]!r} yet: answer every question, or skip the step with a reason.")


def _check_places(judgement: Judgement, size: Size | None) -> None:
    points = [judgement.own_point, judgement.correction.point if judgement.correction else None]
    for point in points:
        if point is not None and size is not None and not size.contains(point):
            raise RatingRefused(f"The point ({point.x:g}, {point.y:g}) lies outside the picture of {size} px: move it inside.")
    box = judgement.correction.box if judgement.correction else None
    if box is None:
        return
    if not box.area > 0:
        raise RatingRefused(f"The box {box.corners} has no area: draw it wider and higher than nothing.")
    if size is not None and not (_inside(size, box)):
        raise RatingRefused(f"The box {box.corners} reaches outside the picture of {size} px: draw it inside.")


def _inside(size: Size, box: Box) -> bool:
    return size.contains(Point(box.x1, box.y1)) and size.contains(Point(box.x2, box.y2))
