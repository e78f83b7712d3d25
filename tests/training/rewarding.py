"""Small reinforcement learning: recipes over a few pictures, and what a tiny checkpoint is made to say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from core.grammar import call_text
from core.policies.local.rendering import Rendering
from tests.training.small_data import small_recipe
from training.recipe import Recipe
from training.written_by_trl import PlainTrainer

GROUP = 4


def look(x: float, y: float) -> str:
    """A turn that looks closer."""
    return f"<think> There ({x}, {y}). </think>\n{call_text(x, y)}"


def answer(text: str, x: int = 30, y: int = 40) -> str:
    """A turn that answers."""
    return f"<think> It is at ({x}, {y}). </think>\n<answer> {text} </answer>"


# A group: answered at once, answered alike after a look, otherwise after a call outside the picture, and one that never comes to an end.
MIXED = ((answer("red"),), (look(30, 40), answer("red")), (look(9000, 1), look(60, 60), answer("blue")), (look(20, 20),) * 5)


class Scripted:
    """Chooses the tokens of rollouts: conversation i says script i, turn by turn; behind the last script the first comes again."""

    def __init__(self, rendering: Rendering, scripts: Sequence[Sequence[str]]) -> None:
        end = rendering.turn_end
        assert end is not None
        self._scripts = [[(*rendering.tokens(turn), end) for turn in script] for script in scripts]
        self._turns: dict[int, int] = defaultdict(lambda: -1)

    def __call__(self, row: int, said: Sequence[int], logits: torch.Tensor) -> int:
        """The next token of a conversation."""
        script = self._scripts[row % len(self._scripts)]
        self._turns[row] += not said
        return script[self._turns[row] % len(script)][len(said)]


class ScriptedByTrl(PlainTrainer):
    """TRL leads the rollouts and joins their tokens; what is sampled in a turn is a script's. Every rollout of a group says the same."""

    script: Sequence[str] = ()
    rounds: list[Any]

    def _generate_single_turn(
        self, prompt_ids: list[list[int]], images: Any, multimodal_fields: Any, num_generations: int, has_tool_images: bool = False
    ) -> tuple[list[list[int]], None]:
        rendering = self._rendering
        head = rendering.tokens("<|im_start|>")[0]
        turns = [(sum(token == head for token in ids) - 2) // 2 for ids in prompt_ids]
        said = [list(rendering.tokens(self.script[turn])) for turn in turns]
        ended = [ids if ids[-1] in self.eos_token_ids else [*ids, rendering.turn_end] for ids in said]
        return ended, None

    def _rewarded(self, prompts: list[Any]) -> Any:
        found = super()._rewarded(prompts)
        type(self).rounds.append(found)
        return found


def rewarding_recipe(folder: Path, model: Path, *, grpo: dict[str, Any] | None = None, **changes: Any) -> Recipe:
    """A recipe that learns by rewards, of one group a step."""
    data = {"records": [str(folder / "records.jsonl")], "domains": ["visual_search"]}
    plain = {"steps": 2, "batch": GROUP, "at_once": 2, "max_new_tokens": 200, "samples": 0, "data": data}
    told = {"group": GROUP, "rollouts_every": 1, "max_tokens": 1500, **(grpo or {})}
    return small_recipe(folder, model, **{**plain, **changes, "grpo": told})
