"""The rollout engine with real checkpoints: their tokens, their pictures, their caches; only the choice of tokens is scripted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.crops import CropRule, render_look
from core.grammar import FORCED_PREFIX, call_text, is_tool_error
from core.policies.local.loading import LoadedModel
from core.policies.local.policy import LocalPolicy
from core.policies.opening import PolicyOptions, open_policy
from core.rollout.engine import roll_out
from core.rollout.values import Ended, Rollout, RolloutSettings, Spoke, Task
from core.trace import Author, StopReason
from tests.core.rollout.speaking import painted, rollouts, task

TURNS = (
    f"<think> A sign (30, 40). </think>\n{call_text(30, 40)}",
    f"<think> Not there (9000, 1). </think>\n{call_text(9000, 1)}",
    f"<think> The other side (90, 60). </think>\n{call_text(90, 60)}",
)


class Speaks:
    """A chooser that makes a model say given turns, token by token; what follows a forced sentence it leaves to the model."""

    def __init__(self, loaded: LoadedModel) -> None:
        words = loaded.rendering.tokenizer
        self._turns = [words(text, add_special_tokens=False)["input_ids"] for text in TURNS]
        self._at: dict[int, int] = {}

    def __call__(self, row: int, said: Sequence[int], logits: torch.Tensor) -> int | None:
        if not said:
            self._at[row] = self._at.get(row, -1) + 1
        turn = self._at[row]
        if turn >= len(self._turns):
            return None
        return int(self._turns[turn][len(said)])


@pytest.fixture(scope="module", params=["tiny_qwen2_5_vl", "tiny_qwen3_vl"])
def policy(request: pytest.FixtureRequest) -> Iterator[LocalPolicy]:
    folder: Path = request.getfixturevalue(request.param)
    opened = open_policy(str(folder), PolicyOptions(min_pixels=3136, max_pixels=40_000, device="cpu"))
    assert isinstance(opened, LocalPolicy)
    yield opened
    opened.close()


def settings(policy: LocalPolicy) -> RolloutSettings:
    return RolloutSettings(crop=CropRule(20, 64, dot=False), max_turns=4, max_new_tokens=400, max_tokens=4000)


def speaking(policy: LocalPolicy, tasks: Sequence[Task]) -> list[Rollout]:
    loaded = policy._loaded
    with LocalPolicy(loaded, slots=3, chooser=Speaks(loaded)) as speaks:
        events = list(roll_out(speaks, tasks, settings(policy)))
    for event in events:
        if isinstance(event, Ended):
            spoken = [spoke.text for spoke in events if isinstance(spoke, Spoke) and spoke.conversation == event.conversation]
            assert "".join(spoken) == "".join(turn.text for turn in event.rollout.trace.turns)
    return rollouts(events)


def test_a_real_model_is_led_through_crops_errors_and_the_demanded_answer(policy: LocalPolicy) -> None:
    (rollout,) = speaking(policy, [task(painted(120, 80))])
    trace = rollout.trace
    assert (trace.stop, len(trace.turns), len(trace.looks)) == (StopReason.FORCED, 4, 2)
    assert [turn.text.startswith(said) for turn, said in zip(trace.turns, TURNS, strict=False)] == [True] * 3
    error = trace.turns[1].observation
    assert error is not None and is_tool_error(error.of(trace.turns[1].text))
    assert trace.turns[3].text.startswith(FORCED_PREFIX)
    assert all(look.output.width % policy.card.factor == 0 for look in trace.looks)


def test_its_tokens_are_told_with_their_authors(policy: LocalPolicy) -> None:
    (rollout,) = speaking(policy, [task(painted(120, 80))])
    tokens, rendering = rollout.tokens, policy._loaded.rendering
    assert tokens is not None
    assert [0, *(span.end for span in tokens.spans)] == [*(span.start for span in tokens.spans), len(tokens.ids)]
    said = [rendering.decode(tokens.ids[span.start : span.end]) for span in tokens.spans if span.author is Author.MODEL]
    assert said[:3] == list(TURNS)
    pads = [tokens.ids[span.start : span.end].count(rendering.image_id) for span in tokens.spans if span.author is Author.OBSERVATION]
    patches = (rollout.trace.looks[0].output.width // policy.card.factor) ** 2
    assert pads == [patches, 0, patches]
    injected = [rendering.decode(tokens.ids[span.start : span.end]) for span in tokens.spans if span.author is Author.INJECTED]
    assert injected == [FORCED_PREFIX]
    assert all(
        (value is None) == (span.author is not Author.MODEL) for span in tokens.spans for value in tokens.logprobs[span.start : span.end]
    )


def test_conversations_beside_others_are_those_they_are_alone(policy: LocalPolicy) -> None:
    """Slots are fewer than conversations, pictures differ, and what a greedy forced answer says depends on every crop before it."""
    tasks = [task(painted(120, 80, blue), f"Picture {blue}?") for blue in (0, 240)]
    together = speaking(policy, [Task(asked.sample, asked.image, 2) for asked in tasks])
    alone = [speaking(policy, [asked])[0] for asked in tasks]
    for rollout in together:
        single = alone[rollout.task]
        assert rollout.tokens is not None and single.tokens is not None
        assert rollout.tokens.ids == single.tokens.ids
        assert rollout.trace.turns == single.trace.turns
        for mine, its in zip(rollout.tokens.logprobs, single.tokens.logprobs, strict=True):
            assert (mine is None) == (its is None)
            assert mine is None or its is None or mine == pytest.approx(its, abs=1e-4)
    for asked, rollout in zip(tasks, alone, strict=True):
        for look in rollout.trace.looks:
            assert render_look(asked.image, look, rollout.trace.frame).getextrema()[2] == asked.image.getextrema()[2]


def test_a_seed_gives_the_same_draw_again_and_not_all_draws_are_alike(policy: LocalPolicy) -> None:
    few = RolloutSettings(max_new_tokens=12, max_turns=2, max_tokens=400, crop=CropRule(20, 64, dot=False))
    asked = task(painted(120, 80), samples=4)
    first, second = (rollouts(list(roll_out(policy, [asked], few))) for _ in range(2))
    assert [one.trace for one in first] == [one.trace for one in second]
    assert [one.tokens and one.tokens.ids for one in first] == [one.tokens and one.tokens.ids for one in second]
    assert len({one.trace.text for one in first}) > 1


@pytest.mark.parametrize("room", [60, 400])
def test_where_the_context_is_what_runs_out_the_conversation_ends_by_its_limit(policy: LocalPolicy, room: int) -> None:
    """The tokenizer takes more tokens for the prompt than the estimate before the first turn has, so the first turn fills the context."""
    few = RolloutSettings(max_new_tokens=400, max_tokens=2000, crop=CropRule(20, 64, dot=False))
    asked = task(painted(120, 80))
    (free,) = rollouts(list(roll_out(policy, [asked], replace(few, max_new_tokens=1, force_answer=False))))
    assert free.tokens is not None
    small = replace(policy._loaded, card=replace(policy.card, context=len(free.tokens.prompt) + room))
    with LocalPolicy(small, slots=1, chooser=lambda row, said, logits: None if said else 0) as tight:
        (rollout,) = rollouts(list(roll_out(tight, [asked], few)))
    assert rollout.error == "" and rollout.trace.stop in (StopReason.MAX_TOKENS, StopReason.FORCED)
    assert rollout.tokens is not None and len(rollout.tokens.prompt) + len(rollout.tokens.ids) <= len(free.tokens.prompt) + room
