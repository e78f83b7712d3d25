"""`launch.py eval`: how well a policy answers the questions of a world, and what its looks are worth."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from app.policy_options import add_policy_options, policy_options
from app.settings import at_least_one
from core.errors import SaccadeError, TaskError

if TYPE_CHECKING:
    from app.eval_files import EvaluationFile, TraceFile
    from core.evaluation.conditions import Condition
    from core.evaluation.values import Evaluation
    from core.policies.protocol import Policy
    from core.tasks.needle.task import NeedleTask

    Open = Callable[[NeedleTask], Policy]
    Work = tuple[NeedleTask, tuple[Condition, ...]]

WORLDS = ("needle",)
SPLITS = ("test", "novel", "validation")
SWEEPS = ("items", "size", "looks")
EXPERT, GUESSER = "expert", "guesser"
# The scenes of two seeds are this far apart, so that no two evaluations share one.
_APART = 1_000_000
# So often, in seconds, what is known so far is written.
_KEEP_EVERY = 20.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which policy is asked what, under which conditions, and where the figures go."""
    parser.add_argument("world", metavar="WORLD", help=f"what is asked: {', '.join(WORLDS)}")
    reference = f"needle, a hub name, a folder, a server, or one of two without a model: {EXPERT} looks as well as can be, {GUESSER} never"
    parser.add_argument("--policy", metavar="REF", required=True, help=reference)
    parser.add_argument("--difficulty", nargs="+", default=["default"], metavar="NAME", help="easy, default, hard, gui (default default)")
    conditions = "as-it-is, looks-off, looks-K, random-looks, grid-looks, blank-whole, blank (default: all but looks-K)"
    parser.add_argument("--conditions", nargs="+", metavar="NAME", help=conditions)
    parser.add_argument("--n", type=at_least_one, default=500, metavar="N", help="questions of each difficulty (default 500)")
    parser.add_argument("--seed", type=_seed, default=0, metavar="N", help="of scenes, of what is sampled and of random looks (default 0)")
    parser.add_argument("--split", choices=SPLITS, default="test", help="which scenes; novel: pairs that are in none of the others")
    parser.add_argument("--sweep", choices=SWEEPS, help="other numbers of items, sizes of items, or looks allowed, and all else as it is")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there, question by question")
    parser.add_argument("--traces", type=Path, metavar="FILE", help="write the traces there, for import; their pictures beside it")
    parser.add_argument("--temperature", type=float, default=0.0, metavar="T", help="0: the likeliest token, always (default 0)")
    parser.add_argument("--max-new-tokens", type=at_least_one, metavar="N", help="tokens of one turn (default 1,024)")
    add_policy_options(parser)


def _seed(text: str) -> int:
    return 0 if text == "0" else at_least_one(text)


def run(arguments: argparse.Namespace) -> int:
    """Evaluates, prints a table for each world; 0, or 1 where a conversation broke off.

    Ctrl-C ends it, and what was asked is printed and kept. Raises TaskError for a world, a difficulty or a condition that does not exist
    and for a policy that could see marks without looking or never, PolicyError where the policy cannot be opened, and StartError for a
    file that cannot be written.
    """
    from app.eval_files import EvaluationFile, TraceFile
    from app.eval_words import table

    works, file = _works(arguments), EvaluationFile(arguments.json, arguments)
    with _policies(arguments) as opened, TraceFile(arguments.traces) as traces:
        found: list[Evaluation] = []
        try:
            for world, conditions in works:
                found.append(_evaluate(opened(world), world, conditions, arguments, file, traces))
                print(table(found[-1], f"{arguments.world} {world.name}, split {arguments.split}, seed {arguments.seed}"), flush=True)
            file.write(complete=True)
        except SaccadeError:
            file.write(complete=False)
            raise
        except KeyboardInterrupt as stop:
            file.write(complete=False)
            if file.latest is not None and len(found) < file.worlds:
                print(table(file.latest, f"{arguments.world} {world.name}, as far as it came"), flush=True)
            raise type(stop)("Stopped. " + file.words) from stop
    print(_kept(arguments), end="")
    return 1 if any(result.broken for one in found for result in one.results) else 0


def _works(arguments: argparse.Namespace) -> list[Work]:
    """The worlds, each with its conditions."""
    from core.evaluation.conditions import CONDITIONS, LooksAllowed, condition_of
    from core.evaluation.needle import sweep
    from core.tasks.needle.task import NeedleTask

    if arguments.world not in WORLDS:
        raise TaskError(f"There is no world {arguments.world!r}: choose from {', '.join(WORLDS)}.")
    named = arguments.conditions and tuple(condition_of(name) for name in arguments.conditions)
    works: list[Work] = []
    for name in dict.fromkeys(arguments.difficulty):
        world = NeedleTask.named(name)
        if arguments.sweep == "looks":
            looks = tuple(LooksAllowed(count) for count in range(world.difficulty.most_looks + 2))
            works.append((world, (*(named or ()), *looks)))
        elif arguments.sweep:
            works += [(changed, named or (condition_of("looks-off"),)) for changed in sweep(world, arguments.sweep)]
        else:
            works.append((world, named or CONDITIONS))
    return works


@contextmanager
def _policies(arguments: argparse.Namespace) -> Iterator[Open]:
    """What gives the policy for a world. A checkpoint or a server is opened once; those without a model know one world each."""
    from core.policies.opening import open_policy
    from core.tasks.needle.players import ExpertPolicy, GuessingPolicy
    from core.tasks.needle.splits import Split

    if arguments.policy in (EXPERT, GUESSER):
        split = Split(arguments.split)

        def made(world: NeedleTask) -> Policy:
            if arguments.policy == GUESSER:
                return GuessingPolicy(world.difficulty, arguments.seed)
            return ExpertPolicy(world.difficulty, (world.asked(seed, split) for seed in _seeds(arguments)), arguments.seed)

        yield made
        return
    policy = open_policy(arguments.policy, policy_options(arguments))
    try:
        yield lambda world: policy
    finally:
        policy.close()


def _seeds(arguments: argparse.Namespace) -> range:
    return range(_APART * arguments.seed, _APART * arguments.seed + arguments.n)


def _evaluate(
    policy: Policy,
    world: NeedleTask,
    conditions: tuple[Condition, ...],
    arguments: argparse.Namespace,
    file: EvaluationFile,
    traces: TraceFile,
) -> Evaluation:
    """The evaluation of one world, kept on the way."""
    from dataclasses import replace

    from core.evaluation.evaluating import evaluations
    from core.evaluation.needle import questions_of, settings_for
    from core.policies.conversation import Sampling
    from core.tasks.needle.splits import Split

    if unfit := world.unfit(policy.card):
        raise TaskError(unfit)
    settings = settings_for(world, policy.card, Sampling(arguments.temperature, seed=arguments.seed))
    if arguments.max_new_tokens:
        settings = replace(settings, max_new_tokens=arguments.max_new_tokens)
    file.begin(world, policy.card, settings)
    questions = questions_of(world, _seeds(arguments), Split(arguments.split))
    began = written = time.monotonic()
    keep = traces.keep if arguments.traces else None
    for so_far in evaluations(policy, questions, settings, conditions, seed=arguments.seed, keep=keep):
        file.take(so_far)
        if time.monotonic() - written > _KEEP_EVERY:
            file.write(complete=False)
            written = time.monotonic()
        _tell(world.name, so_far.n, arguments.n, time.monotonic() - began)
    assert file.latest is not None, "there is at least one question"
    return file.latest


def _tell(name: str, done: int, total: int, seconds: float) -> None:
    """How far it is, in a line that is written over, where somebody watches."""
    if not sys.stderr.isatty():
        return
    from app.durations import left

    words = "\r\x1b[K" if done == total else f"\r\x1b[K{name}: {done:,} of {total:,} questions, {left(seconds / done * (total - done))}"
    print(words, end="", file=sys.stderr, flush=True)


def _kept(arguments: argparse.Namespace) -> str:
    """Where everything is, in lines."""
    lines = [f"The figures are in {arguments.json}."] if arguments.json else []
    if arguments.traces:
        folder = arguments.traces.parent / "pictures"
        lines.append(f"The traces: python3 launch.py import {arguments.traces} --image-root {folder}")
    return "".join(line + "\n" for line in lines)
