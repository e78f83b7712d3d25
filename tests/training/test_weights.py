"""A record's weight in the loss."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.training.small_data import small_recipe
from training import sft
from training.batches import Collator
from training.dialogs import Dialog
from training.runs import Run
from training.schooling import Schooling
from training.start import beginning
from training.trainer import WeightedSFTTrainer


@pytest.fixture(scope="module")
def made(
    tiny_checkpoints: dict[object, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[WeightedSFTTrainer, list[Dialog], Collator]:
    """A trainer, three dialogs of different lengths, and what makes batches of them."""
    folder = tmp_path_factory.mktemp("weights")
    recipe = small_recipe(folder / "data", tiny_checkpoints["qwen2_5_vl"])
    args = sft._arguments(recipe, folder / "checkpoints")
    begun = beginning(recipe)
    schooling = Schooling(recipe, begun.rendering, begun.card)
    args.max_steps = schooling.steps
    trainer, _ = sft._trainer(recipe, args, begun, schooling, Run(folder), tell=lambda news: None, stopped=lambda: False)
    found = {len(dialog.ids): dialog for dialog in map(schooling.dialog, range(8))}
    return trainer, list(found.values())[:3], Collator(begun.rendering)


def step(made: tuple[WeightedSFTTrainer, list[Dialog], Collator], *parts: list[Dialog]) -> tuple[float, list[torch.Tensor]]:
    """The loss and the gradients of a step of these parts."""
    trainer, _, collator = made
    batches = [collator(part) for part in parts]
    samples, counted = trainer.get_batch_samples(iter(batches), len(batches), torch.device("cpu"))
    trainer.model.train()
    trainer.model.zero_grad()
    loss = 0.0
    for batch in samples:
        part = trainer.compute_loss(trainer.model, batch, num_items_in_batch=counted)
        part.backward()
        loss += float(part.detach())
    return loss, [weight.grad.clone() for weight in trainer.model.parameters() if weight.grad is not None]


def assert_equal(one: tuple[float, list[torch.Tensor]], two: tuple[float, list[torch.Tensor]]) -> None:
    assert one[0] == pytest.approx(two[0], rel=1e-5)
    for ours, theirs in zip(one[1], two[1], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-5)


def test_weight_two_is_the_record_twice(made: tuple[WeightedSFTTrainer, list[Dialog], Collator]) -> None:
    first, second, third = made[1]
    assert_equal(step(made, [first, replace(second, weight=2.0), third]), step(made, [first, second, second, third]))


def test_weight_nothing_changes_nothing(made: tuple[WeightedSFTTrainer, list[Dialog], Collator]) -> None:
    first, second, third = made[1]
    assert_equal(step(made, [first, replace(second, weight=0.0), third]), step(made, [first, third]))


def test_a_step_of_weight_nothing_has_no_gradient(made: tuple[WeightedSFTTrainer, list[Dialog], Collator]) -> None:
    loss, gradients = step(made, [replace(dialog, weight=0.0) for dialog in made[1]])
    assert loss == 0.0
    assert all(not gradient.any() for gradient in gradients)


def test_the_parts_of_a_step_weigh_as_in_the_whole(made: tuple[WeightedSFTTrainer, list[Dialog], Collator]) -> None:
    first, second, third = made[1]
    heavy = replace(second, weight=3.0)
    assert_equal(step(made, [first], [heavy, third]), step(made, [first, heavy, third]))


def test_both_ways_of_computing_it_agree(made: tuple[WeightedSFTTrainer, list[Dialog], Collator], monkeypatch: pytest.MonkeyPatch) -> None:
    dialogs = [made[1][0], replace(made[1][1], weight=0.5)]
    small = step(made, dialogs)
    monkeypatch.setattr(made[0], "_vocabulary", 150_000)
    assert_equal(step(made, dialogs), small)
