"""What stands on the ladder: how each policy is made from the start, and under what it is asked.

A rung differs from the one that it is set against (`than`) in one thing. Several may ask the same policy: as it is, with something taken
from it, on a harder world.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.errors import TaskError
from core.rollout.values import RolloutSettings, Turns
from core.tasks.needle.manners import Manner
from core.tasks.needle.task import NeedleTask
from core.tasks.needle.values import DEFAULT, HARD

START = "start"
"""The training that all others begin with."""
ANSWER = "answer"
"""Asked as a policy that learnt answers alone: one turn, and the checkpoint's own prompt."""
HOME, HARDER = "home", "harder"
"""The world that is learnt, and one with more and smaller items."""
AS_IT_IS = "as-it-is"
# The whole picture in twice the overview's side: in that, marks can be seen.
_FINE = 256 * 256


@dataclass(frozen=True, slots=True)
class Training:
    """How a policy is made.

    recipe  a shipped one; `grpo` says whether it learns by rewards
    values  what it has otherwise, as `train --set` takes it
    """

    name: str
    recipe: str
    grpo: bool = False
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rung:
    """A policy and how it is asked.

    training   its name
    manner     in which it is asked: one of `Manner`, or `ANSWER`
    condition  what is taken from it (`core.evaluation.conditions`)
    world      `HOME` or `HARDER`
    than       the rung that it is set against; "": none
    differs    from that one, in words
    """

    name: str
    title: str
    training: str
    manner: str
    than: str = ""
    differs: str = ""
    condition: str = AS_IT_IS
    world: str = HOME


# Three looks in training, where a search of the harder kind takes up to four: else nobody would run out of turns.
_LOOKING = ("grpo.reward=vigorl", "grpo.max_turns=4", "grpo.max_pictures=4")

TRAININGS: tuple[Training, ...] = (
    Training(START, "needle-manners"),
    Training("answers", "needle-answers"),
    Training("sft-points", "needle-points"),
    Training("grpo-plain", "needle-grpo-plain", True),
    Training("grpo-points", "needle-grpo-single", True, ("grpo.reward=vigorl",)),
    Training("sft-looks", "needle-looks"),
    Training("grpo-looks", "needle-grpo", True, _LOOKING),
    Training("random-reward", "needle-grpo", True, (*_LOOKING, "grpo.reward=random")),
    Training("bonus-off", "needle-grpo", True, (*_LOOKING, "grpo.bonus=none")),
    Training("bonus-gated", "needle-grpo", True, (*_LOOKING, "grpo.bonus=gated")),
    Training("overrun-learnt", "needle-grpo", True, (*_LOOKING, "grpo.mask_overrun=false")),
    Training("uncapped", "needle-grpo", True, (*_LOOKING, f"max_pixels={_FINE}")),
)

_LOOKS, _POINTS, _PLAIN = Manner.LOOKS.value, Manner.POINTS.value, Manner.PLAIN.value

RUNGS: tuple[Rung, ...] = (
    Rung("start-plain", "The start, in one turn", START, _PLAIN),
    Rung("start-points", "The start, in one turn with points", START, _POINTS),
    Rung("start-looks", "The start, in several turns", START, _LOOKS),
    Rung("answers", "SFT on answers alone", "answers", ANSWER, "start-plain", "learnt answers, without a thought"),
    Rung("sft-points", "Grounded SFT", "sft-points", _POINTS, "start-points", "learnt what the expert says in one turn"),
    Rung("grpo-plain", "Conventional GRPO", "grpo-plain", _PLAIN, "start-plain", "learnt by rewards, without points"),
    Rung("grpo-points", "Grounded GRPO", "grpo-points", _POINTS, "grpo-plain", "points are said, and paid for"),
    Rung("sft-looks", "Multi-turn SFT", "sft-looks", _LOOKS, "start-looks", "learnt what the expert says in several turns"),
    Rung("grpo-looks", "Multi-turn GRPO", "grpo-looks", _LOOKS, "sft-looks", "learnt by rewards, and not from the expert"),
    Rung("looks-off", "The same, zoom off at test", "grpo-looks", _LOOKS, "grpo-looks", "its crops are plain ground", "looks-off"),
    Rung("random-looks", "The same, random looks", "grpo-looks", _LOOKS, "grpo-looks", "as many looks, by chance", "random-looks"),
    Rung("grid-looks", "The same, looks on a grid", "grpo-looks", _LOOKS, "grpo-looks", "as many looks, on a grid", "grid-looks"),
    Rung("blank-whole", "The same, blank picture", "grpo-looks", _LOOKS, "grpo-looks", "the whole picture is plain ground", "blank-whole"),
    Rung("blank", "The same, all blank", "grpo-looks", _LOOKS, "grpo-looks", "the whole picture and all crops are plain ground", "blank"),
    Rung("random-reward", "Random reward", "random-reward", _LOOKS, "start-looks", "learnt from rewards by chance"),
    Rung("bonus-off", "Bonus for looks off", "bonus-off", _LOOKS, "grpo-looks", "looks that differ are not paid for"),
    Rung("bonus-gated", "Bonus for looks gated", "bonus-gated", _LOOKS, "grpo-looks", "they are paid for where the answer is right"),
    Rung("overrun-learnt", "Over-turn masking off", "overrun-learnt", _LOOKS, "grpo-looks", "who runs out of turns is punished"),
    Rung("uncapped", "Overview not capped", "uncapped", _LOOKS, "grpo-looks", "the whole picture is shown in 256 px, which shows marks"),
    Rung("start-harder", "The start, harder world", START, _LOOKS, world=HARDER),
    Rung("points-harder", "Grounded GRPO, harder world", "grpo-points", _POINTS, "start-harder", "in one turn, by rewards", world=HARDER),
    Rung("sft-harder", "Multi-turn SFT, harder world", "sft-looks", _LOOKS, "start-harder", "learnt from the expert", world=HARDER),
    Rung("grpo-harder", "Multi-turn GRPO, harder world", "grpo-looks", _LOOKS, "sft-harder", "learnt by rewards", world=HARDER),
)

CURVES = ("start-looks", "grpo-points", "sft-looks", "grpo-looks")
"""The rungs whose curves are drawn: right answers by the size of items, and by their number."""

_HARDER = {
    "easy": NeedleTask(DEFAULT, "default"),
    "default": NeedleTask(HARD, "hard"),
    "hard": NeedleTask(replace(HARD, items=(10, 12), item_size=40), "harder than hard"),
}
WORLDS = tuple(_HARDER)
"""The difficulties that can be learnt here: those for which there is a harder one."""


def harder(difficulty: str) -> NeedleTask:
    """The world with more and smaller items than the one that is learnt. Raises TaskError where there is none."""
    if difficulty not in _HARDER:
        raise TaskError(f"There is no ladder on {difficulty!r}: choose from {', '.join(WORLDS)}, which have a harder world.")
    return _HARDER[difficulty]


def named_rungs(names: Sequence[str]) -> tuple[Rung, ...]:
    """The rungs of these names with those that they are set against, in the ladder's order; all where none is named. Raises TaskError,
    with the names there are, for one that does not exist."""
    known = {rung.name: rung for rung in RUNGS}
    wanted = set[str]()
    for name in names or known:
        if name not in known:
            raise TaskError(f"There is no rung {name!r}: there are {', '.join(known)}.")
        while name and name not in wanted:
            wanted.add(name)
            name = known[name].than
    return tuple(rung for rung in RUNGS if rung.name in wanted)


def training_named(name: str) -> Training:
    """The training of a rung."""
    return next(training for training in TRAININGS if training.name == name)


def asked_in(manner: str, settings: RolloutSettings) -> RolloutSettings:
    """How a question is asked in a manner."""
    if manner == ANSWER:
        return replace(settings, turns=Turns.SINGLE, crop=None, system_text=None)
    return Manner(manner).asked(settings)
