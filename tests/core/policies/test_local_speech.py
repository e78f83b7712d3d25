"""Tokens to text as they come: whole characters, and stop texts wherever tokens are cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.policies.local.loading import LoadedModel
from core.policies.local.speech import Speech


def test_characters_come_whole_and_texts_are_what_they_were(one_loaded: LoadedModel) -> None:
    rendering = one_loaded.rendering

    @given(st.text(max_size=40))
    def check(text: str) -> None:
        ids = rendering.tokens(rendering.plain(text))
        speech = Speech(rendering.decode, ())
        pieces = [speech.hear(token) for token in ids]
        pieces.append(speech.end())
        # The tokenizer brings characters into one form before it cuts them.
        assert "".join(pieces) == speech.text == rendering.decode(ids)
        if "\N{REPLACEMENT CHARACTER}" not in text:
            assert not any("\N{REPLACEMENT CHARACTER}" in piece for piece in pieces)

    check()


def test_broken_bytes_are_told_as_such(one_loaded: LoadedModel) -> None:
    rendering = one_loaded.rendering
    begun = rendering.tokens("€")[:1]
    speech = Speech(rendering.decode, ())
    assert [speech.hear(token) for token in begun * 5] == [""] * 5
    assert speech.hear(rendering.tokens("a")[0]).endswith("a")
    assert speech.hear(begun[0]) == "" and speech.end() == "\N{REPLACEMENT CHARACTER}"


@given(st.text("ab<", max_size=30), st.lists(st.text("ab<", min_size=1, max_size=4), max_size=3), st.lists(st.integers(1, 5), max_size=30))
def test_a_turn_ends_behind_the_first_stop_text(text: str, stops: list[str], cuts: list[int]) -> None:
    # Characters as tokens of one to five: what is cut where must not matter.
    words, rest = [], text
    for cut in [*cuts, len(text)]:
        words.append(rest[:cut])
        rest = rest[cut:]
    speech = Speech(lambda ids: "".join(words[token] for token in ids), stops)
    for token, word in enumerate(words):
        if word and not speech.stopped:
            speech.hear(token)
    ends = [text.find(stop) + len(stop) for stop in stops if stop in text]
    assert speech.text == (text[: min(ends)] if ends else text) and speech.stopped == bool(ends)
