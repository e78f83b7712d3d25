"""Runs a ladder: every training a process of its own, every policy judged behind it. What is there already is not done again.

A kill costs what was under way: a training goes on from its checkpoint, an evaluation from the answers that were judged.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from annotations.durable import whole_file
from app.eval_files import EvaluationFile, TraceFile
from app.eval_judged import JudgedFile, judged_path
from app.eval_works import Work
from app.evaluating import Asking, Evaluator
from app.ladder.asking import asked_for, figures, sampled, sampled_works_of, works_of
from app.ladder.plan import MAX_NEW_TOKENS, Plan, little_left, manners_of, trainings_of
from app.ladder.processes import Crew
from app.ladder.rungs import START, Rung, Training
from app.policy_register import TRAINED, going_on, state_of
from core.errors import StartError, TaskError, TrainingError
from core.policies.opening import PolicyOptions
from core.tasks.needle.manners import Manner

PLAN = "ladder.json"
_FORMAT = {"format": "saccade.ladder", "version": 1}

Say = Callable[[str], None]
Begin = Callable[[Sequence[str]], None]
"""Leads a training to its end, given what stands behind `launch.py train`. Raises TrainingError where it did not come to its end."""


class Ladder:
    """A ladder under way.

    jobs   trainings beside each other; policies are judged one after the other, while others are trained
    begin  leads a training; None: a process does
    say    takes tables and sentences
    """

    def __init__(self, plan: Plan, rungs: Sequence[Rung], *, jobs: int = 1, begin: Begin | None = None, say: Say = print) -> None:
        self._plan, self._rungs, self._jobs, self._begin, self._say = plan, rungs, jobs, begin, say
        first, *others = trainings_of(rungs)
        self._wanted = [(first, 0), *((training, seed) for seed in range(plan.seeds) for training in others)]

    def run(self) -> None:
        """All of it, one seed behind the other: behind the first there is a whole ladder, of one seed.

        Raises TaskError where the folder holds another ladder, TrainingError where a training does not come to its end, PolicyError where
        a policy cannot be asked, and KeyboardInterrupt where somebody stops it: trainings that go on are then stopped behind their step.
        """
        self._settle()
        try:
            with Crew(self._jobs) as crew:
                # All others begin with the first.
                self._climb(crew, self._wanted[:1])
                self._climb(crew, self._wanted[1:])
        except KeyboardInterrupt as stop:
            raise type(stop)("Stopped: the same command goes on from there.") from stop

    def _climb(self, crew: Crew, wanted: Sequence[tuple[Training, int]]) -> None:
        """Train these, and judge each as soon as it is trained."""
        begin = self._begin or crew.lead
        for place in crew.done([partial(self._train, begin, training, seed) for training, seed in wanted]):
            training, seed = wanted[place]
            self._judge_all(training, self._plan.folder(training.name, seed))

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

    def _train(self, begin: Begin, training: Training, seed: int) -> None:
        """The training to its end, from where it stands. Raises TrainingError where it goes on elsewhere."""
        folder = self._plan.folder(training.name, seed)
        state = state_of(folder)
        if state == "finished":
            return
        if (pid := going_on(folder)) is not None:
            raise TrainingError(f"{folder} is being trained by process {pid}: wait until it is over, and type the same again.")
        number = f"{self._wanted.index((training, seed)) + 1} of {len(self._wanted)}"
        self._say(f"{folder.name} ({number}) {'goes on' if state else 'is trained'}: {training.recipe}")
        begin([f"--resume={folder}"] if state else [*self._threads(), *self._plan.words(training, seed)])
        if state_of(folder) != "finished":
            raise TrainingError(f"The training of {folder.name} ended, and its policy is not there: look into {folder}.")

    def _threads(self) -> list[str]:
        """Several trainings share the processor's cores. What a user sets comes later, and counts."""
        return [f"--set=threads={max(1, (os.cpu_count() or 1) // self._jobs)}"] if self._jobs > 1 else []

    def _judge_all(self, training: Training, folder: Path) -> None:
        plan = self._plan
        for manner in manners_of(training.name, self._rungs):
            self._judge(figures(folder, manner), works_of(plan, training.name, manner), Asking(0, 0.0, 1, MAX_NEW_TOKENS))
            if plan.samples > 1:
                several = Asking(0, 1.0, plan.samples, MAX_NEW_TOKENS)
                self._judge(sampled(folder, manner), sampled_works_of(plan, manner), several)

    def _judge(self, file: Path, works: list[Work], asking: Asking) -> None:
        """What the policy in the file's folder answers, unless it is there whole."""
        head = asked_for(self._plan, works, times=asking.samples)
        known = read_document(file)
        if known is not None and known.get("complete") and known.get("ladder") == head["ladder"]:
            return
        policy, name = file.parent / TRAINED, f"{file.parent.name}, {file.stem.removeprefix('ladder-')}"
        out, judged = EvaluationFile(file, head | {"seed": asking.seed, "temperature": asking.temperature}), JudgedFile(judged_path(file))
        try:
            with TraceFile(None, judged) as traces:
                # A table for each of many worlds says less than the report does.
                found = Evaluator(works, asking, out, judged, traces, lambda words: None).ask(str(policy), PolicyOptions())
            out.write(complete=True)
            judged.close(complete=True)
        finally:
            judged.close()
        first = found[0].results[0]
        self._say(f"{name}: {100 * first.accuracy.value:.1f} % right (n = {first.n}), {first.looks:.2f} looks")
        if file == figures(self._plan.folder(START, 0), Manner.LOOKS) and (words := little_left(first.accuracy.value)):
            # Now, and not behind hours.
            self._say(words)


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
