"""The shipped recipes, as `launch.py train --list` tells them: nothing of the workbench knows the trainers."""

from __future__ import annotations

import json
import subprocess
from functools import lru_cache
from typing import Any

from app.improving import LAUNCH, environment, launched
from app.trainings.starts import last_sentence
from core.errors import TrainingError

_FOLDER = LAUNCH.parent / "training" / "recipes"


def offered_recipes() -> list[dict[str, Any]]:
    """Name, title, kind (sft or grpo), checkpoint, and whether it makes an adapter; of each shipped recipe. Raises TrainingError."""
    return [dict(one) for one in _listed(_FOLDER.stat().st_mtime)]


@lru_cache(maxsize=1)
def _listed(changed: float) -> tuple[dict[str, Any], ...]:
    """`changed`: when a recipe was last added or taken away."""
    command = launched("train", ["--list", "--json"])
    done = subprocess.run(command, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise TrainingError(f"The recipes cannot be listed: {last_sentence(done.stderr)}")
    return tuple(json.loads(done.stdout))
