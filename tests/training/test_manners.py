"""Learning to answer in a manner: with looks, or at once; and the same scenes in the same steps, whether by records or by rewards."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import TrainingError
from core.records import Split
from core.tasks.needle.manners import Manner
from training.grpo import schooling_of
from training.questions import Questions
from training.recipe import DrawnScenes, Recipe
from training.recipe_files import read_recipe
from training.schooling import Schooling
from training.sources import digest, open_source
from training.start import beginning

SMALL = {"min_pixels": 128 * 128, "max_pixels": 128 * 128, "steps": 3, "seed": 5}


def small(name: str, model: Path, **changes: object) -> Recipe:
    return read_recipe(name, {**SMALL, "model": str(model), **changes})


@pytest.mark.parametrize(
    ("name", "manner"), [("needle-grpo-plain", Manner.PLAIN), ("needle-grpo-single", Manner.POINTS), ("needle-grpo", Manner.LOOKS)]
)
def test_rollouts_are_led_in_the_manner_that_is_learnt(name: str, manner: Manner, tiny_qwen3_vl: Path) -> None:
    recipe = small(name, tiny_qwen3_vl)
    begun = beginning(recipe)
    question = Questions(recipe, schooling_of(recipe, begun), begun.card).at(0)
    assert question.plan.multi_turn == (manner is Manner.LOOKS)
    assert manner is Manner.LOOKS or question.plan.system == manner.system


def test_a_step_of_records_and_a_step_of_rewards_have_the_same_scenes(tiny_qwen3_vl: Path) -> None:
    by_records, by_rewards = small("needle-looks", tiny_qwen3_vl, batch=8), small("needle-grpo", tiny_qwen3_vl, batch=64)
    begun = beginning(by_records)
    learnt = Schooling(by_records, begun.rendering, begun.card)
    asked = schooling_of(by_rewards, begun)
    assert len(learnt.order) == len(asked.order) == 3 * 8
    for place in range(len(learnt.order)):
        one, other = learnt.example(learnt.order[place]).record, asked.example(asked.order[place]).record
        assert one.provenance == other.provenance


def test_three_manners_are_learnt_side_by_side_each_with_its_own_prompt(tiny_qwen3_vl: Path) -> None:
    recipe = small("needle-manners", tiny_qwen3_vl)
    begun = beginning(recipe)
    schooling = Schooling(recipe, begun.rendering, begun.card)
    texts = [begun.rendering.decode(list(schooling.dialog(place).ids)) for place in range(32)]
    counts = [sum(manner.system in text for text in texts) for manner in Manner if manner.system]
    assert all(4 < count < 18 for count in counts) and sum(counts) < 28
    # Who can also look is opened with the crops that it learnt.
    assert schooling.crop is not None and schooling.crop.offset == 32


def test_what_nobody_looks_at_cannot_go_wide_and_older_data_keeps_its_digest(tiny_qwen3_vl: Path) -> None:
    card = beginning(small("needle-points", tiny_qwen3_vl)).card
    with pytest.raises(TrainingError, match="nobody looks, and no look goes wide"):
        open_source(DrawnScenes("needle", misses=0.1, manner=Manner.POINTS), Split.TRAIN, card, seed=0)
    told = [digest(DrawnScenes("needle", manner=manner)) for manner in Manner]
    assert len(set(told)) == 3 and told[0] == digest(DrawnScenes("needle"))
    assert digest(DrawnScenes("needle", unseen=0.1)) not in told and digest(DrawnScenes("needle", unseen=0.0)) == told[0]
