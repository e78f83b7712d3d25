"""A recipe: everything that a training is, as a frozen value. `training.recipe_files` reads one from YAML. Nothing heavy is imported.

A key that stands in the recipe holds for every stage that does not have its own. Paths are as the shell has them: from the folder that
the command is given in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BeforeValidator, Discriminator, Field, Tag, TypeAdapter

from core.errors import TrainingError
from core.tasks.needle.manners import Manner
from core.trace import DomainName
from training.quantities import STRICT, AtLeastNone, Count, NotNegative, Positive, Share
from training.reinforcement import Grpo

# The small policy before its training, which lies in no folder: training.small.begin.UNTRAINED, which is too heavy to be imported here.
_MADE = "small"


class Schedule(StrEnum):
    """How the learning rate goes on after its warm-up."""

    COSINE = "cosine"
    """Half a cosine down to nothing."""
    LINEAR = "linear"
    """A straight line down to nothing."""
    CONSTANT = "constant"
    CONSTANT_THEN_LINEAR = "constant_then_linear"
    """Constant for the share `hold` of the stage, then a straight line down to nothing."""


class Precision(StrEnum):
    """The numbers that the model computes in. Weights that are trained in full are kept as float32 beside them."""

    AUTO = "auto"
    """bfloat16 on a GPU that has it, float32 elsewhere."""
    BFLOAT16 = "bfloat16"
    FLOAT32 = "float32"


class Optimizer(StrEnum):
    """What a step does to the weights."""

    ADAMW = "adamw"
    MUON = "muon"
    """For the matrices, with AdamW for the rest: about half as many steps where a model is trained from nothing. Weights must be whole."""


class Device(StrEnum):
    """Where the model is trained."""

    AUTO = "auto"
    """On the GPU where there is one, on the processor elsewhere."""
    CPU = "cpu"


@dataclass(frozen=True, slots=True)
class RecordFiles:
    """Curated records from files, with the pictures that they name.

    records   files that `core.records.read_records` reads
    pictures  folder with the pictures, named by content hash as an export writes them; None: `pictures` beside the first file
    domains   only records of these; empty: of all
    share     of the dialogs of a stage with several sources
    """

    __pydantic_config__ = STRICT

    records: Annotated[tuple[Path, ...], Field(min_length=1)]
    pictures: Path | None = None
    domains: tuple[DomainName, ...] = ()
    share: Positive = 1.0


@dataclass(frozen=True, slots=True)
class DrawnScenes:
    """Scenes that are drawn as they are needed.

    world       which one
    difficulty  by name, or the name's settings changed: {preset: easy, item_size: 96}
    count       different scenes; None: every dialog is a new one
    seed        of the first scene; None: follows from the recipe's seed and the stage
    misses      share of the first looks that are off, after which the expert corrects itself
    repeats     how often the expert says all points again, each time in another order; the rest of a broken number is a share of dialogs
    unseen      share of the dialogs in which something stays unseen, or the answer is demanded too soon, and the expert guesses
    manner      how the expert answers: with looks, or at once, with points or without
    share       of the dialogs of a stage with several sources
    """

    __pydantic_config__ = STRICT

    world: str
    difficulty: str | dict[str, Any] = "default"
    count: Count | None = None
    seed: AtLeastNone | None = None
    misses: Share = 0.0
    repeats: NotNegative = 0.0
    unseen: Share = 0.0
    manner: Manner = Manner.LOOKS
    share: Positive = 1.0


def _kind_of_source(given: Any) -> str:
    drawn = "world" in given if isinstance(given, Mapping) else isinstance(given, DrawnScenes)
    return "world" if drawn else "records"


def _as_list(given: Any) -> Any:
    return [given] if isinstance(given, Mapping) else given


Source = Annotated[
    Annotated[RecordFiles, Tag("records")] | Annotated[DrawnScenes, Tag("world")],
    Discriminator(_kind_of_source),
]
Sources = Annotated[tuple[Source, ...], BeforeValidator(_as_list)]


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of a run, with its own data and learning rate. What is None is the recipe's.

    steps, epochs  how long it is: one of the two
    warmup, hold   shares of its steps: the learning rate rises; it stays, where the schedule has that
    """

    __pydantic_config__ = STRICT

    name: str = ""
    data: Sources | None = None
    steps: Count | None = None
    epochs: Positive | None = None
    learning_rate: Positive | None = None
    schedule: Schedule | None = None
    warmup: Share | None = None
    hold: Share | None = None


@dataclass(frozen=True, slots=True)
class Lora:
    """Small matrices that are trained in place of the weights: W + alpha / rank * B A (Hu et al. 2021, arXiv 2106.09685, section 4.1)."""

    __pydantic_config__ = STRICT

    rank: Count = 16
    alpha: Count = 32
    dropout: Share = 0.0
    targets: Annotated[tuple[str, ...], Field(min_length=1)] = (
        "q_proj",
        "k_proj",
        "v_proj",
        "o_proj",
        "gate_proj",
        "up_proj",
        "down_proj",
    )


@dataclass(frozen=True, slots=True)
class Zoom:
    """How the policy looks closer: half the window's side and the crop's side, in pixels, and whether a dot marks the point."""

    __pydantic_config__ = STRICT

    offset: Count
    side: Count
    dot: bool = False


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that a training is.

    title          what it is, in a line
    model          the checkpoint that it begins with: a hub name or a folder
    batch          dialogs of a step, over all processes; `at_once` of them go through the model at one time in a process
    epochs, steps  how long it is, where no stage says
    clip           greatest length of the gradient; 0: any
    optimizer      AdamW, or Muon for the matrices and AdamW for the rest
    betas          of AdamW
    max_length     tokens of a dialog, pictures counted: a longer one ends the run, for it would be learnt without its end
    min_pixels, max_pixels   area of a picture; None: as the checkpoint has it
    checkpointing  activations are computed again instead of kept: less memory, a third more time
    freeze_vision  the vision tower and what joins it to the words stay as they are
    lora           None: all weights are trained that are not frozen
    crop           None: as the records' domains zoom
    threads        of the processor; None: as many as PyTorch takes
    workers        processes that draw scenes and prepare pictures beside the training; 0: it prepares them itself
    answers_only   of every record the question and the answer are learnt, and no thought and no look: the paper's plainest baseline
    by_length      dialogs of about one length go into a batch, so that less is padded
    log_every, save_every, evaluate_every, sample_every   in steps; 0: never, but at the end
    keep           newest checkpoints that stay
    evaluate       dialogs of the validation split that its loss is taken over, at most
    samples        of them that are asked, greedily, and written down as traces
    max_new_tokens of a turn of those, and of rollouts
    grpo           learn from rewards, and not from what the records say; `batch` then counts rollouts. None: supervised fine-tuning
    """

    __pydantic_config__ = STRICT

    title: str
    model: str
    data: Sources = ()
    stages: tuple[Stage, ...] = ()
    seed: AtLeastNone = 0
    batch: Count = 32
    at_once: Count = 1
    epochs: Positive | None = None
    steps: Count | None = None
    learning_rate: Positive = 1e-6
    schedule: Schedule = Schedule.COSINE
    warmup: Share = 0.0
    hold: Share = 0.5
    weight_decay: NotNegative = 0.0
    clip: NotNegative = 1.0
    optimizer: Optimizer = Optimizer.ADAMW
    betas: tuple[Share, Share] = (0.9, 0.999)
    max_length: Count = 8192
    min_pixels: Count | None = None
    max_pixels: Count | None = None
    device: Device = Device.AUTO
    precision: Precision = Precision.AUTO
    checkpointing: bool = False
    freeze_vision: bool = False
    lora: Lora | None = None
    crop: Zoom | None = None
    threads: Count | None = None
    workers: AtLeastNone = 0
    answers_only: bool = False
    by_length: bool = False
    log_every: Count = 10
    save_every: AtLeastNone = 0
    keep: Count = 2
    evaluate_every: AtLeastNone = 0
    evaluate: AtLeastNone = 256
    sample_every: AtLeastNone = 0
    samples: AtLeastNone = 8
    max_new_tokens: Count = 512
    grpo: Grpo | None = None

    @property
    def kind(self) -> str:
        """What sort of training it is: "sft" or "grpo"."""
        return "sft" if self.grpo is None else "grpo"

    def planned(self) -> tuple[Stage, ...]:
        """The stages with everything said: one where the recipe names none. Raises TrainingError where data or a length is missing."""
        stages = self.stages or (Stage(),)
        return tuple(self._filled(stage, number) for number, stage in enumerate(stages, start=1))

    def _filled(self, stage: Stage, number: int) -> Stage:
        name = stage.name or (f"stage {number}" if len(self.stages) > 1 else "")
        data = stage.data if stage.data is not None else self.data
        if not data:
            raise TrainingError(f"The recipe “{self.title}” has no data{_for(name)}: give `records` or a `world` under `data`.")
        own = stage.steps is not None or stage.epochs is not None
        steps, epochs = (stage.steps, stage.epochs) if own else (self.steps, self.epochs)
        if (steps is None) == (epochs is None):
            said = "neither" if steps is None else "both"
            raise TrainingError(f"The recipe “{self.title}” has {said} of `steps` and `epochs`{_for(name)}: give one of the two.")
        if epochs is not None and any(isinstance(source, DrawnScenes) and source.count is None for source in data):
            raise TrainingError(
                f"Scenes without a `count` never end, so the recipe “{self.title}” needs `steps`{_for(name)}, not `epochs`."
            )
        return Stage(
            name,
            data,
            steps,
            epochs,
            stage.learning_rate if stage.learning_rate is not None else self.learning_rate,
            stage.schedule or self.schedule,
            stage.warmup if stage.warmup is not None else self.warmup,
            stage.hold if stage.hold is not None else self.hold,
        )

    def at_home(self) -> Recipe:
        """The same recipe with every path as the whole disk has it, so that it means the same in any folder."""
        here = Path(self.model).expanduser()
        is_folder = here.is_dir() and self.model != _MADE
        stages = tuple(replace(stage, data=None if stage.data is None else _at_home(stage.data)) for stage in self.stages)
        return replace(self, model=str(here.resolve()) if is_folder else self.model, data=_at_home(self.data), stages=stages)

    def to_yaml(self) -> str:
        """The recipe with every value said; `read_recipe` reads an equal one back."""
        document = recipe_adapter().dump_python(self, mode="json")
        text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)
        return text


def _at_home(data: Sources) -> Sources:
    found = []
    for source in data:
        if isinstance(source, RecordFiles):
            records = tuple(path.expanduser().resolve() for path in source.records)
            pictures = source.pictures.expanduser().resolve() if source.pictures else None
            source = replace(source, records=records, pictures=pictures)
        found.append(source)
    return tuple(found)


def _for(name: str) -> str:
    return f" in {name}" if name else ""


@cache
def recipe_adapter() -> TypeAdapter[Recipe]:
    """Checks what is to be a recipe, and makes it one."""
    return TypeAdapter(Recipe)
