"""Which policies can be asked: those named at the start, those that were added in the app, which the data folder keeps, and those that
were trained here, which the folders of their runs tell, with those that they were compared with.

A line names a policy and never holds a key: keys are read from the environment when a policy is opened.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from annotations.durable import whole_file
from app.policy_register import Register
from core.errors import NotFound, PolicyError, ReadOnly, StartError, StoreError
from core.policies.references import FORMS, read_reference

FILE = "policies.json"
_LONGEST = 500
_MOST = 100


class PolicyList:
    """References of policies, those of the start first. Safe to use from several threads.

    file     where added ones are kept; None: none can be added. What reads it raises StartError where it is no such list
    trained  those that were trained here; None: there are none
    """

    def __init__(self, named: Sequence[str], file: Path | None, trained: Register | None = None) -> None:
        self._named = tuple(checked(reference) for reference in named)
        self._file = file
        self._register = trained
        self._read: tuple[str, ...] | None = None
        self._lock = Lock()

    @property
    def may_add(self) -> bool:
        """Whether an added one could be kept."""
        return self._file is not None

    @property
    def named(self) -> tuple[str, ...]:
        """Those of the start."""
        return self._named

    @property
    def _added(self) -> tuple[str, ...]:
        """Those of the file, read when somebody first asks: a command that asks nobody does not need it to be whole."""
        if self._read is None:
            self._read = _read(self._file) if self._file is not None and self._file.is_file() else ()
        return self._read

    @property
    def references(self) -> tuple[str, ...]:
        """All of them, each once."""
        return tuple(dict.fromkeys((*self._named, *self._added, *self._begun_with, *self._trained)))

    @property
    def _trained(self) -> tuple[str, ...]:
        """Those that were trained here and are offered, but for those that somebody named by their folder."""
        return () if self._register is None else self._unless_by_hand(self._register.references)

    @property
    def _begun_with(self) -> tuple[str, ...]:
        """Those that a trained one was compared with: the old stands beside the new for as long as that is offered."""
        if self._register is None:
            return ()
        trained = {Path(reference) for reference in self._register.references}
        return tuple(one for one in self._unless_by_hand(self._register.begun_with) if Path(one).expanduser().absolute() not in trained)

    def _unless_by_hand(self, references: Sequence[str]) -> tuple[str, ...]:
        by_hand = {Path(reference).expanduser().absolute() for reference in (*self._named, *self._added) if "://" not in reference}
        return tuple(reference for reference in references if Path(reference).expanduser().absolute() not in by_hand)

    def is_added(self, reference: str) -> bool:
        """Whether it stands here only because it was added or trained, so that it can be removed."""
        return reference not in self._named and (reference in self._added or reference in self._trained)

    def about(self, reference: str) -> str:
        """What is known of a policy that was trained here, in a sentence; "" of any other."""
        if self._register is None:
            return ""
        return next((policy.words for policy in self._register.policies() if policy.offered and policy.reference == reference), "")

    def remove(self, reference: str) -> None:
        """Take one off that was added or trained; the file, or what stands beside the trained one, says so, on the disk, when this returns.

        Raises PolicyError for one that was named at the start, NotFound for one that is not listed, ReadOnly and StoreError where
        nothing can be written.
        """
        with self._lock:
            if self._file is None:
                raise ReadOnly("With --read-only no policy can be removed: leave it out at the next start.")
            if reference in self._named:
                raise PolicyError(f"{reference} was named at the start, with --policy or SACCADE_POLICY: leave it out there.")
            if self._register is not None and reference in self._trained:
                self._register.offer(reference, offered=False)
                return
            if reference in self._begun_with:
                raise PolicyError(f"{reference} stands here beside a policy that was trained from it, and goes when that one is taken off.")
            if reference not in self._added:
                raise NotFound(f"The policy {reference!r:.200} is not on the list.")
            left = tuple(one for one in self._added if one != reference)
            _write(self._file, left)
            self._read = left

    def add(self, reference: str) -> str:
        """The reference as it is kept, on the disk when this returns.

        Raises PolicyError for one that cannot be taken, ReadOnly and StoreError where nothing can be written.
        """
        reference = checked(reference)
        with self._lock:
            if reference in self.references:
                return reference
            if self._file is None:
                raise ReadOnly("With --read-only no policy can be added: name it at the start with --policy, or leave --read-only out.")
            if len(self._added) >= _MOST:
                raise PolicyError(f"There are {_MOST} added policies already: take some out of {FILE} in the data folder first.")
            added = (*self._added, reference)
            _write(self._file, added)
            self._read = added
        return reference


def checked(reference: str) -> str:
    """A reference without blanks around it. Raises PolicyError for one that names nothing, and for one that holds a secret."""
    if len(reference) > _LONGEST:
        raise PolicyError(f"A policy is named in at most {_LONGEST} signs, as {FORMS}.")
    return read_reference(reference).text


def _read(file: Path) -> tuple[str, ...]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))["policies"]
        return tuple(checked(str(reference)) for reference in found)
    except (OSError, ValueError, KeyError, TypeError, PolicyError) as error:
        raise StartError(f"The list of policies {file} cannot be read ({error}): mend it, or take it away.") from error


def _write(file: Path, references: Sequence[str]) -> None:
    try:
        with whole_file(file) as out:
            out.write((json.dumps({"policies": list(references)}, indent=1, ensure_ascii=False) + "\n").encode())
    except OSError as error:
        raise StoreError(f"{file} cannot be written ({error.strerror}): make room, or change its permissions.") from error
