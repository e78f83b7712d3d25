"""What a ladder is made of, and the command lines of its trainings: equal but for what a rung differs in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from app.ladder.rungs import AS_IT_IS, CURVES, HARDER, RUNGS, START, TRAININGS, Rung, Training
from app.policy_register import TRAINED
from core.errors import TaskError
from core.policies.references import needle_folder, needle_ships

QUESTIONS, GROUP = 8, 8
"""Questions of a step, and rollouts of each: a step of records has the expert's dialogs about the same questions."""
MANNERS = 3
"""Sources of the start's recipe: one for each manner of answering."""
MAX_NEW_TOKENS = 300
"""Of a turn, in training as at test: the longest turn of the expert has some 120."""
# Where the start is right this often, what is learnt on top can hardly be told.
_LITTLE_LEFT = 0.9
# Of a quarter of the questions several answers are asked, and as many stand behind each place of a curve.
_PART = 4
# How the shipped policy was trained to look: 64 x 64 px of the scene as they are.
_CROP = "offset: 32, crop: 64"
# What both kinds of training have alike: nothing is looked at on the way, for everything is judged behind it.
_ALIKE = ("betas=[0.9, 0.99]", "evaluate=0", "evaluate_every=0", "samples=0", "sample_every=0", "save_every=25", "keep=1")
# Room for the longest thoughts about the worlds with the most items, and for three crops: who runs out is to have run out of turns.
_ROLLOUTS = (f"max_new_tokens={MAX_NEW_TOKENS}", "grpo.max_tokens=1200", "grpo.rollouts_every=0")


@dataclass(frozen=True, slots=True)
class Plan:
    """A ladder.

    base         the checkpoint that the start is made from; "": the policy that ships
    runs         folder of its runs
    difficulty   the world that is learnt
    start_steps  of the start: dialogs in all manners
    steps        of every other training
    seeds        trainings of each kind, with the seeds from 0
    n            questions that every policy is asked; the same for all
    samples      answers to each of a quarter of them, for pass@k
    changes      other values for all recipes, `KEY=VALUE`
    """

    base: str
    runs: Path
    difficulty: str = "hard"
    start_steps: int = 200
    steps: int = 100
    seeds: int = 3
    n: int = 400
    samples: int = 4
    changes: tuple[str, ...] = ()

    @property
    def part(self) -> int:
        """Questions behind each place of a curve, and those that are answered several times."""
        return max(1, self.n // _PART)

    def told(self) -> dict[str, Any]:
        """What makes its trainings what they are, as JSON values: seeds and questions may become more."""
        kept = ("base", "difficulty", "start_steps", "steps", "changes")
        values = asdict(self) | {"base": self.checkpoint, "changes": list(self.changes)}
        return {name: values[name] for name in kept}

    @property
    def checkpoint(self) -> str:
        """What the start is made from: a folder as the whole disk has it, or a hub name. Raises TaskError where nothing ships."""
        if self.base:
            folder = Path(self.base).expanduser()
            return str(folder.absolute()) if folder.is_dir() else self.base
        if not needle_ships():
            raise TaskError(f"No policy ships in {needle_folder()}: name the checkpoint that the ladder begins with by --start.")
        return str(needle_folder().absolute())

    def folder(self, training: str, seed: int) -> Path:
        """Of a run. There is one start for all seeds."""
        return self.runs.absolute() / (START if training == START else f"{training}-{seed}")

    def policy(self, training: str, seed: int) -> Path:
        """Where its policy is, once it is trained."""
        return self.folder(training, seed) / TRAINED

    def words(self, training: Training, seed: int) -> list[str]:
        """The command line behind `train`."""
        folder = self.folder(training.name, seed)
        model = self.checkpoint if training.name == START else str(self.policy(START, seed))
        values = (*self._values(training, seed), *training.values, *self.changes)
        options = [f"--model={model}", f"--runs={folder.parent}", f"--name={folder.name}"]
        return [*options, *(f"--set={value}" for value in values), "--", training.recipe]

    def _values(self, training: Training, seed: int) -> Sequence[str]:
        world = f"difficulty={{preset: {self.difficulty}, {_CROP}}}"
        if training.name == START:
            return (*_ALIKE, f"steps={self.start_steps}", *(f"data.{at}.{world}" for at in range(MANNERS)))
        batch = QUESTIONS * GROUP if training.grpo else QUESTIONS
        group = (f"grpo.group={GROUP}", *_ROLLOUTS) if training.grpo else ()
        return (*_ALIKE, f"steps={self.steps}", f"seed={seed}", f"batch={batch}", *group, f"data.{world}")


def trainings_of(rungs: Sequence[Rung]) -> tuple[Training, ...]:
    """Those that the rungs need, the start first."""
    names = {START, *(rung.training for rung in rungs)}
    return tuple(training for training in TRAININGS if training.name in names)


def manners_of(training: str, rungs: Sequence[Rung]) -> tuple[str, ...]:
    """In which manners a policy is asked for these rungs."""
    return tuple(dict.fromkeys(rung.manner for rung in rungs if rung.training == training))


@dataclass(frozen=True, slots=True)
class Asking:
    """What a policy is asked in a manner, whichever rungs are wanted: so nothing is asked twice where others are wanted later.

    conditions  beside as it is
    harder      the harder world, too
    curves      worlds of other sizes and numbers of items
    """

    conditions: tuple[str, ...]
    harder: bool
    curves: bool


def asking_of(training: str, manner: str) -> Asking:
    """What the rungs of a policy and a manner want to know of it."""
    mine = [rung for rung in RUNGS if (rung.training, rung.manner) == (training, manner)]
    conditions = tuple(rung.condition for rung in mine if rung.condition != AS_IT_IS)
    return Asking(conditions, any(rung.world == HARDER for rung in mine), any(rung.name in CURVES for rung in mine))


def little_left(right: float) -> str:
    """What is to be said of a start that looks and is right this often, 0 to 1; "" where much is left to gain."""
    if right <= _LITTLE_LEFT:
        return ""
    return (
        f"The start is right in {100 * right:.1f} % already, which leaves little to gain: a harder --difficulty, or a --start from an "
        "earlier checkpoint, would tell more."
    )
