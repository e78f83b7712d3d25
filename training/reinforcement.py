"""What a recipe says of reinforcement learning: how groups of rollouts are led, rewarded and learnt from. Nothing heavy is imported."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from core.errors import TrainingError
from core.rollout.values import MAX_PICTURES, MAX_TOKENS, MAX_TURNS, Turns
from training.quantities import STRICT, AtLeastNone, Count, NotNegative, Positive, Share


class Reward(StrEnum):
    """What a rollout is paid for."""

    STRICT = "strict"
    """core.rewards, as this project would have it."""
    VIGORL = "vigorl"
    """core.rewards, as the paper's authors published it."""
    PLAIN = "plain"
    """Their conventional baseline: half for the answer, half for one think block and one answer block; no point is asked for."""
    RANDOM = "random"
    """0 or 1 by chance: what is left of a gain that does not come from being right."""


class Bonus(StrEnum):
    """What of a reward's bonus for looks that differ is paid."""

    PROFILE = "profile"
    """As the reward has it: `vigorl` pays it always, `strict` where the answer is right."""
    GATED = "gated"
    """Where the answer is right."""
    NONE = "none"


class Loss(StrEnum):
    """TRL's losses by their names; `gspo` is its `grpo` with one importance weight for a whole sequence (arXiv 2507.18071)."""

    GRPO = "grpo"
    DAPO = "dapo"
    DR_GRPO = "dr_grpo"
    BNPO = "bnpo"
    CISPO = "cispo"
    SAPO = "sapo"
    LUSPO = "luspo"
    VESPO = "vespo"
    GSPO = "gspo"

    @property
    def in_trl(self) -> dict[str, str]:
        """The same in TRL's arguments. LUSPO's paper weighs whole sequences, too."""
        whole = self in (Loss.GSPO, Loss.LUSPO)
        name = "grpo" if self is Loss.GSPO else self.value
        return {"loss_type": name, "importance_sampling_level": "sequence" if whole else "token"}


class Scale(StrEnum):
    """What the rewards' distances from their group's mean are divided by."""

    GROUP = "group"
    """Their standard deviation in the group."""
    BATCH = "batch"
    NONE = "none"


class Generation(StrEnum):
    """Who writes the rollouts."""

    ENGINE = "engine"
    """This project's own, with the weights that are trained: core.rollout leads, core.policies.local writes."""
    TRL = "trl"
    """TRL's own, by transformers, through its environment interface."""
    VLLM = "vllm"
    """TRL's own, by vLLM."""


class VllmMode(StrEnum):
    """Where vLLM runs."""

    COLOCATE = "colocate"
    """In the training's own processes, on the same GPUs."""
    SERVER = "server"
    """On GPUs of its own, started with `trl vllm-serve`."""


@dataclass(frozen=True, slots=True)
class Vllm:
    """How vLLM is reached, in TRL's words. `memory` is its share of a GPU, and `parallel` over how many GPUs a model is spread."""

    __pydantic_config__ = STRICT

    mode: VllmMode = VllmMode.COLOCATE
    host: str = "127.0.0.1"
    port: Count = 8000
    memory: Share = 0.3
    parallel: Count = 1


@dataclass(frozen=True, slots=True)
class Entropy:
    """A reward for undecided tokens (TRL's, after Skywork-OR1, arXiv 2505.22312).

    coefficient  of the mean entropy in the loss; where it is adaptive, what it begins with
    target       mean entropy of a token in nats: below it the coefficient grows by `step` after every step, above it it falls
    most         of the coefficient
    """

    __pydantic_config__ = STRICT

    coefficient: NotNegative = 0.0
    adaptive: bool = True
    target: Positive = 0.2
    step: Positive = 0.005
    most: Positive = 1.0


@dataclass(frozen=True, slots=True)
class Grpo:
    """Group relative policy optimisation (arXiv 2402.03300) with TRL.

    group          rollouts of a question
    updates        steps that learn from the rollouts of one round; over 1 the later ones are off the policy, and clipped
    loss, scale    TRL's
    kl             weight of the distance from the policy that was begun with
    clip_low, clip_high   how far a token's ratio may fall and rise; `clip_high` over `clip_low` is clip-higher (DAPO, arXiv 2503.14476)
    clip_dual      greatest ratio where the advantage is negative; None: any
    reward, bonus  what is paid
    turns, max_turns, max_pictures, max_tokens, force_answer   as in a rollout; tokens of a turn are the recipe's `max_new_tokens`
    system         a system prompt in place of the records' own
    temperature, top_p, top_k   how tokens are drawn
    mask_overrun   rollouts that ended without an answer because turns, pictures or tokens ran out carry no loss, and their group's mean
                   is taken without them
    resample       times that questions whose rewards are all equal are replaced by others before a step (DAPO's dynamic sampling)
    entropy        None: no reward for it
    generation     who writes; `vllm` says how, where it is vLLM
    slots          conversations that the engine computes at once
    mismatch       mean distance of the log-probabilities of sampling and training from which on a run is alarmed
    rollouts_every in steps: how often all rollouts of a step are written down; 0: never
    """

    __pydantic_config__ = STRICT

    group: Annotated[int, Field(ge=2)] = 8
    updates: Count = 1
    loss: Loss = Loss.DAPO
    scale: Scale = Scale.GROUP
    kl: NotNegative = 0.0
    clip_low: Positive = 0.2
    clip_high: Positive = 0.28
    clip_dual: Positive | None = None
    reward: Reward = Reward.STRICT
    bonus: Bonus = Bonus.PROFILE
    turns: Turns = Turns.AUTO
    max_turns: Count = MAX_TURNS
    max_pictures: Count = MAX_PICTURES
    max_tokens: Count = MAX_TOKENS
    force_answer: bool = False
    system: str | None = None
    temperature: Positive = 1.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    top_k: AtLeastNone = 0
    mask_overrun: bool = True
    resample: AtLeastNone = 0
    entropy: Entropy | None = None
    generation: Generation = Generation.ENGINE
    vllm: Vllm | None = None
    slots: Count = 32
    mismatch: Positive = 0.05
    rollouts_every: AtLeastNone = 20

    def checked(self) -> Grpo:
        """Itself. Raises TrainingError for settings that have no meaning together, with what to change."""
        if self.bonus is not Bonus.PROFILE and self.reward in (Reward.PLAIN, Reward.RANDOM):
            raise TrainingError(f"The reward {self.reward} has no bonus: leave `grpo.bonus` as it is.")
        if self.generation is not Generation.ENGINE and self.resample:
            raise TrainingError("Questions are replaced (`grpo.resample`) only where our engine writes: set `generation: engine`, or 0.")
        if self.generation is not Generation.ENGINE and self.force_answer:
            raise TrainingError(
                "An answer is demanded (`grpo.force_answer`) only where our engine writes: set `generation: engine`, or false."
            )
        if self.generation is not Generation.ENGINE and self.turns is Turns.AUTO:
            raise TrainingError(
                f"With `generation: {self.generation}`, all questions are asked alike: set `grpo.turns` to single or multi."
            )
        if self.generation is not Generation.ENGINE and self.turns is Turns.MULTI and self.max_turns < 2:
            raise TrainingError("In one turn nobody looks closer: set `grpo.turns: single`, or `grpo.max_turns` to 2 or more.")
        if self.vllm is not None and self.generation is not Generation.VLLM:
            raise TrainingError("`grpo.vllm` says how vLLM writes: set `generation: vllm`, or leave it out.")
        return self

    def as_learnt(self) -> Grpo:
        """The same without what has no part in what is learnt: equal ones are one training."""
        return replace(self, slots=1, mismatch=1.0, rollouts_every=0)
