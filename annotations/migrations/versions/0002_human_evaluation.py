"""Human evaluation: raters and their sessions, studies in versions, items and their places, ratings that only grow, drafts.

The first revision had a table of studies that nothing wrote to; it makes room for one whose versions stand in a table of their own.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from annotations.columns import JsonValue, Name, UtcTime, is_mysql
from annotations.migrations.tables import create

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.drop_table("studies")
    _raters()
    _studies()
    _items()
    _ratings()
    _refuse_changes_of_ratings()


def _raters() -> None:
    create(
        "raters",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", Name(120), nullable=False),
        sa.Column("role", Name(16), nullable=False),
        sa.Column("password", Name(255), nullable=False),
        sa.Column("preferences", JsonValue(), nullable=False),
        sa.Column("added_at", UtcTime(), nullable=False),
        sa.Column("closed_at", UtcTime()),
        sa.PrimaryKeyConstraint("id", name="pk_raters"),
        sa.UniqueConstraint("name", name="uq_raters_name"),
        sqlite_autoincrement=True,
    )
    create(
        "sessions",
        sa.Column("secret_hash", Name(64), nullable=False),
        sa.Column("rater_id", sa.Integer, sa.ForeignKey("raters.id", name="fk_sessions_rater_id"), nullable=False, index=True),
        sa.Column("added_at", UtcTime(), nullable=False),
        sa.Column("expires_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("secret_hash", name="pk_sessions"),
    )
    create(
        "sign_in_failures",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("account", Name(120), nullable=False),
        sa.Column("address", Name(64), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sign_in_failures"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_sign_in_failures_account_address_at", "sign_in_failures", ["account", "address", "at"])


def _studies() -> None:
    create(
        "studies",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", Name(500), nullable=False),
        sa.Column("added_at", UtcTime(), nullable=False),
        sa.Column("closed_at", UtcTime()),
        sa.PrimaryKeyConstraint("id", name="pk_studies"),
        sa.UniqueConstraint("name", name="uq_studies_name"),
        sqlite_autoincrement=True,
    )
    create(
        "study_versions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("study_id", sa.Integer, sa.ForeignKey("studies.id", name="fk_study_versions_study_id"), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("settings", JsonValue(), nullable=False),
        sa.Column("actor", Name(500), nullable=False),
        sa.Column("added_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_study_versions"),
        sa.UniqueConstraint("study_id", "version", name="uq_study_versions_study_id_version"),
        sqlite_autoincrement=True,
    )


def _items() -> None:
    create(
        "study_items",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("study_id", sa.Integer, sa.ForeignKey("studies.id", name="fk_study_items_study_id"), nullable=False),
        sa.Column("trace_hash", Name(64), nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("left_out", Name(16), nullable=False),
        sa.Column("added_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_study_items"),
        sa.UniqueConstraint("study_id", "trace_hash", "step", name="uq_study_items_study_id_trace_hash_step"),
        sqlite_autoincrement=True,
    )
    create(
        "item_places",
        sa.Column("item_id", sa.Integer, sa.ForeignKey("study_items.id", name="fk_item_places_item_id"), nullable=False),
        sa.Column("place", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("rater_id", sa.Integer, sa.ForeignKey("raters.id", name="fk_item_places_rater_id"), nullable=False, index=True),
        sa.Column("until", UtcTime()),
        sa.PrimaryKeyConstraint("item_id", "place", name="pk_item_places"),
        sa.UniqueConstraint("item_id", "rater_id", name="uq_item_places_item_id_rater_id"),
    )


def _ratings() -> None:
    create(
        "ratings",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("token", Name(64), nullable=False),
        sa.Column("item_id", sa.Integer, sa.ForeignKey("study_items.id", name="fk_ratings_item_id"), nullable=False),
        sa.Column("rater_id", sa.Integer, sa.ForeignKey("raters.id", name="fk_ratings_rater_id"), nullable=False),
        sa.Column("version_id", sa.Integer, sa.ForeignKey("study_versions.id", name="fk_ratings_version_id"), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("kind", Name(16), nullable=False),
        sa.Column("trace_hash", Name(64), nullable=False),
        sa.Column("content", JsonValue(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ratings"),
        sa.UniqueConstraint("token", name="uq_ratings_token"),
        sa.UniqueConstraint("item_id", "rater_id", "revision", name="uq_ratings_item_id_rater_id_revision"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_ratings_rater_id_id", "ratings", ["rater_id", "id"])
    create(
        "drafts",
        sa.Column("item_id", sa.Integer, sa.ForeignKey("study_items.id", name="fk_drafts_item_id"), nullable=False),
        sa.Column("rater_id", sa.Integer, sa.ForeignKey("raters.id", name="fk_drafts_rater_id"), nullable=False, index=True),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("content", JsonValue(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("item_id", "rater_id", name="pk_drafts"),
    )


def _refuse_changes_of_ratings() -> None:
    dialect = op.get_bind().dialect
    said = "ratings are append-only"
    if dialect.name == "postgresql":
        op.execute(f"CREATE FUNCTION ratings_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '{said}'; END $$")
        op.execute("CREATE TRIGGER ratings_refuse_change BEFORE UPDATE OR DELETE ON ratings FOR EACH ROW EXECUTE FUNCTION ratings_refuse()")
        op.execute("CREATE TRIGGER ratings_refuse_truncate BEFORE TRUNCATE ON ratings FOR EACH STATEMENT EXECUTE FUNCTION ratings_refuse()")
        return
    for verb in ("UPDATE", "DELETE"):
        begin = f"CREATE TRIGGER ratings_refuse_{verb.lower()} BEFORE {verb} ON ratings "
        if dialect.name == "sqlite":
            op.execute(begin + f"BEGIN SELECT RAISE(ABORT, '{said}'); END")
        elif is_mysql(dialect):
            op.execute(begin + f"FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{said}'")
