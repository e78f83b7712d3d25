"""What lies beside the weights of a trained checkpoint, so that it is opened again with nothing else: tokenizer, pictures, template, and
how the policy was trained to look.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from core.crops import CropRule
from core.policies.local.documents import read_json_if_there
from core.policies.local.habits import HABITS
from training.recipe import Recipe

# What is taken over, byte by byte, from the checkpoint that was begun with: training changes nothing of it.
_TAKEN_OVER = (
    *("tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt", "added_tokens.json", "special_tokens_map.json"),
    *("preprocessor_config.json", "video_preprocessor_config.json", "processor_config.json"),
    *("chat_template.json", "chat_template.jinja"),
)
_PICTURES = ("preprocessor_config.json", "video_preprocessor_config.json")


def write_beside(folder: Path, begun_with: Path, recipe: Recipe, crop: CropRule | None, area: tuple[int, int]) -> None:
    """Complete a folder that holds trained weights and their config.

    begun_with  the checkpoint that the training began with
    crop        how the policy was taught to look; None: as its domain does
    area        the least and the greatest area of its pictures, in pixels
    """
    take_over(folder, begun_with)
    if recipe.min_pixels or recipe.max_pixels:
        for name in _PICTURES:
            if known := read_json_if_there(folder / name):
                _write_json(folder / name, _with_area(known, area))
    told: dict[str, Any] = {**read_json_if_there(begun_with / HABITS), "max_new_tokens": recipe.max_new_tokens}
    if crop is not None:
        told["crop"] = {"offset": crop.offset, "side": crop.side, "dot": crop.dot}
    _write_json(folder / HABITS, told)


def take_over(folder: Path, begun_with: Path) -> None:
    """Copy what is the same beside all weights of a checkpoint: tokenizer, pictures, template."""
    for name in _TAKEN_OVER:
        if (begun_with / name).is_file():
            shutil.copyfile(begun_with / name, folder / name)


def _with_area(known: dict[str, Any], area: tuple[int, int]) -> dict[str, Any]:
    """Picture settings with another area, in both spellings of the published checkpoints."""
    least, most = area
    changed = {**known, "min_pixels": least, "max_pixels": most}
    if "size" in known:
        changed["size"] = {"shortest_edge": least, "longest_edge": most}
    return changed


def _write_json(path: Path, told: dict[str, Any]) -> None:
    path.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
