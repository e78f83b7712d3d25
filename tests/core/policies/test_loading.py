"""Loading: every family, from a stock folder and without torchvision; adapters; and every failure in one sentence."""

from __future__ import annotations

import importlib.util
import json
import math
import shutil
import threading
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from peft import LoraConfig, get_peft_model
from PIL import Image
from safetensors.torch import load_file, save_file

from core.errors import OutOfMemory, PolicyError, PolicyNotFound
from core.frames import FrameKind
from core.policies.conversation import GREEDY, Failed, Request, Role, Said, Shown
from core.policies.families import FAMILIES
from core.policies.local.fingerprints import fingerprint
from core.policies.local.loading import LoadedModel, load
from core.policies.local.policy import LocalPolicy
from core.policies.local.untrained import ModelType, Shape, build
from core.policies.opening import LoadProgress, PolicyOptions
from core.policies.protocol import PolicyKind
from core.policies.references import read_reference


def loaded(folder: Path | str, options: PolicyOptions | None = None, **rest: Any) -> LoadedModel:
    return load(read_reference(str(folder)), options or PolicyOptions(), progress=rest.pop("progress", lambda news: None), **rest)


def logits(model: Any, rendering: Any) -> torch.Tensor:
    """What a model says of one picture and one question, computed by transformers' own forward pass."""
    factor = rendering.image_processor.patch_size * 2
    picture = Shown("grey", Image.linear_gradient("L").convert("RGB").resize((4 * factor, 3 * factor)))
    encoded = rendering.opening([Said(Role.USER, (picture, "Where is the circle?"))])
    patches, grid = rendering.pixels(picture)
    ids = torch.tensor([encoded.ids])
    kinds = (ids == rendering.image_id).int()
    with torch.no_grad():
        found: torch.Tensor = model(input_ids=ids, pixel_values=patches, image_grid_thw=grid, mm_token_type_ids=kinds).logits
    return found


@pytest.mark.parametrize("family", ModelType)
def test_each_family_loads_from_a_stock_folder(tiny_checkpoints: dict[ModelType, Path], family: ModelType) -> None:
    folder = tiny_checkpoints[family]
    found = loaded(folder)
    known = FAMILIES[family.value]
    card = found.card
    assert (card.name, card.kind, card.space, card.factor) == (folder.name, PolicyKind.LOCAL, known.space, known.factor)
    assert (card.min_pixels, card.max_pixels) == (known.min_pixels, known.max_pixels)
    assert (card.system_prompt, card.context) == (None, 4096)
    assert card.details["dtype"] == ("float32" if not torch.cuda.is_available() else card.details["dtype"])
    assert card.details["attention"] == "sdpa"
    assert card.details["parameters"] == sum(weight.numel() for weight in found.model.parameters())
    json.dumps(dict(card.details), allow_nan=False)
    assert not found.model.training and not any(weight.requires_grad for weight in found.model.parameters())
    reference = getattr(transformers, known.model).from_pretrained(folder).eval()
    assert torch.equal(logits(found.model.cpu().float(), found.rendering), logits(reference, found.rendering))


@pytest.mark.skipif(importlib.util.find_spec("torchvision") is not None, reason="torchvision is installed here")
def test_torchvision_is_not_there_while_this_passes() -> None:
    assert importlib.util.find_spec("torchvision") is None


def test_options_go_into_the_card(tiny_qwen2_5_vl: Path) -> None:
    options = PolicyOptions(min_pixels=10_000, max_pixels=50_000, space=FrameKind.NORMALISED, device="cpu", dtype="bf16", slots=3)
    found = loaded(tiny_qwen2_5_vl, options)
    assert (found.card.min_pixels, found.card.max_pixels, found.card.space) == (10_000, 50_000, FrameKind.NORMALISED)
    assert found.rendering.image_processor.size == {"shortest_edge": 10_000, "longest_edge": 50_000}
    assert found.model.dtype == torch.bfloat16 and found.card.details["dtype"] == "bfloat16"
    assert found.slots == 3
    assert loaded(tiny_qwen2_5_vl, PolicyOptions(max_pixels=2000)).card.min_pixels == 2000


def test_a_system_prompt_in_the_template_goes_into_the_card(tmp_path: Path) -> None:
    found = loaded(build(tmp_path / "grounded", ModelType.QWEN2_5_VL, system="Name points as (x, y)."))
    assert found.card.system_prompt == "Name points as (x, y)."


def test_progress_is_told(tiny_qwen2_5_vl: Path) -> None:
    told: list[LoadProgress] = []
    loaded(tiny_qwen2_5_vl, progress=told.append)
    sizes = [news.done for news in told if news.words == "Loading the weights"]
    assert sizes == sorted(sizes) and sizes[0] == 0
    assert sizes[-1] == told[-1].total == (tiny_qwen2_5_vl / "model.safetensors").stat().st_size
    assert told[-1].seconds_left == 0.0


def test_a_load_stops_between_two_weights(tiny_qwen2_5_vl: Path) -> None:
    stop = threading.Event()

    def told(news: LoadProgress) -> None:
        if news.done:
            stop.set()

    with pytest.raises(PolicyError, match=r"Loading was stopped"):
        loaded(tiny_qwen2_5_vl, progress=told, stop=stop)
    loaded(tiny_qwen2_5_vl)


def test_what_does_not_fit_is_said_before_loading(tiny_qwen2_5_vl: Path) -> None:
    told: list[LoadProgress] = []
    with pytest.raises(
        OutOfMemory,
        match=r"tiny-qwen2_5_vl does not fit on cpu: it needs .*GB .*1,000,000,000 conversations .* is free\. What helps: 8 conv",
    ):
        loaded(tiny_qwen2_5_vl, PolicyOptions(device="cpu", slots=10**9), progress=told.append)
    with pytest.raises(OutOfMemory, match=r"at most [\d,]+ pixels a picture instead of 1,000,000,000,000"):
        loaded(tiny_qwen2_5_vl, PolicyOptions(device="cpu", max_pixels=10**12), progress=told.append)
    assert told == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (PolicyOptions(device="cuda:99"), "There is no GPU"),
        (PolicyOptions(max_pixels=100), "At most 100 pixels is too little: one token of Qwen2.5-VL is 784 pixels"),
        (PolicyOptions(min_pixels=20_000_000), "At least 20,000,000 and at most 12,845,056"),
        (PolicyOptions(adapter="http://localhost:1/v1"), "is no checkpoint"),
    ],
)
def test_options_that_cannot_be(tiny_qwen2_5_vl: Path, options: PolicyOptions, sentence: str) -> None:
    with pytest.raises(PolicyError, match=sentence):
        loaded(tiny_qwen2_5_vl, options)


def copy_of(folder: Path, to: Path) -> Path:
    return shutil.copytree(folder, to)


def drop(folder: Path, part: str) -> None:
    weights = load_file(folder / "model.safetensors")
    save_file({name: weight for name, weight in weights.items() if part not in name}, folder / "model.safetensors", {"format": "pt"})


def reshape(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    save_file(
        {name: weight[:-1].clone() if "embed_tokens" in name else weight for name, weight in weights.items()},
        folder / "model.safetensors",
        {"format": "pt"},
    )


def change(file: Path, **values: Any) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), **values}), encoding="utf-8")


BROKEN = {
    "a weight is missing": (
        lambda folder: drop(folder, "layers.1.mlp.up_proj"),
        "does not hold the whole model: 1 of its weights .*up_proj",
    ),
    "a weight has another size": (reshape, "embed_tokens|cannot be loaded"),
    "no tokenizer": (lambda folder: (folder / "tokenizer.json").unlink(), "has no tokenizer .*copy it from the base"),
    "broken tokenizer": (lambda folder: (folder / "tokenizer.json").write_text("{"), "tokenizer in .* cannot be read"),
    "another tokenizer": (
        lambda folder: change(folder / "tokenizer.json", added_tokens=[]),
        r"has no token <\||cannot be read",
    ),
    "no image settings": (lambda folder: (folder / "preprocessor_config.json").unlink(), "has no preprocessor_config.json"),
    "image settings of another family": (
        lambda folder: change(folder / "preprocessor_config.json", patch_size=16),
        "say patch_size 16, and Qwen2.5-VL has 14",
    ),
    "broken chat template": (lambda folder: (folder / "chat_template.json").write_text("{"), "chat_template.json is not JSON"),
    "an impossible configuration": (
        lambda folder: change(folder / "config.json", vision_config={"depth": "two"}),
        "config.json .* describes no model .*depth.* expected int",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_checkpoint_is_told_in_one_sentence(tiny_qwen2_5_vl: Path, tmp_path: Path, case: str) -> None:
    breaking, sentence = BROKEN[case]
    folder = copy_of(tiny_qwen2_5_vl, tmp_path / "broken")
    breaking(folder)
    with pytest.raises(PolicyError, match=sentence) as told:
        loaded(folder)
    assert "\n" not in str(told.value)


def adapter_for(base: Path, folder: Path, *, named: str | None = None, **rest: Any) -> torch.Tensor:
    """A LoRA adapter with changes that matter, made with peft and saved; what it makes of the base, as logits."""
    family = FAMILIES[json.loads((base / "config.json").read_text(encoding="utf-8"))["model_type"]]
    model = getattr(transformers, family.model).from_pretrained(base)
    # peft asks transformers by an older name, which it is warned for.
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.manual_seed(0)
        made = get_peft_model(
            model, LoraConfig(r=4, lora_alpha=16, target_modules=["q_proj", "v_proj", "up_proj"], init_lora_weights=False, **rest)
        ).eval()
    made.peft_config["default"].base_model_name_or_path = named if named is not None else str(base)
    made.save_pretrained(folder)
    return logits(made, loaded(base).rendering)


def test_an_adapter_brings_its_base_and_is_merged(tiny_qwen2_5_vl: Path, tmp_path: Path) -> None:
    wanted = adapter_for(tiny_qwen2_5_vl, tmp_path / "lora")
    plain = loaded(tiny_qwen2_5_vl)
    by_itself = loaded(tmp_path / "lora", PolicyOptions(device="cpu"))
    as_option = loaded(tiny_qwen2_5_vl, PolicyOptions(device="cpu", adapter=str(tmp_path / "lora")))
    for found in (by_itself, as_option):
        assert type(found.model) is type(plain.model)
        assert torch.allclose(logits(found.model, found.rendering), wanted, atol=1e-4)
        assert not torch.allclose(logits(plain.model, plain.rendering), wanted, atol=1e-2)
        assert not any(weight.requires_grad for weight in found.model.parameters())
    assert (by_itself.card.name, as_option.card.name) == ("lora", "tiny-qwen2_5_vl + lora")
    assert by_itself.card.details["base"] == str(tiny_qwen2_5_vl)
    assert as_option.card.details["adapter"] == str(tmp_path / "lora")


def test_an_adapter_with_the_names_of_older_versions(tiny_qwen2_5_vl: Path, tmp_path: Path) -> None:
    wanted = adapter_for(tiny_qwen2_5_vl, tmp_path / "lora")
    file = tmp_path / "lora" / "adapter_model.safetensors"
    older = {
        name.replace("model.model.language_model.", "model.model.").replace("model.model.visual.", "model.visual."): weight
        for name, weight in load_file(file).items()
    }
    assert not any("language_model" in name for name in older)
    save_file(older, file, {"format": "pt"})
    found = loaded(tmp_path / "lora", PolicyOptions(device="cpu"))
    assert torch.allclose(logits(found.model, found.rendering), wanted, atol=1e-4)


def test_an_adapters_own_template_is_used(tiny_qwen2_5_vl: Path, tmp_path: Path) -> None:
    adapter_for(tiny_qwen2_5_vl, tmp_path / "lora")
    shutil.copy(build(tmp_path / "other", ModelType.QWEN2_5_VL, system="Point at it.") / "chat_template.json", tmp_path / "lora")
    assert loaded(tmp_path / "lora").card.system_prompt == "Point at it."


def test_an_adapter_that_does_not_fit(tiny_qwen2_5_vl: Path, tmp_path: Path) -> None:
    adapter_for(tiny_qwen2_5_vl, tmp_path / "lora")
    wider = build(tmp_path / "wider", ModelType.QWEN2_5_VL, shape=Shape(hidden=48, mlp=96))
    deeper = build(tmp_path / "deeper", ModelType.QWEN2_5_VL, shape=Shape(layers=3))
    adapter_for(deeper, tmp_path / "deep-lora")
    for base, adapter in ((wider, "lora"), (tiny_qwen2_5_vl, "deep-lora")):
        with pytest.raises(PolicyError, match=f"adapter in .*{adapter} does not fit the checkpoint in .*It was made for .*") as told:
            loaded(base, PolicyOptions(adapter=str(tmp_path / adapter)))
        assert "\n" not in str(told.value)


def test_an_adapter_without_its_base(tiny_qwen2_5_vl: Path, tmp_path: Path) -> None:
    adapter_for(tiny_qwen2_5_vl, tmp_path / "lora", named="")
    with pytest.raises(PolicyError, match=r"does not name its base: name the base as the policy"):
        loaded(tmp_path / "lora")
    change(tmp_path / "lora" / "adapter_config.json", base_model_name_or_path=str(tmp_path / "gone"))
    with pytest.raises(PolicyNotFound, match=r"gone is not there"):
        loaded(tmp_path / "lora")
    change(tmp_path / "lora" / "adapter_config.json", base_model_name_or_path=str(tmp_path / "lora"))
    with pytest.raises(PolicyError, match=r"is an adapter itself"):
        loaded(tmp_path / "lora")
    with pytest.raises(PolicyError, match=r"is an adapter already"):
        loaded(tmp_path / "lora", PolicyOptions(adapter=str(tmp_path / "lora")))
    with pytest.raises(PolicyError, match=r"is a whole checkpoint and no adapter"):
        loaded(tiny_qwen2_5_vl, PolicyOptions(adapter=str(tiny_qwen2_5_vl)))


def test_two_checkpoints_of_one_shape_are_told_apart(tiny_qwen2_5_vl: Path, tmp_path: Path) -> None:
    other = build(tmp_path / "other", ModelType.QWEN2_5_VL, seed=1)
    same = build(tmp_path / "same", ModelType.QWEN2_5_VL)
    assert fingerprint(tiny_qwen2_5_vl) == fingerprint(same) != fingerprint(other)
    assert loaded(same).card.details["weights"] == fingerprint(same)


def test_weights_that_are_no_numbers_end_a_turn_with_a_sentence(tmp_path: Path) -> None:
    found = loaded(build(tmp_path / "broken", ModelType.QWEN2_5_VL))
    with torch.no_grad():
        found.model.model.language_model.norm.weight.fill_(math.nan)
    with LocalPolicy(found) as policy, policy.session() as session:
        session.submit(0, Request((Said(Role.USER, ("Where?",)),), GREEDY, 8))
        events = session.events(60.0)
    assert [type(event) for event in events] == [Failed]
    assert "numbers are not finite in float32" in str(events[0].error)
