"""Sampling: by temperature, top-p and top-k, from each row's own stream of numbers."""

from __future__ import annotations

import random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.policies.conversation import GREEDY, Sampling
from core.policies.local.choosing import Draw, choose, forbidding, logprob_of, stream_of_chance

CPU = torch.device("cpu")


def logits_of(seed: int, rows: int, vocabulary: int, spread: float = 3.0) -> torch.Tensor:
    return torch.randn(rows, vocabulary, generator=torch.Generator().manual_seed(seed)) * spread


def nucleus(logits: torch.Tensor, sampling: Sampling) -> dict[int, float]:
    """The tokens that may be drawn, with their probabilities, found the plain way."""
    shares, order = torch.softmax(logits.double() / sampling.temperature, dim=-1).sort(descending=True)
    if sampling.top_k:
        shares, order = shares[: sampling.top_k] / shares[: sampling.top_k].sum(), order[: sampling.top_k]
    kept: dict[int, float] = {}
    for share, token in zip(shares.tolist(), order.tolist(), strict=True):
        if sum(kept.values()) >= sampling.top_p:
            break
        kept[token] = share
    whole = sum(kept.values())
    return {token: share / whole for token, share in kept.items()}


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(1.0),
        Sampling(0.5, top_p=0.99),
        Sampling(1.0, top_p=0.7),
        Sampling(2.0, top_k=5),
        Sampling(2.0, top_p=0.6, top_k=5),
        Sampling(1.5, top_p=0.8, top_k=30),
        Sampling(5.0),
        Sampling(5.0, top_p=0.9),
        Sampling(5.0, top_k=200),
    ],
)
def test_tokens_come_as_often_as_they_should(sampling: Sampling) -> None:
    # 300 tokens at a temperature of 5 are more than the likeliest ones that are looked at first.
    logits = logits_of(1, 1, 300)
    expected = nucleus(logits[0], sampling)
    draws = [Draw(sampling, random.Random(number)) for number in range(4000)]
    chosen = choose(logits.expand(4000, -1), forbidding((), 300, CPU), draws)
    counts: dict[int, int] = {}
    for one in chosen:
        counts[one.token] = counts.get(one.token, 0) + 1
        assert one.logprob == pytest.approx(logprob_of(logits[0], one.token), abs=1e-5)
    assert set(counts) <= set(expected)
    for token, share in expected.items():
        # Five standard deviations of a share of 4,000 draws.
        assert abs(counts.get(token, 0) / 4000 - share) <= 5 * (share * (1 - share) / 4000) ** 0.5 + 1e-3


@given(st.integers(0, 1000), st.integers(1, 6), st.floats(0.1, 3), st.floats(0.05, 1), st.integers(0, 20), st.integers(0, 2**40))
def test_a_row_is_drawn_as_if_it_were_alone(seed: int, rows: int, temperature: float, top_p: float, top_k: int, chance: int) -> None:
    logits, none = logits_of(seed, rows, 100), forbidding((), 100, CPU)
    settings = [Sampling(temperature, top_p, top_k), GREEDY, Sampling(1.0)]
    together = choose(logits, none, [Draw(settings[row % 3], stream_of_chance(chance + row, 7)) for row in range(rows)])
    for row in range(rows):
        alone = choose(logits[row : row + 1], none, [Draw(settings[row % 3], stream_of_chance(chance + row, 7))])[0]
        assert alone.token == together[row].token
        if settings[row % 3].temperature == 0:
            assert alone.token == int(logits[row].argmax())


@given(st.integers(0, 1000), st.floats(0, 3), st.integers(0, 2**40))
def test_forbidden_tokens_are_never_drawn(seed: int, temperature: float, chance: int) -> None:
    logits = logits_of(seed, 1, 90)
    never = set(logits[0].topk(80).indices.tolist())
    one = choose(logits, forbidding(never, 90, CPU), [Draw(Sampling(temperature), random.Random(chance))])[0]
    assert one.token not in never and one.logprob == pytest.approx(logprob_of(logits[0], one.token), abs=1e-5)


def test_turns_of_one_seed_are_not_drawn_alike() -> None:
    first, second, again = (stream_of_chance(3, context).random() for context in (10, 11, 10))
    assert first == again != second
