"""What an evaluation leaves behind: a file with every figure, and its traces with their pictures, for an import."""

from __future__ import annotations

import hashlib
import io
import json
import platform
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from annotations.durable import whole_file
from annotations.importing.kinds import EXPORT_FORMAT, EXPORT_VERSION
from app.bench.report import machine
from app.eval_judged import JudgedFile, Place
from core.errors import StartError
from core.evaluation.beside import Compared
from core.evaluation.conditions import Condition
from core.evaluation.values import Evaluation, Question
from core.policies.machine import versions
from core.policies.protocol import PolicyCard
from core.rollout.values import Rollout, RolloutSettings
from core.trace import Picture, Trace

FORMAT, VERSION = "saccade.evaluation", 1
_LIBRARIES = ("numpy", "pillow", "scipy", "torch", "transformers")


class EvaluationFile:
    """The figures of a command's evaluations, one after the other, under what was `asked` of the command. `path` None: nothing is written.
    Raises StartError where it cannot be."""

    def __init__(self, path: Path | None, asked: Mapping[str, Any]) -> None:
        self._path = path
        self._head: dict[str, Any] = {
            "format": FORMAT,
            "version": VERSION,
            "began": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "versions": {"python": platform.python_version(), **versions(_LIBRARIES)},
            **asked,
        }
        self._compared: list[dict[str, Any]] = []
        self._worlds: list[tuple[dict[str, Any], Evaluation | None]] = []
        if path is not None and not path.absolute().parent.is_dir():
            raise StartError(f"The figures cannot be written: there is no folder {path.absolute().parent}.")

    @property
    def latest(self) -> Evaluation | None:
        """What is known so far of the world that was begun last."""
        return self._worlds[-1][1] if self._worlds else None

    @property
    def words(self) -> str:
        """What is kept, in a sentence."""
        asked = sum(evaluation.n for _, evaluation in self._worlds if evaluation is not None)
        if self._path is None:
            return f"{asked:,} questions had been asked under every condition; with --json the same command would go on from there."
        return f"{asked:,} questions had been asked under every condition; the same command goes on from there. Figures: {self._path}."

    def begin(self, questions: Mapping[str, Any], reference: str, card: PolicyCard, settings: RolloutSettings) -> None:
        """Questions, as JSON values tell them, are put to a policy now."""
        policy: dict[str, Any] = {"name": card.name, "kind": card.kind.value, "space": card.space.value, "max_pixels": card.max_pixels}
        policy |= {"crop": None if card.crop is None else asdict(card.crop), "details": dict(card.details)}
        told = {**questions, "reference": reference, "card": policy, "settings": asdict(settings)}
        self._worlds.append((told, None))

    def compare(self, difficulty: str, one: str, other: str, found: Sequence[Compared]) -> None:
        """What the one policy has over the other."""
        told = [compared.to_json() for compared in found]
        self._compared.append({"difficulty": difficulty, "policy": one, "than": other, "conditions": told})

    def take(self, evaluation: Evaluation) -> None:
        """What is known of it by now."""
        self._worlds[-1] = (self._worlds[-1][0], evaluation)

    def write(self, *, complete: bool) -> None:
        """Put it under its name, whole, where there is something to put. `complete` says whether everything was asked."""
        if self._path is None or not any(evaluation for _, evaluation in self._worlds):
            return
        worlds = [told | evaluation.to_json() for told, evaluation in self._worlds if evaluation is not None]
        beside = {"beside": self._compared} if self._compared else {}
        text = json.dumps(self._head | {"complete": complete, "evaluations": worlds} | beside, default=str, indent=1)
        try:
            with whole_file(self._path) as file:
                file.write(text.encode() + b"\n")
        except OSError as error:
            raise StartError(f"The figures cannot be written to {self._path}: {error.strerror}.") from error


class TraceFile:
    """Traces, a line each, as they come; their pictures lie in `pictures` beside the file. `path` None: nothing is written.

    judged  says which of the traces that an earlier command left there count: those stay, and what has none is asked again. Raises
            StartError where nothing can be written
    """

    def __init__(self, path: Path | None, judged: JudgedFile) -> None:
        self._path = path
        self._judged = judged
        self._file: IO[bytes] | None = None
        self._names: dict[str, str] = {}
        self._there: set[Place] = set()

    def __enter__(self) -> Self:
        if self._path is not None:
            try:
                (self._path.parent / "pictures").mkdir(exist_ok=True)
                self._keep_lines(self._judged.has)
                self._file = self._path.open("ab")
            except OSError as error:
                raise StartError(f"The traces cannot be written to {self._path}: {error.strerror}.") from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()

    def has(self, place: Place) -> bool:
        """Whether nothing is missing here of what was judged before: its trace is there, or none is wanted."""
        return self._path is None or place in self._there

    def keep(self, key: str, condition: Condition, question: Question, rollout: Rollout) -> None:
        """Write a conversation down, if traces are wanted. `key`: of the evaluation."""
        if self._path is None or self._file is None:
            return
        known = question.task.sample.pictures[0]
        if known.sha256 not in self._names:
            self._names[known.sha256] = _keep_picture(question, self._path.parent / "pictures")
        dataset = "-".join(question.task.sample.external_id.split("/")[:3])
        trace = _named(rollout.trace, self._names[known.sha256], condition, key)
        line = {"format": EXPORT_FORMAT, "version": EXPORT_VERSION, "dataset": dataset, "trace": trace.to_json()}
        self._file.write(json.dumps(line).encode() + b"\n")
        self._file.flush()

    def finish(self, keys: Collection[str]) -> None:
        """All is asked: traces of other evaluations, which were begun here and given up, go. Raises StartError where that fails."""
        if self._path is None or {place[0] for place in self._there} <= set(keys):
            return
        try:
            self._keep_lines(lambda place: place[0] in keys)
        except OSError as error:
            raise StartError(f"The traces cannot be written to {self._path}: {error.strerror}.") from error

    def _keep_lines(self, wanted: Callable[[Place], bool]) -> None:
        """Leave the lines whose place is wanted, each once. What is no trace of an evaluation goes."""
        assert self._path is not None, "there is a file"
        if not self._path.is_file():
            return
        self._there = set()
        with self._path.open("rb") as before, whole_file(self._path) as after:
            for line in before:
                place = _place_of(line)
                if place is not None and place not in self._there and wanted(place):
                    self._there.add(place)
                    after.write(line)


def _place_of(line: bytes) -> Place | None:
    """What a line's trace is of; None for one that no evaluation wrote, or not to its end."""
    try:
        trace = json.loads(line)["trace"]
        settings = trace["settings"]
        return settings["evaluation"], settings["condition"], trace["sample"]["external_id"], settings["draw"]
    except (ValueError, KeyError, TypeError):
        return None


def _named(trace: Trace, sha256: str, condition: Condition, key: str) -> Trace:
    """The trace with its picture by the name of its file, and with the condition and the evaluation's key in its settings."""
    known = trace.sample.pictures[0]
    sample = replace(trace.sample, pictures=(Picture(sha256, known.size, name=known.name),))
    return replace(trace, sample=sample, settings=trace.settings | {"condition": condition.name, "evaluation": key})


def _keep_picture(question: Question, folder: Path) -> str:
    """Write a question's picture where it is not there yet; the SHA-256 of the file, by which it is named."""
    made = io.BytesIO()
    question.task.image.save(made, "PNG", compress_level=1)
    sha256 = hashlib.sha256(made.getvalue()).hexdigest()
    path = folder / f"{sha256}.png"
    if not path.is_file():
        with whole_file(path, durable=False) as file:
            file.write(made.getvalue())
    return sha256
