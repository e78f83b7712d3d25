"""Reinforcement learning, from top to bottom: a recipe with `grpo` becomes a run's folder with a trained policy in it.

    outcome = train(recipe, Path("runs/first"))

For every step, a group of rollouts is led of each of some questions, with the weights as they are; each is paid by core's rewards; TRL's
GRPOTrainer makes what was better than its group likelier. Only what the model wrote is learnt.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from datasets import Dataset
from transformers import PrinterCallback
from trl import GRPOConfig

from core.errors import TrainingError
from core.policies.conversation import GREEDY
from core.policies.local.choosing import Chooser
from core.policies.local.loading import LoadedModel
from core.policies.opening import LoadProgress
from core.rollout.values import Turns
from training import runs
from training.checkpoints import write_beside
from training.environment import RESPONSES, ZoomEnvironment
from training.failures import FAILURES
from training.held_out import HeldOut
from training.processors import processor_of
from training.questions import Questions, settings_of
from training.recipe import Recipe
from training.reinforcement import Generation, Grpo, Vllm
from training.reinforcing import ReinforcingTrainer
from training.rollout_book import RolloutBook
from training.rollouts import Engine
from training.runs import Run
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
from training.start import Beginning, beginning, computes_in_bfloat16, has_gpu, with_weights
from training.watching import News, Tell, Watching
from training.written_by_trl import PlainTrainer, call_ends, marks_never_sampled, template_for_trl


def train(
    recipe: Recipe,
    folder: Path,
    *,
    resume: Mapping[str, Any] | None = None,
    tell: Tell = lambda news: None,
    stopped: Callable[[], bool] = lambda: False,
    chooser: Chooser | None = None,
) -> Outcome:
    """Train as the recipe says, into a new folder; or go on with the run in `folder`, where `resume` has what is to change (maybe nothing).

    tell     takes the news; only in the main process
    stopped  is asked after every step; True ends the run with a checkpoint
    chooser  picks the tokens of rollouts itself, for tests and measurements

    Under `accelerate launch` every process calls this. Raises SaccadeError with a sentence for everything that can be mended: what is
    wrong, what is saved, what to do.
    """
    if resume is not None:
        _, recipe = runs.take_up(folder, resume)
    grpo = settings(recipe)
    _check_installed(grpo)
    prepare_process(recipe)

    # The arguments come first: they tell transformers how weights are spread over processes before any are loaded.
    args = arguments(recipe, folder / runs.CHECKPOINTS)
    begun = beginning(recipe)
    schooling = schooling_of(recipe, begun)
    questions = Questions(recipe, schooling, begun.card)
    questions.check()
    args.max_steps, args.learning_rate = schooling.steps, schooling.rates.highest
    run = open_run(recipe, folder, begun, schooling, resume=resume is not None)
    trainer: ReinforcingTrainer | None = None
    try:
        loaded = _loaded(recipe, begun, run, tell)
        engine = Engine(loaded, recipe.title, slots=grpo.slots, dtype=_writes_in(recipe), chooser=chooser)
        trainer = _made(recipe, args, begun, schooling, questions, run, loaded, engine, tell)
        watching = _watched(recipe, trainer, schooling, run, loaded, tell=tell, stopped=stopped)
        trainer.train(resume_from_checkpoint=last_checkpoint(run))
        if watching.stopping:
            return stopped_by_hand(trainer, run)
        return finished(trainer, run, watching.listen(trainer.state.global_step))
    except FAILURES as error:
        raise ended(error, run, recipe, trainer) from error


def _check_installed(grpo: Grpo) -> None:
    if grpo.generation is Generation.VLLM and importlib.util.find_spec("vllm") is None:
        raise TrainingError("vLLM is not installed, and rollouts are to be written by it: install it beside, or set `generation: engine`.")


def settings(recipe: Recipe) -> Grpo:
    """What the recipe says of reinforcement learning. Raises TrainingError where it says nothing, or its steps are no whole groups."""
    if recipe.grpo is None:
        raise TrainingError(f"The recipe “{recipe.title}” learns from records and not from rewards: it has no `grpo`.")
    if recipe.batch % recipe.grpo.group:
        raise TrainingError(
            f"A step of {recipe.batch} rollouts is not made of whole groups of {recipe.grpo.group}: `batch` has to be a multiple of "
            "`grpo.group`."
        )
    return recipe.grpo


def schooling_of(recipe: Recipe, begun: Beginning) -> Schooling:
    """The recipe's stages with their data opened; a place of the run is a question, and not a rollout."""
    grpo = settings(recipe)
    return Schooling(replace(recipe, batch=recipe.batch // grpo.group, by_length=False), begun.rendering, begun.card)


def arguments(recipe: Recipe, checkpoints: Path) -> GRPOConfig:
    """The recipe in TRL's words. Raises TrainingError where a step cannot be shared out in whole groups, or is spread over processes with
    an engine that needs all weights in one."""
    grpo = settings(recipe)
    common = common_arguments(recipe, checkpoints)
    parts = common["gradient_accumulation_steps"] * grpo.updates
    if common["per_device_train_batch_size"] * parts % grpo.group:
        raise TrainingError(
            f"Of the rollouts of a round, {common['per_device_train_batch_size'] * parts} fall to a process, which are no whole groups of "
            f"{grpo.group}: take another `batch`, or another number of processes."
        )
    return GRPOConfig(
        shuffle_dataset=False,
        steps_per_generation=parts,
        num_generations=grpo.group,
        max_completion_length=grpo.max_tokens,
        temperature=grpo.temperature,
        top_p=grpo.top_p,
        top_k=grpo.top_k,
        beta=grpo.kl,
        epsilon=grpo.clip_low,
        epsilon_high=grpo.clip_high,
        delta=grpo.clip_dual,
        scale_rewards=grpo.scale.value,
        activation_checkpointing=recipe.checkpointing,
        log_multimodal=False,
        max_tool_calling_iterations=max(1, grpo.max_turns - 1),
        **grpo.loss.in_trl,
        **_vllm(grpo),
        **_entropy(grpo),
        **common,
    )


def _entropy(grpo: Grpo) -> dict[str, Any]:
    wanted = grpo.entropy
    if wanted is None:
        return {}
    return {
        "entropy_coef": wanted.coefficient,
        "use_adaptive_entropy": wanted.adaptive,
        "entropy_target": wanted.target,
        "entropy_coef_delta": wanted.step,
        "entropy_coef_max": wanted.most,
    }


def _vllm(grpo: Grpo) -> dict[str, Any]:
    vllm = grpo.vllm or Vllm()
    if grpo.generation is not Generation.VLLM:
        return {}
    return {
        "use_vllm": True,
        "vllm_mode": vllm.mode.value,
        "vllm_server_host": vllm.host,
        "vllm_server_port": vllm.port,
        "vllm_gpu_memory_utilization": vllm.memory,
        "vllm_tensor_parallel_size": vllm.parallel,
    }


def _loaded(recipe: Recipe, begun: Beginning, run: Run, tell: Tell) -> LoadedModel:
    """The weights that are trained: those of the run's last checkpoint, where it has one and all weights are in it."""
    is_main = PartialState().is_main_process
    loading: Callable[[LoadProgress], None] = Loading(tell) if is_main else lambda progress: None
    last = last_checkpoint(run)
    loaded = with_weights(recipe, loading, Path(last) if last and recipe.lora is None else None)
    if recipe.freeze_vision:
        loaded.model.model.visual.requires_grad_(False)
    # An adapter names the checkpoint that it stands on as the recipe does; TRL loads the policy that was begun with from its folder.
    loaded.model.name_or_path = recipe.model
    loaded.model.config._name_or_path = str(begun.folder) if any(begun.folder.glob("*.safetensors")) else recipe.model
    return loaded


def _writes_in(recipe: Recipe) -> torch.dtype | None:
    """What rollouts are written in: on a GPU what training computes in; on a processor the weights as they are, which is quicker there."""
    return torch.bfloat16 if has_gpu() and computes_in_bfloat16(recipe.precision) else None


def _made(
    recipe: Recipe,
    args: GRPOConfig,
    begun: Beginning,
    schooling: Schooling,
    questions: Questions,
    run: Run,
    loaded: LoadedModel,
    engine: Engine,
    tell: Tell,
) -> ReinforcingTrainer:
    grpo = settings(recipe)
    ours = grpo.generation is Generation.ENGINE
    several = grpo.turns is Turns.MULTI
    named: dict[str, Any] = {"engine": engine} if ours else {"rendering": begun.rendering, "several": several}
    if not ours:
        named |= _for_trl(begun, several, vllm=grpo.generation is Generation.VLLM, args=args, most=recipe.max_new_tokens)
    with warnings.catch_warnings():
        # One library asks another by a name that is going out of use, and TRL calls its environments an experiment.
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.* is deprecated", category=FutureWarning)
        warnings.filterwarnings("ignore", message="You are using 'environment_factory'", category=UserWarning)
        trainer = (ReinforcingTrainer if ours else PlainTrainer)(
            model=loaded.model,
            args=args,
            questions=questions,
            **{
                "processing_class": processor_of(begun.family, begun.rendering),
                **_of_the_run(recipe, begun, schooling, run, tell),
                **named,
            },
        )
    trainer.processing_class.image_processor.do_resize = False
    trainer.optimizer_cls_and_kwargs = optimizer_of(recipe, args.learning_rate)
    if ours and (trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled):
        raise TrainingError(
            "Our engine writes with all weights in one process, and here they are spread over several: set `generation: vllm`, or begin "
            "without FSDP and DeepSpeed."
        )
    return trainer


def _of_the_run(recipe: Recipe, begun: Beginning, schooling: Schooling, run: Run, tell: Tell) -> dict[str, Any]:
    """What a trainer is given that is the same whoever writes the rollouts."""
    grpo = settings(recipe)
    rounds = -(-schooling.steps // grpo.updates)
    area = (begun.card.min_pixels, begun.card.max_pixels)
    return {
        "grpo": grpo,
        "seed": recipe.seed,
        "noted": RolloutBook(run, grpo),
        "alarmed": _Alarm(run, tell),
        "train_dataset": Dataset.from_dict({"place": range(rounds * grpo.updates * schooling.batch)}),
        "peft_config": lora_of(recipe),
        "rates": schooling.rates,
        "saved": lambda checkpoint: run.mark_whole(checkpoint, recipe.keep),
        "save_beside": lambda place: write_beside(place, begun.folder, recipe, schooling.crop, area),
    }


def _for_trl(begun: Beginning, several: bool, *, vllm: bool, args: GRPOConfig, most: int) -> dict[str, Any]:
    """What a trainer is given whose rollouts TRL writes: a processor with our template, and the zoom as an environment."""
    rendering = begun.rendering
    never = marks_never_sampled(rendering, vllm=vllm)
    ends = {"stop_token_ids": call_ends(rendering)} if several and vllm else {}
    args.generation_kwargs = {**never, **ends, "max_tokens" if vllm else "max_new_tokens": most}
    processor = processor_of(begun.family, rendering, template_for_trl(rendering))
    # TRL tries the template out on a picture of its own, of a size that no rollout shows.
    processor.image_processor.do_resize = True
    if several:
        rendering.tokenizer.response_template = RESPONSES
    return {"processing_class": processor, "environment_factory": ZoomEnvironment if several else None}


def _watched(
    recipe: Recipe,
    trainer: ReinforcingTrainer,
    schooling: Schooling,
    run: Run,
    loaded: LoadedModel,
    *,
    tell: Tell,
    stopped: Callable[[], bool],
) -> Watching:
    grpo = settings(recipe)
    held_out = HeldOut(
        recipe,
        schooling,
        loaded,
        run,
        asked=lambda record: replace(settings_of(record, schooling.crop, recipe, grpo), sampling=GREEDY),
    )
    watching = Watching(
        recipe,
        run if PartialState().is_main_process else None,
        schooling,
        figures=lambda logs, pace: trainer.figures(dict(logs)),
        validate=lambda: {},
        sample=lambda step: held_out.sample(trainer, step),
        stopped=lambda: any_of_all(stopped()),
        tell=tell,
        saves_after=trainer.saves_after,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(watching)
    return watching


class _Alarm:
    """Says once a run, and writes down, that sampling and training disagree."""

    def __init__(self, run: Run, tell: Tell) -> None:
        self._run, self._tell, self._said = run, tell, False

    def __call__(self, sentence: str) -> None:
        if PartialState().is_main_process and not self._said:
            self._said = True
            self._run.note(alarm=sentence)
            self._tell(News({}, sentence))
