"""TRL's GRPOTrainer over rollouts that core.rollout leads. Its losses, its advantages, its distance from the policy that was begun with and
its several updates of a round are as they are. Three things are told to it:

    where rollouts come from   `_generate`: tokens, who wrote them, pictures; nothing is rendered or cut into tokens again
    what they are paid         core's rewards; what overran its limits is neither paid nor learnt from
    what has to be so          a batch keeps its pictures, and sampling and training agree on how likely a token was
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from accelerate.utils import gather, gather_object
from trl import GRPOTrainer

from core.errors import SaccadeError, TrainingError
from training.by_length import ROWS, Scored, in_parts, parts_of
from training.questions import Question, Questions, seed_of
from training.reinforcement import Generation, Grpo
from training.rollout_figures import Sums, figures_of, is_dead
from training.rollouts import Engine, Led, Rewarded
from training.run_trainer import RunTrainer
from training.scoring import score
from training.trainer import first_of_all

# TRL then takes a batch's pictures from what `_generate` returned, and where they stand from the tokens themselves.
_LED: list[Callable[..., Any]] = [lambda: None]

Noted = Callable[[int, Sequence[Rewarded], Sequence[float]], None]
"""Takes the rollouts of a round with their advantages, and the first step that learns from them; in every process, its own."""


class ReinforcingTrainer(RunTrainer, GRPOTrainer):  # type: ignore[misc]
    """`group` rollouts of each question. A row of the data is the place of a question.

    engine  writes the rollouts; None: a subclass has them written by TRL
    seed    of the sampling
    alarmed takes a sentence where sampling and training disagree
    """

    tools: Any
    processing_class: Any

    def __init__(
        self,
        *args: Any,
        grpo: Grpo,
        questions: Questions,
        seed: int,
        engine: Engine | None,
        noted: Noted,
        alarmed: Callable[[str], None],
        **named: Any,
    ) -> None:
        self._grpo, self._questions, self._seed, self._engine, self._noted, self._alarmed = grpo, questions, seed, engine, noted, alarmed
        self._asked: list[Question] = []
        self._round: list[Rewarded] = []
        self._sums = Sums()
        self._since, self._generating = time.perf_counter(), 0.0
        self._logps: torch.Tensor | None = None
        super().__init__(*args, reward_funcs=[_unused], **named)
        self._own_tools = self.tools

    def saves_after(self, step: int) -> bool:
        """Between the steps of a round its rollouts are in memory alone: a run goes on from behind a round."""
        return step % self._grpo.updates == 0

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        # Our processor resizes nothing, and is not to be written where a checkpoint's own stands.
        processor, self.processing_class = self.processing_class, self._tokenizer
        try:
            super()._save(output_dir, state_dict)
        finally:
            self.processing_class = processor

    # From questions to rollouts

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        """The rollouts of a round as tensors, with their advantages. Raises TrainingError where pictures were lost on the way."""
        self.tools = self._own_tools
        self._asked = [self._questions.at(int(row["place"])) for row in inputs[:: self._grpo.group]]
        with warnings.catch_warnings():
            # One library asks another by a name that is going out of use.
            warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.* is deprecated", category=FutureWarning)
            made: dict[str, Any] = super()._generate_and_score_completions(self._rows())
        if "pixel_values" not in made or made.get("num_images") is None:
            raise TrainingError(
                "A batch lost its pictures on the way to the loss: its picture tokens are not those of its pictures. Nothing may be learnt "
                "from it; look whether the processor resizes what it is given."
            )
        if "old_per_token_logps" in made:
            self._compare(made["old_per_token_logps"], made)
        figures_of(self._round, self._grpo.group, self._sums)
        self._noted(self.state.global_step + 1, self._round, made["advantages"].tolist())
        return made

    def _rows(self) -> list[dict[str, Any]]:
        """What TRL is given for every rollout of the questions."""
        return [{"prompt": [{"role": "user", "content": ""}]} for _ in self._asked for _ in range(self._grpo.group)]

    def _generate(self, prompts: list[Any]) -> tuple[Any, ...]:
        began = time.perf_counter()
        problem = None
        try:
            rollouts = self._rewarded(prompts)
        except SaccadeError as error:
            rollouts, problem = [], error
        if self.args.world_size > 1:
            # One process's refusal is every process's: none waits for ever for the others.
            said = first_of_all(str(problem) if problem is not None else None)
            problem = problem or (TrainingError(said) if said is not None else None)
        if problem is not None:
            raise problem
        self._generating += time.perf_counter() - began
        self._round, self.tools = rollouts, _LED
        images = [one.led.images for one in rollouts]
        told = [one.led.logprobs for one in rollouts]
        return (
            [list(one.led.prompt) for one in rollouts],
            [list(one.led.ids) for one in rollouts],
            # Nothing is learnt from what is masked, its distance from the first policy included.
            [[int(own and one.paid is not None) for own in one.led.written] for one in rollouts],
            [[{"role": "assistant", "content": one.led.trace.text}] for one in rollouts],
            None if any(logprobs is None for logprobs in told) else [list(logprobs or ()) for logprobs in told],
            {},
            images,
            images,
        )

    def _rewarded(self, prompts: list[Any]) -> list[Rewarded]:
        """The rollouts of the asked questions, with what they are paid; questions without a gradient are replaced, where that is asked."""
        group, questions = self._grpo.group, self._asked
        found = [self._paid(led) for led in self._led(questions, prompts)]
        for turn in range(1, self._grpo.resample + 1):
            dead = [at for at in range(len(questions)) if is_dead([one.paid for one in found[at * group : (at + 1) * group]])]
            if not dead:
                break
            others = [self._questions.at(questions[at].place, turn) for at in dead]
            again = [self._paid(led) for led in self._led(others, [])]
            self._sums.add("replaced", len(dead), len(questions))
            for number, at in enumerate(dead):
                found[at * group : (at + 1) * group] = again[number * group : (number + 1) * group]
        return found

    def _led(self, questions: Sequence[Question], prompts: list[Any]) -> list[Led]:
        assert self._engine is not None, "a subclass leads rollouts without an engine"
        model = self.accelerator.unwrap_model(self.model_wrapped)
        first = questions[0]
        # The same round has the same seed in every process.
        number = first.place // (self.args.generation_batch_size // self._grpo.group)
        return self._engine.lead(model, questions, self._grpo.group, seed_of(self._seed, number, first.turn))

    def _paid(self, led: Led) -> Rewarded:
        scored = score(led.trace, self._grpo, f"{self._seed} {led.question.place} {led.question.turn} {led.draw}")
        return Rewarded(led, scored, None if self._grpo.mask_overrun and led.overran else scored.total)

    def _calculate_rewards(self, inputs: Any, prompts: Any, completions: Any, completion_ids_list: Any) -> torch.Tensor:
        """[rollouts of all processes, 1]. Not a number where none is paid: TRL then leaves the rollout out of its group's mean and
        deviation, and gives it the advantage 0, as it does where every reward function returns None."""
        paid = [[torch.nan if one.paid is None else one.paid] for one in self._round]
        return gather(torch.tensor(paid, dtype=torch.float32, device=self.accelerator.device))

    # Sampling and training

    def _get_per_token_logps_and_entropies(
        self, model: Any, input_ids: torch.Tensor, attention_mask: torch.Tensor, logits_to_keep: int, *args: Any, **named: Any
    ) -> Any:
        # Where TRL writes the rollouts, it computes them as it does. Processes that share a model have to pass it equally often, and parts
        # follow from a process's own rollouts.
        most = args[0] if args else None
        alone = self._engine is not None and self.args.world_size == 1
        divisible = alone and named.get("num_images") is not None and not named.get("compute_aux_loss")
        if divisible and (most is None or most >= ROWS) and (parts := parts_of(attention_mask)):

            def score(ids: torch.Tensor, mask: torch.Tensor, keep: int, **told: Any) -> Scored:
                logps, entropies, _ = super(ReinforcingTrainer, self)._get_per_token_logps_and_entropies(model, ids, mask, keep, **told)
                return logps, entropies

            found: Any = (*in_parts(score, input_ids, attention_mask, logits_to_keep, parts, named), None)
        else:
            found = super()._get_per_token_logps_and_entropies(model, input_ids, attention_mask, logits_to_keep, *args, **named)
        if named.get("compute_entropy"):
            self._logps = found[0].detach()
        return found

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Any:
        loss = super()._compute_loss(model, inputs)
        if "old_per_token_logps" not in inputs and self._logps is not None:
            self._compare(self._logps, inputs)
        return loss

    def _compare(self, trained: torch.Tensor, batch: dict[str, Any]) -> None:
        """How far the log-probabilities of sampling and training are from each other, on what the policy wrote."""
        sampled = batch.get("sampling_per_token_logps")
        # Our engine tells those of the model as it is, and TRL takes those at the temperature.
        if sampled is None or (self._grpo.generation is Generation.ENGINE and self._grpo.temperature != 1):
            return
        mask = (batch["completion_mask"] * batch["tool_mask"]).bool() & ~torch.isnan(sampled)
        apart = (trained - sampled).abs()[mask]
        if not len(apart):
            return
        self._sums.add("mismatch", float(apart.sum()), len(apart))
        if (mean := float(apart.mean())) > self._grpo.mismatch:
            self._alarmed(
                f"Sampling and training disagree at step {self.state.global_step + 1:,}: the log-probabilities of what was written are "
                f"{mean:.3f} apart, and {self._grpo.mismatch} are allowed (`grpo.mismatch`). What is learnt is then not what was said."
            )

    # What is told

    def figures(self, logs: dict[str, float]) -> dict[str, Any]:
        """Of the steps since the last call, over all processes, for a line of metrics."""
        now = time.perf_counter()
        took, self._since = now - self._since, now
        self._sums.add("generating", self._generating / max(took, 1e-9))
        self._generating = 0.0
        sums, self._sums = self._sums, Sums()
        if self.args.world_size > 1:
            everybody = gather_object([sums.values])
            sums = Sums()
            for values in everybody:
                sums.join(values)
        written = sums.values.get("length", (0.0, 0))[0]
        names = {"entropy": "entropy", "kl": "kl", "clip_ratio/region_mean": "clipped", "cispo_clip_ratio": "clipped"}
        told = {name: round(float(logs[key]), 6) for key, name in names.items() if logs.get(key) is not None}
        return {**sums.means(), **told, "tokens_per_second": round(written / max(took, 1e-9), 1)}

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Hands the figures on. Raises TrainingError where the loss is no number any more."""
        self.check_loss(logs)
        super().log(logs, start_time)


def _unused(**named: Any) -> list[float | None]:
    """TRL wants a reward function; `_calculate_rewards` stands in its place."""
    raise NotImplementedError("Rewards are told by ReinforcingTrainer._calculate_rewards.")
