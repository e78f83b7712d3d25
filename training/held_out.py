"""The examples that nothing is learnt from: the loss on them, and what the policy says to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer

from core.policies.local.loading import LoadedModel
from core.records import CuratedRecord
from core.rollout.values import RolloutSettings
from training.batches import Collator
from training.recipe import Recipe
from training.run_trainer import RunTrainer
from training.runs import Run
from training.sampling import right_of, sample_traces, write_traces
from training.schooling import Schooling
from training.sources import DialogSource
from training.trainer import WeightedSFTTrainer, weighted_tokens


class HeldOut:
    """The validation split of a run: up to `evaluate` dialogs for the loss, the first `samples` of them to be asked.

    loaded  the checkpoint as it was loaded; its model is the one that is trained
    asked   how a record's question is asked; None: as the record itself was led
    """

    def __init__(
        self,
        recipe: Recipe,
        schooling: Schooling,
        loaded: LoadedModel,
        run: Run,
        asked: Callable[[CuratedRecord], RolloutSettings] | None = None,
    ) -> None:
        self._asked = asked
        self._recipe, self._schooling, self._loaded, self._run = recipe, schooling, loaded, run
        self._collator = Collator(loaded.rendering)
        self._chosen: Sequence[tuple[DialogSource, int]] = schooling.validation_examples(recipe.evaluate)

    def validate(self, trainer: WeightedSFTTrainer) -> dict[str, float]:
        """The loss (natural logarithm, a weighted mean over the learnt tokens) and the share of them whose likeliest token was right.

        Every process takes its share of the batches; {} where nothing is held out. Raises TrainingError as a dialog does.
        """
        if not self._chosen:
            return {}
        size, rank, processes = trainer.args.per_device_train_batch_size, trainer.args.process_index, trainer.args.world_size
        starts = range(0, len(self._chosen), size)
        # With sharded weights every process has to take part in every pass: who has no batch left takes the first again, for nothing.
        rounds = -(-len(starts) // processes)
        sums = torch.zeros(4, dtype=torch.float64, device=trainer.args.device)
        model = trainer.model_wrapped
        model.eval()
        try:
            with torch.no_grad(), trainer.compute_loss_context_manager():
                for turn in range(rounds):
                    at = turn * processes + rank
                    start = starts[at] if at < len(starts) else 0
                    found = self._sums(trainer, model, start, size)
                    if at < len(starts):
                        sums += found
        finally:
            model.train()
        loss, weight, right, learnt = (trainer.accelerator.reduce(sums, "sum") if processes > 1 else sums).tolist()
        return {"validation_loss": loss / max(weight, 1e-6), "validation_accuracy": right / max(learnt, 1)}

    def sample(self, trainer: RunTrainer, step: int) -> dict[str, Any]:
        """Ask the policy a few of the questions, and write what it said as traces; {} where nothing is held out.

        Only where a process holds all weights: spread over several, they are asked once the run is over (`launch.py ask`).
        """
        found: dict[str, Any] = {}
        if trainer.args.should_save and not (trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled):
            found = self._ask(trainer, step)
        trainer.accelerator.wait_for_everyone()
        return found

    def _sums(self, trainer: WeightedSFTTrainer, model: Any, start: int, size: int) -> torch.Tensor:
        dialogs = [self._schooling.rendered(source.example(index)) for source, index in self._chosen[start : start + size]]
        batch = trainer._prepare_inputs(self._collator(dialogs))
        found = trainer.pass_through(model, batch)
        return torch.stack([found.total.double(), weighted_tokens(batch).double(), found.right.double(), found.learnt.double()])

    def _ask(self, trainer: RunTrainer, step: int) -> dict[str, Any]:
        examples = [source.example(index) for source, index in self._chosen[: self._recipe.samples]]
        examples = [example for example in examples if len(example.images) == 1]
        if not examples:
            return {}
        model = trainer.accelerator.unwrap_model(trainer.model_wrapped)
        name = f"{self._run.folder.name} step {step}"
        with merged(model) as whole:
            loaded = replace(self._loaded, model=whole)
            traces = sample_traces(
                loaded, examples, self._schooling.crop, max_new_tokens=self._recipe.max_new_tokens, name=name, asked=self._asked
            )
        path = self._run.samples / f"step-{step:06}.jsonl"
        write_traces(path, traces, [example.images[0] for example in examples], f"{self._run.folder.name} samples")
        judged, right = right_of(traces)
        return {"samples": len(traces), "judged": judged, "right": right}


@contextmanager
def merged(model: Any) -> Iterator[Any]:
    """The model with its adapter in its weights, which are the same bits as before when this is over."""
    if not isinstance(model, PeftModel):
        yield model
        return
    layers = [module for module in model.modules() if isinstance(module, LoraLayer)]
    kept = [layer.get_base_layer().weight.detach().clone() for layer in layers]
    model.merge_adapter()
    try:
        yield model.get_base_model()
    finally:
        model.unmerge_adapter()
        with torch.no_grad():
            for layer, weight in zip(layers, kept, strict=True):
                layer.get_base_layer().weight.copy_(weight)
