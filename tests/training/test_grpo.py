"""Reinforcement learning of tiny checkpoints: what is learnt from, what a run's folder holds, and how a run goes on and ends."""

from __future__ import annotations

import itertools
import json
import socket
import statistics
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from annotations.database import open_database
from annotations.importing.report import Outcome
from annotations.importing.run import ImportRequest, run_import
from annotations.pictures import PictureStore
from annotations.store import Store
from core.errors import TrainingError
from core.policies.local.untrained import ModelType
from core.policies.opening import open_policy
from core.records import read_records, write_records
from core.trace import StopReason, Trace, Truth, TruthKind
from tests.training.rewarding import GROUP, MIXED, Scripted, answer, look, rewarding_recipe
from training import by_length, reinforcing, runs, scoring
from training.grpo import train
from training.recipe import Recipe
from training.rollouts import Led
from training.runs import Run
from training.start import beginning
from training.watching import News


def stop_after(step: int) -> Callable[[], bool]:
    """What is asked after every step; the answer is yes from this one on."""
    asked = itertools.count(1)
    return lambda: next(asked) >= step


def lines_of(folder: Path, step: int) -> list[dict[str, Any]]:
    """The rollouts of a step as they were written down."""
    return [json.loads(line) for line in (folder / f"rollouts/step-{step:06}.jsonl").read_text().splitlines()]


def learnt(folder: Path) -> list[tuple[float, float]]:
    """Loss and gradient of every step."""
    return [(line["loss"], line["gradient"]) for line in Run(folder).read_metrics() if "loss" in line]


def scripted(recipe: Recipe, scripts: Any = MIXED) -> Scripted:
    return Scripted(beginning(recipe).rendering, scripts)


@pytest.fixture(scope="module")
def whole(tiny_checkpoints: dict[ModelType, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Recipe, Path, list[News]]:
    """A run of two steps in which every group says the same four conversations."""
    folder = tmp_path_factory.mktemp("rewarded")
    recipe = rewarding_recipe(folder / "data", tiny_checkpoints[ModelType.QWEN2_5_VL], save_every=1, samples=1, grpo={"kl": 0.01})
    told: list[News] = []
    train(recipe, folder / "run", tell=told.append, chooser=scripted(recipe))
    return recipe, folder / "run", told


def test_a_run_writes_down_what_it_was_and_what_happened(whole: tuple[Recipe, Path, list[News]]) -> None:
    recipe, folder, told = whole
    notes = Run(folder).notes()
    assert (notes["kind"], notes["state"], notes["step"], notes["steps"]) == ("grpo", "finished", 2, 2)
    assert notes["host"] == socket.gethostname() and notes["pid"] > 0
    assert runs.read_recipe(str(folder / "recipe.yaml")) == recipe.at_home()
    lines = [line for line in Run(folder).read_metrics() if "loss" in line]
    assert [line["step"] for line in lines] == [1, 2]
    wanted = {"reward", "reward_spread", "accuracy", "looks", "length", "entropy", "kl", "clipped", "masked", "dead_groups", "mismatch"}
    wanted |= {"learning_rate", "gradient", "tokens_per_second", "seconds", "seconds_left", "generating", "of"}
    wanted |= {"reward/Answer right", "reward/Format kept", "stops/answered", "stops/max_turns", "faults/missing_answer"}
    for line in lines:
        assert wanted <= line.keys()
        assert (line["masked"], line["looks"], line["stops/max_turns"], line["dead_groups"]) == (0.25, 1.5, 0.25, 0.0)
        assert line["gradient"] > 0
    assert any("reward" in news.words and "left" in news.words for news in told)


def test_sampling_and_training_agree_on_how_likely_a_token_was(whole: tuple[Recipe, Path, list[News]]) -> None:
    _, folder, told = whole
    assert all(line["mismatch"] < 1e-4 for line in Run(folder).read_metrics() if "mismatch" in line)
    assert "alarm" not in Run(folder).notes()
    # And begins where the policy that was begun with is.
    assert next(line["kl"] for line in Run(folder).read_metrics() if "kl" in line) == pytest.approx(0, abs=1e-6)
    assert not any("disagree" in news.words for news in told)


def test_rollouts_of_like_length_computed_together_learn_what_a_whole_batch_does(
    whole: tuple[Recipe, Path, list[News]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, folder, _ = whole
    monkeypatch.setattr(by_length, "ROWS", 1)
    monkeypatch.setattr(reinforcing, "ROWS", 1)
    used = list[int]()

    def parts_of(mask: torch.Tensor) -> tuple[by_length.Part, ...]:
        used.append(len(found := by_length.parts_of(mask)))
        return found

    monkeypatch.setattr(reinforcing, "parts_of", parts_of)
    train(recipe, tmp_path / "run", chooser=scripted(recipe))
    assert max(used) > 1, "some batch was divided"
    assert learnt(tmp_path / "run") == [pytest.approx(step, rel=1e-3, abs=1e-6) for step in learnt(folder)]


def test_what_overran_its_limits_is_left_out_of_its_group_and_learns_nothing(whole: tuple[Recipe, Path, list[News]]) -> None:
    for line in lines_of(whole[1], 1), lines_of(whole[1], 2):
        told = [one["training"] for one in line]
        masked = [one for one in told if one["masked"]]
        assert [(one["stop"], one["reward"], one["advantage"]) for one in masked] == [("max_turns", None, 0.0)]
        paid = [one["reward"] for one in told if not one["masked"]]
        mean, spread = statistics.mean(paid), statistics.stdev(paid)
        for one in told:
            if not one["masked"]:
                assert one["advantage"] == pytest.approx((one["reward"] - mean) / (spread + 1e-4), abs=1e-4)


def test_looking_is_not_paid_less_than_answering_at_once(whole: tuple[Recipe, Path, list[News]]) -> None:
    for step in (1, 2):
        at_once, after_a_look = (line["training"] for line in lines_of(whole[1], step)[:2])
        assert at_once["reward"] == after_a_look["reward"] in (0.85, 0.25)


def test_its_rollouts_are_imported_with_what_is_told_beside_them(whole: tuple[Recipe, Path, list[News]], tmp_path: Path) -> None:
    _, folder, _ = whole
    database = open_database(f"sqlite:///{tmp_path / 'saccade.sqlite3'}")
    try:
        request = ImportRequest((folder / "rollouts",), image_root=folder / "rollouts/pictures")
        report = run_import(request, Store(database), PictureStore(tmp_path / "pictures"))
    finally:
        database.close()
    assert report.count(Outcome.TAKEN) + report.count(Outcome.ALREADY_THERE) == 2 * GROUP, report.words
    trace = Trace.from_json(lines_of(folder, 1)[2]["trace"])
    assert (trace.stop, len(trace.looks), trace.answer) == (StopReason.ANSWERED, 1, "blue")


def test_the_trained_policy_opens_and_resizes_as_the_one_it_began_with(whole: tuple[Recipe, Path, list[News]]) -> None:
    recipe, folder, _ = whole
    with open_policy(str(folder / "trained")) as policy:  # type: ignore[attr-defined]
        assert policy.card.max_pixels == 84 * 84
    known, now = Path(recipe.model), folder / "trained"
    assert (known / "preprocessor_config.json").is_file()
    assert json.loads((now / "preprocessor_config.json").read_text()).get("do_resize", True) is True
    assert (known / "processor_config.json").is_file() == (now / "processor_config.json").is_file()
    assert not [path.name for path in now.iterdir() if path.suffix in (".bin", ".pt")]


def test_a_run_that_was_stopped_goes_on_as_if_nothing_had_been(tiny_checkpoints: dict[ModelType, Path], tmp_path: Path) -> None:
    """Sampled for real; chance pays, so that an untrained policy has something to learn."""
    recipe = rewarding_recipe(
        tmp_path / "data",
        tiny_checkpoints[ModelType.QWEN3_VL],
        steps=3,
        max_new_tokens=12,
        grpo={"reward": "random", "mask_overrun": False, "kl": 0.05},
    )
    train(recipe, tmp_path / "whole")
    first = train(recipe, tmp_path / "run", stopped=stop_after(1))
    assert (first.steps, first.finished, Run(tmp_path / "run").notes()["state"]) == (1, False, "stopped")
    assert train(recipe, tmp_path / "run", resume={}).finished
    assert learnt(tmp_path / "run") == learnt(tmp_path / "whole")
    assert any(gradient > 0 for _, gradient in learnt(tmp_path / "run"))
    one, two = (load_file(tmp_path / name / "trained/model.safetensors") for name in ("run", "whole"))
    assert all(torch.equal(one[name], two[name]) for name in one)
    with pytest.raises(TrainingError, match="cannot have another `grpo`"):
        runs.take_up(tmp_path / "run", {"grpo.kl": 0.1})
    assert runs.take_up(tmp_path / "run", {"grpo.rollouts_every": 7})[1].grpo.rollouts_every == 7  # type: ignore[union-attr]


def test_a_run_goes_on_from_behind_a_round(tiny_qwen2_5_vl: Path, tmp_path: Path) -> None:
    recipe = rewarding_recipe(tmp_path / "data", tiny_qwen2_5_vl, steps=4, grpo={"updates": 2, "loss": "grpo"})
    first = train(recipe, tmp_path / "run", chooser=scripted(recipe), stopped=stop_after(1))
    assert (first.steps, Run(tmp_path / "run").saved_steps()) == (2, [2])
    # The second step of a round is off the policy by now: TRL clips it against what was sampled.
    assert len(learnt(tmp_path / "run")) == 2


def test_groups_without_a_gradient_are_replaced_by_other_questions(tiny_qwen2_5_vl: Path, tmp_path: Path) -> None:
    alike = [(answer("nothing"),)] * GROUP
    recipe = rewarding_recipe(tmp_path / "data", tiny_qwen2_5_vl, steps=1, grpo={"resample": 2})
    train(recipe, tmp_path / "run", chooser=scripted(recipe, alike))
    (line,) = [line for line in Run(tmp_path / "run").read_metrics() if "loss" in line]
    assert (line["replaced"], line["dead_groups"], line["gradient"]) == (1.0, 1.0, 0.0)


def test_an_adapter_is_trained_and_its_base_stays(tiny_qwen2_5_vl: Path, tmp_path: Path) -> None:
    recipe = rewarding_recipe(tmp_path / "data", tiny_qwen2_5_vl, lora={"rank": 2}, grpo={"kl": 0.01})
    train(recipe, tmp_path / "run", chooser=scripted(recipe))
    assert (tmp_path / "run/trained/adapter_model.safetensors").is_file()
    assert all(line["mismatch"] < 1e-4 for line in Run(tmp_path / "run").read_metrics() if "mismatch" in line)


def test_one_turn_is_learnt_without_the_zoom(tiny_qwen2_5_vl: Path, tmp_path: Path) -> None:
    says = [(answer("red"),), (answer("blue"),), ("no action",), (look(30, 40),)]
    recipe = rewarding_recipe(tmp_path / "data", tiny_qwen2_5_vl, steps=1, grpo={"turns": "single", "reward": "plain"})
    train(recipe, tmp_path / "run", chooser=scripted(recipe, says))
    stops = [one["training"]["stop"] for one in lines_of(tmp_path / "run", 1)]
    assert stops == ["answered", "answered", "no_action", "max_turns"]
    assert {one["trace"]["settings"]["turns"] for one in lines_of(tmp_path / "run", 1)} == {"single"}


# What ends a run


def test_a_question_that_cannot_be_rewarded_makes_no_folder(tiny_qwen2_5_vl: Path, tmp_path: Path) -> None:
    recipe = rewarding_recipe(tmp_path / "data", tiny_qwen2_5_vl)
    records = tmp_path / "data/records.jsonl"
    write_records(records, [replace(one, truth=Truth(TruthKind.NONE)) for one in list(read_records(records))], "any")
    with pytest.raises(TrainingError, match="has no reward: Its truth is unknown"):
        train(recipe, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_fault_in_a_reward_ends_the_run_with_a_sentence(tiny_qwen2_5_vl: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = rewarding_recipe(tmp_path / "data", tiny_qwen2_5_vl, save_every=1)
    asked = itertools.count()
    real = scoring.reward

    def faulty(trace: Trace, profile: Any) -> Any:
        # Behind those that are looked at before a run, and the first step's.
        if next(asked) >= 4 + GROUP:
            raise KeyError("a component")
        return real(trace, profile)

    monkeypatch.setattr(scoring, "reward", faulty)
    with pytest.raises(TrainingError, match=r"has no reward: 'a component'.*Saved is everything up to step 1"):
        train(recipe, tmp_path / "run", chooser=scripted(recipe))
    assert Run(tmp_path / "run").notes()["state"] == "failed"


def test_a_batch_whose_pictures_are_dropped_ends_the_run(tiny_qwen2_5_vl: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TRL drops the pictures of a whole batch where one does not fit, and would go on without them."""
    recipe = rewarding_recipe(tmp_path / "data", tiny_qwen2_5_vl, steps=1)
    monkeypatch.setattr(Led, "images", property(lambda led: [shown.image for shown in led.pictures[:1]]))
    with pytest.raises(TrainingError, match="A batch lost its pictures on the way to the loss"):
        train(recipe, tmp_path / "run", chooser=scripted(recipe))


def test_sampling_and_training_that_disagree_are_told_and_noted(tiny_qwen2_5_vl: Path, tmp_path: Path) -> None:
    recipe = rewarding_recipe(tmp_path / "data", tiny_qwen2_5_vl, grpo={"mismatch": 1e-12, "updates": 2, "entropy": {"target": 9.0}})
    told: list[News] = []
    train(recipe, tmp_path / "run", tell=told.append, chooser=scripted(recipe))
    # Once a run, and not at every step.
    assert sum("Sampling and training disagree at step 1" in news.words for news in told) == 1
    assert "disagree" in Run(tmp_path / "run").notes()["alarm"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"batch": 6}, "not made of whole groups of 4"),
        ({"grpo": {"generation": "trl"}}, "set `grpo.turns` to single or multi"),
        ({"grpo": {"generation": "trl", "turns": "multi", "resample": 1}}, "only where our engine writes"),
        ({"grpo": {"generation": "trl", "turns": "multi", "max_turns": 1}}, "In one turn nobody looks closer"),
        ({"grpo": {"reward": "plain", "bonus": "none"}}, "has no bonus"),
        ({"grpo": {"groop": 3}}, "did you mean `grpo`|did you mean `group`"),
        ({"grpo": {"vllm": {"port": 9}}}, "set `generation: vllm`"),
        ({"answers_only": True}, "leave one of the two out"),
    ],
)
def test_settings_that_mean_nothing_are_refused(changes: dict[str, Any], said: str, tiny_qwen2_5_vl: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=said):
        train(rewarding_recipe(tmp_path / "data", tiny_qwen2_5_vl, **changes), tmp_path / "run")
