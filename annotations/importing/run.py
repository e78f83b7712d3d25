"""The import itself: files -> rows -> traces -> the store, with a verdict for every line. Nothing that is in a file makes it raise."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from annotations.importing.clock import ProgressClock
from annotations.importing.convert import Reading, Refusal, RowReader
from annotations.importing.frame_recovery import AUTO, asked_frame
from annotations.importing.image_root import ImageRoot
from annotations.importing.other_frames import OtherFrames
from annotations.importing.picture_source import PictureSource
from annotations.importing.reading import RowFile
from annotations.importing.report import ImportReport, Outcome, Progress
from annotations.importing.rows import Choices
from annotations.importing.sources import Source, Upload, find_sources
from annotations.importing.tally import Tally
from annotations.importing.writing import Pending, Writer, checking_writer, rehearsing_writer, store_writer, whole_writer
from annotations.pictures import PictureStore
from annotations.store import Store
from core.errors import ImportRefused, ReadOnly
from core.trace import DomainName

# Rows, and traces, of one transaction: a search tree brings many traces in one row.
_ROWS_AT_ONCE = 200
_TRACES_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What to import, and how.

    paths       files and folders of this machine, and uploads
    image_root  the folder that picture paths start from; None: pictures must be in the rows or in the store
    dataset     one name for all; None: the run's name, or the file's
    domain      one for all; None: told row by row
    frame       "auto", or what the numbers are measured in: original, resized, side:N, budget:N, normalised
    policy      the model's name; None: as the row or its run gives it
    strict      all or nothing
    dry_run     write nothing, and say what would become of each line
    report      where to write the verdicts, one JSON object a line; None: nowhere
    pictures_by_name   the image root holds uploaded pictures without their folders: they are found by their names alone
    """

    paths: tuple[Path | Upload, ...]
    image_root: Path | None = None
    dataset: str | None = None
    domain: DomainName | None = None
    frame: str = AUTO
    policy: str | None = None
    strict: bool = False
    dry_run: bool = False
    report: Path | None = None
    pictures_by_name: bool = False

    def root(self) -> ImageRoot | None:
        """The image root, opened. Raises PictureError where it is no folder."""
        return ImageRoot(self.image_root, by_name=self.pictures_by_name) if self.image_root is not None else None


def run_import(
    request: ImportRequest,
    store: Store,
    pictures: PictureStore,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> ImportReport:
    """What became of every line. A strict import with a refused line, or one that is cancelled, leaves nothing behind.

    Raises ImportRefused, FrameError or PictureError where the import cannot begin, and StoreError where the store cannot be written.
    """
    if store.database.read_only and not request.dry_run:
        raise ReadOnly("The database was opened for reading only: start without --read-only to import, or try --dry-run.")
    sources = find_sources(request.paths)
    choices = Choices(request.domain, asked_frame(request.frame), request.policy)
    run = _Run(
        request,
        sources,
        choices,
        request.root(),
        pictures,
        OtherFrames(store.database),
        progress,
        cancelled,
        passes=2 if request.strict and not request.dry_run else 1,
    )
    if request.dry_run:
        return run.read_all(rehearsing_writer(store), keep=False)
    if not request.strict:
        return run.read_all(store_writer(store), keep=True)
    checked = run.read_all(checking_writer(), keep=False)
    if checked.cancelled or checked.count(Outcome.REFUSED):
        return _taken_back(checked)
    return _write_whole(run, store)


def _write_whole(run: _Run, store: Store) -> ImportReport:
    """The second reading of a strict import: everything was found good, and is written in one transaction."""
    try:
        with whole_writer(store) as writer:
            report = run.read_all(writer, keep=True)
            if report.cancelled or report.count(Outcome.REFUSED):
                raise _TakenBackError(report)
    except _TakenBackError as error:
        return _taken_back(error.report)
    return report


class _TakenBackError(Exception):
    """Leaves the transaction of a strict import, so that it is rolled back."""

    def __init__(self, report: ImportReport) -> None:
        super().__init__()
        self.report = report


def _taken_back(report: ImportReport) -> ImportReport:
    return replace(report, traces_added=0, samples_added=0, events_added=0, datasets={}, taken_back=True)


class _Run:
    """One import, read once or, where it is strict, twice."""

    def __init__(
        self,
        request: ImportRequest,
        sources: tuple[Source, ...],
        choices: Choices,
        root: ImageRoot | None,
        pictures: PictureStore,
        frames: OtherFrames,
        progress: Callable[[Progress], None],
        cancelled: Callable[[], bool],
        *,
        passes: int,
    ) -> None:
        self._request = request
        self._sources = sources
        self._choices = choices
        self._root = root
        self._pictures = pictures
        self._frames = frames
        self._cancelled = cancelled
        self._clock = ProgressClock(progress, [_size(source) * passes for source in sources])

    def read_all(self, writer: Writer, *, keep: bool) -> ImportReport:
        """Reads every source into the writer. With `keep`, pictures are put into the picture store on the way."""
        begun = time.monotonic()
        self._clock.begin()
        pictures = PictureSource(self._pictures, self._root, keep=keep)
        reader = RowReader(pictures, self._choices)
        with _report_file(self._request.report) as file:
            tally = Tally(file)
            # The second reading of a strict import is inside its transaction, and the first has looked already.
            batch = _Batch(writer, tally, None if self._request.strict and keep else self._frames)
            stopped = False
            for number, source in enumerate(self._sources, start=1):
                tally.warn(source.warning)
                stopped = stopped or self._read_source(number, source, reader, batch, tally)
            batch.flush()
        for sentence in self._frames.warnings:
            tally.warn(sentence)
        return tally.result(
            seconds=time.monotonic() - begun,
            dry_run=self._request.dry_run,
            strict=self._request.strict,
            cancelled=stopped,
            file=self._request.report,
        )

    def _read_source(self, number: int, source: Source, reader: RowReader, batch: _Batch, tally: Tally) -> bool:
        """Reads one file; True where a person stopped the import."""
        try:
            with RowFile(source.path) as rows:
                for row in rows:
                    if self._cancelled():
                        return True
                    reading = reader.read(row, source)
                    if isinstance(reading, Refusal):
                        batch.flush()
                        tally.refuse(source.name, row.line, reading.reason, reading.kind)
                    else:
                        batch.add(self._pending(row.line, source, reading))
                    self._clock.tell(number, source.name, rows.position, tally)
        except OSError as error:
            tally.refuse(source.name, 0, f"The file cannot be read: {error.strerror or error}.", None)
        batch.flush()
        self._clock.finish(number, source.name, _size(source), tally)
        return False

    def _pending(self, line: int, source: Source, reading: Reading) -> Pending:
        dataset = self._request.dataset or reading.converted.dataset or source.dataset
        return Pending(source.name, line, reading.kind.value, dataset, reading.converted, reading.notes)


class _Batch:
    """Rows that wait for their transaction."""

    def __init__(self, writer: Writer, tally: Tally, frames: OtherFrames | None) -> None:
        self._writer = writer
        self._tally = tally
        self._frames = frames
        self._rows: list[Pending] = []
        self._traces = 0

    def add(self, row: Pending) -> None:
        self._rows.append(row)
        self._traces += len(row.converted.traces)
        if len(self._rows) >= _ROWS_AT_ONCE or self._traces >= _TRACES_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        if self._frames is not None:
            for dataset in dict.fromkeys(row.dataset for row in self._rows):
                self._frames.look(dataset, [trace for row in self._rows if row.dataset == dataset for trace in row.converted.traces])
        for row, added in zip(self._rows, self._writer.write(self._rows), strict=True):
            self._tally.settle(row, added)
        self._rows, self._traces = [], 0


@contextmanager
def _report_file(path: Path | None) -> Iterator[IO[str] | None]:
    if path is None:
        yield None
        return
    try:
        file = path.open("w", encoding="utf-8")
    except OSError as error:
        raise ImportRefused(f"The report {path} cannot be written ({error.strerror}): choose another file for --report.") from error
    with file:
        yield file


def _size(source: Source) -> int:
    try:
        return source.path.stat().st_size
    except OSError:
        return 0
