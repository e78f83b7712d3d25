"""How a step changes the weights, where AdamW does not do it alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

# Tables: a step touches few of their entries, so their gradients are no matrices that stretch anything.
_TABLES = ("embed_tokens", "pos_embed", "lm_head")


class MuonWithAdamW(torch.optim.Optimizer):  # type: ignore[misc]
    """Muon for the matrices (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon): its steps are as long in every direction.
    AdamW for tables, biases, scales and the patches' convolution.

    Muon's steps are made as long as AdamW's usually are, so that both take the same learning rate (Liu et al. 2025, arXiv 2502.16982,
    section 2.2). PyTorch's own does the work; both are one optimizer to whoever saves them or sets their learning rate.
    """

    def __init__(self, model: torch.nn.Module, *, lr: float, weight_decay: float, betas: tuple[float, float]) -> None:
        matrices: list[torch.nn.Parameter] = []
        others: list[torch.nn.Parameter] = []
        for name, weight in model.named_parameters():
            if weight.requires_grad:
                (matrices if weight.dim() == 2 and not any(table in name for table in _TABLES) else others).append(weight)
        self._parts: dict[str, torch.optim.Optimizer] = {
            "muon": torch.optim.Muon(matrices, lr=lr, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw"),
            "adamw": torch.optim.AdamW(others, lr=lr, weight_decay=0.0, betas=betas, fused=True),
        }
        super().__init__(self._groups(), {})

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def step(self, closure: Callable[[], float] | None = None) -> None:
        for part in self._parts.values():
            part.step()

    def state_dict(self) -> dict[str, Any]:
        return {name: part.state_dict() for name, part in self._parts.items()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for name, part in self._parts.items():
            part.load_state_dict(state_dict[name])
        # Loading gives the parts new groups.
        self.param_groups = self._groups()

    def _groups(self) -> list[dict[str, Any]]:
        return [group for part in self._parts.values() for group in part.param_groups]
