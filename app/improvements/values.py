"""What is said of an improvement, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from app.improvements.wish import Wish
from app.policy_register import TrainedPolicy


class State(StrEnum):
    """How an improvement stands.

    GOING    its process is there
    DONE     the new policy has been put beside the old one
    STOPPED  it was stopped by hand, and goes on where it was
    ENDED    its process is gone before it was done; it says why, where it could
    """

    GOING = "going"
    DONE = "done"
    STOPPED = "stopped"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What it learns from: the study and the rule that chose the records, and how many there are to learn from."""

    study: str
    rule: str
    records: int


@dataclass(frozen=True, slots=True)
class Improvement:
    """An improvement's folder, as it was when it was looked at.

    words   how it stands, in a sentence; empty where the state says it all
    begun   seconds since 1970
    halves  folders of the runs that it has, or will have, in their order
    policy  what came of the last half; None until that is trained
    output  the end of what its process said
    """

    id: str
    folder: Path
    wish: Wish
    chosen: Chosen
    state: State
    words: str
    begun: float | None
    halves: tuple[Path, ...]
    policy: TrainedPolicy | None
    stopping: bool
    output: str
