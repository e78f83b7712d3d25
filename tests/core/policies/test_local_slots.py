"""Slots: who holds which, what lies in them, and that nobody waits for ever. Checked against a plain model of a cache."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from PIL import Image

from core.policies.conversation import Shown
from core.policies.local.places import Layout, lay_out
from core.policies.local.slots import PATIENCE, WORTH_COPYING, SlotBook

PAD = 99
CELL = 28


def layout_of(words: list[int], key: str | None = None) -> Layout:
    """Words, and behind the first of them a picture of two tokens."""
    shown = [] if key is None else [Shown(key, Image.new("RGB", (2 * CELL, CELL)))]
    return lay_out([*words[:1], *[PAD, PAD] * len(shown), *words[1:]], shown, image_id=PAD, cell=CELL)


def pieces_of(layout: Layout) -> list[object]:
    """What the model would be given, token by token."""
    told: list[object] = [int(token) for token in layout.ids]
    for place in layout.places:
        told[place.start : place.end] = [(place.shown.key, offset) for offset in range(place.end - place.start)]
    return told


layouts = st.builds(layout_of, st.lists(st.integers(0, 1), min_size=1, max_size=3 * WORTH_COPYING), st.sampled_from([None, "one", "two"]))


class Slots(RuleBasedStateMachine):
    """A cache as lists of what was read, beside the bookkeeping."""

    @initialize(most=st.integers(1, 3))
    def begin(self, most: int) -> None:
        self.book = SlotBook(most)
        self.cache: dict[int, list[object]] = {}
        self.writing: dict[int, tuple[int, list[object]]] = {}
        self.now = 0.0

    @rule(owner=st.integers(0, 4), layout=layouts)
    def admit(self, owner: int, layout: Layout) -> None:
        if owner in self.writing:
            return
        there = [slot.owner for slot in self.book.slots]
        may = self.book.has_room(owner, self.now)
        admission = self.book.admit(owner, layout, self.now)
        assert (admission is not None) == may
        if admission is None:
            # Everyone who holds a slot is writing, or rested only now.
            assert len(there) == self.book.most and owner not in there and None not in there
            return
        wanted = pieces_of(layout)
        if admission.source is not None:
            assert admission.source != admission.slot and admission.kept >= WORTH_COPYING
            self.cache[admission.slot] = self.cache[admission.source][: admission.kept]
        assert admission.kept < len(wanted)
        assert self.cache.get(admission.slot, [])[: admission.kept] == wanted[: admission.kept]
        self.cache[admission.slot] = wanted[: admission.kept]
        self.writing[owner] = (admission.slot, wanted)

    @precondition(lambda self: self.writing)
    @rule(data=st.data(), by=st.integers(1, 20))
    def grow(self, data: st.DataObject, by: int) -> None:
        owner = data.draw(st.sampled_from(sorted(self.writing)))
        slot, wanted = self.writing[owner]
        read = wanted[len(self.cache[slot]) :][:by]
        self.cache[slot] += read
        self.book.grow(slot, len(self.cache[slot]))

    @precondition(lambda self: self.writing)
    @rule(data=st.data(), words=st.lists(st.integers(0, 1), max_size=4))
    def finish(self, data: st.DataObject, words: list[int]) -> None:
        owner = data.draw(st.sampled_from(sorted(self.writing)))
        slot, wanted = self.writing[owner]
        if len(self.cache[slot]) < len(wanted):
            return
        del self.writing[owner]
        layout = self.book.slots[slot].layout
        assert layout is not None
        self.cache[slot] += words
        self.book.grow(slot, len(self.cache[slot]))
        whole = Layout(np.concatenate((layout.ids, np.asarray([*words, 1], dtype=np.int64))), layout.places, layout.positions, layout.after)
        self.book.rest(slot, whole, self.now)

    @rule(owner=st.integers(0, 4))
    def cancel(self, owner: int) -> None:
        self.writing.pop(owner, None)
        self.book.free(owner, self.now)
        assert self.book.slot_of(owner) is None

    @rule(owner=st.integers(0, 4))
    def spoil(self, owner: int) -> None:
        if owner in self.writing:
            slot = self.writing.pop(owner)[0]
            self.book.spoil(slot)
            self.cache[slot] = []

    @rule(seconds=st.sampled_from([0.0, 0.1, PATIENCE]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(owner=st.integers(5, 6), layout=layouts)
    def nobody_waits_for_who_rests(self, owner: int, layout: Layout) -> None:
        if len(self.writing) < self.book.most:
            seconds = self.book.seconds_to_wait(self.now)
            if not self.book.has_room(owner, self.now):
                assert seconds is not None
                self.now += seconds
            assert self.book.has_room(owner, self.now + 1e-9)

    @invariant()
    def nobody_shares_a_slot(self) -> None:
        if not hasattr(self, "book"):
            return
        owners = [slot.owner for slot in self.book.slots if slot.owner is not None]
        assert len(owners) == len(set(owners)) and len(self.book.slots) <= self.book.most
        for owner, (slot, _) in self.writing.items():
            assert self.book.slot_of(owner) == slot and not self.book.slots[slot].resting


TestSlots = Slots.TestCase


@given(layouts, layouts)
def test_what_two_conversations_share_is_the_same_to_the_model(one: Layout, other: Layout) -> None:
    shared = one.shared(other)
    assert shared == other.shared(one)
    assert pieces_of(one)[:shared] == pieces_of(other)[:shared]
    rest = pieces_of(one)[shared:], pieces_of(other)[shared:]
    # It is all there is, up to the beginning of a picture that differs or is cut.
    assert not rest[0] or not rest[1] or rest[0][0] != rest[1][0] or isinstance(rest[0][0], tuple)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60))
def test_a_conversation_shares_everything_with_itself(words: list[int]) -> None:
    assert layout_of(words, "one").shared(layout_of(words, "one")) == len(words) + 2
