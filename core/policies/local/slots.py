"""Which conversation holds which slot of the key-value cache, and what each slot holds. Bookkeeping alone: no tensor is touched here.

A slot is held while its conversation is being written, and for a while after its turn, so that its next turn finds what was computed.
What lies in a slot stays there also when nobody holds it any more: a conversation that begins alike takes it over, or copies it.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from core.policies.local.places import Layout

# A conversation that is between its turns keeps its slot for so many seconds against others that wait. Cutting out a crop takes
# thousandths of one; without the wait, more conversations than slots would take the slots from one another at every turn.
PATIENCE = 0.5
# Copying a shorter beginning from another slot costs more than it saves.
WORTH_COPYING = 16


@dataclass(slots=True)
class Slot:
    """One slot. `layout` describes a conversation of whose tokens the first `held` are in the cache.

    owner    who holds it; None: nobody
    resting  its owner is between two turns
    since    when that, or nobody's holding it, began
    """

    layout: Layout | None = None
    held: int = 0
    owner: Hashable | None = None
    resting: bool = False
    since: float = 0.0

    def shares(self, layout: Layout) -> int:
        """How many of a conversation's first tokens are in the cache here."""
        return min(self.held, self.layout.shared(layout)) if self.layout is not None else 0


@dataclass(frozen=True, slots=True)
class Admission:
    """A conversation got `slot`; its first `copied` tokens are to be copied from the slot `source`, or are there already (None).

    `kept` tokens are then in the cache.
    """

    slot: int
    kept: int
    source: int | None = None


class SlotBook:
    """The slots of a cache, at most `most` of them."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.slots: list[Slot] = []

    def slot_of(self, owner: Hashable) -> int | None:
        """The slot that somebody holds."""
        return next((number for number, slot in enumerate(self.slots) if slot.owner == owner), None)

    def has_room(self, owner: Hashable, now: float) -> bool:
        """Whether `admit` would find a slot: quickly told."""
        return (
            len(self.slots) < self.most
            or any(slot.owner is None or slot.owner == owner for slot in self.slots)
            or any(slot.resting and now - slot.since >= PATIENCE for slot in self.slots)
        )

    def admit(self, owner: Hashable, layout: Layout, now: float) -> Admission | None:
        """Give a conversation a slot: the one it holds, else the best that can be had; None while there is none.

        The last token is never among the kept ones: the model has to take it to say what follows.
        """
        number = self.slot_of(owner)
        if number is None:
            number = self._best_for(layout, now)
        if number is None:
            return None
        here = self.slots[number].shares(layout)
        source, there = self._donor(layout, number)
        if there < here + WORTH_COPYING:
            source, there = None, here
        kept = min(there, len(layout.ids) - 1)
        self.slots[number] = Slot(layout, kept, owner, False, now)
        return Admission(number, kept, source)

    def grow(self, number: int, held: int) -> None:
        """So many tokens of the slot's conversation are in the cache now."""
        self.slots[number].held = held

    def rest(self, number: int, layout: Layout, now: float) -> None:
        """The slot's conversation, now as `layout`, has ended its turn and keeps the slot for a while."""
        slot = self.slots[number]
        slot.layout, slot.resting, slot.since = layout, True, now

    def free(self, owner: Hashable, now: float) -> None:
        """Somebody holds no slot any more."""
        if (number := self.slot_of(owner)) is not None:
            slot = self.slots[number]
            slot.owner, slot.resting, slot.since = None, False, now

    def spoil(self, number: int) -> None:
        """Nobody knows what is in the slot any more."""
        self.slots[number] = Slot()

    def seconds_to_wait(self, now: float) -> float | None:
        """How long until a resting slot may be taken from its owner; None where none rests."""
        return min((max(0.0, slot.since + PATIENCE - now) for slot in self.slots if slot.resting), default=None)

    def _best_for(self, layout: Layout, now: float) -> int | None:
        free = [number for number, slot in enumerate(self.slots) if slot.owner is None]
        if free:
            # The one with the most of it; else a new one, so that what lies in the others is kept; else the one unused for longest.
            best = max(free, key=lambda number: self.slots[number].shares(layout))
            if self.slots[best].shares(layout) >= WORTH_COPYING:
                return best
        if len(self.slots) < self.most:
            self.slots.append(Slot())
            return len(self.slots) - 1
        if free:
            return min(free, key=lambda number: self.slots[number].since)
        resting = [number for number, slot in enumerate(self.slots) if slot.resting and now - slot.since >= PATIENCE]
        return min(resting, key=lambda number: self.slots[number].since, default=None)

    def _donor(self, layout: Layout, but: int) -> tuple[int | None, int]:
        found, most = None, 0
        for number, slot in enumerate(self.slots):
            if number != but and (here := slot.shares(layout)) > most:
                found, most = number, here
        return found, most
