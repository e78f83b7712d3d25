"""What the policies of a ladder are asked, and the files that their answers are in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from app.eval_works import Work, needle_work, needle_works
from app.ladder.plan import Plan, asking_of
from app.ladder.rungs import AS_IT_IS, asked_in, harder
from core.evaluation.conditions import condition_of
from core.policies.conversation import Sampling
from core.policies.protocol import PolicyCard
from core.rollout.values import RolloutSettings
from core.tasks.needle.splits import Split
from core.tasks.needle.task import NeedleTask

_SEED = 0
_ONCE = (condition_of(AS_IT_IS),)


def figures(folder: Path, manner: str) -> Path:
    """The file with what a policy answered, at temperature 0, in a manner."""
    return folder / f"ladder-{manner}.json"


def sampled(folder: Path, manner: str) -> Path:
    """The file with several answers to each question, at temperature 1."""
    return folder / f"ladder-{manner}-sampled.json"


def works_of(plan: Plan, training: str, manner: str) -> list[Work]:
    """The world that is learnt with all that is taken from the policy there; and where it is wanted the harder world, and the curves."""
    asking = asking_of(training, manner)
    conditions = (*_ONCE, *(condition_of(name) for name in asking.conditions))
    works = [_home(plan, conditions, plan.n)]
    if asking.harder:
        works.append(needle_work(harder(plan.difficulty), _ONCE, plan.n, _SEED, Split.TEST))
    for what in ("items", "size") if asking.curves else ():
        works += needle_works([plan.difficulty], _ONCE, n=plan.part, seed=_SEED, split=Split.TEST.value, sweeping=what)
    return [_in_manner(work, manner) for work in works]


def sampled_works_of(plan: Plan, manner: str) -> list[Work]:
    """A part of the same questions, to be answered several times."""
    return [_in_manner(_home(plan, _ONCE, plan.part), manner)]


def asked_for(plan: Plan, works: list[Work], *, times: int) -> dict[str, Any]:
    """What of a ladder a file of figures is of: another one is not taken for it."""
    return {"ladder": {"worlds": [[work.name, work.n, [one.name for one in work.conditions]] for work in works], "samples": times}}


def _home(plan: Plan, conditions: tuple[Any, ...], n: int) -> Work:
    return needle_work(NeedleTask.named(plan.difficulty), conditions, n, _SEED, Split.TEST)


def _in_manner(work: Work, manner: str) -> Work:
    """The same questions, asked in a manner; also of a policy that is shown more than an overview, which is what one rung is about."""

    def settings(card: PolicyCard, sampling: Sampling) -> RolloutSettings:
        return asked_in(manner, work.settings(card, sampling))

    return replace(work, settings=settings, unfit=lambda card: "")
