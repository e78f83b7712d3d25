"""The untrained small policy as a checkpoint's folder: what its training begins with."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path

from core.crops import CropRule
from core.policies.local.habits import HABITS
from core.policies.local.template import chat_template
from training.small.shape import OVERVIEW, SMALL, SmallShape, untrained
from training.small.words import SYSTEM, tokenizer

UNTRAINED = "small"
"""How a recipe names it: it is made when it is needed, and lies nowhere."""


@cache
def _kept() -> tempfile.TemporaryDirectory[str]:
    """A folder that goes when the process does."""
    return tempfile.TemporaryDirectory(prefix="saccade-")


@cache
def made() -> Path:
    """The folder of the untrained policy, made in this process; it is there as long as the process is."""
    return build(Path(_kept().name) / UNTRAINED)


def build(folder: Path, *, shape: SmallShape = SMALL, seed: int = 0, crop: CropRule | None = None) -> Path:
    """Write the untrained policy into `folder`, in the layout of published checkpoints, and return the folder. The same arguments write the
    same files.

    crop  how it looks closer; None: that follows from what it is trained on
    """
    folder.mkdir(parents=True, exist_ok=True)
    words = tokenizer()
    words.save_pretrained(folder)
    model = untrained(words, shape, seed)
    # Of several processes transformers lets the first alone write; here each makes a folder of its own.
    model.should_save_on_this_rank = lambda is_main_process: is_main_process
    model.save_pretrained(folder)
    (folder / "chat_template.jinja").write_text(chat_template(SYSTEM), encoding="utf-8")
    pictures = {
        # Every picture is brought to this area: the overview of the needle world.
        "size": {"shortest_edge": OVERVIEW**2, "longest_edge": OVERVIEW**2},
        "patch_size": shape.patch,
        "temporal_patch_size": 2,
        "merge_size": shape.merge,
        # The ground of the needle world is nearly 0 so, and what stands out of it is not: half and half, as Qwen3-VL has it, the ground is
        # most of what there is to see, and items are found much later.
        "image_mean": [0.88, 0.88, 0.88],
        "image_std": [0.25, 0.25, 0.25],
    }
    kinds = {"processor_class": "Qwen3VLProcessor", "image_processor_type": "Qwen2VLImageProcessorFast"}
    _write(folder / "preprocessor_config.json", pictures | kinds)
    _write(folder / "video_preprocessor_config.json", pictures | {**kinds, "video_processor_type": "Qwen3VLVideoProcessor"})
    if crop is not None:
        _write(folder / HABITS, {"crop": {"offset": crop.offset, "side": crop.side, "dot": crop.dot}})
    return folder


def _write(path: Path, told: object) -> None:
    path.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
