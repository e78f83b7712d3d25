"""From records that people preferred to a policy that may be better: it is trained, registered, and put beside the one before.

    records -> training, a process of its own -> a run's folder, which is the registration -> both on the questions held out, paired

Every part goes on where it was stopped: the training from its checkpoint, the evaluation from what it has judged.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.eval_files import EvaluationFile, TraceFile
from app.eval_judged import JudgedFile, judged_path
from app.eval_scores import read_figures, scores_of
from app.eval_works import Work
from app.evaluating import Asking, Evaluator
from app.policy_register import TRAINED, Register, TrainedPolicy, base_of, going_on, note_beside, read_notes, state_of
from core.errors import PolicyError, TaskError, TrainingError
from core.evaluation.beside import Compared
from core.evaluation.values import Evaluation
from core.manifest import Manifest, read_manifest
from core.policies.opening import PolicyOptions

LAUNCH = Path(__file__).resolve().parent.parent / "launch.py"
FIGURES = "evaluation.json"
# How often a training is looked at, in seconds.
_GLANCE = 0.2
_UNLIKELY = 0.05

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is learnt, how, and from where.

    recipe   a shipped recipe's name, or a YAML file
    base     the checkpoint that it begins with; "": the recipe's
    folder   of the run; its name is the policy's
    changes  `KEY=VALUE`, as `train --set` takes them
    """

    records: Path
    pictures: Path
    recipe: str
    base: str
    folder: Path
    changes: tuple[str, ...] = ()

    def words(self) -> list[str]:
        """The arguments of `launch.py train` that begin it. Another way to learn from the same records is another method beside this."""
        words = [self.recipe, "--records", str(self.records), "--pictures", str(self.pictures)]
        words += ["--name", self.folder.name, "--runs", str(self.folder.parent)]
        words += ["--model", self.base] if self.base else []
        return words + [word for change in self.changes for word in ("--set", change)]

    def told(self, manifest: Manifest) -> dict[str, Any]:
        """What of it makes the policy what it is, as stands beside its run."""
        recipe = str(Path(self.recipe).absolute()) if Path(self.recipe).is_file() else self.recipe
        return {"records": manifest.sha256, "recipe": recipe, "checkpoint": self.base, "values": list(self.changes)}


@dataclass(frozen=True, slots=True)
class Improved:
    """What came of it: the registered policy, with its scores, and both evaluations, work by work."""

    policy: TrainedPolicy
    new: tuple[Evaluation, ...]
    before: tuple[Evaluation, ...]
    apart: tuple[Compared, ...]


def learn(lesson: Lesson, say: Say) -> TrainedPolicy:
    """The policy that the lesson comes to: trained, gone on with, or there already from the same records.

    Raises RecordError for records that cannot be read, TaskError where none is to be learnt from, TrainingError where the training did
    not come to its end, PolicyError where the run's folder holds another one. Ctrl-C stops the training behind its step, with a
    checkpoint.
    """
    manifest = read_manifest(lesson.records)
    if manifest.splits and not manifest.splits.get("train"):
        raise TaskError(f"{lesson.records} has no record to learn from: export it with a larger first number in --split.")
    state, told = state_of(lesson.folder), lesson.told(manifest)
    if state and (apart := _apart(lesson.folder, told)):
        raise PolicyError(f"{lesson.folder} is a run with {apart}: give this one another --name.")
    if (pid := going_on(lesson.folder)) is not None:
        raise TrainingError(f"{lesson.folder} is being trained by process {pid}: wait until it is over, and type the same again.")
    if state == "finished":
        say(f"{lesson.folder.name} was trained on these records already, in the same way.")
    else:
        words = ["--resume", str(lesson.folder)] if state else lesson.words()
        _train(words, lesson.folder, told | {"rule": manifest.rule})
    return Register([lesson.folder.parent]).named(str(lesson.folder))


def _apart(folder: Path, told: Mapping[str, Any]) -> str:
    """In what a run differs from what is wanted, in words; "" where it is the same. One that `train` began differs in all."""
    improved = read_notes(folder).get("improved")
    known = improved if isinstance(improved, dict) else {}
    return " and ".join(f"other {name}" if name[-1] == "s" else f"another {name}" for name in told if known.get(name) != told[name])


def _train(words: Sequence[str], folder: Path, told: Mapping[str, Any]) -> None:
    """`launch.py train`, until it ends. It has a session of its own, so that Ctrl-C reaches it once, from here."""
    command = [sys.executable, str(LAUNCH), "train", *words]
    environment = {name: value for name, value in os.environ.items() if name != "SACCADE_PREPARED"} | {"PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, start_new_session=True)
    stopped: KeyboardInterrupt | None = None
    while process.poll() is None:
        try:
            _wait(process)
            if state_of(folder) and "improved" not in read_notes(folder):
                # As soon as the run has its folder, so that whoever is killed meanwhile finds what it was.
                note_beside(folder, read_notes(folder), {"improved": told})
        except KeyboardInterrupt as stop:
            stopped = stop
            process.send_signal(signal.SIGINT)
    if stopped is not None:
        raise type(stopped)("Stopped: the same command goes on from there.") from stopped
    if process.returncode or state_of(folder) != "finished":
        raise TrainingError("The training did not come to its end, as it says above. When that is mended, the same command goes on.")


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_GLANCE)
    except subprocess.TimeoutExpired:
        return


def put_beside(policy: TrainedPolicy, works: Sequence[Work], asking: Asking, options: PolicyOptions, say: Say) -> Improved:
    """The policy and the one that it began with, on the same questions, and its scores beside it. The figures are in its run's folder.

    Raises PolicyError where one of the two cannot be opened or asked, StoreError where nothing can be written.
    """
    base, figures = base_of(policy.folder), policy.folder / FIGURES
    if not base or base == "small":
        raise PolicyError(f"{policy.name} began with nothing that can be asked: evaluate it by itself, with `launch.py eval`.")
    asked = {"seed": asking.seed, "temperature": asking.temperature, "samples": asking.samples, "than": base}
    file, judged = EvaluationFile(figures, asked), JudgedFile(judged_path(figures))
    try:
        with TraceFile(None, judged) as traces:
            evaluator = Evaluator(works, asking, file, judged, traces, say)
            new = evaluator.ask(str(policy.folder / TRAINED), options)
            before = evaluator.ask(base, options, "beside")
        apart = evaluator.compare(new, before)
        file.write(complete=True)
        judged.close(complete=True)
    finally:
        judged.close()
    register = Register([policy.folder.parent])
    scored = register.add_scores(policy, scores_of(policy, read_figures(figures)))
    return Improved(scored, new, before, tuple(told[0] for told in apart))


def verdict(improved: Improved, works: Sequence[Work]) -> str:
    """What is to be said of the new policy, a line for each work."""
    lines = []
    for work, new, before, apart in zip(works, improved.new, improved.before, improved.apart, strict=True):
        one, other, right = new.results[0].accuracy, before.results[0].accuracy, apart.right
        between = "" if right.interval is None else f" ({100 * right.interval[0]:+.1f} to {100 * right.interval[1]:+.1f})"
        told = f"{100 * one.value:.1f} % right, where {before.policy} is on {100 * other.value:.1f} %"
        lines.append(f"{new.policy}, {work.title}, {right.n:,} questions: {told}: {100 * right.value:+.1f}{between}, p = {right.p:.4f}.")
        lines.append(f"  {_conclusion(right.value, right.p)}")
    return "\n".join(lines)


def _conclusion(value: float, p: float) -> str:
    if p >= _UNLIKELY:
        return "These questions do not tell the two apart."
    return "It is better on them by more than chance explains." if value > 0 else "It is worse on them by more than chance explains."
