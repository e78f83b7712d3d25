"""The worlds that a recipe can have its dialogs drawn from, by name."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields
from typing import Any, Protocol

from PIL import Image
from pydantic import TypeAdapter, ValidationError

from core.crops import CropRule
from core.errors import TaskError, TrainingError
from core.policies.protocol import PolicyCard
from core.records import CuratedRecord, Split
from core.tasks.needle.drawing import draw
from core.tasks.needle.manners import Manner
from core.tasks.needle.splits import Split as NeedleSplit
from core.tasks.needle.task import NeedleTask
from core.tasks.needle.values import DIFFICULTIES, Difficulty
from training.closeups import CloseUps
from training.recall import Recall
from training.recipe import DrawnScenes

NEEDLE, RECALL, CLOSE_UPS = "needle", "recall", "close-ups"
WORLDS = (NEEDLE, RECALL, CLOSE_UPS)


class Scenes(Protocol):
    """Draws the scene of a seed: the same one for ever."""

    @property
    def crop(self) -> CropRule | None:
        """How its looks are cut; None: nobody looks."""

    def record(self, seed: int) -> CuratedRecord:
        """The record of a scene, its picture not drawn. Raises TrainingError where it cannot be made."""

    def image(self, seed: int) -> Image.Image:
        """The scene's picture. Raises TrainingError where it cannot be drawn."""


_EXERCISES: Mapping[str, Callable[[Split, PolicyCard], Scenes]] = {RECALL: Recall, CLOSE_UPS: CloseUps}


class NeedleScenes:
    """The needle world at one difficulty, as its expert would speak of it to a policy with this card."""

    def __init__(self, world: NeedleTask, split: Split, card: PolicyCard, data: DrawnScenes) -> None:
        self._world, self._split, self._card, self._data = world, NeedleSplit(split.value), card, data

    @property
    def crop(self) -> CropRule | None:
        if self._data.manner is not Manner.LOOKS:
            return None
        return self._world.difficulty.rule(self._card.factor)

    def record(self, seed: int) -> CuratedRecord:
        with _named(seed):
            data = self._data
            return self._world.record(
                seed, self._split, self._card, manner=data.manner, misses=data.misses, repeats=data.repeats, unseen=data.unseen
            )

    def image(self, seed: int) -> Image.Image:
        with _named(seed):
            return draw(self._world.asked(seed, self._split).scene)


def open_scenes(data: DrawnScenes, split: Split, card: PolicyCard) -> Scenes:
    """The scenes of a world, for a policy with this card. Raises TrainingError for a world or a difficulty that there is not, and for
    looks that go wide where nobody looks."""
    if (exercise := _EXERCISES.get(data.world)) is not None:
        _check_exercise(data)
        return exercise(split, card)
    if data.manner is not Manner.LOOKS and (data.misses or data.repeats or data.unseen):
        raise TrainingError(
            f"With `manner: {data.manner}` nobody looks, and no look goes wide: leave `misses`, `repeats` and `unseen` out."
        )
    return NeedleScenes(NeedleTask(difficulty_of(data), _name(data)), split, card, data)


def _check_exercise(data: DrawnScenes) -> None:
    """Raises TrainingError for what an exercise has not."""
    plain = DrawnScenes(data.world, count=data.count, seed=data.seed, share=data.share)
    for field in fields(data):
        if getattr(data, field.name) != getattr(plain, field.name):
            raise TrainingError(f"The world {data.world} is always the same exercise, and has no {field.name}: leave it out.")


def difficulty_of(data: DrawnScenes) -> Difficulty:
    """What a recipe's `difficulty` means: one by name, or one whose settings are changed. Raises TrainingError, naming what is wrong."""
    if data.world not in WORLDS:
        raise TrainingError(f"There is no world {data.world!r}: there is {', '.join(WORLDS)}.")
    given: Mapping[str, Any] = {"preset": data.difficulty} if isinstance(data.difficulty, str) else data.difficulty
    name = given.get("preset", "default")
    if name not in DIFFICULTIES:
        raise TrainingError(f"The world {data.world} has no difficulty {name!r}: choose from {', '.join(DIFFICULTIES)}.")
    changes = {key: value for key, value in given.items() if key != "preset"}
    known = [field.name for field in fields(Difficulty)]
    for key in changes:
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            meant = f": did you mean {close[0]!r}?" if close else f": there are {', '.join(known)}."
            raise TrainingError(f"A difficulty of the world {data.world} has no setting {key!r}{meant}")
    try:
        return TypeAdapter(Difficulty).validate_python(asdict(DIFFICULTIES[name]) | changes)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise TrainingError(f"The difficulty's {place or 'settings'} cannot be so: {first['msg'].rstrip('.')}.") from error
    except TaskError as error:
        raise TrainingError(f"Scenes of this difficulty cannot be drawn. {error}") from error


def settings_of(data: DrawnScenes) -> dict[str, Any]:
    """Everything that the scenes depend on, as JSON values."""
    if data.world in _EXERCISES:
        return {"world": data.world, "count": data.count, "seed": data.seed}
    difficulty = TypeAdapter(Difficulty).dump_python(difficulty_of(data), mode="json")
    told: dict[str, Any] = {"misses": data.misses, "repeats": data.repeats}
    # What was drawn before there were these keeps its digest.
    told |= {"unseen": data.unseen} if data.unseen else {}
    told |= {} if data.manner is Manner.LOOKS else {"manner": data.manner.value}
    return {"world": data.world, "difficulty": difficulty, "count": data.count, "seed": data.seed, **told}


@contextmanager
def _named(seed: int) -> Iterator[None]:
    """Raises TrainingError, naming the scene, for what the world refuses inside."""
    try:
        yield
    except TaskError as error:
        raise TrainingError(f"The scene of the seed {seed} cannot be drawn. {error}") from error


def _name(data: DrawnScenes) -> str:
    return data.difficulty if isinstance(data.difficulty, str) else "own"
