"""In which space do a file's numbers live? The rules, the reason in words, and what every other choice would give.

The reference's files do not say it. Its evaluation shrinks pictures before the model sees them, and records neither the picture's new
size nor, where a side limit was given, the true scale (`scale_factor` is reset to 1.0): the command line in the sibling args.json is
what can be trusted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotations.importing.json_values import BadRow, read_json
from annotations.importing.kinds import SourceKind
from core.errors import FrameError
from core.frames import REFERENCE_MAX_PIXELS, REFERENCE_MAX_SIDE, CoordinateFrame, FrameKind, stored_size
from core.trace import Picture

ARGS_FILE = "args.json"
# A command line's arguments are a few hundred bytes.
_LARGEST_ARGS = 2**20
_LARGEST_LIMIT = 10**9
_ASKED = re.compile(r"(?P<kind>side|budget):(?P<limit>[1-9]\d{0,8})")


@dataclass(frozen=True, slots=True)
class FrameRule:
    """How the frame of a picture follows from the picture's size.

    max_side, max_pixels   the limits that were in force; with both, the budget holds for pictures that the side limit leaves alone
    known_by               how the rule is known, in words
    """

    kind: FrameKind
    max_side: int | None = None
    max_pixels: int | None = None
    known_by: str = ""

    @property
    def option(self) -> str:
        """The rule as it is written behind --frame."""
        if self.max_side is not None:
            return f"side:{self.max_side}"
        if self.max_pixels is not None:
            return f"budget:{self.max_pixels}"
        return "normalised" if self.kind is FrameKind.NORMALISED else self.kind.value

    @property
    def words(self) -> str:
        """What the numbers are, in words."""
        if self.max_side is not None:
            also = f", or else the area to {self.max_pixels} pixels" if self.max_pixels is not None else ""
            return f"pixels after the longest side was limited to {self.max_side}{also}"
        if self.max_pixels is not None:
            return f"pixels after the area was limited to {self.max_pixels}"
        return FRAME_WORDS[self.kind]

    def frame(self, picture: Picture) -> CoordinateFrame:
        """The frame for a picture. The reference ignores EXIF orientation, so the frame lies in the axes of the stored file."""
        size, turned = picture.size, picture.orientation
        if self.max_side is not None:
            stored = stored_size(size, turned)
            if self.max_pixels is None or max(stored.width, stored.height) > self.max_side:
                return CoordinateFrame.side_limit(size, self.max_side, orientation=turned, known_by=self.known_by)
        if self.max_pixels is not None:
            return CoordinateFrame.pixel_budget(size, self.max_pixels, orientation=turned, known_by=self.known_by)
        if self.kind is FrameKind.RESIZED:
            return CoordinateFrame.resized(size, orientation=turned, known_by=self.known_by)
        if self.kind is FrameKind.NORMALISED:
            return CoordinateFrame.normalised(size, orientation=turned, known_by=self.known_by)
        return CoordinateFrame.original(size, orientation=turned, known_by=self.known_by)


FRAME_WORDS = {
    FrameKind.ORIGINAL: "pixels of the picture as it is stored",
    FrameKind.RESIZED: "pixels of the picture as Qwen2.5-VL resizes it",
    FrameKind.SIDE_LIMIT: "pixels after the longest side was limited",
    FrameKind.PIXEL_BUDGET: "pixels after the area was limited",
    FrameKind.NORMALISED: "thousandths of each side",
}

AUTO = "auto"
FRAME_OPTIONS = "auto, original, resized, side:N, budget:N or normalised"


def asked_frame(option: str) -> FrameRule | None:
    """The rule that a person asked for; None for "auto". Raises FrameError for anything that is not in `FRAME_OPTIONS`."""
    known_by = f"asked for: --frame {option}"
    if option == AUTO:
        return None
    if option in ("original", "resized"):
        return FrameRule(FrameKind(option), known_by=known_by)
    if option == "normalised":
        return FrameRule(FrameKind.NORMALISED, known_by=known_by)
    found = _ASKED.fullmatch(option)
    if not found:
        raise FrameError(f"{option!r} is no frame: give {FRAME_OPTIONS}, where N is a number of pixels.")
    limit = int(found["limit"])
    if found["kind"] == "side":
        return FrameRule(FrameKind.SIDE_LIMIT, max_side=limit, known_by=known_by)
    return FrameRule(FrameKind.PIXEL_BUDGET, max_pixels=limit, known_by=known_by)


def recover_frame(kind: SourceKind, arguments: Mapping[str, Any] | None) -> FrameRule:
    """The rule for a kind of row with the arguments of its run, where they are known (None: no args.json)."""
    if kind in (SourceKind.CHAIN, SourceKind.DIALOG):
        return FrameRule(FrameKind.ORIGINAL, known_by="SFT rows carry the picture that the numbers belong to as their first image")
    if kind is SourceKind.TREE:
        return FrameRule(FrameKind.ORIGINAL, known_by="the reference's search does not resize pictures")
    if kind in (SourceKind.RL_RECORD, SourceKind.EVAL_RECORD):
        return FrameRule(FrameKind.ORIGINAL, known_by="records give their truth in pixels of the picture")
    if arguments is None:
        return FrameRule(FrameKind.ORIGINAL, known_by=f"there is no {ARGS_FILE} beside the file, so no resizing is known")
    side, budget = _limit(arguments, "max_image_side"), _limit(arguments, "max_pixels")
    if side is not None:
        # The stored scale_factor is 1.0 here whatever was done: the reference resets it.
        also = f" and max_pixels {budget}" if budget is not None else ""
        return FrameRule(FrameKind.SIDE_LIMIT, side, budget, f"{ARGS_FILE}: max_image_side {side}{also}")
    if budget is not None:
        return FrameRule(FrameKind.PIXEL_BUDGET, max_pixels=budget, known_by=f"{ARGS_FILE}: max_pixels {budget}")
    return FrameRule(FrameKind.ORIGINAL, known_by=f"{ARGS_FILE} sets neither max_image_side nor max_pixels")


def alternatives() -> tuple[FrameRule, ...]:
    """The frames worth a try where points fall outside, the likeliest first."""
    return (
        FrameRule(FrameKind.ORIGINAL),
        FrameRule(FrameKind.RESIZED),
        FrameRule(FrameKind.SIDE_LIMIT, max_side=REFERENCE_MAX_SIDE),
        FrameRule(FrameKind.PIXEL_BUDGET, max_pixels=REFERENCE_MAX_PIXELS),
        FrameRule(FrameKind.NORMALISED),
    )


def read_arguments(path: Path) -> Mapping[str, Any]:
    """The arguments of a run from its args.json. Raises BadRow, in words, where the file cannot be read."""
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST_ARGS + 1)
    except OSError as error:
        raise BadRow(f"{path.name} cannot be read: {error.strerror or error}.") from error
    if len(raw) > _LARGEST_ARGS:
        raise BadRow(f"{path.name} is larger than a command line can be.")
    encoding = json.detect_encoding(raw)
    document, _ = read_json(raw.decode(encoding, errors="replace").encode(), last=True)
    if not isinstance(document, dict):
        raise BadRow(f"{path.name} holds no object with the arguments of a run.")
    return document


def _limit(arguments: Mapping[str, Any], name: str) -> int | None:
    value = arguments.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= _LARGEST_LIMIT:
        return None
    return int(value)
