"""A dry run: the data, the template and the first batch of a recipe, and what a training of it would come to. No weights are read."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import transformers

from core.errors import TrainingError
from core.policies.local.memory import gigabytes
from training.batches import NOT_LEARNT, Collator
from training.dialogs import Dialog
from training.recipe import DrawnScenes, Recipe
from training.schooling import Schooling
from training.session import shared_out
from training.sources import DialogSource, FromFiles
from training.start import Beginning, beginning, computes_in_bfloat16

# About so many dialogs are rendered for the figures, spread over the data.
_LOOKED_AT = 64


@dataclass(frozen=True, slots=True)
class Numbers:
    """How many numbers a model is: all of it, and what of it is trained."""

    all: int
    trained: int


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a training would come to.

    steps    of the whole run, by stage
    domains  of the dialogs that were looked at; of all records where they come from files
    tokens   of each dialog that was looked at, pictures counted
    learnt   share of those tokens that is learnt
    shapes   of the first batch
    state    bytes of weights, gradients and optimizer, all processes together; the activations come on top
    """

    recipe: Recipe
    steps: tuple[tuple[str, int], ...]
    splits: Mapping[str, int]
    domains: Mapping[str, int]
    tokens: tuple[int, ...]
    pictures: tuple[int, ...]
    learnt: float
    left_out: int
    shapes: Mapping[str, tuple[int, ...]]
    numbers: Numbers
    state: int

    def lines(self) -> Iterator[str]:
        """It in words."""
        yield f"{self.recipe.title}: {self.recipe.model}"
        yield f"records  {listed(self.splits)}" + (f"; {self.left_out:,} of weight 0 are left out" if self.left_out else "")
        yield f"domains  {listed(self.domains)}"
        middle, most = statistics.median(self.tokens), max(self.tokens)
        yield f"dialogs  {middle:,.0f} tokens (median of {len(self.tokens)}), {most:,} at most; {self.learnt:.1%} of them are learnt"
        yield f"pictures {statistics.mean(self.pictures):.2g} a dialog, {max(self.pictures)} at most"
        yield f"steps    {sum(steps for _, steps in self.steps):,} of {self.recipe.batch} dialogs" + self._stages()
        yield "a batch  " + ", ".join(f"{name} {list(shape)}" for name, shape in self.shapes.items())
        share = self.numbers.trained / max(1, self.numbers.all)
        yield f"weights  {self.numbers.all:,}, of which {self.numbers.trained:,} are trained ({share:.1%})"
        yield f"memory   {gigabytes(self.state)} for weights, gradients and optimizer, shared by all GPUs; activations come on top"

    def _stages(self) -> str:
        return f": {', '.join(f'{name} {steps:,}' for name, steps in self.steps)}" if len(self.steps) > 1 else ""


def rehearse(recipe: Recipe) -> Rehearsal:
    """What a training of the recipe would come to. Raises as the training itself would for what is wrong before its first step."""
    shared_out(recipe, 1)
    begun = beginning(recipe)
    schooling = Schooling(recipe, begun.rendering, begun.card)
    first = [schooling.dialog(place) for place in range(min(recipe.batch, len(schooling.order)))]
    batch = Collator(begun.rendering)(first[: recipe.at_once])
    _check(batch)
    looked_at = [schooling.rendered(source.example(index)) for source, index in _spread(schooling)]
    numbers = numbers_of(begun, recipe)
    return Rehearsal(
        recipe,
        tuple((lesson.stage.name, lesson.steps) for lesson in schooling.lessons),
        splits_of(schooling),
        domains_of(schooling),
        tuple(len(dialog.ids) for dialog in looked_at),
        tuple(len(dialog.pictures) for dialog in looked_at),
        _share_learnt(looked_at),
        schooling.left_out,
        {name: tuple(values.shape) for name, values in batch.items()},
        numbers,
        state_bytes(numbers, recipe),
    )


def numbers_of(begun: Beginning, recipe: Recipe) -> Numbers:
    """How many numbers the recipe's model is, counted on a model without memory."""
    kind = getattr(transformers, begun.family.model)
    with torch.device("meta"):
        model: Any = kind(kind.config_class.from_dict(begun.config))
    model.tie_weights()
    if recipe.freeze_vision:
        model.model.visual.requires_grad_(False)
    everything = {id(weight): weight for weight in model.parameters()}.values()
    total = sum(weight.numel() for weight in everything)
    if recipe.lora is None:
        return Numbers(total, sum(weight.numel() for weight in everything if weight.requires_grad))
    chosen = [
        module
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and "language_model." in name and name.rpartition(".")[2] in recipe.lora.targets
    ]
    return Numbers(total, sum(recipe.lora.rank * (module.in_features + module.out_features) for module in chosen))


def state_bytes(numbers: Numbers, recipe: Recipe) -> int:
    """Weights, gradients and AdamW's two moments: 16 bytes for a number that is trained, 4 for one that is not, 2 for one under LoRA in
    bfloat16."""
    if recipe.lora is None:
        return 16 * numbers.trained + 4 * (numbers.all - numbers.trained)
    return 16 * numbers.trained + (2 if computes_in_bfloat16(recipe.precision) else 4) * numbers.all


def _spread(schooling: Schooling) -> Iterator[tuple[DialogSource, int]]:
    """Examples from every source of every stage, evenly over each; more from a longer stage."""
    for lesson in schooling.lessons:
        wanted = max(1, _LOOKED_AT * lesson.steps // schooling.steps // len(lesson.sources))
        for source in lesson.sources:
            there = source.size if source.size is not None else lesson.steps * schooling.batch
            count = min(wanted, there)
            yield from ((source, at * there // count) for at in range(count))


def _check(batch: Mapping[str, torch.Tensor]) -> None:
    if not bool(batch["labels"].ne(NOT_LEARNT).any()):
        raise TrainingError("In the first batch there is nothing to learn: the records hold no words of the model.")


def _share_learnt(dialogs: list[Dialog]) -> float:
    return sum(map(sum, (dialog.learnt for dialog in dialogs))) / max(1, sum(len(dialog.ids) for dialog in dialogs))


def splits_of(schooling: Schooling) -> dict[str, int]:
    """Different dialogs of each split; of scenes without end, as many as the run draws."""
    found = 0
    for lesson in schooling.lessons:
        drawn = lesson.steps * schooling.batch
        found += sum(source.size if source.size is not None else drawn for source in lesson.sources)
    return {"to learn from": found, "held out": sum(source.size or 0 for source in schooling.validation)}


def domains_of(schooling: Schooling) -> dict[str, int]:
    """How many different dialogs of each domain; of scenes without end, as many as the run draws."""
    found = Counter[str]()
    for lesson in schooling.lessons:
        for source, data in zip(lesson.sources, lesson.stage.data or (), strict=True):
            if isinstance(source, FromFiles):
                found.update(record.domain.value for record in source.records)
            elif isinstance(data, DrawnScenes):
                found[f"scenes of the world {data.world}"] += source.size or lesson.steps * schooling.batch
    return dict(found)


def listed(counts: Mapping[str, int]) -> str:
    """Counts in words: 12 spatial, 3 web_action."""
    return ", ".join(f"{count:,} {name}" for name, count in counts.items()) or "none"
