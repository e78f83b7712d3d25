"""Reasoning -> pieces of at most one point each: the paper's step is a text with one point, n_t = <s_t, (x_t, y_t)>.

A piece runs from where the last one ended to the end of the sentence that holds its point; where a sentence holds several points, it
is cut behind each but the last. What is left behind the last point is a piece without one. The sentence rule is that of the
reference's dialog builder, so that a chain is cut here as it would be cut into turns there.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from core.grammar.tags import SENTENCE_END
from core.trace import Author, PointMention, PointSource, Span, Turn

# A tool call names the same place as a point in the text when both numbers agree to this much: models round.
_SAME_PLACE = 1.0


@dataclass(frozen=True, slots=True)
class StepPiece:
    """A step before it is placed on a picture; `calls` says that the turn's tool call zooms into its point."""

    turn: int
    span: Span
    mention: PointMention | None
    calls: bool = False


def cut_pieces(turn: Turn, reasoning: Sequence[Span]) -> tuple[StepPiece, ...]:
    """The steps of a turn in the order of its text. Reasoning that was injected is nobody's step."""
    injected = [part.span for part in turn.authors if part.author is Author.INJECTED]
    mentions = [mention for mention in turn.mentions if mention.source is PointSource.TEXT]
    starts = [mention.span.start for mention in mentions]
    sentence_ends = [found.end() for found in SENTENCE_END.finditer(turn.text)] if mentions else []
    pieces: list[StepPiece] = []
    for span in reasoning:
        if injected and any(part.start <= span.start and span.end <= part.end for part in injected):
            continue
        first, last = bisect_left(starts, span.start), bisect_left(starts, span.end)
        if first < last:
            pieces.extend(_cut_span(turn, span, mentions[first:last], sentence_ends))
        elif (alone := _stripped(turn.text, span.start, span.end)).start < alone.end:
            pieces.append(StepPiece(turn.index, alone, None))
    return tuple(_attach_call(turn, pieces))


def _cut_span(turn: Turn, span: Span, mentions: Sequence[PointMention], sentence_ends: Sequence[int]) -> Iterator[StepPiece]:
    cursor = span.start
    for position, mention in enumerate(mentions):
        at = bisect_left(sentence_ends, mention.span.end)
        end = min(sentence_ends[at], span.end) if at < len(sentence_ends) else span.end
        following = mentions[position + 1] if position + 1 < len(mentions) else None
        if following and following.span.start < end:
            end = mention.span.end
        yield StepPiece(turn.index, _stripped(turn.text, cursor, end), mention)
        cursor = end
    rest = _stripped(turn.text, cursor, span.end)
    if rest.start < rest.end:
        yield StepPiece(turn.index, rest, None)


def _attach_call(turn: Turn, pieces: list[StepPiece]) -> list[StepPiece]:
    """Marks the step that the tool call zooms into; a call to a place that the text does not name is a step of its own."""
    target = turn.call.mention if turn.call else None
    if target is None:
        return pieces
    for at in range(len(pieces) - 1, -1, -1):
        mention = pieces[at].mention
        if mention and abs(mention.x - target.x) <= _SAME_PLACE and abs(mention.y - target.y) <= _SAME_PLACE:
            return [*pieces[:at], replace(pieces[at], calls=True), *pieces[at + 1 :]]
    if pieces and pieces[-1].mention is None:
        return [*pieces[:-1], replace(pieces[-1], mention=target, calls=True)]
    return [*pieces, StepPiece(turn.index, target.span, target, calls=True)]


def _stripped(text: str, start: int, end: int) -> Span:
    inner = text[start:end]
    if inner and not inner[0].isspace() and not inner[-1].isspace():
        return Span(start, end)
    lead = len(inner) - len(inner.lstrip())
    return Span(start + lead, max(start + lead, start + len(inner.rstrip())))
