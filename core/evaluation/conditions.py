"""Conditions under which a policy is asked: what each takes from it.

    as-it-is        nothing
    looks-off       its crops show plain ground
    looks-K         its first K crops are shown as they are; a further one shows plain ground, and behind it the answer is demanded
    random-looks    where it looks: as many looks as it took as it is, at places by chance
    grid-looks      the same, at the middles of equal cells
    blank-whole     the whole picture shows plain ground; crops are as they are
    blank           the whole picture and all crops show plain ground

All but `looks-K` leave the rollout's settings alone, and in all of them the words, the tokens and the sizes of the pictures are the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from core.errors import TaskError
from core.evaluation.values import Question
from core.geometry import Point
from core.policies.directed import DirectedPolicy, grid
from core.policies.protocol import Policy, frame_of
from core.policies.veiled import VeiledPolicy
from core.rollout.values import RolloutSettings
from core.tasks.needle.chance import Chance
from core.tasks.needle.expert import writing


@dataclass(frozen=True, slots=True)
class Group:
    """Questions that are asked at once; the row of each is its place. `looks` is how often the policy looked as it is."""

    questions: tuple[Question, ...]
    looks: tuple[int, ...]
    seed: int


class Condition(Protocol):
    """A way of asking. `name` is its name on the command line, `words` say what it takes from the policy."""

    @property
    def name(self) -> str: ...

    @property
    def words(self) -> str: ...

    def policy(self, policy: Policy, group: Group) -> Policy:
        """The policy as it is asked the group's questions."""

    def settings(self, base: RolloutSettings) -> RolloutSettings:
        """How it is asked them."""


@dataclass(frozen=True, slots=True)
class AsItIs:
    """Takes nothing from the policy."""

    name: str = "as-it-is"
    words: str = "as it is"

    def policy(self, policy: Policy, group: Group) -> Policy:
        """The policy itself."""
        return policy

    def settings(self, base: RolloutSettings) -> RolloutSettings:
        """As they are."""
        return base


@dataclass(frozen=True, slots=True)
class LookingOff:
    """Takes what crops show: it looks as often as it likes, and every crop is plain ground. It sees the whole picture."""

    name: str = "looks-off"
    words: str = "its crops show plain ground"

    def policy(self, policy: Policy, group: Group) -> Policy:
        """The policy behind a veil over all crops."""
        return VeiledPolicy(policy, crops=0)

    def settings(self, base: RolloutSettings) -> RolloutSettings:
        """As they are."""
        return base


@dataclass(frozen=True, slots=True)
class LooksAllowed:
    """Takes all looks behind the first `count`: a further crop is plain ground, and behind that the answer is demanded.

    A policy that needs no more looks than that ends as it would have; one that asks for more is told nothing, and guesses. Under the
    rollout's own limit on pictures the answer would be demanded right behind the last crop, without a thought about it.
    """

    count: int

    @property
    def name(self) -> str:
        return f"looks-{self.count}"

    @property
    def words(self) -> str:
        return f"{self.count} look{'' if self.count == 1 else 's'} at most"

    def policy(self, policy: Policy, group: Group) -> Policy:
        """The policy behind a veil over the later crops."""
        return VeiledPolicy(policy, crops=self.count)

    def settings(self, base: RolloutSettings) -> RolloutSettings:
        """With room for these looks, one more, and a demanded answer."""
        return replace(base, max_turns=self.count + 2, max_pictures=self.count + 2)


@dataclass(frozen=True, slots=True)
class RandomLooks:
    """Takes where the policy looks: as many looks as it took as it is, at places by chance, which it is shown before it says its first
    word. Further looks of its own show plain ground."""

    name: str = "random-looks"
    words: str = "as many looks as it took, at places by chance"

    def policy(self, policy: Policy, group: Group) -> Policy:
        """The policy behind looks that are drawn from the group's seed and the question's name."""
        places = []
        for question, count in zip(group.questions, group.looks, strict=True):
            chance = Chance("random looks", group.seed, question.task.sample.external_id)
            places.append([(chance.below(1_000_001) / 1_000_000, chance.below(1_000_001) / 1_000_000) for _ in range(count)])
        return _directed(policy, group, places)

    def settings(self, base: RolloutSettings) -> RolloutSettings:
        """As they are."""
        return base


@dataclass(frozen=True, slots=True)
class GridLooks:
    """Takes where the policy looks: as many looks as it took as it is, at the middles of as many equal cells, which it is shown before it
    says its first word. Further looks of its own show plain ground."""

    name: str = "grid-looks"
    words: str = "as many looks as it took, on a grid"

    def policy(self, policy: Policy, group: Group) -> Policy:
        """The policy behind these looks."""
        return _directed(policy, group, [grid(count) for count in group.looks])

    def settings(self, base: RolloutSettings) -> RolloutSettings:
        """As they are."""
        return base


@dataclass(frozen=True, slots=True)
class BlankPicture:
    """Takes the whole picture, which shows plain ground; with `crops`, all crops too."""

    crops: bool

    @property
    def name(self) -> str:
        return "blank" if self.crops else "blank-whole"

    @property
    def words(self) -> str:
        return (
            "the whole picture and its crops show plain ground" if self.crops else "the whole picture shows plain ground, its crops do not"
        )

    def policy(self, policy: Policy, group: Group) -> Policy:
        """The policy behind a veil over the whole picture."""
        return VeiledPolicy(policy, whole=True, crops=0 if self.crops else None)

    def settings(self, base: RolloutSettings) -> RolloutSettings:
        """As they are."""
        return base


AS_IT_IS = AsItIs()
CONDITIONS: tuple[Condition, ...] = (
    AS_IT_IS,
    LookingOff(),
    RandomLooks(),
    GridLooks(),
    BlankPicture(crops=False),
    BlankPicture(crops=True),
)
"""Those that are asked where none is named."""


def condition_of(name: str) -> Condition:
    """The condition of that name. Raises TaskError, with the names there are, for another one."""
    if found := re.fullmatch(r"looks-(\d{1,2})", name):
        return LooksAllowed(int(found[1]))
    for condition in CONDITIONS:
        if condition.name == name:
            return condition
    names = ", ".join(condition.name for condition in CONDITIONS)
    raise TaskError(f"There is no condition {name!r}: choose from {names}, and looks-K for K looks at most.")


def _directed(policy: Policy, group: Group, places: Sequence[Sequence[tuple[float, float]]]) -> Policy:
    """The policy behind looks at these places, which are shares of the picture's width and height."""
    numbers = list[list[tuple[float, float]]]()
    for question, spots in zip(group.questions, places, strict=True):
        size = question.task.sample.pictures[0].size
        write = writing(frame_of(policy.card, size))
        numbers.append([write.numbers(Point(x * size.width, y * size.height)) for x, y in spots])
    veiled = VeiledPolicy(policy, crops=lambda row: group.looks[row])
    return DirectedPolicy(veiled, lambda row: numbers[row])
