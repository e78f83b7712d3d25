"""The language model's forward pass over many conversations at once, each with its own length, its keys and values in slots.

It runs the weights of transformers' Qwen2-VL, Qwen2.5-VL and Qwen3-VL classes and computes what their own forward does; the tests hold
it to that. It is written out here because a step then costs a third of the Python: the tokens of all conversations lie in one row
without padding, projections that share their input are one product, and nothing is prepared that a step does not need.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from core.policies.local.cache import SlotCache

# Positions of text come from a table of cosines and sines, made longer by so many when needed.
_TABLE = 4096
_ALIGNED = 64


@dataclass(frozen=True, slots=True)
class Piece:
    """Tokens start <= i < start + count of the conversation in a slot, to be encoded; those before them are in the cache."""

    slot: int
    start: int
    count: int


@dataclass(frozen=True, slots=True)
class PictureFeatures:
    """What the vision tower made of pictures: [tokens, hidden], and for Qwen3-VL the same for its first layers (DeepStack)."""

    embeds: torch.Tensor
    deep: tuple[torch.Tensor, ...] = ()


@dataclass(frozen=True, slots=True)
class Pass:
    """One forward pass: the tokens of all pieces, one piece behind the other.

    ids        [tokens]
    positions  [3, tokens]: time, row and column; [tokens] where all are text
    shown      which of the tokens show a picture, as indices, with their features
    """

    pieces: Sequence[Piece]
    ids: torch.Tensor
    positions: torch.Tensor
    shown: tuple[torch.Tensor, PictureFeatures] | None = None


class LanguageModel:
    """The language model of a checkpoint. `check` is called before every layer; what it raises ends the pass."""

    def __init__(self, model: Any, check: Callable[[], None]) -> None:
        whole = model.get_base_model() if hasattr(model, "get_base_model") else model
        self._text = whole.model.language_model
        self._head = whole.lm_head
        self._check = check
        config = self._text.config
        attention = self._text.layers[0].self_attn
        self._heads = config.num_attention_heads
        self._kv_heads = config.num_key_value_heads
        self._head_size = attention.head_dim
        self._scale = attention.scaling
        self.vocabulary = int(config.vocab_size)
        weight = self._text.embed_tokens.weight
        self.device, self.dtype = weight.device, weight.dtype
        self._layers = [_Layer(layer, self._heads, self._kv_heads, self._head_size) for layer in self._text.layers]
        self._cosines = self._sines = torch.empty(0)

    @property
    def weights_of_a_layer(self) -> int:
        """How many numbers a token meets in one layer."""
        return sum(weight.numel() for weight in self._text.layers[0].parameters())

    def cache(self) -> SlotCache:
        """An empty cache for it."""
        return SlotCache(len(self._layers), self._kv_heads, self._head_size, self.dtype, self.device)

    def __call__(self, what: Pass, cache: SlotCache) -> torch.Tensor:
        """Raw logits (float32, [pieces, vocabulary]) of what follows the last token of each piece; the cache then holds the pieces."""
        hidden = self._text.embed_tokens(what.ids)
        if what.shown is not None:
            hidden = hidden.index_copy(0, what.shown[0], what.shown[1].embeds.to(hidden.dtype))
        turned = self._rotations(what.positions)
        attention = _Attention(what.pieces, cache, self._heads, self._kv_heads, self._scale)
        for number, layer in enumerate(self._layers):
            self._check()
            hidden = layer(hidden, turned, attention, number)
            if what.shown is not None and number < len(what.shown[1].deep):
                hidden = hidden.index_add(0, what.shown[0], what.shown[1].deep[number].to(hidden.dtype))
        self._check()
        if len(what.pieces) < len(hidden):
            last = torch.tensor([piece.count for piece in what.pieces]).cumsum(0) - 1
            hidden = hidden[last.to(self.device)]
        logits: torch.Tensor = self._head(self._text.norm(hidden)).float()
        return logits

    def _rotations(self, positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Cosines and signed sines by which queries and keys are turned, [tokens, 1, head size]."""
        if positions.dim() == 2:
            cosines, sines = self._text.rotary_emb(self._text.embed_tokens.weight, positions[:, None])
            return cosines[0][:, None], _signed(sines[0])[:, None]
        if self._cosines.shape[0] <= (longest := int(positions.max())):
            upto = torch.arange((longest // _TABLE + 1) * _TABLE, device=self.device).expand(3, 1, -1)
            cosines, sines = self._text.rotary_emb(self._text.embed_tokens.weight, upto)
            self._cosines, self._sines = cosines[0], _signed(sines[0])
        return self._cosines[positions][:, None], self._sines[positions][:, None]


def _signed(sines: torch.Tensor) -> torch.Tensor:
    # Half a turn of (x1, x2) is (-x2, x1): the sign goes to the sines, so that a roll does the rest.
    half = sines.shape[-1] // 2
    return torch.cat((-sines[..., :half], sines[..., half:]), dim=-1)


class _Layer:
    """One decoder layer's weights."""

    def __init__(self, layer: Any, heads: int, kv_heads: int, head_size: int) -> None:
        attention = layer.self_attn
        self._first = _Norm(layer.input_layernorm)
        self._second = _Norm(layer.post_attention_layernorm)
        self._project = _joined((attention.q_proj, attention.k_proj, attention.v_proj))
        self._out = attention.o_proj
        self._norms = (_Norm(attention.q_norm), _Norm(attention.k_norm)) if hasattr(attention, "q_norm") else None
        self._mlp = _feed_forward(layer.mlp)
        self._heads, self._kv_heads, self._head_size = heads, kv_heads, head_size

    def __call__(self, hidden: torch.Tensor, turned: tuple[torch.Tensor, torch.Tensor], attention: _Attention, number: int) -> torch.Tensor:
        rows = self._project(self._first(hidden)).view(len(hidden), -1, self._head_size)
        both, values = rows[:, : self._heads + self._kv_heads], rows[:, self._heads + self._kv_heads :]
        if self._norms is not None:
            both = torch.cat((self._norms[0](both[:, : self._heads]), self._norms[1](both[:, self._heads :])), dim=1)
        cosines, sines = turned
        both = torch.addcmul(both * cosines, both.roll(self._head_size // 2, dims=-1), sines)
        mixed = attention(number, both[:, : self._heads], both[:, self._heads :], values)
        hidden = hidden + self._out(mixed)
        return hidden + self._mlp(self._second(hidden))


class _Norm:
    """Root mean square norm, rounded as transformers' own classes round."""

    def __init__(self, norm: Any) -> None:
        self._weight, self._epsilon = norm.weight, norm.variance_epsilon
        self._shape = tuple(norm.weight.shape)

    def __call__(self, hidden: torch.Tensor) -> torch.Tensor:
        return functional.rms_norm(hidden, self._shape, self._weight, self._epsilon)


class _Attention:
    """Attention of one pass: writes keys and values into the slots, and mixes the values for every token."""

    def __init__(self, pieces: Sequence[Piece], cache: SlotCache, heads: int, kv_heads: int, scale: float) -> None:
        self._cache, self._scale, self._kv_heads, self._group = cache, scale, kv_heads, heads // kv_heads
        slots = [piece.slot for piece in pieces for _ in range(piece.count)]
        tokens = [token for piece in pieces for token in range(piece.start, piece.start + piece.count)]
        where = torch.tensor((slots, tokens), device=cache.device)
        self._slots, self._tokens = where[0], where[1]
        self._together = _Together.of(pieces, cache)
        self._parts: list[tuple[slice, Piece, torch.Tensor | None]] = []
        begin = 0
        for piece in pieces:
            if piece.count > 1 or self._together is None:
                self._parts.append((slice(begin, begin + piece.count), piece, self._mask(piece)))
            begin += piece.count

    def __call__(self, layer: int, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        """[tokens, heads * head size] of queries, keys and values [tokens, heads, head size]."""
        all_keys, all_values = self._cache.keys[layer], self._cache.values[layer]
        all_keys[self._slots, :, self._tokens] = keys
        all_values[self._slots, :, self._tokens] = values
        if self._together is None:
            mixed = [self._one(queries[span], all_keys, all_values, piece, mask) for span, piece, mask in self._parts]
            return mixed[0] if len(mixed) == 1 else torch.cat(mixed)
        whole = queries.new_empty(len(queries), queries.shape[1] * queries.shape[2])
        grouped = queries[self._together.tokens].view(-1, self._kv_heads, self._group, queries.shape[2])
        whole[self._together.tokens] = self._together.mix(grouped, all_keys, all_values, self._scale)
        for span, piece, mask in self._parts:
            whole[span] = self._one(queries[span], all_keys, all_values, piece, mask)
        return whole

    def _one(
        self, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, piece: Piece, mask: torch.Tensor | None
    ) -> torch.Tensor:
        end = piece.start + piece.count
        known = keys[piece.slot : piece.slot + 1, :, :end]
        told = values[piece.slot : piece.slot + 1, :, :end]
        if piece.count == 1:
            # Queries that share a key head are asked as if they were several tokens: nothing is repeated.
            asked = queries.view(1, self._kv_heads, self._group, -1)
            return functional.scaled_dot_product_attention(asked, known, told, scale=self._scale).reshape(1, -1)
        mixed = functional.scaled_dot_product_attention(
            queries.transpose(0, 1)[None],
            known.repeat_interleave(self._group, dim=1),
            told.repeat_interleave(self._group, dim=1),
            attn_mask=mask,
            is_causal=mask is None,
            scale=self._scale,
        )
        return mixed[0].transpose(0, 1).reshape(piece.count, -1)

    def _mask(self, piece: Piece) -> torch.Tensor | None:
        """What is added to the scores of a piece that goes on from tokens in the cache."""
        if piece.count == 1 or piece.start == 0:
            return None
        shape = (piece.count, piece.start + piece.count)
        # Written as numbers once, because every layer would turn a mask of yes and no into them anew.
        return torch.full(shape, -torch.inf, dtype=self._cache.dtype, device=self._cache.device).triu_(piece.start + 1)


@dataclass(frozen=True, slots=True)
class _Together:
    """Pieces of one token each whose attention is one call: over all slots from the first of them to the last.

    tokens   where they are among the tokens of the pass
    slots    where they are among those slots
    mask     [slots, 1, 1, tokens]: what each of those slots holds; a slot of nobody here shows its first token
    """

    tokens: torch.Tensor
    slots: torch.Tensor
    first: int
    last: int
    mask: torch.Tensor

    @staticmethod
    def of(pieces: Sequence[Piece], cache: SlotCache) -> _Together | None:
        """None where one call for each is as good: for one of them alone, and where they lie far apart."""
        begins = [0, *itertools.accumulate(piece.count for piece in pieces)]
        single = [(begin, piece) for begin, piece in zip(begins, pieces, strict=False) if piece.count == 1]
        if len(single) < 2:
            return None
        first, last = min(piece.slot for _, piece in single), max(piece.slot for _, piece in single) + 1
        if last - first > 2 * len(single):
            return None
        held = [1] * (last - first)
        for _, piece in single:
            held[piece.slot - first] = piece.start + 1
        # Kernels like lengths that are a multiple of some power of two.
        longest = min(-(-max(held) // _ALIGNED) * _ALIGNED, cache.tokens)
        lengths = torch.tensor(held, device=cache.device)
        mask = torch.arange(longest, device=cache.device) < lengths[:, None]
        where = torch.tensor(([begin for begin, _ in single], [piece.slot - first for _, piece in single]), device=cache.device)
        return _Together(where[0], where[1], first, last, mask[:, None, None])

    def mix(self, grouped: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, scale: float) -> torch.Tensor:
        """[rows, heads * head size] of queries [rows, key heads, group, head size]."""
        asked = grouped.new_zeros(self.last - self.first, *grouped.shape[1:])
        asked[self.slots] = grouped
        known, told = (kept[self.first : self.last, :, : self.mask.shape[-1]] for kept in (keys, values))
        mixed = functional.scaled_dot_product_attention(asked, known, told, attn_mask=self.mask, scale=scale)
        return mixed[self.slots].reshape(len(grouped), -1)


def _joined(parts: Sequence[Any]) -> Callable[[torch.Tensor], torch.Tensor]:
    """Projections of one input as one. Where they are plain, their weights become parts of one matrix, in place of their own memory."""
    if not all(type(part) is nn.Linear for part in parts) or len({part.bias is None for part in parts}) > 1:
        return lambda hidden: torch.cat([part(hidden) for part in parts], dim=-1)
    weight = _one_tensor([part.weight for part in parts])
    bias = None if parts[0].bias is None else _one_tensor([part.bias for part in parts])
    return lambda hidden: functional.linear(hidden, weight, bias)


def _one_tensor(parts: Sequence[nn.Parameter]) -> torch.Tensor:
    whole = torch.cat([part.data for part in parts])
    begin = 0
    for part in parts:
        part.data = whole[begin : begin + len(part.data)]
        begin += len(part.data)
    return whole


def _feed_forward(mlp: Any) -> Callable[[torch.Tensor], torch.Tensor]:
    if not all(hasattr(mlp, name) for name in ("gate_proj", "up_proj", "down_proj", "act_fn")):
        return lambda hidden: mlp(hidden[None])[0]  # a mixture of experts: as transformers has it
    joined, down, activate = _joined((mlp.gate_proj, mlp.up_proj)), mlp.down_proj, mlp.act_fn

    def forward(hidden: torch.Tensor) -> torch.Tensor:
        gate, up = joined(hidden).chunk(2, dim=-1)
        result: torch.Tensor = down(activate(gate) * up)
        return result

    return forward
