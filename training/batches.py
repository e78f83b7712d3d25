"""Dialogs side by side, as the forward passes of Qwen2-VL, Qwen2.5-VL and Qwen3-VL take them."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from core.errors import TrainingError
from core.policies.local.rendering import Rendering
from training.dialogs import Dialog

# What transformers' losses pass over.
NOT_LEARNT = -100


class Collator:
    """Makes batches. Raises TrainingError for a tokenizer without a token to fill up with.

    rendering  of the checkpoint that is trained: it makes the pixels
    """

    def __init__(self, rendering: Rendering) -> None:
        filler = rendering.tokenizer.pad_token_id
        self._filler = rendering.tokenizer.eos_token_id if filler is None else filler
        if self._filler is None:
            raise TrainingError("The tokenizer has no token to fill up shorter dialogs with: give it a pad token.")
        self._rendering = rendering

    def __call__(self, dialogs: Sequence[Dialog]) -> dict[str, torch.Tensor]:
        """A batch; shorter dialogs are filled up at the right.

        input_ids, attention_mask, labels   int64, [dialogs, tokens]; labels are -100 where nothing is learnt
        mm_token_type_ids                   int64, [dialogs, tokens]: 1 on picture pads, 0 elsewhere
        pixel_values, image_grid_thw        the pictures of all dialogs, one after the other: float32 [patches, values] and int64
                                            [pictures, 3]; left out where no dialog has any
        weights                             float32, [dialogs]; to be taken out before the forward pass
        """
        if not dialogs:
            raise TrainingError("A batch needs at least one dialog.")
        width = max(len(dialog.ids) for dialog in dialogs)
        ids = torch.tensor([_filled(dialog.ids, width, self._filler) for dialog in dialogs])
        there = torch.tensor([_filled([1] * len(dialog.ids), width, 0) for dialog in dialogs])
        learnt = torch.tensor([_filled(dialog.learnt, width, False) for dialog in dialogs])
        batch = {
            "input_ids": ids,
            "attention_mask": there,
            "labels": ids.masked_fill(~learnt, NOT_LEARNT),
            "mm_token_type_ids": ((ids == self._rendering.image_id) & there.bool()).long(),
            "weights": torch.tensor([dialog.weight for dialog in dialogs], dtype=torch.float32),
        }
        made = [self._rendering.pixels(shown) for dialog in dialogs for shown in dialog.pictures]
        if made:
            batch["pixel_values"] = torch.cat([pixels for pixels, _ in made])
            batch["image_grid_thw"] = torch.cat([grid for _, grid in made])
        return batch


def _filled(values: Sequence[int], width: int, filler: int) -> list[int]:
    return [*values, *[filler] * (width - len(values))]
