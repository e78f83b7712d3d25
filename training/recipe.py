"""A recipe: everything that a training is, as a frozen value read from YAML. Reading one loads nothing heavy.

    recipe = read_recipe("qwen2.5-vl-3b-spatial", {"data.records": ["curated.jsonl"]})
    for stage in recipe.stages: ...

A key that stands in the recipe holds for every stage that does not have its own. Paths are as the shell has them: from the folder that
the command is given in.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag, TypeAdapter, ValidationError

from core.errors import TrainingError
from core.trace import DomainName

FOLDER = Path(__file__).resolve().parent / "recipes"
_STRICT = ConfigDict(extra="forbid")
_KINDS = ("records", "world")

Count = Annotated[int, Field(ge=1)]
AtLeastNone = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


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

    __pydantic_config__ = _STRICT

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
    share       of the dialogs of a stage with several sources
    """

    __pydantic_config__ = _STRICT

    world: str
    difficulty: str | dict[str, Any] = "default"
    count: Count | None = None
    seed: AtLeastNone | None = None
    misses: Share = 0.0
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

    __pydantic_config__ = _STRICT

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

    __pydantic_config__ = _STRICT

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

    __pydantic_config__ = _STRICT

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
    betas          of AdamW
    max_length     tokens of a dialog, pictures counted: a longer one ends the run, for it would be learnt without its end
    min_pixels, max_pixels   area of a picture; None: as the checkpoint has it
    checkpointing  activations are computed again instead of kept: less memory, a third more time
    freeze_vision  the vision tower and what joins it to the words stay as they are
    lora           None: all weights are trained that are not frozen
    crop           None: as the records' domains zoom
    threads        of the processor; None: as many as PyTorch takes
    workers        processes that draw scenes and prepare pictures beside the training; 0: it prepares them itself
    by_length      dialogs of about one length go into a batch, so that less is padded
    log_every, save_every, evaluate_every, sample_every   in steps; 0: never, but at the end
    keep           newest checkpoints that stay
    evaluate       dialogs of the validation split that its loss is taken over, at most
    samples        of them that are asked, greedily, and written down as traces
    max_new_tokens of a turn of those
    """

    __pydantic_config__ = _STRICT

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
    by_length: bool = False
    log_every: Count = 10
    save_every: AtLeastNone = 0
    keep: Count = 2
    evaluate_every: AtLeastNone = 0
    evaluate: AtLeastNone = 256
    sample_every: AtLeastNone = 0
    samples: AtLeastNone = 8
    max_new_tokens: Count = 512

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
        stages = tuple(replace(stage, data=None if stage.data is None else _at_home(stage.data)) for stage in self.stages)
        return replace(self, model=str(here.resolve()) if here.is_dir() else self.model, data=_at_home(self.data), stages=stages)

    def to_yaml(self) -> str:
        """The recipe with every value said; `read_recipe` reads an equal one back."""
        document = _adapter().dump_python(self, mode="json")
        text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)
        return text


def shipped() -> dict[str, Path]:
    """The recipes that come with the program, by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}


def read_recipe(named: str, changes: Mapping[str, Any] | None = None) -> Recipe:
    """The recipe of a file, or the shipped one of that name, with `changes`: dotted keys and their values.

    Raises TrainingError for a recipe that is not there, is no YAML, or has a key or a value that means nothing; the sentence names both.
    """
    path = _path_of(named)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(f"The recipe {path} cannot be read ({getattr(error, 'strerror', None) or 'it is not UTF-8'}).") from error
    document = _parse(text, path)
    for key, value in (changes or {}).items():
        _change(document, key.split("."), value, key)
    return _checked(document, str(path))


def _checked(document: Any, name: str) -> Recipe:
    try:
        recipe = _adapter().validate_python(document)
    except ValidationError as error:
        raise TrainingError(f"{name}: {_finding(error)}") from error
    recipe.planned()
    return recipe


def _path_of(named: str) -> Path:
    path = Path(named).expanduser()
    if path.is_file():
        return path
    known = shipped()
    if named in known:
        return known[named]
    if path.suffix in (".yaml", ".yml") or "/" in named:
        raise TrainingError(f"There is no recipe file {named}: check the path, or take a shipped one: {', '.join(known)}.")
    close = difflib.get_close_matches(named, known, n=1)
    meant = f" Did you mean {close[0]!r}?" if close else ""
    raise TrainingError(f"There is no recipe {named!r}.{meant} Shipped are {', '.join(known) or 'none'}; or give a YAML file.")


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """YAML in which a key stands once: of two, the first would be lost without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for place, key in enumerate(keys):
            if key in keys[:place]:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} stands there twice", node.value[place][0].start_mark)
        made: dict[Any, Any] = super().construct_mapping(node, deep)
        return made


def _parse(text: str, path: Path) -> dict[str, Any]:
    try:
        document = yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise TrainingError(f"{path}{line}: not a recipe in YAML: {error.problem}.") from error
    except yaml.YAMLError as error:
        raise TrainingError(f"{path}: not a recipe in YAML: {str(error).splitlines()[0]}.") from error
    if not isinstance(document, dict):
        raise TrainingError(f"{path}: a recipe is keys with their values, such as `model: Qwen/Qwen2.5-VL-3B-Instruct`.")
    return document


def parse_value(text: str) -> Any:
    """A value as YAML reads it: a number, true, a list. Raises TrainingError for text that is none."""
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise TrainingError(f"{text!r} is no value in YAML: put a text that holds a colon or a bracket in quotes.") from error


def _change(document: Any, place: list[str], value: Any, key: str) -> None:
    """Set the value at a place. A list is entered by a number; a list of one, as `data` may be, also without."""
    for at, name in enumerate(place[:-1]):
        if isinstance(document, list) and len(document) == 1 and not name.isdigit():
            _change(document[0], place[at:], value, key)
            return
        if isinstance(document, list):
            document = document[_index(document, name, key)]
            continue
        if document.get(name) is None:
            document[name] = {}
        document = document[name]
        if not isinstance(document, dict | list):
            raise TrainingError(f"{key}: {name} is a value and holds no keys, so nothing under it can be set.")
    if isinstance(document, list) and len(document) == 1 and not place[-1].isdigit():
        document[0][place[-1]] = value
    elif isinstance(document, list):
        document[_index(document, place[-1], key)] = value
    else:
        document[place[-1]] = value


def _index(items: list[Any], name: str, key: str) -> int:
    if not name.isdigit() or int(name) >= len(items):
        raise TrainingError(f"{key}: there is a list of {len(items)}, entered by a number from 0 to {len(items) - 1}, not by {name!r}.")
    return int(name)


def _finding(error: ValidationError) -> str:
    """What a recipe was refused for first, in a sentence."""
    findings = error.errors()
    # A mistyped key comes first: what is missing is then missing for that.
    first = next((finding for finding in findings if finding["type"] == "unexpected_keyword_argument"), findings[0])
    # Behind a number in a list of sources stands their kind, which nobody wrote.
    names = [str(part) for at, part in enumerate(first["loc"]) if not (at and isinstance(first["loc"][at - 1], int) and part in _KINDS)]
    place = ".".join(names) or "the recipe"
    if first["type"] == "unexpected_keyword_argument":
        known = sorted(_known_keys())
        close = difflib.get_close_matches(names[-1], known, n=1)
        return f"there is no key `{place}`" + (f": did you mean `{close[0]}`?" if close else ". docs/training.md lists the keys.")
    if first["type"] in ("missing", "missing_argument"):
        return f"`{place}` is missing."
    return f"`{place}`: {first['msg'].rstrip('.')}, not {first.get('input')!r:.80}."


def _known_keys() -> set[str]:
    return {name for kind in (Recipe, Stage, RecordFiles, DrawnScenes, Lora, Zoom) for name in kind.__dataclass_fields__}


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
def _adapter() -> TypeAdapter[Recipe]:
    return TypeAdapter(Recipe)
