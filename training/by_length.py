"""Rollouts of like length are computed together: a batch has the longest one's length, and most rollouts of several turns have half of it.

What comes back is what one pass over the whole batch gives, but for rounding, and for columns that are nobody's, which are 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import pad

# Rows of a part. Fewer rows would waste less padding, and more time between two passes.
ROWS = 8
# Parts are worth their passes where they have at most this share of the batch's tokens, padding included.
_WORTH = 0.85

Scored = tuple[torch.Tensor, torch.Tensor | None]
Pass = Callable[..., Scored]


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of a batch, and the columns that any of them has: from `start` up to `end`."""

    rows: tuple[int, ...]
    start: int
    end: int


def parts_of(mask: torch.Tensor) -> tuple[Part, ...]:
    """The parts of a batch, [rows, columns] with 1 where a token is; none where one pass over all is as good."""
    held = mask.bool()
    columns = held.shape[1]
    order = held.sum(1).argsort(stable=True).tolist()
    parts = list[Part]()
    for first in range(0, len(order), ROWS):
        rows = tuple(order[first : first + ROWS])
        there = held[list(rows)].any(0).nonzero()
        parts.append(Part(rows, int(there.min()), int(there.max()) + 1))
    tokens = sum(len(part.rows) * (part.end - part.start) for part in parts)
    return tuple(parts) if tokens <= _WORTH * len(order) * columns else ()


def in_parts(score: Pass, ids: torch.Tensor, mask: torch.Tensor, keep: int, parts: Sequence[Part], named: dict[str, Any]) -> Scored:
    """Log-probabilities and entropies, [rows, keep], of the last `keep` columns.

    score  one pass: (ids, mask, keep, **named) -> both; named as TRL does, its pictures one after the other. Every row has tokens before
           those columns, its prompt
    """
    found = list[Scored]()
    for part in parts:
        rows, beyond = list(part.rows), ids.shape[1] - part.end
        columns = slice(part.start, part.end)
        logps, entropies = score(ids[rows, columns], mask[rows, columns], keep - beyond, **_named(named, part))
        found.append((pad(logps, (0, beyond)), None if entropies is None else pad(entropies, (0, beyond))))
    back = torch.tensor([row for part in parts for row in part.rows], device=ids.device).argsort()
    entropies = [one for _, one in found if one is not None]
    return torch.cat([logps for logps, _ in found])[back], torch.cat(entropies)[back] if entropies else None


def _named(named: dict[str, Any], part: Part) -> dict[str, Any]:
    """What a part has of the pictures, and of what stands beside every token."""
    grid, pixels, counts = named["image_grid_thw"], named["pixel_values"], named["num_images"]
    images = torch.arange(len(grid)).split(list(counts))
    patches = torch.arange(len(pixels)).split(grid.prod(-1).tolist())
    mine = [int(image) for row in part.rows for image in images[row]]
    told = {
        **named,
        "image_grid_thw": grid[mine],
        "pixel_values": pixels[torch.cat([patches[image] for image in mine])],
        "num_images": [counts[row] for row in part.rows],
    }
    beside = named.get("mm_token_type_ids")
    return told if beside is None else {**told, "mm_token_type_ids": beside[list(part.rows), part.start : part.end]}
