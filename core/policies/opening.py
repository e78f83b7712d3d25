"""From a reference to a policy that can be asked. What runs models is loaded only when one is opened.

policy = open_policy("Qwen/Qwen2.5-VL-3B-Instruct", PolicyOptions(max_pixels=2_000_000), progress=print)
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from core.errors import PolicyError
from core.frames import FrameKind
from core.policies.protocol import Policy
from core.policies.references import Reference, ReferenceKind, read_reference

DEVICES = ("auto", "cuda", "mps", "cpu")
DTYPES = ("auto", "bfloat16", "float16", "float32")
_SHORT_DTYPES = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}
_SPACES = (FrameKind.RESIZED, FrameKind.NORMALISED, FrameKind.ORIGINAL)


@dataclass(frozen=True, slots=True)
class PolicyOptions:
    """How a policy is opened. Raises PolicyError for options that mean nothing.

    min_pixels, max_pixels  the area of its pictures; None: as the checkpoint has it
    space    what its numbers are measured in; None: as its family is trained
    device   auto: CUDA, then Apple's GPU, then the processor; "cuda:1" names one of several GPUs
    dtype    auto: bfloat16 on a GPU that has it, float32 on the processor
    adapter  a LoRA adapter to be put on the checkpoint: a hub name or a folder
    slots    conversations that are computed at once; None: as many as fit
    """

    min_pixels: int | None = None
    max_pixels: int | None = None
    space: FrameKind | None = None
    device: str = "auto"
    dtype: str = "auto"
    adapter: str | None = None
    slots: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "dtype", _SHORT_DTYPES.get(self.dtype, self.dtype))
        if self.dtype not in DTYPES:
            raise PolicyError(f"There is no number type {self.dtype!r}: it is one of {', '.join(DTYPES)}.")
        if self.device not in DEVICES and not re.fullmatch(r"cuda:\d{1,3}", self.device):
            raise PolicyError(f"There is no device {self.device!r}: it is one of {', '.join(DEVICES)}, or cuda:N for one of several GPUs.")
        for name in ("min_pixels", "max_pixels", "slots"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise PolicyError(f"{name} is at least 1, not {value}.")
        if self.min_pixels is not None and self.max_pixels is not None and self.min_pixels > self.max_pixels:
            raise PolicyError(f"Pictures cannot have at least {self.min_pixels:,} and at most {self.max_pixels:,} pixels.")
        if self.space is not None and self.space not in _SPACES:
            raise PolicyError(f"No policy speaks in {self.space.value}: it is one of {', '.join(space.value for space in _SPACES)}.")


@dataclass(frozen=True, slots=True)
class LoadProgress:
    """How far a load is: bytes of a download, or weights of a model. `total` and `seconds_left` are None where nothing can be said."""

    words: str
    done: int = 0
    total: int | None = None
    seconds_left: float | None = None


Tell = Callable[[LoadProgress], None]
"""Takes the news of a load; called from the thread that loads."""


def check_stopped(stop: threading.Event | None) -> None:
    """Raises PolicyError where somebody has asked a load to stop."""
    if stop is not None and stop.is_set():
        raise PolicyError("Loading was stopped.")


def open_policy(
    reference: str, options: PolicyOptions | None = None, *, progress: Tell | None = None, stop: threading.Event | None = None
) -> Policy:
    """Open the policy that `reference` names; it is to be closed.

    `stop` ends a load: a download at its next piece, a checkpoint at its next weight. Raises PolicyNotFound where there is no such
    policy, OutOfMemory where it does not fit, PolicyError for everything else that is wrong with it, each with what to do.
    """
    named = read_reference(reference)
    options = options or PolicyOptions()
    if named.kind is ReferenceKind.REPLAY:
        from core.policies.replay import open_replay

        return open_replay(named.place or None)
    if named.kind is ReferenceKind.SERVER:
        from core.policies.server import open_server

        return open_server(named.place, named.model, options, progress=progress, stop=stop)
    return _open_checkpoint(named, options, progress or _say_nothing, stop)


def find_policy(
    reference: str, options: PolicyOptions | None = None, *, progress: Tell | None = None, stop: threading.Event | None = None
) -> None:
    """Make sure, as far as that goes without its weights, that what `reference` names can be opened: a checkpoint is downloaded and read.

    Of servers and recordings nothing is looked at, because nothing has to leave memory for them. Raises as `open_policy` does, but
    OutOfMemory.
    """
    named = read_reference(reference)
    if named.kind in (ReferenceKind.REPLAY, ReferenceKind.SERVER):
        return
    with _what_runs_checkpoints():
        from core.policies.local.loading import find
    find(named, options or PolicyOptions(), progress=progress or _say_nothing, stop=stop)


def _open_checkpoint(named: Reference, options: PolicyOptions, progress: Tell, stop: threading.Event | None) -> Policy:
    progress(LoadProgress("Getting ready"))
    with _what_runs_checkpoints():
        from core.policies.local.loading import load
        from core.policies.local.policy import LocalPolicy
    loaded = load(named, options, progress=progress, stop=stop)
    return LocalPolicy(loaded, slots=loaded.slots)


@contextmanager
def _what_runs_checkpoints() -> Iterator[None]:
    """Around its import: raises PolicyError where that fails."""
    try:
        yield
    except ImportError as error:
        raise PolicyError(
            f"What runs checkpoints cannot be loaded ({error}): python3 -m pip install -r requirements.txt puts it right."
        ) from error


def _say_nothing(progress: LoadProgress) -> None:
    pass
