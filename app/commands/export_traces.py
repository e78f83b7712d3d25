"""`launch.py export`: traces of the store into a file, as JSON lines that an import reads back, or as a table; with --preferred, the
traces that people's ratings speak for, as curated records to train on."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from app.settings import DOMAINS, add_store_options, settings_from
from core.errors import RuleError, StoreError

# What --preferred says in its rule, and what says nothing without it. The numbers of looks are conditions of a rule as well.
_FILTERS = ("dataset", "domain", "policy", "stop", "correct", "faults", "min_looks", "max_looks", "text")
_OF_PREFERRED = ("study", "corrections", "split", "seed")
_IN_A_RULE = "dataset=, domain=, policy=, right, wrong, faults<= and looks>="


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where to write, which traces, and the options of the store."""
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="file to write; its name ends in .jsonl or .csv")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="write the pictures there too, for use elsewhere (.jsonl only)")
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
    group = parser.add_argument_group("preferred traces: those that ratings speak for, as curated records with a manifest beside them")
    rule = "such as 'accurate>=0.8, helpful>=3.5, right, raters>=2, faults<=0', or a file that holds it; any: every rated trace"
    group.add_argument("--preferred", metavar="RULE", help=rule)
    group.add_argument("--study", metavar="NAME", help="whose ratings; needed where several studies have some")
    points = "the points that people moved stand in the text (apply, the default), or those of the model (leave)"
    group.add_argument("--corrections", choices=("apply", "leave"), help=points)
    group.add_argument("--split", metavar="A,B,C", help="shares of train, validation and test, drawn by picture (default 0.9,0.05,0.05)")
    group.add_argument("--seed", type=int, metavar="N", help="of that draw (default 0)")
    add_store_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Exports; 0. Raises StoreError for a file whose kind is not known or that cannot be written, NotFound for what no trace has,
    and RuleError and StudyError for preferred traces that cannot be told."""
    _refuse_mixed(vars(arguments))
    return _export_preferred(arguments) if arguments.preferred is not None else _export_all(arguments)


def _refuse_mixed(given: dict[str, Any]) -> None:
    """Raises RuleError for options that belong to the other kind of export: they would be passed over in silence."""
    unsaid: tuple[object, ...] = (None, [], "")
    if given["preferred"] is None:
        for name in _OF_PREFERRED:
            if given[name] not in unsaid:
                raise RuleError(f"--{name} belongs to preferred traces: give a rule too, with --preferred.")
        return
    for name in _FILTERS:
        if given[name] not in unsaid:
            option = f"--{name.replace('_', '-')}"
            raise RuleError(f"{option} does not go with --preferred: a rule says which traces, with {_IN_A_RULE}.")
    if given["out"].suffix.lower() not in (".jsonl", ".ndjson"):
        raise RuleError(f"Preferred traces are written as records, a line each: end {given['out'].name} in .jsonl.")


def _export_preferred(arguments: argparse.Namespace) -> int:
    from annotations.curation.curator import Curator
    from annotations.curation.recipes import Corrections, Recipe
    from annotations.curation.splitting import SHARES, SplitPlan, parse_shares
    from app.preferred import counted, manifest_words, read_rule
    from app.services import open_services
    from core.manifest import manifest_path

    shares = SHARES if arguments.split is None else parse_shares(arguments.split)
    plan = SplitPlan(shares, 0 if arguments.seed is None else arguments.seed)
    recipe = Recipe(read_rule(arguments.preferred), Corrections(arguments.corrections or "apply"), plan)
    with open_services(settings_from(arguments, os.environ), existing=True) as services:
        curator = Curator(services.store, services.studies, services.ratings)
        study = curator.study(arguments.study)
        kept, folder = services.pictures, arguments.pictures
        done = curator.export(study.id, recipe, arguments.out, pictures=kept, picture_folder=folder, progress=_tell)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    print(manifest_words(done.manifest))
    records, notes = counted(done.manifest.records, "record"), manifest_path(arguments.out).name
    pictures = f", and {counted(done.pictures, 'new picture')} to {folder}" if folder else ""
    print(f"Wrote {records} to {arguments.out}, their manifest to {notes} beside it{pictures}.")
    return 0


def _export_all(arguments: argparse.Namespace) -> int:
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
