"""Which token comes next: chosen for many rows at once, each by its own settings and its own stream of chance.

A token is drawn in the order of likelihood: the row's next number between 0 and 1 says how far along the probability it lies. So a token
depends on the row's seed and logits alone, never on the rows beside it, and the few likeliest tokens are nearly always enough to look at.
Only where they are not is a row sorted as a whole.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import torch

from core.policies.conversation import Sampling

Chooser = Callable[[int, Sequence[int], torch.Tensor], int | None]
"""Picks a token itself: given the row, the turn's tokens so far and the raw logits [vocabulary]. None: it is sampled as usual."""

# How many of the likeliest tokens are fetched for every row. At the temperatures in use the nucleus is far smaller.
_LIKELIEST = 64
# Colder than this is the likeliest token anyway, and would leave the range of the numbers.
_COLDEST = 1e-6


@dataclass(frozen=True, slots=True)
class Draw:
    """What a row's token is drawn by; `chance` is its stream of numbers."""

    sampling: Sampling
    chance: random.Random


@dataclass(frozen=True, slots=True)
class Chosen:
    """A token with the natural logarithm of its probability at temperature 1, nothing left out."""

    token: int
    logprob: float


def stream_of_chance(seed: int, context: int) -> random.Random:
    """The numbers that draw one turn. The number of tokens before it takes part, so that turns of one seed are not drawn alike."""
    return random.Random(f"{seed} {context}")


def forbidding(never: Collection[int], vocabulary: int, device: torch.device) -> torch.Tensor:
    """[vocabulary], float32: minus infinity for tokens that must not be sampled, 0 for the others; added to logits."""
    mask = torch.zeros(vocabulary, device=device)
    if tokens := [token for token in never if 0 <= token < vocabulary]:
        mask[torch.tensor(tokens, device=device)] = -torch.inf
    return mask


def choose(logits: torch.Tensor, forbidden: torch.Tensor, draws: Sequence[Draw]) -> list[Chosen]:
    """A token for each row of `logits` ([rows, vocabulary], float32), none of those that `forbidden` rules out."""
    whole = torch.logsumexp(logits, dim=-1)
    allowed = logits + forbidden
    if all(draw.sampling.temperature == 0 for draw in draws):
        best, token = allowed.max(dim=-1)
        # One transfer from the device for both: float64 holds the numbers of tokens exactly.
        pairs = torch.stack(((best - whole).double(), token.double()), dim=1).tolist()
        return [Chosen(int(token), logprob) for logprob, token in pairs]
    warmth = torch.tensor([_warmth(draw.sampling) for draw in draws], dtype=logits.dtype, device=logits.device)[:, None]
    best, token = allowed.topk(min(_LIKELIEST, allowed.shape[1]), dim=-1)
    shares = torch.exp(best / warmth - torch.logsumexp(allowed / warmth, dim=-1, keepdim=True))
    rows = torch.stack(((best - whole[:, None]).double(), shares.double(), token.double()), dim=1).tolist()
    return [_of_row(row, draw, logits[index], allowed[index]) for index, (row, draw) in enumerate(zip(rows, draws, strict=True))]


def logprob_of(logits: torch.Tensor, token: int) -> float:
    """The natural logarithm of a token's probability under raw logits [vocabulary]."""
    return float(logits[token] - torch.logsumexp(logits, dim=-1))


def _warmth(sampling: Sampling) -> float:
    return max(sampling.temperature, _COLDEST) if sampling.temperature else 1.0


def _of_row(likeliest: list[list[float]], draw: Draw, logits: torch.Tensor, allowed: torch.Tensor) -> Chosen:
    logprobs, shares, tokens = likeliest
    if draw.sampling.temperature == 0:
        return Chosen(int(tokens[0]), logprobs[0])
    along = draw.chance.random()
    found = _drawn(logprobs, shares, tokens, draw.sampling, along, everything=False)
    return found or _drawn_from_all(logits, allowed, draw.sampling, along)


def _drawn(
    logprobs: list[float], shares: list[float], tokens: list[float], sampling: Sampling, along: float, *, everything: bool
) -> Chosen | None:
    """The token at `along` (0 to 1) of the probability of those that may be drawn; the lists begin with the likeliest token.

    None where the lists are not `everything`, and the token may lie beyond them.
    """
    if sampling.top_k > len(shares) and not everything:
        return None
    # Top-k first, then top-p of what that leaves, as vLLM and transformers do.
    most = min(sampling.top_k or len(shares), len(shares))
    wanted = sampling.top_p * (sum(shares[:most]) if sampling.top_k else 1.0)
    kept, reached = 0.0, []
    for share in shares[:most]:
        kept += share
        reached.append(kept)
        if kept >= wanted:
            break
    known = everything or kept >= wanted or len(reached) == sampling.top_k
    if not known and sampling.top_p < 1:
        return None
    target = along * (kept if known else 1.0)
    for index, sum_so_far in enumerate(reached):
        if target < sum_so_far:
            return Chosen(int(tokens[index]), logprobs[index])
    # Rounding may leave the last one out; one without any probability is never it.
    return Chosen(int(tokens[0]), logprobs[0]) if known else None


def _drawn_from_all(logits: torch.Tensor, allowed: torch.Tensor, sampling: Sampling, along: float) -> Chosen:
    shares, tokens = torch.softmax(allowed.double() / _warmth(sampling), dim=-1).sort(descending=True)
    logprobs = torch.log_softmax(logits.double(), dim=-1)[tokens]
    found = _drawn(logprobs.tolist(), shares.tolist(), tokens.tolist(), sampling, along, everything=True)
    assert found is not None
    return found
