"""What is asked in reinforcement learning: the question at every place of a run, with how its rollouts are led."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from core.crops import CropRule
from core.domains import DOMAINS
from core.errors import PolicyError, TrainingError
from core.policies.conversation import Sampling
from core.policies.protocol import PolicyCard
from core.records import CuratedRecord, Writer
from core.rollout.observations import Views
from core.rollout.plans import Plan, plan_of
from core.rollout.values import RolloutSettings, SystemPrompt, Task, Turns
from core.trace import StopReason
from training.recipe import Recipe
from training.reinforcement import Grpo
from training.sampling import task_of
from training.schooling import Schooling
from training.scoring import check
from training.sources import Example, FromFiles
from training.turns import title_of

# So many questions of drawn scenes are looked at before a training.
_LOOKED_AT = 8


@dataclass(frozen=True, slots=True)
class Question:
    """A question as it is put to the policy: `place` in the run, and whether it is the one that stands there (`turn` 0) or one in place of
    it."""

    place: int
    turn: int
    task: Task
    plan: Plan

    @property
    def settings(self) -> RolloutSettings:
        """How its rollouts are led."""
        return self.plan.settings

    def views(self) -> Views:
        """What can be shown of its picture."""
        return Views(self.plan, self.task.image)


class Questions:
    """The questions of a run by their places: step s of p questions has the places s * p to s * p + p - 1."""

    def __init__(self, recipe: Recipe, schooling: Schooling, card: PolicyCard) -> None:
        if recipe.grpo is None:
            raise TrainingError(f"The recipe “{recipe.title}” learns from records and not from rewards: it has no `grpo`.")
        self._recipe, self._grpo, self._schooling, self._card = recipe, recipe.grpo, schooling, card

    def __len__(self) -> int:
        return len(self._schooling.order)

    def at(self, place: int, turn: int = 0) -> Question:
        """The question at a place; behind the last one, the first again. Raises TrainingError where it cannot be asked."""
        order = self._schooling.order
        placed = order.instead(place % len(order), turn) if turn else order[place % len(order)]
        return self._question(self._schooling.example(placed), place, turn)

    def check(self) -> None:
        """Raises TrainingError for the first question that cannot be asked or whose answers could not be rewarded: of records every one,
        of scenes the first few."""
        check((question.plan.trace(0, (), StopReason.UNKNOWN) for question in self._first()), self._grpo)

    def _first(self) -> Iterator[Question]:
        for lesson in self._schooling.lessons:
            for source in lesson.sources:
                if isinstance(source, FromFiles):
                    for index in range(source.size or 0):
                        yield self._question(source.example(index), index, 0)
                else:
                    for index in range(min(_LOOKED_AT, source.size or _LOOKED_AT)):
                        yield self._question(source.example(index), index, 0)

    def _question(self, example: Example, place: int, turn: int) -> Question:
        task = task_of(example)
        settings = settings_of(example.record, self._schooling.crop, self._recipe, self._grpo)
        try:
            return Question(place, turn, task, plan_of(self._card, task, settings))
        except PolicyError as error:
            raise TrainingError(f"{title_of(example.record)} cannot be asked. {error}") from error


def seed_of(seed: int, number: int, turn: int) -> int:
    """The seed of the rollouts of a round: another one in each, so that a question that comes again is not answered as before."""
    return int.from_bytes(hashlib.sha256(f"rollouts of {seed} {number} {turn}".encode()).digest()[:8]) >> 1


def settings_of(record: CuratedRecord, crop: CropRule | None, recipe: Recipe, grpo: Grpo) -> RolloutSettings:
    """How a record's question is asked: in the turns that the recipe has, and with its own system prompt where that is for as many turns;
    with its domain's where it is not. The seed is that of a round, and is still to come."""
    own = "".join(message.text for message in record.messages if message.writer is Writer.SYSTEM)
    domain = DOMAINS[record.domain]
    zooms = bool(record.looks) or (own == domain.multi_turn_prompt and bool(own)) or (crop is not None and domain.crop is not None)
    several = zooms if grpo.turns is Turns.AUTO else grpo.turns is Turns.MULTI
    given = grpo.system if grpo.system is not None else own if not own or several == zooms else None
    return RolloutSettings(
        sampling=Sampling(temperature=grpo.temperature, top_p=grpo.top_p, top_k=grpo.top_k),
        turns=Turns.MULTI if several else Turns.SINGLE,
        max_turns=grpo.max_turns,
        max_pictures=grpo.max_pictures,
        max_tokens=grpo.max_tokens,
        max_new_tokens=recipe.max_new_tokens,
        force_answer=grpo.force_answer,
        crop=crop if several else None,
        system=SystemPrompt.DOMAIN if given is None else SystemPrompt.CHECKPOINT,
        system_text=given or None,
    )
