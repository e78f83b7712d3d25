"""What every kind of training does alike: it opens its run, agrees with its other processes, and ends in one sentence."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list
from peft import LoraConfig

from core.errors import SaccadeError, TrainingError
from core.policies.local.fingerprints import fingerprint
from core.policies.opening import LoadProgress
from training import runs
from training.failures import in_words
from training.optimizers import MuonWithAdamW
from training.recipe import Device, Optimizer, Recipe
from training.run_trainer import RunTrainer
from training.runs import Run
from training.schooling import Schooling
from training.start import Beginning, computes_in_bfloat16
from training.watching import News, Tell


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run.

    steps     that it has behind it
    finished  whether these are all of them; else it was stopped, and goes on from its last checkpoint
    """

    run: Path
    steps: int
    finished: bool


def prepare_process(recipe: Recipe) -> None:
    """What holds for the whole process from now on: its threads, and libraries that say nothing."""
    import transformers

    if recipe.threads is not None:
        torch.set_num_threads(recipe.threads)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # the data loader's processes are forked
    transformers.utils.logging.disable_progress_bar()


def common_arguments(recipe: Recipe, checkpoints: Path) -> dict[str, Any]:
    """The recipe in TRL's words, as far as they are the same for every trainer. The length of the run and the learning rate follow when
    the data is known."""
    at_once, parts = shared_out(recipe, int(os.environ.get("WORLD_SIZE", "1")))
    on_cpu = recipe.device is Device.CPU or not torch.cuda.is_available()
    return {
        "output_dir": str(checkpoints),
        "per_device_train_batch_size": at_once,
        "gradient_accumulation_steps": parts,
        "max_steps": 1,
        "weight_decay": recipe.weight_decay,
        "max_grad_norm": recipe.clip,
        "adam_beta1": recipe.betas[0],
        "adam_beta2": recipe.betas[1],
        "seed": recipe.seed,
        "remove_unused_columns": False,
        "logging_steps": recipe.log_every,
        "logging_first_step": True,
        "logging_nan_inf_filter": False,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": on_cpu,
        "bf16": computes_in_bfloat16(recipe.precision),
        "dataloader_pin_memory": not on_cpu,
        # Every dialog has a picture, so every part of the model has a share in every batch.
        "ddp_find_unused_parameters": False,
    }


def shared_out(recipe: Recipe, processes: int) -> tuple[int, int]:
    """How a step is shared out: dialogs at one time in a process, and parts one after the other.

    Raises TrainingError where the recipe's batch cannot be shared out evenly.
    """
    at_once = min(recipe.at_once, max(1, recipe.batch // processes))
    if recipe.batch % (at_once * processes):
        raise TrainingError(
            f"A step of {recipe.batch} dialogs cannot be shared out to {processes} processes with {at_once} at one time: `batch` has to be "
            "a multiple of the two multiplied."
        )
    return at_once, recipe.batch // (at_once * processes)


def open_run(recipe: Recipe, folder: Path, begun: Beginning, schooling: Schooling, *, resume: bool) -> Run:
    """A new run's folder; or the one that goes on, brought to where its last whole checkpoint is. In every process, made by the main one.

    Raises TrainingError where it cannot be made, or cannot go on.
    """
    return agree(lambda: _opened(recipe, folder, begun, schooling, resume=resume))


def _opened(recipe: Recipe, folder: Path, begun: Beginning, schooling: Schooling, *, resume: bool) -> Run:
    told = {
        "title": recipe.title,
        "kind": recipe.kind,
        "seed": recipe.seed,
        "steps": schooling.steps,
        "data_sha256": schooling.data_hash,
        "model": recipe.model,
        "weights_begun_with": fingerprint(begun.folder),
        "processes": PartialState().num_processes,
        "device": str(PartialState().device),
    }
    if not resume:
        return runs.begin(folder, recipe.at_home(), told)
    run = Run(folder)
    known = run.notes()
    for name, what in (("data_sha256", "the records are"), ("weights_begun_with", "the checkpoint that it began with is")):
        if known.get(name) != told[name]:
            raise TrainingError(f"The run in {folder} cannot go on: {what} not what it was. Put it back, or begin a new run.")
    run.drop_broken()
    saved = run.saved_steps()
    run.forget_after(saved[-1] if saved else 0)
    run.note(state="running", words="", processes=told["processes"], device=told["device"], versions=runs.versions(), **runs.this_process())
    return run


def last_checkpoint(run: Run) -> str | None:
    """The folder of a run's last whole checkpoint; None where it has none."""
    steps = run.saved_steps()
    return str(run.checkpoint(steps[-1])) if steps else None


def optimizer_of(recipe: Recipe, learning_rate: float) -> tuple[Any, dict[str, Any]] | None:
    """As transformers takes one that is made from the model; None: its own AdamW."""
    if recipe.optimizer is Optimizer.ADAMW:
        return None
    return (lambda: MuonWithAdamW), {"lr": learning_rate, "weight_decay": recipe.weight_decay, "betas": recipe.betas}


def lora_of(recipe: Recipe) -> LoraConfig | None:
    """The recipe's adapter in PEFT's words; None: all weights are trained."""
    lora = recipe.lora
    if lora is None:
        return None
    # The words' side alone: the vision tower's layers have names of their own, and some share these.
    targets = rf".*language_model\..*\.({'|'.join(lora.targets)})"
    return LoraConfig(r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=targets, task_type="CAUSAL_LM")


def stopped_by_hand(trainer: RunTrainer, run: Run) -> Outcome:
    """Behind the last step of a run that was asked to stop."""
    step = trainer.state.global_step
    if trainer.args.should_save:
        run.note(state="stopped", step=step, words=f"Stopped by hand after step {step:,}.")
    return Outcome(run.folder, step, finished=False)


def finished(trainer: RunTrainer, run: Run, found: dict[str, Any]) -> Outcome:
    """Behind the last step of a run: the trained policy, and how the run stands. `found` is noted with it."""
    step = trainer.state.global_step
    trainer.save_model(str(run.trained))
    if trainer.args.should_save:
        # TRL's arguments, pickled: whoever opens a policy has no use for them.
        (run.trained / "training_args.bin").unlink(missing_ok=True)
        run.note(state="finished", step=step, **found)
    trainer.accelerator.wait_for_everyone()
    return Outcome(run.folder, step, finished=True)


def ended(error: Exception, run: Run, recipe: Recipe, trainer: RunTrainer | None) -> Exception:
    """What is raised where a run broke off: a sentence with what is saved; a defect of the program stays as it is."""
    step = trainer.state.global_step if trainer is not None else 0
    may_save = trainer is not None and trainer.saves_after(step) and trainer.args.world_size == 1
    if trainer is not None and may_save and isinstance(error, TrainingError) and step and step not in run.saved_steps():
        _save_what_there_is(trainer)
    run.drop_broken()
    told = in_words(error, run, recipe, step)
    if PartialState().is_main_process:
        # Where the disk is full this, too, cannot be written; the sentence is said all the same.
        with contextlib.suppress(OSError):
            run.note(state="failed", step=step, words=str(told or repr(error)))
    return error if told is None else told


def _save_what_there_is(trainer: RunTrainer) -> None:
    """A checkpoint between two steps, where a record broke the run off: the weights are those of the last whole step."""
    # Where it fails, the older checkpoint stays what the run goes on from.
    with contextlib.suppress(OSError, RuntimeError):
        trainer._save_checkpoint(trainer.model, None)


def agree(make: Callable[[], Run]) -> Run:
    """What the main process makes, in every process; its refusal is everybody's."""
    state = PartialState()
    told: list[Any] = [None, None]
    if state.is_main_process:
        try:
            told[0] = make().folder
        except SaccadeError as error:
            told[1] = error
    if state.num_processes > 1:
        broadcast_object_list(told)
    if told[1] is not None:
        raise told[1]
    return Run(told[0])


def any_of_all(asked: bool) -> bool:
    """Whether any process was asked to stop: all stop behind the same step, and none waits for ever."""
    state = PartialState()
    if state.num_processes == 1:
        return asked
    told = torch.tensor(int(asked), device=state.device)
    torch.distributed.all_reduce(told, torch.distributed.ReduceOp.MAX)
    return bool(told.item())


class Loading:
    """Tells what a load does, once each."""

    def __init__(self, tell: Tell) -> None:
        self._tell, self._said = tell, ""

    def __call__(self, progress: LoadProgress) -> None:
        """What a load tells."""
        if progress.words != self._said:
            self._said = progress.words
            self._tell(News({}, f"{progress.words} …"))
