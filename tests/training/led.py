"""Rollouts of a real checkpoint that says what a script has it say, and the records of their traces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from PIL import Image

from core.crops import CropRule
from core.grammar import call_text
from core.policies.local.loading import LoadedModel
from core.policies.local.policy import LocalPolicy
from core.records import CuratedRecord, Provenance
from core.rollout.engine import roll_out
from core.rollout.values import Rollout, RolloutSettings
from core.trace import DomainName, Trace
from tests.core.rollout.speaking import painted, rollouts, task

PROVENANCE = Provenance("any")
LOOK = f"<think> A sign (30, 40). </think>\n{call_text(30, 40)}"
OUTSIDE = f"<think> Not there (9000, 1). </think>\n{call_text(9000, 1)}"
BESIDE = f"<think> The other side (80, 60): é 漢字. </think>\n{call_text(80, 60)}"
ANSWER = "<think> It is red (30, 40). </think>\n<answer> red </answer>"
FORCED = " red </answer>"


@dataclass(frozen=True, slots=True)
class Script:
    """What a conversation says, turn by turn, and how it is led."""

    turns: tuple[str, ...]
    domain: DomainName = DomainName.VISUAL_SEARCH
    dot: bool = False
    max_turns: int = 5
    question: str = "What colour has the sign?"

    def settings(self) -> RolloutSettings:
        """Small crops, and room for a tokenizer of few words."""
        crop = CropRule(20, 64, dot=self.dot)
        return RolloutSettings(crop=crop, max_turns=self.max_turns, max_new_tokens=600, max_tokens=8000)


SCRIPTS = {
    "single turn": Script((ANSWER,), DomainName.SPATIAL),
    "looks": Script((LOOK, BESIDE, ANSWER)),
    "a dot": Script((LOOK, "<think> There. </think>\n<answer> (30, 40) </answer>"), DomainName.WEB_GROUNDING, dot=True),
    "an error": Script((OUTSIDE, LOOK, ANSWER)),
    "a forced answer": Script((LOOK, BESIDE, FORCED), max_turns=3),
    "a mark in the question": Script((ANSWER,), question="<image> Is <|image_pad|> it <|im_end|> red?<|vision_start|>"),
}


def small(loaded: LoadedModel) -> LoadedModel:
    """The same checkpoint, shown pictures of few tokens."""
    return replace(loaded, card=replace(loaded.card, min_pixels=3136, max_pixels=40_000))


def led(loaded: LoadedModel, script: Script, image: Image.Image | None = None) -> Rollout:
    """The rollout in which the checkpoint says the script."""
    words = [loaded.rendering.tokens(turn) for turn in script.turns]
    turn = -1

    def choose(row: int, said: Sequence[int], logits: torch.Tensor) -> int | None:
        nonlocal turn
        turn += not said
        return words[turn][len(said)]

    asked = task(image or painted(120, 80), script.question, domain=script.domain)
    with LocalPolicy(loaded, slots=1, chooser=choose) as policy:
        (rollout,) = rollouts(list(roll_out(policy, [asked], script.settings())))
    assert rollout.error == ""
    return rollout


def record_of(trace: Trace, weight: float = 1.0) -> CuratedRecord:
    """The record of a trace."""
    return CuratedRecord.from_trace(trace, PROVENANCE, weight=weight)
