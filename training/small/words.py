"""The tokenizer of the small policy: byte-level BPE that knows the needle world's words, so that a thought is few tokens.

Every word of the world is one token, with its space and without, and so is every number that a point has in thousandths: 0, 10, ... 1000.
A thing's name is one token, such as " red square", and in a thought a point is two, its signs with its numbers: so what stood behind a
name, or behind a first number, is found again by looking one token back. With names of two tokens that was not learnt (docs/training.md).
What stands in every dialog, such as the text of a call before its point, is one token too. All else is spelled in bytes, so nothing that
somebody asks is unknown to it; it was never taught what that means.
"""

from __future__ import annotations

from collections.abc import Iterator

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from core.grammar import (
    ANSWER_CLOSE,
    ANSWER_OPEN,
    IMAGE_MARK,
    OBSERVATION_CLOSE,
    OBSERVATION_OPEN,
    THINK_CLOSE,
    THINK_OPEN,
    call_text,
    observation_text,
)
from core.policies.local.untrained import SPECIAL
from core.tasks.needle.values import Colour, Mark, Relation, Shape, WidgetKind

SYSTEM = "Look closer before you answer."
"""The system prompt, which the chat template carries: a sentence, because every token of it is computed in every conversation."""

_BEFORE_POINT, _BEHIND_POINT = call_text(0, 0).split("0, 0")
_BEFORE_CROP, _BEHIND_CROP = observation_text(dot=False).split(IMAGE_MARK)
# Texts that stand in every dialog, each a token; they are ordinary text when they are decoded.
FIXED = (
    THINK_OPEN,
    f" {THINK_CLOSE}\n{_BEFORE_POINT}",
    _BEHIND_POINT,
    f" {THINK_CLOSE}\n{ANSWER_OPEN}",
    f" {ANSWER_CLOSE}",
    _BEFORE_CROP,
    _BEHIND_CROP,
    "system\n",
    "user\n",
    "assistant\n",
    # What the parts of those are, where they stand alone.
    THINK_CLOSE,
    ANSWER_OPEN,
    ANSWER_CLOSE,
    OBSERVATION_OPEN,
    OBSERVATION_CLOSE,
)
_POINTS = tuple(range(0, 1001, 10))
# A point of a thought, as " (120," and " 340)".
_HALVES = tuple(half for number in _POINTS for half in (f" ({number},", f" {number})"))
# Things by their names, such as " red square", whose parts are tokens too.
_NAMES = tuple(f" {colour} {kind}" for colour in Colour for kind in (*Shape, *WidgetKind))
_SENTENCES = (
    SYSTEM,
    "What is the mark of the item?",
    "Do the item and the item have the same mark? different",
    "Which item is?",
    "Point at the item that is.",
    "It asks for the item. Look at the item. Look again at the item. Say again:",
    "The item is, not.",
    "The item is not at (.",
    "Description: the button of the window. slider check box tab switch field settings",
)
_MARKS = (" (", "),", ").", ":", ",", ".", "?", ")", "\n", "?\n")
# More than there is to be merged: it ends when every text is one token.
_VOCABULARY = 4096


def tokenizer() -> PreTrainedTokenizerFast:
    """The tokenizer, made anew and always the same."""
    bpe = Tokenizer(models.BPE())
    # The split is GPT-2's, which leaves a number whole; Qwen's own takes its digits apart.
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=_VOCABULARY, min_frequency=1, initial_alphabet=alphabet, show_progress=False)
    bpe.train_from_iterator(sorted(set(_texts())), trainer)
    made = PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    made.add_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL], special_tokens=True)
    made.add_tokens([AddedToken(token, special=False, normalized=False) for token in (*FIXED, *_HALVES, *_NAMES)])
    made.model_max_length = 2048
    return made


def number_ids(words: PreTrainedTokenizerFast) -> tuple[tuple[int, ...], ...]:
    """The tokens of 0, 10, ... 1000 as the first and as the second number of a point: in a thought, and in a call."""
    thought = [words.encode(f" ({number}, {number})", add_special_tokens=False) for number in _POINTS]
    call = [words.encode(f"{number}, {number}", add_special_tokens=False) for number in _POINTS]
    return tuple(zip(*thought, strict=True)) + tuple(zip(*((ids[0], ids[-1]) for ids in call), strict=True))


def name_ids(words: PreTrainedTokenizerFast) -> dict[int, tuple[int, ...]]:
    """The token of every name, and those of its words."""

    def ids(text: str) -> list[int]:
        found: list[int] = words.encode(text, add_special_tokens=False)
        return found

    return {ids(name)[0]: tuple(ids(f" {word}")[0] for word in name.split()) for name in _NAMES}


def _texts() -> Iterator[str]:
    """What is to be a token, each by itself, so that nothing is merged over two of them."""
    names = [*Colour, *Shape, *WidgetKind, *Mark]
    words = {word for text in (*_SENTENCES, *names, *Relation) for word in text.translate(_WITHOUT_MARKS).split()}
    for word in (*words, *map(str, _POINTS)):
        yield word
        yield f" {word}"
    yield from _MARKS


_WITHOUT_MARKS = str.maketrans("", "", "(),.:?")
