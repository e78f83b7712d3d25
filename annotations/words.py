"""Which words a text has, for the full-text index and for the searches that ask it.

All back ends are given the same words, cut by this file and by nothing else, so a search finds the same traces on all, and no
text that a person types can be a syntax error of any.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

# PostgreSQL takes lexemes of at most 2,046 bytes; no word that anybody looks for has 64 letters.
MAX_LETTERS = 64
# PostgreSQL takes at most 1 MB of lexemes a row; half of that leaves room for its own bookkeeping.
MAX_BYTES = 500_000
# More words than a person types, and fewer than any back end minds.
MAX_QUERY_WORDS = 32
# Scripts that write no blanks between words (CJK ideographs, kana): each sign is a word of its own.
_SIGN = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(f"[{_SIGN}]|[^\\W_{_SIGN}]+")


def words_of(text: str) -> list[str]:
    """The words of a text in their order: letters and digits only, without case and accents ("Café (12)" gives "cafe", "12")."""
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text)
        text = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return [word[:MAX_LETTERS] for word in _WORD.findall(text.casefold())]


def index_words(texts: Iterable[str]) -> list[str]:
    """Each word of the texts once, sorted; words after the first half megabyte of different ones are left out."""
    seen: dict[str, None] = {}
    size = 0
    for text in texts:
        for word in words_of(text):
            if word in seen:
                continue
            size += len(word.encode())
            if size > MAX_BYTES:
                return sorted(seen)
            seen[word] = None
    return sorted(seen)


def asked_words(text: str) -> list[str]:
    """The words that a search for the text asks for, in their order; a search takes the last one as a beginning."""
    return words_of(text)[:MAX_QUERY_WORDS]


def sqlite_query(text: str) -> str | None:
    """The FTS5 query for traces that have every word of the text, the last one as a beginning; None where it has no word."""
    terms = [f'"{word}"' for word in asked_words(text)]
    return " ".join(terms) + "*" if terms else None


def postgresql_query(text: str) -> str | None:
    """The same query as a tsquery."""
    terms = [f"'{word}'" for word in asked_words(text)]
    return " & ".join(terms) + ":*" if terms else None


def sort_key(text: str, length: int) -> str:
    """A text as it is sorted: without case, accents and signs, cut to a length."""
    return " ".join(words_of(text[: 4 * length]))[:length]
