"""What a grounded trace is: frozen values, and their JSON form.

A trace belongs to a sample (a question about pictures, with its truth) and holds the turns of one conversation as they were
written, what was read in them, and what was wrong with them. Everything that is a Point or a Box here is in pixels of the
upright original of `sample.pictures[0]`; the numbers the model wrote are kept beside it, in the trace's `frame`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from core.errors import TraceError
from core.frames import CoordinateFrame
from core.geometry import Box, Point, Size


class DomainName(StrEnum):
    """The four kinds of task of the method."""

    SPATIAL = "spatial"
    VISUAL_SEARCH = "visual_search"
    WEB_GROUNDING = "web_grounding"
    WEB_ACTION = "web_action"


class TruthKind(StrEnum):
    TEXT = "text"
    BOX = "box"
    POINT = "point"
    ACTION = "action"
    NONE = "none"
    """No truth is known: nothing is scored."""


class Author(StrEnum):
    """Who wrote a span of a turn's text."""

    MODEL = "model"
    INJECTED = "injected"
    """Put into the model's mouth: the forced-answer sentence, for one."""
    OBSERVATION = "observation"
    """The environment's answer to a tool call."""


class PointSource(StrEnum):
    """Where in a turn a point was written."""

    TEXT = "text"
    TOOL_CALL = "tool_call"
    ANSWER = "answer"


class StopReason(StrEnum):
    """Why a conversation ended."""

    ANSWERED = "answered"
    """The model gave its answer."""
    FORCED = "forced"
    """Turns, pictures or tokens ran out, and the answer was demanded by an injected sentence."""
    NO_ACTION = "no_action"
    """A turn held neither a tool call nor an answer."""
    MAX_TURNS = "max_turns"
    """Turns ran out and no answer was demanded."""
    MAX_TOKENS = "max_tokens"
    """The text was cut off by a token limit."""
    TIMEOUT = "timeout"
    """The run took too long."""
    CANCELLED = "cancelled"
    """A person stopped the run."""
    ERROR = "error"
    """The run broke off with an error."""
    UNKNOWN = "unknown"
    """The source does not say."""


BROKEN_OFF = frozenset({StopReason.CANCELLED, StopReason.ERROR})
"""Ends that come from a person or a fault, and not from what the policy said or from a limit: they say nothing of the policy."""


class FaultKind(StrEnum):
    """A way in which a model's output departs from the format, or points where nothing is."""

    UNCLOSED_TAG = "unclosed_tag"
    UNOPENED_TAG = "unopened_tag"
    NESTED_TAG = "nested_tag"
    TAG_CASE = "tag_case"
    MISSING_THINK = "missing_think"
    EMPTY_THINK = "empty_think"
    MISSING_ANSWER = "missing_answer"
    EMPTY_ANSWER = "empty_answer"
    SEVERAL_THINKS = "several_thinks"
    SEVERAL_ANSWERS = "several_answers"
    SEVERAL_CALLS = "several_calls"
    CALL_AND_ANSWER = "call_and_answer"
    MALFORMED_CALL = "malformed_call"
    UNKNOWN_TOOL = "unknown_tool"
    BAD_COORDINATE = "bad_coordinate"
    UNREADABLE_POINT = "unreadable_point"
    STRAY_TEXT = "stray_text"
    AFTER_ANSWER = "after_answer"
    MADE_UP_OBSERVATION = "made_up_observation"
    """The model wrote an observation itself instead of waiting for one."""
    POINT_OUTSIDE = "point_outside"
    """The point, in original pixels, is outside the picture: nothing can be drawn or cropped there."""
    NO_POINT = "no_point"
    """The whole trace names no point while thinking."""


@dataclass(frozen=True, slots=True)
class Span:
    """Characters start <= i < end of a turn's text."""

    start: int
    end: int

    def of(self, text: str) -> str:
        """The spanned characters."""
        return text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class AuthoredSpan:
    """A span and who wrote it. A turn's authored spans cover its text without gap or overlap."""

    span: Span
    author: Author


@dataclass(frozen=True, slots=True)
class PointMention:
    """A point as the model wrote it: `x`, `y` are in the trace's frame, `written` is the text, `span` its place in the turn."""

    x: float
    y: float
    written: str
    span: Span
    source: PointSource


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of the zoom tool: the block's span (tags included), the tool's name and point; None where they could not be read."""

    span: Span
    name: str | None
    mention: PointMention | None


@dataclass(frozen=True, slots=True)
class Fault:
    """A named defect: in which turn, where in its text (None where something is absent), and a sentence for a person."""

    kind: FaultKind
    turn: int
    span: Span | None
    detail: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of the policy, with the observation that answered it.

    text         the raw text, whole: what the model wrote, what was injected, then the observation
    authors      who wrote which span; covers `text`
    thought      inside of the first think block
    call         the first tool call, the only one that is carried out
    answer       inside of the first answer block
    observation  the observation, tags included
    mentions     every point in thought, call and answer, in the order of the text
    """

    index: int
    text: str
    authors: tuple[AuthoredSpan, ...]
    thought: Span | None = None
    call: ToolCall | None = None
    answer: Span | None = None
    observation: Span | None = None
    mentions: tuple[PointMention, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """A zoom that the environment carried out.

    window    what was cut out, in original pixels, already clamped to the picture
    cut_from  (left, top, right, bottom) in whole pixels of the frame's raster: the exact cut
    output    size of the crop the model saw, after stretching
    dot       a red dot was drawn at the point
    cut       the edges at which the window was clamped: any of "left", "top", "right", "bottom"
    picture   content hash of the crop where the source kept it; None: it is cut again from the picture
    guessed   the source does not say how wide was cut and its crop does not tell: the window is the domain's usual one
    """

    window: Box
    cut_from: tuple[int, int, int, int]
    output: Size
    dot: bool
    cut: tuple[str, ...] = ()
    picture: str | None = None
    guessed: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """A piece of reasoning with at most one point: n_t = <s_t, (x_t, y_t)> of the paper (arXiv 2505.23678, section 3).

    The steps of a turn lie one after the other in its thought. `point` is in original pixels; `inside` is False where it is
    outside the picture, None where there is no point.
    """

    index: int
    turn: int
    span: Span
    text: str
    mention: PointMention | None = None
    point: Point | None = None
    inside: bool | None = None
    look: Look | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture by the SHA-256 of its file's bytes; `size` is upright, `orientation` the EXIF orientation of the file (1 to 8)."""

    sha256: str
    size: Size
    orientation: int = 1
    name: str = ""


@dataclass(frozen=True, slots=True)
class Truth:
    """The right answer: `text` as the source has it, and its box or point in original pixels where it is one."""

    kind: TruthKind
    text: str = ""
    box: Box | None = None
    point: Point | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """A question about pictures, with its truth. `external_id` is the source's own name for it."""

    question: str
    domain: DomainName
    pictures: tuple[Picture, ...]
    truth: Truth
    external_id: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a trace came from: the kind of source, the file's name, the line or row in it (from 1), and a place inside that row."""

    kind: str
    file: str = ""
    line: int = 0
    place: str = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """One conversation about one sample: as written, as read, and as placed on the picture.

    policy          the model that spoke, by the name its source gives
    answer          the answer's text, stripped; None where there is none
    answer_point    the answer in original pixels, where it is a point
    recorded_score  the score that the source recorded, if any: never recomputed
    settings        sampling and crop settings, as the source gives them (JSON values)
    """

    sample: Sample
    policy: str
    frame: CoordinateFrame
    turns: tuple[Turn, ...]
    steps: tuple[Step, ...]
    faults: tuple[Fault, ...]
    stop: StopReason
    answer: str | None = None
    answer_point: Point | None = None
    system_prompt: str | None = None
    recorded_score: float | None = None
    origin: Origin = Origin("made")
    settings: dict[str, Any] = field(default_factory=dict, hash=False)

    @property
    def looks(self) -> tuple[Look, ...]:
        """The zooms that were carried out, in order."""
        return tuple(step.look for step in self.steps if step.look is not None)

    @property
    def text(self) -> str:
        """Everything that was said, turn after turn, as one completion."""
        return "\n".join(turn.text for turn in self.turns)

    def to_json(self) -> dict[str, Any]:
        """The trace as JSON values; `Trace.from_json` gives an equal trace back."""
        document: dict[str, Any] = _adapter().dump_python(self, mode="json")
        return document

    @classmethod
    def from_json(cls, document: Any) -> Trace:
        """The trace of a document made by `to_json`. Raises TraceError with the place and the reason otherwise."""
        try:
            return _adapter().validate_python(document)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "the document"
            raise TraceError(f"Not a trace: {place}: {first['msg']} ({error.error_count()} places in all).") from error

    @property
    def content_hash(self) -> str:
        """SHA-256 of the trace's `identity`: two imports of one trace, from anywhere, give the same hash."""
        return hashlib.sha256(canonical_json(identity(self.to_json())).encode()).hexdigest()


def identity(document: Mapping[str, Any]) -> dict[str, Any]:
    """A trace's JSON without where it came from: its origin, and how its frame is known, which may be found out or asked for."""
    frame = {name: value for name, value in document["frame"].items() if name != "known_by"}
    return {name: value for name, value in document.items() if name != "origin"} | {"frame": frame}


def canonical_json(value: Any) -> str:
    """JSON text with sorted keys and no spaces: the same text for the same value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


@cache
def _adapter() -> TypeAdapter[Trace]:
    return TypeAdapter(Trace)
