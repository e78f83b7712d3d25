"""Families: what is known of a kind of model agrees with the library that runs it, and costs no heavy import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import transformers

from core.frames import FrameKind
from core.policies.families import FAMILIES

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("kind", FAMILIES)
def test_a_family_is_what_transformers_has(kind: str) -> None:
    family = FAMILIES[kind]
    config = getattr(transformers, family.model).config_class()
    assert config.model_type == family.model_type
    assert (config.vision_config.patch_size, config.vision_config.spatial_merge_size) == (family.patch, family.merge)
    assert hasattr(config.vision_config, "deepstack_visual_indexes") == family.deepstack
    assert hasattr(transformers, family.processor)


def test_only_one_family_speaks_in_pixels() -> None:
    spaces = {kind: (family.space, family.factor) for kind, family in FAMILIES.items()}
    assert spaces == {
        "qwen2_vl": (FrameKind.NORMALISED, 28),
        "qwen2_5_vl": (FrameKind.RESIZED, 28),
        "qwen3_vl": (FrameKind.NORMALISED, 32),
        "qwen3_vl_moe": (FrameKind.NORMALISED, 32),
    }


def test_tokens_of_a_picture() -> None:
    assert FAMILIES["qwen2_5_vl"].tokens(1932 * 1092) == 2691
    assert FAMILIES["qwen3_vl"].tokens(1) == 1


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys\n"
        "import core.policies.families, core.policies.references, core.policies.opening, core.policies.machine\n"
        "print([name for name in ('torch', 'transformers', 'peft', 'openai', 'huggingface_hub') if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
