"""Folders of runs as a training leaves them, without a training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def finished(folder: Path, **told: Any) -> Path:
    """The folder of a finished run, with a policy in it that cannot be opened."""
    trained = folder / "trained"
    trained.mkdir(parents=True)
    (trained / "config.json").write_text("{}")
    (trained / "model.safetensors").write_bytes(folder.name.encode() * 100)
    known = {"title": "LoRA", "model": "test/base", "data_sha256": "d" * 64, "kind": "sft", "state": "finished"}
    (folder / "run.json").write_text(json.dumps(known | told))
    return folder


def figures(file: Path, reference: str, weights: str, *, right: int = 8, adapter: str = "", **told: Any) -> Path:
    """A file of figures as `launch.py eval --json` writes it, of one difficulty and 10 questions. `adapter`: digest of one on the weights."""
    accuracy = {"count": right, "n": 10, "share": right / 10, "interval": [0.49, 0.94]}
    result = {"condition": "as-it-is", "accuracy": accuracy, "looks": 1.5, "points_hit": {"count": 1, "n": 1}, "pass_at_k": []}
    details = {"weights": weights} | ({"adapter_weights": adapter} if adapter else {})
    evaluation = {"world": "needle", "difficulty": "default", "of": {}, "split": "test", "seed": 0, "reference": reference}
    evaluation |= {"policy": "mine/trained", "card": {"details": details}, "conditions": [result]}
    known = {"format": "saccade.evaluation", "version": 1, "complete": True, "temperature": 0.0, "evaluations": [evaluation]}
    file.write_text(json.dumps(known | told))
    return file
