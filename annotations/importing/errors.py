"""Error logs of a run: which sample failed, and why -> events."""

from __future__ import annotations

from typing import Any

from annotations.importing.json_values import BadRow
from annotations.importing.rows import Converted, Event, RowContext

RUN_FAILED = "run_failed"
_LONGEST_MESSAGE = 2000


def read_error(row: RowContext) -> Converted:
    """The event of an error line. Raises BadRow where it does not say what went wrong."""
    error = row.optional_text("error")
    if not error:
        raise BadRow("The row does not say which error it is about.")
    message = (row.optional_text("error_message") or "")[:_LONGEST_MESSAGE]
    sample = row.optional_text("id") or row.optional_text("idx") or "?"
    payload: dict[str, Any] = {"sample": sample, "error": error[:_LONGEST_MESSAGE], "file": row.file, "line": row.line}
    if message:
        payload["message"] = message
    seconds = row.score("timeout_seconds", row.document.get("timeout_seconds"))
    if seconds is not None:
        payload["timeout_seconds"] = seconds
    what = "a timeout" if error == "timeout" else "an exception" if error == "exception" else f"the error {error[:80]!r}"
    said = f": {message[:120]}" if message else ""
    return Converted(events=(Event(RUN_FAILED, payload),), words=f"the run of sample {sample[:80]} failed with {what}{said}")
