"""`launch.py ask`: a question about a picture, put to a policy; its steps and zooms as they come, its traces into the store."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from app.policy_options import add_policy_options, policy_options
from app.settings import DOMAINS, add_store_options, at_least_one, settings_from
from core.errors import PolicyError, TruthError

if TYPE_CHECKING:
    from app.asking import Asked
    from app.live_run import LiveRun
    from app.live_runs import LiveRuns
    from app.services import Services
    from core.rollout.values import RolloutSettings
    from core.trace import Picture

# How often what was said is looked at, in seconds.
_GLANCE = 0.1
# How long the end of a run that was stopped is waited for, in seconds.
_PATIENCE = 1.0
_LIMITS = ("max_turns", "max_pictures", "max_tokens", "max_new_tokens")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Who is asked what, how, and where the traces go."""
    reference = "a hub name, a folder, a server as http://host:port/v1#model, or replay (default: the first of SACCADE_POLICY)"
    parser.add_argument("--policy", metavar="REF", help=reference)
    parser.add_argument("--image", type=Path, required=True, metavar="FILE", help="the picture")
    parser.add_argument("--question", required=True, metavar="TEXT", help="the question about it")
    parser.add_argument("--domain", required=True, choices=DOMAINS, help="the kind of task: prompts, zoom, and what an answer is")
    parser.add_argument("--samples", type=at_least_one, default=1, metavar="N", help="how many times it is asked, all at once (default 1)")
    truth = "the right answer, for pass@k; a box as '(x1, y1, x2, y2)' and a point as '(x, y)', in pixels of the upright picture"
    parser.add_argument("--truth", metavar="TEXT", help=truth)
    parser.add_argument("--json", action="store_true", help="print one JSON document in the end, and nothing else")
    parser.add_argument("--tokens", action="store_true", help="with --json: the tokens too, with their log-probabilities")
    group = parser.add_argument_group("sampling and limits (defaults: the paper's)")
    group.add_argument("--temperature", type=float, metavar="T", help="0: the likeliest token, always (default 0.5)")
    group.add_argument("--top-p", type=float, metavar="P", help="share of the probability that is drawn from (default 0.99)")
    group.add_argument("--top-k", type=int, metavar="K", help="tokens that are drawn from, 0 for all (default 0)")
    group.add_argument("--seed", type=int, metavar="N", help="of every draw (default 0)")
    group.add_argument("--turns", choices=("auto", "single", "multi"), default="auto", help="whether the model may look closer")
    group.add_argument("--max-turns", type=at_least_one, metavar="N", help="turns of a conversation (default 5)")
    group.add_argument("--max-pictures", type=at_least_one, metavar="N", help="pictures in one, the whole one counted (default 5)")
    group.add_argument("--max-tokens", type=at_least_one, metavar="N", help="tokens of one, observations counted (default 4,096)")
    group.add_argument("--max-new-tokens", type=at_least_one, metavar="N", help="tokens of one turn (default 1,024)")
    add_policy_options(parser)
    group = parser.add_argument_group("where the traces go")
    group.add_argument("--dataset", metavar="NAME", help="data set of the store (default asked)")
    group.add_argument("--no-store", action="store_true", help="store nothing, not even the picture")
    add_store_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Asks; 0, or 1 where a conversation broke off or a trace could not be stored.

    Ctrl-C ends within a second, keeps what there is and goes on as KeyboardInterrupt. Raises PolicyError where nothing came of it,
    PictureError and StoreError.
    """
    from annotations.pictures import PictureStore
    from app.live_runs import LiveRuns
    from app.policy_list import PolicyList
    from app.policy_opener import opener
    from app.policy_shelf import PolicyShelf
    from app.run_journals import FOLDER, RunJournals
    from app.services import open_services

    policy = arguments.policy or os.environ.get("SACCADE_POLICY", "").split(",")[0]
    if not policy.strip():
        raise PolicyError("No policy is named: give one with --policy, such as --policy Qwen/Qwen2.5-VL-3B-Instruct or --policy replay.")
    if arguments.tokens and not arguments.json:
        raise PolicyError("--tokens belongs to what --json prints: give both.")
    options, rules = policy_options(arguments), _rules(arguments)
    with open_services(settings_from(arguments, os.environ)) as services:
        stored = not (arguments.no_store or services.settings.read_only)
        _recover(services)
        # What is not to be kept lies in the folder that is emptied in the end.
        pictures = services.pictures if stored else PictureStore(services.scratch / "pictures")
        listed = PolicyList((policy,), None)
        shelf = PolicyShelf(opener(services.store, options), listed)
        journals = RunJournals(services.settings.data_dir / FOLDER) if stored else None
        runs = LiveRuns(shelf, services.store, pictures, journals, tokens=arguments.tokens)
        try:
            return _ask(runs, _asked(arguments, listed.references[0], pictures.add_file(arguments.image), rules), arguments)
        finally:
            runs.close()
            shelf.close()


def _rules(arguments: argparse.Namespace) -> RolloutSettings:
    from dataclasses import replace

    from core.rollout.values import PAPER_SAMPLING, RolloutSettings, Turns

    given = {name: value for name, value in vars(arguments).items() if value is not None}
    drawn = {name: given[name] for name in ("temperature", "top_p", "top_k", "seed") if name in given}
    limits = {name: given[name] for name in _LIMITS if name in given}
    return replace(RolloutSettings(), sampling=replace(PAPER_SAMPLING, **drawn), turns=Turns(arguments.turns), **limits)


def _asked(arguments: argparse.Namespace, policy: str, picture: Picture, rules: RolloutSettings) -> Asked:
    """What is asked for. Raises PolicyError, and TruthError for a truth that is none of the domain's."""
    from annotations.documents import check_name
    from app.asking import DATASET, Asked, sample_of, told_kind, truth_of
    from core.trace import DomainName

    domain = DomainName(arguments.domain)
    truth = truth_of(arguments.truth, told_kind(arguments.truth, domain)) if arguments.truth else None
    if arguments.truth is not None and truth is None:
        raise TruthError("The truth is empty: say what is right, or leave --truth out.")
    dataset = None if arguments.no_store else (arguments.dataset or DATASET)
    if dataset:
        check_name("data set", dataset)
    return Asked(policy, sample_of(picture, arguments.question, domain, truth), arguments.samples, rules, dataset)


def _recover(services: Services) -> None:
    from app.accounts import say
    from app.run_journals import recovered_words

    if not services.settings.read_only:
        say(recovered_words(services.runs.recover()))


def _ask(runs: LiveRuns, asked: Asked, arguments: argparse.Namespace) -> int:
    from app.ask_words import Meter, Teller

    teller, meter = Teller(None if arguments.json else sys.stdout), Meter(sys.stderr)
    run = runs.start(asked)
    stopped: KeyboardInterrupt | None = None
    try:
        while not run.over.wait(_GLANCE):
            meter.clear()
            teller.tell(run)
            meter.tell(run)
    except KeyboardInterrupt as stop:
        stopped = stop
        runs.stop(run)
        run.over.wait(_PATIENCE)
    meter.clear()
    teller.tell(run)
    return _end(run, arguments, stopped)


def _end(run: LiveRun, arguments: argparse.Namespace, stopped: KeyboardInterrupt | None) -> int:
    from app.ask_words import document_of, summary_lines
    from app.live_run import RunState
    from app.run_view import words_of

    if arguments.json:
        print(json.dumps(document_of(run, tokens=arguments.tokens), indent=2, ensure_ascii=True))
    else:
        print("\n".join(summary_lines(run)))
    sys.stdout.flush()
    if run.now.not_stored:
        print(run.now.not_stored, file=sys.stderr)
    if stopped is not None:
        raise type(stopped)(words_of(run))
    if run.now.state is RunState.FAILED:
        raise PolicyError(run.now.error)
    failed = any(rollout.error for rollout in run.rollouts)
    return 1 if failed or (run.now.not_stored and not arguments.read_only) else 0
