"""The address of a database: read, named in messages without what is secret in it, and told why it cannot be used."""

from __future__ import annotations

import re

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from core.errors import StoreError

# What an address without a driver means: the drivers that the tests know.
_DRIVERS = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}
# Packages that have another name than the module in them.
_PACKAGES = {
    "psycopg": "psycopg[binary]",
    "MySQLdb": "mysqlclient",
    "mysql": "mysql-connector-python",
    "psycopg2": "psycopg2-binary",
}
_SECRET = re.compile("pass|pwd|secret|token|key|odbc_connect", re.IGNORECASE)


def parse_address(url: str) -> URL:
    """The parts of an SQLAlchemy URL, with the driver that it means. Raises StoreError for one that cannot be used."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        # A scheme has no @: whatever stands before the last one is a user and perhaps a password, however it is misspelt.
        shown = re.sub("^.*@", "***@", url, flags=re.DOTALL)
        raise StoreError(
            f"{shown!r} is not a database URL: write sqlite:////folder/file.db, postgresql://user@host/name or mysql://user@host/name."
        ) from error
    parsed = parsed.set(drivername=_DRIVERS.get(parsed.drivername, parsed.drivername))
    if parsed.get_backend_name() == "sqlite" and parsed.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise StoreError("SQLite is opened with the driver that Python brings: write sqlite:////folder/file.db.")
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise StoreError("A database in memory loses everything at the end: write sqlite:////folder/file.db.")
    return parsed


def name_of(url: URL) -> str:
    """The database's name in messages: a SQLite file's path, or the URL without its secrets."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    shown = url.set(query={key: "***" if _SECRET.search(key) else value for key, value in url.query.items()})
    return shown.render_as_string(hide_password=True).replace("%2A%2A%2A", "***")


def hide(text: str, url: URL) -> str:
    """A driver's words without what is secret in the address, in case that it repeats it."""
    secrets = [url.password, *(value for key, value in url.query.items() if _SECRET.search(key))]
    for secret in secrets:
        if secret and isinstance(secret, str):
            text = text.replace(secret, "***")
    return text


def without_driver(name: str, error: ImportError) -> StoreError:
    """What to say where the driver's package is missing, or does not load."""
    module = (error.name or "").split(".")[0]
    if not isinstance(error, ModuleNotFoundError) or not module:
        return StoreError(f"The driver of {name} does not load ({' '.join(str(error).split())}): install its package again into .venv.")
    return StoreError(f"The address {name} needs the package {module}: pip install {_PACKAGES.get(module, module)} into .venv.")


def without_dialect(name: str) -> StoreError:
    """What to say where SQLAlchemy has never heard of the database or of the driver that an address names."""
    scheme = name.split(":")[0]
    return StoreError(f"SQLAlchemy does not know {scheme} ({name}): check its spelling, or pip install its dialect's package into .venv.")
