"""From records that people preferred to a policy that may be better: it is trained, registered, and put beside the one before.

    records -> training, a process of its own -> a run's folder, which is the registration -> both on the questions held out, paired

The training has one half or two: what was said in the records is learnt, and then, by rewards, what answers their questions. Each half is
a run. Every part goes on where it was stopped: a training from its checkpoint, the evaluation from what it has judged.
"""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.eval_files import EvaluationFile, TraceFile
from app.eval_judged import JudgedFile, judged_path
from app.eval_scores import read_figures, scores_of
from app.eval_works import Work
from app.evaluating import Asking, Evaluator
from app.policy_register import TRAINED, Register, TrainedPolicy, base_of, going_on, note_beside, read_notes, state_of
from app.trainings.launching import environment, heard, launched
from core.errors import PolicyError, TaskError, TrainingError
from core.evaluation.beside import Compared
from core.evaluation.values import Evaluation
from core.manifest import Manifest, read_manifest
from core.policies.opening import PolicyOptions
from core.policies.references import NEEDLE, ReferenceKind, read_reference

UNTRAINED = "small"
FIGURES = "evaluation.json"
# Behind the name of the first half, the name of the second.
REINFORCED = "-grpo"
# An adapter in the weights of its base, as `launch.py train --merge` writes it into a run's folder.
MERGED = "merged"
# McNemar's exact test of fewer pairs is above 0.05 even where all of them differ in the same way: 2 * 0.5 ** 5 = 0.0625.
FEWEST = 6
# How often a training is looked at, in seconds.
_GLANCE = 0.2
_UNLIKELY = 0.05
_NAMES = {"before": "half before it"}

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is learnt, how, and from where.

    recipe   a shipped recipe's name, or a YAML file
    base     the checkpoint that it begins with; "": the recipe's
    folder   of the run; its name is the policy's
    changes  `KEY=VALUE`, as `train --set` takes them
    before   the half that comes before this one, and makes what it begins with
    """

    records: Path
    pictures: Path
    recipe: str
    base: str
    folder: Path
    changes: tuple[str, ...] = ()
    before: Lesson | None = None

    def words(self) -> list[str]:
        """The arguments of `launch.py train` that begin it."""
        words = [self.recipe, "--records", str(self.records), "--pictures", str(self.pictures)]
        words += ["--name", self.folder.name, "--runs", str(self.folder.parent)]
        words += ["--model", self.base] if self.base else []
        return words + self._values()

    def _values(self) -> list[str]:
        return [word for change in self.changes for word in ("--set", change)]

    def told(self, manifest: Manifest) -> dict[str, Any]:
        """What of it makes the policy what it is, as stands beside its run."""
        recipe = str(Path(self.recipe).absolute()) if Path(self.recipe).is_file() else self.recipe
        told = {"records": manifest.sha256, "recipe": recipe, "checkpoint": self.base, "values": list(self.changes)}
        return told if self.before is None else told | {"before": self.before.told(manifest)}

    def described(self) -> RecipeFacts:
        """What its recipe is. Raises TrainingError, in the recipe's own words, for one that there is not or that means nothing."""
        (told,) = json.loads(_said([self.recipe, *self._values(), "--list", "--json"]))
        return RecipeFacts(str(told["kind"]), self.base or str(told["model"]), bool(told["adapter"]))


@dataclass(frozen=True, slots=True)
class RecipeFacts:
    """Of a recipe, what decides about its place.

    kind     sft or grpo
    model    the checkpoint that it begins with
    adapter  whether it makes an adapter, with which no training can begin
    """

    kind: str
    model: str
    adapter: bool


@dataclass(frozen=True, slots=True)
class Improved:
    """What came of it: the registered policy, with its scores, and both evaluations, work by work."""

    policy: TrainedPolicy
    new: tuple[Evaluation, ...]
    before: tuple[Evaluation, ...]
    apart: tuple[Compared, ...]


def halves(first: Lesson, reinforce: str, changes: tuple[str, ...]) -> tuple[Lesson, ...]:
    """The lesson, and behind it the one by rewards where `reinforce` names a recipe for it. Everything is looked at that can be before a
    training: whether there is something to learn from, whether the recipes are of the right kinds, whether a run has such a name already,
    and, by a dry run, whether the questions can be asked and rewarded.

    Raises RecordError for records that cannot be read, TaskError where none is to be learnt from, TrainingError for a recipe that is not
    what it has to be, PolicyError where a run's folder holds another one, or nothing can be compared with what it begins with.
    """
    manifest = read_manifest(first.records)
    if manifest.splits and not manifest.splits.get("train"):
        raise TaskError(f"{first.records} has no record to learn from: export it with a larger first number in --split.")
    _check_name(first, manifest)
    facts = first.described()
    if facts.model == UNTRAINED:
        raise PolicyError(f"{first.recipe} begins with nothing that could be compared with: give a --policy to begin with.")
    if not reinforce:
        return (first,)
    if facts.kind != "sft":
        raise TrainingError(
            f"{first.recipe} learns by rewards itself: leave --reinforce out, or give --recipe one that learns what was said."
        )
    base, name = MERGED if facts.adapter else TRAINED, f"{first.folder.name}{REINFORCED}"
    second = Lesson(
        first.records, first.pictures, reinforce, str(first.folder.absolute() / base), first.folder.with_name(name), changes, first
    )
    _check_name(second, manifest)
    if second.described().kind != "grpo":
        raise TrainingError(f"{reinforce} does not learn by rewards: give --reinforce a recipe with `grpo`, such as needle-grpo.")
    rehearse(second, facts.model)
    return first, second


def _check_name(lesson: Lesson, manifest: Manifest) -> None:
    if state_of(lesson.folder) and (apart := _apart(lesson.folder, lesson.told(manifest))):
        raise PolicyError(f"{lesson.folder} is a run with {apart}: give this one another --name.")


def rehearse(lesson: Lesson, model: str) -> str:
    """A dry run in the words of `launch.py train`, or how the run stands where it has begun. `model`: what both halves begin with, which is
    there; what the first one makes may not be yet. Raises TrainingError with the reason why it would not begin."""
    if state := state_of(lesson.folder):
        return f"{lesson.folder} is there already: {state}."
    return _said([*replace(lesson, base=model).words(), "--dry-run"])


def learn(lesson: Lesson, say: Say) -> TrainedPolicy:
    """The policy that the lesson comes to: trained, gone on with, or there already from the same records.

    Raises RecordError for records that cannot be read, TrainingError where the training did not come to its end, PolicyError where the
    run's folder holds another one. Ctrl-C stops the training behind its step, with a checkpoint.
    """
    manifest = read_manifest(lesson.records)
    _check_name(lesson, manifest)
    state, told = state_of(lesson.folder), lesson.told(manifest)
    if (pid := going_on(lesson.folder)) is not None:
        raise TrainingError(f"{lesson.folder} is being trained by process {pid}: wait until it is over, and type the same again.")
    if state == "finished":
        say(f"{lesson.folder.name} was trained on these records already, in the same way.")
    else:
        if lesson.before is not None and Path(lesson.base).name == MERGED:
            _said(["--merge", str(lesson.before.folder)])
        words = ["--resume", str(lesson.folder)] if state else lesson.words()
        _train(words, lesson.folder, told | {"rule": manifest.rule})
    return Register([lesson.folder.parent]).named(str(lesson.folder))


def _apart(folder: Path, told: Mapping[str, Any]) -> str:
    """In what a run differs from what is wanted, in words; "" where it is the same. One that `train` began differs in all."""
    improved = read_notes(folder).get("improved")
    known = improved if isinstance(improved, dict) else {}
    names = [_NAMES.get(name, name) for name in told if known.get(name) != told[name]]
    return " and ".join(f"other {name}" if name[-1] == "s" else f"another {name}" for name in names)


def _train(words: Sequence[str], folder: Path, told: Mapping[str, Any]) -> None:
    """`launch.py train`, until it ends. It has a session of its own, so that Ctrl-C reaches it once, from here."""
    process = subprocess.Popen(launched("train", words), env=environment(), stdin=subprocess.DEVNULL, start_new_session=True)
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
    if state_of(folder) == "stopped":
        raise TrainingError(f"The training of {folder.name} was stopped by hand, with a checkpoint: the same command goes on from there.")
    if process.returncode or state_of(folder) != "finished":
        raise TrainingError("The training did not come to its end, as it says above. When that is mended, the same command goes on.")


def _said(words: Sequence[str]) -> str:
    """What `launch.py train` says where it trains nothing. Raises TrainingError with its sentence."""
    said = heard("train", words)
    if not said.ok:
        raise TrainingError(said.words)
    return said.words


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_GLANCE)
    except subprocess.TimeoutExpired:
        return


def begun_with(first: Lesson) -> str:
    """The checkpoint that a first half began with, once it has begun: what comes out in the end is compared with it."""
    return base_of(first.folder)


def put_beside(policy: TrainedPolicy, base: str, works: Sequence[Work], asking: Asking, options: PolicyOptions, say: Say) -> Improved:
    """The policy and `base`, the one that was begun with, on the same questions; its scores beside it. The figures are in its run's folder.

    Raises PolicyError where one of the two cannot be opened or asked, StoreError where nothing can be written.
    """
    figures = policy.folder / FIGURES
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
    policy = register.note(policy, than=_from_anywhere(base))
    scored = register.add_scores(policy, scores_of(policy, read_figures(figures)))
    return Improved(scored, new, before, tuple(told[0] for told in apart))


def _from_anywhere(reference: str) -> str:
    """The same policy by a name that does not hang on the folder that a command is given in."""
    named = read_reference(reference)
    return str(Path(named.place).absolute()) if named.kind is ReferenceKind.FOLDER and named.text != NEEDLE else named.text


def too_few(works: Sequence[Work]) -> str:
    """Which questions cannot tell two policies apart, in a sentence; "" where all can."""
    few = [f"{work.title}: {work.n}" for work in works if work.n < FEWEST]
    if not few:
        return ""
    return f"So few questions cannot tell two policies apart, whatever is answered ({', '.join(few)}): hold out {FEWEST} or more."


def verdict(improved: Improved, works: Sequence[Work]) -> str:
    """What is to be said of the new policy, a line for each work."""
    lines = []
    for work, new, before, apart in zip(works, improved.new, improved.before, improved.apart, strict=True):
        one, other, right = new.results[0].accuracy, before.results[0].accuracy, apart.right
        between = "" if right.interval is None else f" ({100 * right.interval[0]:+.1f} to {100 * right.interval[1]:+.1f})"
        told = f"{100 * one.value:.1f} % right, where {before.policy} is on {100 * other.value:.1f} %"
        lines.append(f"{new.policy}, {work.title}, {right.n:,} questions: {told}: {100 * right.value:+.1f}{between}, p = {right.p:.4f}.")
        lines.append(f"  {conclusion(right.value, right.p)}")
    return "\n".join(lines)


def conclusion(value: float, p: float) -> str:
    """What a paired difference says, and no more: `value` of new minus old, `p` of McNemar's exact test."""
    if p >= _UNLIKELY:
        return "These questions do not tell the two apart."
    return "It is better on them by more than chance explains." if value > 0 else "It is worse on them by more than chance explains."
