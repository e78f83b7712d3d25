"""TRL's SFTTrainer, told three things: a record's weight counts in the loss, the learning rate follows the recipe's stages, and a
checkpoint counts when it is whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from torch.nn.functional import cross_entropy
from transformers import Trainer
from trl import SFTTrainer

from core.errors import TrainingError
from training.batches import NOT_LEARNT, Collator
from training.dialogs import Dialog
from training.learning_rates import LearningRates

# Counted by a process that has no batch.
_NONE = -1.0
# With so few words all logits of a batch take less room and time than computing them piece by piece.
_SMALL_VOCABULARY = 8192


@dataclass(frozen=True, slots=True)
class Refused:
    """In a batch's place: why there is none. Errors come out of a data loader's process as tracebacks, and this as it is."""

    sentence: str


@dataclass(frozen=True, slots=True)
class Found:
    """What comes of a batch; scalars.

    total   sum over its dialogs of weight times negative log-likelihood (natural logarithm) of the learnt tokens
    right   learnt tokens that were the likeliest
    learnt  learnt tokens
    """

    total: torch.Tensor
    right: torch.Tensor
    learnt: torch.Tensor


class Batches:
    """Makes a batch of the places of a run: the collator of the data loader, so that its processes do all the work.

    dialog  from a place to its dialog
    """

    def __init__(self, dialog: Callable[[int], Dialog], collator: Collator) -> None:
        self._dialog, self._collator = dialog, collator

    def __call__(self, rows: Sequence[dict[str, int]]) -> dict[str, torch.Tensor | Refused]:
        """A batch, or {"refused": why} where one of its dialogs cannot be had."""
        try:
            return dict(self._collator([self._dialog(row["place"]) for row in rows]))
        except TrainingError as error:
            return {"refused": Refused(str(error))}


def weighted_tokens(batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """What a batch counts in the loss: over its dialogs, the weight times the number of tokens that are learnt. Scalar."""
    learnt = batch["labels"][:, 1:].ne(NOT_LEARNT).sum(dim=1)
    return (learnt * batch["weights"]).sum()


class WeightedSFTTrainer(SFTTrainer):  # type: ignore[misc]
    """The loss of a step: the sum over its dialogs of weight times negative log-likelihood of the learnt tokens, divided by the sum of
    weight times number of those tokens, over all processes and all parts of the step. So a dialog of weight 2 counts as two of weight 1,
    and one of weight 0 as none.

    rates  of every step
    saved  is called with the folder of every checkpoint, in the main process, when all of it is written
    save_beside  writes what a policy needs beside its weights into a folder
    """

    lr_scheduler: Any

    def __init__(
        self, *args: Any, rates: LearningRates, saved: Callable[[Path], None], save_beside: Callable[[Path], None], **named: Any
    ) -> None:
        self._rates, self._saved, self._save_beside = rates, saved, save_beside
        super().__init__(*args, **named)
        # We scale the loss by the whole step's tokens.
        self.model_accepts_loss_kwargs = True
        self._tally: dict[str, torch.Tensor] = {}
        self._vocabulary = int(self.model.config.get_text_config().vocab_size)

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: torch.device) -> tuple[list[Any], Any]:
        """The parts of a step, with what they count together. Raises TrainingError where a dialog cannot be had."""
        samples = [batch for _, batch in zip(range(num_batches), epoch_iterator, strict=False)]
        refused = next((batch["refused"].sentence for batch in samples if "refused" in batch), None)
        if refused is not None:
            counted = torch.tensor(_NONE, device=device)
        else:
            counted = torch.stack([weighted_tokens(batch) for batch in samples]).sum().to(device)
        if self.args.world_size > 1:
            every = self.accelerator.gather(counted)
            # One process's refusal is every process's: none waits for ever for the others.
            refused = _first_of_all(refused) if bool((every < 0).any()) else None
            counted = every.sum()
        if refused is not None:
            raise TrainingError(refused)
        return samples, counted

    def compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None) -> Any:
        """The weighted loss of a part of a step. Scalar."""
        found = self.pass_through(model, inputs)
        # A step in which nothing is learnt has the loss 0 and no gradient, and not 0 / 0.
        counted = weighted_tokens(inputs) if num_items_in_batch is None else num_items_in_batch
        # The processes' gradients are averaged: each sees its share of the sum times their number.
        loss = found.total / counted.clamp(min=1e-6) * self.args.world_size
        self._count(found, inputs)
        return (loss, {}) if return_outputs else loss

    def pass_through(self, model: Any, inputs: dict[str, Any]) -> Found:
        """What comes of a batch; the same by either way of computing it."""
        given = {name: value for name, value in inputs.items() if name not in ("weights", "labels")}
        targets = inputs["labels"][:, 1:]
        learnt = targets.ne(NOT_LEARNT)
        if self._vocabulary > _SMALL_VOCABULARY:
            # TRL's own head: it never holds the logits of a whole batch. Where nothing is learnt its values are 0.
            outputs = model(**given, labels=inputs["labels"], use_cache=False, fused_lm_head=True)
            total = -(outputs.log_probs.sum(dim=1) * inputs["weights"]).sum()
            return Found(total, outputs.is_top1.sum(), learnt.sum())
        columns = learnt.any(dim=0).nonzero().squeeze(1)
        logits = model(**given, use_cache=False, logits_to_keep=columns).logits
        kept = learnt[:, columns]
        said, wanted = logits[kept].float(), targets[:, columns][kept]
        weights = inputs["weights"][:, None].expand_as(kept)[kept]
        total = (cross_entropy(said, wanted, reduction="none") * weights).sum()
        return Found(total, (said.detach().argmax(dim=-1) == wanted).sum(), wanted.new_tensor(len(wanted)))

    def _count(self, found: Found, inputs: dict[str, Any]) -> None:
        tokens = inputs["attention_mask"].sum()
        now = {"right": found.right, "learnt": found.learnt, "tokens": tokens, "dialogs": tokens.new_tensor(len(inputs["weights"]))}
        for name, value in now.items():
            before = self._tally.get(name)
            self._tally[name] = value.detach() if before is None else before + value.detach()

    def take_tally(self) -> dict[str, int]:
        """What went through the model since the last call, over all processes: dialogs, tokens, learnt tokens, and of those the ones whose
        likeliest token was right."""
        tally, self._tally = self._tally, {}
        if not tally:
            return {}
        values = torch.stack([value.long() for value in tally.values()])
        if self.args.world_size > 1:
            values = self.accelerator.reduce(values, "sum")
        return dict(zip(tally, values.tolist(), strict=True))

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """The recipe's learning rate as a scheduler; its state is the step alone."""
        if self.lr_scheduler is None:
            self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer or self.optimizer, self._rates.factor)
            self._created_lr_scheduler = True
        return self.lr_scheduler

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Hands the figures on. Raises TrainingError where the loss is no number any more: no step after it would mean anything."""
        loss = logs.get("loss")
        if loss is not None and not math.isfinite(loss):
            raise TrainingError(
                f"The loss became {loss} by step {self.state.global_step:,}: take a lower learning rate, or a longer warm-up."
            )
        Trainer.log(self, logs, start_time)

    def floating_point_ops(self, inputs: Any) -> int:
        """0: counting them would walk through the whole model at every step, and nobody reads it."""
        return 0

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        """All weights were loaded before the trainer was made, by the names under which they are saved. The library looks for them
        by the names that they have in memory, which are others in Qwen2.5-VL, and goes on with a warning where it finds none."""
        if self.is_fsdp_enabled or isinstance(self.model, PeftModel):
            super()._load_from_checkpoint(resume_from_checkpoint, model)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        Trainer._save_checkpoint(self, model, trial)
        self.accelerator.wait_for_everyone()
        if self.args.should_save:
            self._saved(Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}")

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        super()._save(output_dir, state_dict)
        if self.args.should_save:
            self._save_beside(Path(output_dir or self.args.output_dir))

    def create_model_card(self, *args: Any, **named: Any) -> None:
        """None is written: the run's folder says what was done."""

    def _send_telemetry(self) -> None:
        """Nothing leaves the machine."""


def _first_of_all(sentence: str | None) -> str | None:
    """The first sentence that any process has: all end together, and none waits for ever."""
    said: list[str | None] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(said, sentence)
    return next((one for one in said if one is not None), None)
