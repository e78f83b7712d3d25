"""The store: pictures by content hash, samples, traces and the event log, in SQLite, PostgreSQL or another database.

SQLAlchemy lives in this package and nowhere else. Frozen values of `core` go in, frozen values come out: no row, connection or
session leaves it. Start at `annotations.database.open_database` and `annotations.store.Store`.
"""
