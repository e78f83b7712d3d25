"""The small policy before it is trained: always the same, its words few tokens, and a checkpoint like any other."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForImageTextToText, AutoTokenizer

from core.crops import CropRule
from core.frames import CoordinateFrame, FrameKind
from core.geometry import Size
from core.policies.conversation import Role, Said
from core.policies.local.loading import LoadedModel, load
from core.policies.opening import PolicyOptions
from core.policies.protocol import shown_size
from core.policies.references import read_reference
from core.tasks.needle.expert import solve
from core.tasks.needle.scenes import ask
from core.tasks.needle.splits import Split
from core.tasks.needle.values import DIFFICULTIES
from core.trace import Author
from training.recipe import Device, Precision, Recipe
from training.recipe_files import read_recipe
from training.sft import train
from training.small.begin import build
from training.small.words import SYSTEM, number_ids, tokenizer
from training.start import beginning, with_weights

WORDS = tokenizer()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("small") / "begin", crop=CropRule(32, 64, dot=False))


@pytest.fixture(scope="module")
def loaded(folder: Path) -> LoadedModel:
    return load(read_reference(str(folder)), PolicyOptions(device="cpu"), progress=lambda _: None)


@given(st.text(max_size=80))
def test_every_text_comes_back(text: str) -> None:
    assert WORDS.decode(WORDS.encode(text, add_special_tokens=False)) == text


@pytest.mark.parametrize("name", DIFFICULTIES)
def test_what_the_expert_says_is_few_tokens_and_comes_back(name: str) -> None:
    difficulty = DIFFICULTIES[name]
    for seed in range(20):
        asked = ask(difficulty, seed, Split.TRAIN)
        for message in solve(asked, CoordinateFrame.normalised(asked.scene.size), difficulty.rule(16)):
            ids = WORDS.encode(message.text, add_special_tokens=False)
            assert WORDS.decode(ids) == message.text
            assert message.author is not Author.MODEL or len(ids) <= len(message.text) / 3
        assert len(WORDS.encode(asked.question)) <= len(asked.question.split()) + 3


def test_a_point_of_a_thought_is_two_tokens_right_behind_its_name() -> None:
    for number in range(0, 1001, 10):
        ids = WORDS.encode(f" red disc ({number}, {number}), blue", add_special_tokens=False)
        assert [WORDS.decode([word]) for word in ids] == [" red disc", f" ({number},", f" {number})", ",", " blue"]
        assert len(WORDS.encode(f"{number}")) == 1
    assert len({word for ids in number_ids(WORDS) for word in ids}) == 4 * 101


def test_it_is_made_the_same_again(folder: Path, tmp_path: Path) -> None:
    again = build(tmp_path / "again", crop=CropRule(32, 64, dot=False))
    names = {path.name for path in folder.iterdir()}
    assert names == {path.name for path in again.iterdir()}
    for name in names:
        assert _digest(folder / name) == _digest(again / name), name


def test_every_one_of_several_processes_makes_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # What a second process of a training is to transformers, which then writes no weights of its own accord.
    monkeypatch.setattr("transformers.distributed.mixin._is_torch_distributed_initialized", lambda: True)
    monkeypatch.setattr("transformers.distributed.mixin._get_torch_distributed_rank", lambda: 1)
    assert {"config.json", "model.safetensors"} <= {path.name for path in build(tmp_path / "second").iterdir()}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_it_is_a_checkpoint_like_any_other(folder: Path, loaded: LoadedModel) -> None:
    card = loaded.card
    assert (card.space, card.factor, card.system_prompt) == (FrameKind.NORMALISED, 16, SYSTEM)
    assert card.crop == CropRule(32, 64, dot=False, factor=16)
    assert shown_size(card, Size(512, 512)) == shown_size(card, Size(300, 300)) == Size(128, 128)
    # A picture of any other proportion keeps it, and comes to as many tokens.
    wide = shown_size(card, Size(1600, 900))
    assert wide.width > wide.height and wide.area <= 128**2
    # Half of what may lie in a repository, so that the numbers can be kept as float32 or the policy be twice as large.
    assert sum(weight.numel() for weight in loaded.model.parameters()) <= 3_000_000
    assert loaded.rendering.opening([Said(Role.USER, ("Why?",))]).ids
    assert AutoTokenizer.from_pretrained(folder).get_vocab() == WORDS.get_vocab()
    assert type(AutoModelForImageTextToText.from_pretrained(folder)).__name__ == "Qwen3VLForConditionalGeneration"


def test_neighbouring_numbers_and_places_begin_alike(loaded: LoadedModel) -> None:
    entries = loaded.model.get_input_embeddings().weight
    # Without what all words have in common.
    entries = entries - entries.mean(dim=0)
    for ids in number_ids(WORDS):
        numbers = torch.nn.functional.normalize(entries[list(ids)], dim=1)
        alike = numbers @ numbers.T
        assert float(alike.diagonal(1).min()) > 0.8 > 0.5 > float(alike.diagonal(50).abs().mean())
    table = loaded.model.model.visual.pos_embed.weight.reshape(8, 8, -1)
    near = torch.cosine_similarity(table[:, 1:], table[:, :-1], dim=-1).mean()
    far = torch.cosine_similarity(table[0, 0], table[7, 7], dim=-1)
    assert near > far + 0.3


def test_it_sees_stripes_wherever_they_begin(loaded: LoadedModel) -> None:
    filters = loaded.model.model.visual.patch_embed.proj.weight.detach()[:, 0, 0]
    way = torch.arange(16) * 2 * torch.pi / 4
    seen = []
    for begin in torch.arange(8) * torch.pi / 4:
        upright = torch.cos(way + begin).expand(16, 16)
        pairs = (filters[:64] * upright).sum((1, 2)).reshape(32, 2).square().sum(1)
        assert pairs.argmax() == 0, "the pair of upright stripes of that width"
        seen.append(float(pairs[0]))
    assert max(seen) < 1.2 * min(seen)


def test_a_recipe_begins_with_it_by_its_name() -> None:
    recipe = Recipe(title="small", model="small")
    begun, weights = beginning(recipe), with_weights(recipe, lambda _: None)
    assert begun.card.factor == 16 and begun.rendering.system_prompt == SYSTEM
    assert all(weight.requires_grad for weight in weights.model.parameters())


def test_in_bfloat16_a_processor_attends_in_the_way_that_is_faster_there() -> None:
    recipe = Recipe(title="small", model="small", device=Device.CPU, precision=Precision.BFLOAT16)
    assert with_weights(recipe, lambda _: None).model.config._attn_implementation == "eager"


def test_its_recipe_makes_a_policy_that_looks_as_it_was_taught(tmp_path: Path) -> None:
    few = {f"stages.{stage}.steps": 1 for stage in range(len(read_recipe("needle").stages))}
    quick = {"workers": 0, "threads": 1, "at_once": 8, "batch": 8, "evaluate": 4, "samples": 1, "max_new_tokens": 8}
    outcome = train(read_recipe("needle", {**few, **quick}), tmp_path / "run")
    assert outcome.finished
    trained = load(read_reference(str(outcome.run / "trained")), PolicyOptions(device="cpu"), progress=lambda _: None)
    assert (trained.card.crop, trained.card.factor, trained.card.system_prompt) == (CropRule(32, 64, dot=False, factor=16), 16, SYSTEM)
    # 12 MB is what the weights in the repository may come to.
    assert sum(file.stat().st_size for file in (outcome.run / "trained").glob("*.safetensors")) <= 12_000_000
