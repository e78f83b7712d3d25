"""How somebody who knows a scene would reason about it: the traces that a policy first learns from.

They are the method's own kind: every candidate is named with its point, one is chosen and looked at, and what the crop shows is said before
the next look or the answer. Points are written in the numbers of a frame, so that one expert teaches every policy.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from core.crops import CropRule
from core.errors import TaskError
from core.frames import CoordinateFrame, FrameKind
from core.geometry import Box, Point
from core.grammar import FORCED_THOUGHT, Message, TurnText, format_messages, parse_messages, write_number
from core.grounding import ground
from core.tasks.needle.chance import Chance
from core.tasks.needle.guesses import best_answer
from core.tasks.needle.manners import Manner
from core.tasks.needle.values import Asked, Kind, Mark, Thing
from core.trace import Origin, Sample, Trace, TruthKind

EXPERT = "needle expert"
"""The name under which an expert's traces stand."""
# Thousandths are written in tens: nearer than any look needs it, and two digits fewer to be learnt.
_THOUSANDTHS_STEP = 10


@dataclass(frozen=True, slots=True)
class Writing:
    """How points are written: in the numbers of `frame`, each a multiple of `step`."""

    frame: CoordinateFrame
    step: int

    def numbers(self, point: Point) -> tuple[int, int]:
        """The numbers for a point of the original."""
        x, y = self.frame.from_original(point)
        return round(x / self.step) * self.step, round(y / self.step) * self.step

    def words(self, point: Point) -> str:
        """The point as a thought has it: "(120, 340)"."""
        return "({}, {})".format(*map(write_number, self.numbers(point)))


def writing(frame: CoordinateFrame) -> Writing:
    """How points are written in a frame: thousandths in tens, pixels one by one."""
    return Writing(frame, _THOUSANDTHS_STEP if frame.kind is FrameKind.NORMALISED else 1)


def solve(
    asked: Asked,
    frame: CoordinateFrame,
    rule: CropRule,
    *,
    rng: random.Random | None = None,
    misses: float = 0.0,
    repeats: float = 0.0,
    unseen: float = 0.0,
) -> tuple[Message, ...]:
    """The conversation of somebody who answers the question with as many looks as it needs.

    misses   share of the conversations whose first look goes wide of its item, in which the expert says so and looks again
    repeats  how often it says all points again before it goes on, each time in another order: an exercise in finding a name again in
             what one has said. Of a broken number, such as 0.2, the rest is a share of the conversations
    unseen   share of the conversations in which one of the looks, and another one behind it, go wide, or the answer is demanded before
             that one: the expert guesses as well as it can. The guess may be wrong

    What is drawn for that comes from `rng`, and from the scene's seed where there is none.

    Raises TaskError where the frame is of another picture, or a look would be cut from fewer pixels than the picture has, so that it
    could not show a mark.
    """
    _check(asked, frame)
    write = writing(frame)
    chance = rng or random.Random(asked.seed)
    if unseen and chance.random() < unseen and (turns := _in_vain(asked, rule, write, chance)):
        return format_messages(turns)
    missed = _wide_of(asked, asked.looks[0], rule, write, chance) if misses and chance.random() < misses else None
    first = asked.scene.items[asked.looks[0]]
    spots = [missed if missed and item is first else item.centre for item in asked.scene.items]
    listed = _listed(asked, spots, write)
    again = "".join(f"Again: {', '.join(chance.sample(listed, len(listed)))}. " for _ in range(_times(repeats, chance)))
    found, thought = list[TurnText](), f"{', '.join(listed)}. {again}{_task(asked)}"
    if missed:
        found.append(_look(f"{thought} Look at the {first.name} {write.words(missed)}.", missed, write, rule))
        thought = f"The {first.name} is not at {write.words(missed)}."
    for count, at in enumerate(asked.looks):
        item = asked.scene.items[at]
        look = "Look again" if missed and count == 0 else "Look"
        found.append(_look(f"{thought} {look} at the {item.name} {write.words(item.centre)}.", item.centre, write, rule))
        thought = _seen(item, asked, write)
    found.append(TurnText(f"{thought}{_conclusion(asked)}", answer=_answer(asked, write)))
    return format_messages(found)


def solve_at_once(asked: Asked, frame: CoordinateFrame, *, points: bool) -> tuple[Message, ...]:
    """The answer in one turn, without a look: every item is named, with its point or without, then what is asked for, then the answer.

    Nothing told the expert what the marks are. So who learns from this learns how one answers, and what of the answer can be guessed.

    Raises TaskError where the frame is of another picture.
    """
    _check(asked, frame)
    write = writing(frame)
    listed = [f"{item.name} {write.words(item.centre)}" if points else item.name for item in asked.scene.items]
    return format_messages((TurnText(f"{', '.join(listed)}. {_task(asked)}", answer=_answer(asked, write)),))


def trace_of(
    asked: Asked,
    sample: Sample,
    frame: CoordinateFrame,
    rule: CropRule,
    *,
    manner: Manner = Manner.LOOKS,
    system_prompt: str | None = None,
    rng: random.Random | None = None,
    misses: float = 0.0,
    repeats: float = 0.0,
    unseen: float = 0.0,
) -> Trace:
    """The expert's conversation as a trace, with a system prompt, or that of the manner. Raises TaskError as `solve` does."""
    system, origin = system_prompt or manner.system, Origin("needle world")
    if manner is not Manner.LOOKS:
        parsed = parse_messages(solve_at_once(asked, frame, points=manner is Manner.POINTS))
        return ground(sample, parsed, frame, None, policy=EXPERT, system_prompt=system, origin=origin)
    messages = solve(asked, frame, rule, rng=rng, misses=misses, repeats=repeats, unseen=unseen)
    settings = {"offset": rule.offset, "crop_size": rule.side, "draw_dot": rule.dot, "crop_factor": rule.factor}
    parsed = parse_messages(messages)
    return ground(sample, parsed, frame, rule, policy=EXPERT, system_prompt=system, origin=origin, settings=settings)


def _in_vain(asked: Asked, rule: CropRule, write: Writing, chance: random.Random) -> tuple[TurnText, ...]:
    """The conversation of somebody who does not get to see one of the items that the question needs, and guesses; none where every
    look shows something."""
    count = int(chance.random() * len(asked.looks))
    at = asked.looks[count]
    item, wide = asked.scene.items[at], [_wide_of(asked, at, rule, write, chance) for _ in range(2)]
    if None in wide:
        return ()
    first, second = (spot for spot in wide if spot)
    spots = [first if thing is item else thing.centre for thing in asked.scene.items]
    thought, turns = f"{', '.join(_listed(asked, spots, write))}. {_task(asked)}", list[TurnText]()
    for before in asked.looks[:count]:
        turns.append(_look(f"{thought} Look at the {_named(asked, before, write)}.", asked.scene.items[before].centre, write, rule))
        thought = _seen(asked.scene.items[before], asked, write)
    turns.append(_look(f"{thought} Look at the {item.name} {write.words(first)}.", first, write, rule))
    seen, told = frozenset(asked.looks[:count]), Chance("in vain", asked.seed, chance.random())
    answer = best_answer(asked, seen, tuple(Mark), told, lambda one: write.words(spots[one]))
    if told.happens(0.5):
        return (*turns, TurnText(FORCED_THOUGHT, answer=answer, forced=True))
    lost = f"The {item.name} is not at {write.words(first)}."
    turns.append(_look(f"{lost} Look again at the {item.name} {write.words(second)}.", second, write, rule))
    return (*turns, TurnText(f"The {item.name} is not at {write.words(second)}.", answer=answer))


def _listed(asked: Asked, spots: Sequence[Point], write: Writing) -> list[str]:
    """Every item with its point, in reading order."""
    return [f"{item.name} {write.words(spot)}" for item, spot in zip(asked.scene.items, spots, strict=True)]


def _named(asked: Asked, at: int, write: Writing) -> str:
    item = asked.scene.items[at]
    return f"{item.name} {write.words(item.centre)}"


def _times(mean: float, chance: random.Random) -> int:
    """A whole number that is `mean` in the mean."""
    return int(mean) + (chance.random() < mean % 1) if mean else 0


def _check(asked: Asked, frame: CoordinateFrame) -> None:
    if frame.picture != asked.scene.size:
        raise TaskError(f"The scene is {asked.scene.size} px, and the frame is for a picture of {frame.picture} px: take its own frame.")
    if frame.raster.width < asked.scene.side or frame.raster.height < asked.scene.side:
        raise TaskError(
            f"This frame's crops are cut from a picture of {frame.raster} px, and marks are seen in the whole {asked.scene.size} px only: "
            "take a frame that leaves the picture its size, such as thousandths."
        )


def _look(thought: str, spot: Point, write: Writing, rule: CropRule) -> TurnText:
    return TurnText(thought, call=write.numbers(spot), observed=True, dot=rule.dot)


def _task(asked: Asked) -> str:
    if asked.sought is not None:
        return f"It asks for the {asked.subject} that is {asked.sought}."
    meant = asked.scene.items[asked.looks[0]].name
    # Named by its relation to another item, it is first found out which one that is.
    return f"It asks for the {asked.subject}{'' if meant in asked.subject else f': the {meant}'}."


def _seen(item: Thing, asked: Asked, write: Writing) -> str:
    """What a crop shows, in words."""
    found = f"The {item.name} {write.words(item.centre)} is {item.mark}"
    if asked.sought is not None and item.mark is not asked.sought:
        return f"{found}, not {asked.sought}."
    return f"{found}."


def _conclusion(asked: Asked) -> str:
    if asked.kind is not Kind.PAIR:
        return ""
    first = asked.scene.items[asked.looks[0]]
    return f" The {first.name} is {first.mark}: {asked.truth.text}."


def _answer(asked: Asked, write: Writing) -> str:
    if asked.truth.kind is TruthKind.BOX:
        return write.words(asked.scene.items[asked.looks[-1]].centre)
    return asked.truth.text


def _wide_of(asked: Asked, at: int, rule: CropRule, write: Writing, chance: random.Random) -> Point | None:
    """A spot beside an item, as it can be written, whose window shows nothing of any mark; None where none is found."""
    item, boxes = asked.scene.items[at], [other.mark_box for other in asked.scene.items]
    for _ in range(30):
        x, y = (middle + (2 * chance.random() - 1) * 2 * (rule.offset + item.size) for middle in (item.x, item.y))
        spot = write.frame.to_original(*write.numbers(Point(x, y)))
        # The window's middle is a whole pixel, up to 1 px from the spot.
        if asked.scene.size.contains(spot) and all(_beside(box, spot) > rule.offset + 1 for box in boxes):
            return spot
    return None


def _beside(box: Box, spot: Point) -> float:
    """How far a spot is from a box, across or down, whichever is more; negative inside."""
    return max(box.x1 - spot.x, spot.x - box.x2, box.y1 - spot.y, spot.y - box.y2)
