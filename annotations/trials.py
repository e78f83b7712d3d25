"""Tries out a back end that this program does not know, before it is trusted with anything."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from sqlalchemy import Column, Connection, MetaData, Table, func, insert, select
from sqlalchemy.exc import CompileError, DBAPIError

from annotations.columns import Name
from core.errors import StoreError

PROBE = Table("saccade_probe", MetaData(), Column("word", Name(80), primary_key=True))
# Texts that some back ends take for one another, or for nothing.
_WORDS = ("a", "A", "á", "a ", " ", "", "\N{GRINNING FACE}")


def try_out(writing: Callable[[], AbstractContextManager[Connection]], name: str) -> None:
    """Nothing, where the back end keeps short texts apart and takes back what is rolled back. Makes one table, and drops it.

    Raises StoreError where it does not.
    """
    try:
        with writing() as connection:
            PROBE.drop(connection, checkfirst=True)
            PROBE.create(connection)
    except CompileError as error:
        raise StoreError(f"{name} has no place for texts ({error}): choose another --database.") from error
    try:
        if not _takes_back(writing):
            raise StoreError(f"{name} cannot take back half of a write: choose another --database.")
        if not _keeps_apart(writing):
            raise StoreError(
                f"{name} takes different names for one, or cannot hold every character: make it anew with Unicode and a binary "
                "collation, or choose another --database."
            )
    finally:
        with writing() as connection:
            PROBE.drop(connection)


class _Undo(Exception):
    """Rolls a trial back."""


def _takes_back(writing: Callable[[], AbstractContextManager[Connection]]) -> bool:
    try:
        with writing() as connection:
            connection.execute(insert(PROBE).values(word="lost"))
            raise _Undo
    except _Undo:
        pass
    with writing() as connection:
        return connection.scalar(select(func.count()).select_from(PROBE)) == 0


def _keeps_apart(writing: Callable[[], AbstractContextManager[Connection]]) -> bool:
    try:
        with writing() as connection:
            connection.execute(insert(PROBE), [{"word": word} for word in _WORDS])
            return set(connection.scalars(select(PROBE.c.word))) == set(_WORDS)
    except StoreError as error:
        if isinstance(error.__cause__, DBAPIError):
            return False
        raise
