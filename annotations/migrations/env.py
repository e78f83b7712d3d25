"""Alembic's way in: takes the connection, and its open transaction, from `annotations.migrations.upgrade`."""

from __future__ import annotations

from alembic import context

from annotations.migrations import VERSION_TABLE
from annotations.schema import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
    # SQLite can roll back DDL too, which Alembic does not assume; of the others it knows.
    transactional_ddl=True if connection.dialect.name == "sqlite" else None,
)
context.run_migrations()
