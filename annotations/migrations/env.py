"""Alembic's way in: takes the connection, and its open transaction, from `annotations.migrations.upgrade`."""

from __future__ import annotations

from alembic import context

from annotations.migrations import VERSION_TABLE
from annotations.schema import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
    # SQLite can roll back DDL too, which Alembic does not assume.
    transactional_ddl=True,
)
context.run_migrations()
