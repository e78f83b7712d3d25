"""What an import would find, before anything is written: the kinds of rows, and whether the points fall where they should.

A wrong frame cannot be seen in numbers. So the first sample's picture is given with the points of its first traces, in the frame that
was recovered and in every other, for a person to look at and to decide.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from PIL import Image, ImageDraw, ImageFont, ImageOps

from annotations.importing.convert import Refusal, RowReader
from annotations.importing.frame_recovery import FrameRule, alternatives, asked_frame, recover_frame
from annotations.importing.picture_source import PictureSource
from annotations.importing.reading import RowFile
from annotations.importing.report import LineVerdict, Outcome
from annotations.importing.rows import Choices
from annotations.importing.run import ImportRequest
from annotations.importing.sources import Source, find_sources
from annotations.importing.tally import count_outside
from annotations.pictures import PictureStore
from core.errors import PictureError
from core.geometry import Point
from core.grounding import place
from core.trace import Picture, PointMention, Trace

# Rows of each file, and files, that a preview looks at: it should be there at once.
_ROWS = 100
_FILES = 20
_SHOWN_TRACES = 3
_SHOWN_REFUSALS = 20
_LONGEST_SIDE = 1200
# What rows that could not be read are counted under, beside the kinds.
REFUSED = "refused line"


@dataclass(frozen=True, slots=True)
class PreviewPoint:
    """A point of one of the shown traces, in original pixels: `trace` counts the traces and `number` its points, both from 1."""

    trace: int
    number: int
    point: Point
    inside: bool
    written: str


@dataclass(frozen=True, slots=True)
class FrameOption:
    """What a frame would make of the first traces.

    option    as it is written behind --frame     words     what the numbers would be
    outside   points outside, of `total`, in all traces that were looked at
    points    of the shown traces, in original pixels
    """

    option: str
    words: str
    outside: int
    total: int
    points: tuple[PreviewPoint, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What was found.

    kinds    rows by kind, and by `REFUSED`, of the `rows` that were looked at; `whole` where these were all rows
    frame    what the import would take, and `known_by` why; None where no row has a trace that would be placed
    others   what each other frame would give
    question, picture   of the first sample; `picture_file` holds the bytes of its picture
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


@dataclass(slots=True)
class _Found:
    """What was gathered on the way."""

    kinds: Counter[str] = field(default_factory=Counter)
    refused: list[LineVerdict] = field(default_factory=list)
    traces: list[Trace] = field(default_factory=list)
    rule: FrameRule | None = None
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
        _look_into(source, RowReader(taken, choices), choices, found)
    warnings = tuple(dict.fromkeys(source.warning for source in sources if source.warning))
    rows = sum(found.kinds.values())
    if not found.traces or found.rule is None:
        return Preview(dict(found.kinds), rows, found.whole, tuple(found.refused), warnings)
    shown = _shown(found.traces)
    first = shown[0].sample.pictures[0]
    return Preview(
        kinds=dict(found.kinds),
        rows=rows,
        whole=found.whole,
        refused=tuple(found.refused),
        warnings=warnings,
        frame=_option(found.rule, shown, _counted(found.traces, None)),
        known_by=found.rule.known_by,
        others=tuple(_option(rule, shown, _counted(found.traces, rule)) for rule in alternatives() if rule.option != found.rule.option),
        question=shown[0].sample.question,
        picture=first,
        picture_file=taken.file_of(first),
    )


def draw_preview(found: Preview, option: FrameOption | None = None) -> bytes:
    """A PNG of the first sample's picture, upright, with the points of a frame (by default the one that would be taken).

    A point outside is drawn on the nearest edge. Raises PictureError where there is no picture, or it is damaged.
    """
    option = option or found.frame
    if found.picture is None or found.picture_file is None or option is None:
        raise PictureError("There is no picture with points to draw: no row of the first ones holds a trace that can be placed.")
    try:
        with Image.open(io.BytesIO(found.picture_file)) as image:
            # A browser heeds the orientation of some formats only; the picture's header was read as a browser reads it.
            upright = image if found.picture.orientation == 1 else ImageOps.exif_transpose(image)
            canvas = upright.convert("RGB")
    except (OSError, SyntaxError, ValueError) as error:
        raise PictureError(f"The picture {found.picture.name} is damaged: its pixels cannot be read.") from error
    canvas.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    scale = canvas.width / found.picture.size.width, canvas.height / found.picture.size.height
    for point in option.points:
        _draw(canvas, point, scale)
    buffer = io.BytesIO()
    canvas.save(buffer, "PNG")
    return buffer.getvalue()


def _look_into(source: Source, reader: RowReader, choices: Choices, found: _Found) -> None:
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
                    found.rule = found.rule or choices.frame or recover_frame(reading.kind, source.arguments)
                    found.traces.extend(reading.converted.traces[:_ROWS])
            found.whole = found.whole and next(waiting, None) is None
    except OSError as error:
        found.refused.append(LineVerdict(source.name, 0, Outcome.REFUSED, f"The file cannot be read: {error.strerror or error}."))


def _shown(traces: Sequence[Trace]) -> list[Trace]:
    """The first traces of the first picture that any point lies on."""
    first = next((trace for trace in traces if _mentions(trace)), traces[0])
    same = [trace for trace in traces if trace.sample.pictures[0] == first.sample.pictures[0] and _mentions(trace)]
    return same[:_SHOWN_TRACES] or [first]


def _mentions(trace: Trace) -> list[PointMention]:
    return [mention for turn in trace.turns for mention in turn.mentions]


def _counted(traces: Sequence[Trace], rule: FrameRule | None) -> tuple[int, int]:
    """Points outside, and points, under a rule; under each trace's own frame where there is none."""
    outside = total = 0
    for trace in traces:
        mentions = _mentions(trace)
        grid = (rule.frame(trace.sample.pictures[0]) if rule else trace.frame).grid
        outside += count_outside(mentions, grid.width, grid.height)
        total += len(mentions)
    return outside, total


def _option(rule: FrameRule, shown: Sequence[Trace], counts: tuple[int, int]) -> FrameOption:
    points = []
    for at, trace in enumerate(shown, start=1):
        frame = rule.frame(trace.sample.pictures[0])
        for number, mention in enumerate(_mentions(trace), start=1):
            point = place(mention, frame)
            if point is None:
                continue
            points.append(PreviewPoint(at, number, point, frame.picture.contains(point), mention.written))
    return FrameOption(rule.option, rule.words, *counts, tuple(points))


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
