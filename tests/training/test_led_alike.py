"""One dialog, whoever leads it: our engine, TRL through its environment, and what supervised fine-tuning makes of the trace's record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from core.errors import TrainingError
from core.policies.local.loading import LoadedModel
from core.policies.local.untrained import ModelType
from core.trace import StopReason
from tests.training.led import record_of
from tests.training.rewarding import GROUP, Scripted, ScriptedByTrl, answer, look, rewarding_recipe
from training import grpo
from training.dialogs import dialog_of
from training.grpo import schooling_of, train
from training.questions import Questions
from training.recipe import Recipe
from training.reinforcement import Generation
from training.rollouts import Engine, Led, Rewarded, checked
from training.runs import Run
from training.start import beginning, with_weights
from training.written_by_trl import call_ends, marks_never_sampled

MALFORMED = '<think> There (30, 40). </think>\n<tool_call>\n{"name": "search_coordinate"\n</tool_call>'
SCRIPTS: dict[str, tuple[str, ...]] = {
    "at once": (answer("red"),),
    "two looks": (look(30, 40), look(60, 20), answer("red")),
    "outside": (look(9000, 1), look(30, 40), answer("blue")),
    "malformed": (MALFORMED, answer("red")),
    "an answer in a call that is not closed": ('<think> There (30, 40). </think>\n<tool_call>\n{"name": <answer> red </answer>',),
    "no action": ("<think> Nothing (1, 2). </think>",),
    "no end": (look(20, 20),) * 5,
}


def loaded_of(recipe: Recipe) -> LoadedModel:
    return with_weights(recipe, lambda progress: None)


def by_engine(recipe: Recipe, script: Sequence[str]) -> Led:
    """The first rollout of the first question, led by our engine."""
    begun = beginning(recipe)
    questions = Questions(recipe, schooling_of(recipe, begun), begun.card)
    engine = Engine(loaded_of(recipe), recipe.title, slots=2, chooser=Scripted(begun.rendering, [script]))
    led = engine.lead(engine._loaded.model, [questions.at(0)], 2, recipe.seed)
    assert [one.draw for one in led] == [0, 1] and led[0].ids == led[1].ids
    return led[0]


def by_trl(recipe: Recipe, script: Sequence[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Rewarded:
    """The same by TRL; it also learns from it."""
    chosen = type("Chosen", (ScriptedByTrl,), {"script": script, "rounds": []})
    monkeypatch.setattr(grpo, "PlainTrainer", chosen)
    train(recipe, folder)
    (found, *_) = chosen.rounds  # type: ignore[attr-defined]
    assert len(found) == GROUP
    first: Rewarded = found[0]
    return first


@pytest.fixture(params=[ModelType.QWEN2_5_VL, ModelType.QWEN3_VL], ids=["qwen2_5_vl", "qwen3_vl"])
def recipe(request: pytest.FixtureRequest, tiny_checkpoints: dict[ModelType, Path], tmp_path: Path) -> Recipe:
    return rewarding_recipe(tmp_path / "data", tiny_checkpoints[request.param], steps=1, at_once=4, grpo={"turns": "multi"})


@pytest.mark.parametrize("name", SCRIPTS)
def test_trl_leads_the_dialog_that_our_engine_leads(name: str, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = by_engine(recipe, SCRIPTS[name])
    assert recipe.grpo is not None
    plain = replace(recipe, grpo=replace(recipe.grpo, generation=Generation.TRL))
    theirs = by_trl(plain, SCRIPTS[name], tmp_path / "run", monkeypatch).led
    assert theirs.prompt == ours.prompt
    # TRL has no stop behind an answer: there the model says the end of its last turn itself.
    end = beginning(recipe).rendering.turn_end
    last = (end,) if ours.trace.stop is StopReason.ANSWERED else ()
    assert theirs.ids == ours.ids + last
    assert theirs.written == ours.written + (True,) * len(last)
    assert [shown.image.tobytes() for shown in theirs.pictures] == [shown.image.tobytes() for shown in ours.pictures]
    assert theirs.trace.stop is ours.trace.stop
    assert (theirs.trace.faults, theirs.trace.looks, theirs.trace.answer) == (ours.trace.faults, ours.trace.looks, ours.trace.answer)
    assert [turn.text for turn in theirs.trace.turns] == [turn.text for turn in ours.trace.turns]


@pytest.mark.parametrize("name", ["at once", "two looks", "outside"])
def test_what_is_learnt_from_is_what_supervised_fine_tuning_would_make_of_it(name: str, recipe: Recipe) -> None:
    begun = beginning(recipe)
    led = by_engine(recipe, SCRIPTS[name])
    dialog = dialog_of(record_of(led.trace), led.question.task.image, begun.rendering, begun.card)
    ids = (*led.prompt, *led.ids)
    # The end of the last turn is learnt by SFT, and never said in a rollout that stops at its answer.
    assert dialog.ids == (*ids, begun.rendering.turn_end)
    learnt = (*[False] * len(led.prompt), *led.written)
    ends = [place for place, token in enumerate(ids) if token == begun.rendering.turn_end]
    assert [place for place, (one, two) in enumerate(zip(learnt, dialog.learnt, strict=False)) if one != two] == [
        place for place in ends if place >= len(led.prompt) and dialog.learnt[place]
    ]
    for one, two in zip(led.pictures, dialog.pictures, strict=True):
        assert torch.equal(begun.rendering.pixels(one)[0], begun.rendering.pixels(two)[0])


def test_a_picture_that_was_lost_ends_the_run(tiny_qwen2_5_vl: Path, tmp_path: Path) -> None:
    recipe = rewarding_recipe(tmp_path / "data", tiny_qwen2_5_vl)
    led = by_engine(recipe, SCRIPTS["two looks"])
    with pytest.raises(TrainingError, match="a picture was lost on the way"):
        checked(replace(led, pictures=led.pictures[:-1]), beginning(recipe).rendering)


def test_no_picture_mark_is_sampled_by_anybody(tiny_qwen2_5_vl: Path, tmp_path: Path) -> None:
    rendering = beginning(rewarding_recipe(tmp_path / "data", tiny_qwen2_5_vl)).rendering
    marks = [rendering.tokenizer.convert_tokens_to_ids(f"<|{name}|>") for name in ("image_pad", "video_pad", "vision_start", "vision_end")]
    assert set(marks) <= set(marks_never_sampled(rendering, vllm=False)["suppress_tokens"])
    bias = marks_never_sampled(rendering, vllm=True)["logit_bias"]
    assert {bias[mark] for mark in marks} == {-100.0}


def test_a_turn_ends_at_the_tokens_that_close_a_call(tiny_qwen2_5_vl: Path, tmp_path: Path) -> None:
    recipe = rewarding_recipe(tmp_path / "data", tiny_qwen2_5_vl)
    rendering = beginning(recipe).rendering
    assert rendering.tokenizer.convert_ids_to_tokens(call_ends(rendering)) == ["</tool_call>"]
    # The small policy has one for all that stands behind a call's point.
    small = beginning(replace(recipe, model="small")).rendering
    assert small.tokens(look(30, 40))[-1] in call_ends(small)


def test_a_copy_writes_in_the_numbers_of_the_gpu_and_follows_the_weights(tiny_qwen2_5_vl: Path, tmp_path: Path) -> None:
    recipe = rewarding_recipe(tmp_path / "data", tiny_qwen2_5_vl)
    begun = beginning(recipe)
    questions = Questions(recipe, schooling_of(recipe, begun), begun.card)
    loaded = loaded_of(recipe)
    engine = Engine(loaded, "copy", slots=2, dtype=torch.bfloat16, chooser=Scripted(begun.rendering, [SCRIPTS["at once"]]))
    said: list[Any] = []
    for factor in (1.0, 1.5):
        with torch.no_grad():
            loaded.model.model.language_model.norm.weight.mul_(factor)
        said.append(engine.lead(loaded.model, [questions.at(0)], 2, 0)[0].logprobs)
    assert said[0] != said[1]
    assert next(loaded.model.parameters()).dtype is torch.float32


def test_an_untrained_policy_is_led_by_trl_for_real(tiny_qwen3_vl: Path, tmp_path: Path) -> None:
    told = {"turns": "single", "generation": "trl", "reward": "random", "mask_overrun": False}
    recipe = rewarding_recipe(tmp_path / "data", tiny_qwen3_vl, steps=1, max_new_tokens=8, grpo=told)
    train(recipe, tmp_path / "run")
    (line,) = [line for line in Run(tmp_path / "run").read_metrics() if "loss" in line]
    assert 0 < line["length"] <= 8 and "mismatch" not in line
