"""Batches: what a forward pass takes, and a loss that only what the model wrote takes part in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from core.errors import TrainingError
from core.policies.local.loading import LoadedModel
from core.policies.local.untrained import ModelType
from core.records import Writer
from core.rollout.values import Rollout
from core.trace import Author
from tests.core.rollout.speaking import painted
from tests.training.led import ANSWER, SCRIPTS, record_of, small
from tests.training.test_dialogs import record
from training.batches import NOT_LEARNT, Collator
from training.dialogs import Dialog, dialog_of

Led = Callable[[LoadedModel, str], Rollout]


def dialogs_of(loaded: LoadedModel, rolled_out: Led, *names: str) -> list[Dialog]:
    """The dialogs of scripts, each with a weight of its own."""
    return [
        dialog_of(record_of(rolled_out(loaded, name).trace, weight), painted(120, 80), loaded.rendering, loaded.card)
        for weight, name in enumerate(names, start=1)
    ]


def forward(loaded: LoadedModel, batch: dict[str, torch.Tensor]) -> Any:
    return loaded.model(**{name: values for name, values in batch.items() if name != "weights"})


def loss_of(loaded: LoadedModel, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    loss: torch.Tensor = loaded.model.loss_function(logits=logits, labels=labels, vocab_size=logits.shape[-1])
    return loss


def test_a_batch_has_every_dialog_in_its_row(looking: LoadedModel, rolled_out: Led) -> None:
    dialogs = dialogs_of(looking, rolled_out, *SCRIPTS)
    batch = Collator(looking.rendering)(dialogs)
    for row, dialog in enumerate(dialogs):
        there = batch["attention_mask"][row].bool()
        assert there.tolist() == [True] * len(dialog.ids) + [False] * (there.shape[0] - len(dialog.ids))
        assert tuple(batch["input_ids"][row][there].tolist()) == dialog.ids
        wanted = [token if learnt else NOT_LEARNT for token, learnt in zip(dialog.ids, dialog.learnt, strict=True)]
        assert batch["labels"][row][there].tolist() == wanted
        assert (batch["labels"][row][~there] == NOT_LEARNT).all()
        pads = batch["mm_token_type_ids"][row].tolist()
        assert pads[: len(dialog.ids)] == [int(token == looking.rendering.image_id) for token in dialog.ids] and not any(
            pads[len(dialog.ids) :]
        )
    made = [looking.rendering.pixels(shown) for dialog in dialogs for shown in dialog.pictures]
    assert torch.equal(batch["pixel_values"], torch.cat([pixels for pixels, _ in made]))
    assert torch.equal(batch["image_grid_thw"], torch.cat([grid for _, grid in made]))
    assert batch["weights"].tolist() == [dialog.weight for dialog in dialogs]


@pytest.mark.parametrize("family", ModelType)
def test_a_dialog_beside_others_is_the_one_it_is_alone(
    loaded_models: dict[ModelType, LoadedModel], rolled_out: Led, family: ModelType
) -> None:
    loaded = small(loaded_models[family])
    dialogs = dialogs_of(loaded, rolled_out, "single turn", "looks", "a forced answer")
    collate = Collator(loaded.rendering)
    with torch.no_grad():
        together = forward(loaded, collate(dialogs)).logits
        for row, dialog in enumerate(dialogs):
            alone = forward(loaded, collate([dialog])).logits[0]
            assert torch.allclose(together[row, : len(dialog.ids)], alone, atol=1e-4)


def test_only_what_the_model_wrote_moves_the_loss(looking: LoadedModel, rolled_out: Led) -> None:
    """The gradient of the model's own loss in every logit: zero where the next token was shown, asked, injected or filled up."""
    dialogs = dialogs_of(looking, rolled_out, *SCRIPTS)
    batch = Collator(looking.rendering)(dialogs)
    with torch.no_grad():
        made = forward(looking, batch)
    logits = made.logits.clone().requires_grad_()
    loss = loss_of(looking, logits, batch["labels"])
    assert torch.equal(loss, made.loss)
    loss.backward()
    assert logits.grad is not None
    moves = logits.grad.abs().amax(dim=-1) > 0
    for row, dialog in enumerate(dialogs):
        # The logits of a place are those of the token behind it.
        width = moves.shape[1] - len(dialog.ids)
        assert moves[row].tolist() == [*dialog.learnt[1:], *[False] * (width + 1)]
        for author, learnt, token in zip(dialog.authors, dialog.learnt, dialog.ids, strict=True):
            assert learnt == (author is Author.MODEL or (author is Author.OBSERVATION and learnt and token == looking.rendering.turn_end))
            assert not (learnt and token in looking.rendering.never)
    # Other logits there make no other loss; one other logit elsewhere does.
    noise = torch.randn(logits.shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(loss_of(looking, logits + noise * ~moves[:, :, None], batch["labels"]), loss)
        for row, place in moves.nonzero()[:: max(1, int(moves.sum()) // 20)].tolist():
            other = logits.clone()
            other[row, place, batch["input_ids"][row, place + 1]] += 1
            assert not torch.equal(loss_of(looking, other, batch["labels"]), loss)


def test_a_gradient_comes_to_the_weights(one_loaded: LoadedModel) -> None:
    """Through the vision tower too: what is learnt depends on what was seen."""
    loaded = small(one_loaded)
    made = record(loaded, (Writer.QUESTION, "<image>\nWhere?"), (Writer.MODEL, ANSWER))
    batch = Collator(loaded.rendering)([dialog_of(made, painted(120, 80), loaded.rendering, loaded.card)])
    batch["pixel_values"].requires_grad_()
    forward(loaded, batch).loss.backward()
    assert batch["pixel_values"].grad is not None and batch["pixel_values"].grad.abs().sum() > 0


def test_what_cannot_be_a_batch(one_loaded: LoadedModel) -> None:
    with pytest.raises(TrainingError, match=r"at least one dialog"):
        Collator(one_loaded.rendering)([])
