"""The shipped recipes, as `launch.py train --list` tells them: nothing of the workbench knows the trainers."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from app.trainings.launching import RECIPES, heard
from core.errors import TrainingError


def offered_recipes() -> list[dict[str, Any]]:
    """Name, title, kind (sft or grpo), checkpoint, and whether it makes an adapter; of each shipped recipe. Raises TrainingError."""
    return [dict(one) for one in _listed(RECIPES.stat().st_mtime)]


@lru_cache(maxsize=1)
def _listed(changed: float) -> tuple[dict[str, Any], ...]:
    """`changed`: when a recipe was last added or taken away."""
    said = heard("train", ["--list", "--json"])
    if not said.ok:
        raise TrainingError(f"The recipes cannot be listed: {said.words}")
    return tuple(json.loads(said.words))
