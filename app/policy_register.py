"""The policies that were trained here, as the folders of their runs tell them: what they began with, on what they learnt, how they did.

A run's own folder is the only truth: `run.json` says that it is finished, and `trained` holds the policy. What is added afterwards is
beside them, in `policy.json`: scores, and whether the policy is offered. There is no other list, so nothing can contradict a folder.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import psutil

from annotations.durable import whole_file
from core.errors import NotFound, PolicyError, ReadOnly, StoreError

RUN, TRAINED, NOTES = "run.json", "trained", "policy.json"
_FORMAT = {"format": "saccade.policy", "version": 1}
# A page that is open asks every second or so; folders need not be read for each of its questions.
_FRESH = 1.0
# What makes two scores scores of the same thing: the newer one counts.
_SAME = ("world", "difficulty", "of", "split", "seed", "temperature")


@dataclass(frozen=True, slots=True)
class TrainedPolicy:
    """A policy that was trained here.

    name     of its run; `reference` is how it is asked
    base     the checkpoint that it began with, as its recipe names it
    recipe   the title of its recipe; `kind`: sft or grpo
    data     digest of what it learnt from
    scores   as `policy.json` has them, the newest last: each with its count, n and interval
    offered  whether it is to stand among the policies that can be asked
    wrong    why it cannot be asked; "" where nothing is known against it
    """

    name: str
    folder: Path
    base: str
    recipe: str
    kind: str
    data: str
    scores: tuple[Mapping[str, Any], ...] = ()
    offered: bool = True
    wrong: str = ""
    notes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def reference(self) -> str:
        return str(self.folder / TRAINED)

    @property
    def words(self) -> str:
        """What it began with, by which recipe, and how it did, in a sentence."""
        told = f"Trained from {self.base or 'a checkpoint that is not told'}: {self.recipe or 'a recipe without a title'}"
        if self.scores:
            right = self.scores[-1]["right"]
            told += f". {100 * right['share']:.1f} % right (n = {right['n']:,}) when it was evaluated last"
        return f"{told}." + (f" But {self.wrong}." if self.wrong else "")


class Register:
    """The trained policies in some folders of runs. Safe to use from several threads.

    writes  False: nothing is changed in the folders
    """

    def __init__(self, roots: Sequence[Path], *, writes: bool = True) -> None:
        self._roots = tuple(dict.fromkeys(root.expanduser().absolute() for root in roots))
        self._writes = writes
        self._lock = Lock()
        self._read: tuple[float, tuple[TrainedPolicy, ...]] | None = None

    def policies(self) -> tuple[TrainedPolicy, ...]:
        """All of them, folder by folder, also those that are not offered. What a folder holds that cannot be read is told in `wrong`."""
        with self._lock:
            if self._read is None or time.monotonic() - self._read[0] > _FRESH:
                found = {policy.folder: policy for root in self._roots for policy in _in(root)}
                self._read = time.monotonic(), tuple(found.values())
            return self._read[1]

    @property
    def references(self) -> tuple[str, ...]:
        """How those are asked that are offered. One whose weights are gone is among them, and says so when it is opened."""
        return tuple(policy.reference for policy in self.policies() if policy.offered)

    @property
    def begun_with(self) -> tuple[str, ...]:
        """What the offered ones were compared with when they came about, so that old and new can be asked side by side."""
        return tuple(dict.fromkeys(str(policy.notes["than"]) for policy in self.policies() if policy.offered and policy.notes.get("than")))

    def named(self, name: str) -> TrainedPolicy:
        """The policy of a run's name, folder or reference. Raises NotFound, with the names there are, and PolicyError where two folders
        of runs have one of that name."""
        known = self.policies()
        place = Path(name).expanduser().absolute()
        found = [policy for policy in known if policy.name == name or place in (policy.folder, policy.folder / TRAINED)]
        if not found:
            names = ", ".join(policy.name for policy in known) or "none yet"
            places = ", ".join(str(root) for root in self._roots)
            raise NotFound(f"No policy {name!r:.200} was trained in {places}: there are {names}.")
        if len(found) > 1:
            raise PolicyError(f"There are {len(found)} policies {name!r}: name the folder of one, such as {found[0].folder}.")
        return found[0]

    def offer(self, name: str, *, offered: bool) -> TrainedPolicy:
        """Put a policy among those that can be asked, or take it off; its folder stays as it is. Raises as `named` and `note` do."""
        policy = self.named(name)
        return self.note(policy, offered=offered)

    def add_scores(self, policy: TrainedPolicy, scores: Sequence[Mapping[str, Any]]) -> TrainedPolicy:
        """Write scores down. One of the same questions, asked in the same way, takes the place of the one before. Raises as `note` does."""
        new = [dict(score) for score in scores]
        kept = [score for score in policy.scores if not any(_same(score, one) for one in new)]
        return self.note(policy, scores=[*kept, *new])

    def note(self, policy: TrainedPolicy, **told: Any) -> TrainedPolicy:
        """Add to what stands beside a policy, and give back the policy as it is then. It is on the disk when this returns.

        Raises ReadOnly where nothing is to be changed, and StoreError where the folder cannot be written to.
        """
        if not self._writes:
            raise ReadOnly(f"With --read-only nothing is changed beside {policy.name}: leave that out.")
        note_beside(policy.folder, policy.notes, told)
        with self._lock:
            self._read = None
        return self.named(str(policy.folder))


def note_beside(folder: Path, known: Mapping[str, Any], told: Mapping[str, Any]) -> None:
    """Write `policy.json` in a run's folder: what is known, and what is told now. Raises StoreError where it cannot be written."""
    file = folder / NOTES
    try:
        with whole_file(file) as out:
            out.write(json.dumps(_FORMAT | dict(known) | dict(told), indent=1, ensure_ascii=False).encode() + b"\n")
    except OSError as error:
        raise StoreError(f"{file} cannot be written ({error.strerror}): make room, or change its permissions.") from error


def read_notes(folder: Path) -> dict[str, Any]:
    """What stands beside a run's policy; nothing where nothing does, or it cannot be read."""
    return _notes(folder)[0]


def state_of(folder: Path) -> str:
    """How a run says that it stands: running, finished, stopped or failed; "" where there is none."""
    return str((_document(folder / RUN) or {}).get("state", ""))


def going_on(folder: Path) -> int | None:
    """The process of this machine that leads a run now; None where there is none, or it runs elsewhere."""
    told = _document(folder / RUN) or {}
    pid = told.get("pid")
    if told.get("state") != "running" or told.get("host") != platform.node() or not isinstance(pid, int):
        return None
    try:
        # A number is given to another process when the first has ended: that one began after the run last said something.
        began = psutil.Process(pid).create_time()
        return pid if began <= (folder / RUN).stat().st_mtime else None
    except (psutil.Error, OSError):
        return None


def base_of(folder: Path) -> str:
    """The checkpoint that a run began with, as its recipe names it; "" where it does not tell."""
    return str((_document(folder / RUN) or {}).get("model") or "")


def _in(root: Path) -> Iterator[TrainedPolicy]:
    """The finished runs of a folder; of a folder that is a run, itself."""
    try:
        files = [root / RUN] if (root / RUN).is_file() else sorted(root.glob(f"*/{RUN}"))
    except OSError:
        # A drive that is not there any more has no runs.
        return
    for file in files:
        told = _document(file)
        if told is not None and told.get("state") == "finished":
            yield _policy(file.parent, told)


def _policy(folder: Path, told: Mapping[str, Any]) -> TrainedPolicy:
    notes, wrong = _notes(folder)
    if not (folder / TRAINED).is_dir():
        wrong = (
            f"its folder {folder / TRAINED} is gone: put it back, or take it off the list with `launch.py policies --remove {folder.name}`"
        )
    text = {name: str(told.get(name) or "") for name in ("model", "title", "data_sha256")}
    scores = notes.get("scores")
    return TrainedPolicy(
        folder.name,
        folder,
        text["model"],
        text["title"],
        str(told.get("kind") or "sft"),
        text["data_sha256"],
        tuple(score for score in scores if isinstance(score, dict)) if isinstance(scores, list) else (),
        notes.get("offered") is not False,
        wrong,
        notes,
    )


def _notes(folder: Path) -> tuple[dict[str, Any], str]:
    file = folder / NOTES
    if not file.is_file():
        return {}, ""
    notes = _document(file)
    return ({}, f"what stands beside it in {file} cannot be read: mend it, or take it away") if notes is None else (notes, "")


def _document(file: Path) -> dict[str, Any] | None:
    """A file's JSON object; None where it has none, or is being written by another program."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one.get(name) == other.get(name) for name in _SAME)
