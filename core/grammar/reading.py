"""Text -> turns. Every string can be read: what departs from the format becomes a Fault, and the raw text stays whole."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.grammar.pieces import StepPiece, cut_pieces
from core.grammar.tags import (
    AFTER_OBSERVATION,
    ALMOST_POINT,
    BEFORE_OBSERVATION,
    OBSERVATION_TAG,
    ODD_SIGN,
    POINT_IN_TEXT,
    POINT_LIST,
    SILENT,
    TAG,
    TOOL_NAME,
    read_point,
)
from core.trace import (
    Author,
    AuthoredSpan,
    Fault,
    FaultKind,
    PointMention,
    PointSource,
    Span,
    StopReason,
    ToolCall,
    Turn,
)


@dataclass(frozen=True, slots=True)
class Message:
    """A piece of a conversation and who wrote it."""

    author: Author
    text: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a text says, before any picture is known.

    turns   one a turn of the policy; their texts, joined, are the text that was read
    faults  by turn and place
    answer  the answer's text, stripped; None where no turn holds one
    pieces  the reasoning cut into steps of at most one point each
    """

    turns: tuple[Turn, ...]
    faults: tuple[Fault, ...]
    answer: str | None
    pieces: tuple[StepPiece, ...]

    @property
    def stop(self) -> StopReason:
        """Why the conversation ended, as far as its text tells."""
        last = self.turns[-1] if self.turns else None
        if last is None or (last.answer is None and last.call is not None):
            return StopReason.UNKNOWN
        if last.answer is None:
            return StopReason.NO_ACTION
        forced = any(part.author is Author.INJECTED for part in last.authors)
        return StopReason.FORCED if forced else StopReason.ANSWERED


def parse(text: str) -> Parsed:
    """The turns of one flat completion; observations inside it end their turns. Linear in the text's length; never raises."""
    return parse_messages([message for start, end in _turn_bounds(text) for message in _split_authors(text[start:end])])


def parse_messages(messages: Sequence[Message]) -> Parsed:
    """The turns of a conversation given message by message.

    Each model message begins a turn, unless an injected prefix has just begun it; an observation belongs to the turn before it. Empty
    messages say nothing and are passed over.
    """
    turns: list[list[Message]] = []
    for message in filter(lambda message: message.text, messages):
        continues = bool(turns) and (
            message.author is Author.OBSERVATION or (message.author is Author.MODEL and turns[-1][-1].author is Author.INJECTED)
        )
        if continues:
            turns[-1].append(message)
        else:
            turns.append([message])
    return _assemble(turns)


def as_messages(turns: Sequence[Turn]) -> tuple[Message, ...]:
    """The messages of which turns were made: `parse_messages` reads equal turns back."""
    return tuple(Message(part.author, part.span.of(turn.text)) for turn in turns for part in turn.authors)


def _assemble(drafts: list[list[Message]]) -> Parsed:
    readers = [_TurnReader(index, parts) for index, parts in enumerate(drafts)]
    turns = tuple(reader.turn() for reader in readers)
    faults = [fault for reader in readers for fault in reader.faults]
    answered = [turn for turn in turns if turn.answer is not None]
    answer = answered[-1].answer.of(answered[-1].text).strip() if answered and answered[-1].answer else None
    pieces = tuple(piece for turn, reader in zip(turns, readers, strict=True) for piece in cut_pieces(turn, reader.reasoning))
    last = len(turns) - 1
    if not turns or turns[last].answer is None:
        faults.append(Fault(FaultKind.MISSING_ANSWER, max(0, last), None, "The conversation ends without an answer."))
    if not any(piece.mention for piece in pieces):
        faults.append(Fault(FaultKind.NO_POINT, max(0, last), None, "No step names a point in the picture."))
    faults.sort(key=lambda fault: (fault.turn, fault.span.start if fault.span else math.inf))
    return Parsed(turns, tuple(faults), answer, pieces)


def _turn_bounds(text: str) -> list[tuple[int, int]]:
    """Start and end of each turn of a flat completion: a turn ends behind its observation."""
    bounds: list[tuple[int, int]] = []
    start = 0
    opened = False
    for tag in OBSERVATION_TAG.finditer(text):
        if not tag[1]:
            opened = True
        elif opened:
            found = AFTER_OBSERVATION.match(text, tag.end())
            bounds.append((start, found.end() if found else tag.end()))
            start, opened = bounds[-1][1], False
    if bounds and SILENT.fullmatch(text, start):
        # The blank end of the text is not a turn.
        bounds[-1] = (bounds[-1][0], len(text))
    else:
        bounds.append((start, len(text)))
    return bounds


def _split_authors(text: str) -> list[Message]:
    """The messages of one turn of a flat completion: what stands before its observation, and the observation."""
    for tag in OBSERVATION_TAG.finditer(text):
        if not tag[1]:
            before = BEFORE_OBSERVATION.search(text, max(0, tag.start() - 40), tag.start())
            cut = before.start() if before else tag.start()
            said = [Message(Author.MODEL, text[:cut])] if cut else []
            return [*said, Message(Author.OBSERVATION, text[cut:])]
    return [Message(Author.MODEL, text)]


@dataclass(slots=True)
class _Block:
    """A tagged block: `outer` with its tags, `body` without."""

    name: str
    outer: Span
    body: Span


class _TurnReader:
    """Reads one turn: one pass over its tags, then what stands between them."""

    def __init__(self, index: int, parts: list[Message]) -> None:
        self.index = index
        self.text = "".join(part.text for part in parts)
        self.faults: list[Fault] = []
        self.reasoning: list[Span] = []
        self.blocks: list[_Block] = []
        self.answered = False
        self.authors: list[AuthoredSpan] = []
        self.observation: Span | None = None
        said_end = 0
        for part in parts:
            span = Span(said_end, said_end + len(part.text))
            if part.author is Author.OBSERVATION:
                self.observation = Span(self.observation.start if self.observation else span.start, span.end)
            if part.text:
                self.authors.append(AuthoredSpan(span, part.author))
            said_end = span.end
        # An observation ends its turn; what the policy said lies before it.
        self.said_end = self.observation.start if self.observation else said_end
        self._read_blocks()

    def turn(self) -> Turn:
        """The turn with its thought, first call, first answer and all points; collects the faults on the way."""
        thoughts = self._all("think")
        self._check_thoughts(thoughts)
        calls, answers = self._all("tool_call"), self._all("answer")
        for extra in calls[1:]:
            self._fault(FaultKind.SEVERAL_CALLS, extra.outer, "Only the first tool call of a turn is carried out.")
        for extra in answers[1:]:
            self._fault(FaultKind.SEVERAL_ANSWERS, extra.outer, "Only the first answer of a turn counts.")
        if calls and answers:
            self._fault(FaultKind.CALL_AND_ANSWER, answers[0].outer, "A turn holds either a tool call or an answer, not both.")
        call = self._read_call(calls[0]) if calls else None
        answer = answers[0].body if answers else None
        if answer and not answer.of(self.text).strip():
            self._fault(FaultKind.EMPTY_ANSWER, answer, "The answer is empty.")
        mentions = self._mentions(call, answer)
        thought = thoughts[0].body if thoughts else None
        return Turn(self.index, self.text, tuple(self.authors), thought, call, answer, self.observation, mentions)

    def _all(self, name: str) -> list[_Block]:
        return [block for block in self.blocks if block.name == name]

    def _fault(self, kind: FaultKind, span: Span | None, detail: str) -> None:
        self.faults.append(Fault(kind, self.index, span, detail))

    def _read_blocks(self) -> None:
        """Pairs the tags in one pass: a tag that opens another block ends the one that is open."""
        name, opened, body, cursor = "", 0, 0, 0
        for tag in TAG.finditer(self.text, 0, self.said_end):
            closing, tag_name = bool(tag[1]), tag[2].lower()
            if tag[2] != tag_name:
                self._fault(FaultKind.TAG_CASE, Span(*tag.span()), f"The tag {tag[0]} is not in lower case.")
            if not name:
                self._stray(cursor, tag.start())
                cursor = tag.end()
                if closing:
                    self._fault(FaultKind.UNOPENED_TAG, Span(*tag.span()), f"{tag[0]} closes a block that was not opened.")
                else:
                    name, opened, body = tag_name, tag.start(), tag.end()
            elif closing and tag_name == name:
                self._close(name, Span(opened, tag.end()), Span(body, tag.start()))
                name, cursor = "", tag.end()
            elif closing:
                self._fault(FaultKind.UNOPENED_TAG, Span(*tag.span()), f"{tag[0]} closes a block that was not opened.")
            elif tag_name == name:
                self._fault(FaultKind.NESTED_TAG, Span(*tag.span()), f"{tag[0]} stands inside another {tag[0]}.")
            else:
                self._unclosed(name, opened, body, tag.start())
                name, opened, body = tag_name, tag.start(), tag.end()
        if name:
            self._unclosed(name, opened, body, self.said_end)
        else:
            self._stray(cursor, self.said_end)

    def _unclosed(self, name: str, opened: int, body: int, end: int) -> None:
        self._fault(FaultKind.UNCLOSED_TAG, Span(opened, body), f"<{name}> is opened and never closed.")
        self._close(name, Span(opened, end), Span(body, end))

    def _close(self, name: str, outer: Span, body: Span) -> None:
        if name == "observation":
            self._fault(FaultKind.MADE_UP_OBSERVATION, outer, "The model wrote an observation itself.")
        elif name == "think":
            self.reasoning.append(body)
        if name != "answer" and self.answered:
            self._fault(FaultKind.AFTER_ANSWER, outer, f"A <{name}> block follows the answer.")
        self.answered = self.answered or name == "answer"
        self.blocks.append(_Block(name, outer, body))

    def _stray(self, start: int, end: int) -> None:
        """Text outside every tag: a fault, and still read as reasoning, so that no point in it is lost."""
        if start == end:
            return
        silent = SILENT.match(self.text, start, end)
        start = silent.end() if silent else start
        if start == end:
            return
        span = Span(start, start + len(self.text[start:end].rstrip()))
        kind = FaultKind.AFTER_ANSWER if self.answered else FaultKind.STRAY_TEXT
        self._fault(kind, span, "Text follows the answer." if self.answered else "Text stands outside every tag.")
        self.reasoning.append(span)

    def _check_thoughts(self, thoughts: list[_Block]) -> None:
        if not thoughts and self.said_end:
            self._fault(FaultKind.MISSING_THINK, None, "The turn has no think block.")
        for block in thoughts[:1]:
            if not block.body.of(self.text).strip():
                self._fault(FaultKind.EMPTY_THINK, block.outer, "The think block is empty.")
        for block in thoughts[1:]:
            self._fault(FaultKind.SEVERAL_THINKS, block.outer, "A turn holds one think block.")

    def _mentions(self, call: ToolCall | None, answer: Span | None) -> tuple[PointMention, ...]:
        mentions = list(self._points())
        if call and call.mention:
            mentions.append(call.mention)
        point = read_point(answer.of(self.text)) if answer else None
        if answer and point:
            written = answer.of(self.text)
            lead = len(written) - len(written.lstrip())
            span = Span(answer.start + lead, answer.start + len(written.rstrip()))
            mentions.append(PointMention(*point, span.of(self.text), span, PointSource.ANSWER))
        return tuple(sorted(mentions, key=lambda mention: mention.span.start))

    def _points(self) -> Iterator[PointMention]:
        """The points in the reasoning, in one search of the whole text: a search of each piece would cost more than it finds."""
        for found in self._in_reasoning(POINT_IN_TEXT):
            x, y = float(found[1]), float(found[2])
            where = Span(*found.span())
            if abs(x) < 1e300 and abs(y) < 1e300:
                yield PointMention(x, y, found[0], where, PointSource.TEXT)
            else:
                self._fault(FaultKind.UNREADABLE_POINT, where, "The numbers are too large to be a point.")
        for found in self._in_reasoning(ALMOST_POINT) if ODD_SIGN.search(self.text, 0, self.said_end) else ():
            if POINT_IN_TEXT.fullmatch(found[0]) is None:
                written = f"{found[0]:.60} looks like a point, but its signs are not those of one: (12, 34) is read."
                self._fault(FaultKind.UNREADABLE_POINT, Span(*found.span()), written)

    def _in_reasoning(self, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
        """What a pattern finds inside the reasoning, whose spans lie one after the other; neither pattern can reach over a tag."""
        spans = iter(self.reasoning)
        span = next(spans, None)
        for found in pattern.finditer(self.text, 0, self.said_end):
            while span and span.end <= found.start():
                span = next(spans, None)
            if span is None:
                return
            if span.start <= found.start() and found.end() <= span.end:
                yield found

    def _read_call(self, block: _Block) -> ToolCall:
        """The tool call of a block; what cannot be read is None, and a fault says why."""
        try:
            call = json.loads(block.body.of(self.text), parse_int=float)
        except (ValueError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deeply or not readable"
            self._fault(FaultKind.MALFORMED_CALL, block.outer, f"The tool call is not JSON: {reason}.")
            return ToolCall(block.outer, None, None)
        if not isinstance(call, dict):
            self._fault(FaultKind.MALFORMED_CALL, block.outer, "The tool call is JSON, but not an object with a name and arguments.")
            return ToolCall(block.outer, None, None)
        name = call.get("name")
        name = name if isinstance(name, str) else None
        if name != TOOL_NAME:
            self._fault(FaultKind.UNKNOWN_TOOL, block.outer, f"The only tool is {TOOL_NAME}, not {name!r:.80}.")
        arguments = call.get("arguments")
        pair = _pair(arguments.get("coordinate")) if isinstance(arguments, dict) else None
        if pair is None:
            self._fault(FaultKind.BAD_COORDINATE, block.outer, "arguments.coordinate is not a list of two finite numbers.")
            return ToolCall(block.outer, name, None)
        span = self._coordinate_span(block.body, pair)
        return ToolCall(block.outer, name, PointMention(*pair, span.of(self.text), span, PointSource.TOOL_CALL))

    def _coordinate_span(self, body: Span, pair: tuple[float, float]) -> Span:
        # JSON keeps the last of several equal keys, and so does what is shown; an earlier one may stand outside the arguments.
        key = self.text.rfind('"coordinate"', body.start, body.end)
        start = self.text.find("[", key, body.end)
        end = self.text.find("]", start, body.end)
        written = POINT_LIST.fullmatch(self.text, start, end + 1) if 0 <= key < start < end else None
        same = written is not None and (float(written[1]), float(written[2])) == pair
        return Span(start, end + 1) if same else body


def _pair(value: object) -> tuple[float, float] | None:
    # parse_int=float has made every JSON number a float, so that true and false are not taken for 1 and 0.
    if not isinstance(value, list) or len(value) != 2 or not all(isinstance(number, float) and abs(number) < 1e300 for number in value):
        return None
    return value[0], value[1]
