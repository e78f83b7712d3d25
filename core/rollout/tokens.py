"""A conversation as tokens, each with its author; and how many of them have been used, where they are not told."""

from __future__ import annotations

import math

from core.policies.conversation import Completion
from core.rollout.values import Tokens, TokenSpan
from core.trace import Author

# Tokens a character of English and JSON takes up in the tokenizers of this field, rather too many than too few.
PER_CHARACTER = 1 / 3
# Every other sign (Chinese, accents, mathematics) takes up one, or near it.
PER_SIGN = 1.0


class TokenLedger:
    """Keeps account of one conversation, completion by completion."""

    def __init__(self) -> None:
        self.prompt_tokens = 0
        """Tokens before the model's first word: an estimate until the policy tells."""
        self._counted = 0
        self._expected = 0
        self._said = [0, 0]
        self._first = True
        self._told = True
        self._prompt: tuple[int, ...] = ()
        self._ids: list[int] = []
        self._logprobs: list[float | None] = []
        self._spans: list[TokenSpan] = []

    @property
    def used(self) -> int:
        """Tokens on the answerer's side so far; observations that no completion has followed yet are estimated."""
        return self._counted + self._expected

    def estimate(self, text: str) -> int:
        """About how many tokens a text takes up, by what the policy's own texts took."""
        tokens, characters = self._said
        told = tokens / characters if characters else 0.0
        signs = sum(not character.isascii() for character in text)
        return math.ceil((len(text) - signs) * max(PER_CHARACTER, told) + signs * max(PER_SIGN, told))

    def expect(self, tokens: int) -> None:
        """So many tokens, by estimate, were put behind the last completion."""
        self._expected += tokens

    def add(self, completion: Completion, turn: int, streamed: int) -> None:
        """The completion of a turn; `streamed` counts its tokens where it does not tell them itself."""
        ids, context = completion.ids, completion.context_ids
        between = self._expected if context is None else len(context)
        if self._first:
            between = completion.prefix_tokens if context is not None else self._expected
            self.prompt_tokens = self.prompt_tokens if context is None else len(context) - completion.prefix_tokens
        written = streamed if ids is None else len(ids)
        self._counted += between + written
        self._said = [self._said[0] + written, self._said[1] + len(completion.text)]
        self._expected = 0
        if ids is None or context is None:
            self._told = False
        if self._told and ids is not None and context is not None:
            self._keep(ids, context, completion, turn)
        self._first = False

    def tokens(self) -> Tokens | None:
        """All turns whose completions came; None where the policy does not tell its tokens, or none came."""
        if not self._told or self._first:
            return None
        return Tokens(self._prompt, tuple(self._ids), tuple(self._logprobs), tuple(self._spans))

    def _keep(self, ids: tuple[int, ...], context: tuple[int, ...], completion: Completion, turn: int) -> None:
        cut = len(context) - completion.prefix_tokens
        if self._first:
            self._prompt = context[:cut]
        else:
            # What stands between two turns answers the one before it.
            self._append(context[:cut], turn - 1, Author.OBSERVATION)
        self._append(context[cut:], turn, Author.INJECTED)
        self._append(ids, turn, Author.MODEL, completion.logprobs)

    def _append(self, ids: tuple[int, ...], turn: int, author: Author, logprobs: tuple[float, ...] | None = None) -> None:
        if not ids:
            return
        start = len(self._ids)
        self._ids.extend(ids)
        self._logprobs.extend(logprobs if logprobs is not None else [None] * len(ids))
        self._spans.append(TokenSpan(start, start + len(ids), turn, author))
