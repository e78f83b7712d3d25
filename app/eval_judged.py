"""What an evaluation has judged so far, kept line by line, so that the same command goes on where another one was stopped.

It lies beside the figures until all is asked. Lines are appended, and each is handed to the system at once:

    {"format": "saccade.judged", "version": 1}
    {"asked": KEY, "role": "policy", "what": {...}}                          questions, policy and settings; KEY is a digest of them
    {"of": KEY, "condition": ..., "question": ..., "draw": 0, "outcome": {...}}
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from core.errors import StartError
from core.evaluation.conditions import Condition
from core.evaluation.values import Outcome, Question
from core.policies.protocol import PolicyCard
from core.rollout.values import Rollout, RolloutSettings
from core.trace import canonical_json

_HEAD = {"format": "saccade.judged", "version": 1}
# What of a policy's details tells which weights answer, and in which numbers; devices and library versions may change in between.
_FINGERPRINT = ("family", "weights", "adapter", "adapter_weights", "base", "dtype", "model", "parameters")
# So many of the settings that differ are named.
_NAMED = 3

Place = tuple[str, str, str, int]
"""What a judgement is of: a key, a condition, a question, and which of its draws."""


def judged_path(figures: Path) -> Path:
    """Where what is judged lies, beside the file of figures."""
    return figures.with_name(f"{figures.stem}.judged.jsonl")


def key_of(what: Mapping[str, Any]) -> str:
    """16 hexadecimal digits that stand for questions, policy and settings."""
    return hashlib.sha256(canonical_json(what).encode()).hexdigest()[:16]


def told_of(questions: Mapping[str, Any], card: PolicyCard, settings: RolloutSettings, seed: int) -> dict[str, Any]:
    """All that an outcome hangs on, as JSON values."""
    policy: dict[str, Any] = {name: getattr(card, name) for name in ("name", "factor", "min_pixels", "max_pixels", "system_prompt")}
    policy |= {"kind": card.kind, "space": card.space, "crop": None if card.crop is None else asdict(card.crop)}
    policy |= {name: card.details[name] for name in _FINGERPRINT if name in card.details}
    what = {"questions": dict(questions), "policy": policy, "settings": asdict(settings), "seed": seed}
    told: dict[str, Any] = json.loads(json.dumps(what, default=str))
    return told


class JudgedFile:
    """What was judged before, and what is judged now. `path` None: nothing is known and nothing kept.

    Conversations that broke off are not kept: they say nothing of the policy, and are asked again. Raises StartError for a file that is
    none of this program's, or that cannot be read or written.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known: dict[tuple[str, str, str], dict[int, Outcome]] = {}
        self._heads: dict[str, tuple[str, dict[str, Any]]] = {}
        self._file: IO[bytes] | None = None
        self.key = ""
        if path is not None and path.is_file():
            self._read(path)

    def has(self, place: Place) -> bool:
        """Whether something was judged before."""
        return place[3] in self._known.get(place[:3], {})

    def begin(self, role: str, what: dict[str, Any]) -> str:
        """Questions are put to a policy now, under `key`. What becomes of what was judged before, in a sentence; "" where nothing was.

        role  which of a command's policies it is
        """
        self.key = key_of(what)
        if self._path is None:
            return ""
        before = [told for of, told in self._heads.values() if of == role and _name(told) == _name(what)]
        new = self.key not in self._heads
        if new:
            self._heads[self.key] = role, what
            self._write({"asked": self.key, "role": role, "what": what})
        count = sum(len(draws) for (key, _, _), draws in self._known.items() if key == self.key)
        if count:
            return f"{count:,} answers that were judged before are taken up from {self._path}."
        if not new or not before:
            return ""
        return f"What was judged before, in {self._path}, is of another setting ({_apart(before[-1], what)}): this is begun anew."

    def known(self, condition: Condition, question: Question) -> Mapping[int, Outcome]:
        """What is known of a question under a condition, by draw."""
        return self._known.get((self.key, condition.name, question.task.sample.external_id), {})

    def keep(self, condition: Condition, question: Question, rollout: Rollout, outcome: Outcome) -> None:
        """Write down what a conversation came to."""
        if self._path is None or outcome.broken:
            return
        where = {"of": self.key, "condition": condition.name, "question": question.task.sample.external_id, "draw": rollout.draw}
        self._write(where | {"outcome": asdict(outcome)})

    def close(self, *, complete: bool = False) -> None:
        """`complete`: all was asked, so that nothing is left to go on with. May be called twice."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if complete and self._path is not None:
            self._path.unlink(missing_ok=True)

    def _read(self, path: Path) -> None:
        try:
            lines = path.read_bytes().split(b"\n")
            if lines.pop():
                # A line that a kill cut off would swallow the next one.
                os.truncate(path, sum(len(line) + 1 for line in lines))
            if lines and json.loads(lines[0]) != _HEAD:
                raise ValueError("another program wrote it")
            for line in lines[1:]:
                self._take(json.loads(line))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StartError(f"What was judged before cannot be read from {path} ({error}): take it away to begin anew.") from error

    def _take(self, line: dict[str, Any]) -> None:
        if "asked" in line:
            self._heads[line["asked"]] = line["role"], line["what"]
        else:
            where = line["of"], line["condition"], line["question"]
            self._known.setdefault(where, {})[line["draw"]] = Outcome(**line["outcome"])

    def _write(self, line: Mapping[str, Any]) -> None:
        assert self._path is not None, "there is a file"
        try:
            if self._file is None:
                self._file = self._path.open("ab")
                if self._file.tell() == 0:
                    self._file.write(json.dumps(_HEAD).encode() + b"\n")
            self._file.write(json.dumps(line).encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise StartError(f"What is judged cannot be kept in {self._path}: {error.strerror}.") from error


def _name(what: Mapping[str, Any]) -> object:
    return what["questions"].get("difficulty")


def _apart(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Which settings differ, in words."""
    one, other = dict(_leaves(before)), dict(_leaves(now))
    names = [name for name in dict.fromkeys((*one, *other)) if one.get(name) != other.get(name)]
    found = [f"{name.rpartition('.')[2]} was {_short(one.get(name))} and is {_short(other.get(name))}" for name in names]
    # A seed, for one, stands in several places.
    told = list(dict.fromkeys(found))
    return ", ".join(told[:_NAMED]) + (f", and {len(told) - _NAMED} more" if len(told) > _NAMED else "")


def _short(value: object) -> str:
    text = "not told" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _leaves(told: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in told.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value
