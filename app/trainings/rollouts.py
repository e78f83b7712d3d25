"""What a policy said while it learned: the traces beside a run's figures, each with what the training made of it.

samples/step-000100.jsonl    greedy conversations about held-out examples
rollouts/step-000020.jsonl   the rollouts of reinforcement learning, with group, reward and advantage
.../pictures/HASH.png        their pictures
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from core.errors import NotFound, PictureError, SaccadeError
from core.trace import Trace

KINDS = ("rollouts", "samples")
_STEP = re.compile(r"step-(\d{1,12})\.jsonl")
_HASH = re.compile(r"[0-9a-f]{64}")
# More than a step of any training has; and a file that is none does not fill the memory.
MOST = 256
_LARGEST = 64 * 1024 * 1024
_LARGEST_PICTURE = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Taught:
    """What a training made of a rollout.

    group      of rollouts about one question; their rewards are compared with each other
    reward     None where none was given; `rewards` are its components by name
    advantage  how much it was better than its group; None where there is none
    masked     whether it had no part in the loss
    """

    group: int
    reward: float | None
    rewards: Mapping[str, float]
    advantage: float | None
    masked: bool
    stop: str


@dataclass(frozen=True, slots=True)
class Rollout:
    """A trace of a step, with its place in the file; `taught` is None for a sample."""

    number: int
    trace: Trace
    taught: Taught | None


@dataclass(frozen=True, slots=True)
class Rollouts:
    """The traces of a step; `unread` lines could not be read, `more` were left out."""

    rollouts: tuple[Rollout, ...]
    unread: int = 0
    more: int = 0


def steps_of(folder: Path, kind: str) -> list[int]:
    """The steps of which a run's folder has traces of a kind, in order."""
    try:
        found = (_STEP.fullmatch(path.name) for path in (folder / kind).iterdir())
        return sorted(int(name[1]) for name in found if name)
    except OSError:
        return []


def file_of(folder: Path, kind: str, step: int) -> Path:
    """The file with the traces of a step. Raises NotFound."""
    if kind in KINDS:
        for path in (folder / kind).glob("step-*.jsonl"):
            name = _STEP.fullmatch(path.name)
            if name and int(name[1]) == step:
                return path
    raise NotFound(f"There is nothing of step {step} any more: a run that went on from an earlier checkpoint says it anew.")


def read_rollouts(path: Path) -> Rollouts:
    """The traces in a file; a line that holds none is counted. Raises NotFound where the file cannot be read."""
    try:
        with path.open("rb") as file:
            lines = [line for line in file.read(_LARGEST).split(b"\n") if line.strip()]
    except OSError as error:
        raise NotFound(f"{path} cannot be read ({error.strerror}).") from error
    found, unread = [], 0
    for number, line in enumerate(lines[:MOST]):
        try:
            document = json.loads(line)
            trace = Trace.from_json(document["trace"])
        except (SaccadeError, ValueError, TypeError, KeyError, RecursionError):
            unread += 1
            continue
        if trace.sample.pictures:
            found.append(Rollout(number, trace, _taught(document.get("training"))))
        else:
            unread += 1
    return Rollouts(tuple(found), unread, max(0, len(lines) - MOST))


def picture_file(folder: Path, kind: str, sha256: str) -> Path:
    """A picture of a run's traces. Raises NotFound."""
    if kind in KINDS and _HASH.fullmatch(sha256):
        path = folder / kind / "pictures" / f"{sha256}.png"
        if path.is_file() and path.stat().st_size <= _LARGEST_PICTURE:
            return path
    raise NotFound("This picture is not in the run's folder any more.")


class RunPictures:
    """The pictures of a run's traces, for `CropRenderer`."""

    def __init__(self, folder: Path, kind: str) -> None:
        self._folder, self._kind = folder, kind

    def decode(self, sha256: str) -> Image.Image:
        """A picture's pixels. Raises NotFound and PictureError."""
        path = picture_file(self._folder, self._kind, sha256)
        try:
            with Image.open(path, formats=("PNG",)) as image:
                return image.convert("RGB")
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError, ValueError) as error:
            raise PictureError(f"The picture {path.name} cannot be read: it is damaged.") from error


def without_gradient(group: list[Rollout]) -> bool:
    """Whether a group teaches nothing: all that have a part in the loss are as good as each other."""
    told = [one.taught for one in group if one.taught is not None]
    return bool(told) and all(one.masked or not one.advantage or abs(one.advantage) < 1e-9 for one in told)


def _taught(told: object) -> Taught | None:
    if not isinstance(told, dict):
        return None
    group = told.get("group")
    rewards = told.get("rewards")
    parts = (
        {str(name)[:80]: value for name, one in rewards.items() if (value := _number(one)) is not None} if isinstance(rewards, dict) else {}
    )
    return Taught(
        group=group if isinstance(group, int) and not isinstance(group, bool) else 0,
        reward=_number(told.get("reward")),
        rewards=parts,
        advantage=_number(told.get("advantage")),
        masked=told.get("masked") is True,
        stop=str(told.get("stop") or "")[:80],
    )


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e300:
        return None
    return float(value) if math.isfinite(value) else None
