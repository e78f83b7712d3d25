"""What an import would find, before anything is written: the kinds of rows, and whether the points fall where they should.

A wrong frame cannot be seen in numbers. So a picture is given with the points of its first traces, in the frame that was recovered and
in every other, for a person to look at and to decide; where several frames were recovered, a picture for each.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from PIL import Image, ImageDraw, ImageFont, ImageOps

from annotations.importing.convert import Refusal, RowReader
from annotations.importing.frame_recovery import AUTO, FrameRule, alternatives, asked_frame, recover_frame
from annotations.importing.picture_source import PictureSource
from annotations.importing.reading import RowFile
from annotations.importing.report import LineVerdict, Outcome, counted
from annotations.importing.rows import Choices
from annotations.importing.run import ImportRequest
from annotations.importing.sources import Source, find_sources
from annotations.importing.tally import count_outside
from annotations.pictures import PictureStore
from core.errors import PictureError
from core.geometry import Point
from core.grounding import place
from core.trace import Picture, PointMention, PointSource, Trace

# Rows of each file, and files, that a preview looks at: it should be there at once.
_ROWS = 100
_FILES = 20
_SHOWN_TRACES = 3
_SHOWN_PICTURES = 4
_SHOWN_REFUSALS = 20
_LONGEST_SIDE = 1200
# What rows that could not be read are counted under, beside the kinds.
REFUSED = "refused line"


@dataclass(frozen=True, slots=True)
class PreviewPoint:
    """A point of one of the shown traces, in original pixels: `trace` counts the traces, `number` its steps, both from 1."""

    trace: int
    number: int
    point: Point
    inside: bool
    written: str


@dataclass(frozen=True, slots=True)
class FrameOption:
    """What a frame would make of the first traces.

    option    as it is written behind --frame; "auto": each trace in the frame that was recovered for it
    words     what the numbers would be
    outside   points outside, of `total`, in all traces that were looked at
    points    of the traces of the first picture, in original pixels
    """

    option: str
    words: str
    outside: int
    total: int
    points: tuple[PreviewPoint, ...]


@dataclass(frozen=True, slots=True)
class PreviewPicture:
    """A picture with the points of its first traces, for a frame that was recovered.

    question, picture   of a sample whose traces are in that frame; `picture_file` holds the bytes of the picture
    words    the frame, how it is known, and how many of the traces that were looked at are in it
    points   by option, for each of the preview's frames: the points in original pixels
    """

    question: str
    picture: Picture
    picture_file: bytes | None = field(repr=False)
    words: str
    points: Mapping[str, tuple[PreviewPoint, ...]]


@dataclass(frozen=True, slots=True)
class Preview:
    """What was found.

    kinds    rows by kind, and by `REFUSED`, of the `rows` that were looked at; `whole` where these were all rows
    frame    what the import would take: "auto", or the frame that was asked for; None where no row has a trace that would be placed
    known_by why; where several frames were recovered, how many traces are in each
    others   what each other frame would give if all traces were in it
    shown    a picture for each frame that was recovered, the first ones
    question, picture, picture_file   of the first of them
    """

    kinds: Mapping[str, int]
    rows: int
    whole: bool
    refused: tuple[LineVerdict, ...] = ()
    warnings: tuple[str, ...] = ()
    frame: FrameOption | None = None
    known_by: str = ""
    others: tuple[FrameOption, ...] = ()
    question: str = ""
    picture: Picture | None = None
    picture_file: bytes | None = field(default=None, repr=False)
    shown: tuple[PreviewPicture, ...] = ()


@dataclass(frozen=True, slots=True)
class _Placed:
    """A trace, and the frame that was recovered for it, whatever was asked for."""

    trace: Trace
    rule: FrameRule


@dataclass(slots=True)
class _Found:
    """What was gathered on the way."""

    kinds: Counter[str] = field(default_factory=Counter)
    refused: list[LineVerdict] = field(default_factory=list)
    traces: list[_Placed] = field(default_factory=list)
    whole: bool = True


def preview(request: ImportRequest, pictures: PictureStore) -> Preview:
    """Looks at the first rows of each file and writes nothing.

    Raises ImportRefused, FrameError or PictureError where the import could not begin.
    """
    sources = find_sources(request.paths)
    choices = Choices(request.domain, asked_frame(request.frame), request.policy)
    taken = PictureSource(pictures, request.root(), keep=False)
    found = _Found(whole=len(sources) <= _FILES)
    for source in sources[:_FILES]:
        _look_into(source, RowReader(taken, choices), found)
    warnings = tuple(dict.fromkeys(source.warning for source in sources if source.warning))
    rows = sum(found.kinds.values())
    plain = Preview(dict(found.kinds), rows, found.whole, tuple(found.refused), warnings)
    return _placed(plain, found.traces, choices.frame, taken) if found.traces else plain


def _placed(plain: Preview, traces: Sequence[_Placed], asked: FrameRule | None, pictures: PictureSource) -> Preview:
    """The preview with its frames and pictures."""
    groups = _grouped(traces)
    rows: dict[str, FrameRule | None] = {} if asked is None else {asked.option: asked}
    rows[AUTO] = None
    # One frame that was recovered would give the same again; several are tried on all.
    forced = [group[0].rule for group in groups] if len(groups) > 1 else []
    for rule in [*forced, *alternatives()]:
        rows.setdefault(rule.option, rule)
    shown = tuple(_picture(group, rows, pictures) for group in groups[:_SHOWN_PICTURES])
    options = [_option(option, rule, traces, groups, shown[0]) for option, rule in rows.items()]
    return replace(
        plain,
        frame=options[0],
        known_by=asked.known_by if asked else _known_by(groups),
        others=tuple(options[1:]),
        question=shown[0].question,
        picture=shown[0].picture,
        picture_file=shown[0].picture_file,
        shown=shown,
    )


def draw_preview(found: Preview, option: FrameOption | None = None, picture_index: int = 0) -> bytes:
    """A PNG of one of `found.shown`, upright, with the points of a frame (by default the one that would be taken).

    A point outside is drawn on the nearest edge. Raises PictureError where there is no such picture, or it is damaged.
    """
    option = option or found.frame
    shown = found.shown[picture_index] if picture_index < len(found.shown) else None
    if shown is None or shown.picture_file is None or option is None:
        raise PictureError("There is no picture with points to draw: no row of the first ones holds a trace that can be placed.")
    try:
        with Image.open(io.BytesIO(shown.picture_file)) as image:
            # A browser heeds the orientation of some formats only; the picture's header was read as a browser reads it.
            upright = image if shown.picture.orientation == 1 else ImageOps.exif_transpose(image)
            canvas = upright.convert("RGB")
    except (OSError, SyntaxError, ValueError) as error:
        raise PictureError(f"The picture {shown.picture.name} is damaged: its pixels cannot be read.") from error
    canvas.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    scale = canvas.width / shown.picture.size.width, canvas.height / shown.picture.size.height
    for point in shown.points[option.option]:
        _draw(canvas, point, scale)
    buffer = io.BytesIO()
    canvas.save(buffer, "PNG")
    return buffer.getvalue()


def _look_into(source: Source, reader: RowReader, found: _Found) -> None:
    try:
        with RowFile(source.path) as rows:
            waiting = iter(rows)
            for row in islice(waiting, _ROWS):
                reading = reader.read(row, source)
                if isinstance(reading, Refusal):
                    found.kinds[REFUSED] += 1
                    if len(found.refused) < _SHOWN_REFUSALS:
                        kind = reading.kind.value if reading.kind else ""
                        found.refused.append(LineVerdict(source.name, row.line, Outcome.REFUSED, reading.reason, kind))
                    continue
                found.kinds[reading.kind.value] += 1
                if reading.converted.placed and reading.converted.traces:
                    rule = recover_frame(reading.kind, source.arguments)
                    found.traces.extend(_Placed(trace, rule) for trace in reading.converted.traces[:_ROWS])
            found.whole = found.whole and next(waiting, None) is None
    except OSError as error:
        found.refused.append(LineVerdict(source.name, 0, Outcome.REFUSED, f"The file cannot be read: {error.strerror or error}."))


def _grouped(traces: Sequence[_Placed]) -> list[list[_Placed]]:
    """The traces by the frame that was recovered for them, in the order in which the frames came."""
    groups: dict[str, list[_Placed]] = {}
    for placed in traces:
        groups.setdefault(placed.rule.words, []).append(placed)
    return list(groups.values())


def _known_by(groups: Sequence[Sequence[_Placed]]) -> str:
    if len(groups) == 1:
        return groups[0][0].rule.known_by
    return "; ".join(f"{counted(len(group), 'trace')}: {_options(group[0].rule)}" for group in groups)


def _options(rule: FrameRule) -> str:
    """The rule as it is written behind --frame; both limits, where two were in force, which no option can say."""
    both = rule.max_side is not None and rule.max_pixels is not None
    return f"{rule.option} or else budget:{rule.max_pixels}" if both else rule.option


def _picture(group: Sequence[_Placed], rows: Mapping[str, FrameRule | None], pictures: PictureSource) -> PreviewPicture:
    """The first picture of the group that any point lies on, with the points of its first traces."""
    first = next((placed for placed in group if _mentions(placed.trace)), group[0])
    picture = first.trace.sample.pictures[0]
    same = [placed for placed in group if placed.trace.sample.pictures[0] == picture and _mentions(placed.trace)]
    shown = same[:_SHOWN_TRACES] or [first]
    return PreviewPicture(
        question=first.trace.sample.question,
        picture=picture,
        picture_file=pictures.file_of(picture),
        words=f"{first.rule.words}, {first.rule.known_by} ({counted(len(group), 'trace')})",
        points={option: _points(rule, shown) for option, rule in rows.items()},
    )


def _mentions(trace: Trace) -> list[PointMention]:
    return [mention for turn in trace.turns for mention in turn.mentions]


def _numbered(trace: Trace) -> list[tuple[int, PointMention]]:
    """The points with their steps' numbers, the answer's with the next one: a call to a step's own point is not shown twice."""
    steps = [(step.index + 1, step.mention) for step in trace.steps if step.mention]
    answers = [mention for mention in _mentions(trace) if mention.source is PointSource.ANSWER] if trace.answer_point else []
    return [*steps, *((len(trace.steps) + 1, mention) for mention in answers)]


def _option(
    option: str, rule: FrameRule | None, traces: Sequence[_Placed], groups: Sequence[Sequence[_Placed]], first: PreviewPicture
) -> FrameOption:
    """A row: all traces under a rule, or, where there is none, each under the one that was recovered for it."""
    outside = total = 0
    for placed in traces:
        mentions = _mentions(placed.trace)
        grid = (rule or placed.rule).frame(placed.trace.sample.pictures[0]).grid
        outside += count_outside(mentions, grid.width, grid.height)
        total += len(mentions)
    recovered = groups[0][0].rule.words if len(groups) == 1 else "in the frame of each file"
    return FrameOption(option, rule.words if rule else f"as recovered: {recovered}", outside, total, first.points[option])


def _points(rule: FrameRule | None, shown: Sequence[_Placed]) -> tuple[PreviewPoint, ...]:
    points = []
    for at, placed in enumerate(shown, start=1):
        frame = (rule or placed.rule).frame(placed.trace.sample.pictures[0])
        for number, mention in _numbered(placed.trace):
            point = place(mention, frame)
            if point is None:
                continue
            points.append(PreviewPoint(at, number, point, frame.picture.contains(point), mention.written))
    return tuple(points)


# A colour a trace, safe for colour blindness (Okabe and Ito): orange, sky blue, bluish green.
_COLOURS = ("#E69F00", "#56B4E9", "#009E73")


def _draw(canvas: Image.Image, point: PreviewPoint, scale: tuple[float, float]) -> None:
    x = min(max(point.point.x * scale[0], 0), canvas.width)
    y = min(max(point.point.y * scale[1], 0), canvas.height)
    pen, text = ImageDraw.Draw(canvas), f"{point.number}" if point.inside else f"{point.number}!"
    # As large as a fingertip where the picture is shown half as wide as it is drawn.
    radius = max(12, canvas.width // 60)
    around = (x - radius, y - radius, x + radius, y + radius)
    colour = _COLOURS[(point.trace - 1) % len(_COLOURS)]
    if point.inside:
        pen.ellipse(around, fill=colour, outline="black", width=2)
    else:
        pen.rectangle(around, fill=colour, outline="red", width=3)
    pen.text((x, y), text, fill="black", anchor="mm", font=ImageFont.load_default(radius * 1.2), stroke_width=1, stroke_fill="white")
