"""How wide was a recorded crop cut? Found by cutting again and comparing: the rows do not say it.

The reference's builder takes the half window as an argument, and its defaults differ from what its scripts pass. A window that is only
supposed would be drawn as a fact, so every supposed one is said to be a guess.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, field

from PIL import Image, ImageChops, ImageStat

from core.crops import window_around
from core.geometry import Size

# Half windows in use: visual search, web grounding, the reference's function and argument defaults, its RL runs.
USUAL_OFFSETS = (182, 100, 75, 50)
# Pictures are compared at this side, where the way of stretching no longer shows.
_SIDE = 48
# Mean difference of 256 levels under which two crops are one: a JPEG's noise is about 2, another window of a photograph over 10.
_SAME = 5.0
# What a usual offset may be worse than the best one and still be taken: in a plain picture all are alike.
_AS_GOOD = 0.5
_WIDEST = 1024
# Rows of a file that are looked at: one run cuts all its crops alike.
_ASKED_ROWS = 8


@dataclass(slots=True)
class CropOffsets:
    """What the crops of a file told so far: offsets that were found, by file and side, and how often none was."""

    _found: dict[tuple[str, int], list[int]] = field(default_factory=dict)
    _failed: dict[tuple[str, int], int] = field(default_factory=dict)

    def find(self, file: str, side: int, pairs: Iterable[tuple[bytes, bytes, float, float]], usual: int) -> int | None:
        """The half window, in pixels of the picture, of crops of that side; None where it cannot be told.

        pairs  file bytes of picture and crop, and the point in pixels of the picture as stored
        """
        key = (file, side)
        told = self._found.get(key, [])
        if len(told) >= _ASKED_ROWS and len(set(told)) == 1:
            return told[0]
        if not told and self._failed.get(key, 0) >= _ASKED_ROWS:
            return None
        offsets = [offset for picture, crop, x, y in pairs if (offset := _match(picture, crop, x, y, (usual, *told[-1:])))]
        if not offsets or len(set(offsets)) > 1:
            self._failed[key] = self._failed.get(key, 0) + 1
            return None
        self._found.setdefault(key, []).append(offsets[0])
        return offsets[0]


def _match(picture_file: bytes, crop_file: bytes, x: float, y: float, likely: tuple[int, ...]) -> int | None:
    try:
        with Image.open(io.BytesIO(picture_file)) as image, Image.open(io.BytesIO(crop_file)) as other:
            picture, crop = image.convert("RGB"), _small(other.convert("RGB"))
    except (OSError, SyntaxError, ValueError):
        # A damaged picture is refused elsewhere, or shown as damaged; here it only cannot tell.
        return None
    size = Size(picture.width, picture.height)
    if not (0 <= x <= size.width and 0 <= y <= size.height):
        return None

    def difference(offset: int) -> float:
        cut = _small(picture.crop(window_around(x, y, size, offset)))
        return sum(ImageStat.Stat(ImageChops.difference(cut, crop)).mean) / 3

    usual = {offset: difference(offset) for offset in dict.fromkeys((*likely, *USUAL_OFFSETS))}
    best = min(usual, key=usual.__getitem__)
    if usual[best] >= _SAME:
        coarse = min(range(16, _WIDEST, 8), key=difference)
        best = min(range(max(1, coarse - 8), coarse + 9), key=difference)
        return best if difference(best) < _SAME else None
    return next(offset for offset in usual if usual[offset] <= usual[best] + _AS_GOOD)


def _small(image: Image.Image) -> Image.Image:
    return image.resize((_SIDE, _SIDE), Image.Resampling.BOX)
