"""How a policy was trained to look: what this project's training writes beside a checkpoint's weights, for its rollouts to be alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.crops import CropRule
from core.errors import PolicyError
from core.policies.local.documents import read_json_if_there

HABITS = "saccade.json"
"""The file: {"crop": {"offset": 48, "side": 96, "dot": false}, ...}. Checkpoints from elsewhere have none, and look as the domain does."""


def read_crop(folder: Path, factor: int) -> CropRule | None:
    """How the policy in `folder` looks closer, its crops' sides multiples of `factor` px; None where it does not say.

    Raises PolicyError where what it says is no rule.
    """
    told = read_json_if_there(folder / HABITS).get("crop")
    if told is None:
        return None
    if not isinstance(told, dict) or not _is_whole(told.get("offset")) or not _is_whole(told.get("side")):
        raise PolicyError(f"{folder / HABITS} tells no crop: it needs `offset` and `side` in whole pixels from 1 on, not {told!r:.80}.")
    return CropRule(told["offset"], told["side"], told.get("dot") is True, factor)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
