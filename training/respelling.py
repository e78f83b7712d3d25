"""A record's numbers in the frame of the policy that is to learn from it.

Policies count differently: one in pixels of the picture as it is shown, which depends on how many pixels it may be shown, another in
thousandths. A record from another policy, or from other settings, keeps its places in the picture and gets the numbers that this policy
would have to write for them, as whole numbers; its crops are cut where this policy's calls would cut them. The reference does so when it
brings its chains to one size; it takes the fraction off, where this rounds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from core.crops import CropRule, look_at, snapped_side
from core.errors import PolicyError
from core.frames import CoordinateFrame
from core.geometry import Size
from core.grammar import Message, Parsed, is_tool_error, parse_messages
from core.records import CuratedRecord, RecordLook, RecordMessage, Writer
from core.rollout.observations import complain, complaint_about, look_of
from core.rollout.plans import Plan
from core.trace import Author, PointMention

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


def in_frame_of(record: CuratedRecord, plan: Plan) -> CuratedRecord:
    """The record with its numbers and crops in the frame of the plan; itself, where it is in that frame already.

    In its own frame only crops of a size that the policy's patches do not fill are given the nearest one that they do.

    Raises PolicyError for a place whose numbers cannot be found in its text, and for looks where the policy has no zoom.
    """
    known, needed = record.frame, plan.frame
    if (known.grid, known.raster, known.orientation) == (needed.grid, needed.raster, needed.orientation):
        return _fitted(record, plan.card.factor)
    looks = tuple(_look(look, known, needed, plan.rule) for look in record.looks)
    return replace(record, frame=needed, looks=looks, messages=tuple(_messages(record, plan)))


def _fitted(record: CuratedRecord, factor: int) -> CuratedRecord:
    if not any(look.look.output.width % factor or look.look.output.height % factor for look in record.looks):
        return record
    looks = []
    for look in record.looks:
        size = Size(*(snapped_side(side, factor) for side in (look.look.output.width, look.look.output.height)))
        looks.append(replace(look, look=replace(look.look, output=size)))
    return replace(record, looks=tuple(looks))


def _messages(record: CuratedRecord, plan: Plan) -> Iterator[RecordMessage]:
    injected, said = "", ""
    for message in record.messages:
        text = message.text
        if message.writer is Writer.INJECTED:
            injected += text
        elif message.writer is Writer.MODEL:
            said, injected = _respelt(text, injected, record.frame, plan.frame), ""
            text = said
        elif message.writer is Writer.OBSERVATION and is_tool_error(text):
            text = _complaint(said, plan) or text
        yield RecordMessage(message.writer, text)


def _complaint(said: str, plan: Plan) -> str:
    """The error that answers a call outside the picture, which repeats its numbers and tells how far they go; "" for another turn."""
    parsed = _read(said)
    turn = parsed.turns[0] if parsed.turns else None
    if turn is None or turn.call is None or turn.call.mention is None or plan.rule is None or look_of(plan, turn) is not None:
        return ""
    return complain(complaint_about(plan, turn, parsed.faults)).text


def _respelt(text: str, injected: str, known: CoordinateFrame, needed: CoordinateFrame) -> str:
    """What the model wrote behind an injected prefix, with other numbers in every point."""
    turns = _read(text, injected).turns
    mentions = turns[0].mentions if turns else ()
    for mention in reversed(mentions):
        start, end = mention.span.start - len(injected), mention.span.end - len(injected)
        if start >= 0:
            text = text[:start] + _written(mention, known, needed) + text[end:]
    return text


def _read(text: str, injected: str = "") -> Parsed:
    return parse_messages([Message(Author.INJECTED, injected), Message(Author.MODEL, text)])


def _written(mention: PointMention, known: CoordinateFrame, needed: CoordinateFrame) -> str:
    numbers = list(_NUMBER.finditer(mention.written))
    if len(numbers) != 2:
        raise PolicyError(f"The numbers of its point {mention.written!r:.80} cannot be told from its text: drop it.")
    first, second = numbers
    x, y = _moved(mention.x, mention.y, known, needed)
    return f"{mention.written[: first.start()]}{x}{mention.written[first.end() : second.start()]}{y}{mention.written[second.end() :]}"


def _look(look: RecordLook, known: CoordinateFrame, needed: CoordinateFrame, rule: CropRule | None) -> RecordLook:
    if rule is None:
        raise PolicyError("It looks closer, and this policy has no zoom for its domain: say how crops are to be cut.")
    point = _moved(*look.point, known, needed)
    # The observation says whether there is a dot.
    again = look_at(*point, needed, replace(rule, dot=look.look.dot))
    if again is None:
        raise PolicyError(f"It was shown a crop at {look.point}, which is outside the picture: drop it.")
    return RecordLook(again, (float(point[0]), float(point[1])))


def _moved(x: float, y: float, known: CoordinateFrame, needed: CoordinateFrame) -> tuple[int, int]:
    """The whole numbers for a place in another frame."""
    across, down = needed.from_original(known.to_original(x, y))
    return _whole(across, needed.grid.width), _whole(down, needed.grid.height)


def _whole(number: float, extent: int) -> int:
    # What is outside the picture stays outside: it was answered by an error.
    if number < 0:
        return min(round(number), -1)
    return max(round(number), extent + 1) if number > extent else round(number)
