"""Room for keys and values: what is there is kept while it grows, and a small cache does not move at every conversation that comes."""

from __future__ import annotations

import pytest
import torch

from core.policies.local import cache
from core.policies.local.cache import SlotCache

CPU = torch.device("cpu")


def filled(layers: int, slots: int) -> tuple[SlotCache, int]:
    """A cache to which so many slots came one by one, each with its number written in; and how often it moved."""
    made, moves = SlotCache(layers, heads=2, head_size=8, dtype=torch.float32, device=CPU), 0
    for slot in range(slots):
        before = made.keys[0].data_ptr()
        made.reserve(slot + 1, 100)
        moves += made.keys[0].data_ptr() != before
        for kept in (*made.keys, *made.values):
            kept[slot] = slot
    return made, moves


def test_a_small_cache_grows_by_doubling_and_keeps_what_is_there() -> None:
    made, moves = filled(3, 64)
    assert moves <= 7 and made.slots == 64
    for kept in (*made.keys, *made.values):
        assert torch.equal(kept[:, 0, 0, 0], torch.arange(64.0))
    made.reserve(64, 2000)
    assert made.tokens >= 2000 and torch.equal(made.values[2][:, 1, 511, 7], torch.arange(64.0))


def test_a_large_one_takes_no_memory_for_conversations_that_have_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_SMALL", 0)
    made, moves = filled(2, 9)
    assert (made.slots, moves) == (9, 9) and made.bytes == 2 * 2 * 9 * 2 * 512 * 8 * 4
