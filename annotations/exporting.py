"""Traces -> files: JSON lines that an import reads back unchanged, or a table (CSV) with a row a step.

Both are written as a stream, into a file beside the target that takes its name at the end: under the target's name there is never half
an export.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, BinaryIO

from annotations.csv_cells import safe_cell
from annotations.durable import whole_file
from annotations.importing.kinds import EXPORT_FORMAT, EXPORT_VERSION
from annotations.importing.picture_source import PICTURE_ENDINGS
from annotations.pictures import PictureStore
from annotations.queries import StoredTrace, TraceQuery
from annotations.store import Store
from core.errors import NotFound, StoreError

COLUMNS = (
    "trace",
    "dataset",
    "domain",
    "policy",
    "sample",
    "question",
    "picture",
    "picture_name",
    "picture_width",
    "picture_height",
    "frame",
    "stop",
    "answer",
    "truth_kind",
    "truth",
    "correct",
    "recorded_score",
    "reward_strict",
    "reward_vigorl",
    "faults",
    "step",
    "turn",
    "text",
    "written",
    "source",
    "x",
    "y",
    "inside",
    "look_x1",
    "look_y1",
    "look_x2",
    "look_y2",
)
_TELL_EVERY = 100
# Values that an error names.
_NAMED = 10


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What was written: traces, pictures that were new in the folder, and the file."""

    traces: int
    pictures: int
    file: Path


def refuse_unknown(store: Store, query: TraceQuery) -> None:
    """Raises NotFound for a data set, domain, model or stop reason in the query that no trace has, with those that there are."""
    known = store.facets(TraceQuery())
    asked = (
        ("data set", query.dataset, known.datasets),
        ("domain", query.domain, known.domains),
        ("model", query.policy, known.policies),
        ("stop reason", query.stop, known.stops),
    )
    for noun, values, found in asked:
        there = [value.value for value in found]
        for value in values:
            if value not in there:
                named = ", ".join(there[:_NAMED]) + (f" and {len(there) - _NAMED} more" if len(there) > _NAMED else "")
                raise NotFound(f"No trace has the {noun} “{value}”, so nothing was written: there are {named or 'no traces'}.")


def export_jsonl(
    store: Store,
    query: TraceQuery,
    target: Path,
    *,
    pictures: PictureStore | None = None,
    picture_folder: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ExportResult:
    """Writes one line a trace: {"format", "version", "dataset", "trace"}; pictures stand in it by their content hash.

    picture_folder  gets the picture files, named by their hash, so that another machine can import with --image-root; it needs
                    `pictures`. `progress` is told traces done and traces in all. Raises StoreError where nothing can be written,
                    NotFound for a picture that the store does not hold.
    """
    wanted: set[str] = set()
    with _atomic(target) as file:
        done = 0
        for stored in _told(store, query, progress):
            file.write(_line(stored))
            done += 1
            if picture_folder is not None:
                wanted.update(_hashes(stored))
    written = write_pictures(sorted(wanted), pictures, picture_folder) if pictures and picture_folder else 0
    return ExportResult(done, written, target)


def export_csv(
    store: Store, query: TraceQuery, target: Path, *, progress: Callable[[int, int], None] = lambda done, total: None
) -> ExportResult:
    """Writes one row a step (one row for a trace without steps); points and windows are in original pixels.

    Texts that a spreadsheet would run as a formula get an apostrophe in front. Raises StoreError where nothing can be written.
    """
    with _atomic(target) as file:
        # The mark makes spreadsheets read UTF-8 as what it is.
        file.write("\ufeff")
        table = csv.writer(file, lineterminator="\r\n")
        table.writerow(COLUMNS)
        done = 0
        for stored in _told(store, query, progress):
            table.writerows([safe_cell(value) for value in row] for row in _rows(stored))
            done += 1
    return ExportResult(done, 0, target)


def _line(stored: StoredTrace) -> str:
    document = {"format": EXPORT_FORMAT, "version": EXPORT_VERSION, "dataset": stored.dataset, "trace": stored.trace.to_json()}
    # ASCII only: such a file survives every editor and every transport.
    return json.dumps(document, ensure_ascii=True, separators=(",", ":"), allow_nan=False) + "\n"


def _hashes(stored: StoredTrace) -> Iterator[str]:
    yield from (picture.sha256 for picture in stored.trace.sample.pictures)
    yield from (look.picture for look in stored.trace.looks if look.picture is not None)


def _rows(stored: StoredTrace) -> Iterator[list[Any]]:
    trace = stored.trace
    sample, picture = trace.sample, trace.sample.pictures[0] if trace.sample.pictures else None
    head: list[Any] = [stored.id, stored.dataset, sample.domain.value, trace.policy, sample.external_id, sample.question]
    head += [picture.sha256, picture.name, picture.size.width, picture.size.height] if picture else [None] * 4
    head += [trace.frame.kind.value, trace.stop.value, trace.answer, sample.truth.kind.value, sample.truth.text, stored.scores.correct]
    head += [trace.recorded_score, stored.scores.strict, stored.scores.vigorl, "; ".join(fault.kind.value for fault in trace.faults)]
    if not trace.steps:
        yield head + [None] * (len(COLUMNS) - len(head))
    for step in trace.steps:
        mention, point = step.mention, step.point
        window = step.look.window.corners if step.look else (None,) * 4
        said = [mention.written, mention.source.value] if mention else [None, None]
        place = [point.x, point.y] if point else [None, None]
        yield [*head, step.index + 1, step.turn + 1, step.text, *said, *place, step.inside, *window]


def _told(store: Store, query: TraceQuery, progress: Callable[[int, int], None]) -> Iterator[StoredTrace]:
    total = store.list_traces(replace(query, page=1, page_size=1)).total
    for done, stored in enumerate(store.iter_traces(query), start=1):
        yield stored
        if done % _TELL_EVERY == 0:
            progress(done, total)
    progress(total, total)


def write_pictures(hashes: list[str], pictures: PictureStore, folder: Path) -> int:
    """Writes picture files, named by their content hash, into a folder; how many were new there comes back.

    Raises StoreError where nothing can be written, NotFound for a picture that the store does not hold.
    """
    written = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for sha256 in hashes:
            target = folder / f"{sha256}{PICTURE_ENDINGS[pictures.media_type(sha256)]}"
            if not target.is_file():
                with _atomic_bytes(target) as file:
                    file.write(pictures.path(sha256).read_bytes())
                written += 1
    except OSError as error:
        raise StoreError(f"The pictures cannot be written to {folder} ({error.strerror}): choose another folder for --pictures.") from error
    return written


@contextmanager
def _atomic(target: Path) -> Iterator[IO[str]]:
    with _atomic_bytes(target) as raw:
        text = io.TextIOWrapper(raw, encoding="utf-8", newline="")
        yield text
        text.detach()


@contextmanager
def _atomic_bytes(target: Path) -> Iterator[BinaryIO]:
    """A new file that becomes `target`, durably, when the block ends, and is gone when it raises. Raises StoreError."""
    try:
        with whole_file(target) as file:
            yield file
    except OSError as error:
        raise StoreError(f"{target} cannot be written ({error.strerror or error}): make room or choose another place.") from error
