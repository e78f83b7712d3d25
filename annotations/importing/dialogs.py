"""SFT rows, single- and multi-turn: messages with their pictures -> a trace.

The k-th image mark of the messages belongs to the k-th image. The first picture is the one the numbers live in: the reference's builder
resizes it, and moves every point, before it writes the row. Pictures behind it are the crops that answered the tool calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from annotations.importing.json_values import BadRow
from annotations.importing.kinds import message_role, message_text
from annotations.importing.records import named_pictures
from annotations.importing.rows import Converted, RowContext
from annotations.importing.samples import make_sample
from core.crops import CropRule
from core.domains import DOMAINS
from core.errors import PictureError
from core.frames import QWEN2_5_FACTOR, CoordinateFrame, stored_size
from core.grammar import IMAGE_MARK, Message, has_dot, parse_messages
from core.grounding import ground
from core.trace import Author, Picture, Sample, Trace, Turn

# The half window that the reference usually cuts, by the side that a crop shows: visual search, web grounding, web grounding in RL.
_OFFSETS = {672: 182, 504: 100, 392: 50}


@dataclass(frozen=True, slots=True)
class _Dialog:
    """A row's messages: what the system and the user said first, then the conversation, and how many image marks each part has."""

    system: str | None
    question: str
    messages: tuple[Message, ...]


def read_dialog(row: RowContext) -> Converted:
    """The trace of an SFT row. Raises BadRow or PictureError for a row that cannot be taken."""
    dialog = _read_messages(row.document["messages"])
    named = list(named_pictures(row.document))
    asked = max(1, dialog.question.count(IMAGE_MARK))
    if not named:
        raise BadRow("The row names no picture.")
    pictures = [row.pictures.take(item, row.notes) for item in named[:asked]]
    parsed = parse_messages(dialog.messages)
    crops = _crops(row, parsed.turns, named[asked:])
    frame = row.frame.frame(pictures[0])
    zooms = any(turn.call and turn.observation for turn in parsed.turns)
    truth = row.optional_text("gt_answer")
    sample, domain_by = make_sample(row, dialog.question, truth, pictures, truth_frame=frame, zooms=zooms, answer=parsed.answer)
    rule, guessed = _rule(row, sample, frame, parsed.turns, crops) if zooms else (None, False)
    if guessed:
        row.notes.append("how wide the crops were cut cannot be told from them: their windows are a guess")
    trace = ground(
        sample,
        parsed,
        frame,
        rule,
        policy=row.policy,
        system_prompt=dialog.system,
        origin=row.origin(),
        settings=row.settings(),
        crops={turn: crop.sha256 for turn, crop in crops.items()},
    )
    return Converted((_as_recorded(trace, crops, guessed),), domain_by=domain_by)


def _read_messages(value: Any) -> _Dialog:
    if not isinstance(value, Sequence) or isinstance(value, str | bytes) or not all(isinstance(item, Mapping) for item in value):
        raise BadRow("'messages' is not a list of messages.")
    system: list[str] = []
    question: list[str] = []
    messages: list[Message] = []
    for item in value:
        role, text = message_role(item), message_text(item)
        if role == "system" and not messages:
            system.append(text)
        elif role == "assistant":
            messages.append(Message(Author.MODEL, text))
        elif messages:
            messages.append(Message(Author.OBSERVATION, text))
        else:
            question.append(text)
    if not question or not messages:
        raise BadRow("The messages hold no question with a reply.")
    return _Dialog("\n".join(system) if system else None, "\n".join(question), tuple(messages))


def _crops(row: RowContext, turns: Sequence[Turn], named: Sequence[Any]) -> dict[int, Picture]:
    """The recorded crop of each turn that was answered by one: the next image for each mark, in order."""
    crops: dict[int, Picture] = {}
    at = missing = 0
    for turn in turns:
        marks = turn.observation.of(turn.text).count(IMAGE_MARK) if turn.observation else 0
        if marks and at < len(named):
            try:
                crops[turn.index] = row.pictures.take(named[at], row.notes)
            except (PictureError, BadRow) as error:
                row.notes.append(f"the crop of turn {turn.index + 1} is cut again from the picture, because: {error}".rstrip("."))
        elif marks:
            missing += 1
        at += marks
    if missing:
        row.notes.append(f"the row has fewer images than image marks: {missing} crops are cut again from the picture")
    if at < len(named):
        row.notes.append(f"the row has more images than image marks: the last {len(named) - at} belong to nothing")
    return crops


def _rule(
    row: RowContext, sample: Sample, frame: CoordinateFrame, turns: Sequence[Turn], crops: Mapping[int, Picture]
) -> tuple[CropRule, bool]:
    """How the crops were cut, and whether that is a guess: found by cutting again, else the usual for their size or the domain."""
    dot = any(turn.observation and has_dot(turn.observation.of(turn.text)) for turn in turns)
    usual = DOMAINS[sample.domain].crop or CropRule(_OFFSETS[504], 504, dot)
    side = next((crop.size.width for crop in crops.values() if crop.size.width == crop.size.height), None)
    if side is None:
        return replace(usual, dot=dot), bool(crops)
    expected = _OFFSETS.get(side, usual.offset)
    found = row.offsets.find(row.file, side, _pairs(row, sample.pictures[0], frame, turns, crops), expected)
    return CropRule(found or expected, max(side, QWEN2_5_FACTOR), dot), found is None


def _pairs(
    row: RowContext, picture: Picture, frame: CoordinateFrame, turns: Sequence[Turn], crops: Mapping[int, Picture]
) -> Iterator[tuple[bytes, bytes, float, float]]:
    """The picture's and each crop's file, with the point of the call, in pixels of the picture as stored."""
    whole = row.pictures.file_of(picture) if frame.raster == stored_size(picture.size, frame.orientation) else None
    for turn in turns:
        crop = row.pictures.file_of(crops[turn.index]) if turn.index in crops else None
        if whole and crop and turn.call and turn.call.mention:
            point = frame.to_raster(turn.call.mention.x, turn.call.mention.y)
            yield whole, crop, point.x, point.y


def _as_recorded(trace: Trace, crops: Mapping[int, Picture], guessed: bool) -> Trace:
    """The looks with the sizes that the recorded crops really have, and marked where their windows are a guess."""
    steps = []
    for step in trace.steps:
        if step.look and step.look.picture and step.turn in crops:
            step = replace(step, look=replace(step.look, output=crops[step.turn].size, guessed=guessed))
        steps.append(step)
    return replace(trace, steps=tuple(steps))
