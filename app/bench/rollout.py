"""Rolling out: the engine beside the plain loop of the method's own demo, with the same checkpoint, machine and tokens, in one run.

The checkpoint has random weights, so a script says each token in place of the model, which computes it all the same: five turns, four of
them with a crop. The plain loop leads one conversation after the other and encodes the whole of it anew at every turn.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from app.bench.report import Figure
from core.errors import PolicyError
from core.geometry import Size
from core.grammar import TurnText, format_messages
from core.policies.conversation import GREEDY
from core.policies.opening import PolicyOptions
from core.policies.protocol import Policy
from core.rollout.engine import roll_out
from core.rollout.values import Ended, Rollout, RolloutSettings, Task
from core.trace import Author, DomainName, Picture, Sample, Truth, TruthKind

if TYPE_CHECKING:
    from core.policies.local.loading import LoadedModel
    from core.policies.local.untrained import Shape

Given = TypeVar("Given")

SLOTS = 8


@dataclass(frozen=True, slots=True)
class _Batch:
    """What is asked at once: so many questions, each so often. `rounds`: at most so many are measured."""

    title: str
    questions: int
    samples: int
    aim: str
    rounds: int


BATCHES = (
    _Batch("batch 1", 1, 1, "2 or more", 3),
    _Batch("batch 8 of one question", 1, 8, "5 or more", 2),
    _Batch("batch 8 of eight questions", 8, 1, "5 or more", 1),
)
_PICTURE = Size(1288, 952)
_LOOKS = 4
_CONTEXT = 16384
_WORDS = ("the", "lamp", "on", "left", "blue", "sofa", "stands", "near", "a", "window", "and", "its", "shade", "is", "green", "because")


@dataclass(frozen=True, slots=True)
class _Run:
    """What one way of rolling out took: seconds in all, seconds of each conversation, and tokens that were written."""

    seconds: float
    each: tuple[float, ...]
    tokens: tuple[tuple[int, ...], ...]

    @property
    def written(self) -> int:
        return sum(len(ids) for ids in self.tokens)


def run(scratch: Path, *, repeats: int = 5, seed: int = 0, sizes: Sequence[str] = ()) -> list[Figure]:
    """Tokens a second, seconds to a finished trace and how many times as fast, at each size and batch.

    `sizes` are names of `SHAPES`; none: the two that a processor can carry, and the true one where there is a GPU. Raises PolicyError where
    the two ways did not write the same tokens: nothing could be compared then.
    """
    from core.policies.local.devices import device_of
    from core.policies.local.untrained import QWEN2_5_VL_3B, Shape

    # In the proportions of the 3B: key heads, feed-forward and vision tower beside the width of the decoder.
    shapes = {
        "small": Shape(hidden=256, layers=6, heads=4, kv_heads=1, mlp=1376, vision_hidden=160, vision_depth=5, vision_heads=2),
        "medium": Shape(hidden=384, layers=10, heads=6, kv_heads=1, mlp=2064, vision_hidden=240, vision_depth=6, vision_heads=3),
        "3B": QWEN2_5_VL_3B,
    }
    chosen = sizes or (("small", "medium", "3B") if device_of("auto").type == "cuda" else ("small", "medium"))
    figures: list[Figure] = []
    for name in chosen:
        figures += _measure(scratch / name, name, shapes[name], repeats, seed)
    return figures


def _measure(folder: Path, name: str, shape: Shape, repeats: int, seed: int) -> list[Figure]:
    """The figures of one size, at every batch."""
    from core.policies.local.loading import load
    from core.policies.local.untrained import ModelType, build
    from core.policies.references import read_reference

    _in_a_thread(lambda: build(folder, ModelType.QWEN2_5_VL, shape=replace(shape, context=_CONTEXT), seed=seed))
    loaded = _in_a_thread(lambda: load(read_reference(str(folder)), PolicyOptions(slots=SLOTS), progress=lambda _: None))
    size = f"{name}, {loaded.card.details['parameters'] / 1e6:,.1f} M"
    figures: list[Figure] = []
    for batch in BATCHES:
        figures += _at_batch(loaded, f"{batch.title} ({size})", batch, repeats, seed)
    return figures


def _at_batch(loaded: LoadedModel, title: str, batch: _Batch, repeats: int, seed: int) -> list[Figure]:
    from core.policies.local.policy import LocalPolicy
    from core.policies.plain import PlainPolicy

    plain, engine, shares = [], [], []
    # The first round, of one conversation, warms both up and is not counted.
    for turn in range(min(repeats, batch.rounds) + 1):
        tasks = [_task(seed + 100 * turn + number, batch.samples if turn else 1) for number in range(batch.questions if turn else 1)]
        script = _Script(loaded, sum(task.samples for task in tasks), seed)
        slow = _in_a_thread(partial(_timed, PlainPolicy(loaded, chooser=script.begin()), tasks))
        local = LocalPolicy(loaded, slots=SLOTS, chooser=script.begin())
        try:
            fast = _in_a_thread(partial(_timed, local, tasks))
            share = local.spent.forward / fast.seconds
        finally:
            local.close()
        _check_same(slow, fast)
        if turn:
            plain.append(slow)
            engine.append(fast)
            shares.append(share)
    times = tuple(slow.seconds / fast.seconds for slow, fast in zip(plain, engine, strict=True))
    return [
        Figure(f"tokens a second, plain loop, {title}", tuple(one.written / one.seconds for one in plain), "1/s"),
        Figure(f"tokens a second, engine, {title}", tuple(one.written / one.seconds for one in engine), "1/s"),
        Figure(f"to a finished trace, plain loop, {title}", tuple(value for one in plain for value in one.each), "s"),
        Figure(f"to a finished trace, engine, {title}", tuple(value for one in engine for value in one.each), "s"),
        Figure(f"times as fast as the plain loop, {title}", times, "x", batch.aim),
        Figure(f"share of time in forward passes, {title}", tuple(100 * share for share in shares), "%"),
    ]


def _in_a_thread(work: Callable[[], Given]) -> Given:
    """What `work` gives back, done in a thread that has ended when this returns.

    Each thread that computes keeps as many helpers of its own as there are cores, as long as it lives, and two such teams on one machine
    slow each other down. In the workbench only one thread computes; here both ways get the machine to themselves.
    """
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work).result()


def _timed(policy: Policy, tasks: Sequence[Task]) -> _Run:
    """All conversations from the first request to the last trace."""
    # Room enough for a tokenizer of few words, which makes twice as many tokens of a sentence as a real one.
    settings = RolloutSettings(sampling=GREEDY, max_new_tokens=512, max_tokens=8192)
    begun = time.perf_counter()
    ended = [event.rollout for event in roll_out(policy, tasks, settings) if isinstance(event, Ended)]
    seconds = time.perf_counter() - begun
    ended.sort(key=lambda rollout: (rollout.task, rollout.draw))
    return _Run(seconds, tuple(rollout.seconds for rollout in ended), tuple(_said(rollout) for rollout in ended))


def _said(rollout: Rollout) -> tuple[int, ...]:
    """The tokens that the model wrote. Raises PolicyError for a rollout that did not go as the script has it."""
    looks = len(rollout.trace.looks)
    if rollout.tokens is None or looks != _LOOKS or rollout.trace.answer is None:
        raise PolicyError(f"A scripted rollout came out with {looks} looks and the answer {rollout.trace.answer!r}: {rollout.error}")
    spans = [span for span in rollout.tokens.spans if span.author is Author.MODEL]
    return tuple(token for span in spans for token in rollout.tokens.ids[span.start : span.end])


def _check_same(one: _Run, other: _Run) -> None:
    if one.tokens != other.tokens:
        raise PolicyError("The plain loop and the engine did not write the same tokens, so their times cannot be compared.")


class _Script:
    """What each conversation says, token by token."""

    def __init__(self, loaded: LoadedModel, conversations: int, seed: int) -> None:
        words = loaded.rendering.tokenizer
        self._turns: list[list[tuple[int, ...]]] = [
            [tuple(words.encode(text, add_special_tokens=False)) for text in _texts(random.Random(f"{seed} {number}"))]
            for number in range(conversations)
        ]

    def begin(self) -> Callable[[int, Sequence[int], object], int | None]:
        """A chooser that says everything from the beginning."""
        turn = [-1] * len(self._turns)

        def choose(row: int, written: Sequence[int], logits: object) -> int:
            if not written:
                turn[row] += 1
            return self._turns[row][turn[row]][len(written)]

        return choose


def _texts(draw: random.Random) -> list[str]:
    """What a conversation says: four turns that look closer, and what follows the sentence that demands the answer."""
    turns = [
        TurnText(_thought(draw), call=(draw.randrange(_PICTURE.width), draw.randrange(_PICTURE.height)), observed=True, dot=True)
        for _ in range(_LOOKS)
    ]
    said = [message.text for message in format_messages(turns) if message.author is Author.MODEL]
    return [*said, f" ({draw.randrange(_PICTURE.width)}, {draw.randrange(_PICTURE.height)}) </answer>"]


def _thought(draw: random.Random) -> str:
    return f"{' '.join(draw.choices(_WORDS, k=12))} ({draw.randrange(_PICTURE.width)}, {draw.randrange(_PICTURE.height)})."


def _task(seed: int, samples: int) -> Task:
    """A question about a picture that no other task has."""
    from PIL import Image, ImageDraw

    draw = random.Random(seed)
    image = Image.new("RGB", (_PICTURE.width, _PICTURE.height), tuple(draw.choices(range(256), k=3)))
    for _ in range(60):
        x, y, side = draw.randrange(_PICTURE.width), draw.randrange(_PICTURE.height), draw.randrange(10, 120)
        ImageDraw.Draw(image).rectangle((x, y, x + side, y + side), fill=tuple(draw.choices(range(256), k=3)))
    picture = Picture(hashlib.sha256(image.tobytes()).hexdigest(), _PICTURE)
    sample = Sample("Description: the blue lamp beside the sofa", DomainName.WEB_GROUNDING, (picture,), Truth(TruthKind.NONE), str(seed))
    return Task(sample, image, samples)
