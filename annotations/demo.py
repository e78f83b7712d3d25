"""The demo: hand-written example traces on free pictures, read from a folder and put into the store once.

The folder holds `traces.jsonl` and `pictures/`. A line of the file is one `_Example` below: the conversation as raw text, message
by message, with the frame its numbers are in, the crop rule of its looks, and a note that says why the example is there. No model
wrote any of it, and the policies' names and the traces' origin ("demo") say so.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from annotations.pictures import PictureStore
from annotations.queries import TraceQuery
from annotations.store import Store
from core.crops import CropRule
from core.errors import TraceError
from core.frames import QWEN_MIN_PIXELS, REFERENCE_MAX_PIXELS, CoordinateFrame, FrameKind
from core.geometry import Box, Size
from core.grammar import Message, parse_messages
from core.grounding import ground
from core.trace import DomainName, Origin, Picture, Sample, Trace, Truth, TruthKind

DEMO_DATASET = "demo"
DEMO_ORIGIN = "demo"
TRACES_FILE = "traces.jsonl"


@dataclass(frozen=True, slots=True)
class _Frame:
    """The space of an example's numbers; the pixel limits are those of `smart_resize`."""

    kind: FrameKind
    min_pixels: int = QWEN_MIN_PIXELS
    max_pixels: int = REFERENCE_MAX_PIXELS

    def on(self, picture: Size) -> CoordinateFrame:
        """The frame for a picture of that size. Raises TraceError for a kind that no example uses."""
        known_by = "the example says so"
        if self.kind is FrameKind.RESIZED:
            return CoordinateFrame.resized(picture, min_pixels=self.min_pixels, max_pixels=self.max_pixels, known_by=known_by)
        if self.kind is FrameKind.NORMALISED:
            return CoordinateFrame.normalised(picture, known_by=known_by)
        if self.kind is FrameKind.ORIGINAL:
            return CoordinateFrame.original(picture, known_by=known_by)
        raise TraceError(f"A demo trace is in the frame resized, normalised_1000 or original, not {self.kind}.")


@dataclass(frozen=True, slots=True)
class _Truth:
    """The right answer; a box is x1, y1, x2, y2 in original pixels."""

    kind: TruthKind
    text: str
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class _Example:
    """A line of the demo's file. `note` says why it is there; one that begins with "Clean" has no faults and a right answer."""

    id: str
    picture: str
    question: str
    domain: DomainName
    truth: _Truth
    policy: str
    frame: _Frame
    messages: tuple[Message, ...]
    note: str
    crop: CropRule | None = None


def demo_traces(folder: Path, pictures: PictureStore) -> tuple[Trace, ...]:
    """The example traces of the folder, in the order of their file; their pictures are added to the picture store.

    Raises TraceError for a line that cannot be read, PictureError for a picture that is refused, OSError for a missing file.
    """
    lines = (folder / TRACES_FILE).read_text(encoding="utf-8").splitlines()
    return tuple(_trace(_example(line, number), number, folder, pictures) for number, line in enumerate(lines, start=1))


def seed_demo(store: Store, pictures: PictureStore, folder: Path) -> int:
    """Put the examples into the data set "demo" unless it holds traces already. Returns how many were added."""
    if store.list_traces(TraceQuery(dataset=(DEMO_DATASET,), page_size=1)).total:
        return 0
    # The list shows the newest first: the file's first example is added last, so that it is the first a newcomer sees.
    return sum(store.add_traces(reversed(demo_traces(folder, pictures)), dataset=DEMO_DATASET))


def _example(line: str, number: int) -> _Example:
    try:
        return _adapter().validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the line"
        raise TraceError(f"{TRACES_FILE}, line {number} is not an example: {place}: {first['msg']}.") from error


def _trace(example: _Example, number: int, folder: Path, pictures: PictureStore) -> Trace:
    picture: Picture = pictures.add_file(folder / "pictures" / example.picture, name=example.picture)
    truth = Truth(example.truth.kind, example.truth.text, Box(*example.truth.box) if example.truth.box else None)
    settings: dict[str, object] = {"note": example.note}
    if example.crop:
        settings |= {"offset": example.crop.offset, "crop_size": example.crop.side, "draw_dot": example.crop.dot}
    return ground(
        Sample(example.question, example.domain, (picture,), truth, example.id),
        parse_messages(example.messages),
        example.frame.on(picture.size),
        example.crop,
        policy=example.policy,
        origin=Origin(DEMO_ORIGIN, TRACES_FILE, number, example.id),
        settings=settings,
    )


@cache
def _adapter() -> TypeAdapter[_Example]:
    return TypeAdapter(_Example)
