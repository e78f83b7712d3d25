"""Words are cut the same way for every back end, and a query can be made of any text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotations.words import MAX_BYTES, MAX_LETTERS, index_words, postgresql_query, sort_key, sqlite_query, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("... !? ()", []),
        ("A red lamp, (290, 545)!", ["a", "red", "lamp", "290", "545"]),
        ("Café ÉCLAIR straße", ["cafe", "eclair", "strasse"]),
        ("snake_case don't 3.5", ["snake", "case", "don", "t", "3", "5"]),
        ("赤い lamp", ["赤", "い", "lamp"]),
        ("Ünïcödé", ["unicode"]),
        ("лампа №5", ["лампа", "no5"]),
        ("x" * 200, ["x" * MAX_LETTERS]),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_queries_quote_every_word_and_leave_the_last_open() -> None:
    assert sqlite_query("red LAM") == '"red" "lam"*'
    assert postgresql_query("red LAM") == "'red' & 'lam':*"
    assert sqlite_query('" OR *') == '"or"*'
    assert sqlite_query(" ( ") is None
    assert postgresql_query("") is None


def test_a_long_query_is_cut() -> None:
    asked = sqlite_query("word " * 1000)
    assert asked is not None
    assert asked.count("word") == 32


@given(st.lists(st.text()))
def test_index_words_are_each_word_once(texts: list[str]) -> None:
    expected = {word for text in texts for word in words_of(text)}
    assert index_words(texts) == sorted(expected)


def test_index_words_end_at_half_a_megabyte() -> None:
    words = index_words([" ".join(f"{number:060d}" for number in range(10_000))])
    assert 0.99 * MAX_BYTES < sum(len(word) for word in words) <= MAX_BYTES


@given(st.text())
def test_sort_keys_are_short_and_heed_no_case(text: str) -> None:
    assert len(sort_key(text, 80)) <= 80
    assert sort_key(text.upper().lower(), 80) == sort_key(text.upper().lower().swapcase().lower(), 80)
    assert sort_key("  The Éclair", 80) == sort_key("the eclair?", 80) == "the eclair"
