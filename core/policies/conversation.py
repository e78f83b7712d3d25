"""What a policy is given and what it gives back: conversations, requests, completions. Frozen values without torch.

A conversation is a tuple of messages. Pictures stand in them as the policy is shown them: already in the size in which its processor
leaves them alone, so that the pixels that a person is shown beside a trace are those that the model saw.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from enum import StrEnum

from PIL import Image

from core.errors import PolicyError

# How the tokenizers of this field spell their special tokens.
_MARK = re.compile(r"<(?=\|[^|<>]*\|>)")


def plain_text(text: str) -> str:
    """The text with everything broken up that a tokenizer would read as a special token: `<|im_end|>` becomes `< |im_end|>`.

    For what people and environments say. It is idempotent, and leaves every other text as it is.
    """
    return _MARK.sub("< ", text)


class Role(StrEnum):
    """Who speaks in a message. What the environment answers to a tool call is said as the user."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture as a policy is shown it (RGB). Equal `key`, equal pixels: it names the picture's content, its cut and its size."""

    key: str
    image: Image.Image = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Said:
    """A message: texts and pictures in their order.

    ids  an assistant's message as the very tokens that were sampled, where the policy gave them: it is fed back as these, because
         text that is tokenised again may become other tokens. None: the text is all that is known.
    """

    role: Role
    parts: tuple[str | Shown, ...]
    ids: tuple[int, ...] | None = None

    @property
    def text(self) -> str:
        """The texts of the message without its pictures."""
        return "".join(part for part in self.parts if isinstance(part, str))

    @property
    def pictures(self) -> tuple[Shown, ...]:
        """The pictures of the message, in order."""
        return tuple(part for part in self.parts if isinstance(part, Shown))


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn. Raises PolicyError for numbers that mean nothing.

    temperature  0: the likeliest token, always
    top_p        tokens are drawn from the smallest set that holds this share of the probability
    top_k        tokens are drawn from that many; 0: from all
    seed         the same seed and the same logits give the same tokens
    """

    temperature: float = 0.5
    top_p: float = 1.0
    top_k: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.temperature) and 0 <= self.temperature <= 10):
            raise PolicyError(f"A temperature is between 0 and 10, not {self.temperature}.")
        if not 0 < self.top_p <= 1:
            raise PolicyError(f"Top-p is more than 0 and at most 1, not {self.top_p}.")
        if self.top_k < 0:
            raise PolicyError(f"Top-k is 0 (all tokens) or more, not {self.top_k}.")
        if not 0 <= self.seed < 2**63:
            raise PolicyError(f"A seed is a whole number from 0 to 2**63 - 1, not {self.seed}.")


GREEDY = Sampling(temperature=0.0)


@dataclass(frozen=True, slots=True)
class Request:
    """One turn asked of a policy.

    messages        what was said so far; the last one is not the assistant's
    prefix          put into the model's mouth: it goes on from there, and the completion does not repeat it
    max_new_tokens  after so many tokens the turn is cut off
    stop            the turn ends behind the first of these texts, which stays in it
    """

    messages: tuple[Said, ...]
    sampling: Sampling
    max_new_tokens: int
    prefix: str = ""
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1:
            raise PolicyError(f"A turn needs room for at least 1 token, not {self.max_new_tokens}.")
        if not self.messages or self.messages[-1].role is Role.ASSISTANT:
            raise PolicyError("A policy is asked behind a message of the user, not behind its own.")


class Finish(StrEnum):
    """Why a completion ended."""

    END = "end"
    """The model said that its turn is over."""
    STOP = "stop"
    """One of the stop texts was written."""
    LENGTH = "length"
    """The turn was cut off by its limit or by the model's context."""


@dataclass(frozen=True, slots=True)
class Completion:
    """What a policy answered to one request.

    text          what the model wrote, without the token that ends a turn
    finish        why it ended
    ids           the sampled tokens, that ending token included; None where the policy does not tell them
    logprobs      natural logarithm of each sampled token's probability at temperature 1, before top-p and top-k; as long as `ids`,
                  or None where the policy does not tell them
    context_ids   the tokens between the completion before it (or the beginning) and this one, pictures as their pad tokens: what was
                  put before the model since it last spoke, `prefix` at the end; None where the policy does not tell them
    prefix_tokens how many at the end of `context_ids` are the prefix
    encoded       tokens of the context that were encoded for this request: less than the whole where a cache was kept
    """

    text: str
    finish: Finish
    ids: tuple[int, ...] | None = None
    logprobs: tuple[float, ...] | None = None
    context_ids: tuple[int, ...] | None = None
    prefix_tokens: int = 0
    encoded: int | None = None


@dataclass(frozen=True, slots=True)
class Wrote:
    """Text that a row has just written: the texts of a request's events, joined, are the completion's text."""

    row: int
    text: str
    tokens: int = 1


@dataclass(frozen=True, slots=True)
class Finished:
    """A row's completion, whole; the last event of its request."""

    row: int
    completion: Completion


@dataclass(frozen=True, slots=True)
class Failed:
    """A row's request came to nothing; the last event of its request. `partial` is what had been written."""

    row: int
    error: PolicyError
    partial: str = ""


PolicyEvent = Wrote | Finished | Failed
