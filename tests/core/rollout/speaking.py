"""Conversations for the tests: a picture whose every place has a colour of its own, a question, and speakers with given turns."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from PIL import Image

from core.crops import CropRule
from core.geometry import Box, Size
from core.grammar import call_text
from core.policies.conversation import Role, Said
from core.policies.scripted import ScriptedPolicy
from core.rollout.engine import roll_out
from core.rollout.values import Ended, Rollout, RolloutEvent, RolloutSettings, Spoke, Task
from core.trace import DomainName, Picture, Sample, Truth, TruthKind

SMALL = CropRule(20, 56, dot=False)
LOOK = f"<think> At (30, 40) is a sign. </think>\n{call_text(30, 40)}"
ANSWER = "<think> It is red (30, 40). </think>\n<answer> red </answer>"
FORCED = " red </answer>"


def painted(width: int = 120, height: int = 80, blue: int = 0) -> Image.Image:
    """A picture whose red and green tell the place, and whose blue tells the picture."""
    image = Image.new("RGB", (width, height))
    image.putdata([(x * 255 // width, y * 255 // height, blue) for y in range(height) for x in range(width)])
    return image


def task(
    image: Image.Image | None = None,
    question: str = "What colour has the sign?",
    *,
    samples: int = 1,
    domain: DomainName = DomainName.VISUAL_SEARCH,
    truth: Truth | None = None,
) -> Task:
    """A question about a painted picture."""
    image = image or painted()
    picture = Picture(hashlib.sha256(image.tobytes()).hexdigest(), Size(*image.size), name="painted.png")
    return Task(Sample(question, domain, (picture,), truth or Truth(TruthKind.TEXT, "red")), image, samples)


def boxed(*corners: float) -> Truth:
    """A truth that is a box."""
    return Truth(TruthKind.BOX, str(corners), box=Box(*corners))


@dataclass(slots=True)
class Speaker:
    """Says the given turns one after the other, the last of them again and again; remembers what it was asked."""

    turns: Sequence[str]
    forced: str = FORCED
    asked: list[tuple[Said, ...]] = field(default_factory=list)

    def __call__(self, messages: tuple[Said, ...], row: int) -> str:
        self.asked.append(messages)
        if messages[-1].role is Role.ASSISTANT:
            return self.forced
        return self.turns[min(sum(said.role is Role.ASSISTANT for said in messages), len(self.turns) - 1)]


def speaker(*turns: str, forced: str = FORCED) -> ScriptedPolicy:
    """A policy that says these turns."""
    return ScriptedPolicy(Speaker(turns, forced))


def settings(**changes: object) -> RolloutSettings:
    """Settings with small crops and, because a script's tokens are bytes, room for words."""
    return RolloutSettings(**({"crop": SMALL, "max_tokens": 8000, "max_new_tokens": 2000} | changes))  # type: ignore[arg-type]


def run(policy: ScriptedPolicy, tasks: Iterable[Task] | Task | None = None, **changes: object) -> list[Rollout]:
    """The rollouts, in the order of their conversations."""
    return rollouts(list(roll_out(policy, as_tasks(tasks), settings(**changes))))


def one(policy: ScriptedPolicy, asked: Task | None = None, **changes: object) -> Rollout:
    """The rollout of a single conversation."""
    (rollout,) = run(policy, asked, **changes)
    return rollout


def as_tasks(tasks: Iterable[Task] | Task | None) -> list[Task]:
    """A list of tasks; the usual one where there is none."""
    if tasks is None:
        return [task()]
    return [tasks] if isinstance(tasks, Task) else list(tasks)


def rollouts(events: Iterable[RolloutEvent]) -> list[Rollout]:
    """What came of the conversations among the events."""
    ended = sorted((event for event in events if isinstance(event, Ended)), key=lambda event: event.conversation)
    return [event.rollout for event in ended]


def said(events: Iterable[RolloutEvent], conversation: int = 0) -> list[Spoke]:
    """What was said in one conversation."""
    return [event for event in events if isinstance(event, Spoke) and event.conversation == conversation]
