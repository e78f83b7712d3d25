"""TRL's SFTTrainer, told that a record's weight counts in the loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from transformers import Trainer
from trl import SFTTrainer

from core.errors import TrainingError
from training.batches import NOT_LEARNT, Collator
from training.dialogs import Dialog
from training.run_trainer import RunTrainer

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


class WeightedSFTTrainer(RunTrainer, SFTTrainer):  # type: ignore[misc]
    """The loss of a step: the sum over its dialogs of weight times negative log-likelihood of the learnt tokens, divided by the sum of
    weight times number of those tokens, over all processes and all parts of the step. So a dialog of weight 2 counts as two of weight 1,
    and one of weight 0 as none.
    """

    def __init__(self, *args: Any, **named: Any) -> None:
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
            refused = first_of_all(refused) if bool((every < 0).any()) else None
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

    def figures(self, pace: float, batch: int) -> dict[str, Any]:
        """Of the steps since the last call, for a line of metrics: `pace` seconds a step of `batch` dialogs."""
        tally = self.take_tally()
        found: dict[str, Any] = {"accuracy": round(tally["right"] / max(1, tally["learnt"]), 6)} if tally else {}
        found |= {name: tally[name] for name in ("dialogs", "tokens", "learnt") if name in tally}
        return found | {"dialogs_per_second": round(batch / pace, 2) if pace > 0 else None}

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Hands the figures on. Raises TrainingError where the loss is no number any more."""
        self.check_loss(logs)
        Trainer.log(self, logs, start_time)


def first_of_all(sentence: str | None) -> str | None:
    """The first sentence that any process has: all end together, and none waits for ever."""
    said: list[str | None] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(said, sentence)
    return next((one for one in said if one is not None), None)
