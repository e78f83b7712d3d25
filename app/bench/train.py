"""Multi-turn reinforcement learning: rollouts by our engine beside TRL's plain path, in one run.

Each pair begins two trainings, one after the other, with the same recipe, checkpoint, seed and questions; only who writes the rollouts
differs, and who goes first changes from pair to pair. Both are processes of their own, and their figures are those that they write down.
Rollouts are sampled, so the two do not say the same; how much they said, in looks and tokens, stands beside.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.bench.report import Figure
from app.trainings.folders import METRICS
from app.trainings.launching import heard
from core.errors import StartError
from core.policies.references import NEEDLE, needle_folder, needle_ships

RECIPE = "needle-grpo"
ENGINE, PLAIN = "engine", "trl"
WAYS = {PLAIN: "TRL's plain path", ENGINE: "our engine"}
# Named alike by the training: the small policy, made when the run begins.
UNTRAINED = "small"
AIM = "1.5 or more"
# The first step of a training fills what the others find there.
_WARM_UP = 1

Begin = Callable[[Sequence[str]], None]


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured: pairs of trainings, counted steps of each, rollouts of a step, and other values for the recipe."""

    pairs: int = 3
    steps: int = 3
    batch: int = 64
    changes: tuple[str, ...] = ()


USUAL = Size()


@dataclass(frozen=True, slots=True)
class Step:
    """A counted step of a training.

    seconds        from the end of the step before it
    rate           tokens a second that the policy wrote, over the whole step
    generating     share of the time in which rollouts were led and rewarded
    length, looks  tokens that the policy wrote, and looks: means of a rollout
    memory         bytes that the process held behind it
    """

    seconds: float
    rate: float
    generating: float
    length: float
    looks: float
    memory: int


def run(scratch: Path, *, model: str | None = None, seed: int = 0, size: Size = USUAL, begin: Begin | None = None) -> list[Figure]:
    """Seconds a step, tokens a second, share of time generating, and how many times as fast as TRL's plain path.

    model  what the trainings begin with; None: the policy that ships, or where it is not there an untrained one of its shape, which never
           ends a turn and so never looks
    begin  begins a training and waits for its end, from the words behind `train`; None: in a process of its own

    Raises StartError where a training broke off.
    """
    named = model or (NEEDLE if needle_ships() else UNTRAINED)
    found: dict[str, list[list[Step]]] = {way: [] for way in WAYS}
    for pair in range(size.pairs):
        for way in list(WAYS)[:: 1 if pair % 2 == 0 else -1]:
            folder = scratch / f"{pair}-{way}"
            (begin or _begun)(_words(folder, named, way, seed + pair, size))
            found[way].append(steps_of(folder, size.batch))
    return figures(found, f"{_title(named)}, {size.batch} rollouts")


def _title(model: str) -> str:
    place = Path(model)
    return "untrained" if model == UNTRAINED else place.parent.name if place.name == "trained" else place.name


def _words(folder: Path, model: str, way: str, seed: int, size: Size) -> list[str]:
    """The command line behind `train`."""
    told = {
        "grpo.generation": way,
        "seed": seed,
        "batch": size.batch,
        "steps": _WARM_UP + size.steps,
        "log_every": 1,
        "save_every": 0,
        "sample_every": 0,
        "grpo.rollouts_every": 0,
    }
    changes = [*(f"{key}={value}" for key, value in told.items()), *size.changes]
    begins_with = str(needle_folder()) if model == NEEDLE else model
    named = [f"--model={begins_with}", f"--runs={folder.parent}", f"--name={folder.name}"]
    return [*named, *(f"--set={change}" for change in changes), "--", RECIPE]


def _begun(words: Sequence[str]) -> None:
    said = heard("train", words)
    if not said.ok:
        raise StartError(f"A training that was to be measured broke off. {said.words}")


def steps_of(folder: Path, batch: int) -> list[Step]:
    """The counted steps of a training that has ended, of `batch` rollouts each, from what it wrote down."""
    with (folder / METRICS).open(encoding="utf-8") as file:
        lines = [line for line in map(json.loads, file) if "loss" in line]
    return [_step(line, batch) for line in lines[_WARM_UP:]]


def _step(line: Mapping[str, float], batch: int) -> Step:
    # The pace stands there with more digits than the clock.
    rate, length = line["tokens_per_second"], line["length"]
    return Step(batch * length / rate, rate, line["generating"], length, line["looks"], int(line["memory"]))


def figures(found: Mapping[str, Sequence[Sequence[Step]]], title: str) -> list[Figure]:
    """The figures of both ways, and of each pair how many times as fast ours was; `title` says of what."""
    told = []
    for way, name in WAYS.items():
        steps = [step for one in found[way] for step in one]
        of = f"{name} ({title})"
        told += [
            Figure(f"a step of GRPO, {of}", tuple(step.seconds for step in steps), "s"),
            Figure(f"tokens a second in GRPO, {of}", tuple(step.rate for step in steps), "1/s"),
            Figure(f"share of time generating, {of}", tuple(100 * step.generating for step in steps), "%"),
            Figure(f"tokens of a rollout, {of}", tuple(step.length for step in steps), ""),
            Figure(f"looks of a rollout, {of}", tuple(step.looks for step in steps), ""),
            Figure(f"memory held, {of}", tuple(step.memory / 2**20 for step in steps), "MB"),
        ]
    pairs = list(zip(found[ENGINE], found[PLAIN], strict=True))
    steps_faster = tuple(_seconds(plain) / _seconds(ours) for ours, plain in pairs)
    tokens_faster = tuple(_rate(ours) / _rate(plain) for ours, plain in pairs)
    return [
        *told,
        Figure(f"times as fast as TRL's plain path, by the step ({title})", steps_faster, "x", AIM),
        Figure(f"times as fast as TRL's plain path, by tokens a second ({title})", tokens_faster, "x", AIM),
    ]


def _seconds(steps: Sequence[Step]) -> float:
    return sum(step.seconds for step in steps)


def _rate(steps: Sequence[Step]) -> float:
    """Tokens a second over all steps together."""
    return sum(step.rate * step.seconds for step in steps) / _seconds(steps)
