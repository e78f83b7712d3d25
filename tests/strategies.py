"""Hypothesis strategies for the values of `core`: any sample and any trace that the types allow, sensible or not.

Texts hold every character but halves of surrogate pairs, which no file can hold, and NUL, which PostgreSQL's text cannot.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from core.frames import CoordinateFrame
from core.geometry import Box, Point, Size
from core.trace import (
    Author,
    AuthoredSpan,
    DomainName,
    Fault,
    FaultKind,
    Look,
    Origin,
    Picture,
    PointMention,
    PointSource,
    Sample,
    Span,
    Step,
    StopReason,
    ToolCall,
    Trace,
    Truth,
    TruthKind,
    Turn,
)

characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
texts = st.text(characters, max_size=40)
names = st.text(characters, min_size=1, max_size=20)
numbers = st.floats(min_value=-1e9, max_value=1e9, allow_nan=False)
hashes = st.text(alphabet="0123456789abcdef", min_size=64, max_size=64)
sizes = st.builds(Size, st.integers(1, 20_000), st.integers(1, 20_000))
points = st.builds(Point, numbers, numbers)
orientations = st.integers(1, 8)
pictures = st.builds(Picture, sha256=hashes, size=sizes, orientation=orientations, name=texts)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
origins = st.builds(Origin, kind=names, file=texts, line=st.integers(0, 10**9), place=texts)
frames = st.one_of(
    *(
        st.builds(make, sizes, orientation=orientations, known_by=texts)
        for make in (
            CoordinateFrame.original,
            CoordinateFrame.resized,
            CoordinateFrame.side_limit,
            CoordinateFrame.pixel_budget,
            CoordinateFrame.normalised,
        )
    )
)


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    """A box with its corners in order."""
    (x1, x2), (y1, y2) = (sorted(draw(st.tuples(numbers, numbers))) for _ in range(2))
    return Box(x1, y1, x2, y2)


@st.composite
def truths(draw: st.DrawFn) -> Truth:
    """A truth that has the box or the point that its kind says."""
    kind = draw(st.sampled_from(TruthKind))
    box = draw(boxes()) if kind is TruthKind.BOX else None
    point = draw(points) if kind is TruthKind.POINT else None
    return Truth(kind, draw(texts), box, point)


samples = st.builds(
    Sample,
    question=texts,
    domain=st.sampled_from(DomainName),
    pictures=st.lists(pictures, max_size=3, unique_by=lambda picture: picture.sha256).map(tuple),
    truth=truths(),
    external_id=texts,
)


@st.composite
def spans(draw: st.DrawFn, text: str) -> Span:
    """A span of a text."""
    start, end = sorted(draw(st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))))
    return Span(start, end)


@st.composite
def mentions(draw: st.DrawFn, text: str) -> PointMention:
    """A point somewhere in a text."""
    return PointMention(draw(numbers), draw(numbers), draw(texts), draw(spans(text)), draw(st.sampled_from(PointSource)))


@st.composite
def turns(draw: st.DrawFn, index: int) -> Turn:
    """A turn of any text, with any spans in it."""
    text = draw(texts)
    cut = draw(st.integers(0, len(text)))
    authors = tuple(AuthoredSpan(span, draw(st.sampled_from(Author))) for span in (Span(0, cut), Span(cut, len(text))))
    call = st.builds(ToolCall, span=spans(text), name=st.none() | texts, mention=st.none() | mentions(text))
    optional = st.none() | spans(text)
    found = tuple(draw(st.lists(mentions(text), max_size=2)))
    return Turn(index, text, authors, draw(optional), draw(st.none() | call), draw(optional), draw(optional), found)


@st.composite
def looks(draw: st.DrawFn) -> Look:
    """A zoom anywhere."""
    cut_from = tuple(draw(st.integers(-(10**9), 10**9)) for _ in range(4))
    cut = tuple(draw(st.lists(st.sampled_from(("left", "top", "right", "bottom")), unique=True)))
    return Look(
        draw(boxes()), (cut_from[0], cut_from[1], cut_from[2], cut_from[3]), draw(sizes), draw(st.booleans()), cut, draw(st.none() | hashes)
    )


@st.composite
def steps(draw: st.DrawFn, index: int, of: tuple[Turn, ...]) -> Step:
    """A step in one of the turns."""
    turn = draw(st.sampled_from(of))
    inside = draw(st.none() | st.booleans())
    mention, point = draw(st.none() | mentions(turn.text)), draw(st.none() | points)
    return Step(index, turn.index, draw(spans(turn.text)), draw(texts), mention, point, inside, draw(st.none() | looks()))


@st.composite
def faults(draw: st.DrawFn, of: tuple[Turn, ...]) -> Fault:
    """A fault in one of the turns, or with no place in it."""
    turn = draw(st.sampled_from(of))
    return Fault(draw(st.sampled_from(FaultKind)), turn.index, draw(st.none() | spans(turn.text)), draw(texts))


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    """Any trace: its parts fit together (turns and steps are numbered, spans lie in their text), and need not make sense."""
    spoken = tuple(draw(turns(index)) for index in range(draw(st.integers(0, 3))))
    settings: dict[str, Any] = draw(st.dictionaries(texts, json_values, max_size=3))
    return Trace(
        sample=draw(samples),
        policy=draw(names),
        frame=draw(frames),
        turns=spoken,
        steps=tuple(draw(steps(index, spoken)) for index in range(draw(st.integers(0, 3)))) if spoken else (),
        faults=tuple(draw(st.lists(faults(spoken), max_size=2))) if spoken else (),
        stop=draw(st.sampled_from(StopReason)),
        answer=draw(st.none() | texts),
        answer_point=draw(st.none() | points),
        system_prompt=draw(st.none() | texts),
        recorded_score=draw(st.none() | numbers),
        origin=draw(origins),
        settings=settings,
    )
