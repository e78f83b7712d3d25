"""In what manner a question of the needle world is answered: with looks, or at once; with points, or without.

Each has a system prompt of its own, so that a policy that learnt several of them can be asked in each. The prompts are of words that the
small policy's tokenizer knows, and short, because every token of them is computed in every conversation.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from core.rollout.values import RolloutSettings, Turns


class Manner(StrEnum):
    """How a question is answered."""

    LOOKS = "looks"
    """Every item with its point, then as many looks as it takes: the paper's grounded reasoning in several turns."""
    POINTS = "points"
    """Every item with its point, and the answer in the same turn: grounded reasoning in one turn."""
    PLAIN = "plain"
    """Every item without a point, and the answer in the same turn: conventional reasoning."""

    @property
    def system(self) -> str | None:
        """The system prompt; None: the checkpoint's own, which says how the policy was first taught."""
        return _SYSTEM.get(self)

    def asked(self, settings: RolloutSettings) -> RolloutSettings:
        """The same settings for a question that is to be answered in this manner."""
        if self is Manner.LOOKS:
            return settings
        return replace(settings, turns=Turns.SINGLE, crop=None, system_text=self.system)


_SYSTEM = {Manner.POINTS: "Point before you answer.", Manner.PLAIN: "Think before you answer."}
