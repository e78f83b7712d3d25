"""Runs a ladder: every training a process of its own, every policy judged behind it. What is there already is not done again.

A kill costs what was under way: a training goes on from its checkpoint, an evaluation from the answers that were judged.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from annotations.durable import whole_file
from app.eval_files import EvaluationFile, TraceFile
from app.eval_judged import JudgedFile, judged_path
from app.eval_works import Work
from app.evaluating import Asking, Evaluator
from app.improving import LAUNCH
from app.ladder.asking import MAX_NEW_TOKENS, asked_for, figures, sampled, sampled_works_of, works_of
from app.ladder.plan import Plan, manners_of, trainings_of
from app.ladder.rungs import Rung, Training
from app.policy_register import TRAINED, going_on, state_of
from core.errors import StartError, TaskError, TrainingError
from core.policies.opening import PolicyOptions

PLAN = "ladder.json"
_FORMAT = {"format": "saccade.ladder", "version": 1}
# How often a training is looked at, in seconds.
_GLANCE = 0.5

Say = Callable[[str], None]
Begin = Callable[[Sequence[str]], None]
"""Leads a training to its end, given what stands behind `launch.py train`. Raises TrainingError where it did not come to its end, and
KeyboardInterrupt where it was stopped."""


def in_a_process(words: Sequence[str]) -> None:
    """The training as a process. It has a session of its own, so that Ctrl-C reaches it once, from here, and it stops behind its step."""
    # What is prepared here is not for the process, which prepares itself.
    environment = {name: value for name, value in os.environ.items() if name != "SACCADE_PREPARED"} | {"PYTHONUNBUFFERED": "1"}
    command = [sys.executable, str(LAUNCH), "train", *words]
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, start_new_session=True)
    stopped: KeyboardInterrupt | None = None
    while process.poll() is None:
        try:
            process.wait(_GLANCE)
        except subprocess.TimeoutExpired:
            continue
        except KeyboardInterrupt as stop:
            stopped = stop
            process.send_signal(signal.SIGINT)
    if stopped is not None:
        raise type(stopped)("Stopped: the same command goes on from there.") from stopped
    if process.returncode:
        raise TrainingError("The training did not come to its end, as it says above. When that is mended, the same command goes on.")


class Ladder:
    """A ladder under way. `begin` leads a training; `say` takes tables and sentences."""

    def __init__(self, plan: Plan, rungs: Sequence[Rung], *, begin: Begin = in_a_process, say: Say = print) -> None:
        self._plan, self._rungs, self._begin, self._say = plan, rungs, begin, say

    def run(self) -> None:
        """All of it, one seed behind the other: behind the first there is a whole ladder, of one seed.

        Raises TaskError where the folder holds another ladder, TrainingError where a training does not come to its end, PolicyError where
        a policy cannot be asked, and KeyboardInterrupt where somebody stops it.
        """
        self._settle()
        first, *others = trainings_of(self._rungs)
        self._climb(first, 0)
        for seed in range(self._plan.seeds):
            for training in others:
                self._climb(training, seed)

    def _settle(self) -> None:
        """Write down what the ladder is, or find it written down."""
        told, file = json.loads(json.dumps(self._plan.told())), self._plan.runs / PLAN
        known = read_plan(self._plan.runs)
        if known is not None and known != told:
            names = " and ".join(name.replace("_", " ") for name in told if known.get(name) != told[name])
            raise TaskError(f"{self._plan.runs} holds a ladder with another {names}: name another folder with --runs.")
        if known is None:
            try:
                self._plan.runs.mkdir(parents=True, exist_ok=True)
                with whole_file(file) as out:
                    out.write(json.dumps(_FORMAT | told, indent=1).encode() + b"\n")
            except OSError as error:
                raise StartError(f"{file} cannot be written ({error.strerror}): name another folder with --runs.") from error

    def _climb(self, training: Training, seed: int) -> None:
        folder = self._plan.folder(training.name, seed)
        self._train(training, seed, folder)
        for manner in manners_of(training.name, self._rungs):
            plan = self._plan
            self._judge(figures(folder, manner), works_of(plan, training.name, manner), Asking(0, 0.0, 1, MAX_NEW_TOKENS))
            if plan.samples > 1:
                several = Asking(0, 1.0, plan.samples, MAX_NEW_TOKENS)
                self._judge(sampled(folder, manner), sampled_works_of(plan, manner), several)

    def _train(self, training: Training, seed: int, folder: Path) -> None:
        """The training to its end, from where it stands. Raises TrainingError where it goes on elsewhere."""
        state = state_of(folder)
        if state == "finished":
            return
        if (pid := going_on(folder)) is not None:
            raise TrainingError(f"{folder} is being trained by process {pid}: wait until it is over, and type the same again.")
        self._say(f"{folder.name}: {'goes on' if state else 'is trained'}, {training.recipe}")
        self._begin([f"--resume={folder}"] if state else self._plan.words(training, seed))
        if state_of(folder) != "finished":
            raise TrainingError(f"The training of {folder.name} ended, and its policy is not there: look into {folder}.")

    def _judge(self, file: Path, works: list[Work], asking: Asking) -> None:
        """What the policy in the file's folder answers, unless it is there whole."""
        head = asked_for(self._plan, works, times=asking.samples)
        known = read_document(file)
        if known is not None and known.get("complete") and known.get("ladder") == head["ladder"]:
            return
        policy = file.parent / TRAINED
        out, judged = EvaluationFile(file, head | {"seed": asking.seed, "temperature": asking.temperature}), JudgedFile(judged_path(file))
        try:
            with TraceFile(None, judged) as traces:
                Evaluator(works, asking, out, judged, traces, self._say).ask(str(policy), PolicyOptions())
            out.write(complete=True)
            judged.close(complete=True)
        finally:
            judged.close()


def read_plan(runs: Path) -> dict[str, Any] | None:
    """What ladder a folder holds; None where it holds none. Raises TaskError for a file of that name that is none of a ladder."""
    file = runs / PLAN
    if not file.is_file():
        return None
    known = read_document(file)
    if known is None or any(known.pop(name, None) != value for name, value in _FORMAT.items()):
        raise TaskError(f"{file} tells of no ladder of this program: name another folder with --runs.")
    return known


def read_document(file: Path) -> dict[str, Any] | None:
    """A file's JSON object; None where it has none."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
