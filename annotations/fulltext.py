"""The full-text index: fed with a trace's words, and asked for the traces that have some.

SQLite and PostgreSQL each have an index of their own for this. Elsewhere a table has a row for each word of each trace: larger and slower,
and right on any back end.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    Table,
    Unicode,
    case,
    delete,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    text,
)

from annotations.columns import Name
from annotations.schema import TraceRow
from annotations.words import MAX_LETTERS, asked_words, postgresql_query, sqlite_query

# Words in more traces than this are looked up in another way on SQLite.
MANY = 5_000
# The table of words, where there is one.
WORDS = Table("trace_words", MetaData(), Column("word", Name(MAX_LETTERS)), Column("trace_id", Integer))
_SQLITE = "SELECT rowid FROM trace_words WHERE trace_words MATCH :words"
_POSTGRESQL = "SELECT trace_id FROM trace_words WHERE words @@ CAST(:words AS tsquery)"


def add_words(connection: Connection, entries: Sequence[tuple[int, list[str]]]) -> None:
    """Index traces by their words: pairs of a trace's id and its words, each once."""
    match connection.dialect.name:
        case "sqlite":
            statement = text("INSERT INTO trace_words (rowid, words) VALUES (:id, :words)")
            connection.execute(statement, [{"id": number, "words": " ".join(words)} for number, words in entries])
        case "postgresql":
            statement = text("INSERT INTO trace_words (trace_id, words) VALUES (:id, array_to_tsvector(CAST(:words AS text[])))")
            connection.execute(statement, [{"id": number, "words": words} for number, words in entries])
        case _:
            rows = [{"word": word, "trace_id": number} for number, words in entries for word in words]
            if rows:
                connection.execute(insert(WORDS), rows)


def remove_words(connection: Connection, entries: Sequence[tuple[int, list[str]]]) -> None:
    """Take traces out of the index: the same pairs that were given to `add_words`."""
    if not entries:
        return
    if connection.dialect.name == "sqlite":
        # The index has no copy of the words, so it must be told which ones to forget.
        statement = text("INSERT INTO trace_words (trace_words, rowid, words) VALUES ('delete', :id, :words)")
        connection.execute(statement, [{"id": number, "words": " ".join(words)} for number, words in entries])
    else:
        connection.execute(delete(WORDS).where(WORDS.c.trace_id.in_([number for number, _ in entries])))


def matches_text(connection: Connection, words: str) -> ColumnElement[bool] | None:
    """The condition that a trace has all words of the text, the last one as a beginning; None for a text without words."""
    match connection.dialect.name:
        case "sqlite":
            return _in_sqlite(connection, sqlite_query(words))
        case "postgresql":
            asked = postgresql_query(words)
            return None if asked is None else TraceRow.id.in_(text(_POSTGRESQL).bindparams(words=asked).columns(TraceRow.id))
        case _:
            return _in_table(asked_words(words))


def _in_sqlite(connection: Connection, asked: str | None) -> ColumnElement[bool] | None:
    if asked is None:
        return None
    found = text(_SQLITE).bindparams(words=asked).columns(TraceRow.id)
    counted = text(f"SELECT count(*) FROM ({_SQLITE} LIMIT {MANY})").bindparams(words=asked)
    if int(connection.execute(counted).scalar_one()) == MANY:
        # The plus keeps SQLite from looking up each trace by its id: for words in many traces, one pass over an index is three times
        # as fast. Without statistics SQLite cannot see that by itself.
        return literal_column("+traces.id", Integer).in_(found)
    return TraceRow.id.in_(found)


def _in_table(asked: list[str]) -> ColumnElement[bool] | None:
    """One pass over the rows of all words asked for, and those traces that have a row for each."""
    if not asked:
        return None
    whole, beginning = sorted(set(asked[:-1])), asked[-1]
    # Letters and digits only: no sign in them means anything to LIKE.
    begins = WORDS.c.word.like(literal(beginning + "%", Unicode()))
    found = select(WORDS.c.trace_id)
    if not whole:
        return TraceRow.id.in_(found.where(begins))
    exact = WORDS.c.word.in_(whole)
    found = found.where(or_(exact, begins)).group_by(WORDS.c.trace_id)
    return TraceRow.id.in_(found.having(func.sum(case((exact, 1), else_=0)) == len(whole), func.max(case((begins, 1), else_=0)) == 1))
