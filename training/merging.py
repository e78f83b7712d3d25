"""An adapter and the checkpoint that it stands on as one checkpoint: a training can begin with that, and with an adapter it cannot."""

from __future__ import annotations

import shutil
from pathlib import Path

from core.errors import TrainingError
from core.policies.local.checkpoints import ADAPTER_CONFIG
from core.policies.local.habits import HABITS
from core.policies.local.loading import load
from core.policies.opening import PolicyOptions
from core.policies.references import read_reference
from training.checkpoints import take_over
from training.runs import Run

MERGED = "merged"


def merge(folder: Path) -> Path:
    """The checkpoint of a finished run whose policy is an adapter, with all its weights, as float32: `merged` in the run's folder. One that
    is there stays as it is.

    Raises TrainingError for a run without an adapter, and where nothing can be written; PolicyError where its base cannot be opened.
    """
    run, whole = Run(folder), folder / MERGED
    if not (run.trained / ADAPTER_CONFIG).is_file():
        raise TrainingError(f"There is no adapter in {run.trained}: a policy whose weights are all its own is begun with as it is.")
    if whole.is_dir():
        return whole
    options = PolicyOptions(device="cpu", dtype="float32", slots=1)
    loaded = load(read_reference(str(run.trained)), options, progress=lambda progress: None)
    # It takes its name when it is whole: a kill leaves nothing that looks like a checkpoint.
    draft = folder / f"{MERGED}.part"
    try:
        shutil.rmtree(draft, ignore_errors=True)
        loaded.model.save_pretrained(str(draft))
        take_over(draft, run.trained)
        if (run.trained / HABITS).is_file():
            shutil.copyfile(run.trained / HABITS, draft / HABITS)
        draft.rename(whole)
    except OSError as error:
        raise TrainingError(f"{whole} cannot be written ({error.strerror or error}): make room, and type the same again.") from error
    return whole
