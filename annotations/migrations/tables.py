"""How a migration makes a table that every back end keeps alike."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from annotations.columns import is_mysql
from core.errors import StoreError


def create(name: str, *parts: Any, **options: Any) -> sa.Table:
    """A new table, on MySQL and MariaDB with the engine and the collation that this program counts on."""
    bind = op.get_bind()
    if is_mysql(bind.dialect):
        wanted = {"engine": "InnoDB", "charset": "utf8mb4", "collate": _exact_collation(bind), "row_format": "DYNAMIC"}
        options |= {f"{bind.dialect.name}_{option}": value for option, value in wanted.items()}
    made: sa.Table = op.create_table(name, *parts, **options)
    return made


def _exact_collation(bind: sa.Connection) -> str:
    """The collation that tells all texts apart, also by case, accents and blanks at the end; each of the two servers has its own."""
    asked = sa.text(
        "SELECT collation_name FROM information_schema.collations WHERE collation_name IN ('utf8mb4_nopad_bin', 'utf8mb4_0900_bin')"
    )
    found: str | None = bind.execute(asked).scalar()
    if found is None:
        raise StoreError("This server is too old to tell all names apart: update it to MariaDB 10.2 or MySQL 8.0.17, or later.")
    return found
