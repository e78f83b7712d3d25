"""How a training ends that cannot go on: what ran out, what is saved, and what to do, in one sentence."""

from __future__ import annotations

import errno
import re

import torch
from safetensors import SafetensorError

from core.errors import OutOfMemory, SaccadeError, TrainingError
from training.recipe import Recipe
from training.runs import Run

FAILURES = (SaccadeError, OSError, RuntimeError, MemoryError, SafetensorError)
"""What `in_words` has a sentence for; anything else is a defect of the program, and is left as it is."""
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# How PyTorch, safetensors and the system say it where the number of the error is lost on the way.
_NO_ROOM = re.compile(
    r"no space left|file too large|disk quota|os error (?:28|27|122)\b|PytorchStreamWriter|unexpected pos|iostream error", re.I
)
_NO_MEMORY = re.compile(r"can't allocate memory|cannot allocate memory|out of memory|not enough memory|bad_?alloc|os error 12\b", re.I)
_WORKER = re.compile(r"DataLoader worker .*(?:exited unexpectedly|is killed by signal)", re.S)


def in_words(error: BaseException, run: Run | None, recipe: Recipe, step: int) -> SaccadeError | None:
    """The sentence for a training that broke off after `step` steps; None for an error that is a defect of the program."""
    told = f"{error}\n{error.__cause__ or ''}"
    saved = _saved(run)
    if isinstance(error, SaccadeError):
        return type(error)(f"{error} {saved}" if run is not None else str(error))
    if _is_no_room(error) or (isinstance(error, (RuntimeError, SafetensorError, OSError)) and _NO_ROOM.search(told)):
        where = f" under {run.folder}" if run is not None else ""
        return TrainingError(f"The disk is full{where}: what was to be written at step {step:,} is not. Free some space. {saved}")
    memory = isinstance(error, (torch.OutOfMemoryError, MemoryError)) or (isinstance(error, RuntimeError) and _NO_MEMORY.search(told))
    if memory or (isinstance(error, RuntimeError) and _WORKER.search(told)):
        what = "The memory ran out" if memory else "A process that prepares pictures was ended, most likely because the memory ran out,"
        return OutOfMemory(f"{what} at step {step + 1:,}: {_less(recipe)}. {saved}")
    return None


def _is_no_room(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno in NO_ROOM


def _less(recipe: Recipe) -> str:
    mends = [f"fewer dialogs at one time (--set at_once={max(1, recipe.at_once // 2)})"] if recipe.at_once > 1 else []
    mends += [] if recipe.checkpointing else ["--set checkpointing=true"]
    mends += ["--set workers=0"] if recipe.workers else []
    return "what helps is " + ", ".join([*mends, "smaller pictures (max_pixels, in a new run)"])


def _saved(run: Run | None) -> str:
    if run is None:
        return ""
    steps = run.saved_steps()
    if not steps:
        return f"No checkpoint was saved yet: --resume {run.folder} begins from the beginning."
    return f"Saved is everything up to step {steps[-1]:,}: go on from there with --resume {run.folder}"
