"""The drawn flavour of a screen: windows with widgets, of which one bears the mark that is asked for among its likes."""

from __future__ import annotations

from core.errors import TaskError
from core.geometry import Box
from core.tasks.needle.chance import Chance
from core.tasks.needle.placing import EDGE_CELLS
from core.tasks.needle.splits import Split, is_novel
from core.tasks.needle.values import GRAINS, Asked, Colour, Difficulty, Distractor, Kind, Mark, Scene, Widget, WidgetKind, Window
from core.trace import Truth, TruthKind

Pair = tuple[Colour, WidgetKind]

WINDOWS = 2
# In parts of a widget's size: how wide and high one is, the step from one to the next, the title bar, and the rim of a window.
WIDE, HIGH, STEP, BAR, RIM = 1.5, 0.75, 1.0, 0.5, 0.25
# Where the mark's middle is, from the left of the widget's box; a slider's knob is anywhere along its track.
_MARK_AT = 0.4

_WIDGET_WORDS = ("OK", "Save", "Send", "Stop", "Play", "Next", "Edit", "Mute")
_TITLES = ("Mail", "Music", "Files", "Notes", "Maps", "Photos")

TRAINED: tuple[Pair, ...] = tuple((colour, kind) for colour in Colour for kind in WidgetKind if not is_novel(colour, kind))
NOVEL: tuple[Pair, ...] = tuple((colour, kind) for colour in Colour for kind in WidgetKind if is_novel(colour, kind))


def ask_of_screen(chance: Chance, difficulty: Difficulty, seed: int, split: Split) -> Asked:
    """Two windows and a question for a widget of one of them. Raises TaskError where the widgets find no room."""
    target = chance.pick(NOVEL if split is Split.NOVEL else TRAINED)
    sought = chance.pick(difficulty.marks)
    cast, alike = _cast(chance, difficulty, target, sought)
    home = chance.below(WINDOWS)
    # In what order the widgets of each window stand, the target's window among them.
    order = [chance.some(group, len(group)) for group in (cast if home == 0 else cast[::-1])]
    windows, boxes = _windows(chance, difficulty, [len(group) for group in order])
    items = [
        _widget(chance, difficulty, pair, mark, box, at)
        for at, (group, column) in enumerate(zip(order, boxes, strict=True))
        for (pair, mark), box in zip(group, column, strict=True)
    ]
    scene = Scene(
        difficulty.side, difficulty.overview, tuple(items), 150 + chance.below(40), (chance.below(GRAINS), chance.below(GRAINS)), windows
    )
    here = [at for at, item in enumerate(items) if item.window == home and item.kind is target[1]]
    found = next(at for at in here if items[at].mark is sought)
    assert len(here) == alike, "the likes of the one that is sought are all in its window"
    subject = f"{target[1]} of the {windows[home].colour} window"
    question = f"Description: the {sought} {subject}."
    box = items[found].box
    truth = Truth(TruthKind.BOX, "[" + ", ".join(f"{corner:g}" for corner in box.corners) + "]", box)
    return Asked(scene, question, Kind.GUI, truth, tuple(at for at in here if at <= found), subject, sought, seed, split)


def _cast(chance: Chance, difficulty: Difficulty, target: Pair, sought: Mark) -> tuple[list[list[tuple[Pair, Mark]]], int]:
    """The widgets of the window that is asked about, then those of the other one; and how many of the former are of the asked kind."""
    likes = chance.some([pair for pair in TRAINED if pair[1] is target[1] and pair != target], chance.between(*difficulty.candidates) - 1)
    misleading = [_another(chance, difficulty, sought) for _ in likes]
    here = [(target, sought), *zip(likes, misleading, strict=True)]
    count = max(len(here) + 1, chance.between(*difficulty.items))
    left = [pair for pair in TRAINED if pair != target and pair not in likes]
    # The other window holds one of the same kind, whose mark may well be the one that is sought: so the window matters.
    decoy = chance.pick([pair for pair in left if pair[1] is target[1]])
    rest = [decoy, *chance.some([pair for pair in left if pair[1] is not target[1]], count - len(here) - 1)]
    bearing = [(pair, chance.pick(difficulty.marks)) for pair in rest]
    keep = max(1, (count + 1) // 2 - len(here) + 1)
    return [[*here, *bearing[keep:]], bearing[:keep]], len(here)


def _another(chance: Chance, difficulty: Difficulty, mark: Mark) -> Mark:
    if difficulty.distractor is Distractor.LOOKALIKE and mark.lookalike in difficulty.marks:
        return mark.lookalike
    return chance.pick([other for other in difficulty.marks if other is not mark])


def _windows(chance: Chance, difficulty: Difficulty, counts: list[int]) -> tuple[tuple[Window, ...], list[list[Box]]]:
    """The windows from left to right, and the boxes of their widgets from top to bottom."""
    size, column = difficulty.item_size, difficulty.side // WINDOWS
    edge = EDGE_CELLS * (difficulty.side // difficulty.overview)
    colours, titles = chance.some(tuple(Colour), WINDOWS), chance.some(_TITLES, WINDOWS)
    windows, boxes = list[Window](), list[list[Box]]()
    for at, count in enumerate(counts):
        wide, high = round((WIDE + 2 * RIM) * size), round((BAR + RIM + STEP * count) * size)
        across, down = column - wide - edge, difficulty.side - high - 2 * edge
        if across < 0 or down < 0:
            raise TaskError(
                f"A window with {count} widgets of {size} px finds no room in {difficulty.side} px: draw fewer or smaller ones."
            )
        left, top = at * column + edge // 2 + chance.below(across + 1), edge + chance.below(down + 1)
        windows.append(Window(colours[at], Box(left, top, left + wide, top + high), titles[at]))
        first, lowest = left + round(RIM * size), top + round((BAR + RIM) * size)
        rows = [lowest + round(STEP * size * row) for row in range(count)]
        boxes.append([Box(first, row, first + round(WIDE * size), row + round(HIGH * size)) for row in rows])
    return tuple(windows), boxes


def _widget(chance: Chance, difficulty: Difficulty, pair: Pair, mark: Mark, box: Box, window: int) -> Widget:
    size, (colour, kind) = difficulty.item_size, pair
    along = round(_MARK_AT * size)
    if kind is WidgetKind.SLIDER:
        along += chance.below(round((WIDE - 2 * _MARK_AT) * size) + 1)
    word = "" if kind is WidgetKind.SLIDER else chance.pick(_WIDGET_WORDS)
    x, y = round(box.x1) + along, round(box.centre.y)
    return Widget(colour, kind, x, y, size, mark, (chance.below(64), chance.below(64)), box, window, word)
