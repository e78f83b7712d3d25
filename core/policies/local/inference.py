"""The thread that runs a model: turns of all conversations together, step by step.

A step is one forward pass. In it go the newest token of every turn that is being written, and as many tokens of those that still have to
be encoded as are worth taking along. So nobody waits until another's picture is read, and a turn that ended makes room at once.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections import deque
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import torch

from core.errors import OutOfMemory, PolicyError
from core.policies.conversation import Failed, Finish, Finished, PolicyEvent, Wrote
from core.policies.local.choosing import Chooser, Chosen, choose, forbidding, logprob_of
from core.policies.local.forward import LanguageModel, Pass
from core.policies.local.loading import LoadedModel
from core.policies.local.passes import Planned, plan
from core.policies.local.places import Layout
from core.policies.local.slots import WORTH_COPYING, Admission, SlotBook
from core.policies.local.turns import Turn
from core.policies.local.vision import Eyes
from core.policies.protocol import CLOSED

# How many tokens a step encodes beside those that are written. On a processor as many as make one layer some 50 thousand million
# operations, which it does in less than a second: between two layers a pass can be left.
_OPERATIONS_OF_A_LAYER = 5e10
_TOGETHER_ON_CPU = (128, 2048)
_TOGETHER_ON_DEVICE = 4096
# Multiplications in one layer from which on a second core helps: measured on two cores, with layers of 1 to 10 million weights.
_WORTH_SHARING = 3e7
# Room that is made at once for what a turn will write.
_AHEAD = 256

# What a forward pass can fail with that is no defect of ours to hide: memory, kernels, a checkpoint that does not fit together.
_FAILURES = (RuntimeError, MemoryError, ValueError, IndexError, KeyError, TypeError, AttributeError)


@dataclass(slots=True)
class Spent:
    """What a policy did since it was opened.

    tokens           sampled
    encoded          put before the model, pictures' tokens included
    steps            forward passes of the language model
    forward  spent in forward passes, those of the vision tower included
    vision   spent in the vision tower
    pictures         that went through the vision tower
    busy     in which there was something to do
    """

    tokens: int = 0
    encoded: int = 0
    steps: int = 0
    forward: float = 0.0
    vision: float = 0.0
    pictures: int = 0
    busy: float = 0.0


class _Given(Exception):
    """Nobody waits for the running forward pass any more."""


class Inference:
    """Runs a model in a thread of its own. Turns come in and are cancelled from any thread; `close` ends it."""

    def __init__(self, loaded: LoadedModel, slots: int, chooser: Chooser | None) -> None:
        self.spent = Spent()
        self._eyes = Eyes(loaded.model, loaded.rendering, self._check)
        self._model = LanguageModel(loaded.model, self._check)
        self._end_ids = loaded.rendering.end_ids
        self._forbidden = forbidding(loaded.rendering.never, self._model.vocabulary, self._model.device)
        self._context = loaded.card.context
        self._chooser = chooser
        self._together = _TOGETHER_ON_DEVICE
        if self._model.device.type == "cpu":
            bearable = int(_OPERATIONS_OF_A_LAYER / (2 * self._model.weights_of_a_layer))
            self._together = min(max(bearable, _TOGETHER_ON_CPU[0]), _TOGETHER_ON_CPU[1])
        self._cache = self._model.cache()
        self._book = SlotBook(slots)
        self._waiting: deque[Turn] = deque()
        self._working: list[Turn] = []
        # What other threads touch: the inbox under the bell, and two marks that are only ever set to true by them.
        self._bell = threading.Condition()
        self._inbox: deque[Turn | Hashable] = deque()
        self._closing = False
        self._someone_left = False
        self._concerned: Sequence[Turn] = ()
        self._thread = threading.Thread(target=self._run, name="saccade-inference", daemon=True)
        self._thread.start()

    @property
    def is_closing(self) -> bool:
        """Whether it was told to end."""
        return self._closing

    def prepare(self, turn: Turn) -> None:
        """Make the pixels of a turn's pictures ready, in the thread of whoever asks. Raises PolicyError where one cannot be shown."""
        if not self._closing:
            for place in turn.layout.places:
                self._eyes.prepare(place.shown)

    def submit(self, turn: Turn) -> None:
        """Take a turn in; what comes of it is delivered as events, from the thread that runs the model."""
        with self._bell:
            if not self._closing:
                self._inbox.append(turn)
                self._bell.notify()
                return
        turn.deliver(Failed(turn.row, PolicyError(CLOSED)))

    def release(self, owner: Hashable, turn: Turn | None) -> None:
        """Forget a conversation, and its turn if one runs: no event of it comes from now on."""
        with self._bell:
            if turn is not None:
                turn.cancelled = self._someone_left = True
            self._inbox.append(owner)
            self._bell.notify()

    def close(self) -> None:
        """End the thread: a running forward pass is left where it is, and turns that are not done fail."""
        with self._bell:
            self._closing = True
            self._bell.notify()
        self._thread.join()
        # The weights are freed with whoever else holds them.
        del self._model

    def _run(self) -> None:
        try:
            with torch.inference_mode():
                while self._obey(self._next_commands()):
                    began = time.perf_counter()
                    self._leave_out_cancelled()
                    self._admit()
                    if self._working:
                        self._step()
                    self.spent.busy += time.perf_counter() - began
        finally:
            # Also where a defect ends the thread: nobody is to wait for it.
            with self._bell:
                self._closing = True
                self._waiting.extend(entry for entry in self._inbox if isinstance(entry, Turn))
            for turn in (*self._working, *self._waiting):
                self._tell(turn, Failed(turn.row, PolicyError(CLOSED), turn.speech.text))
            self._eyes.close()
            self._cache.clear()

    def _next_commands(self) -> list[Turn | Hashable]:
        with self._bell:
            while not (self._inbox or self._working or self._closing or self._has_room()):
                # Turns that wait while nothing runs wait for a conversation between its turns to give its slot up.
                self._bell.wait(self._book.seconds_to_wait(time.monotonic()) if self._waiting else None)
            commands = list(self._inbox)
            self._inbox.clear()
            return commands

    def _has_room(self) -> bool:
        now = time.monotonic()
        return any(self._book.has_room(turn.owner, now) for turn in self._waiting)

    def _obey(self, commands: list[Turn | Hashable]) -> bool:
        for command in commands:
            if isinstance(command, Turn):
                self._waiting.append(command)
            else:
                self._book.free(command, time.monotonic())
        return not self._closing

    def _leave_out_cancelled(self) -> None:
        if self._someone_left:
            self._someone_left = False
            self._working = [turn for turn in self._working if not turn.cancelled]
            self._waiting = deque(turn for turn in self._waiting if not turn.cancelled)

    def _admit(self) -> None:
        """Give slots to those who wait, first come first served; who still has one need not wait for others."""
        for turn in tuple(self._waiting):
            now = time.monotonic()
            if not self._book.has_room(turn.owner, now) or self._is_being_read(turn.layout):
                continue
            if (admission := self._book.admit(turn.owner, turn.layout, now)) is None:
                continue
            self._waiting.remove(turn)
            turn.slot, turn.held = admission.slot, admission.kept
            turn.encoded = turn.given - turn.held
            with self._failing([turn]):
                self._make_room(turn, admission)
                self._working.append(turn)

    def _make_room(self, turn: Turn, admission: Admission) -> None:
        ready = False
        try:
            self._cache.reserve(len(self._book.slots), turn.given + min(turn.request.max_new_tokens, _AHEAD))
            if admission.source is not None:
                self._cache.copy(admission.source, admission.slot, admission.kept)
            ready = True
        finally:
            if not ready:
                self._book.spoil(admission.slot)

    def _is_being_read(self, layout: Layout) -> bool:
        """Whether more of this conversation's beginning is just being encoded for another one than is there already."""
        if not any(turn.held < turn.given for turn in self._working):
            return False
        there = max((slot.shares(layout) for slot in self._book.slots), default=0)
        coming = max(turn.layout.shared(layout) for turn in self._working if turn.held < turn.given)
        return min(coming, len(layout.ids) - 1) >= there + WORTH_COPYING

    def _step(self) -> None:
        planned = plan(self._working, self._together)
        news = [turn for turn in planned.turns if turn.held < turn.given]
        with self._failing(news or planned.turns[-1:]), contextlib.suppress(_Given):
            logits = self._forward(planned)
            if planned.heard:
                # What is chosen while somebody leaves is for nobody, and is dropped with them.
                for turn, chosen in zip(planned.heard, self._choose(planned.heard, logits), strict=True):
                    self._take(turn, chosen)

    def _forward(self, planned: Planned) -> torch.Tensor:
        began = time.perf_counter()
        self._concerned = planned.turns
        self._cache.reserve(len(self._book.slots), max(piece.start + piece.count for piece in planned.pieces))
        self._see(planned)
        device = self._model.device
        shown = planned.features()
        with self._shared_out(sum(piece.count for piece in planned.pieces)):
            logits = self._model(Pass(planned.pieces, planned.ids(device), planned.positions(device), shown), self._cache)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        for turn, piece in zip(planned.turns, planned.pieces, strict=True):
            turn.held += piece.count
            self._book.grow(turn.slot, turn.held)
        self.spent.steps += 1
        self.spent.encoded += sum(piece.count for piece in planned.pieces)
        self.spent.forward += time.perf_counter() - began
        return logits[planned.heard_rows] if len(planned.heard) < len(planned.turns) else logits

    @contextlib.contextmanager
    def _shared_out(self, tokens: int) -> Iterator[None]:
        """A pass on a processor by as many threads as are worth it: over few tokens of a small model they mostly wait for each other.

        The number holds for the whole process in torch, so it is put back.
        """
        threads = torch.get_num_threads()
        alone = threads > 1 and self._model.device.type == "cpu" and tokens * self._model.weights_of_a_layer < _WORTH_SHARING
        if not alone:
            yield
            return
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)

    def _see(self, planned: Planned) -> None:
        """Give every turn the features of the pictures in its piece; it keeps them until it is read to the end."""
        unseen = planned.unseen()
        if not unseen:
            return
        began = time.perf_counter()
        self._concerned = [turn for turn, _ in unseen]
        features = self._eyes.see([shown for _, pictures in unseen for shown in pictures])
        for turn, pictures in unseen:
            turn.features.update({shown.key: features[shown.key] for shown in pictures})
        self._concerned = planned.turns
        self.spent.pictures = self._eyes.pictures
        self.spent.vision += time.perf_counter() - began

    def _choose(self, turns: Sequence[Turn], logits: torch.Tensor) -> list[Chosen]:
        if self._chooser is None:
            return choose(logits, self._forbidden, [turn.draw for turn in turns])
        picked = [self._chooser(turn.row, turn.ids, row) for turn, row in zip(turns, logits, strict=True)]
        left = [number for number, token in enumerate(picked) if token is None]
        sampled = iter(choose(logits[left], self._forbidden, [turns[number].draw for number in left]) if left else ())
        return [
            next(sampled) if token is None else Chosen(token, logprob_of(row, token)) for token, row in zip(picked, logits, strict=True)
        ]

    def _take(self, turn: Turn, chosen: Chosen) -> None:
        """Add a token to a turn, tell its text, and end the turn where it ends."""
        if turn.cancelled:
            return
        if math.isnan(chosen.logprob):
            self._give_up(turn)
            return
        self.spent.tokens += 1
        turn.ids.append(chosen.token)
        turn.logprobs.append(chosen.logprob)
        turn.features.clear()
        turn.untold += 1
        ended = chosen.token in self._end_ids
        text = "" if ended else turn.speech.hear(chosen.token)
        finish = Finish.END if ended else Finish.STOP if turn.speech.stopped else self._length(turn)
        if finish is not None and not turn.speech.stopped:
            text += turn.speech.end()
            finish = Finish.STOP if turn.speech.stopped and finish is Finish.LENGTH else finish
        if text:
            self._tell(turn, Wrote(turn.row, text, turn.untold))
            turn.untold = 0
        if finish is not None:
            self._working.remove(turn)
            self._book.rest(turn.slot, turn.whole, time.monotonic())
            self._tell(turn, Finished(turn.row, turn.completion(finish)))

    def _give_up(self, turn: Turn) -> None:
        """End a turn whose logits are no numbers: whatever were chosen then would be noise."""
        self._working.remove(turn)
        self._book.free(turn.owner, time.monotonic())
        numbers = str(self._model.dtype).removeprefix("torch.")
        sentence = (
            f"The model's numbers are not finite in {numbers}: its weights are broken, or too large for that number type. Try bfloat16 or "
            "float32, or another checkpoint."
        )
        self._tell(turn, Failed(turn.row, PolicyError(sentence), turn.speech.text))

    def _length(self, turn: Turn) -> Finish | None:
        full = self._context is not None and turn.given + len(turn.ids) >= self._context
        return Finish.LENGTH if full or len(turn.ids) >= turn.request.max_new_tokens else None

    def _tell(self, turn: Turn, event: PolicyEvent) -> None:
        if not turn.cancelled:
            turn.deliver(event)

    @contextlib.contextmanager
    def _failing(self, turns: Sequence[Turn]) -> Iterator[None]:
        """Where what is done inside fails, these turns fail with it, and the others go on."""
        try:
            yield
        except _FAILURES as error:
            for turn in tuple(turns):
                if turn in self._working:
                    self._working.remove(turn)
                self._book.free(turn.owner, time.monotonic())
                self._tell(turn, Failed(turn.row, self._explained(error), turn.speech.text))
            for turn in self._working:
                # A pass that came to nothing behind its last layer: the newest token is read once more.
                turn.held -= turn.missing == 0
            if self._is_memory(error):
                self._eyes.forget()
                if self._model.device.type == "cuda":
                    torch.cuda.empty_cache()

    def _explained(self, error: BaseException) -> PolicyError:
        if isinstance(error, PolicyError):
            return error
        if self._is_memory(error):
            return OutOfMemory(
                f"The memory of {self._model.device} does not hold this conversation beside the others: show smaller pictures "
                "(fewer pixels), or run fewer conversations at once (slots)."
            )
        first = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        return PolicyError(f"The model could not go on ({first}): try again, and load it anew if that does not help.")

    @staticmethod
    def _is_memory(error: BaseException) -> bool:
        # The allocator of CPU memory has no exception of its own.
        return isinstance(error, torch.OutOfMemoryError | MemoryError) or "allocate memory" in str(error)

    def _check(self) -> None:
        """Ends a forward pass for which nobody waits any more; called before every layer."""
        if threading.current_thread() is not self._thread:
            return
        if self._closing or (self._someone_left and all(turn.cancelled for turn in self._concerned)):
            raise _Given
