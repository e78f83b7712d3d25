"""The shipped recipes of reinforcement learning: the paper's settings with their sources, and a dry run of each."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import TrainingError
from core.records import Split, read_records, write_records
from tests.training.rewarding import rewarding_recipe
from tests.training.test_command import typed
from tests.training.test_recipe import with_records
from training.grpo import arguments, train
from training.grpo_rehearsal import rehearse_rewards
from training.recipe import DrawnScenes, RecordFiles
from training.recipe_files import read_recipe, shipped
from training.reinforcement import Loss, Reward
from training.runs import Run
from training.schooling import Schooling
from training.sources import FromFiles
from training.start import beginning

REWARDED = [name for name in shipped() if read_recipe(name).kind == "grpo"]
SOURCED = [name for name in REWARDED if name.startswith("qwen")]
BASELINES = [name for name in SOURCED if name.endswith("-plain")]
PAPER = [name for name in SOURCED if name not in BASELINES]


@pytest.mark.parametrize("name", PAPER)
def test_the_paper_s_settings_are_those_of_its_tables(name: str) -> None:
    recipe = read_recipe(name)
    grpo, several = recipe.grpo, "visual" in name or "grounding" in name
    assert grpo is not None
    assert (grpo.group, recipe.batch // grpo.group, recipe.clip) == ((8, 64, 0.2) if several else (5, 32, 1.0))
    assert recipe.steps is not None and recipe.steps / grpo.updates == 500
    assert recipe.batch // grpo.group * grpo.updates == 128
    assert (recipe.learning_rate, recipe.weight_decay, recipe.warmup, recipe.freeze_vision) == (1e-6, 0.01, 0.05, True)
    assert (grpo.kl, grpo.clip_low, grpo.clip_high, grpo.temperature, grpo.top_p) == (0.01, 0.2, 0.28, 1.0, 0.99)
    assert (grpo.reward, grpo.scale.value, grpo.max_turns, grpo.max_pictures) == (Reward.VIGORL, "group", 5, 5)


@pytest.mark.parametrize("name", BASELINES)
def test_the_conventional_baseline_is_the_single_turn_without_points(name: str) -> None:
    recipe, grounded = read_recipe(name), read_recipe("qwen2.5-vl-3b-spatial-grpo")
    assert recipe.grpo is not None and recipe.grpo.system is not None and grounded.grpo is not None
    assert not any(word in recipe.grpo.system for word in ("region", "step to the picture", "tool"))
    as_grounded = replace(recipe.grpo, reward=Reward.VIGORL, system=None)
    assert (as_grounded, recipe.steps, recipe.batch, recipe.learning_rate) == (grounded.grpo, 2000, 160, 1e-6)


@pytest.mark.parametrize("name", SOURCED)
def test_every_figure_of_the_paper_s_has_its_source(name: str) -> None:
    for line in shipped()[name].read_text().splitlines():
        if not line or line[0] == "#" or line.partition(":")[0].strip() in ("title", "data", "domains", "grpo"):
            continue
        assert any(word in line.partition("#")[2] for word in ("paper", "code", "ours")), line


@pytest.mark.parametrize("name", REWARDED)
def test_every_recipe_is_tried_out_on_its_questions_truths_and_prompts(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if isinstance(read_recipe(name).planned()[0].data[0], DrawnScenes):  # type: ignore[index]
        tiny: Path = request.getfixturevalue("tiny_qwen3_vl")
        changes = {"model": str(tiny), "min_pixels": 128 * 128, "max_pixels": 128 * 128}
    else:
        changes = with_records(name, tmp_path, request.getfixturevalue("tiny_qwen2_5_vl"))
    found = rehearse_rewards(read_recipe(name, changes))
    told = list(found.lines())
    assert found.steps == read_recipe(name).steps and max(found.prompts) > 10
    assert bool(found.several) == (found.grpo.turns.value == "multi")
    assert any(f"{found.grpo.group} of each of" in line for line in told)


def test_each_loss_is_trl_s_own(tiny_qwen2_5_vl: Path, tmp_path: Path) -> None:
    found = {}
    for loss in Loss:
        args = arguments(rewarding_recipe(tmp_path / loss, tiny_qwen2_5_vl, grpo={"loss": loss.value}), tmp_path)
        found[loss] = (args.loss_type, args.importance_sampling_level)
    assert found[Loss.GSPO] == ("grpo", "sequence") and found[Loss.LUSPO] == ("luspo", "sequence")
    assert all(kind == (loss.value, "token") for loss, kind in found.items() if loss not in (Loss.GSPO, Loss.LUSPO))


@pytest.mark.parametrize("mode", ["colocate", "server"])
def test_vllm_is_asked_for_in_trl_s_words(mode: str, tiny_qwen2_5_vl: Path, tmp_path: Path) -> None:
    told = {"generation": "vllm", "turns": "multi", "vllm": {"mode": mode, "host": "10.0.0.2", "port": 8123, "parallel": 2}}
    recipe = rewarding_recipe(tmp_path / "data", tiny_qwen2_5_vl, grpo=told)
    args = arguments(recipe, tmp_path)
    assert (args.use_vllm, args.vllm_mode, args.vllm_server_host, args.vllm_server_port) == (True, mode, "10.0.0.2", 8123)
    assert (args.vllm_tensor_parallel_size, args.max_tool_calling_iterations) == (2, 4)
    # Everything up to the call: only vLLM itself is not there.
    with pytest.raises(TrainingError, match="vLLM is not installed"):
        train(recipe, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_settings_of_entropy_and_of_the_reference_go_to_trl(tiny_qwen2_5_vl: Path, tmp_path: Path) -> None:
    told = {"entropy": {"target": 0.4, "most": 0.5}, "kl": 0.02, "clip_dual": 3.0, "scale": "none", "updates": 2}
    args = arguments(rewarding_recipe(tmp_path / "data", tiny_qwen2_5_vl, grpo=told), tmp_path)
    assert (args.use_adaptive_entropy, args.entropy_target, args.entropy_coef_max) == (True, 0.4, 0.5)
    assert (args.beta, args.delta, args.scale_rewards, args.steps_per_generation) == (0.02, 3.0, "none", 4)


def test_answers_alone_are_learnt_without_a_thought(tiny_qwen3_vl: Path) -> None:
    changes = {"model": str(tiny_qwen3_vl), "min_pixels": 128 * 128, "max_pixels": 128 * 128}
    recipe = read_recipe("needle-answers", changes)
    begun = beginning(recipe)
    dialog = Schooling(recipe, begun.rendering, begun.card).dialog(0)
    text = begun.rendering.decode([token for token, own in zip(dialog.ids, dialog.learnt, strict=True) if own])
    assert text.startswith("<answer> ") and text.endswith(" </answer>") and "<think>" not in text
    assert len(dialog.pictures) == 1


def test_a_question_that_several_records_ask_is_asked_once(tiny_qwen2_5_vl: Path, tmp_path: Path) -> None:
    recipe = rewarding_recipe(tmp_path / "data", tiny_qwen2_5_vl)
    (data,) = recipe.planned()[0].data or ()
    assert isinstance(data, RecordFiles)
    known = list(read_records(data.records[0]))
    again = [replace(record, weight=2.0) for record in known]
    write_records(data.records[0], [*known, *again], "any")
    card = beginning(recipe).card
    assert FromFiles(data, Split.TRAIN, card).size == 2 * (FromFiles(data, Split.TRAIN, card, once=True).size or 0)


def test_the_command_tries_out_trains_and_goes_on(tiny_qwen2_5_vl: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rewarding_recipe(tmp_path / "data", tiny_qwen2_5_vl, steps=2, max_new_tokens=6, save_every=1, grpo={"reward": "random"})
    file = str(tmp_path / "data/small.yaml")
    assert typed(file, "--dry-run") == 0
    assert "4 of each of 1 questions a step; up to 5 turns" in capsys.readouterr().out
    assert typed(file, "--runs", str(tmp_path)) == 0
    assert "The trained policy is in" in capsys.readouterr().out
    run = Run(tmp_path / "small")
    first = [line["loss"] for line in run.read_metrics() if "loss" in line]
    shutil.rmtree(run.checkpoint(2))
    assert typed("--resume", str(run.folder)) == 0
    assert [line["loss"] for line in run.read_metrics() if "loss" in line] == first
