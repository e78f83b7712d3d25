"""`launch.py ladder`: the paper's comparisons in the small, from one start, over several seeds; and what came of them."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from app.settings import at_least_one
from core.errors import StartError

RUNS = Path("runs/ladder")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the ladder begins with, how large it is, and what is wanted of it."""
    parser.add_argument("--start", default="", metavar="REF", help="the checkpoint that the common start is made from (default needle)")
    parser.add_argument("--rungs", nargs="+", default=[], metavar="NAME", help="these, and those they are set against (default all)")
    parser.add_argument("--seeds", type=at_least_one, default=3, metavar="N", help="trainings of each kind (default 3)")
    parser.add_argument("--steps", type=at_least_one, default=100, metavar="N", help="of each training behind the start (default 100)")
    parser.add_argument("--start-steps", type=at_least_one, default=200, metavar="N", help="of the start (default 200)")
    parser.add_argument("--n", type=at_least_one, default=400, metavar="N", help="questions for every policy (default 400)")
    parser.add_argument("--samples", type=at_least_one, default=4, metavar="N", help="answers to a quarter of them, for pass@k (default 4)")
    parser.add_argument("--difficulty", default="hard", metavar="NAME", help="the world that is learnt: easy, default, hard (default hard)")
    parser.add_argument("--jobs", type=at_least_one, default=2, metavar="N", help="trainings beside each other (default 2)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="another value for a key of all recipes")
    parser.add_argument("--runs", type=Path, default=RUNS, metavar="DIR", help=f"folder of the ladder's runs (default {RUNS})")
    parser.add_argument("--list", action="store_true", help="say which rungs there are and about how long it takes, and do nothing else")
    parser.add_argument("--report", action="store_true", help="only the tables, of what is there already")
    parser.add_argument("--figure", type=Path, metavar="FILE", help="draw the curves there, as an HTML page")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there too, as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Runs what is missing, or nothing, and prints the report as Markdown; 0.

    Ctrl-C stops it, and the same command goes on. Raises TaskError for a rung or a difficulty that there is not, for no checkpoint to begin
    with and for a folder that holds another ladder, TrainingError where a training does not come to its end, PolicyError where a policy
    cannot be asked, StartError for a file that cannot be written.
    """
    from app.ladder.plan import Plan
    from app.ladder.reading import read_ladder
    from app.ladder.report import report_of
    from app.ladder.rungs import harder, named_rungs
    from app.ladder.words import listed, markdown

    harder(arguments.difficulty)
    rungs = named_rungs(arguments.rungs)
    sizes = {name: getattr(arguments, name) for name in ("runs", "difficulty", "start_steps", "steps", "seeds", "n", "samples")}
    plan = Plan(arguments.start, **sizes, changes=tuple(arguments.set))
    if arguments.list:
        print(listed(plan, rungs, arguments.jobs))
        return 0
    if not arguments.report:
        from app.ladder.running import Ladder

        Ladder(plan, rungs, jobs=arguments.jobs, say=_say).run()
    report = report_of(read_ladder(arguments.runs), rungs)
    print(markdown(report), end="")
    if arguments.json:
        _write(arguments.json, json.dumps(report.to_json(), indent=1))
    if arguments.figure:
        from app.ladder.drawing import curves_page

        _write(arguments.figure, curves_page(report))
    return 0


def _say(words: str) -> None:
    print(words, flush=True)


def _write(file: Path, text: str) -> None:
    from annotations.durable import whole_file

    try:
        with whole_file(file) as out:
            out.write(text.encode() + b"\n")
    except OSError as error:
        raise StartError(f"The report cannot be written to {file}: {error.strerror}.") from error
