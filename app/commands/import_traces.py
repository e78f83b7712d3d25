"""`launch.py import`: traces of other programs, and our own exports, into the store, with a verdict for every line."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from app.durations import duration
from app.settings import DOMAINS, add_store_options, settings_from
from core.errors import ImportRefused, PictureError

if TYPE_CHECKING:
    from annotations.importing.preview import Preview
    from annotations.importing.report import ImportReport, Progress

_SHOWN_REFUSALS = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to import, how to read it, and the options of the store."""
    parser.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH", help="file (JSON lines, JSON array or parquet, also gzipped) or folder"
    )
    parser.add_argument("--image-root", type=Path, metavar="DIR", help="folder that the picture paths in the files start from")
    parser.add_argument("--dataset", metavar="NAME", help="name of the data set (default: the run's or the file's name)")
    parser.add_argument("--domain", choices=DOMAINS, help="domain of all samples (default: told by their truth, row by row)")
    parser.add_argument("--policy", metavar="NAME", help="the model's name (default: as the files give it)")
    parser.add_argument(
        "--frame",
        default="auto",
        metavar="FRAME",
        help="what the numbers are measured in: auto, original, resized, side:N, budget:N or normalised (default auto)",
    )
    parser.add_argument("--strict", action="store_true", help="all or nothing: one refused line, and nothing is added")
    parser.add_argument("--dry-run", action="store_true", help="write nothing, and say what would become of every line")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the verdict of every line there, as JSON lines")
    parser.add_argument("--preview", type=Path, metavar="FILE", help="draw the first picture with its points there, as a PNG")
    add_store_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Imports; 0, or 1 where something was refused and no trace or sample was added.

    Raises ImportRefused for a strict import that was taken back, and SaccadeError.
    """
    from annotations.importing.preview import preview
    from annotations.importing.report import Outcome
    from annotations.importing.run import ImportRequest, run_import
    from app.services import open_services
    from core.trace import DomainName

    if arguments.dataset is not None and not arguments.dataset.strip():
        raise ImportRefused("A data set needs a name: give one with --dataset, or leave the option out.")

    request = ImportRequest(
        paths=tuple(arguments.paths),
        image_root=arguments.image_root,
        dataset=arguments.dataset,
        domain=DomainName(arguments.domain) if arguments.domain else None,
        frame=arguments.frame,
        policy=arguments.policy,
        strict=arguments.strict,
        dry_run=arguments.dry_run,
        report=arguments.report,
    )
    meter = _Meter()
    with open_services(settings_from(arguments, os.environ)) as services:
        if arguments.preview:
            _write_preview(preview(request, services.pictures), arguments.preview)
        try:
            report = run_import(request, services.store, services.pictures, progress=meter.tell)
        finally:
            meter.end()
    refused = report.count(Outcome.REFUSED)
    _say(report, refused)
    if report.taken_back:
        raise ImportRefused(f"Nothing was imported: with --strict one refused line is enough, and there were {refused}.")
    return 1 if refused and not report.traces_added and not report.samples_added else 0


class _Meter:
    """Progress on standard error: a line that is written over on a terminal, a line every tenth elsewhere."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._tenth = 0

    def tell(self, progress: Progress) -> None:
        """Shows how far the import is and how long it will take."""
        from annotations.importing.report import counted

        left = "" if progress.seconds_left is None else f", about {duration(progress.seconds_left)} left"
        where = f"file {progress.file_number} of {progress.files}"
        words = f"{progress.share:4.0%}  {where}, {counted(progress.lines, 'line')}, {progress.refused:,} refused{left}"
        if self._live:
            print(f"\r\x1b[K{words}", end="", file=sys.stderr, flush=True)
        elif int(progress.share * 10) > self._tenth:
            self._tenth = int(progress.share * 10)
            print(words, file=sys.stderr, flush=True)

    def end(self) -> None:
        """Leaves the terminal's line free."""
        if self._live:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _say(report: ImportReport, refused: int) -> None:
    from annotations.importing.report import counted

    for verdict in report.refused[:_SHOWN_REFUSALS]:
        print(_printable(str(verdict)))
    if refused > _SHOWN_REFUSALS:
        where = f"all of them are in {report.report_file}" if report.report_file else "--report FILE lists all of them"
        print(f"... and {counted(refused - _SHOWN_REFUSALS, 'more refused line')}: {where}.")
    if report.kinds:
        print(f"Kinds: {', '.join(counted(count, kind) for kind, count in report.kinds.items())}")
    found = {"Data set": report.datasets, "Point frame": report.frames, "Domain": report.domains}
    for title, counts in found.items():
        for words, count in counts.items():
            print(_printable(f"{title}: {words} ({count})"))
    for warning in report.warnings:
        print(_printable(f"Warning: {warning}"))
    print(f"{report.words} It took {duration(report.seconds)}.")


def _write_preview(found: Preview, path: Path) -> None:
    """Says what each frame would give, and draws a picture for each that was recovered: FILE.png, FILE-2.png and so on."""
    from annotations.importing.preview import draw_preview

    for option in ([found.frame] if found.frame else []) + list(found.others):
        known = f", {found.known_by}" if option is found.frame else ""
        print(_printable(f"--frame {option.option}: {option.words}{known}: {option.outside} of {option.total} points outside"))
    # The first is asked for in any case: where there is none, that is the error.
    for index in range(max(1, len(found.shown))):
        file = path if index == 0 else path.with_name(f"{path.stem}-{index + 1}{path.suffix}")
        try:
            file.write_bytes(draw_preview(found, picture_index=index))
        except OSError as error:
            raise PictureError(f"The preview {file} cannot be written ({error.strerror}): choose another file.") from error
        which = f" of those in {found.shown[index].words}" if len(found.shown) > 1 else ""
        print(_printable(f"The first picture with its points{which} is in {file}."))


def _printable(words: str) -> str:
    """Text from files may hold characters that would steer a terminal."""
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in words)
