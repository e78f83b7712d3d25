"""`launch.py improve`: records that people preferred become a policy, which is put beside the one that was begun with."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from app.policy_options import add_policy_options, policy_options
from app.settings import at_least_one
from core.errors import TaskError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.eval_works import Work
    from app.improving import Lesson

RECIPE = "qwen2.5-vl-3b-lora"
WORLDS = ("records", "needle")
_N = 500


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is learnt from, how, and on what both policies are compared."""
    parser.add_argument("records", type=Path, metavar="FILE", help="curated records, as `export --preferred` writes them")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="folder of their pictures (default: pictures beside the records)")
    parser.add_argument("--recipe", default=RECIPE, metavar="RECIPE", help=f"a shipped recipe, or a YAML file (default {RECIPE})")
    parser.add_argument("--policy", default="", metavar="REF", help="the checkpoint that it begins with (default: the recipe's)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="another value for a key of the recipe")
    by_rewards = "learn by rewards from what that made: another recipe, whose run is NAME-grpo"
    parser.add_argument("--reinforce", default="", metavar="RECIPE", help=by_rewards)
    parser.add_argument("--reinforce-set", action="append", default=[], metavar="KEY=VALUE", help="another value for a key of that recipe")
    parser.add_argument("--name", metavar="NAME", help="the new policy's name, and its run's (default: the recipe's)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="folder of the runs (default runs)")
    parser.add_argument("--dry-run", action="store_true", help="what it would come to, or why it would not begin; nothing is trained")
    group = parser.add_argument_group("the questions that both are compared on")
    group.add_argument("--world", choices=WORLDS, default="records", help="the records' own split test, or drawn scenes (default records)")
    group.add_argument("--difficulty", nargs="+", metavar="NAME", help="of needle: easy, default, hard, gui (default default)")
    group.add_argument("--n", type=at_least_one, metavar="N", help=f"questions of each difficulty (default {_N}; of records, all)")
    group.add_argument("--seed", type=int, default=0, metavar="N", help="of scenes and of what is sampled (default 0)")
    group.add_argument("--samples", type=at_least_one, default=1, metavar="N", help="ask each question so often, for pass@k (default 1)")
    group.add_argument("--temperature", type=float, default=0.0, metavar="T", help="0: the likeliest token, always (default 0)")
    group.add_argument("--max-new-tokens", type=at_least_one, metavar="N", help="tokens of one turn (default 1,024)")
    add_policy_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Trains, registers, compares and says what came of it; 0. What is held out is looked at before anything is trained.

    Raises RecordError and TaskError for records that cannot be used, TrainingError where the training does not come to its end, and
    PolicyError where a policy cannot be asked.
    """
    from app.evaluating import Asking
    from app.improving import Lesson, begun_with, halves, learn, put_beside, too_few, verdict
    from core.manifest import read_manifest

    pictures = arguments.pictures or arguments.records.parent / "pictures"
    asking = Asking(arguments.seed, arguments.temperature, arguments.samples, arguments.max_new_tokens)
    works, options = _works(arguments, pictures), policy_options(arguments)
    folder = arguments.runs / (arguments.name or Path(arguments.recipe).stem)
    if arguments.reinforce_set and not arguments.reinforce:
        raise TaskError("--reinforce-set belongs to a second recipe: name it with --reinforce, or take --set.")
    first = Lesson(arguments.records, pictures, arguments.recipe, arguments.policy, folder, tuple(arguments.set))
    lessons = halves(first, arguments.reinforce, tuple(arguments.reinforce_set))
    if arguments.dry_run:
        return _rehearse(lessons, works)
    if few := too_few(works):
        _say(few)
    policy = [learn(lesson, _say) for lesson in lessons][-1]
    improved = put_beside(policy, begun_with(first), works, asking, options, _say)
    _say(verdict(improved, works))
    if arguments.world == "records":
        rule = read_manifest(arguments.records).rule
        _say(
            f"The rule “{rule}” chose these questions by what was answered before: where it wants right answers, it favours who gave them."
        )
    _say(f"It is offered in the workbench, and can be asked: python3 launch.py --policy {improved.policy.reference}")
    return 0


def _rehearse(lessons: Sequence[Lesson], works: Sequence[Work]) -> int:
    from app.improving import rehearse, too_few

    model = lessons[0].described().model
    for lesson in lessons:
        _say(rehearse(lesson, model))
    for work in works:
        _say(f"Both are asked: {work.title}, {work.n:,} questions.")
    if few := too_few(works):
        _say(few)
    return 0


def _works(arguments: argparse.Namespace, pictures: Path) -> list[Work]:
    from app.eval_works import needle_works, record_work
    from core.evaluation.conditions import AS_IT_IS

    if arguments.world == "needle":
        names, n = arguments.difficulty or ["default"], arguments.n or _N
        return needle_works(names, (AS_IT_IS,), n=n, seed=arguments.seed, split="test")
    if arguments.difficulty:
        raise TaskError("Curated records have no --difficulty: leave it out, or compare on drawn scenes with --world needle.")
    return [record_work(arguments.records, pictures, (AS_IT_IS,), n=arguments.n, split="test")]


def _say(words: str) -> None:
    print(words, flush=True)
