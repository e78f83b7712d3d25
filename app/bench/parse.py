"""How fast text becomes turns: realistic completions, and a megabyte of each kind of hostile text."""

from __future__ import annotations

import random
import time

from app.bench.report import Figure
from core.grammar import TurnText, format_turns, parse

_WORDS = ("the", "lamp", "on", "left", "blue", "sofa", "stands", "near", "a", "window", "and", "its", "shade", "is", "green", "because")
# A megabyte each: tags that never close, tags that close nothing, parentheses, points, and all of it at once.
HOSTILE = {
    "unclosed tags": "<think>" * 149_797,
    "unopened tags": "</think>a" * 116_509,
    "parentheses": "(" * 1_048_576,
    "points": "(1, 2) " * 149_797,
    "tags and points": "<think>(1, 2). <answer>" * 45_591,
    "nested JSON": "<tool_call>" + "[" * 1_048_565,
    "observations": "<observation></observation>" * 38_837,
}
_MEGABYTE = 2**20


def run(*, repeats: int = 10, seed: int = 0) -> list[Figure]:
    """Megabytes a second over 2,000 written conversations, and seconds for each kind of hostile megabyte."""
    draw = random.Random(seed)
    texts = [_conversation(draw) for _ in range(2_000)]
    megabytes = sum(len(text.encode()) for text in texts) / _MEGABYTE
    speeds = [megabytes / _seconds(texts) for _ in range(repeats)]
    figures = [Figure(f"parse, {len(texts):,} conversations of {megabytes * 1024 / len(texts):.1f} KB", tuple(speeds), "MB/s")]
    figures += [
        Figure(f"parse, 1 MB of {name}", tuple(_seconds([text]) for _ in range(max(3, repeats // 3))), "s", "under 1")
        for name, text in HOSTILE.items()
    ]
    return figures


def _seconds(texts: list[str]) -> float:
    start = time.perf_counter()
    for text in texts:
        parse(text)
    return time.perf_counter() - start


def _conversation(draw: random.Random) -> str:
    turns = [_turn(draw, looks=True) for _ in range(draw.randint(0, 4))]
    return format_turns([*turns, TurnText(_thought(draw), answer=" ".join(draw.choices(_WORDS, k=2)))])


def _turn(draw: random.Random, *, looks: bool) -> TurnText:
    x, y = draw.randrange(1_500), draw.randrange(900)
    return TurnText(f"{_thought(draw)} At ({x}, {y}) there is more to see.", call=(x, y), observed=looks)


def _thought(draw: random.Random) -> str:
    sentences = (" ".join(draw.choices(_WORDS, k=14)) + f" ({draw.randrange(1_500)}, {draw.randrange(900)})." for _ in range(3))
    return " ".join(sentences)
