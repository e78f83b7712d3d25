"""Supervised fine-tuning, from top to bottom: a recipe becomes a run's folder with a trained policy in it.

    outcome = train(recipe, Path("runs/first"))

The records are rendered by the code that leads rollouts, so that a policy learns from the very tokens that it will be asked with; only what
the model wrote is learnt. TRL's SFTTrainer does the rest: mixed precision, gradient accumulation, LoRA, FSDP, DeepSpeed.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from accelerate import PartialState
from datasets import Dataset
from transformers import PrinterCallback
from trl import SFTConfig

from core.policies.opening import LoadProgress
from training import runs
from training.answers import asked_for_the_answer
from training.batches import Collator
from training.checkpoints import write_beside
from training.failures import FAILURES
from training.held_out import HeldOut
from training.recipe import Recipe
from training.runs import Run
from training.sampling import settings_for
from training.schooling import Schooling
from training.session import (
    Loading,
    Outcome,
    any_of_all,
    common_arguments,
    ended,
    finished,
    last_checkpoint,
    lora_of,
    open_run,
    optimizer_of,
    prepare_process,
    stopped_by_hand,
)
from training.start import Beginning, beginning, with_weights
from training.trainer import Batches, WeightedSFTTrainer
from training.watching import Tell, Watching


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
    prepare_process(recipe)
    # The arguments come first: they tell transformers how weights are spread over processes before any are loaded.
    args = _arguments(recipe, folder / runs.CHECKPOINTS)
    begun = beginning(recipe)
    schooling = Schooling(recipe, begun.rendering, begun.card)
    args.max_steps, args.learning_rate = schooling.steps, schooling.rates.highest
    run = open_run(recipe, folder, begun, schooling, resume=resume is not None)
    trainer: WeightedSFTTrainer | None = None
    try:
        trainer, watching = _trainer(recipe, args, begun, schooling, run, tell=tell, stopped=stopped)
        trainer.train(resume_from_checkpoint=last_checkpoint(run))
        return _finish(trainer, watching, run)
    except FAILURES as error:
        raise ended(error, run, recipe, trainer) from error


def _arguments(recipe: Recipe, checkpoints: Path) -> SFTConfig:
    """The recipe in TRL's words."""
    return SFTConfig(
        # The dialogs come ready from our own collator, in the order of their places: nothing is prepared, shuffled or cut.
        train_sampling_strategy="sequential",
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,
        activation_checkpointing=recipe.checkpointing,
        dataloader_num_workers=recipe.workers,
        **common_arguments(recipe, checkpoints),
    )


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
    loading: Callable[[LoadProgress], None] = Loading(tell) if is_main else lambda progress: None
    last = last_checkpoint(run)
    loaded = with_weights(recipe, loading, Path(last) if last and recipe.lora is None else None)
    model = loaded.model
    if recipe.freeze_vision:
        model.model.visual.requires_grad_(False)
    # An adapter names the checkpoint that it stands on as the recipe does.
    model.name_or_path = recipe.model
    alone = (
        (lambda record: asked_for_the_answer(settings_for(record, schooling.crop, recipe.max_new_tokens))) if recipe.answers_only else None
    )
    held_out = HeldOut(recipe, schooling, loaded, run, asked=alone)
    with warnings.catch_warnings():
        # One library asks another by a name that is going out of use.
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.* is deprecated", category=FutureWarning)
        trainer = _made(recipe, args, begun, schooling, run, model)
    watching = Watching(
        recipe,
        run if is_main else None,
        schooling,
        figures=lambda logs, pace: trainer.figures(pace, recipe.batch),
        validate=lambda: held_out.validate(trainer),
        sample=lambda step: held_out.sample(trainer, step),
        stopped=lambda: any_of_all(stopped()),
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
        peft_config=lora_of(recipe),
        optimizer_cls_and_kwargs=optimizer_of(recipe, args.learning_rate),
        rates=schooling.rates,
        saved=lambda checkpoint: run.mark_whole(checkpoint, recipe.keep),
        save_beside=lambda place: write_beside(place, begun.folder, recipe, schooling.crop, (begun.card.min_pixels, begun.card.max_pixels)),
    )


def _finish(trainer: WeightedSFTTrainer, watching: Watching, run: Run) -> Outcome:
    """After the last step: what the trained policy says, and how the run stands."""
    if watching.stopping:
        return stopped_by_hand(trainer, run)
    step = trainer.state.global_step
    return finished(trainer, run, watching.look(step) | watching.listen(step))
