"""Questions of the needle world for an evaluation, how they are asked, and worlds of one property more or less."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from core.errors import TaskError
from core.evaluation.values import Question
from core.policies.conversation import Sampling
from core.policies.protocol import PolicyCard
from core.rollout.values import RolloutSettings
from core.tasks.needle.guesses import chance_of
from core.tasks.needle.splits import Split
from core.tasks.needle.task import NeedleTask
from core.tasks.needle.values import Kind
from core.trace import TruthKind

# Scenes of the training split from which the most frequent answers are counted.
_COUNTED = 2_000
# Items a scene, and their sizes in px, of a sweep.
_ITEMS = (2, 3, 4, 5, 6, 8)
_SIZES = (32, 40, 48, 56, 64, 80, 96)


def frequent_answers(world: NeedleTask, scenes: int = _COUNTED) -> Mapping[str, str]:
    """For each kind of question with an answer in words, the answer that is most frequent in the training split."""
    counts: dict[str, Counter[str]] = {}
    for seed in range(scenes):
        asked = world.asked(seed, Split.TRAIN)
        if asked.truth.kind is TruthKind.TEXT:
            counts.setdefault(asked.kind, Counter())[asked.truth.text] += 1
    return {kind: count.most_common(1)[0][0] for kind, count in counts.items()}


def questions_of(world: NeedleTask, seeds: Iterable[int], split: Split) -> Iterator[Question]:
    """The questions of these seeds, drawn one after the other as they are asked for. Pictures are named by their drawing."""
    frequent = frequent_answers(world)
    for seed in seeds:
        asked = world.asked(seed, split)
        common = frequent.get(asked.kind)
        yield Question(
            task=world.task(seed, split, encoded=False),
            kind=asked.kind.value,
            chance=chance_of(asked, world.difficulty),
            common=None if common is None else common == asked.truth.text,
            boxes=tuple(item.box for item in asked.scene.items),
            marks=tuple(asked.scene.items[at].mark_box for at in asked.looks),
        )


def settings_for(world: NeedleTask, card: PolicyCard, sampling: Sampling) -> RolloutSettings:
    """How the world's questions are asked of a policy: with room for the longest search and a look that goes wide.

    Crops are as the policy was trained to look, where its card tells; else as the world has them.
    """
    settings = replace(world.settings(card), sampling=sampling)
    return settings if card.crop is None else replace(settings, crop=None)


def sweep(world: NeedleTask, what: str) -> tuple[NeedleTask, ...]:
    """The world with other numbers of items, or other sizes of items, and all else as it is; those that can be drawn.

    Raises TaskError for another sweep, and for items of a world of widgets, whose windows are filled by their own rule.
    """
    if what not in ("items", "size"):
        raise TaskError(f"There is no sweep {what!r}: choose from items, size and looks.")
    if Kind.GUI in world.difficulty.kinds:
        raise TaskError(f"The {what} of widgets follow from their windows: sweep a world of items, such as default.")
    return tuple(_items(world) if what == "items" else _sizes(world))


def _items(world: NeedleTask) -> Iterator[NeedleTask]:
    for count in _ITEMS:
        changed = _changed(world, f"{world.name}, {count} items", items=(count, count), candidates=_candidates(world, count))
        if changed is not None:
            yield changed


def _candidates(world: NeedleTask, count: int) -> tuple[int, int]:
    """No more candidates than there are items."""
    fewest, most = world.difficulty.candidates
    return min(fewest, count), min(most, count)


def _sizes(world: NeedleTask) -> Iterator[NeedleTask]:
    for size in _SIZES:
        changed = _changed(world, f"{world.name}, {size} px", item_size=size)
        if changed is not None:
            yield changed


def _changed(world: NeedleTask, name: str, **values: object) -> NeedleTask | None:
    try:
        changed = NeedleTask(replace(world.difficulty, **values), name)  # type: ignore[arg-type]
        for seed in range(20):
            changed.asked(seed, Split.TEST)
    except TaskError:
        return None
    return changed
