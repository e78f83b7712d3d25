"""What a checkpoint says of itself beside its weights: its patches, and how it was trained to look closer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from core.crops import CropRule
from core.errors import PolicyError
from core.geometry import Size
from core.policies.conversation import GREEDY, Finished, Request, Role, Said, Shown
from core.policies.local.habits import HABITS, read_crop
from core.policies.local.loading import LoadedModel, load
from core.policies.local.policy import LocalPolicy
from core.policies.local.untrained import ModelType, Shape, build
from core.policies.opening import PolicyOptions
from core.policies.protocol import shown_size
from core.policies.references import read_reference


def write(folder: Path, told: object) -> Path:
    (folder / HABITS).write_text(json.dumps(told), encoding="utf-8")
    return folder


@pytest.mark.parametrize("family", [ModelType.QWEN2_5_VL, ModelType.QWEN3_VL])
@pytest.mark.parametrize(("patch", "merge"), [(8, 2), (16, 1)])
def test_pictures_follow_the_patches_that_a_checkpoint_has(tmp_path: Path, family: ModelType, patch: int, merge: int) -> None:
    folder = write(build(tmp_path / "small", family, shape=Shape(patch=patch, merge=merge)), {"crop": {"offset": 24, "side": 48}})
    found = load(read_reference(str(folder)), PolicyOptions(min_pixels=256, max_pixels=64 * 64), progress=lambda _: None)
    assert (found.card.factor, found.card.crop) == (16, CropRule(24, 48, dot=False, factor=16))
    size = shown_size(found.card, Size(200, 100))
    assert (size.width % 16, size.height % 16) == (0, 0) and size.area <= 64 * 64
    picture = Shown("slope", Image.linear_gradient("L").convert("RGB").resize((size.width, size.height)))
    assert found.rendering.picture_tokens(picture) == size.area // 256
    assert said_by(found, picture)


def said_by(found: LoadedModel, picture: Shown) -> tuple[int, ...] | None:
    """What the policy says of a picture, by the tokens."""
    with LocalPolicy(found) as policy, policy.session() as session:
        session.submit(0, Request((Said(Role.USER, (picture, "Where?")),), GREEDY, 4))
        for _ in range(600):
            for event in session.events(0.1):
                if isinstance(event, Finished):
                    return event.completion.ids
    raise AssertionError("the policy never said anything")


def test_a_checkpoint_from_elsewhere_looks_as_its_domain_does(tmp_path: Path) -> None:
    assert read_crop(tmp_path, 28) is None
    assert read_crop(write(tmp_path, {"max_new_tokens": 200}), 28) is None


def test_the_dot_is_drawn_only_where_it_is_asked_for(tmp_path: Path) -> None:
    assert read_crop(write(tmp_path, {"crop": {"offset": 5, "side": 64, "dot": True}}), 32) == CropRule(5, 64, True, 32)
    assert read_crop(write(tmp_path, {"crop": {"offset": 5, "side": 64}}), 32) == CropRule(5, 64, False, 32)


@pytest.mark.parametrize("told", [[], {"offset": 0, "side": 64}, {"offset": 5}, {"offset": 5.5, "side": 64}, {"offset": True, "side": 64}])
def test_a_crop_that_is_none_is_told(tmp_path: Path, told: object) -> None:
    with pytest.raises(PolicyError, match="tells no crop: it needs `offset` and `side`"):
        read_crop(write(tmp_path, {"crop": told}), 28)


def test_a_patch_that_no_model_has_is_told(tmp_path: Path) -> None:
    folder = build(tmp_path / "odd", ModelType.QWEN3_VL)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["vision_config"]["patch_size"] = 0
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(PolicyError, match="says patches of 0 px, merged by 2"):
        load(read_reference(str(folder)), PolicyOptions(), progress=lambda _: None)
