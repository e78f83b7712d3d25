"""What a rater is shown, as JSON: the guideline of a study, and its items. Blind by construction.

An item is put together field by field from what a rater may know. Nothing is passed on whole, so what is added to a trace later stays
hidden too: the policy, the answer, the truth, rewards, the data set, the domain, and everything that other raters said.
Points and windows are pixels of the upright original. All texts are to be shown as text, never as markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from annotations.pictures import PictureStore, read_header
from annotations.ratings.values import Ask, Progress, Rating, RatingKind
from annotations.studies.sentences import SentencePart, example_parts, in_one, sentence_parts
from annotations.studies.settings import Example, Question, StudySettings
from core.errors import NotFound, PictureError
from core.geometry import Size
from core.trace import Look, Picture, Step, Trace

Json = dict[str, Any]

# The names of the pictures that come with the program; with nothing in them that could lead out of their folder.
_OWN_PICTURE = re.compile(r"[A-Za-z0-9_-]+\.(?:png|jpg)")


def item_view(ask: Ask, trace: Trace, rating: Rating | None = None) -> Json:
    """An item as its rater is shown it; `rating` is the rater's own newest one, where it is to be shown.

    Raises NotFound where the trace has no such step, no point in it, or no picture.
    """
    step, settings = step_of(trace, ask.step), ask.settings
    if step.point is None or not trace.sample.pictures:
        raise NotFound("This step has no point on a picture any more: there is nothing to rate.")
    return {
        "item": ask.item,
        "version": ask.version,
        "version_id": ask.version_id,
        "trace": ask.trace,
        "until": ask.until.isoformat(),
        "trace_number": ask.trace_number,
        "traces": ask.traces,
        "step_number": ask.step_number,
        "steps": ask.steps,
        "question": trace.sample.question if settings.show_question else None,
        "picture": _picture(trace.sample.pictures[0]),
        "point": {"x": step.point.x, "y": step.point.y},
        "sentence": _parts(sentence_parts(trace, step, settings.replacement)),
        "zoom": _zoom(step.look, ask.item) if step.look else None,
        "draft": {"sequence": ask.draft.sequence, "content": ask.draft.content} if ask.draft else None,
        "rating": rating_view(rating) if rating and rating.judgement.kind is not RatingKind.WITHDRAWN else None,
    }


def step_of(trace: Trace, position: int) -> Step:
    """The step at a position, from 0. Raises NotFound where the trace has none there."""
    if not 0 <= position < len(trace.steps):
        raise NotFound("The trace of this step has changed: there is nothing to rate.")
    return trace.steps[position]


def rating_view(rating: Rating) -> Json:
    """A rating as its own rater sees it."""
    return {
        "id": rating.id,
        "item": rating.item,
        "revision": rating.revision,
        "kind": rating.judgement.kind.value,
        "at": rating.at.isoformat(),
        "version": rating.version,
        "judgement": rating.judgement.to_json(),
    }


def given_view(rating: Rating, standing: str, trace: Trace | None, step: int, settings: StudySettings) -> Json:
    """A line of a rater's own list: the rating, whether it counts, and what it was about as long as the trace is there."""
    found = trace.steps[step] if trace and 0 <= step < len(trace.steps) else None
    shown: Json = {"sentence": "", "picture": None}
    if trace and found:
        shown["sentence"] = in_one(sentence_parts(trace, found, settings.replacement))
        shown["picture"] = _small_picture(trace.sample.pictures[0]) if trace.sample.pictures else None
    return {**rating_view(rating), **shown, "standing": standing}


def progress_view(progress: Progress) -> Json:
    """How far a rater is, with the seconds that are left at this speed; None where nothing is known yet."""
    return {"done": progress.done, "skipped": progress.skipped, "open": progress.open, "seconds_left": progress.seconds_left}


def guideline_view(settings: StudySettings, pictures: PictureStore, own_pictures: Path) -> Json:
    """What a study tells its raters: words, questions, circle and rules; not which steps it asks, nor how answers are counted.

    own_pictures  the folder of the pictures that come with the program, which worked examples may show by their names
    """
    return {
        "instructions": settings.instructions,
        "examples": [_example(example, settings, pictures, own_pictures) for example in settings.examples],
        "questions": [_question(question) for question in settings.questions],
        "circle": {"diameter": settings.circle.diameter, "unit": settings.circle.unit.value, "color": settings.circle.color},
        "replacement": settings.replacement,
        "own_point_first": settings.own_point_first,
        "corrections": settings.corrections,
        "skip_reasons": list(settings.skip_reasons),
    }


def _question(question: Question) -> Json:
    choices = [{"value": choice.value, "label": choice.label, "key": choice.key} for choice in question.choices]
    return {"id": question.id, "text": question.text, "low": question.low, "high": question.high, "choices": choices}


def _example(example: Example, settings: StudySettings, pictures: PictureStore, own_pictures: Path) -> Json:
    labels = {choice.value: choice.label for choice in settings.questions[0].choices}
    url, size = _example_picture(example.picture, pictures, own_pictures)
    return {
        "picture_url": url,
        "width": size.width if size else None,
        "height": size.height if size else None,
        "x": example.x,
        "y": example.y,
        "sentence": _parts(example_parts(example, settings.replacement)),
        "answer": example.answer,
        "answer_label": labels.get(example.answer, example.answer),
        "why": example.why,
    }


def _example_picture(name: str, pictures: PictureStore, own_pictures: Path) -> tuple[str | None, Size | None]:
    """Address and upright size of an example's picture; neither where there is no such picture: its words are shown all the same."""
    if _OWN_PICTURE.fullmatch(name) and (own_pictures / name).is_file():
        return f"/ui/demo/pictures/{quote(name)}", _size(own_pictures / name)
    if name not in pictures:
        return None, None
    try:
        return f"/pictures/{name}/upright", _size(pictures.path(name))
    except PictureError:
        return None, None


@lru_cache(maxsize=64)
def _size(file: Path) -> Size:
    """Upright size of a picture's file. No such file ever changes: it lies under its hash, or comes with the program."""
    return read_header(file.read_bytes()).size


def _picture(picture: Picture) -> Json:
    # Always the picture that is made upright: its file's own name, place of taking and remarks are not in it.
    return {"url": f"/pictures/{picture.sha256}/upright", "width": picture.size.width, "height": picture.size.height}


def _small_picture(picture: Picture) -> Json:
    return {**_picture(picture), "thumbnail": f"/pictures/{picture.sha256}/thumbnail"}


def _parts(parts: Iterable[SentencePart]) -> list[Json]:
    return [{"text": part.text, "circle": part.circle} for part in parts]


def _zoom(look: Look, item: int) -> Json:
    x1, y1, x2, y2 = look.window.corners
    return {
        "url": f"/api/rating/items/{item}/zoom.png",
        "width": look.output.width,
        "height": look.output.height,
        "window": {"x1": x1, "y1": y1, "x2": x2, "y2": y2},
        "dot": look.dot,
    }
