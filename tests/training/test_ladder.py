"""The ladder's trainings: equal data and steps, every value understood; and a small ladder from the start to the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from app import commands
from app.ladder.plan import GROUP, QUESTIONS, Plan
from app.ladder.reading import read_ladder
from app.ladder.report import report_of
from app.ladder.rungs import START, TRAININGS, Training, named_rungs
from app.ladder.running import Ladder
from core.geometry import Size
from core.policies.protocol import shown_size
from training.command import _changes
from training.grpo import schooling_of
from training.grpo import train as by_rewards
from training.recipe import Recipe
from training.recipe_files import read_recipe
from training.schooling import Schooling
from training.sft import train as by_records
from training.start import beginning

# Of a tiny checkpoint: pictures as the small policy has them, turns that are soon over.
SMALL = ("min_pixels=16384", "max_pixels=16384", "threads=1", "workers=0", "max_new_tokens=4")


def recipe_of(plan: Plan, training: Training, seed: int = 0) -> Recipe:
    """The recipe that the command line of a training comes to, begun with the ladder's base."""
    _, arguments = commands.read(["train", *plan.words(training, seed)])
    return read_recipe(arguments.recipe, {**_changes(arguments), "model": plan.base})


def test_every_training_has_the_same_scenes_in_the_same_steps(tiny_qwen3_vl: Path, tmp_path: Path) -> None:
    plan = Plan(str(tiny_qwen3_vl), tmp_path, steps=2, changes=("min_pixels=16384", "max_pixels=16384"))
    found = {}
    for training in TRAININGS[1:]:
        recipe = recipe_of(plan, training, seed=4)
        begun = beginning(recipe)
        schooling = schooling_of(recipe, begun) if training.grpo else Schooling(recipe, begun.rendering, begun.card)
        assert (schooling.steps, recipe.learning_rate, recipe.betas, recipe.seed, recipe.schedule) == (2, 1e-4, (0.9, 0.99), 4, "constant")
        assert (recipe.optimizer, recipe.warmup, recipe.clip, recipe.weight_decay) == ("adamw", 0.05, 1.0, 0.0)
        assert recipe.grpo is None or (recipe.grpo.group, recipe.batch) == (GROUP, QUESTIONS * GROUP)
        found[training.name] = [schooling.example(schooling.order[place]).record.provenance for place in range(len(schooling.order))]
    (first, *others) = found.values()
    assert len(first) == 2 * QUESTIONS and all(other == first for other in others)
    assert '"item_size":48' in first[0].rule and '"offset":32' in first[0].rule


def test_what_a_rung_differs_in_reaches_its_recipe(tiny_qwen3_vl: Path, tmp_path: Path) -> None:
    plan = Plan(str(tiny_qwen3_vl), tmp_path, start_steps=9, changes=("learning_rate=0.01",))
    told = {training.name: recipe_of(plan, training) for training in TRAININGS}
    rewarded = {name: recipe.grpo for name, recipe in told.items() if recipe.grpo is not None}
    base = rewarded["grpo-looks"]
    assert (told["grpo-looks"].max_new_tokens, base.max_tokens) == (300, 1200)
    assert (base.reward, base.bonus, base.mask_overrun, base.max_turns, base.turns) == ("vigorl", "profile", True, 4, "multi")
    assert rewarded["random-reward"].reward == "random" and rewarded["grpo-plain"].reward == "plain"
    assert (rewarded["bonus-off"].bonus, rewarded["bonus-gated"].bonus) == ("none", "gated")
    assert not rewarded["overrun-learnt"].mask_overrun and told["uncapped"].max_pixels == 256 * 256
    assert shown_size(beginning(told["uncapped"]).card, Size(512, 512)) == Size(256, 256)
    assert told["answers"].answers_only and told[START].steps == 9 and len(told[START].data) == 3
    assert {recipe.learning_rate for recipe in told.values()} == {0.01}


def test_a_ladder_of_two_rungs_goes_on_where_it_was_stopped(
    tiny_qwen3_vl: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = Plan(str(tiny_qwen3_vl), tmp_path / "ladder", "easy", start_steps=1, steps=1, seeds=1, n=4, samples=2, changes=SMALL)
    rungs, begun, stops = named_rungs(["answers", "grpo-plain"]), list[str](), [True]

    def train(words: Sequence[str]) -> None:
        begun.append(words[-1])
        if words[-1] == "needle-grpo-plain" and stops:
            stops.pop()
            raise KeyboardInterrupt
        _, arguments = commands.read(["train", *words])
        recipe = read_recipe(arguments.recipe, _changes(arguments))
        (by_rewards if recipe.kind == "grpo" else by_records)(recipe, arguments.runs / arguments.name)

    with pytest.raises(KeyboardInterrupt, match="Stopped"):
        Ladder(plan, rungs, begin=train).run()
    there = {path: path.stat().st_mtime_ns for path in plan.runs.rglob("*.json")}
    Ladder(plan, rungs, begin=train).run()
    assert begun == ["needle-manners", "needle-answers", "needle-grpo-plain", "needle-grpo-plain"]
    assert all(path.stat().st_mtime_ns == before for path, before in there.items())
    rows = {row.rung.name: row for row in report_of(read_ladder(plan.runs), rungs).rows}
    assert list(rows) == ["start-plain", "answers", "grpo-plain"]
    assert all((row.seeds, row.n, set(row.passed)) == (1, 4, {1, 2}) for row in rows.values())
    assert rows["answers"].against["right"].n == 4 and rows["grpo-plain"].masked is not None
    # Once more, with nothing to do.
    Ladder(plan, rungs, begin=train).run()
    assert len(begun) == 4
    said = capsys.readouterr().out
    assert "answers-0 (2 of 3) is trained: needle-answers" in said and "grpo-plain-0, plain: 0.0 % right (n = 4), 0.00 looks" in said
