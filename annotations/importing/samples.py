"""A row's question, truth and domain -> a Sample."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from annotations.importing.json_values import BadRow
from annotations.importing.rows import RowContext
from core.errors import GeometryError
from core.frames import CoordinateFrame
from core.geometry import Box
from core.grammar import IMAGE_MARK, read_box, read_point
from core.judges import read_web_action
from core.trace import DomainName, Picture, Sample, Truth, TruthKind

_LEADING_MARKS = re.compile(rf"(?:\s*{re.escape(IMAGE_MARK)})*\s*")
# How the method's web data begin the user's message.
_WEB_ACTION_QUESTION = "OBJECTIVE:"


def question_of(text: str) -> str:
    """The question without the image marks that stand before it. Raises BadRow where nothing is left."""
    mark = _LEADING_MARKS.match(text)
    question = text[mark.end() if mark else 0 :].strip()
    if not question:
        raise BadRow("The row asks no question.")
    return question


def read_truth(text: str | None, question: str, frame: CoordinateFrame, picture: CoordinateFrame, notes: list[str]) -> Truth:
    """The truth of a text, with its box or point in original pixels.

    frame    of a box: the reference's evaluation writes the box as it rescaled it for its point_in_bbox judge, so it is in the
             frame of the points; everywhere else this is the frame of the stored picture
    picture  of a point: the reference means to rescale it, and never does
    """
    if text is None or not text.strip():
        return Truth(TruthKind.NONE)
    bracketed = text.strip()[:1] in "(["
    corners = read_box(text) if bracketed else None
    if corners:
        x1, y1, x2, y2 = corners
        if x1 > x2 or y1 > y2:
            notes.append("the corners of the truth's box were put in order")
        box = Box(min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))
        return Truth(TruthKind.BOX, text.strip(), box=frame.grid_box_to_original(box))
    numbers = read_point(text) if bracketed else None
    if numbers:
        return Truth(TruthKind.POINT, text.strip(), point=picture.to_original(*numbers))
    # "stop" alone is a fine answer to a spatial question as well.
    if read_web_action(text) and ("[" in text or "go_back" in text or _WEB_ACTION_QUESTION in question):
        return Truth(TruthKind.ACTION, text.strip())
    return Truth(TruthKind.TEXT, text.strip())


def told_domain(truth: Truth, answer: str | None, *, zooms: bool) -> tuple[DomainName, str]:
    """The domain by the truth's shape (the answer's, where there is no truth), and the reason in words."""
    shape, whose = truth.kind, "truth"
    if shape is TruthKind.NONE and answer is not None:
        shape, whose = _shape_of(answer), "answer"
    if shape in (TruthKind.BOX, TruthKind.POINT):
        return DomainName.WEB_GROUNDING, f"the {whose} is a {shape.value}"
    if shape is TruthKind.ACTION:
        return DomainName.WEB_ACTION, f"the {whose} is a web action"
    if zooms:
        return DomainName.VISUAL_SEARCH, f"the conversation zooms and its {whose} is a text"
    return DomainName.SPATIAL, f"the {whose} is a text and nothing is zoomed"


def make_sample(
    row: RowContext,
    question: str,
    truth_text: str | None,
    pictures: Sequence[Picture],
    *,
    truth_frame: CoordinateFrame,
    zooms: bool,
    answer: str | None = None,
) -> tuple[Sample, str]:
    """The sample, and how its domain is known. Raises BadRow where the truth's numbers cannot be a place."""
    asked = question_of(question)
    stored = CoordinateFrame.original(pictures[0].size, orientation=pictures[0].orientation)
    try:
        truth = read_truth(truth_text, asked, truth_frame, stored, row.notes)
    except (GeometryError, OverflowError) as error:
        raise BadRow(f"The truth {truth_text!r:.80} cannot be a place in the picture.") from error
    domain, reason = told_domain(truth, answer, zooms=zooms)
    if row.choices.domain is not None:
        domain, reason = row.choices.domain, f"asked for: --domain {row.choices.domain}"
        if truth.kind is TruthKind.ACTION and domain is not DomainName.WEB_ACTION:
            truth = Truth(TruthKind.TEXT, truth.text)
    identity = row.document.get("id")
    name = identity if isinstance(identity, str) else "" if identity is None else json.dumps(identity)[:200]
    return Sample(asked, domain, tuple(pictures), truth, name[:500]), reason


def _shape_of(answer: str) -> TruthKind:
    if read_point(answer):
        return TruthKind.POINT
    return TruthKind.ACTION if read_web_action(answer) and "[" in answer else TruthKind.TEXT
