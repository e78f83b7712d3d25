"""The plain loop: a checkpoint asked as the demos of its kind ask it, as a yardstick and as a check of the engine.

One conversation at a time, and at every turn the whole of it is put before the model anew, pictures included, by transformers' own
`generate`. It answers with the same values as the engine, and nothing here is shared with the engine's forward pass or cache.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import torch
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList

from core.errors import PolicyError
from core.policies.conversation import Completion, Failed, Finish, Finished, PolicyEvent, Request, Wrote
from core.policies.local.choosing import Chooser, Chosen, Draw, choose, forbidding, logprob_of, stream_of_chance
from core.policies.local.speech import Speech
from core.policies.protocol import CLOSED, PolicyCard

if TYPE_CHECKING:
    from core.policies.local.loading import LoadedModel


class PlainPolicy:
    """A checkpoint in the plain loop. `chooser` picks tokens itself, as the engine's does."""

    def __init__(self, loaded: LoadedModel, *, chooser: Chooser | None = None) -> None:
        self._loaded, self._chooser = loaded, chooser
        self._closed = False

    @property
    def card(self) -> PolicyCard:
        """What is known of it."""
        return self._loaded.card

    def session(self) -> PlainSession:
        """New conversations with it. Raises PolicyError where it was closed."""
        if self._closed:
            raise PolicyError(CLOSED)
        return PlainSession(self._loaded, self._chooser, lambda: self._closed)

    def close(self) -> None:
        """Its sessions answer nothing any more."""
        self._closed = True


class PlainSession:
    """Conversations in the plain loop. A turn is computed while `events` is called, and cannot be left in its middle."""

    def __init__(self, loaded: LoadedModel, chooser: Chooser | None, is_closed: Callable[[], bool]) -> None:
        self._loaded, self._chooser, self._is_closed = loaded, chooser, is_closed
        self._asked: dict[int, Request] = {}
        self._known: dict[int, tuple[int, ...]] = {}
        self._last: int | None = None

    def submit(self, row: int, request: Request) -> None:
        """Ask for a turn of a row. Raises PolicyError where the row's last request was not answered yet."""
        if row in self._asked:
            raise PolicyError(f"The row {row} has not answered its last request yet: wait for it, or cancel it.")
        self._asked[row] = request

    def events(self, timeout: float) -> tuple[PolicyEvent, ...]:
        """The events of one turn; none, after `timeout` seconds, where nothing was asked."""
        if not self._asked:
            time.sleep(timeout)
            return ()
        # A conversation is led to its end before another is begun.
        row = self._last if self._last in self._asked else next(iter(self._asked))
        assert row is not None
        self._last = row
        request = self._asked.pop(row)
        if self._is_closed():
            return (Failed(row, PolicyError(CLOSED)),)
        try:
            completion = self._answer(row, request)
        except PolicyError as error:
            return (Failed(row, error),)
        told = (Wrote(row, completion.text, len(completion.ids or ())),) if completion.text else ()
        return (*told, Finished(row, completion))

    def cancel(self, row: int) -> None:
        """Forget a row."""
        self._asked.pop(row, None)
        self._known.pop(row, None)

    def close(self) -> None:
        """Forget every row; may be called twice."""
        self._asked.clear()
        self._known.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _answer(self, row: int, request: Request) -> Completion:
        rendering, model = self._loaded.rendering, self._loaded.model
        encoded = rendering.opening(request.messages, request.prefix)
        context = self._loaded.card.context
        if context is not None and len(encoded.ids) >= context:
            raise PolicyError(f"The conversation has {len(encoded.ids):,} tokens, and the model's context holds {context:,}.")
        most = request.max_new_tokens if context is None else min(request.max_new_tokens, context - len(encoded.ids))
        pixels = [rendering.pixels(shown) for shown in encoded.pictures]
        ids = torch.tensor([encoded.ids], device=model.device)
        seen = {
            "pixel_values": torch.cat([part[0] for part in pixels]).to(model.device),
            "image_grid_thw": torch.cat([part[1] for part in pixels]).to(model.device),
            "mm_token_type_ids": (ids == rendering.image_id).int(),
        }
        speech = Speech(rendering.decode, request.stop)
        writer = _Writer(row, request, len(encoded.ids), speech, self._loaded, self._chooser)
        with torch.inference_mode():
            model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                **(seen if pixels else {}),
                generation_config=_as_asked(most, sorted(rendering.end_ids)),
                logits_processor=LogitsProcessorList([writer]),
                stopping_criteria=StoppingCriteriaList([_Stopped(speech)]),
            )
        return self._completion(row, request, encoded.ids, encoded.prefix_tokens, writer)

    def _completion(self, row: int, request: Request, given: tuple[int, ...], prefix_tokens: int, writer: _Writer) -> Completion:
        known = self._known.get(row, ())
        written = tuple(chosen.token for chosen in writer.written)
        self._known[row] = given + written
        if writer.written[-1].token in self._loaded.rendering.end_ids:
            finish = Finish.END
        else:
            finish = Finish.STOP if writer.speech.stopped else Finish.LENGTH
        if not writer.speech.stopped:
            writer.speech.end()
        return Completion(
            text=writer.speech.text,
            finish=finish,
            ids=written,
            logprobs=tuple(chosen.logprob for chosen in writer.written),
            context_ids=given[len(known) :] if given[: len(known)] == known else given,
            prefix_tokens=prefix_tokens,
            encoded=len(given),
        )


class _Writer(LogitsProcessor):  # type: ignore[misc]
    """Chooses each token as the engine does, and leaves `generate` no other one."""

    def __init__(self, row: int, request: Request, given: int, speech: Speech, loaded: LoadedModel, chooser: Chooser | None) -> None:
        self.speech = speech
        self.written: list[Chosen] = []
        self._row, self._chooser, self._rendering = row, chooser, loaded.rendering
        self._draw = Draw(request.sampling, stream_of_chance(request.sampling.seed, given))

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Scores under which the chosen token is the only possible one."""
        chosen = self._choose(scores.float())
        self.written.append(chosen)
        if chosen.token not in self._rendering.end_ids:
            self.speech.hear(chosen.token)
        only = torch.full_like(scores, -torch.inf)
        only[0, chosen.token] = 0.0
        return only

    def _choose(self, logits: torch.Tensor) -> Chosen:
        picked = self._chooser(self._row, [chosen.token for chosen in self.written], logits[0]) if self._chooser else None
        if picked is not None:
            return Chosen(picked, logprob_of(logits[0], picked))
        forbidden = forbidding(self._rendering.never, logits.shape[1], logits.device)
        return choose(logits, forbidden, [self._draw])[0]


class _Stopped(StoppingCriteria):  # type: ignore[misc]
    """Ends a turn behind a stop text."""

    def __init__(self, speech: Speech) -> None:
        self._speech = speech

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **_: Any) -> torch.Tensor:
        return torch.tensor([self._speech.stopped], device=input_ids.device)


def _as_asked(most: int, end_ids: Sequence[int]) -> GenerationConfig:
    # Everything said outright: what a checkpoint recommends for chatting (a repetition penalty, a temperature) must not have a say.
    return GenerationConfig(
        max_new_tokens=most,
        eos_token_id=list(end_ids),
        pad_token_id=end_ids[0] if end_ids else 0,
        do_sample=False,
        repetition_penalty=1.0,
        temperature=1.0,
        top_p=1.0,
        top_k=50,
    )
