"""Rollouts that TRL writes itself, by transformers or by vLLM, through its environment interface: the plain path.

The dialog is rendered by the house's chat template and processor, turn behind turn as TRL joins them, and read back as the same rollout
that our engine would have led: a turn ends at its call, and the environment says its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
import torch
from trl import GRPOTrainer

from core.errors import TrainingError
from core.grammar import CALL_CLOSE, Message
from core.policies.local.rendering import Rendering
from core.policies.local.template import chat_template
from core.trace import Author, StopReason, Trace
from training.environment import ZoomEnvironment, read_turn
from training.processors import messages_of
from training.questions import Question
from training.reinforcing import ReinforcingTrainer
from training.rollouts import Led, checked, pictures_of
from training.turns import Spoken

_PICTURES = ("pixel_values", "image_grid_thw")


def call_ends(rendering: Rendering) -> list[int]:
    """The tokens with which a call is over, in order: those whose text ends with its closing tag. The small policy has the tag in one token
    with what stands before it. Raises TrainingError for a tokenizer that has none, or without an end of turns."""
    if rendering.turn_end is None:
        raise TrainingError(rendering.multi_turn_problem)
    # In a byte-level vocabulary, too, the tag stands as it is.
    tokens = sorted(token for text, token in rendering.tokenizer.get_vocab().items() if text.endswith(CALL_CLOSE))
    if not tokens:
        raise TrainingError(f"TRL ends a turn at a token, and this tokenizer has none for {CALL_CLOSE}: set `generation: engine`.")
    return tokens


def marks_never_sampled(rendering: Rendering, *, vllm: bool) -> dict[str, Any]:
    """Arguments of a generation under which no picture mark and no number without a token is sampled."""
    if vllm:
        # Of vLLM's own arguments this one is a token's; what is left of its probability is e^-100.
        known = len(rendering.tokenizer)
        return {"logit_bias": {token: -100.0 for token in sorted(rendering.never) if token < known}}
    return {"suppress_tokens": sorted(rendering.never)}


def template_for_trl(rendering: Rendering) -> str:
    """The house's chat template with what the checkpoint's own says by itself where the messages have no system prompt: TRL takes no
    template that it does not know how to call tools in."""
    text: str = rendering.tokenizer.apply_chat_template(
        [{"role": "user", "content": "?"}], chat_template=rendering.chat_template, tokenize=False
    )
    _, found, behind = text.partition("<|im_start|>system\n")
    return chat_template(behind.partition("<|im_end|>")[0] if found else None)


class PlainTrainer(ReinforcingTrainer):
    """As ReinforcingTrainer, with rollouts that TRL writes.

    rendering  of the checkpoint
    several    whether there are several turns: TRL is then given the environment
    """

    eos_token_ids: Any

    def __init__(self, *args: Any, rendering: Rendering, several: bool, **named: Any) -> None:
        self._rendering, self._several = rendering, several
        super().__init__(*args, engine=None, **named)
        if several:
            # Turns are read by core's grammar: by a template, a call that is never closed and an answer behind it would be one call.
            self._tokenizer.parse_response = lambda ids, **named: read_turn(rendering.decode(ids))
            # Not in the model's own settings, which are saved beside it.
            self.eos_token_ids = [*self.eos_token_ids, *call_ends(rendering)]
            if not self.use_vllm:
                self.generation_config.eos_token_id = self.eos_token_ids
                self.generation_kwargs["eos_token_id"] = self.eos_token_ids

    def _rows(self) -> list[dict[str, Any]]:
        prompts = [messages_of(Spoken(question.views().opening(), ()), self._rendering) for question in self._asked]
        return [
            {"prompt": prompt, "question": question}
            for prompt, question in zip(prompts, self._asked, strict=True)
            for _ in range(self._grpo.group)
        ]

    def _tokenize_prompts(self, prompts: list[Any]) -> tuple[Any, Any, dict[str, Any]]:
        # Where an observation without a picture comes first, TRL 1.16 splits the pictures of the prompts, and can do so with tensors alone.
        prompt_ids, images, fields = super()._tokenize_prompts(prompts)
        as_tensors = {name: torch.as_tensor(np.asarray(fields[name])) for name in _PICTURES if name in fields}
        return prompt_ids, images, {**fields, **as_tensors}

    def _get_tool_suffix_ids(self, tool_messages: list[dict[str, Any]]) -> list[int]:
        # A turn ended at its call: the environment says its end.
        return [int(self._rendering.turn_end or 0), *super()._get_tool_suffix_ids(tool_messages)]

    def _led(self, questions: Sequence[Question], prompts: list[Any]) -> list[Led]:
        prompt_ids, ids, masks, _, logprobs, *_ = GRPOTrainer._generate(self, prompts)
        group = self._grpo.group
        found = []
        for at, (before, behind) in enumerate(zip(prompt_ids, ids, strict=True)):
            written = [bool(own) for own in masks[at]] if masks is not None else [True] * len(behind)
            question, environment = questions[at // group], self.environments[at] if self.environments else None
            trace = self._trace(question, at % group, behind, written, environment)
            sampled = tuple(0.0 if one is None else float(one) for one in logprobs[at]) if logprobs is not None else None
            pictures = pictures_of(trace, question)
            led = Led(question, at % group, trace, tuple(before), tuple(behind), tuple(written), sampled, pictures)
            found.append(checked(led, self._rendering))
        return found

    def _trace(
        self, question: Question, draw: int, ids: Sequence[int], written: Sequence[bool], environment: ZoomEnvironment | None
    ) -> Trace:
        """What was said, turn by turn, as a trace; TRL may have taken the last observations back."""
        observed = iter(environment.observed if environment is not None else ())
        messages: list[Message] = []
        for own, run in groupby(zip(ids, written, strict=True), lambda pair: pair[1]):
            tokens = [token for token, _ in run]
            messages.append(Message(Author.MODEL, self._rendering.decode(tokens)) if own else Message(Author.OBSERVATION, next(observed)))
        return question.plan.trace(draw, messages, self._stop(question, messages, ids, written))

    def _stop(self, question: Question, messages: Sequence[Message], ids: Sequence[int], written: Sequence[bool]) -> StopReason:
        """Why it ended, in the words of core.rollout."""
        trace = question.plan.trace(0, messages, StopReason.UNKNOWN)
        last = trace.turns[-1] if trace.turns else None
        ended = bool(ids) and (ids[-1] in self._rendering.end_ids or ids[-1] in self.eos_token_ids)
        if last is not None and last.answer is not None:
            return StopReason.ANSWERED
        if not ended or not written[-1]:
            return StopReason.MAX_TOKENS
        if last is None or last.call is None:
            return StopReason.NO_ACTION
        turns = sum(message.author is Author.MODEL for message in messages)
        return StopReason.MAX_TURNS if turns >= question.settings.max_turns or not question.plan.multi_turn else StopReason.MAX_TOKENS
