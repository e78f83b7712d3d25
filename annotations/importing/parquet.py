"""Parquet files -> rows, a few at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from annotations.importing.json_values import BadRow, read_json

# Rows may carry their pictures as bytes, so few are held at once.
_ROWS_AT_ONCE = 8
_STRUCTURES = frozenset({"messages", "conversations", "images", "image_paths", "thoughts", "tree"})


def parquet_rows(path: Path) -> Iterator[tuple[int, int, Any, str]]:
    """(row number from 1, rows in all, values or None, reason). What cannot be read ends the file with a row that says so."""
    line, total = 0, -1
    try:
        with pq.ParquetFile(path, memory_map=True, pre_buffer=False) as file:
            total = file.metadata.num_rows
            for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE, use_threads=False):
                for at in range(batch.num_rows):
                    line += 1
                    values, reason = _row(batch, at)
                    yield line, total, values, reason
    except (pa.ArrowException, OSError, ValueError) as error:
        yield line + 1, line + 1, None, f"The parquet file cannot be read: {_first_line(error)}."
    if total == 0:
        yield 0, 0, None, "The parquet file has no rows."


def _row(batch: pa.RecordBatch, at: int) -> tuple[Any, str]:
    try:
        return {name: _unfolded(name, batch.column(index)[at].as_py()) for index, name in enumerate(batch.schema.names)}, ""
    except (pa.ArrowException, ValueError, OverflowError, BadRow) as error:
        return None, f"The row cannot be read: {_first_line(error)}."


def _unfolded(name: str, value: Any) -> Any:
    """Structures that were stored as JSON text."""
    if name in _STRUCTURES and isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        return read_json(value.encode("utf-8", errors="replace"))[0]
    return value


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")[:200]
