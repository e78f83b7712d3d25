"""What a scene of the needle world is, and how hard it is made.

All places and sizes are pixels of the original picture. A scene holds items; each has a colour, a shape and a mark. Colour and shape
are seen in the overview. The mark is a fine hatching that the overview cannot show (see core.tasks.needle.drawing).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from core.crops import CropRule
from core.errors import TaskError
from core.frames import QWEN3_FACTOR
from core.geometry import Box, Point, Size
from core.tasks.needle.splits import Split
from core.trace import Truth


class Colour(StrEnum):
    """Colours that are told apart with ease, also when they are a few pixels wide."""

    RED = "red"
    YELLOW = "yellow"
    GREEN = "green"
    CYAN = "cyan"
    BLUE = "blue"
    PURPLE = "purple"


class Shape(StrEnum):
    SQUARE = "square"
    DISC = "disc"
    TRIANGLE = "triangle"
    DIAMOND = "diamond"
    STAR = "star"
    CROSS = "cross"


class Mark(StrEnum):
    """The hatchings. Neighbours in this list are each other's lookalikes."""

    ACROSS = "across"
    """Lines that run from left to right."""
    UPRIGHT = "upright"
    """Lines that run from top to bottom."""
    RISING = "rising"
    """Lines that climb to the right."""
    FALLING = "falling"
    """Lines that fall to the right."""
    CHECKED = "checked"
    """A chequer whose fields stand on their sides' middles: rising and falling lines together."""
    WOVEN = "woven"
    """Lines across and upright together."""

    @property
    def lookalike(self) -> Mark:
        """The mark that this one is most easily taken for; each other's, in pairs."""
        marks = tuple(Mark)
        return marks[marks.index(self) ^ 1]


class Kind(StrEnum):
    """What is asked."""

    MARK = "mark"
    """What is the mark of one item? One look."""
    PAIR = "pair"
    """Do two items have the same mark? Two looks."""
    SEARCH = "search"
    """Which item of a colour has a mark? As many looks as it takes; the answer is its shape."""
    POINT = "point"
    """The same, answered by pointing."""
    GUI = "gui"
    """Which widget of a window has a mark? Answered by pointing."""


class Distractor(StrEnum):
    """What the other items have in common with the one that is asked for."""

    NONE = "none"
    """Neither its colour nor its shape."""
    COLOUR = "colour"
    SHAPE = "shape"
    BOTH = "both"
    """One has its colour, and another one its shape."""
    LOOKALIKE = "lookalike"
    """As `both`, and the others bear only its mark's lookalike."""


class Relation(StrEnum):
    """How an item is named by another one. The first four hold for exactly one of the items in question, and clearly."""

    LEFT = "left of"
    RIGHT = "right of"
    ABOVE = "above"
    BELOW = "below"
    NEAREST = "nearest to"


GRAINS = 64
"""Places, across and down, at which a scene's noise can begin."""
# A mark is drawn inside this part of its item's size, measured from the mark's middle. It fits into every shape.
MARK_REACH = 0.28
# A triangle is widest below: its mark's middle is this part of its size under the middle of its box.
TRIANGLE_DROP = 0.19


@dataclass(frozen=True, slots=True)
class Item:
    """A coloured shape with a mark: `x`, `y` are its box's centre in whole px of the original, `size` the side of its box."""

    colour: Colour
    shape: Shape
    x: int
    y: int
    size: int
    mark: Mark
    phase: tuple[int, int] = (0, 0)
    """Where the hatching begins, across and down, in 64ths of its period: nothing about an item tells it."""

    @property
    def name(self) -> str:
        """Such as "red square"."""
        return f"{self.colour} {self.shape}"

    @property
    def box(self) -> Box:
        half = self.size / 2
        return Box(self.x - half, self.y - half, self.x + half, self.y + half)

    @property
    def centre(self) -> Point:
        return Point(self.x, self.y)

    @property
    def mark_centre(self) -> Point:
        """The middle of the mark."""
        return Point(self.x, self.y + (round(TRIANGLE_DROP * self.size) if self.shape is Shape.TRIANGLE else 0))

    @property
    def mark_box(self) -> Box:
        """What a crop must hold so that the whole mark is seen."""
        reach, middle = MARK_REACH * self.size, self.mark_centre
        return Box(middle.x - reach, middle.y - reach, middle.x + reach, middle.y + reach)


class WidgetKind(StrEnum):
    """What stands in a drawn window."""

    BUTTON = "button"
    CHECK_BOX = "check box"
    SLIDER = "slider"
    TAB = "tab"


@dataclass(frozen=True, slots=True)
class Widget:
    """A part of a window with a mark: `x`, `y` are the mark's middle, where one looks and clicks; `window` is its window's place."""

    colour: Colour
    kind: WidgetKind
    x: int
    y: int
    size: int
    mark: Mark
    phase: tuple[int, int]
    box: Box
    window: int
    word: str

    @property
    def name(self) -> str:
        """Such as "red button"."""
        return f"{self.colour} {self.kind}"

    @property
    def centre(self) -> Point:
        """Where one looks and clicks: the mark's middle, not the box's."""
        return Point(self.x, self.y)

    @property
    def mark_centre(self) -> Point:
        """The middle of the mark."""
        return self.centre

    @property
    def mark_box(self) -> Box:
        """What a crop must hold so that the whole mark is seen."""
        reach = MARK_REACH * self.size
        return Box(self.x - reach, self.y - reach, self.x + reach, self.y + reach)


Thing = Item | Widget


@dataclass(frozen=True, slots=True)
class Window:
    """A drawn window, named by the colour of its title bar: `box` is all of it, the bar and its word included."""

    colour: Colour
    box: Box
    word: str


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture of `side` x `side` px before it is drawn.

    overview  side in px of the reduction in which no mark is seen; it divides `side`
    items     in reading order: from top to bottom, never two at the same height; the widgets of one window before those of the next
    ground    grey level of the ground, 0 to 255
    grain     (column, row) of the noise that lies over the ground
    windows   from left to right, where the items are widgets
    """

    side: int
    overview: int
    items: tuple[Thing, ...]
    ground: int
    grain: tuple[int, int]
    windows: tuple[Window, ...] = ()

    @property
    def size(self) -> Size:
        return Size(self.side, self.side)

    @property
    def period(self) -> int:
        """The period of every hatching along each axis, in px: one pixel of the overview."""
        return self.side // self.overview


@dataclass(frozen=True, slots=True)
class Asked:
    """A question about a scene, with its one right answer.

    looks     items (their places in `scene.items`) that have to be looked at, in the order in which the expert does
    sought    the mark that the question names, for `search`, `point` and `gui`
    subject   the words for what is asked for, as the question has them: "red square", "item left of the blue disc"
    """

    scene: Scene
    question: str
    kind: Kind
    truth: Truth
    looks: tuple[int, ...]
    subject: str
    sought: Mark | None
    seed: int
    split: Split


# Lines nearer to one another than this many px of a crop fade: below 2 nothing is left of them.
_LEAST_PERIOD = 2.5


@dataclass(frozen=True, slots=True)
class Difficulty:
    """How scenes are made. Raises TaskError for what cannot be drawn.

    side        of the picture, px; `overview` divides it
    overview    side in px of the reduction that hides the marks: what the policy is shown of the whole, or a multiple of it
    items       fewest and most items, or widgets
    item_size   side of an item's box, px
    kinds       of question, drawn with equal chances
    distractor  what others have in common with the item that is asked for, in `mark` and `pair`; the candidates of the other kinds have its
                colour or kind anyway, and `lookalike` holds for them too
    relations   share of the `mark` questions that name their item by its relation to another one, 0 to 1
    candidates  fewest and most items of one colour in `search` and `point`, and widgets of one kind in the window that is asked about: the
                most looks it takes
    marks       that occur
    offset      half the side in px of the window that a look cuts out; from about half an item's size on it shows the whole mark
    crop        side in px in which a crop is shown
    """

    side: int = 512
    overview: int = 128
    items: tuple[int, int] = (3, 5)
    item_size: int = 64
    kinds: tuple[Kind, ...] = (Kind.MARK, Kind.PAIR, Kind.SEARCH, Kind.POINT)
    distractor: Distractor = Distractor.BOTH
    relations: float = 0.0
    candidates: tuple[int, int] = (2, 3)
    marks: tuple[Mark, ...] = tuple(Mark)
    offset: int = 48
    crop: int = 128

    def __post_init__(self) -> None:
        if problem := self._problem():
            raise TaskError(problem)

    def _problem(self) -> str:
        fewest, most = self.items
        if self.overview < 16 or self.side % self.overview or self.side // self.overview < 3:
            return f"The overview's side divides the picture's by 3 or more, and {self.overview} does not so divide {self.side}."
        if self.item_size < 8 * (self.side // self.overview):
            return f"An item is at least 8 px of the overview wide, here {8 * self.side // self.overview} px, not {self.item_size}."
        if not 1 <= fewest <= most:
            return f"A scene has from 1 item to some more, not {fewest} to {most}."
        if most * (self.item_size * 3 // 2) ** 2 > self.side**2 * 2 // 3:
            return f"{most} items of {self.item_size} px do not fit into a picture of {self.side} px: draw fewer or smaller ones."
        if not self.kinds or not 0 <= self.relations <= 1:
            return "A difficulty asks at least one kind of question, and its share of relations is 0 to 1."
        if not 2 <= self.candidates[0] <= self.candidates[1] <= len(Shape) - 1:
            return f"Between 2 and {len(Shape) - 1} items share a colour, not {self.candidates[0]} to {self.candidates[1]}."
        if len(set(self.marks)) < 2 or len(set(self.marks)) != len(self.marks):
            return "At least two marks are needed, each named once."
        if self.offset < 1 or self.crop < 1:
            return f"A look's window and its crop have at least 1 px, not {self.offset} and {self.crop}."
        shown = self.side // self.overview * self.crop / (2 * self.offset)
        if shown < _LEAST_PERIOD:
            return (
                f"A crop of {self.crop} px that shows {2 * self.offset} px has lines {shown:.1f} px apart, too fine to be told: show less."
            )
        return ""

    @property
    def most_looks(self) -> int:
        """The most looks that a question takes, if none goes wide."""
        looks = {Kind.MARK: 1, Kind.PAIR: 2}
        return max(looks.get(kind, self.candidates[1]) for kind in self.kinds)

    def rule(self, factor: int = QWEN3_FACTOR) -> CropRule:
        """How looks are cut in this world, for a policy whose pictures are multiples of `factor` px."""
        return CropRule(self.offset, self.crop, dot=False, factor=factor)


_LOOKING = (Kind.MARK, Kind.PAIR, Kind.SEARCH, Kind.POINT)

EASY = Difficulty(items=(2, 3), item_size=96, kinds=(Kind.MARK,), distractor=Distractor.NONE, offset=64)
DEFAULT = Difficulty()
GUI = Difficulty(items=(4, 6), kinds=(Kind.GUI,), offset=40)
HARD = Difficulty(items=(6, 9), item_size=48, kinds=_LOOKING, distractor=Distractor.LOOKALIKE, relations=0.5, candidates=(3, 4), offset=40)

DIFFICULTIES: Mapping[str, Difficulty] = MappingProxyType({"easy": EASY, "default": DEFAULT, "hard": HARD, "gui": GUI})
