"""How a task is asked of a policy: everything that holds for each of its draws, settled before the first word."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from core.crops import CropRule
from core.domains import DOMAINS, Domain
from core.errors import PolicyError
from core.frames import CoordinateFrame
from core.geometry import Size
from core.grammar import IMAGE_MARK, Message, parse_messages
from core.grounding import ground
from core.policies.conversation import Sampling, plain_text
from core.policies.protocol import PolicyCard, frame_of, shown_size
from core.rollout.values import RolloutSettings, SystemPrompt, Task, Turns
from core.trace import Origin, Sample, StopReason, Trace, canonical_json

ROLLOUT_ORIGIN = "rollout"
# Qwen's image processors refuse a picture whose sides are in a proportion over this.
MOST_PROPORTION = 200

_PICTURE_MARKS = re.compile(rf"{re.escape(IMAGE_MARK)}|<\|(?:vision_start|vision_end|image_pad|video_pad)\|>")


@dataclass(frozen=True, slots=True)
class Plan:
    """A task as it is asked of a policy.

    shown     the size in which the whole picture is shown
    rule      how the model's calls are cut; None: one turn, and no zoom
    question  as the policy reads it: without marks of pictures and of the chat; the trace keeps the original
    system    the system message that is sent; None: none is, and the policy's own template says what it says
    prompt    the system prompt that the conversation begins with, wherever it comes from
    """

    card: PolicyCard
    policy: str
    settings: RolloutSettings
    sample: Sample
    frame: CoordinateFrame
    shown: Size
    rule: CropRule | None
    question: str
    system: str | None
    prompt: str | None

    @property
    def multi_turn(self) -> bool:
        """Whether the model may look closer."""
        return self.rule is not None

    def sampling(self, draw: int, turn: int) -> Sampling:
        """How a turn of a draw is sampled: its seed follows from what is asked, not from how many others are asked beside it."""
        asked = [self.settings.sampling.seed, [picture.sha256 for picture in self.sample.pictures], self.sample.question]
        place = canonical_json([*asked, self.sample.domain, draw, turn])
        seed = int.from_bytes(hashlib.sha256(place.encode(errors="surrogatepass")).digest()[:8]) >> 1
        return replace(self.settings.sampling, seed=seed)

    def learnt(self, card: PolicyCard) -> Plan:
        """The same plan with what the policy's card tells by now: only the details, for all else was settled before the first word."""
        return self if card.details == self.card.details else replace(self, card=replace(self.card, details=card.details))

    def trace(self, draw: int, messages: Sequence[Message], stop: StopReason) -> Trace:
        """The trace of what was said in one draw."""
        return ground(
            self.sample,
            parse_messages(messages),
            self.frame,
            self.rule,
            policy=self.policy,
            stop=stop,
            system_prompt=self.prompt,
            origin=Origin(ROLLOUT_ORIGIN),
            settings=self.record(draw),
        )

    def record(self, draw: int) -> dict[str, Any]:
        """How the draw is made, as JSON values for its trace."""
        settings, card = self.settings, self.card
        limits = ("max_turns", "max_pictures", "max_tokens", "max_new_tokens", "force_answer", "seconds")
        record: dict[str, Any] = asdict(settings.sampling) | {"draw": draw, "turns": "multi" if self.multi_turn else "single"}
        record |= {name: getattr(settings, name) for name in limits}
        if self.rule:
            rule = self.rule
            record |= {"offset": rule.offset, "crop_size": rule.side, "draw_dot": rule.dot, "crop_factor": rule.factor}
        record |= {"space": card.space.value, "factor": card.factor, "min_pixels": card.min_pixels, "max_pixels": card.max_pixels}
        record |= {"shown": [self.shown.width, self.shown.height], "policy_kind": card.kind.value}
        return record | {"policy_details": json.loads(json.dumps(dict(card.details), default=str))}


def plan_of(card: PolicyCard, task: Task, settings: RolloutSettings, *, policy_name: str | None = None) -> Plan:
    """How the task is asked. Raises PolicyError for one that cannot be asked: the sentence says why, and what would mend it."""
    sample = task.sample
    size = _checked_picture(card, task)
    question = asked_text(sample.question)
    if not question:
        raise PolicyError("The question is empty: say what is to be found out about the picture.")
    if task.samples < 1:
        raise PolicyError(f"A question is asked at least once, not {task.samples} times.")
    domain = DOMAINS[sample.domain]
    rule = _rule(card, domain, settings)
    system, prompt = _system(card, domain, settings, multi_turn=rule is not None)
    frame, shown = frame_of(card, size), shown_size(card, size)
    return Plan(card, policy_name or card.name, settings, sample, frame, shown, rule, question, system, prompt)


def asked_text(question: str) -> str:
    """A question as a policy reads it: the marks of pictures are dropped, because its pictures stand before it, and others broken up."""
    return plain_text(_PICTURE_MARKS.sub("", question)).strip()


def _checked_picture(card: PolicyCard, task: Task) -> Size:
    pictures = task.sample.pictures
    if len(pictures) != 1:
        told = "no picture" if not pictures else f"{len(pictures)} pictures"
        raise PolicyError(f"A question is asked about one picture, and this sample has {told}: “{task.sample.question:.80}”.")
    size = pictures[0].size
    if task.image.size != (size.width, size.height):
        raise PolicyError(
            f"The sample's picture is {size} px upright, and the image given for it {task.image.width} x {task.image.height} px: "
            "turn it upright, or give the right one."
        )
    if card.factor > 1 and max(size.width, size.height) > MOST_PROPORTION * min(size.width, size.height):
        raise PolicyError(f"A picture of {size} px is longer than {MOST_PROPORTION} times its width, which no policy takes: cut it.")
    return size


def _rule(card: PolicyCard, domain: Domain, settings: RolloutSettings) -> CropRule | None:
    """How calls are cut, in the steps of the policy's patches: as is asked, else as the policy was trained to look, else as the domain
    does; None where there is one turn."""
    if settings.turns is Turns.SINGLE or (settings.turns is Turns.AUTO and domain.crop is None):
        return None
    rule = settings.crop or card.crop or domain.crop
    if rule is None:
        raise PolicyError(f"{domain.title} has no zoom: ask it in a single turn, or say how crops are to be cut.")
    return rule if card.factor == 1 else replace(rule, factor=card.factor)


def _system(card: PolicyCard, domain: Domain, settings: RolloutSettings, *, multi_turn: bool) -> tuple[str | None, str | None]:
    """The system message that is sent, and the system prompt that the conversation begins with."""
    if settings.system_text is not None:
        return settings.system_text, settings.system_text
    carried = card.system_prompt
    if settings.system is SystemPrompt.CHECKPOINT or (settings.system is SystemPrompt.AUTO and carried is not None):
        # The template says it by itself; sent as a message it would be the same words at best.
        return None, carried
    told = domain.multi_turn_prompt if multi_turn else domain.system_prompt
    if told is None:
        raise PolicyError(f"{domain.title} has no system prompt for several turns: give one, or ask it in a single turn.")
    return told, told
