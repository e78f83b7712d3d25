"""The policies that can be asked, and the one place where they are opened, lent and closed.

A policy is opened in a thread of its own, once for all who wait for it. Of the checkpoints that run in this process one is in memory at
most, beside the small one that ships: the next one waits until nobody asks the one before it, which is then closed, but not before the
next one has been found. Who came first is served first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from app.policy_list import PolicyList
from app.policy_names import kind_of, name_of
from core.errors import NotFound, PolicyError, SaccadeError
from core.policies.protocol import PolicyCard, PolicyKind
from core.policies.references import NEEDLE, REPLAY, is_replay

if TYPE_CHECKING:
    from core.policies.protocol import Policy

# How often somebody who waits looks whether they still want to, in seconds.
_GLANCE = 0.1
# How long the end of the program waits for a load that does not hear, in seconds.
_FAREWELL = 0.5
_DEFECT = "The policy could not be opened because of a defect of the program, which is told in the program's own window: choose another."

Progress = Callable[[str, float | None], None]
"""Is told how far an opening is: in words, and in percent where that is known."""
Opener = Callable[[str, Progress, threading.Event], "Policy"]
"""Opens what a reference names. Raises PolicyError, also where the event says that it is no longer wanted."""
Finder = Callable[[str, Progress, threading.Event], None]
"""Makes sure, as far as that goes without memory, that what a reference names can be opened. Raises as an opener does."""


class PolicyState(StrEnum):
    """What a policy on the shelf is doing."""

    IDLE = "idle"
    LOADING = "loading"
    READY = "ready"
    BUSY = "busy"
    FAILED = "failed"


class Stopped(PolicyError):
    """Nobody waits for the policy any more."""


@dataclass(frozen=True, slots=True)
class ShelfLine:
    """A policy on the shelf.

    percent   None where nobody knows
    recorded  it plays back what was said before
    added     it was not named at the start, so it can be removed
    shipped   it is the small one that comes with the program
    about     what is known of one that was trained here; "" of any other
    """

    reference: str
    name: str
    kind: PolicyKind
    state: PolicyState
    words: str
    percent: float | None
    recorded: bool
    added: bool
    shipped: bool = False
    about: str = ""


@dataclass(eq=False, slots=True)
class _Entry:
    """A policy on the shelf. `loading` is set where an opening is to be given up; `failures` counts those that came to nothing."""

    reference: str
    policy: Policy | None = None
    users: int = 0
    loading: threading.Event | None = None
    loader: threading.Thread | None = None
    words: str = ""
    percent: float | None = None
    failures: int = 0
    error: SaccadeError | None = None
    card: PolicyCard | None = None

    @property
    def local(self) -> bool:
        """Whether it takes the one place that there is for a checkpoint; the one that ships is too small to need it."""
        return kind_of(self.reference) is PolicyKind.LOCAL and self.reference != NEEDLE


@dataclass(eq=False, slots=True)
class _Wish:
    """Somebody who waits for a policy; `stop`: they no longer do. `by_hand`: nobody asks it yet, it is to be ready."""

    entry: _Entry
    stop: threading.Event
    by_hand: bool = False
    before: int = 0


class PolicyShelf:
    """The policies of one start. Safe to use from several threads; to be closed.

    find    asked of a checkpoint before another one leaves memory for it; None: nothing is
    replay  the recorded runs are among them
    needle  the policy that ships is, as the first
    """

    def __init__(
        self, opener: Opener, listed: PolicyList, *, find: Finder | None = None, replay: bool = True, needle: bool = False
    ) -> None:
        self._open = opener
        self._find = find
        self._listed = listed
        self._entries: dict[str, _Entry] = {}
        self._replay, self._needle = replay, needle
        self._line: list[_Wish] = []
        self._changed = threading.Condition()
        self._closed = False

    @property
    def default(self) -> str:
        """The policy that is asked where nobody chose one: the first that was named at the start, else the first of all."""
        return next(iter(self._listed.named), self.references[0])

    @property
    def references(self) -> tuple[str, ...]:
        """What can be asked: the policy that ships, what was named at the start, what was added, the recorded runs."""
        shipped, recorded = (NEEDLE,) * self._needle, (REPLAY,) * self._replay
        return tuple(dict.fromkeys((*shipped, *self._listed.references, *recorded)))

    def lines(self) -> tuple[ShelfLine, ...]:
        """Every policy with what it is doing."""
        with self._changed:
            return tuple(self._told(self._entry(reference)) for reference in self.references)

    def line(self, reference: str) -> ShelfLine:
        """One policy with what it is doing. Raises NotFound for one that is not on the shelf."""
        with self._changed:
            return self._told(self._entry(reference))

    def add(self, reference: str) -> None:
        """Puts a policy on the shelf and into the data folder's list. Raises PolicyError and StoreError where it cannot be taken."""
        if reference.strip() not in self.references:
            self._listed.add(reference)

    def card(self, reference: str) -> PolicyCard | None:
        """What is known of a policy since it was opened last; None before. Raises NotFound for one that is not on the shelf."""
        with self._changed:
            return self._entry(reference).card

    def remove(self, reference: str, *, runs: int = 0) -> None:
        """Takes an added policy off the shelf and the list, closed where it was open; an opening that no run waits for is given up.

        `runs`: how many want it that have not come to the shelf yet. Raises PolicyError while any does, and for one that was named at
        the start; NotFound; ReadOnly and StoreError where the list cannot be written.
        """
        with self._changed:
            entry = self._entry(reference)
            if reference == REPLAY and self._replay:
                raise PolicyError("The recorded runs come with the program, and stay on the list.")
            if reference == NEEDLE and self._needle:
                raise PolicyError(f"{name_of(NEEDLE)} comes with the program, and stays on the list.")
            by_hand = [wish for wish in self._line if wish.entry is entry and wish.by_hand]
            self._refuse_in_use(entry, max(runs, entry.users + sum(wish.entry is entry for wish in self._line) - len(by_hand)))
            self._listed.remove(reference)
            for wish in by_hand:
                wish.stop.set()
            entry.error, entry.card, policy, entry.policy = None, None, entry.policy, None
            if policy is not None:
                # Until it has left memory, no other checkpoint is opened.
                entry.loading = threading.Event()
                entry.loading.set()
            self._changed.notify_all()
        if policy is not None:
            try:
                policy.close()
            finally:
                with self._changed:
                    entry.loading = None
                    self._changed.notify_all()

    def begin_loading(self, reference: str) -> None:
        """Has a policy opened, so that it is ready when it is asked; how that goes on is told by `lines`. Raises NotFound."""
        with self._changed:
            entry = self._entry(reference)
            if entry.policy is not None or any(wish.entry is entry for wish in self._line):
                return
            wish = self._wish(entry, threading.Event(), by_hand=True)
        threading.Thread(target=self._make_ready, args=(wish,), name="ready", daemon=True).start()

    def stop_loading(self, reference: str) -> None:
        """Gives up what `begin_loading` began, unless a run waits for the policy too. Raises NotFound."""
        with self._changed:
            entry = self._entry(reference)
            for wish in self._line:
                if wish.entry is entry and wish.by_hand:
                    wish.stop.set()
            self._changed.notify_all()

    @contextmanager
    def lend(self, reference: str, stop: threading.Event, tell: Callable[[str], None] = lambda words: None) -> Iterator[Policy]:
        """The policy, opened where it was not, and kept open for as long as the block runs. `tell` hears what is waited for.

        Raises NotFound for one that is not on the shelf, Stopped within a moment after `stop` is set, PolicyError where it cannot be had.
        """
        with self._changed:
            wish = self._wish(self._entry(reference), stop)
        policy = self._acquire(wish, tell)
        try:
            yield policy
        finally:
            with self._changed:
                wish.entry.users -= 1
                self._changed.notify_all()

    def close(self) -> None:
        """Closes every policy and gives up every opening. May be called twice."""
        with self._changed:
            self._closed = True
            entries = list(self._entries.values())
            loaders = [entry.loader for entry in entries if entry.loader]
            for entry in entries:
                if entry.loading:
                    entry.loading.set()
            self._changed.notify_all()
        for loader in loaders:
            loader.join(_FAREWELL)
        for entry in entries:
            policy, entry.policy = entry.policy, None
            if policy is not None:
                policy.close()

    def _entry(self, reference: str) -> _Entry:
        if reference not in self.references:
            raise NotFound(f"The policy {reference!r:.200} is not on the list: choose one that is, or have an admin add it.")
        return self._entries.setdefault(reference, _Entry(reference))

    @staticmethod
    def _refuse_in_use(entry: _Entry, runs: int) -> None:
        """Raises PolicyError where a run would lose its policy."""
        if runs:
            mend = "wait until it has ended, or stop it," if runs == 1 else "wait until they have ended, or stop them,"
            raise PolicyError(f"{name_of(entry.reference)} is in use by {runs} run{'s' * (runs > 1)}: {mend} then remove the policy.")

    def _wish(self, entry: _Entry, stop: threading.Event, *, by_hand: bool = False) -> _Wish:
        wish = _Wish(entry, stop, by_hand, entry.failures)
        self._line.append(wish)
        return wish

    def _make_ready(self, wish: _Wish) -> None:
        try:
            self._acquire(wish, lambda words: None)
        except PolicyError:
            # The shelf tells why.
            return
        with self._changed:
            wish.entry.users -= 1
            self._changed.notify_all()

    def _acquire(self, wish: _Wish, tell: Callable[[str], None]) -> Policy:
        """The policy, with one user more."""
        entry = wish.entry
        try:
            while True:
                with self._changed:
                    if (policy := self._ready_for(wish)) is not None:
                        entry.users += 1
                        return policy
                    words = self._told(entry).words
                tell(words)
                with self._changed:
                    self._changed.wait(_GLANCE)
        finally:
            with self._changed:
                self._line.remove(wish)
                if entry.loading and not any(other.entry is entry for other in self._line) and entry.users == 0:
                    entry.loading.set()
                self._changed.notify_all()

    def _ready_for(self, wish: _Wish) -> Policy | None:
        """The policy where it can be lent now; begins to open it where that is possible now. Raises PolicyError."""
        entry = wish.entry
        if self._closed:
            raise Stopped("The program is ending, and no policy is lent any more.")
        if wish.stop.is_set():
            raise Stopped("It was stopped before the policy was ready.")
        if entry.error is not None and entry.failures > wish.before:
            raise PolicyError(str(entry.error)) from entry.error
        if self._ahead(wish):
            return None
        if entry.policy is None and entry.loading is None and self._in_the_way(entry) is None:
            self._begin(entry)
        return entry.policy

    def _ahead(self, wish: _Wish) -> bool:
        """Whether somebody came before who waits for another checkpoint: else that would wait for ever while this one is asked."""
        if not wish.entry.local:
            return False
        before = self._line[: self._line.index(wish)]
        return any(one.entry.local and one.entry is not wish.entry for one in before)

    def _in_the_way(self, entry: _Entry) -> _Entry | None:
        """The checkpoint that has to go first, and cannot yet."""
        if not entry.local:
            return None
        return next((other for other in self._others(entry) if other.users or other.loading), None)

    def _others(self, entry: _Entry) -> list[_Entry]:
        """The other checkpoints on the shelf."""
        return [other for other in list(self._entries.values()) if other is not entry and other.local]

    def _begin(self, entry: _Entry) -> None:
        entry.loading, entry.words, entry.percent = threading.Event(), "is being opened", None
        entry.loader = threading.Thread(target=self._load, args=(entry, entry.loading), name="opening", daemon=True)
        entry.loader.start()

    def _make_room(self, entry: _Entry, stop: threading.Event) -> None:
        """Closes the checkpoint in memory for the one that is to be opened, which is looked for before. Raises PolicyError."""
        if not entry.local or not any(other.policy for other in self._others(entry)):
            return
        if self._find is not None:
            self._find(entry.reference, partial(self._heard, entry), stop)
        with self._changed:
            # While it was looked for, somebody may have been lent the other again.
            while self._in_the_way(entry) is not None and not stop.is_set():
                entry.words, entry.percent = self._waits_for(entry), None
                self._changed.wait(_GLANCE)
            if stop.is_set():
                raise Stopped("It was given up before it was opened.")
            leaving = []
            for other in self._others(entry):
                policy, other.policy = other.policy, None
                leaving += [policy] if policy else []
            entry.words = "is being opened"
        for policy in leaving:
            policy.close()

    def _load(self, entry: _Entry, stop: threading.Event) -> None:
        policy: Policy | None = None
        failed: SaccadeError = PolicyError(_DEFECT)
        try:
            self._make_room(entry, stop)
            policy = self._open(entry.reference, partial(self._heard, entry), stop)
        except SaccadeError as error:
            failed = error
        finally:
            with self._changed:
                entry.loading = entry.loader = None
                # While it was opened, the program may have ended, or the policy been removed.
                entry.policy = policy if not self._closed and entry.reference in self.references else None
                entry.card = entry.policy.card if entry.policy else entry.card
                if policy is None and not stop.is_set():
                    entry.failures, entry.error = entry.failures + 1, failed
                else:
                    entry.error = None
                self._changed.notify_all()
            if policy is not None and entry.policy is None:
                policy.close()

    def _heard(self, entry: _Entry, words: str, percent: float | None) -> None:
        with self._changed:
            entry.words, entry.percent = words, percent

    def _told(self, entry: _Entry) -> ShelfLine:
        state, words, percent = self._doing(entry)
        reference, listed = entry.reference, self._listed
        name = entry.policy.card.name if entry.policy else name_of(reference)
        told = is_replay(reference), listed.is_added(reference), reference == NEEDLE, listed.about(reference)
        return ShelfLine(reference, name, kind_of(reference), state, words, percent, *told)

    def _doing(self, entry: _Entry) -> tuple[PolicyState, str, float | None]:
        if entry.policy is not None and entry.users:
            return PolicyState.BUSY, f"is asked by {entry.users} run{'s' if entry.users > 1 else ''}", None
        if entry.policy is not None:
            return PolicyState.READY, "is ready", None
        if entry.loading is not None:
            words = "its opening is being given up" if entry.loading.is_set() else entry.words
            return PolicyState.LOADING, words, entry.percent
        if any(wish.entry is entry for wish in self._line):
            return PolicyState.LOADING, self._waits_for(entry), None
        if entry.error is not None:
            return PolicyState.FAILED, str(entry.error), None
        return PolicyState.IDLE, "plays back recorded runs" if is_replay(entry.reference) else "is opened when it is asked", None

    def _waits_for(self, entry: _Entry) -> str:
        other = self._in_the_way(entry)
        if other is None:
            return "waits for its turn"
        doing = "is asked" if other.users else "is being opened"
        return f"waits while {name_of(other.reference)} {doing}: one checkpoint at a time is in memory"
