"""`launch.py policies`: the policies that were trained here, with what they began with, what they learnt from and how they did."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.settings import RUNS, settings_from
from core.errors import PolicyError

if TYPE_CHECKING:
    from app.policy_register import Register, TrainedPolicy


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which folders of runs, and what is to be changed."""
    parser.add_argument("--scores", type=Path, metavar="FILE", help="take up what a file of `eval --json` says of these policies")
    parser.add_argument("--remove", metavar="NAME", help="offer this one in the workbench no more; its folder stays")
    parser.add_argument("--restore", metavar="NAME", help="offer it again")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("--runs", type=Path, action="append", metavar="DIR", help=f"a folder of runs; may be repeated (default {RUNS})")


def run(arguments: argparse.Namespace) -> int:
    """Lists, or changes and then lists what was changed; 0. Raises NotFound for a name that there is not, PolicyError for scores that
    cannot be taken, and StoreError where a folder cannot be written to."""
    from app.policy_register import Register

    if sum(option is not None for option in (arguments.scores, arguments.remove, arguments.restore)) > 1:
        raise PolicyError("One thing at a time: --scores, --remove or --restore.")
    register = Register(settings_from(arguments, os.environ).runs)
    if arguments.remove or arguments.restore:
        policies = [register.offer(arguments.remove or arguments.restore, offered=arguments.remove is None)]
    elif arguments.scores:
        policies = _take_scores(register, arguments.scores)
    else:
        policies = list(register.policies())
    if arguments.json:
        print(json.dumps([_document(policy) for policy in policies], indent=1, ensure_ascii=False))
    else:
        print("\n".join(_words(policy) for policy in policies) or "No policy was trained here yet: python3 launch.py train --list")
    return 0


def _take_scores(register: Register, file: Path) -> list[TrainedPolicy]:
    from app.eval_scores import read_figures, scores_of

    figures = read_figures(file)
    found = [(policy, scores) for policy in register.policies() if (scores := scores_of(policy, figures))]
    if not found:
        raise PolicyError(f"{file} is of no policy that was trained here: of {_asked(figures)}. Name its folder of runs with --runs.")
    return [register.add_scores(policy, scores) for policy, scores in found]


def _asked(figures: dict[str, Any]) -> str:
    return ", ".join(dict.fromkeys(str(one.get("reference")) for one in figures["evaluations"])) or "nobody"


def _words(policy: TrainedPolicy) -> str:
    from app.eval_scores import score_words

    off = "" if policy.offered else " (not offered)"
    lines = [f"{policy.name}{off}", f"  from {policy.base or 'nobody knows what'}, {policy.kind}: {policy.recipe}"]
    lines.append(f"  data {policy.data[:12] or 'not told'}, {policy.reference}")
    lines += [f"  {score_words(score)}" for score in policy.scores]
    return "\n".join([*lines, f"  {policy.wrong[:1].upper()}{policy.wrong[1:]}."] if policy.wrong else lines)


def _document(policy: TrainedPolicy) -> dict[str, Any]:
    told = {name: getattr(policy, name) for name in ("name", "reference", "base", "kind", "recipe", "data", "offered", "wrong")}
    return told | {"scores": list(policy.scores)}
