"""A conversation as tokens: spans that cover, each with its author."""

from __future__ import annotations

from core.grammar import FORCED_PREFIX, observation_text
from core.policies.conversation import Completion, Finish
from core.policies.scripted import MESSAGE_TOKEN, PICTURE_TOKEN
from core.rollout.tokens import TokenLedger
from core.rollout.values import TokenSpan
from core.trace import Author
from tests.core.rollout.speaking import FORCED, LOOK, one, speaker


def test_tokens_are_what_was_sampled_and_what_was_put_between() -> None:
    tokens = one(speaker(LOOK), max_turns=2).tokens
    assert tokens is not None
    assert [(span.turn, span.author) for span in tokens.spans] == [
        (0, Author.MODEL),
        (0, Author.OBSERVATION),
        (1, Author.INJECTED),
        (1, Author.MODEL),
    ]
    parts = [tokens.ids[span.start : span.end] for span in tokens.spans]
    before, after = observation_text(dot=False).split("<image>")
    assert parts[0] == tuple(LOOK.encode())
    assert parts[1] == (MESSAGE_TOKEN, *before.encode(), *[PICTURE_TOKEN] * 4, *after.encode())
    assert (parts[2], parts[3]) == (tuple(FORCED_PREFIX.encode()), tuple(FORCED.encode()))
    assert tokens.prompt.count(PICTURE_TOKEN) == 4 * 3
    assert tokens.logprobs.count(None) == len(parts[1]) + len(parts[2])


def test_a_ledger_counts_what_it_is_told_and_estimates_the_rest() -> None:
    ledger = TokenLedger()
    ledger.prompt_tokens = 50
    ledger.add(Completion("abcdef", Finish.STOP, (1, 2), (-0.5, -0.1), (9,) * 7), 0, streamed=99)
    assert (ledger.used, ledger.prompt_tokens) == (2, 7)
    assert ledger.estimate("abcdef") == 2
    ledger.expect(40)
    assert ledger.used == 42
    ledger.add(Completion("x", Finish.END, (3,), (-0.2,), (5, 5, 5, 4), prefix_tokens=1), 1, streamed=0)
    assert ledger.used == 2 + 4 + 1
    tokens = ledger.tokens()
    assert tokens is not None
    assert (tokens.prompt, tokens.ids) == ((9,) * 7, (1, 2, 5, 5, 5, 4, 3))
    assert tokens.logprobs == (-0.5, -0.1, None, None, None, None, -0.2)
    assert tokens.spans == (
        TokenSpan(0, 2, 0, Author.MODEL),
        TokenSpan(2, 5, 0, Author.OBSERVATION),
        TokenSpan(5, 6, 1, Author.INJECTED),
        TokenSpan(6, 7, 1, Author.MODEL),
    )


def test_without_ids_there_are_no_tokens_but_a_count() -> None:
    ledger = TokenLedger()
    assert ledger.tokens() is None
    ledger.add(Completion("a few words", Finish.STOP), 0, streamed=3)
    ledger.expect(20)
    ledger.add(Completion("more", Finish.END), 1, streamed=1)
    assert (ledger.used, ledger.tokens()) == (24, None)


def test_a_completion_without_ids_makes_all_unknown() -> None:
    ledger = TokenLedger()
    ledger.add(Completion("a", Finish.STOP, (1,), (0.0,), (2,)), 0, streamed=1)
    ledger.add(Completion("b", Finish.END), 1, streamed=1)
    assert ledger.tokens() is None


def test_ids_without_probabilities_are_kept() -> None:
    ledger = TokenLedger()
    ledger.add(Completion("a", Finish.STOP, (1, 2), None, (3,)), 0, streamed=1)
    tokens = ledger.tokens()
    assert tokens is not None and tokens.logprobs == (None, None)


def test_text_that_takes_more_tokens_than_usual_is_estimated_by_its_own_measure() -> None:
    ledger = TokenLedger()
    assert ledger.estimate("a" * 30) == 10
    ledger.add(Completion("ab", Finish.STOP, (1, 2, 3, 4), None, ()), 0, streamed=0)
    assert ledger.estimate("a" * 30) == 60


def test_signs_beyond_the_letters_of_english_are_estimated_as_a_token_each() -> None:
    ledger = TokenLedger()
    assert ledger.estimate("a sign of red") == 5
    assert ledger.estimate("\u7ea2\u8272\u7684\u6807\u5fd7 red") == 5 + 2
