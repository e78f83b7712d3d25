"""What GRPO's update does: what was rewarded becomes likelier. A sign that is wrong, or a gradient that reaches nothing, fails here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.policies.local.loading import LoadedModel
from core.trace import Trace
from tests.training.rewarding import GROUP, Scripted, answer, look, rewarding_recipe
from training import reinforcing
from training.grpo import schooling_of, train
from training.questions import Questions
from training.recipe import Recipe
from training.reinforcement import Grpo, Loss
from training.rollouts import Engine
from training.runs import Run
from training.scoring import Scored, score
from training.start import beginning, with_weights

# One of them is right, whichever square the first question shows; one of those that are not has looked before.
SAID = ((answer("red"),), (answer("blue"),), (answer("purple"),), (look(30, 40), answer("nothing")))


def likely(recipe: Recipe, model: str) -> list[tuple[float, float]]:
    """Of each conversation of SAID about the first question: its reward, and the logarithm of its probability under a checkpoint."""
    recipe = replace(recipe, model=model)
    begun = beginning(recipe)
    question = Questions(recipe, schooling_of(recipe, begun), begun.card).at(0)
    loaded: LoadedModel = with_weights(recipe, lambda progress: None)
    engine = Engine(loaded, "test", slots=GROUP, chooser=Scripted(begun.rendering, SAID))
    assert recipe.grpo is not None
    led = engine.lead(loaded.model, [question], GROUP, 0)
    return [(score(one.trace, recipe.grpo, "").total, sum(one.logprobs or ())) for one in led]


@pytest.mark.parametrize("loss", Loss)
def test_a_step_of_every_loss_makes_what_was_rewarded_likelier(loss: Loss, tiny_qwen2_5_vl: Path, tmp_path: Path) -> None:
    recipe = rewarding_recipe(tmp_path / "data", tiny_qwen2_5_vl, steps=1, at_once=4, grpo={"loss": loss.value, "rollouts_every": 0})
    before = likely(recipe, recipe.model)
    train(recipe, tmp_path / "run", chooser=Scripted(beginning(recipe).rendering, SAID))
    after = likely(recipe, str(tmp_path / "run/trained"))
    gained = [now - then for (_, then), (_, now) in zip(before, after, strict=True)]
    rewards = [reward for reward, _ in before]
    best = rewards.index(max(rewards))
    assert rewards.count(max(rewards)) == 1
    assert gained[best] > 0 and gained[best] == max(gained), (rewards, gained)
    assert gained[3] < gained[best] - 0.1


def test_a_policy_learns_what_it_is_paid_for(tiny_qwen3_vl: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sampled for real from random weights, and paid for the share of its letters that are capitals, which chance brings now and then."""

    def paid(trace: Trace, grpo: Grpo, chance: str) -> Scored:
        letters = [letter for letter in trace.text if letter.isalpha()]
        return Scored(sum(letter.isupper() for letter in letters) / max(1, len(letters)), ())

    monkeypatch.setattr(reinforcing, "score", paid)
    told = {"group": 8, "turns": "single", "mask_overrun": False, "rollouts_every": 0}
    changes = {"steps": 8, "batch": 32, "at_once": 32, "max_new_tokens": 6, "learning_rate": 3e-3}
    train(rewarding_recipe(tmp_path / "data", tiny_qwen3_vl, grpo=told, **changes), tmp_path / "run")
    rewards = [line["reward"] for line in Run(tmp_path / "run").read_metrics() if "reward" in line]
    first, last = sum(rewards[:3]) / 3, sum(rewards[-3:]) / 3
    assert last > first + 0.2, rewards
