"""A dry run of reinforcement learning: the questions, their truths, the first prompts, and what a training would come to. No weights are
read and nothing is asked."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from core.policies.local.memory import gigabytes
from training.grpo import arguments, schooling_of, settings
from training.questions import Question, Questions
from training.recipe import Recipe
from training.rehearsal import Numbers, domains_of, listed, numbers_of, splits_of, state_bytes
from training.reinforcement import Grpo
from training.start import Beginning, beginning

# So many prompts are rendered for the figures, spread over the run.
_LOOKED_AT = 16


@dataclass(frozen=True, slots=True)
class RewardRehearsal:
    """What a training would come to.

    splits   questions to learn from, and held out
    prompts  tokens of each prompt that was looked at, its picture counted
    several  of those prompts, how many may look closer
    state    bytes of weights, gradients and optimizer, and of the policy that was begun with where it is kept; all processes together
    """

    recipe: Recipe
    grpo: Grpo
    steps: int
    splits: Mapping[str, int]
    domains: Mapping[str, int]
    prompts: tuple[int, ...]
    several: int
    numbers: Numbers
    state: int

    def lines(self) -> Iterator[str]:
        """It in words."""
        grpo, questions = self.grpo, self.recipe.batch // self.grpo.group
        yield f"{self.recipe.title}: {self.recipe.model}"
        yield f"questions {listed(self.splits)}"
        yield f"domains   {listed(self.domains)}"
        middle, most = statistics.median(self.prompts), max(self.prompts)
        yield f"prompts   {middle:,.0f} tokens with their picture (median of {len(self.prompts)}), {most:,} at most"
        yield f"rollouts  {grpo.group} of each of {questions} questions a step; {self._turns()}, {grpo.max_tokens:,} tokens at most"
        rounds = f", a round of rollouts for every {grpo.updates}" if grpo.updates > 1 else ""
        yield f"steps     {self.steps:,} of {self.recipe.batch} rollouts{rounds}"
        yield f"reward    {grpo.reward}, loss {grpo.loss}, written by {grpo.generation}"
        share = self.numbers.trained / max(1, self.numbers.all)
        yield f"weights   {self.numbers.all:,}, of which {self.numbers.trained:,} are trained ({share:.1%})"
        yield f"memory    {gigabytes(self.state)} for weights, gradients and optimizer; activations and what is written come on top"

    def _turns(self) -> str:
        if not self.several:
            return "one turn"
        some = "" if self.several == len(self.prompts) else f" for {self.several} of {len(self.prompts)} questions"
        return f"up to {self.grpo.max_turns} turns{some}"


def rehearse_rewards(recipe: Recipe) -> RewardRehearsal:
    """What a training of the recipe would come to. Raises as the training itself would for what is wrong before its first step."""
    grpo = settings(recipe)
    begun = beginning(recipe)
    arguments(recipe, begun.folder)
    schooling = schooling_of(recipe, begun)
    questions = Questions(recipe, schooling, begun.card)
    questions.check()
    count = min(_LOOKED_AT, len(questions))
    asked = [questions.at(at * len(questions) // count) for at in range(count)]
    numbers = numbers_of(begun, recipe)
    kept = 4 * numbers.all if grpo.kl and recipe.lora is None else 0
    return RewardRehearsal(
        recipe,
        grpo,
        schooling.steps,
        splits_of(schooling),
        domains_of(schooling),
        tuple(_prompt(question, begun) for question in asked),
        sum(question.plan.multi_turn for question in asked),
        numbers,
        state_bytes(numbers, recipe) + kept,
    )


def _prompt(question: Question, begun: Beginning) -> int:
    return len(begun.rendering.opening(question.views().opening()).ids)
