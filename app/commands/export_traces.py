"""`launch.py export`: traces of the store into a file, as JSON lines that an import reads back, or as a table."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from app.settings import DOMAINS, add_store_options, settings_from
from core.errors import StoreError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where to write, which traces, and the options of the store."""
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="file to write; its name ends in .jsonl or .csv")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="write the pictures there too, for an import elsewhere (.jsonl only)")
    group = parser.add_argument_group("which traces (all of them where none of these is given)")
    group.add_argument("--dataset", action="append", default=[], metavar="NAME", help="of this data set; may be repeated")
    group.add_argument("--domain", action="append", default=[], choices=DOMAINS, help="of this domain; may be repeated")
    group.add_argument("--policy", action="append", default=[], metavar="NAME", help="of this model; may be repeated")
    group.add_argument("--stop", action="append", default=[], metavar="REASON", help="that ended so (answered, forced, ...)")
    group.add_argument("--correct", choices=("right", "wrong", "unscored"), help="with such an answer")
    group.add_argument("--faults", choices=("yes", "no"), help="with or without faults")
    group.add_argument("--min-looks", type=int, metavar="N", help="with at least so many looks")
    group.add_argument("--max-looks", type=int, metavar="N", help="with at most so many looks")
    group.add_argument("--text", default="", metavar="WORDS", help="in whose question, reasoning or answer these words occur")
    add_store_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Exports; 0. Raises StoreError for a file whose kind is not known or that cannot be written, NotFound for what no trace has."""
    from annotations.exporting import export_csv, export_jsonl, refuse_unknown
    from annotations.queries import TraceQuery
    from app.services import open_services

    table = arguments.out.suffix.lower() == ".csv"
    if not table and arguments.out.suffix.lower() not in (".jsonl", ".ndjson"):
        raise StoreError(f"What {arguments.out.name} should hold is not clear: end its name in .jsonl or .csv.")
    if table and arguments.pictures:
        raise StoreError("A table names its pictures and cannot bring them back: use --pictures with a .jsonl file.")
    fewest, most = arguments.min_looks, arguments.max_looks
    if fewest is not None and most is not None and fewest > most:
        raise StoreError(f"No trace has at least {fewest} and at most {most} looks, so nothing was written: turn the two around.")
    query = TraceQuery(
        text=arguments.text,
        dataset=tuple(arguments.dataset),
        domain=tuple(arguments.domain),
        policy=tuple(arguments.policy),
        stop=tuple(arguments.stop),
        correct=arguments.correct,
        faults=None if arguments.faults is None else arguments.faults == "yes",
        min_looks=fewest,
        max_looks=most,
        sort="oldest",
    )
    with open_services(settings_from(arguments, os.environ), existing=True) as services:
        refuse_unknown(services.store, query)
        if table:
            result = export_csv(services.store, query, arguments.out, progress=_tell)
        else:
            folder = arguments.pictures
            result = export_jsonl(services.store, query, arguments.out, pictures=services.pictures, picture_folder=folder, progress=_tell)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    pictures = f", and {_counted(result.pictures, 'new picture')} to {arguments.pictures}" if arguments.pictures else ""
    print(f"Wrote {_counted(result.traces, 'trace')} to {arguments.out}{pictures}.")
    return 0


def _tell(done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{done} of {total} traces", end="", file=sys.stderr, flush=True)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
