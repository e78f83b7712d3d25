"""What can be answered without having seen every mark that is asked about: the items that may be meant, and guesses among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from core.tasks.needle.chance import Chance
from core.tasks.needle.values import Asked, Difficulty, Kind, Mark, Shape, Thing, Widget
from core.trace import TruthKind


def candidates_of(asked: Asked) -> tuple[int, ...]:
    """The items that may be the one that `search`, `point` and `gui` ask for: places in `scene.items`, in reading order; without marks
    nobody can tell them apart. Of the other kinds, the items that are asked about."""
    items, found = asked.scene.items, asked.scene.items[asked.looks[-1]]
    if asked.kind in (Kind.MARK, Kind.PAIR):
        return asked.looks
    return tuple(at for at, item in enumerate(items) if _alike(item, found))


def _alike(item: Thing, found: Thing) -> bool:
    if isinstance(item, Widget) and isinstance(found, Widget):
        return (item.kind, item.window) == (found.kind, found.window)
    return item.colour is found.colour


def chance_of(asked: Asked, difficulty: Difficulty) -> float:
    """How often somebody is right who sees the overview and no mark, and guesses as well as can be done."""
    if asked.kind is Kind.MARK:
        return 1 / len(difficulty.marks)
    return 1 / 2 if asked.kind is Kind.PAIR else 1 / len(candidates_of(asked))


def guess(question: str, difficulty: Difficulty, chance: Chance) -> str:
    """An answer of the kind that the question asks for, by chance."""
    if question.startswith("What is the mark"):
        return chance.pick(difficulty.marks)
    if question.startswith("Do the"):
        return chance.pick(("same", "different"))
    if question.startswith("Which"):
        return chance.pick(tuple(Shape))
    return f"({chance.below(1001)}, {chance.below(1001)})"


def best_answer(asked: Asked, seen: frozenset[int], marks: Sequence[Mark], chance: Chance, spot: Callable[[int], str]) -> str:
    """The answer of somebody who has seen these items' marks, and nothing of the others'.

    marks  those there may be; `spot`: an item's place in words
    """
    items, among = asked.scene.items, candidates_of(asked)
    if asked.kind is Kind.MARK:
        return items[asked.looks[0]].mark if asked.looks[0] in seen else chance.pick(marks)
    if asked.kind is Kind.PAIR:
        return asked.truth.text if set(asked.looks) <= seen else chance.pick(("same", "different"))
    found = [at for at in among if at in seen and items[at].mark is asked.sought]
    left = [at for at in among if at not in seen]
    chosen = found[0] if found else chance.pick(left or among)
    if asked.truth.kind is TruthKind.BOX:
        return spot(chosen)
    item = items[chosen]
    assert not isinstance(item, Widget), "shapes are asked for in scenes of items"
    return item.shape
