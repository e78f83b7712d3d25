"""A seed -> a scene and a question about it, with exactly one right answer. Pure: the same arguments give the same, for ever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.tasks.needle.chance import Chance
from core.tasks.needle.placing import named_by, places
from core.tasks.needle.screens import ask_of_screen
from core.tasks.needle.splits import NOVEL_PAIRS, Split, is_novel
from core.tasks.needle.values import GRAINS, Asked, Colour, Difficulty, Distractor, Item, Kind, Mark, Relation, Scene, Shape
from core.trace import Truth, TruthKind

Pair = tuple[Colour, Shape]

TRAINED: tuple[Pair, ...] = tuple((colour, shape) for colour in Colour for shape in Shape if not is_novel(colour, shape))
NOVEL: tuple[Pair, ...] = tuple((colour, shape) for colour in Colour for shape in Shape if is_novel(colour, shape))
assert len(NOVEL) == len(NOVEL_PAIRS), "every pair that is held out can be drawn"
# How often a scene is placed anew so that a relation names the item that is asked for.
_PLACINGS = 30


@dataclass(frozen=True, slots=True)
class _Cast:
    """Who is in a scene, before anything is placed: the pairs and their marks, the ones that are asked about first.

    asked   how many are asked about: for `search` and `point`, the candidates; the first of them is the answer
    sought  the mark that the question names
    """

    pairs: list[Pair]
    marks: list[Mark]
    asked: int
    sought: Mark | None = None


def ask(difficulty: Difficulty, seed: int, split: Split) -> Asked:
    """A scene and a question about it. Raises TaskError where the items find no room."""
    chance = Chance(split, seed)
    kind = chance.pick(difficulty.kinds)
    if kind is Kind.GUI:
        return ask_of_screen(chance, difficulty, seed, split)
    cast = _CASTS[kind](chance, difficulty, split)
    related = kind is Kind.MARK and chance.happens(difficulty.relations)
    ground, grain = 212 + chance.below(25), (chance.below(GRAINS), chance.below(GRAINS))
    for _ in range(_PLACINGS if related else 1):
        items, roles = _placed(chance, difficulty, cast)
        name = _relation(chance, items, roles[0]) if related else None
        if name is not None or not related:
            break
    scene = Scene(difficulty.side, difficulty.overview, tuple(items), ground, grain)
    return _question(scene, items, kind, cast, roles, name, seed, split)


def _placed(chance: Chance, difficulty: Difficulty, cast: _Cast) -> tuple[list[Item], list[int]]:
    """The items in reading order, and for each of the cast its place in that order."""
    centres = places(chance, difficulty, len(cast.pairs))
    order = chance.some(range(len(centres)), len(centres))
    items = [
        Item(*cast.pairs[role], x, y, difficulty.item_size, cast.marks[role], (chance.below(64), chance.below(64)))
        for role, (x, y) in zip(order, centres, strict=True)
    ]
    return items, [order.index(role) for role in range(len(order))]


def _question(
    scene: Scene, items: Sequence[Item], kind: Kind, cast: _Cast, roles: list[int], name: str | None, seed: int, split: Split
) -> Asked:
    target = items[roles[0]]
    looks, sought = tuple(roles[: cast.asked]), cast.sought
    if kind is Kind.MARK:
        subject = name or target.name
        question, truth = f"What is the mark of the {subject}?", Truth(TruthKind.TEXT, target.mark)
    elif kind is Kind.PAIR:
        other = items[roles[1]]
        subject = f"{target.name} and the {other.name}"
        question, truth = (
            f"Do the {subject} have the same mark?",
            Truth(TruthKind.TEXT, "same" if target.mark is other.mark else "different"),
        )
    else:
        subject = f"{target.colour} item"
        # In reading order, and no further than the one that has the mark.
        looks = tuple(at for at in sorted(looks) if at <= roles[0])
        if kind is Kind.SEARCH:
            question, truth = f"Which {subject} is {sought}?", Truth(TruthKind.TEXT, target.shape)
        else:
            corners = ", ".join(f"{corner:g}" for corner in target.box.corners)
            question, truth = f"Point at the {subject} that is {sought}.", Truth(TruthKind.BOX, f"[{corners}]", target.box)
    return Asked(scene, question, kind, truth, looks, subject, sought, seed, split)


# Who is in a scene


def _cast_of_mark(chance: Chance, difficulty: Difficulty, split: Split) -> _Cast:
    target = chance.pick(_asked_pairs(split))
    mark = chance.pick(difficulty.marks)
    others, taken_for = _others(chance, difficulty, target, chance.between(*difficulty.items) - 1)
    marks = [mark, *_marks_of_others(chance, difficulty, mark, taken_for, len(others))]
    return _Cast([target, *others], marks, 1)


def _cast_of_pair(chance: Chance, difficulty: Difficulty, split: Split) -> _Cast:
    one = chance.pick(_asked_pairs(split))
    two = chance.pick([pair for pair in _asked_pairs(split) if pair != one])
    mark = chance.pick(difficulty.marks)
    same = chance.happens(0.5)
    others, taken_for = _others(chance, difficulty, one, max(2, chance.between(*difficulty.items)) - 2, without=two)
    second = mark if same else _another_mark(chance, difficulty, mark)
    marks = [mark, second, *_marks_of_others(chance, difficulty, mark, taken_for, len(others))]
    return _Cast([one, two, *others], marks, 2)


def _cast_of_search(chance: Chance, difficulty: Difficulty, split: Split) -> _Cast:
    target = chance.pick(_asked_pairs(split))
    sought = chance.pick(difficulty.marks)
    alike = [pair for pair in TRAINED if pair[0] is target[0] and pair != target]
    candidates = [target, *chance.some(alike, chance.between(*difficulty.candidates) - 1)]
    count = max(len(candidates), chance.between(*difficulty.items))
    # Whatever else is there has another colour; its mark may well be the one that is sought.
    rest = chance.some([pair for pair in TRAINED if pair[0] is not target[0]], count - len(candidates))
    misleading = [_another_mark(chance, difficulty, sought) for _ in candidates[1:]]
    marks = [sought, *misleading, *(chance.pick(difficulty.marks) for _ in rest)]
    return _Cast([*candidates, *rest], marks, len(candidates), sought)


_CASTS = {Kind.MARK: _cast_of_mark, Kind.PAIR: _cast_of_pair, Kind.SEARCH: _cast_of_search, Kind.POINT: _cast_of_search}


def _asked_pairs(split: Split) -> tuple[Pair, ...]:
    return NOVEL if split is Split.NOVEL else TRAINED


def _others(chance: Chance, difficulty: Difficulty, target: Pair, count: int, without: Pair | None = None) -> tuple[list[Pair], int]:
    """The pairs of the other items, all different, and how many of the first of them share something with the target on purpose."""
    pool = [pair for pair in TRAINED if pair not in (target, without)]
    colours, shapes = [pair for pair in pool if pair[0] is target[0]], [pair for pair in pool if pair[1] is target[1]]
    neither = [pair for pair in pool if pair[0] is not target[0] and pair[1] is not target[1]]
    kind = difficulty.distractor
    if kind is Distractor.NONE:
        return chance.some(neither, count), 0
    if kind in (Distractor.COLOUR, Distractor.SHAPE):
        likes = chance.some(colours if kind is Distractor.COLOUR else shapes, min(count, 1 + chance.below(2)))
        return [*likes, *chance.some(neither, count - len(likes))], len(likes)
    likes = chance.some([chance.pick(colours), chance.pick(shapes)], count)
    rest = chance.some([pair for pair in pool if pair not in likes], count - len(likes))
    return [*likes, *rest], len(likes)


def _marks_of_others(chance: Chance, difficulty: Difficulty, mark: Mark, taken_for: int, count: int) -> list[Mark]:
    lookalikes = taken_for if difficulty.distractor is Distractor.LOOKALIKE else 0
    return [_another_mark(chance, difficulty, mark) if at < lookalikes else chance.pick(difficulty.marks) for at in range(count)]


def _another_mark(chance: Chance, difficulty: Difficulty, mark: Mark) -> Mark:
    if difficulty.distractor is Distractor.LOOKALIKE and mark.lookalike in difficulty.marks:
        return mark.lookalike
    return chance.pick([other for other in difficulty.marks if other is not mark])


# Which of them a relation names


def _relation(chance: Chance, items: Sequence[Item], at: int) -> str | None:
    """Words that name an item by another one, and no item else; None where there are none."""
    target, words = items[at], list[str]()
    for anchor in items:
        if anchor is target:
            continue
        others = [item for item in items if item is not anchor]
        groups = {
            "item": others,
            f"{target.colour} item": [item for item in others if item.colour is target.colour],
            target.shape.value: [item for item in others if item.shape is target.shape],
        }
        for group, among in groups.items():
            # Of one alone, its colour or its shape would say enough.
            if len(among) < 2:
                continue
            words += [f"{group} {relation} the {anchor.name}" for relation in Relation if named_by(relation, anchor, among) is target]
    return chance.pick(words) if words else None
