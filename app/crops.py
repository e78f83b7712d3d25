"""Crops as PNG for the browser, the last ones kept: cutting from a 12-megapixel picture takes most of a second."""

from __future__ import annotations

from collections import OrderedDict
from io import BytesIO
from threading import Lock
from typing import Protocol

from PIL import Image

from annotations.pictures import turned_upright
from core.crops import render_look
from core.errors import NotFound
from core.trace import Step, Trace

# A crop of 672 x 672 is under a megabyte as PNG.
_KEPT = 128


class Pictures(Protocol):
    """Where pictures are, by their hash."""

    def decode(self, sha256: str) -> Image.Image:
        """A picture's pixels in stored axes. Raises NotFound and PictureError."""
        ...


class CropRenderer:
    """Renders what the model saw from the stored pictures. Safe to use from several threads."""

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures
        self._kept: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._lock = Lock()

    def png(self, trace: Trace, step: Step, trace_id: str) -> bytes:
        """PNG of the exact crop of a step's look. Raises NotFound for a step without a look or a picture that is gone."""
        if step.look is None or step.mention is None:
            raise NotFound(f"Step {step.index + 1} did not look closer: there is no crop.")
        key = (trace_id, step.index)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        call = trace.turns[step.turn].call
        mention = call.mention if call and call.mention else step.mention
        picture = self._in_policy_axes(trace)
        made = _png(render_look(picture, step.look, trace.frame, (mention.x, mention.y)))
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return made

    def recorded(self, sha256: str) -> bytes:
        """PNG of the pixels of a crop that the source kept, and of nothing else in its file. Raises NotFound and PictureError."""
        return _png(self._pictures.decode(sha256))

    def _in_policy_axes(self, trace: Trace) -> Image.Image:
        """The picture as the policy's loader gave it: stored axes, or upright where the frame says that it was turned before."""
        picture = trace.sample.pictures[0]
        image = self._pictures.decode(picture.sha256)
        return image if trace.frame.orientation == picture.orientation else turned_upright(image, picture.orientation)


def _png(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
