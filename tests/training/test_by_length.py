"""Rollouts of like length are computed together, and nothing of what is learnt changes by it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.by_length import ROWS, in_parts, parts_of


def masks(prompts: list[int], completions: list[int]) -> torch.Tensor:
    """Prompts end where completions begin, as TRL lays them."""
    before, behind = max(prompts), max(completions)
    rows = [
        [0] * (before - prompt) + [1] * (prompt + completion) + [0] * (behind - completion)
        for prompt, completion in zip(prompts, completions, strict=True)
    ]
    return torch.tensor(rows)


LENGTHS = st.lists(st.tuples(st.integers(2, 30), st.integers(1, 120)), min_size=1, max_size=40)


@given(lengths=LENGTHS)
@settings(max_examples=100, deadline=None)
def test_parts_hold_every_row_once_and_every_token(lengths: list[tuple[int, int]]) -> None:
    mask = masks([prompt for prompt, _ in lengths], [completion for _, completion in lengths])
    parts = parts_of(mask)
    if not parts:
        return
    assert sorted(row for part in parts for row in part.rows) == list(range(len(lengths)))
    assert all(len(part.rows) <= ROWS for part in parts)
    kept = sum(int(mask[list(part.rows), part.start : part.end].sum()) for part in parts)
    assert kept == int(mask.sum())


def test_rows_of_one_length_are_left_together() -> None:
    assert parts_of(masks([5] * 32, [20] * 32)) == ()


@given(lengths=st.lists(st.tuples(st.integers(2, 12), st.integers(1, 90)), min_size=20, max_size=40), seed=st.integers(0, 2**31))
@settings(max_examples=50, deadline=None)
def test_what_comes_back_is_that_of_one_pass_with_its_gradient(lengths: list[tuple[int, int]], seed: int) -> None:
    """The pass: a token's weight, plus the sum of its row's first picture and its neighbour to the left; only of tokens that are there."""
    prompts, completions = zip(*lengths, strict=True)
    mask = masks(list(prompts), list(completions))
    chance = torch.Generator().manual_seed(seed)
    ids = torch.randint(1, 50, mask.shape, generator=chance) * mask
    keep = max(completions)
    counts = [1 + row % 3 for row in range(len(lengths))]
    grid = torch.tensor([[1, 1 + image % 2, 2] for image in range(sum(counts))])
    pixels = torch.randn((int(grid.prod(-1).sum()), 4), generator=chance, dtype=torch.float64)
    named = {"image_grid_thw": grid, "pixel_values": pixels, "num_images": counts, "mm_token_type_ids": ids % 2, "compute_entropy": True}
    weights = [torch.randn(50, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).requires_grad_() for _ in range(2)]

    def scored(weight: torch.Tensor) -> Any:
        def score(part: torch.Tensor, there: torch.Tensor, kept: int, **told: Any) -> Any:
            of_row = told["pixel_values"].sum(-1).split(told["image_grid_thw"].prod(-1).tolist())
            images = torch.stack([one.sum() for one in of_row]).split(list(told["num_images"]))
            pictures = torch.stack([one[0] + one.sum() for one in images])[:, None]
            left = torch.cat([torch.zeros_like(part[:, :1]), part[:, :-1]], 1)
            found = (weight[part] + pictures + weight[left] * 0.5 + told["mm_token_type_ids"]) * there
            return found[:, -kept:], (2 * found)[:, -kept:]

        return score

    parts = parts_of(mask)
    whole, entropy = scored(weights[0])(ids, mask, keep, **named)
    whole.sum().backward()
    if not parts:
        return
    found, its_entropy = in_parts(scored(weights[1]), ids, mask, keep, parts, named)
    found.sum().backward()
    assert its_entropy is not None
    torch.testing.assert_close(found, whole)
    torch.testing.assert_close(its_entropy, entropy)
    torch.testing.assert_close(weights[1].grad, weights[0].grad)


@pytest.mark.parametrize("rows", [1, ROWS])
def test_few_rows_of_one_length_need_no_parts(rows: int) -> None:
    assert parts_of(masks([4] * rows, [9] * rows)) == ()
