"""The sentence that a rater reads: a step's words, with other words where its coordinate stood.

As in the paper's human evaluation (arXiv 2505.23678), where `(x, y)` becomes `[shown with blue circle]`. Nothing else is changed: the
words are a model's, and are shown as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from annotations.studies.settings import COORDINATE, Example
from annotations.words import words_of
from core.trace import Step, Trace


@dataclass(frozen=True, slots=True)
class SentencePart:
    """A piece of a sentence. `circle`: it stands for the coordinate, and is to be shown as the name of the circle."""

    text: str
    circle: bool = False


def sentence_parts(trace: Trace, step: Step, replacement: str) -> tuple[SentencePart, ...]:
    """The step's words without blanks around them, with `replacement` where its own coordinate stands.

    There is exactly one part with `circle`, at the end where the words do not hold the coordinate: a zoom names its point in the call.
    Other coordinates stay. A step that names no point is one part, without a circle.
    """
    mention = step.mention
    if mention is None and step.point is None:
        return (SentencePart(step.text.strip()),)
    if mention is None or not mention.written:
        return _around(step.text, None, replacement)
    # The span is the place that was read, so of two equal coordinates the right one is taken.
    start = mention.span.start - step.span.start
    if start >= 0 and step.text.startswith(mention.written, start) and mention.span.of(trace.turns[step.turn].text) == mention.written:
        return _around(step.text, (start, start + len(mention.written)), replacement)
    return sentence_in(step.text, mention.written, replacement)


def sentence_in(text: str, written: str, replacement: str) -> tuple[SentencePart, ...]:
    """The same of a step's text and its coordinate alone, as the tables hold them: the first such coordinate is taken."""
    found = text.find(written) if written else -1
    return _around(text, None if found < 0 else (found, found + len(written)), replacement)


def example_parts(example: Example, replacement: str) -> tuple[SentencePart, ...]:
    """The sentence of a worked example, with `replacement` where it says `(x, y)`."""
    return sentence_in(example.sentence, COORDINATE, replacement)


def in_one(parts: Iterable[SentencePart]) -> str:
    """The sentence as one text."""
    return "".join(part.text for part in parts)


def count_words(text: str, written: str) -> int:
    """How many words and numbers a step's text has beside its coordinate; in scripts without blanks each sign counts."""
    return len(words_of(text.replace(written, " ", 1) if written else text))


def _around(text: str, place: tuple[int, int] | None, replacement: str) -> tuple[SentencePart, ...]:
    circle = SentencePart(replacement.strip(), circle=True)
    if place is None:
        words = text.strip()
        return (SentencePart(f"{words} "), circle) if words else (circle,)
    before, after = text[: place[0]].lstrip(), text[place[1] :].rstrip()
    return (*(SentencePart(part) for part in (before,) if part), circle, *(SentencePart(part) for part in (after,) if part))
