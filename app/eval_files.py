"""What an evaluation leaves behind: a file with every figure, and its traces with their pictures, for an import."""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import platform
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self

from annotations.durable import whole_file
from annotations.importing.kinds import EXPORT_FORMAT, EXPORT_VERSION
from app.bench.report import machine
from core.errors import StartError
from core.evaluation.conditions import Condition
from core.evaluation.values import Evaluation, Question
from core.policies.machine import versions
from core.policies.protocol import PolicyCard
from core.rollout.values import Rollout, RolloutSettings
from core.trace import Picture, Trace

if TYPE_CHECKING:
    from core.tasks.needle.task import NeedleTask

FORMAT, VERSION = "saccade.evaluation", 1
_LIBRARIES = ("numpy", "pillow", "scipy", "torch", "transformers")


class EvaluationFile:
    """The figures of a command's evaluations, world after world. `path` None: nothing is written. Raises StartError where it cannot be."""

    def __init__(self, path: Path | None, arguments: argparse.Namespace) -> None:
        self._path = path
        self._head: dict[str, Any] = {
            "format": FORMAT,
            "version": VERSION,
            "began": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "versions": {"python": platform.python_version(), **versions(_LIBRARIES)},
            "world": arguments.world,
            "reference": arguments.policy,
            "split": arguments.split,
            "seed": arguments.seed,
            "temperature": arguments.temperature,
            "sweep": arguments.sweep,
        }
        self._worlds: list[tuple[dict[str, Any], Evaluation | None]] = []
        if path is not None and not path.absolute().parent.is_dir():
            raise StartError(f"The figures cannot be written: there is no folder {path.absolute().parent}.")

    @property
    def latest(self) -> Evaluation | None:
        """What is known so far of the world that was begun last."""
        return self._worlds[-1][1] if self._worlds else None

    @property
    def worlds(self) -> int:
        """Worlds of which something is known."""
        return sum(evaluation is not None for _, evaluation in self._worlds)

    @property
    def words(self) -> str:
        """What is kept, in a sentence."""
        asked = sum(evaluation.n for _, evaluation in self._worlds if evaluation is not None)
        if self._path is None:
            return f"{asked:,} questions had been asked under every condition."
        return f"{asked:,} questions had been asked under every condition: their figures are in {self._path}."

    def begin(self, world: NeedleTask, card: PolicyCard, settings: RolloutSettings) -> None:
        """A world is asked now."""
        policy: dict[str, Any] = {"name": card.name, "kind": card.kind.value, "space": card.space.value, "max_pixels": card.max_pixels}
        policy |= {"crop": None if card.crop is None else asdict(card.crop), "details": dict(card.details)}
        told = {"difficulty": world.name, "of": asdict(world.difficulty), "card": policy, "settings": asdict(settings)}
        self._worlds.append((told, None))

    def take(self, evaluation: Evaluation) -> None:
        """What is known of it by now."""
        self._worlds[-1] = (self._worlds[-1][0], evaluation)

    def write(self, *, complete: bool) -> None:
        """Put it under its name, whole, where there is something to put. `complete` says whether everything was asked."""
        if self._path is None or not self.worlds:
            return
        worlds = [told | evaluation.to_json() for told, evaluation in self._worlds if evaluation is not None]
        text = json.dumps(self._head | {"complete": complete, "evaluations": worlds}, default=str, indent=1)
        try:
            with whole_file(self._path) as file:
                file.write(text.encode() + b"\n")
        except OSError as error:
            raise StartError(f"The figures cannot be written to {self._path}: {error.strerror}.") from error


class TraceFile:
    """Traces, a line each, as they come; their pictures lie in `pictures` beside the file. `path` None: nothing is written."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: IO[str] | None = None
        self._names: dict[str, str] = {}

    def __enter__(self) -> Self:
        if self._path is not None:
            try:
                (self._path.parent / "pictures").mkdir(exist_ok=True)
                self._file = self._path.open("w", encoding="utf-8")
            except OSError as error:
                raise StartError(f"The traces cannot be written to {self._path}: {error.strerror}.") from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()

    def keep(self, condition: Condition, question: Question, rollout: Rollout) -> None:
        """Write a conversation down."""
        assert self._path is not None and self._file is not None, "it was opened"
        known = question.task.sample.pictures[0]
        if known.sha256 not in self._names:
            self._names[known.sha256] = _keep_picture(question, self._path.parent / "pictures")
        dataset = "-".join(question.task.sample.external_id.split("/")[:3])
        trace = _named(rollout.trace, self._names[known.sha256], condition)
        line = {"format": EXPORT_FORMAT, "version": EXPORT_VERSION, "dataset": dataset, "trace": trace.to_json()}
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()


def _named(trace: Trace, sha256: str, condition: Condition) -> Trace:
    """The trace with its picture by the name of its file, and with the condition in its settings."""
    known = trace.sample.pictures[0]
    sample = replace(trace.sample, pictures=(Picture(sha256, known.size, name=known.name),))
    return replace(trace, sample=sample, settings=trace.settings | {"condition": condition.name})


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
