"""Asking a policy that runs a checkpoint: pictures, conversations with crops, and what comes of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import torch
from PIL import Image

from core.policies.conversation import GREEDY, Completion, Failed, Finished, Request, Role, Said, Sampling, Shown, Wrote
from core.policies.local.loading import LoadedModel
from core.policies.protocol import Policy, Session

CALL = '<tool_call>\n{"name": "search_coordinate", "arguments": {"coordinate": [12, 34]}}\n</tool_call>'
# A model that hangs must not hang the tests for ever.
PATIENCE = 60.0


def picture(loaded: LoadedModel, seed: int, columns: int = 4, rows: int = 3) -> Shown:
    """Noise, of so many tokens across and down."""
    cell = loaded.card.factor
    pixels = np.random.default_rng(seed).integers(0, 255, (rows * cell, columns * cell, 3), dtype=np.uint8)
    return Shown(f"picture {seed} {columns} x {rows}", Image.fromarray(pixels))


def opening(loaded: LoadedModel, seed: int = 0, question: str = "Where is the red square?") -> tuple[Said, ...]:
    """A conversation's first messages."""
    return Said(Role.SYSTEM, ("Look closely.",)), Said(Role.USER, (picture(loaded, seed, 6, 5), question))


def crop(loaded: LoadedModel, seed: int) -> Said:
    """What the environment answers to a tool call."""
    return Said(Role.USER, ("<observation>\nHere is the crop: ", picture(loaded, seed), "\n</observation>"))


def answer(completion: Completion, prefix: str = "") -> Said:
    """What the model said, as it is fed back."""
    return Said(Role.ASSISTANT, (prefix + completion.text,), completion.ids)


def request(
    messages: Sequence[Said], sampling: Sampling = GREEDY, tokens: int = 12, stop: tuple[str, ...] = (), prefix: str = ""
) -> Request:
    return Request(tuple(messages), sampling, tokens, prefix, stop)


def outcomes(session: Session, rows: Iterable[int]) -> dict[int, Finished | Failed]:
    """The last events of rows; what they wrote is checked against it."""
    left, ended, written = set(rows), {}, dict[int, str]()
    until = time.monotonic() + PATIENCE
    while left:
        assert time.monotonic() < until, f"nothing came of the rows {left}"
        for event in session.events(1.0):
            if isinstance(event, Wrote):
                written[event.row] = written.get(event.row, "") + event.text
                continue
            whole = event.completion.text if isinstance(event, Finished) else event.partial
            assert written.get(event.row, "") == whole
            ended[event.row] = event
            left.discard(event.row)
    return ended


def completions(session: Session, requests: Mapping[int, Request]) -> dict[int, Completion]:
    """What comes of requests that are made at once."""
    for row, asked in requests.items():
        session.submit(row, asked)
    found = {}
    for row, event in outcomes(session, requests).items():
        assert isinstance(event, Finished), event
        found[row] = event.completion
    return found


def ask(policy: Policy, asked: Request) -> Completion:
    """What comes of one request, in a session of its own."""
    with policy.session() as session:
        return completions(session, {0: asked})[0]


def lead(
    policy: Policy, loaded: LoadedModel, rows: Mapping[int, int], turns: int = 3, sampling: Callable[[int], Sampling] = lambda row: GREEDY
) -> dict[int, list[Completion]]:
    """Conversations with a crop at every turn: row -> its completions. `rows` gives each row's picture, crops and question by a number."""
    with policy.session() as session:
        said = {row: opening(loaded, seed, "Where is it? " * (1 + seed % 3)) for row, seed in rows.items()}
        found: dict[int, list[Completion]] = {row: [] for row in rows}
        for turn in range(turns):
            asked = {row: request(said[row], sampling(row), 40, stop=("</tool_call>",)) for row in rows}
            for row, completion in completions(session, asked).items():
                found[row].append(completion)
                said[row] += (answer(completion), crop(loaded, 100 * (turn + 1) + rows[row]))
        return found


def calling(loaded: LoadedModel, after: int = 6) -> Callable[[int, Sequence[int], torch.Tensor], int | None]:
    """A chooser that lets the model say a few words, and then makes it call the tool."""
    call = loaded.rendering.tokens(CALL)

    def choose(row: int, written: Sequence[int], logits: torch.Tensor) -> int | None:
        place = len(written) - after - row
        return call[place] if 0 <= place < len(call) else None

    return choose


def stock_logprobs(loaded: LoadedModel, turns: Sequence[Completion], shown: Sequence[Shown]) -> list[list[float]]:
    """The log-probabilities of every sampled token by one forward pass of transformers' own class over the whole conversation."""
    ids: list[int] = []
    spans = []
    for turn in turns:
        assert turn.context_ids is not None and turn.ids is not None
        ids += turn.context_ids
        spans.append((len(ids), len(ids) + len(turn.ids)))
        ids += turn.ids
    pixels = [loaded.rendering.pixels(picture) for picture in shown]
    whole = torch.tensor([ids])
    with torch.no_grad():
        logits = loaded.model(
            input_ids=whole,
            attention_mask=torch.ones_like(whole),
            pixel_values=torch.cat([part[0] for part in pixels]),
            image_grid_thw=torch.cat([part[1] for part in pixels]),
            mm_token_type_ids=(whole == loaded.rendering.image_id).int(),
        ).logits[0]
    told = torch.log_softmax(logits.float(), dim=-1)
    return [[float(told[place - 1, ids[place]]) for place in range(start, end)] for start, end in spans]


def furthest(one: Sequence[float] | None, other: Sequence[float] | None) -> float:
    """The largest difference between numbers in their places."""
    assert one is not None and other is not None and len(one) == len(other)
    return max((abs(a - b) for a, b in zip(one, other, strict=True)), default=0.0)
