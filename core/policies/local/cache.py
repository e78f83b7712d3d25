"""Keys and values of what was encoded, kept in slots: a row of tokens for each conversation, each as long as that conversation is."""

from __future__ import annotations

import torch

# Sizes grow in such steps, so that a conversation that goes on word by word rarely moves its cache.
_TOKENS = 512
# As long as all of it is so small, twice as many slots are made at a time: making one alone moves all others, which costs a small model
# more than its steps. A large model's memory is not to be taken for conversations that may never come.
_SMALL = 256 * 2**20


class SlotCache:
    """For every layer keys and values of shape [slots, heads, tokens, head size], made larger when more is needed."""

    def __init__(self, layers: int, heads: int, head_size: int, dtype: torch.dtype, device: torch.device) -> None:
        self.heads, self.head_size, self.dtype, self.device = heads, head_size, dtype, device
        self.keys = [self._empty(0, 0) for _ in range(layers)]
        self.values = [self._empty(0, 0) for _ in range(layers)]
        self.slots = 0
        self.tokens = 0

    @property
    def bytes(self) -> int:
        """How much memory it takes up."""
        return sum(kept.numel() * kept.element_size() for kept in (*self.keys, *self.values))

    def reserve(self, slots: int, tokens: int) -> None:
        """Make room for so many slots of so many tokens; what is there is kept. Raises torch's errors where memory is lacking."""
        if slots <= self.slots and tokens <= self.tokens:
            return
        if tokens > self.tokens:
            tokens = -(-max(tokens, self.tokens + self.tokens // 2) // _TOKENS) * _TOKENS
        tokens = max(tokens, self.tokens)
        if slots > self.slots and self._bytes_of(ahead := 2 * self.slots, tokens) <= _SMALL:
            slots = max(slots, ahead)
        slots = max(slots, self.slots)
        # Layer by layer, so that only one of them is there twice. Until all are done the old sizes hold: a layer that is
        # larger already serves them as well.
        for number in range(len(self.keys)):
            self.keys[number] = self._enlarged(self.keys[number], slots, tokens)
            self.values[number] = self._enlarged(self.values[number], slots, tokens)
        self.slots, self.tokens = slots, tokens

    def _bytes_of(self, slots: int, tokens: int) -> int:
        return 2 * len(self.keys) * slots * self.heads * tokens * self.head_size * int(self.dtype.itemsize)

    def copy(self, source: int, target: int, tokens: int) -> None:
        """Copy a slot's first tokens into another slot."""
        for kept in (*self.keys, *self.values):
            kept[target, :, :tokens].copy_(kept[source, :, :tokens])

    def clear(self) -> None:
        """Give the memory back."""
        self.keys = [self._empty(0, 0) for _ in self.keys]
        self.values = [self._empty(0, 0) for _ in self.values]
        self.slots = self.tokens = 0

    def _enlarged(self, old: torch.Tensor, slots: int, tokens: int) -> torch.Tensor:
        if old.shape[0] >= slots and old.shape[2] >= tokens:
            return old
        made = self._empty(max(slots, old.shape[0]), max(tokens, old.shape[2]))
        made[: old.shape[0], :, : old.shape[2]] = old
        return made

    def _empty(self, slots: int, tokens: int) -> torch.Tensor:
        # Zeros, not whatever lay in memory: attention multiplies what it leaves out by 0, and 0 times NaN is NaN.
        return torch.zeros(slots, self.heads, tokens, self.head_size, dtype=self.dtype, device=self.device)
