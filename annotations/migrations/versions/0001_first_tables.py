"""The first tables: data sets, pictures, samples, traces with turns and steps, studies, the event log, the word index.

The full-text index is made by hand on each back end: FTS5 without a copy of the text on SQLite, a tsvector under GIN on PostgreSQL, and
a table of words elsewhere. All are fed the same words (annotations.words), so a search finds the same traces on all.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from annotations.columns import JsonValue, LongBytes, LongText, Name, UtcTime, is_mysql
from annotations.migrations.tables import create

revision = "0001"
down_revision = None


def upgrade() -> None:
    _datasets_and_pictures()
    _samples()
    _traces()
    _turns_and_steps()
    _studies_and_events()
    dialect = op.get_bind().dialect
    if dialect.name == "sqlite":
        _sqlite_extras()
    elif dialect.name == "postgresql":
        _postgresql_extras()
    else:
        _table_of_words()
        if is_mysql(dialect):
            _mysql_triggers()


def _datasets_and_pictures() -> None:
    create(
        "datasets",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", Name(500), nullable=False),
        sa.Column("added_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_datasets"),
        sa.UniqueConstraint("name", name="uq_datasets_name"),
        sqlite_autoincrement=True,
    )
    create(
        "pictures",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("sha256", Name(64), nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("orientation", sa.Integer, nullable=False),
        sa.Column("added_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_pictures"),
        sa.UniqueConstraint("sha256", name="uq_pictures_sha256"),
        sqlite_autoincrement=True,
    )


def _samples() -> None:
    create(
        "samples",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("dataset_id", sa.Integer, sa.ForeignKey("datasets.id", name="fk_samples_dataset_id"), nullable=False, index=True),
        sa.Column("content_hash", Name(64), nullable=False),
        sa.Column("question", LongText(), nullable=False),
        sa.Column("domain", Name(32), nullable=False),
        sa.Column("truth_kind", Name(16), nullable=False),
        sa.Column("truth_text", LongText(), nullable=False),
        sa.Column("document", LongBytes(), nullable=False),
        sa.Column("added_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_samples"),
        sa.UniqueConstraint("content_hash", "dataset_id", name="uq_samples_content_hash_dataset_id"),
        sqlite_autoincrement=True,
    )
    create(
        "sample_pictures",
        sa.Column("sample_id", sa.Integer, sa.ForeignKey("samples.id", name="fk_sample_pictures_sample_id"), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("picture_id", sa.Integer, sa.ForeignKey("pictures.id", name="fk_sample_pictures_picture_id"), nullable=False, index=True),
        sa.PrimaryKeyConstraint("sample_id", "position", name="pk_sample_pictures"),
    )


def _traces() -> None:
    create(
        "traces",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("content_hash", Name(64), nullable=False),
        sa.Column("dataset_id", sa.Integer, sa.ForeignKey("datasets.id", name="fk_traces_dataset_id"), nullable=False),
        sa.Column("sample_id", sa.Integer, sa.ForeignKey("samples.id", name="fk_traces_sample_id"), nullable=False, index=True),
        sa.Column("picture_id", sa.Integer, sa.ForeignKey("pictures.id", name="fk_traces_picture_id"), index=True),
        sa.Column("domain", Name(32), nullable=False),
        sa.Column("policy", Name(500), nullable=False),
        sa.Column("stop", Name(16), nullable=False),
        sa.Column("correct", sa.Boolean),
        sa.Column("turn_count", sa.Integer, nullable=False),
        sa.Column("step_count", sa.Integer, nullable=False),
        sa.Column("look_count", sa.Integer, nullable=False),
        sa.Column("fault_count", sa.Integer, nullable=False),
        sa.Column("reward_strict", sa.Double),
        sa.Column("reward_vigorl", sa.Double),
        sa.Column("question_key", Name(80, bytewise=True), nullable=False),
        sa.Column("added_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_traces"),
        sa.UniqueConstraint("content_hash", "dataset_id", name="uq_traces_content_hash_dataset_id"),
        sqlite_autoincrement=True,
    )
    facets = ["dataset_id", "domain", "policy", "correct", "stop", "look_count", "fault_count"]
    op.create_index("ix_traces_facets", "traces", facets)
    for column in ("question_key", "step_count", "look_count", "fault_count", "reward_strict"):
        op.create_index(f"ix_traces_{column}_id", "traces", [column, "id"])
    create(
        "trace_documents",
        sa.Column("trace_id", sa.Integer, sa.ForeignKey("traces.id", name="fk_trace_documents_trace_id"), autoincrement=False),
        sa.Column("document", LongBytes(), nullable=False),
        sa.PrimaryKeyConstraint("trace_id", name="pk_trace_documents"),
    )


def _turns_and_steps() -> None:
    create(
        "turns",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("trace_id", sa.Integer, sa.ForeignKey("traces.id", name="fk_turns_trace_id"), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("answer", LongText()),
        sa.Column("called", sa.Boolean, nullable=False),
        sa.Column("observed", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_turns"),
        sa.UniqueConstraint("trace_id", "position", name="uq_turns_trace_id_position"),
        sqlite_autoincrement=True,
    )
    create(
        "steps",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("trace_id", sa.Integer, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("turn", sa.Integer, nullable=False),
        sa.Column("text", LongText(), nullable=False),
        sa.Column("written", LongText()),
        sa.Column("source", Name(16)),
        *(sa.Column(name, sa.Double) for name in ("written_x", "written_y", "x", "y")),
        sa.Column("inside", sa.Boolean),
        *(sa.Column(name, sa.Double) for name in ("look_x1", "look_y1", "look_x2", "look_y2")),
        sa.PrimaryKeyConstraint("id", name="pk_steps"),
        sa.UniqueConstraint("trace_id", "position", name="uq_steps_trace_id_position"),
        sa.ForeignKeyConstraint(["trace_id", "turn"], ["turns.trace_id", "turns.position"], name="fk_steps_trace_id_turn"),
        sqlite_autoincrement=True,
    )


def _studies_and_events() -> None:
    create(
        "studies",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", Name(500), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("settings", JsonValue(), nullable=False),
        sa.Column("added_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_studies"),
        sa.UniqueConstraint("name", "version", name="uq_studies_name_version"),
        sqlite_autoincrement=True,
    )
    create(
        "events",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", UtcTime(), nullable=False, index=True),
        sa.Column("kind", Name(64), nullable=False, index=True),
        sa.Column("actor", Name(500), nullable=False),
        sa.Column("payload", JsonValue(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sqlite_autoincrement=True,
    )
    versions = create(
        "data_versions",
        sa.Column("name", Name(32), nullable=False),
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


def _table_of_words() -> None:
    create(
        "trace_words",
        sa.Column("word", Name(64), nullable=False),
        sa.Column("trace_id", sa.Integer, sa.ForeignKey("traces.id", name="fk_trace_words_trace_id"), nullable=False, index=True),
        sa.PrimaryKeyConstraint("word", "trace_id", name="pk_trace_words"),
    )


def _mysql_triggers() -> None:
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER events_refuse_{verb.lower()} BEFORE {verb} ON events "
            "FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the event log is append-only'"
        )
