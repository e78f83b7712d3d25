"""Brings a database to the head revision.

Alembic is imported only where there is something to migrate: a database at `HEAD_REVISION` is opened without it. All pending
migrations run in the caller's one transaction, together with the record of having run: they are all there, or none is.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

# The newest file in versions/; a test holds that the two agree.
HEAD_REVISION = "0001"
VERSION_TABLE = "saccade_version"
FOLDER = Path(__file__).parent


def current_revision(connection: Connection) -> str | None:
    """The revision of the database, or None where it holds no tables of this program."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    revision: str | None = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
    return revision


def is_known(revision: str) -> bool:
    """True for a revision that this program can bring to the head."""
    from alembic.script import ScriptDirectory

    return revision in {script.revision for script in ScriptDirectory(str(FOLDER)).walk_revisions()}


def upgrade(connection: Connection) -> None:
    """Run all pending migrations in the transaction that the connection is in; nothing is committed here."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
