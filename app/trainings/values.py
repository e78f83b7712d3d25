"""What is said of a run of training, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any


class State(StrEnum):
    """How a run stands.

    STARTING     its process is there, and has not said a word yet
    RUNNING      it says so, and its process is there, or lives on another machine and was heard lately
    SILENT       it says that it runs, nothing was heard of it for long, and its process cannot be looked at from here
    INTERRUPTED  it says that it runs, and its process is gone
    """

    STARTING = "starting"
    RUNNING = "running"
    SILENT = "silent"
    INTERRUPTED = "interrupted"
    STOPPED = "stopped"
    FINISHED = "finished"
    FAILED = "failed"


GOING = frozenset({State.STARTING, State.RUNNING, State.SILENT})
RESUMABLE = frozenset({State.STOPPED, State.FAILED, State.INTERRUPTED})


@dataclass(frozen=True, slots=True)
class Start:
    """A process that was started from here for a run.

    created  when the system says that the process began, in seconds since 1970: with `pid` it names one process for ever
    asked    whether it was asked to stop
    """

    pid: int
    created: float
    host: str
    command: tuple[str, ...]
    asked: bool = False


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """A run's folder, as it was when it was looked at.

    id            of the folder, the same for as long as it lies there
    kind          `sft` or `grpo`; another word where a later version wrote it
    words         how it stands, in a sentence; empty where the state says it all
    step, steps   done, and of how many; None where that is not told yet
    begun, heard  seconds since 1970, the latter of the newest word in its folder
    told          run.json as it is
    """

    id: str
    name: str
    folder: Path
    kind: str
    title: str
    state: State
    words: str
    step: int | None
    steps: int | None
    begun: float | None
    heard: float | None
    seconds_left: float | None
    pid: int | None
    host: str | None
    stopping: bool = False
    can_stop: bool = False
    can_resume: bool = False
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def exists(self) -> bool:
        """Whether there is a run; else only the start of one that never became one."""
        return bool(self.told)
