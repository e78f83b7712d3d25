"""Rollouts to learn from: led by core.rollout, written by our engine with the weights that are being trained, kept as the very tokens and
pictures that the policy was given.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from PIL import Image

from core.errors import PolicyError, TrainingError
from core.grammar import is_tool_error
from core.policies.conversation import Shown
from core.policies.local.choosing import Chooser
from core.policies.local.loading import LoadedModel
from core.policies.local.policy import LocalPolicy
from core.policies.local.rendering import Rendering
from core.rollout.engine import AT_ONCE, roll_out
from core.rollout.observations import look_of
from core.rollout.values import Ended, Rollout, RolloutSettings, Tokens
from core.trace import BROKEN_OFF, Author, StopReason, Trace
from training.held_out import merged
from training.questions import Question
from training.sampling import answering
from training.scoring import Scored

OVERRUN = frozenset({StopReason.MAX_TURNS, StopReason.MAX_TOKENS, StopReason.TIMEOUT})
"""Ends that come from a limit, and not from what the policy said."""


@dataclass(frozen=True, slots=True)
class Led:
    """A rollout as it is learnt from.

    prompt    tokens before the model's first word; picture pads as everywhere
    ids       those behind it
    written   one for each of `ids`: the model wrote it
    logprobs  one for each of `ids`: natural logarithm of the probability with which it was sampled, 0 where it was not; None: not told
    pictures  what the pads of both show, in order
    """

    question: Question
    draw: int
    trace: Trace
    prompt: tuple[int, ...]
    ids: tuple[int, ...]
    written: tuple[bool, ...]
    logprobs: tuple[float, ...] | None
    pictures: tuple[Shown, ...]

    @property
    def overran(self) -> bool:
        """Whether it ended without an answer because turns, pictures or tokens ran out."""
        return self.trace.stop in OVERRUN and self.trace.answer is None

    @property
    def images(self) -> list[Image.Image]:
        """The pictures as they were shown."""
        return [shown.image for shown in self.pictures]


@dataclass(frozen=True, slots=True)
class Rewarded:
    """A rollout, what it would be paid, and what it is paid: None where it is masked."""

    led: Led
    scored: Scored
    paid: float | None


class Engine:
    """Leads rollouts with a model that is being trained.

    loaded   the checkpoint as it was loaded
    dtype    what it is written in; None: what the weights are. Where it is another than theirs, a copy of the model writes
    chooser  picks tokens itself, for tests and measurements
    """

    def __init__(
        self, loaded: LoadedModel, name: str, *, slots: int, dtype: torch.dtype | None = None, chooser: Chooser | None = None
    ) -> None:
        self._loaded, self._name, self._slots, self._dtype, self._chooser = loaded, name, slots, dtype, chooser
        self._copy: Any = None

    def lead(self, model: Any, questions: Sequence[Question], group: int, seed: int) -> list[Led]:
        """`group` rollouts of each question, one question behind the other, with the weights that `model` has now. Each is drawn by `seed`,
        what is asked and its number in the group, whatever is asked beside it.

        Raises TrainingError where one broke off.
        """
        found: dict[int, list[Led]] = {place: [] for place in range(len(questions))}
        by_settings: dict[RolloutSettings, list[int]] = {}
        for place, question in enumerate(questions):
            by_settings.setdefault(question.settings, []).append(place)
        slots = min(self._slots, group * len(questions))
        with self._writing(model) as loaded, LocalPolicy(loaded, slots=slots, chooser=self._chooser) as policy:
            for settings, places in by_settings.items():
                sampling = replace(settings.sampling, seed=seed)
                tasks = [replace(questions[place].task, samples=group) for place in places]
                told = roll_out(
                    policy, tasks, replace(settings, sampling=sampling), policy_name=self._name, at_once=max(AT_ONCE, self._slots)
                )
                for event in told:
                    if isinstance(event, Ended):
                        place = places[event.rollout.task]
                        found[place].append(_led(questions[place], event.rollout, loaded.rendering))
        return [led for place in range(len(questions)) for led in sorted(found[place], key=lambda led: led.draw)]

    @contextmanager
    def _writing(self, model: Any) -> Iterator[LoadedModel]:
        with merged(model) as whole:
            speaker = self._speaker(whole)
            loaded = replace(self._loaded, model=speaker)
            with answering(loaded):
                yield loaded

    def _speaker(self, whole: Any) -> Any:
        """The model itself, or its copy in the numbers that are written in, brought up to its weights."""
        if self._dtype is None or self._dtype is next(whole.parameters()).dtype:
            return whole
        if self._copy is None:
            self._copy = copy.deepcopy(whole).to(self._dtype).requires_grad_(False)
        with torch.no_grad():
            for mine, theirs in zip(self._copy.parameters(), whole.parameters(), strict=True):
                mine.copy_(theirs)
        return self._copy


def _led(question: Question, rollout: Rollout, rendering: Rendering) -> Led:
    if rollout.trace.stop in BROKEN_OFF or rollout.tokens is None:
        raise TrainingError(f"A rollout of “{question.task.sample.question:.80}” broke off: {rollout.error or 'it has no tokens.'}")
    tokens: Tokens = rollout.tokens
    written = [False] * len(tokens.ids)
    for span in tokens.spans:
        if span.author is Author.MODEL:
            written[span.start : span.end] = [True] * (span.end - span.start)
    return checked(
        Led(
            question,
            rollout.draw,
            rollout.trace,
            tokens.prompt,
            tokens.ids,
            tuple(written),
            tuple(logprob if logprob is not None else 0.0 for logprob in tokens.logprobs),
            pictures_of(rollout.trace, question),
        ),
        rendering,
    )


def pictures_of(trace: Trace, question: Question) -> tuple[Shown, ...]:
    """What a policy was shown in the conversation of a trace, in order: the whole picture, and the crop of every look."""
    views = question.views()
    found = [views.whole]
    for turn in trace.turns:
        said = "".join(part.span.of(turn.text) for part in turn.authors if part.author is Author.OBSERVATION)
        look = look_of(question.plan, turn) if said and not is_tool_error(said) else None
        if look is not None and turn.call is not None and turn.call.mention is not None:
            found.append(views.crop(look, (turn.call.mention.x, turn.call.mention.y)))
    return tuple(found)


def checked(led: Led, rendering: Rendering) -> Led:
    """The rollout itself. Raises TrainingError where its pads are not those of its pictures: what would be learnt from would not be what
    was seen."""
    pads = sum(token == rendering.image_id for token in (*led.prompt, *led.ids))
    try:
        shown = sum(rendering.picture_tokens(picture) for picture in led.pictures)
    except PolicyError as error:
        raise TrainingError(f"A rollout cannot be learnt from. {error}") from error
    if pads != shown:
        raise TrainingError(
            f"A rollout of “{led.question.task.sample.question:.80}” has {pads:,} picture tokens, and its pictures have {shown:,}: "
            "a picture was lost on the way, and nothing may be learnt from this."
        )
    return led
