"""Records for RL and for evaluation: questions with their truths, and no trace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from annotations.importing.json_values import BadRow
from annotations.importing.rows import Converted, RowContext
from annotations.importing.samples import make_sample
from core.frames import CoordinateFrame
from core.grammar import IMAGE_MARK

# BLINK's rows carry up to four pictures under names of their own.
_NUMBERED = ("image_1", "image_2", "image_3", "image_4")


def read_rl_record(row: RowContext) -> Converted:
    """The sample of an RL record: `problem`, `answer`, `images`. Raises BadRow or PictureError for one that cannot be taken."""
    return _converted(row, row.text("problem"), row.optional_text("answer"))


def read_eval_record(row: RowContext) -> Converted:
    """The sample of an evaluation record: the first two `conversations` are question and truth, whatever they are labelled."""
    said = row.document["conversations"]
    if not isinstance(said, list) or not said:
        raise BadRow("'conversations' is not a list of messages.")
    texts = [part.get("value") if isinstance(part, Mapping) else None for part in said[:2]]
    if not isinstance(texts[0], str):
        raise BadRow("The first of the conversations has no text as its 'value'.")
    truth = texts[1] if len(texts) > 1 else None
    if isinstance(truth, bool | int | float):
        truth = str(truth)
    if truth is not None and not isinstance(truth, str):
        raise BadRow("The second of the conversations, the truth, has no text as its 'value'.")
    return _converted(row, texts[0], truth)


def _converted(row: RowContext, question: str, truth: str | None) -> Converted:
    pictures = [row.pictures.take(named, row.notes) for named in named_pictures(row.document)]
    if not pictures:
        raise BadRow("The row names no picture.")
    marks = question.count(IMAGE_MARK)
    if marks > 1 and marks != len(pictures):
        row.notes.append(f"the question has {marks} image marks for {len(pictures)} pictures")
    # The reference's RL never rescales its truths, and its search and evaluation read records before anything is resized.
    frame = CoordinateFrame.original(pictures[0].size, orientation=pictures[0].orientation)
    sample, domain_by = make_sample(row, question, truth, pictures, truth_frame=frame, zooms=False)
    words = "a sample, without a trace"
    return Converted(samples=(sample,), words=words, domain_by=domain_by)


def named_pictures(document: Mapping[str, Any]) -> Iterator[Any]:
    """What a row names as its pictures, in order: `images` or `image_paths`, `image`, or numbered keys."""
    for key in ("images", "image_paths", "image"):
        named = document.get(key)
        if named is not None and named != []:
            yield from named if isinstance(named, list | tuple) else [named]
            return
    yield from (document[key] for key in _NUMBERED if document.get(key) is not None)
