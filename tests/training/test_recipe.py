"""Recipes: what is shipped, what is read, and what is said of one that means nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.errors import TrainingError
from core.records import Split
from core.trace import DomainName
from tests.training.small_data import record, written
from training.recipe import DrawnScenes, RecordFiles, Schedule
from training.recipe_files import read_recipe, shipped
from training.rehearsal import rehearse
from training.start import beginning

DOMAINS = ("spatial", "visual-search", "web-grounding", "web-action")
GROUNDED = [f"qwen2.5-vl-{size}-{domain}" for size in ("3b", "7b") for domain in DOMAINS]
PAPER = [*GROUNDED, *(f"qwen2.5-vl-3b-{domain}-answers" for domain in DOMAINS)]


def read(folder: Path, text: str, changes: dict[str, Any] | None = None) -> Any:
    path = folder / "recipe.yaml"
    path.write_text(text)
    return read_recipe(str(path), changes)


@pytest.mark.parametrize("name", PAPER)
def test_the_paper_s_settings_are_those_of_its_table(name: str) -> None:
    recipe = read_recipe(name)
    assert (recipe.epochs, recipe.batch, recipe.learning_rate, recipe.schedule) == (3, 32, 1e-6, Schedule.COSINE)
    assert (recipe.weight_decay, recipe.warmup, recipe.max_length, recipe.freeze_vision) == (0.01, 0.03, 8192, True)
    assert recipe.lora is None and recipe.answers_only is (name not in GROUNDED)
    text = shipped()[name].read_text()
    assert "paper 3; code 1" in text


@pytest.mark.parametrize("name", PAPER)
def test_every_figure_of_the_paper_s_recipes_has_its_source(name: str) -> None:
    lines = shipped()[name].read_text().splitlines()
    for place, line in enumerate(lines):
        key = line.partition(":")[0]
        if not line or line[0] in "# " or key in ("title", "data"):
            continue
        behind, above = line.partition("#")[2], " ".join(other for other in lines[max(0, place - 3) : place] if other.startswith("# "))
        said = (behind or above).lower()
        assert any(word in said for word in ("paper", "code", "ours")), line


def with_records(recipe_name: str, folder: Path, model: Path) -> dict[str, Any]:
    """The changes by which a shipped recipe is tried out on a tiny checkpoint."""
    # The bounds of the real pictures would make thousands of tokens of one.
    small = {"model": str(model), "min_pixels": 3136, "max_pixels": 84 * 84}
    recipe = read_recipe(recipe_name, small)
    card = beginning(recipe).card
    (data,) = recipe.planned()[0].data
    domains = data.domains or tuple(DomainName)
    pictures = folder / "pictures"
    records = [record(card, number, pictures, domain=domains[number % len(domains)]) for number in range(6)]
    records.append(record(card, 7, pictures, domain=domains[0], split=Split.VALIDATION))
    return {**small, "data.records": [str(written(folder, records))]}


@pytest.mark.parametrize("name", [name for name in shipped() if read_recipe(name).kind == "sft"])
def test_every_shipped_recipe_is_tried_out_on_data_template_and_first_batch(name: str, tmp_path: Path, request: Any) -> None:
    if isinstance(read_recipe(name).planned()[0].data[0], DrawnScenes):
        scene = {"model": str(request.getfixturevalue("tiny_qwen3_vl")), "min_pixels": 128 * 128, "max_pixels": 128 * 128}
        assert rehearse(read_recipe(name, scene)).learnt > 0
        return
    tiny: Path = request.getfixturevalue("tiny_qwen2_5_vl")
    recipe = read_recipe(name, with_records(name, tmp_path, tiny))
    found = rehearse(recipe)
    data = recipe.planned()[0].data[0]
    assert isinstance(data, RecordFiles)
    assert set(found.domains) <= {str(domain) for domain in data.domains or DomainName}
    assert found.splits == {"to learn from": 6, "held out": 1}
    assert sum(steps for _, steps in found.steps) == -(-6 * int(recipe.epochs or 0) // recipe.batch)
    assert found.shapes["input_ids"][0] == recipe.at_once
    assert 0 < found.learnt < 1
    looking = {DomainName.VISUAL_SEARCH, DomainName.WEB_GROUNDING} & set(data.domains or DomainName)
    zooms = bool(looking) and not recipe.answers_only
    assert max(found.pictures) == (2 if zooms else 1)
    assert 0 < found.numbers.trained < found.numbers.all  # the vision tower is frozen in all of them
    assert "steps" in "\n".join(found.lines())


def test_a_recipe_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    text = "title: t\nmodel: m\ndata: [{world: needle, difficulty: {preset: easy, items: [1, 2]}}, {records: [a, b], share: 2}]\nlora: {rank: 4}\n"
    text += "stages: [{steps: 3, schedule: constant}, {data: {records: [c]}, epochs: 2, learning_rate: 1e-4}]\n"
    recipe = read(tmp_path, text)
    assert read(tmp_path, recipe.to_yaml()) == recipe
    assert recipe.stages[1].learning_rate == 1e-4
    first, second = recipe.planned()
    assert (first.data, first.learning_rate, first.steps, first.epochs) == (recipe.data, recipe.learning_rate, 3, None)
    assert second.data == (RecordFiles((Path("c"),)),)


def test_changes_reach_every_depth(tmp_path: Path) -> None:
    text = "title: t\nmodel: m\ndata: {world: needle}\nsteps: 3\nstages: [{name: one}, {name: two, data: {world: needle}}]\n"
    changes = {"data.count": 5, "lora.rank": 4, "stages.1.data.misses": 0.5, "stages.0.steps": 9}
    recipe = read(tmp_path, text, changes)
    assert recipe.data == (DrawnScenes("needle", count=5),)
    assert recipe.lora is not None and recipe.lora.rank == 4
    assert [stage.steps for stage in recipe.planned()] == [9, 3]
    assert recipe.stages[1].data == (DrawnScenes("needle", misses=0.5),)


def test_records_take_the_place_of_a_world_that_would_be_drawn() -> None:
    (source,) = read_recipe("needle-grpo", {"data.records": ["mine.jsonl"], "data.pictures": "pictures"}).data
    assert source == RecordFiles((Path("mine.jsonl"),), Path("pictures"))


WHOLE = "title: t\nmodel: m\ndata: {records: [a]}\nsteps: 1\n"
BROKEN = {
    "learnin_rate: 1": r"recipe\.yaml: there is no key `learnin_rate`: did you mean `learning_rate`\?",
    "learning_rate: -1": r"`learning_rate`: Input should be greater than 0, not -1\.",
    "schedule: cosin": r"`schedule`: .*'cosine'.*, not 'cosin'\.",
    "lora: {rnk: 3}": r"there is no key `lora\.rnk`: did you mean `rank`\?",
    "stages: [{stps: 3}]": r"there is no key `stages\.0\.stps`: did you mean `steps`\?",
    "epochs: 2": r"has both of `steps` and `epochs`",
    "steps: 2": r"line 5: not a recipe in YAML: the key 'steps' stands there twice\.",
    "seed: [": r"not a recipe in YAML",
}


@pytest.mark.parametrize("line", BROKEN)
def test_what_means_nothing_is_told_in_one_sentence(line: str, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=BROKEN[line]) as caught:
        read(tmp_path, WHOLE + line + "\n")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a\n", "a recipe is keys"),
        ("title: t\nmodel: m\nsteps: 1\n", "has no data"),
        ("title: t\nmodel: m\ndata: {records: [a]}\n", "neither of `steps` and `epochs`"),
        ("title: t\nmodel: m\ndata: {world: needle}\nepochs: 1\n", "Scenes without a `count` never end"),
        ("model: m\ndata: {records: [a]}\nsteps: 1\n", "`title` is missing"),
        ("title: t\nmodel: m\ndata: {recordz: [a]}\nsteps: 1\n", "there is no key `data.0.recordz`: did you mean `records`"),
    ],
)
def test_what_is_missing_is_told(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=said):
        read(tmp_path, text)


def test_a_recipe_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(TrainingError, match=r"no recipe 'qwen2.5-vl-3b-spacial'. Did you mean 'qwen2.5-vl-3b-spatial'\?"):
        read_recipe("qwen2.5-vl-3b-spacial")
    with pytest.raises(TrainingError, match=r"no recipe file runs/none\.yaml"):
        read_recipe("runs/none.yaml")
