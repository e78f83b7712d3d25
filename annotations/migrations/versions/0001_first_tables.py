"""The first tables: data sets, pictures, samples, traces with turns and steps, studies, the event log, the word index.

The full-text index is made by hand on each back end: FTS5 without a copy of the text on SQLite, a tsvector under GIN on PostgreSQL.
Both are fed the same words (annotations.words), so a search finds the same traces on both.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TIME = sa.DateTime(timezone=True)
BYTEWISE = sa.String(80).with_variant(sa.String(80, collation="C"), "postgresql")


def upgrade() -> None:
    _datasets_and_pictures()
    _samples()
    _traces()
    _turns_and_steps()
    _studies_and_events()
    if op.get_bind().dialect.name == "sqlite":
        _sqlite_extras()
    else:
        _postgresql_extras()


def _datasets_and_pictures() -> None:
    op.create_table(
        "datasets",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(500), nullable=False),
        sa.Column("added_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_datasets"),
        sa.UniqueConstraint("name", name="uq_datasets_name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "pictures",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("orientation", sa.Integer, nullable=False),
        sa.Column("added_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_pictures"),
        sa.UniqueConstraint("sha256", name="uq_pictures_sha256"),
        sqlite_autoincrement=True,
    )


def _samples() -> None:
    op.create_table(
        "samples",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("dataset_id", sa.Integer, sa.ForeignKey("datasets.id", name="fk_samples_dataset_id"), nullable=False, index=True),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("domain", sa.String(32), nullable=False),
        sa.Column("truth_kind", sa.String(16), nullable=False),
        sa.Column("truth_text", sa.Text, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("added_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_samples"),
        sa.UniqueConstraint("content_hash", "dataset_id", name="uq_samples_content_hash_dataset_id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "sample_pictures",
        sa.Column("sample_id", sa.Integer, sa.ForeignKey("samples.id", name="fk_sample_pictures_sample_id"), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("picture_id", sa.Integer, sa.ForeignKey("pictures.id", name="fk_sample_pictures_picture_id"), nullable=False, index=True),
        sa.PrimaryKeyConstraint("sample_id", "position", name="pk_sample_pictures"),
    )


def _traces() -> None:
    op.create_table(
        "traces",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("dataset_id", sa.Integer, sa.ForeignKey("datasets.id", name="fk_traces_dataset_id"), nullable=False),
        sa.Column("sample_id", sa.Integer, sa.ForeignKey("samples.id", name="fk_traces_sample_id"), nullable=False, index=True),
        sa.Column("picture_id", sa.Integer, sa.ForeignKey("pictures.id", name="fk_traces_picture_id"), index=True),
        sa.Column("domain", sa.String(32), nullable=False),
        sa.Column("policy", sa.String(500), nullable=False),
        sa.Column("stop", sa.String(16), nullable=False),
        sa.Column("correct", sa.Boolean),
        sa.Column("turn_count", sa.Integer, nullable=False),
        sa.Column("step_count", sa.Integer, nullable=False),
        sa.Column("look_count", sa.Integer, nullable=False),
        sa.Column("fault_count", sa.Integer, nullable=False),
        sa.Column("reward_strict", sa.Double),
        sa.Column("reward_vigorl", sa.Double),
        sa.Column("question_key", BYTEWISE, nullable=False),
        sa.Column("added_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_traces"),
        sa.UniqueConstraint("content_hash", "dataset_id", name="uq_traces_content_hash_dataset_id"),
        sqlite_autoincrement=True,
    )
    facets = ["dataset_id", "domain", "policy", "correct", "stop", "look_count", "fault_count"]
    op.create_index("ix_traces_facets", "traces", facets)
    for column in ("question_key", "step_count", "look_count", "fault_count", "reward_strict"):
        op.create_index(f"ix_traces_{column}_id", "traces", [column, "id"])
    op.create_table(
        "trace_documents",
        sa.Column("trace_id", sa.Integer, sa.ForeignKey("traces.id", name="fk_trace_documents_trace_id"), autoincrement=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("trace_id", name="pk_trace_documents"),
    )


def _turns_and_steps() -> None:
    op.create_table(
        "turns",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("trace_id", sa.Integer, sa.ForeignKey("traces.id", name="fk_turns_trace_id"), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("answer", sa.Text),
        sa.Column("called", sa.Boolean, nullable=False),
        sa.Column("observed", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_turns"),
        sa.UniqueConstraint("trace_id", "position", name="uq_turns_trace_id_position"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "steps",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("trace_id", sa.Integer, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("turn", sa.Integer, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("written", sa.Text),
        sa.Column("source", sa.String(16)),
        *(sa.Column(name, sa.Double) for name in ("written_x", "written_y", "x", "y")),
        sa.Column("inside", sa.Boolean),
        *(sa.Column(name, sa.Double) for name in ("look_x1", "look_y1", "look_x2", "look_y2")),
        sa.PrimaryKeyConstraint("id", name="pk_steps"),
        sa.UniqueConstraint("trace_id", "position", name="uq_steps_trace_id_position"),
        sa.ForeignKeyConstraint(["trace_id", "turn"], ["turns.trace_id", "turns.position"], name="fk_steps_trace_id_turn"),
        sqlite_autoincrement=True,
    )


def _studies_and_events() -> None:
    op.create_table(
        "studies",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(500), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("settings", sa.JSON, nullable=False),
        sa.Column("added_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_studies"),
        sa.UniqueConstraint("name", "version", name="uq_studies_name_version"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "events",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", TIME, nullable=False, index=True),
        sa.Column("kind", sa.String(64), nullable=False, index=True),
        sa.Column("actor", sa.String(500), nullable=False),
        sa.Column("payload", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sqlite_autoincrement=True,
    )
    versions = op.create_table(
        "data_versions",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("value", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_data_versions"),
    )
    op.bulk_insert(versions, [{"name": "traces", "value": 0}])


def _sqlite_extras() -> None:
    # No copy of the text (content=''), no positions (detail=none): the words alone. The ascii tokenizer takes every other character
    # as part of a word, so the words are exactly those that annotations.words wrote, with blanks between them.
    op.execute("CREATE VIRTUAL TABLE trace_words USING fts5(words, content='', detail=none, columnsize=0, tokenize='ascii')")
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER events_refuse_{verb.lower()} BEFORE {verb} ON events "
            "BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END"
        )


def _postgresql_extras() -> None:
    op.execute(
        "CREATE TABLE trace_words (trace_id integer CONSTRAINT pk_trace_words PRIMARY KEY "
        "CONSTRAINT fk_trace_words_trace_id REFERENCES traces (id), words tsvector NOT NULL)"
    )
    op.execute("CREATE INDEX ix_trace_words_words ON trace_words USING gin (words)")
    op.execute(
        "CREATE FUNCTION events_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the event log is append-only'; END $$"
    )
    op.execute("CREATE TRIGGER events_refuse_change BEFORE UPDATE OR DELETE ON events FOR EACH ROW EXECUTE FUNCTION events_refuse()")
    op.execute("CREATE TRIGGER events_refuse_truncate BEFORE TRUNCATE ON events FOR EACH STATEMENT EXECUTE FUNCTION events_refuse()")
