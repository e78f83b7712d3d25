"""Brings a database to the head revision.

Alembic is imported only where there is something to migrate: a database at `HEAD_REVISION` is opened without it. All pending
migrations run in the caller's one transaction, together with the record of having run: they are all there, or none is. MySQL,
MariaDB and some others cannot roll back a change of tables; there a first start that broke off is begun anew by the next one.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.schema import DropTable

# The newest file in versions/; a test holds that the two agree.
HEAD_REVISION = "0002"
VERSION_TABLE = "saccade_version"
FOLDER = Path(__file__).parent


def current_revision(connection: Connection) -> str | None:
    """The revision of the database, or None where it holds no tables of this program."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    revision: str | None = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
    return revision


def broke_off(connection: Connection) -> bool:
    """True where a first start made some of the tables and never came to its end: the table of revisions is there, and empty."""
    return current_revision(connection) is None and inspect(connection).has_table(VERSION_TABLE)


def clear(connection: Connection) -> None:
    """Drop the tables of a first start that broke off. No data is lost: nothing is written before the first revision is."""
    import annotations.rating_schema  # noqa: F401  its tables belong to the same metadata
    from annotations.fulltext import WORDS
    from annotations.schema import Base

    for table in (WORDS, *reversed(Base.metadata.sorted_tables)):
        connection.execute(DropTable(table, if_exists=True))


def is_known(revision: str) -> bool:
    """True for a revision that this program can bring to the head."""
    from alembic.script import ScriptDirectory

    return revision in {script.revision for script in ScriptDirectory(str(FOLDER)).walk_revisions()}


def upgrade(connection: Connection) -> None:
    """Run all pending migrations in the transaction that the connection is in; nothing is committed here."""
    from alembic import command
    from alembic.config import Config
    from alembic.ddl.impl import DefaultImpl

    try:
        DefaultImpl.get_by_dialect(connection.dialect)
    except KeyError:
        # Alembic asks for a class for each dialect; making one makes it known.
        type("PlainImpl", (DefaultImpl,), {"__dialect__": connection.dialect.name})
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
