"""Muon beside AdamW: every weight is moved by one of the two, and what is saved goes on."""

from __future__ import annotations

import copy

import pytest
import torch

from core.policies.local.untrained import ModelType, model, tokenizer
from training.optimizers import MuonWithAdamW


def made(network: torch.nn.Module) -> MuonWithAdamW:
    return MuonWithAdamW(network, lr=0.01, weight_decay=0.01, betas=(0.9, 0.98))


def learn(network: torch.nn.Module, optimizer: torch.optim.Optimizer, steps: int) -> None:
    chance = torch.Generator().manual_seed(0)
    for _ in range(steps):
        optimizer.zero_grad()
        network(torch.randn(8, 6, generator=chance)).square().sum().backward()
        optimizer.step()


def small() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.LayerNorm(5), torch.nn.Linear(5, 4))


def test_every_weight_is_in_one_of_the_two() -> None:
    network = model(ModelType.QWEN3_VL, tokenizer())
    groups = made(network).param_groups
    placed = [id(weight) for group in groups for weight in group["params"]]
    assert sorted(placed) == sorted(id(weight) for weight in network.parameters())
    tables = {id(network.get_input_embeddings().weight), id(network.model.visual.pos_embed.weight)}
    assert not tables & {id(weight) for weight in groups[0]["params"]}


def test_a_step_moves_all_weights_and_a_frozen_one_stays() -> None:
    network = small()
    network[0].bias.requires_grad_(False)
    before = copy.deepcopy(network.state_dict())
    learn(network, made(network), 1)
    moved = {name for name, weight in network.state_dict().items() if not torch.equal(weight, before[name])}
    assert moved == set(before) - {"0.bias"}


@pytest.mark.parametrize("after", [1, 3])
def test_it_goes_on_from_what_was_saved(after: int) -> None:
    whole, parted = small(), small()
    learn(whole, made(whole), after)
    first = made(parted)
    learn(parted, first, after)
    saved = copy.deepcopy(first.state_dict())
    second = made(parted)
    second.load_state_dict(copy.deepcopy(saved))
    going_on = made(whole)
    going_on.load_state_dict(copy.deepcopy(saved))
    for network, optimizer in ((whole, going_on), (parted, second)):
        learn(network, optimizer, 2)
    assert all(torch.equal(one, two) for one, two in zip(whole.parameters(), parted.parameters(), strict=True))


def test_a_schedule_sets_the_rate_of_both_also_after_loading() -> None:
    network = small()
    optimizer = made(network)
    optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5**step)
    learn(network, optimizer, 1)
    schedule.step()
    assert [group["lr"] for group in optimizer.param_groups] == [0.005, 0.005]
