"""`launch.py bench`: measures this program on this machine, and prints each figure with its n."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from app.settings import at_least_one

if TYPE_CHECKING:
    from app.bench.report import Figure

PARTS = ("parse", "start", "store", "browser", "ratings", "rollout", "train", "needle")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which parts, how much of each, and where to."""
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"what to measure: {', '.join(PARTS)} (default: all)")
    parser.add_argument("--traces", type=at_least_one, default=100_000, metavar="N", help="traces in the large database (default 100,000)")
    parser.add_argument("--steps", type=at_least_one, default=10, metavar="N", help="steps of each of them (default 10)")
    parser.add_argument("--repeats", type=at_least_one, default=30, metavar="N", help="requests of each kind (default 30)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of everything that is drawn (default 0)")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the large database here, to measure it again without filling it")
    parser.add_argument("--kills", type=_count, default=20, metavar="N", help="kills of the server while people rate (default 20)")
    parser.add_argument(
        "--acknowledged",
        type=at_least_one,
        default=10_000,
        metavar="N",
        help="ratings that are saved meanwhile (default 10,000)",
    )
    parser.add_argument(
        "--sizes", nargs="+", default=(), metavar="SIZE", help="models to roll out with: small, medium, 3B (default: as the machine can)"
    )
    parser.add_argument("--database", metavar="URL", help="rate in this empty database, not in SQLite and an own PostgreSQL")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="of the part needle: also write the pictures of its page here")
    parser.add_argument(
        "--model",
        metavar="REF",
        help="of the part train: the checkpoint to begin with (default: the policy that ships, else an untrained one)",
    )
    parser.add_argument(
        "--pairs", type=at_least_one, default=3, metavar="N", help="of the part train: trainings by each of the two ways (default 3)"
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")


def _count(text: str) -> int:
    return 0 if text == "0" else at_least_one(text)


def run(arguments: argparse.Namespace) -> int:
    """Measure, print the table; raises StartError for an unknown part or a missing browser."""
    from app.bench.report import machine, table
    from core.errors import StartError

    unknown = [part for part in arguments.parts if part not in PARTS]
    if unknown:
        raise StartError(f"There is no bench called {unknown[0]!r}: choose from {', '.join(PARTS)}.")
    figures = []
    for part in arguments.parts or PARTS:
        figures += _measure(part, arguments)
    if arguments.json:
        found = {"machine": machine(), "seed": arguments.seed, "figures": [figure.to_json() for figure in figures]}
        print(json.dumps(found, indent=2))
    else:
        print(f"{machine()}; seed {arguments.seed}\n{table(figures)}")
    return 0


def _measure(part: str, arguments: argparse.Namespace) -> list[Figure]:
    from app.bench import browser, needle, parse, ratings, rollout, start, store, train

    if part == "parse":
        return parse.run(seed=arguments.seed)
    if part == "start":
        return start.run()
    if part == "needle":
        return needle.run(seed=arguments.seed, pictures=arguments.pictures)
    with tempfile.TemporaryDirectory(prefix="saccade-bench-") as scratch:
        if part == "browser":
            return browser.run(Path(scratch), seed=arguments.seed)
        if part == "rollout":
            return rollout.run(Path(scratch), seed=arguments.seed, sizes=arguments.sizes)
        if part == "train":
            return train.run(Path(scratch), model=arguments.model, seed=arguments.seed, size=train.Size(arguments.pairs))
        if part == "ratings":
            return ratings.run(
                Path(scratch),
                database=arguments.database,
                kills=arguments.kills,
                acknowledged=arguments.acknowledged,
                seed=arguments.seed,
            )
        folder = arguments.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        return store.run(folder, traces=arguments.traces, steps=arguments.steps, repeats=arguments.repeats, seed=arguments.seed)
