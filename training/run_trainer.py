"""What our trainers do to transformers' own, whatever they learn from: the learning rate follows the recipe's stages, a checkpoint counts
when it is whole, a loss that is no number ends the run, and nothing leaves the machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from peft import PeftModel

from core.errors import TrainingError
from training.learning_rates import LearningRates

if TYPE_CHECKING:
    from transformers import Trainer as _Base
else:
    _Base = object


class RunTrainer(_Base):  # type: ignore[misc]
    """To be put before a trainer of TRL's among the bases.

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

    def saves_after(self, step: int) -> bool:
        """Whether a run can go on from behind a step."""
        return True

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """The recipe's learning rate as a scheduler; its state is the step alone."""
        if self.lr_scheduler is None:
            self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer or self.optimizer, self._rates.factor)
            self._created_lr_scheduler = True
        return self.lr_scheduler

    def check_loss(self, logs: dict[str, float]) -> None:
        """Raises TrainingError where the loss is no number any more: no step after it would mean anything."""
        loss = logs.get("loss")
        if loss is not None and not math.isfinite(loss):
            raise TrainingError(
                f"The loss became {loss} by step {self.state.global_step:,}: take a lower learning rate, or a longer warm-up."
            )

    def floating_point_ops(self, inputs: Any) -> int:
        """0: counting them would walk through the whole model at every step, and nobody reads it."""
        return 0

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        """All weights were loaded before the trainer was made, by the names under which they are saved. The library looks for them
        by the names that they have in memory, which are others in Qwen2.5-VL, and goes on with a warning where it finds none."""
        if self.is_fsdp_enabled or isinstance(self.model, PeftModel):
            super()._load_from_checkpoint(resume_from_checkpoint, model)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
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
