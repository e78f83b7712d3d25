"""What a ladder's folder knows: every policy's answers, question by question, out of the files that its evaluations wrote."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.ladder.asking import figures, sampled
from app.ladder.rungs import START, TRAININGS, Rung, harder
from app.ladder.running import read_document, read_plan
from app.policy_register import state_of
from core.errors import TaskError
from core.rollout.samples import pass_at_k

_METRICS = "metrics.jsonl"


@dataclass(frozen=True, slots=True)
class Asked:
    """What one policy answered to the questions of a world under a condition, a value for each.

    seed           of its training
    world          its name; `sizes` and `items` are of its items, in px, and how many there are, fewest and most
    points, looks_hit   (hits, tries) of its points in some item, and of its looks that show what is asked about
    several        (answers, right answers), where it was asked several times; else empty
    chance         how often guessing is right, in the mean over the questions
    """

    seed: int
    world: str
    size: int
    items: tuple[int, int]
    names: tuple[str, ...]
    right: tuple[bool, ...]
    looks: tuple[int, ...]
    points: tuple[tuple[int, int], ...]
    looks_hit: tuple[tuple[int, int], ...]
    several: tuple[tuple[int, int], ...]
    chance: float | None

    def passed(self, k: int) -> tuple[float, ...]:
        """pass@k of each question."""
        return tuple(pass_at_k(n, right, k) for n, right in self.several)


Key = tuple[str, str, str, str]
"""A training, a manner, a condition, and a world's name."""


@dataclass(frozen=True, slots=True)
class Known:
    """All of it. `asked` and `several` have the seeds in order; `shares` are means over a training's steps, by seed: of rollouts that were
    masked, and of groups without gradient."""

    plan: Mapping[str, Any]
    asked: Mapping[Key, tuple[Asked, ...]]
    several: Mapping[Key, tuple[Asked, ...]]
    shares: Mapping[str, tuple[Mapping[str, float], ...]]

    @property
    def home(self) -> str:
        """The name of the world that is learnt."""
        return str(self.plan["difficulty"])

    def world_of(self, rung: Rung) -> str:
        """The name of the world that a rung is asked in."""
        return self.home if rung.world == "home" else harder(self.home).name

    def of(self, rung: Rung) -> tuple[Asked, ...]:
        """What a rung answered, by seed; nothing where it was not asked."""
        return self.asked.get((rung.training, rung.manner, rung.condition, self.world_of(rung)), ())

    def several_of(self, rung: Rung) -> tuple[Asked, ...]:
        """The same where it was asked several times, as it is."""
        return self.several.get((rung.training, rung.manner, rung.condition, self.world_of(rung)), ())

    def curve_of(self, rung: Rung, what: str) -> Mapping[int, tuple[Asked, ...]]:
        """What a rung answered in the worlds of other numbers of items (`items`) or sizes (`size`), by that."""
        found: dict[int, tuple[Asked, ...]] = {}
        for (training, manner, condition, world), asked in self.asked.items():
            if (training, manner, condition) == (rung.training, rung.manner, rung.condition) and _swept(world, self.home) == what:
                found[asked[0].items[0] if what == "items" else asked[0].size] = asked
        return dict(sorted(found.items()))


def read_ladder(runs: Path) -> Known:
    """What is known by now. Raises TaskError where the folder holds no ladder."""
    plan = read_plan(runs)
    if plan is None:
        raise TaskError(f"{runs} holds no ladder: run one there, or name its folder with --runs.")
    asked: dict[Key, list[Asked]] = {}
    several: dict[Key, list[Asked]] = {}
    shares: dict[str, list[Mapping[str, float]]] = {}
    for training, seed, folder in _runs(runs):
        if state_of(folder) != "finished":
            continue
        shares.setdefault(training, []).append(_shares(folder / _METRICS))
        for manner in ("plain", "points", "looks", "answer"):
            for file, into in ((figures(folder, manner), asked), (sampled(folder, manner), several)):
                for condition, one in _asked(file, seed):
                    into.setdefault((training, manner, condition, one.world), []).append(one)
    return Known(plan, _frozen(asked), _frozen(several), {name: tuple(values) for name, values in shares.items()})


def _frozen(found: Mapping[Key, list[Asked]]) -> dict[Key, tuple[Asked, ...]]:
    return {key: tuple(values) for key, values in found.items()}


def _runs(runs: Path) -> Iterator[tuple[str, int, Path]]:
    """The runs that a ladder's folder has, with training and seed."""
    for training in TRAININGS:
        if training.name == START:
            yield START, 0, runs / START
            continue
        found = (path.name.removeprefix(f"{training.name}-") for path in runs.glob(f"{training.name}-*"))
        for seed in sorted(int(text) for text in found if text.isdecimal()):
            yield training.name, seed, runs / f"{training.name}-{seed}"


def _asked(file: Path, seed: int) -> Iterator[tuple[str, Asked]]:
    """The conditions of a file of figures that is whole, each with what was answered under it."""
    document = read_document(file)
    if document is None or not document.get("complete"):
        return
    for told in document["evaluations"]:
        of, names = told["of"], tuple(told["questions"]["name"])
        for result in told["conditions"]:
            each, samples = result["each"], result["samples"]
            yield (
                result["condition"],
                Asked(
                    seed,
                    told["difficulty"],
                    of["item_size"],
                    tuple(of["items"]),
                    names,
                    tuple(each["right"]),
                    tuple(each["looks"]),
                    tuple(zip(each["hit"], each["pointed"], strict=True)),
                    tuple(zip(each["looks_hit"], each["looks"], strict=True)),
                    tuple((samples, right) for right in each["right_of_samples"]) if samples > 1 else (),
                    told["guessing"]["chance"],
                ),
            )


def _shares(file: Path) -> Mapping[str, float]:
    """Means over the steps of a training by rewards; nothing of another."""
    sums: dict[str, list[float]] = {}
    try:
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError):
        return {}
    for line in lines:
        for name in ("masked", "dead_groups"):
            if isinstance(line, dict) and isinstance(line.get(name), int | float):
                sums.setdefault(name, []).append(float(line[name]))
    return {name: sum(values) / len(values) for name, values in sums.items()}


def _swept(world: str, home: str) -> str:
    """What was changed of the world that is learnt, as its name tells: `items`, `size`, or ""."""
    changed = world.removeprefix(f"{home}, ") if world.startswith(f"{home}, ") else ""
    return "items" if changed.endswith(" items") else "size" if changed.endswith(" px") else ""
