"""The types of the columns: what each is on SQLite, PostgreSQL, MySQL and MariaDB, and on any other back end.

SQLite and PostgreSQL keep a text as it is. MySQL and MariaDB do with the sizes and the collation that are asked for here. Of any other
back end nothing is taken for granted: some take an empty text for no text, some a blank at the end for nothing. There a text is
written with a mark behind it, which is taken off when it is read; the mark sorts before every sign, so the order stays the same.
Nothing here loads a dialect that is not in use.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, LargeBinary, String, Text, Unicode, UnicodeText
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

MYSQL = ("mysql", "mariadb")
MARK = "\x01"
# SQL Server compares text without case unless a column says otherwise.
_BYTEWISE = {"postgresql": "C", "mssql": "Latin1_General_100_BIN2"}


def is_mysql(dialect: Dialect) -> bool:
    """True for MySQL and MariaDB, under either name."""
    return dialect.name in MYSQL


def is_tuned(dialect: Dialect) -> bool:
    """True for the two back ends that have a full-text index of their own."""
    return dialect.name in ("sqlite", "postgresql")


def is_known(dialect: Dialect) -> bool:
    """True for the back ends whose ways this program knows; what any other does is looked at before it is used."""
    return is_tuned(dialect) or is_mysql(dialect)


class UtcTime(TypeDecorator[datetime]):
    """A moment in UTC, to the microsecond: aware datetimes in and out, on back ends with and without time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if is_mysql(dialect):
            from sqlalchemy.dialects.mysql import DATETIME

            return DATETIME(fsp=6)
        return DateTime(timezone=True)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if is_mysql(dialect) else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _one_after_the_other(first: Callable[[Any], Any] | None, second: Callable[[Any], Any] | None) -> Callable[[Any], Any] | None:
    if first is None or second is None:
        return first or second
    return lambda value: second(first(value))


class _Marked(TypeDecorator[str]):
    """A text that comes out as it went in, also where a back end would not keep it by itself."""

    impl: type[TypeEngine[Any]] = Text
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[str | None], Any] | None:
        processor = super().bind_processor(dialect)
        return processor if is_known(dialect) else _one_after_the_other(_mark, processor)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], str | None] | None:
        processor = super().result_processor(dialect, coltype)
        return processor if is_known(dialect) else _one_after_the_other(processor, _unmark)


def _mark(text: str | None) -> str | None:
    return None if text is None else text + MARK


def _unmark(text: str | None) -> str | None:
    return None if text is None else str(text).removesuffix(MARK)


class Name(_Marked):
    """A short text that is compared, and may be a key. `bytewise`: sorted by its bytes, on PostgreSQL too."""

    impl: type[TypeEngine[Any]] = String
    cache_ok = True

    def __init__(self, length: int, *, bytewise: bool = False) -> None:
        super().__init__(length)
        self.length = length
        self.bytewise = bytewise

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return String(self.length, collation=_BYTEWISE["postgresql"] if self.bytewise else None)
        if is_known(dialect):
            return String(self.length)
        return Unicode(self.length + len(MARK), collation=_BYTEWISE.get(dialect.name))


class LongText(_Marked):
    """A text of any length, which is only kept."""

    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return _long_text(dialect)


class LongBytes(TypeDecorator[bytes]):
    """Bytes of any number."""

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if is_mysql(dialect):
            from sqlalchemy.dialects.mysql import LONGBLOB

            return LONGBLOB()
        return LargeBinary()


class JsonValue(TypeDecorator[dict[str, Any]]):
    """A JSON value: the back end's own type on SQLite and PostgreSQL, and its text elsewhere, where numbers would be rounded or the
    type is missing."""

    impl = JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return JSON() if is_tuned(dialect) else _long_text(dialect)

    def bind_processor(self, dialect: Dialect) -> Callable[[dict[str, Any] | None], Any] | None:
        processor = super().bind_processor(dialect)
        return processor if is_tuned(dialect) else _one_after_the_other(_dump, processor)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], dict[str, Any] | None] | None:
        processor = super().result_processor(dialect, coltype)
        return processor if is_tuned(dialect) else _one_after_the_other(processor, _load)


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _load(text: Any) -> Any:
    return json.loads(text)


def _long_text(dialect: Dialect) -> TypeEngine[Any]:
    if is_mysql(dialect):
        from sqlalchemy.dialects.mysql import LONGTEXT

        return LONGTEXT()
    return Text() if is_tuned(dialect) else UnicodeText()
