"""Windows and widgets -> plain colours on a picture, before marks and noise are laid over them."""

from __future__ import annotations

from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

from core.geometry import Box
from core.tasks.needle.paints import PAINTS
from core.tasks.needle.screens import BAR
from core.tasks.needle.values import Scene, Widget, WidgetKind

_PANEL, _RIM, _INK, _PAPER, _TRACK = (228, 228, 230), (110, 110, 116), (40, 40, 44), (240, 240, 240), (150, 150, 156)


def draw_windows(scene: Scene) -> Image.Image:
    """The scene's windows with their widgets on its ground: no marks yet, and no noise."""
    picture = Image.new("RGB", (scene.side, scene.side), (scene.ground,) * 3)
    pen = ImageDraw.Draw(picture)
    widgets = [item for item in scene.items if isinstance(item, Widget)]
    for window in scene.windows:
        left, top, right, bottom = _pixels(window.box)
        pen.rectangle((left, top, right, bottom), fill=_PANEL, outline=_RIM, width=2)
        bar = top + round(BAR * widgets[0].size)
        pen.rectangle((left, top, right, bar), fill=PAINTS[window.colour], outline=_RIM, width=2)
        _write(picture, window.word, left + 8, (top + bar) // 2, _PAPER)
    for widget in widgets:
        _DRAWN[widget.kind](picture, pen, widget)
    return picture


def _pixels(box: Box) -> tuple[int, int, int, int]:
    """The first and the last pixel of a box, across and down."""
    return round(box.x1), round(box.y1), round(box.x2) - 1, round(box.y2) - 1


def _button(picture: Image.Image, pen: ImageDraw.ImageDraw, widget: Widget) -> None:
    left, top, right, bottom = _pixels(widget.box)
    pen.rounded_rectangle((left, top, right, bottom), widget.size // 5, fill=PAINTS[widget.colour], outline=_RIM, width=2)
    _write_beside(picture, widget, _PAPER)


def _check_box(picture: Image.Image, pen: ImageDraw.ImageDraw, widget: Widget) -> None:
    left, top, _, bottom = _pixels(widget.box)
    pen.rectangle((left, top, left + bottom - top, bottom), fill=PAINTS[widget.colour], outline=_INK, width=3)
    _write_beside(picture, widget, _INK)


def _slider(picture: Image.Image, pen: ImageDraw.ImageDraw, widget: Widget) -> None:
    left, top, right, bottom = _pixels(widget.box)
    middle, half = (top + bottom) // 2, (bottom - top) // 2
    pen.rectangle((left, middle - 3, right, middle + 3), fill=_TRACK, outline=_RIM)
    pen.ellipse((widget.x - half, top, widget.x + half, bottom), fill=PAINTS[widget.colour], outline=_RIM, width=2)


def _tab(picture: Image.Image, pen: ImageDraw.ImageDraw, widget: Widget) -> None:
    left, top, right, bottom = _pixels(widget.box)
    slant = widget.size // 8
    # Two narrow slants and a foot line: a tab is open below, as a button is not.
    outline = [(left, bottom), (left + slant, top), (right - slant, top), (right, bottom)]
    pen.polygon(outline, fill=PAINTS[widget.colour])
    pen.line((left, bottom, right, bottom), fill=_INK, width=3)
    _write_beside(picture, widget, _PAPER)


_DRAWN = {WidgetKind.BUTTON: _button, WidgetKind.CHECK_BOX: _check_box, WidgetKind.SLIDER: _slider, WidgetKind.TAB: _tab}


def _write_beside(picture: Image.Image, widget: Widget, ink: tuple[int, int, int]) -> None:
    # Behind the mark, and behind the square of a check box, which is as wide as it is high.
    _write(picture, widget.word, round(widget.box.x1 + widget.box.height) + 5, widget.y, ink)


def _write(picture: Image.Image, word: str, left: int, middle: int, ink: tuple[int, int, int]) -> None:
    letters = _letters(word)
    picture.paste(ink, (left, middle - letters.height // 2), letters)


@lru_cache(maxsize=64)
def _letters(word: str) -> Image.Image:
    """A word as a mask, 11 px high: in the font that Pillow holds as pixels, which no version of a font renderer changes."""
    font = ImageFont.load_default_imagefont()
    left, top, right, bottom = font.getbbox(word)
    mask = Image.new("L", (int(right - left) or 1, int(bottom - top) or 1), 0)
    ImageDraw.Draw(mask).text((0, 0), word, fill=255, font=font)
    return mask
