"""Supervised fine-tuning, from top to bottom: a recipe becomes a run's folder with a trained policy in it.

    outcome = train(recipe, Path("runs/first"))

The records are rendered by the code that leads rollouts, so that a policy learns from the very tokens that it will be asked with; only what
the model wrote is learnt. TRL's SFTTrainer does the rest: mixed precision, gradient accumulation, LoRA, FSDP, DeepSpeed.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from accelerate import PartialState
from accelerate.utils import broadcast_object_list
from datasets import Dataset
from peft import LoraConfig
from transformers import PrinterCallback
from trl import SFTConfig

from core.errors import SaccadeError, TrainingError
from core.policies.local.fingerprints import fingerprint
from core.policies.opening import LoadProgress
from training import runs
from training.batches import Collator
from training.checkpoints import write_beside
from training.failures import FAILURES, in_words
from training.held_out import HeldOut
from training.optimizers import MuonWithAdamW
from training.recipe import Device, Optimizer, Recipe
from training.runs import Run
from training.schooling import Schooling
from training.start import Beginning, beginning, computes_in_bfloat16, with_weights
from training.trainer import Batches, WeightedSFTTrainer
from training.watching import News, Tell, Watching


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run.

    steps     that it has behind it
    finished  whether these are all of them; else it was stopped, and goes on from its last checkpoint
    """

    run: Path
    steps: int
    finished: bool


def train(
    recipe: Recipe,
    folder: Path,
    *,
    resume: Mapping[str, Any] | None = None,
    tell: Tell = lambda news: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Train as the recipe says, into a new folder; or go on with the run in `folder`, where `resume` has what is to change (maybe nothing).

    tell     takes the news; only in the main process
    stopped  is asked after every step; True ends the run with a checkpoint

    Under `accelerate launch` every process calls this. Raises SaccadeError with a sentence for everything that can be mended: what is
    wrong, what is saved, what to do.
    """
    if resume is not None:
        _, recipe = runs.take_up(folder, resume)
    if recipe.threads is not None:
        torch.set_num_threads(recipe.threads)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # the data loader's processes are forked
    transformers.utils.logging.disable_progress_bar()

    # The arguments come first: they tell transformers how weights are spread over processes before any are loaded.
    args = _arguments(recipe, folder / runs.CHECKPOINTS)
    begun = beginning(recipe)
    schooling = Schooling(recipe, begun.rendering, begun.card)
    args.max_steps, args.learning_rate = schooling.steps, schooling.rates.highest
    run = _agree(lambda: _open_run(recipe, folder, begun, schooling, resume=resume is not None))
    trainer: WeightedSFTTrainer | None = None
    try:
        trainer, watching = _trainer(recipe, args, begun, schooling, run, tell=tell, stopped=stopped)
        trainer.train(resume_from_checkpoint=_last_checkpoint(run))
        return _finish(recipe, trainer, watching, run)
    except FAILURES as error:
        raise _ended(error, run, recipe, trainer) from error


def _arguments(recipe: Recipe, checkpoints: Path) -> SFTConfig:
    """The recipe in TRL's words. The length of the run and the learning rate follow when the data is known."""
    at_once, parts = shared_out(recipe, int(os.environ.get("WORLD_SIZE", "1")))
    return SFTConfig(
        output_dir=str(checkpoints),
        per_device_train_batch_size=at_once,
        gradient_accumulation_steps=parts,
        max_steps=1,
        weight_decay=recipe.weight_decay,
        max_grad_norm=recipe.clip,
        adam_beta1=recipe.betas[0],
        adam_beta2=recipe.betas[1],
        seed=recipe.seed,
        # The dialogs come ready from our own collator, in the order of their places: nothing is prepared, shuffled or cut.
        train_sampling_strategy="sequential",
        dataset_kwargs={"skip_prepare_dataset": True},
        remove_unused_columns=False,
        max_length=None,
        logging_steps=recipe.log_every,
        logging_first_step=True,
        logging_nan_inf_filter=False,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        **_machine(recipe),
    )


def _machine(recipe: Recipe) -> dict[str, Any]:
    """How the machine computes it, in TRL's words."""
    on_cpu = recipe.device is Device.CPU or not torch.cuda.is_available()
    return {
        "use_cpu": on_cpu,
        "bf16": computes_in_bfloat16(recipe.precision),
        "activation_checkpointing": recipe.checkpointing,
        "dataloader_num_workers": recipe.workers,
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


def _open_run(recipe: Recipe, folder: Path, begun: Beginning, schooling: Schooling, *, resume: bool) -> Run:
    told = {
        "title": recipe.title,
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
    run.note(state="running", words="", processes=told["processes"], device=told["device"], versions=runs.versions())
    return run


def _trainer(
    recipe: Recipe,
    args: SFTConfig,
    begun: Beginning,
    schooling: Schooling,
    run: Run,
    *,
    tell: Tell,
    stopped: Callable[[], bool],
) -> tuple[WeightedSFTTrainer, Watching]:
    is_main = PartialState().is_main_process
    loading: Callable[[LoadProgress], None] = _Loading(tell) if is_main else lambda progress: None
    last = _last_checkpoint(run)
    loaded = with_weights(recipe, loading, Path(last) if last and recipe.lora is None else None)
    model = loaded.model
    if recipe.freeze_vision:
        model.model.visual.requires_grad_(False)
    # An adapter names the checkpoint that it stands on as the recipe does.
    model.name_or_path = recipe.model
    held_out = HeldOut(recipe, schooling, loaded, run)
    with warnings.catch_warnings():
        # One library asks another by a name that is going out of use.
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.* is deprecated", category=FutureWarning)
        trainer = _made(recipe, args, begun, schooling, run, model)
    watching = Watching(
        recipe,
        run if is_main else None,
        schooling,
        take_tally=trainer.take_tally,
        validate=lambda: held_out.validate(trainer),
        sample=lambda step: held_out.sample(trainer, step),
        stopped=lambda: _any_of_all(stopped()),
        tell=tell,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(watching)
    return trainer, watching


def _made(recipe: Recipe, args: SFTConfig, begun: Beginning, schooling: Schooling, run: Run, model: Any) -> WeightedSFTTrainer:
    return WeightedSFTTrainer(
        model=model,
        args=args,
        data_collator=Batches(schooling.dialog, Collator(begun.rendering)),
        train_dataset=Dataset.from_dict({"place": range(len(schooling.order))}),
        processing_class=begun.rendering.tokenizer,
        peft_config=_lora(recipe),
        optimizer_cls_and_kwargs=_optimizer(recipe, args),
        rates=schooling.rates,
        saved=lambda checkpoint: run.mark_whole(checkpoint, recipe.keep),
        save_beside=lambda place: write_beside(place, begun.folder, recipe, schooling.crop, (begun.card.min_pixels, begun.card.max_pixels)),
    )


def _optimizer(recipe: Recipe, args: SFTConfig) -> tuple[Any, dict[str, Any]] | None:
    """As transformers takes one that is made from the model; None: its own AdamW."""
    if recipe.optimizer is Optimizer.ADAMW:
        return None
    return (lambda: MuonWithAdamW), {"lr": args.learning_rate, "weight_decay": recipe.weight_decay, "betas": recipe.betas}


def _lora(recipe: Recipe) -> LoraConfig | None:
    lora = recipe.lora
    if lora is None:
        return None
    # The words' side alone: the vision tower's layers have names of their own, and some share these.
    targets = rf".*language_model\..*\.({'|'.join(lora.targets)})"
    return LoraConfig(r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=targets, task_type="CAUSAL_LM")


def _finish(recipe: Recipe, trainer: WeightedSFTTrainer, watching: Watching, run: Run) -> Outcome:
    """After the last step: the trained policy, what it says, and how the run stands."""
    step = trainer.state.global_step
    if watching.stopping:
        if trainer.args.should_save:
            run.note(state="stopped", step=step, words=f"Stopped by hand after step {step:,}.")
        return Outcome(run.folder, step, finished=False)
    found = watching.look(step) | watching.listen(step)
    trainer.save_model(str(run.trained))
    if trainer.args.should_save:
        # TRL's arguments, pickled: whoever opens a policy has no use for them.
        (run.trained / "training_args.bin").unlink(missing_ok=True)
        run.note(state="finished", step=step, **found)
    trainer.accelerator.wait_for_everyone()
    return Outcome(run.folder, step, finished=True)


def _ended(error: Exception, run: Run, recipe: Recipe, trainer: WeightedSFTTrainer | None) -> Exception:
    """What is raised where a run broke off: a sentence with what is saved; a defect of the program stays as it is."""
    step = trainer.state.global_step if trainer is not None else 0
    if trainer is not None and isinstance(error, TrainingError) and trainer.args.world_size == 1 and step and step not in run.saved_steps():
        _save_what_there_is(trainer)
    run.drop_broken()
    told = in_words(error, run, recipe, step)
    if PartialState().is_main_process:
        # Where the disk is full this, too, cannot be written; the sentence is said all the same.
        with contextlib.suppress(OSError):
            run.note(state="failed", step=step, words=str(told or repr(error)))
    return error if told is None else told


def _save_what_there_is(trainer: WeightedSFTTrainer) -> None:
    """A checkpoint between two steps, where a record broke the run off: the weights are those of the last whole step."""
    # Where it fails, the older checkpoint stays what the run goes on from.
    with contextlib.suppress(OSError, RuntimeError):
        trainer._save_checkpoint(trainer.model, None)


def _last_checkpoint(run: Run) -> str | None:
    steps = run.saved_steps()
    return str(run.checkpoint(steps[-1])) if steps else None


def _agree(make: Callable[[], Run]) -> Run:
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


def _any_of_all(asked: bool) -> bool:
    """Whether any process was asked to stop: all stop behind the same step, and none waits for ever."""
    state = PartialState()
    if state.num_processes == 1:
        return asked
    told = torch.tensor(int(asked), device=state.device)
    torch.distributed.all_reduce(told, torch.distributed.ReduceOp.MAX)
    return bool(told.item())


class _Loading:
    """Tells what a load does, once each."""

    def __init__(self, tell: Tell) -> None:
        self._tell, self._said = tell, ""

    def __call__(self, progress: LoadProgress) -> None:
        if progress.words != self._said:
            self._said = progress.words
            self._tell(News({}, f"{progress.words} …"))
