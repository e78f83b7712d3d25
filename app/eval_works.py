"""What an evaluation asks: worlds that are drawn, or curated records that were held out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from core.errors import TaskError
from core.evaluation.conditions import AS_IT_IS, CONDITIONS, Condition, LooksAllowed, condition_of
from core.evaluation.needle import questions_of, settings_for, sweep
from core.evaluation.recorded import held_out
from core.evaluation.values import Question
from core.policies.conversation import Sampling
from core.policies.protocol import Policy, PolicyCard
from core.records import Split as RecordSplit
from core.rollout.values import RolloutSettings
from core.tasks.needle.chance import WORLD
from core.tasks.needle.players import ExpertPolicy, GuessingPolicy
from core.tasks.needle.splits import Split
from core.tasks.needle.task import NeedleTask

EXPERT, GUESSER = "expert", "guesser"
PLAYERS = (EXPERT, GUESSER)
"""Policies without a model, which know one world each."""
# The scenes of two seeds are this far apart, so that no two evaluations share one.
_APART = 1_000_000


@dataclass(frozen=True, slots=True)
class Work:
    """Questions of one kind, and how they are asked.

    name       the difficulty, or the split of the records; title: in a table's heading
    told       what the questions are, as JSON values: equal ones are the same questions, those of one name each
    questions  draws or reads them, one after the other
    settings   how they are asked of a policy
    unfit      why they tell nothing of it; "" where they do
    player     one of `PLAYERS`; None where there are none
    """

    name: str
    title: str
    told: Mapping[str, Any]
    conditions: tuple[Condition, ...]
    n: int
    questions: Callable[[], Iterator[Question]]
    settings: Callable[[PolicyCard, Sampling], RolloutSettings]
    unfit: Callable[[PolicyCard], str]
    player: Callable[[str], Policy] | None = None


def named_conditions(names: Sequence[str] | None) -> tuple[Condition, ...] | None:
    """The conditions of these names; None where none is named. Raises TaskError for one that does not exist."""
    return tuple(condition_of(name) for name in names) if names else None


def needle_works(
    difficulties: Sequence[str],
    conditions: tuple[Condition, ...] | None,
    *,
    n: int,
    seed: int,
    split: str,
    sweeping: str | None = None,
) -> list[Work]:
    """The needle world at these difficulties, each with its conditions; where something is swept, once for every value of it.

    Raises TaskError for a difficulty that there is not, and for a sweep of one that has nothing to be swept.
    """
    works = []
    for name in dict.fromkeys(difficulties):
        world = NeedleTask.named(name)
        if sweeping == "looks":
            looks = tuple(LooksAllowed(count) for count in range(world.difficulty.most_looks + 2))
            works.append(needle_work(world, (*(conditions or ()), *looks), n, seed, Split(split)))
        elif sweeping:
            asked = conditions or (condition_of("looks-off"),)
            works += [needle_work(changed, asked, n, seed, Split(split)) for changed in sweep(world, sweeping)]
        else:
            works.append(needle_work(world, conditions or CONDITIONS, n, seed, Split(split)))
    return works


def needle_work(world: NeedleTask, conditions: tuple[Condition, ...], n: int, seed: int, split: Split) -> Work:
    """The first `n` scenes of a seed and a split of a world, under these conditions."""
    seeds = range(_APART * seed, _APART * seed + n)

    def player(name: str) -> Policy:
        if name == GUESSER:
            return GuessingPolicy(world.difficulty, seed)
        return ExpertPolicy(world.difficulty, (world.asked(one, split) for one in seeds), seed)

    return Work(
        world.name,
        f"needle {world.name}, split {split}, seed {seed}",
        {"world": WORLD, "difficulty": world.name, "of": asdict(world.difficulty), "split": split.value, "seed": seed},
        conditions,
        n,
        lambda: questions_of(world, seeds, split),
        lambda card, sampling: settings_for(world, card, sampling),
        world.unfit,
        player,
    )


def record_work(records: Path, pictures: Path, conditions: tuple[Condition, ...] | None, *, n: int | None, split: str) -> Work:
    """The questions of a file of curated records that belong to a split, each once; the first `n` of them, or all.

    Raises RecordError for a file that cannot be read, and TaskError where the split has no question that can be judged.
    """
    if split not in tuple(RecordSplit):
        raise TaskError(f"Records have no split {split!r}: choose from {', '.join(RecordSplit)}.")
    held = held_out(records, pictures, RecordSplit(split))
    kept = replace(held, questions=held.questions[:n])
    told = {"world": "records", "difficulty": split, "of": {"records": held.sha256}, "split": split}
    title = f"{records.name}, split {split}"
    asked = conditions or (AS_IT_IS,)
    return Work(split, title, told, asked, len(kept.questions), kept.asked, _as_asked, lambda card: "")


def _as_asked(card: PolicyCard, sampling: Sampling) -> RolloutSettings:
    return RolloutSettings(sampling=sampling)
