"""`launch.py eval`: how well a policy answers drawn or held-out questions, what its looks are worth, and how it does beside another."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.policy_options import add_policy_options, policy_options
from app.settings import at_least_one
from core.errors import TaskError

if TYPE_CHECKING:
    from app.eval_works import Work
    from core.evaluation.values import Evaluation

NEEDLE, RECORDS = "needle", "records"
WORLDS = (NEEDLE, RECORDS)
SPLITS = ("test", "novel", "validation", "train")
SWEEPS = ("items", "size", "looks")
_N = 500


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which policy is asked what, under which conditions, and where the figures go."""
    parser.add_argument("world", metavar="WORLD", help="what is asked: needle, drawn scenes; records, what curated records hold out")
    reference = "needle, a hub name, a folder, a server, or one of two without a model: expert looks as well as can be, guesser never"
    parser.add_argument("--policy", metavar="REF", required=True, help=reference)
    parser.add_argument("--beside", metavar="REF", help="another policy on the same questions: differences are of pairs")
    parser.add_argument("--difficulty", nargs="+", metavar="NAME", help="easy, default, hard, gui (default default)")
    conditions = (
        "as-it-is, looks-off, looks-K, random-looks, grid-looks, blank-whole, blank (default: all but looks-K; with --beside as-it-is)"
    )
    parser.add_argument("--conditions", nargs="+", metavar="NAME", help=conditions)
    parser.add_argument("--n", type=at_least_one, metavar="N", help=f"questions of each difficulty (default {_N}; of records, all)")
    parser.add_argument("--samples", type=at_least_one, default=1, metavar="N", help="ask each so often as it is, for pass@k (default 1)")
    parser.add_argument("--seed", type=_seed, default=0, metavar="N", help="of scenes, of what is sampled and of random looks (default 0)")
    parser.add_argument("--split", choices=SPLITS, default="test", help="which scenes or records; novel: pairs that are in no other split")
    parser.add_argument("--sweep", choices=SWEEPS, help="other numbers of items, sizes of items, or looks allowed, and all else as it is")
    parser.add_argument("--records", type=Path, metavar="FILE", help="of the world records: a file that `export --preferred` wrote")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="folder of their pictures (default: pictures beside the records)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there, question by question; a stop is gone on with")
    parser.add_argument("--traces", type=Path, metavar="FILE", help="write the traces there, for import; their pictures beside it")
    parser.add_argument("--temperature", type=float, default=0.0, metavar="T", help="0: the likeliest token, always (default 0)")
    parser.add_argument("--max-new-tokens", type=at_least_one, metavar="N", help="tokens of one turn (default 1,024)")
    add_policy_options(parser)


def _seed(text: str) -> int:
    return 0 if text == "0" else at_least_one(text)


def run(arguments: argparse.Namespace) -> int:
    """Evaluates, prints a table for each difficulty; 0, or 1 where a conversation broke off.

    Ctrl-C ends it, and what was asked is printed and kept; the same command goes on from there. Raises TaskError for a world, a
    difficulty or a condition that does not exist and for a policy that could see marks without looking or never, PolicyError where the
    policy cannot be opened, and StartError for a file that cannot be written.
    """
    from app.eval_files import EvaluationFile, TraceFile
    from app.eval_judged import JudgedFile, judged_path
    from app.evaluating import Asking, Evaluator

    asking = Asking(arguments.seed, arguments.temperature, arguments.samples, arguments.max_new_tokens)
    works, file = _works(arguments), EvaluationFile(arguments.json, _head(arguments))
    judged = JudgedFile(judged_path(arguments.json) if arguments.json else None)
    found: list[tuple[Evaluation, ...]] = []
    try:
        with TraceFile(arguments.traces, judged) as traces:
            evaluator = Evaluator(works, asking, file, judged, traces, _say)
            for role in ("policy", "beside"):
                if reference := getattr(arguments, role):
                    found.append(evaluator.ask(reference, policy_options(arguments), role))
        if len(found) == 2:
            evaluator.compare(*found)
        file.write(complete=True)
        traces.finish(evaluator.keys)
        judged.close(complete=True)
    finally:
        judged.close()
    print(_kept(arguments), end="")
    return 1 if any(result.broken for each in found for one in each for result in one.results) else 0


def _works(arguments: argparse.Namespace) -> list[Work]:
    """What is asked. Raises TaskError for what does not exist, or does not go together."""
    from app.eval_works import named_conditions, needle_works, record_work
    from core.evaluation.conditions import AS_IT_IS

    if arguments.world not in WORLDS:
        raise TaskError(f"There is no world {arguments.world!r}: choose from {', '.join(WORLDS)}.")
    conditions = named_conditions(arguments.conditions)
    if conditions is None and arguments.beside and not arguments.sweep:
        conditions = (AS_IT_IS,)
    if arguments.world == RECORDS:
        _refuse(arguments, ("difficulty", "sweep"), "Curated records have no --{}: leave it out, or evaluate on needle.")
        if arguments.records is None:
            raise TaskError("Which records? Name the file that `launch.py export --preferred` wrote with --records.")
        pictures = arguments.pictures or arguments.records.parent / "pictures"
        return [record_work(arguments.records, pictures, conditions, n=arguments.n, split=arguments.split)]
    _refuse(arguments, ("records", "pictures"), "Drawn scenes need no --{}: leave it out, or evaluate on records.")
    if arguments.split == "train":
        raise TaskError("The training split of the needle world says nothing of what was learnt: choose test, novel or validation.")
    names, n = arguments.difficulty or ["default"], arguments.n or _N
    return needle_works(names, conditions, n=n, seed=arguments.seed, split=arguments.split, sweeping=arguments.sweep)


def _refuse(arguments: argparse.Namespace, names: tuple[str, ...], words: str) -> None:
    for name in names:
        if getattr(arguments, name):
            raise TaskError(words.format(name))


def _head(arguments: argparse.Namespace) -> dict[str, Any]:
    """What was asked of the command, for the file of figures."""
    told = {name: getattr(arguments, name) for name in ("world", "split", "seed", "temperature", "samples", "sweep")}
    return told | {"reference": arguments.policy} | ({"than": arguments.beside} if arguments.beside else {})


def _say(words: str) -> None:
    print(words, flush=True)


def _kept(arguments: argparse.Namespace) -> str:
    """Where everything is, in lines."""
    lines = [f"The figures are in {arguments.json}."] if arguments.json else []
    if arguments.traces:
        folder = arguments.traces.parent / "pictures"
        lines.append(f"The traces: python3 launch.py import {arguments.traces} --image-root {folder}")
    return "".join(line + "\n" for line in lines)
