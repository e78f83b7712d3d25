"""Draws the demo's web page: the catalogue of a public library that does not exist, 1440 x 900, with and without numbered boxes.

    python static/demo/draw_page.py [FOLDER]      writes library_page.png and library_page_marks.png (default: pictures/ beside this file)

Every element that can be clicked is recorded while it is drawn, so that the truths of the example traces are exact:
`page_elements()` gives them, each with the number it carries in the marked variant. The letters are Pillow's
own bundled font (Aileron, CC0), laid out by Pillow's basic layout engine: the same bytes of picture on every machine that has
the Pillow of requirements.txt.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 1440, 900
# Shapes are drawn this much larger and then reduced, which smooths their edges; letters are drawn at full size.
SMOOTH = 4

FOREST, FOREST_DARK, LEAF = "#1f4d3f", "#153a2f", "#8fc7a3"
INK, QUIET, FAINT, LINE, PAPER, WASH = "#1d2421", "#5d6b65", "#8b9691", "#d5dcd8", "#ffffff", "#f3f6f4"
AMBER, BRICK, SEA, PLUM = "#b26a00", "#a63d2f", "#2f6f8f", "#6a4c7d"
MARK_COLOURS = ("#c2185b", "#1565c0", "#2e7d32", "#ad5400", "#6a1b9a", "#00796b", "#b71c1c", "#7a6a00")

Corners = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Element:
    """Something on the page that can be clicked: its name, its box in pixels (x1, y1, x2, y2) and its number from 1."""

    name: str
    box: Corners
    number: int


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont), "Pillow was built without FreeType, and cannot draw the demo page."
    return font.font_variant(layout_engine=ImageFont.Layout.BASIC)


class Sheet:
    """A page under way: shapes on an enlarged picture, letters kept for the end, clickable elements in the order they were drawn."""

    def __init__(self) -> None:
        self._picture = Image.new("RGB", (WIDTH * SMOOTH, HEIGHT * SMOOTH), WASH)
        self._pen = ImageDraw.Draw(self._picture)
        self._letters: list[tuple[float, float, str, int, str, str, float]] = []
        self._boxes: list[tuple[str, Corners]] = []

    def panel(self, box: Corners, fill: str = PAPER, outline: str | None = LINE, radius: int = 6) -> None:
        """A filled rectangle with round corners and a hairline."""
        corners = [value * SMOOTH for value in box]
        self._pen.rounded_rectangle(corners, radius * SMOOTH, fill=fill, outline=outline, width=SMOOTH)

    def line(self, points: Sequence[tuple[float, float]], colour: str = LINE, width: float = 1) -> None:
        scaled = [(x * SMOOTH, y * SMOOTH) for x, y in points]
        self._pen.line(scaled, fill=colour, width=round(width * SMOOTH), joint="curve")

    def polygon(self, points: Sequence[tuple[float, float]], colour: str) -> None:
        self._pen.polygon([(x * SMOOTH, y * SMOOTH) for x, y in points], fill=colour)

    def disc(self, x: float, y: float, radius: float, fill: str | None, outline: str | None = None, width: float = 1) -> None:
        corners = [(x - radius) * SMOOTH, (y - radius) * SMOOTH, (x + radius) * SMOOTH, (y + radius) * SMOOTH]
        self._pen.ellipse(corners, fill=fill, outline=outline, width=round(width * SMOOTH))

    def arc(self, x: float, y: float, radius: float, start: float, end: float, colour: str, width: float = 1) -> None:
        corners = [(x - radius) * SMOOTH, (y - radius) * SMOOTH, (x + radius) * SMOOTH, (y + radius) * SMOOTH]
        self._pen.arc(corners, start, end, fill=colour, width=round(width * SMOOTH))

    def text(self, x: float, y: float, text: str, size: int = 14, colour: str = INK, anchor: str = "lm", bold: float = 0) -> None:
        """Letters at (x, y); `anchor` as Pillow has it, by default the left end of the middle line. `bold`: added stroke in pixels."""
        self._letters.append((x, y, text, size, colour, anchor, bold))

    def element(self, name: str, box: Corners) -> None:
        """Record something that can be clicked."""
        self._boxes.append((name, box))

    def button(self, name: str, box: Corners, label: str, *, strong: bool = False, size: int = 13) -> None:
        self.panel(box, fill=FOREST if strong else PAPER, outline=FOREST, radius=4)
        self.text((box[0] + box[2]) / 2, (box[1] + box[3]) / 2, label, size, PAPER if strong else FOREST, "mm", 0.3)
        self.element(name, box)

    def chevron(self, x: float, y: float, colour: str = QUIET) -> None:
        self.line([(x - 4, y - 2), (x, y + 2), (x + 4, y - 2)], colour, 1.5)

    def elements(self) -> tuple[Element, ...]:
        return tuple(Element(name, box, number) for number, (name, box) in enumerate(self._boxes, start=1))

    def finished(self) -> Image.Image:
        """The page at its size, with its letters."""
        page = self._picture.reduce(SMOOTH)
        pen = ImageDraw.Draw(page)
        for x, y, text, size, colour, anchor, bold in self._letters:
            pen.text((x, y), text, fill=colour, font=_font(size), anchor=anchor, stroke_width=bold)
        return page


def _header(sheet: Sheet) -> None:
    sheet.panel((0, 0, WIDTH, 72), fill=FOREST, outline=None, radius=0)
    sheet.polygon([(34, 50), (34, 24), (48, 30), (62, 24), (62, 50), (48, 56)], LEAF)
    sheet.line([(48, 30), (48, 56)], FOREST, 2)
    sheet.text(76, 37, "Fernhollow Library", 22, PAPER, bold=0.4)
    sheet.panel((380, 17, 900, 55), radius=5)
    sheet.text(396, 36, "tide tables", 15)
    sheet.line([(800, 25), (800, 47)])
    sheet.text(812, 36, "Everything", 13, QUIET)
    sheet.chevron(887, 36)
    sheet.element("search field", (380, 17, 800, 55))
    sheet.element("search scope", (801, 17, 900, 55))
    sheet.panel((906, 17, 952, 55), fill=LEAF, outline=None, radius=5)
    sheet.disc(927, 34, 7, None, FOREST_DARK, 2)
    sheet.line([(932, 39), (938, 45)], FOREST_DARK, 2.5)
    sheet.element("search button", (906, 17, 952, 55))
    _header_icons(sheet)


def _header_icons(sheet: Sheet) -> None:
    # A bell with a notice on it.
    sheet.arc(1187, 33, 8, 180, 360, PAPER, 2)
    sheet.line([(1180, 32), (1180, 40), (1177, 43), (1197, 43), (1194, 40), (1194, 32)], PAPER, 2)
    sheet.arc(1187, 44, 4, 0, 180, PAPER, 2)
    sheet.disc(1195, 26, 6, BRICK)
    sheet.text(1195, 26, "2", 9, PAPER, "mm", 0.3)
    sheet.element("notices bell", (1173, 20, 1203, 52))
    _heart(sheet, 1235, 36, PAPER, 1.2)
    sheet.element("saved items heart", (1220, 20, 1250, 52))
    # A shopping bag: the items asked for.
    sheet.line([(1272, 31), (1294, 31), (1292, 48), (1274, 48), (1272, 31)], PAPER, 2)
    sheet.arc(1283, 31, 5, 180, 360, PAPER, 2)
    sheet.element("holds bag", (1268, 20, 1298, 52))
    sheet.disc(1330, 36, 14, LEAF)
    sheet.text(1330, 36, "MO", 11, FOREST_DARK, "mm", 0.3)
    sheet.text(1350, 36, "M. Oakes", 13, PAPER)
    sheet.element("account", (1314, 20, 1412, 52))


def _heart(sheet: Sheet, x: float, y: float, colour: str, scale: float = 1.0) -> None:
    outline = [(0, 7), (-8, -1), (-8, -4), (-6, -6), (-3, -6), (0, -3), (3, -6), (6, -6), (8, -4), (8, -1), (0, 7)]
    sheet.line([(x + dx * scale, y + dy * scale) for dx, dy in outline], colour, 1.8)


def _navigation(sheet: Sheet) -> None:
    sheet.panel((0, 72, WIDTH, 114), outline=None, radius=0)
    sheet.line([(0, 114), (WIDTH, 114)])
    left = 32
    for title in ("Catalogue", "New arrivals", "Events", "Reading rooms", "Local history", "Help"):
        right = left + round(_font(15).getlength(title))
        sheet.text(left, 93, title, 15, FOREST if title == "Catalogue" else INK, bold=0.3 if title == "Catalogue" else 0)
        if title == "Catalogue":
            sheet.line([(left, 112), (right, 112)], FOREST, 3)
        sheet.element(f"tab {title}", (left - 8, 78, right + 8, 110))
        left = right + 36
    sheet.text(1374, 93, "English", 13, QUIET, "rm")
    sheet.chevron(1390, 93)
    sheet.element("page language", (1322, 80, 1402, 106))


def _filters(sheet: Sheet) -> None:
    sheet.panel((32, 134, 252, 528))
    sheet.text(48, 158, "Narrow your search", 16, bold=0.3)
    sheet.text(48, 190, "Format", 13, QUIET)
    for row, (label, count) in enumerate((("Book", 21), ("Large print", 3), ("Audiobook", 6), ("Film", 2), ("Map", 6))):
        y = 214 + row * 26
        ticked = label == "Book"
        sheet.panel((48, y - 8, 64, y + 8), fill=FOREST if ticked else PAPER, outline=FOREST if ticked else FAINT, radius=3)
        if ticked:
            sheet.line([(51, y), (55, y + 4), (61, y - 4)], PAPER, 2)
        sheet.text(74, y, label, 14)
        sheet.text(236, y, str(count), 12, FAINT, "rm")
        sheet.element(f"format {label}", (46, y - 11, 240, y + 11))
    sheet.text(48, 352, "Language", 13, QUIET)
    sheet.panel((48, 364, 236, 394), radius=4)
    sheet.text(58, 379, "Any language", 13)
    sheet.chevron(222, 379)
    sheet.element("filter language", (48, 364, 236, 394))
    sheet.text(48, 416, "Year of publication", 13, QUIET)
    for name, x, year in (("year from", 48, "1890"), ("year to", 148, "2024")):
        sheet.panel((x, 428, x + 88, 458), radius=4)
        sheet.text(x + 10, 443, year, 13)
        sheet.element(name, (x, 428, x + 88, 458))
    sheet.button("apply filters", (48, 478, 148, 510), "Apply", strong=True)
    sheet.button("clear filters", (158, 478, 236, 510), "Clear")


@dataclass(frozen=True, slots=True)
class Card:
    """A search result: what is printed on it, and the colour of its cover."""

    title: tuple[str, str]
    author: str
    kind: str
    state: str
    colour: str

    @property
    def available(self) -> bool:
        return not self.state.startswith(("All", "Reading"))


CARDS = (
    Card(("Tide Tables for", "Quiet Coasts"), "H. Merrow", "Book, 2014", "2 of 3 available", SEA),
    Card(("The Keeper's", "Almanac"), "I. Vance", "Audiobook, 2021", "All on loan", AMBER),
    Card(("Moon and Water", ""), "R. Adley", "Film, 2019", "1 of 1 available", FOREST),
    Card(("Harbour Charts", "1890 to 1920"), "Fernhollow Survey", "Map, 1923", "Reading room only", PLUM),
    Card(("Salt, Wind and", "Arithmetic"), "P. Lindell", "Book, 2008", "4 of 4 available", BRICK),
    Card(("Small Boats,", "Long Shadows"), "T. Odell", "Large print, 2017", "1 of 2 available", FOREST_DARK),
)


def _results(sheet: Sheet) -> None:
    sheet.text(276, 150, "Results for \u201ctide tables\u201d", 20, bold=0.3)
    sheet.text(534, 152, "38 items", 13, QUIET)
    sheet.text(862, 152, "Sort by", 13, QUIET, "rm")
    sheet.panel((888, 138, 1010, 166), radius=4)
    sheet.text(898, 152, "Relevance", 13)
    sheet.chevron(996, 152)
    sheet.element("sort order", (888, 138, 1010, 166))
    for row in range(2):
        for column in range(2):
            sheet.panel((1034 + column * 9, 145 + row * 9, 1041 + column * 9, 152 + row * 9), fill=FOREST, outline=None, radius=1)
    sheet.element("grid view", (1029, 139, 1055, 166))
    for row in range(3):
        sheet.line([(1080, 146 + row * 6), (1100, 146 + row * 6)], FAINT, 2)
    sheet.element("list view", (1076, 139, 1104, 166))
    for number, card in enumerate(CARDS):
        _card(sheet, card, 276 + number % 3 * 280, 178 + number // 3 * 180)


def _card(sheet: Sheet, card: Card, left: int, top: int) -> None:
    name = " ".join(part for part in card.title if part)
    sheet.panel((left, top, left + 268, top + 170))
    _cover(sheet, left + 14, top + 16, card)
    sheet.text(left + 108, top + 26, card.title[0], 14, bold=0.3)
    sheet.text(left + 108, top + 45, card.title[1], 14, bold=0.3)
    sheet.text(left + 108, top + 66, card.author, 13, QUIET)
    sheet.text(left + 108, top + 85, card.kind, 12, FAINT)
    sheet.disc(left + 112, top + 106, 4, "#3c9a5f" if card.available else BRICK)
    sheet.text(left + 122, top + 106, card.state, 12, INK)
    sheet.element(f"title {name}", (left + 104, top + 15, left + 222, top + 55))
    sheet.element(f"save {name}", (left + 240, top + 14, left + 264, top + 38))
    _heart(sheet, left + 252, top + 26, FAINT, 0.9)
    label = "Reserve a seat" if card.kind.startswith("Map") else "Borrow" if card.available else "Join queue"
    sheet.button(f"{label} {name}", (left + 108, top + 124, left + 226, top + 154), label, strong=card.available)


def _cover(sheet: Sheet, x: int, y: int, card: Card) -> None:
    sheet.panel((x, y, x + 80, y + 120), fill=card.colour, outline=None, radius=3)
    if card.kind.startswith("Film"):
        sheet.polygon([(x + 30, y + 40), (x + 30, y + 76), (x + 58, y + 58)], PAPER)
    elif card.kind.startswith("Audiobook"):
        sheet.arc(x + 40, y + 60, 22, 180, 360, PAPER, 3)
        sheet.panel((x + 14, y + 58, x + 24, y + 78), fill=PAPER, outline=None, radius=4)
        sheet.panel((x + 56, y + 58, x + 66, y + 78), fill=PAPER, outline=None, radius=4)
    elif card.kind.startswith("Map"):
        for fold in (27, 53):
            sheet.line([(x + fold, y + 10), (x + fold, y + 110)], "#cdbfd6", 1)
        sheet.line([(x + 10, y + 90), (x + 26, y + 60), (x + 50, y + 72), (x + 70, y + 28)], PAPER, 2)
    else:
        sheet.disc(x + 56, y + 30, 11, "#f0e6c8")
        for wave in range(3):
            for part in range(2):
                sheet.arc(x + 22 + part * 36, y + 78 + wave * 12, 18, 200, 340, PAPER, 2)


LOANS = (
    ("A Year of Knots", "Book", "21 May", "1 of 3"),
    ("Estuary Birds", "Book", "14 May", "0 of 3"),
    ("The Lamplighter", "Audiobook", "2 June", "2 of 3"),
    ("Fog Signals", "Map", "28 May", "0 of 1"),
)


def _loans(sheet: Sheet) -> None:
    sheet.panel((276, 560, 1104, 846))
    sheet.text(292, 586, "Your loans", 16, bold=0.3)
    sheet.text(1088, 586, "Today is 12 May", 13, QUIET, "rm")
    for x, title in ((292, "Title"), (560, "Format"), (700, "Due"), (830, "Renewed")):
        sheet.text(x, 620, title, 12, QUIET)
    sheet.line([(292, 636), (1088, 636)])
    for row, (title, kind, due, renewed) in enumerate(LOANS):
        y = 661 + row * 48
        for x, text in ((292, title), (560, kind), (700, due), (830, renewed)):
            sheet.text(x, y, text, 14)
        sheet.button(f"renew {title}", (988, y - 15, 1088, y + 15), "Renew")
        if row < 3:
            sheet.line([(292, y + 24), (1088, y + 24)])


HOURS = (
    ("Monday", "closed"),
    ("Tuesday", "10:00 - 18:00"),
    ("Wednesday", "10:00 - 18:00"),
    ("Thursday", "10:00 - 20:00"),
    ("Friday", "10:00 - 18:00"),
    ("Saturday", "10:00 - 16:00"),
    ("Sunday", "12:00 - 16:00"),
)


def _side(sheet: Sheet) -> None:
    sheet.panel((1128, 134, 1408, 398))
    sheet.text(1144, 158, "Opening hours", 16, bold=0.3)
    for row, (day, hours) in enumerate(HOURS):
        y = 190 + row * 26
        sheet.text(1144, y, day, 14)
        sheet.text(1392, y, hours, 14, BRICK if hours == "closed" else INK, "rm")
    link = "Find us on the map"
    sheet.text(1144, 375, link, 13, SEA)
    sheet.line([(1144, 384), (1144 + _font(13).getlength(link), 384)], SEA)
    sheet.element("link to the map", (1140, 364, 1264, 388))
    sheet.panel((1128, 418, 1408, 700))
    sheet.text(1144, 442, "Ask a librarian", 16, bold=0.3)
    sheet.text(1144, 472, "Your name", 13, QUIET)
    sheet.panel((1144, 484, 1392, 514), radius=4)
    sheet.text(1154, 499, "M. Oakes", 13)
    sheet.element("name field", (1144, 484, 1392, 514))
    sheet.text(1144, 536, "Your question", 13, QUIET)
    sheet.panel((1144, 548, 1392, 638), radius=4)
    sheet.text(1154, 564, "What would you like to know?", 13, FAINT)
    sheet.element("question field", (1144, 548, 1392, 638))
    sheet.button("send question", (1144, 654, 1244, 686), "Send", strong=True)
    sheet.panel((1128, 720, 1408, 846), fill="#e3efe7", outline=LEAF)
    sheet.text(1144, 746, "Story hour, Saturday at 11", 15, FOREST_DARK, bold=0.3)
    sheet.text(1144, 770, "In the reading room, for ages 4 to 8", 13, QUIET)
    sheet.button("book story hour", (1144, 794, 1264, 826), "Keep a place")


def _foot(sheet: Sheet) -> None:
    sheet.panel((32, 548, 252, 846))
    sheet.text(48, 574, "Lists by readers", 16, bold=0.3)
    for row, title in enumerate(("Lighthouses", "Learning to sail", "Weather at sea", "Old maps", "For a rainy day")):
        y = 610 + row * 46
        sheet.panel((48, y - 14, 76, y + 14), fill=(SEA, AMBER, FOREST, PLUM, BRICK)[row], outline=None, radius=4)
        sheet.text(88, y, title, 14)
        sheet.element(f"list {title}", (46, y - 17, 240, y + 17))
    sheet.line([(0, 864), (WIDTH, 864)])
    sheet.text(32, 882, "Fernhollow Library, 4 Mill Lane. A drawn page: this library does not exist.", 12, QUIET)


@cache
def _sheet() -> Sheet:
    sheet = Sheet()
    for draw in (_header, _navigation, _filters, _results, _loans, _side, _foot):
        draw(sheet)
    return sheet


def page_elements() -> tuple[Element, ...]:
    """Everything that can be clicked, numbered from 1 in the order of drawing."""
    return _sheet().elements()


def draw_page(*, marks: bool = False) -> Image.Image:
    """The page, RGB, 1440 x 900; with `marks`, each clickable element in a coloured box with its number in the same colour."""
    page = _sheet().finished()
    if not marks:
        return page
    pen = ImageDraw.Draw(page)
    for element in page_elements():
        colour = MARK_COLOURS[element.number % len(MARK_COLOURS)]
        pen.rectangle(element.box, outline=colour, width=2)
        label = str(element.number)
        # The number stands to the left of its box, so that it hides nothing inside.
        right, middle = element.box[0], (element.box[1] + element.box[3]) // 2
        left = right - round(_font(11).getlength(label)) - 6
        pen.rectangle((left, middle - 7, right, middle + 7), fill=colour)
        pen.text(((left + right) / 2, middle), label, fill=PAPER, font=_font(11), anchor="mm", stroke_width=0.2)
    return page


def write_pages(folder: Path) -> None:
    """Write both variants as PNG files into the folder."""
    draw_page().save(folder / "library_page.png", optimize=True)
    draw_page(marks=True).save(folder / "library_page_marks.png", optimize=True)


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "pictures")
