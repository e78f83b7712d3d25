"""What a policy is shown: the whole picture, the crop that answers a call, or the error that answers it instead."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from PIL import Image

from core.crops import cut_look, look_at, resized
from core.frames import QWEN2_5_FACTOR
from core.geometry import Size
from core.grammar import IMAGE_MARK, TOOL_NAME, observation_text, tool_error_text, write_number
from core.policies.conversation import Role, Said, Shown, plain_text
from core.policies.protocol import PolicyCard
from core.rollout.plans import Plan
from core.trace import Fault, FaultKind, Look, Turn

_CALL_FAULTS = (FaultKind.MALFORMED_CALL, FaultKind.UNKNOWN_TOOL, FaultKind.BAD_COORDINATE)


@dataclass(frozen=True, slots=True)
class Observation:
    """What the environment answers: `text` as the trace has it, `said` as the policy is given it; `look` where it holds a crop."""

    text: str
    said: Said
    look: Look | None = None


class Views:
    """What can be shown of one picture. Crops are always cut from the whole picture, as its frame has it."""

    def __init__(self, plan: Plan, image: Image.Image) -> None:
        self._plan = plan
        self._image = image
        self._name = plan.sample.pictures[0].sha256

    @cached_property
    def whole(self) -> Shown:
        """The picture in the size in which the policy is shown it."""
        size = self._plan.shown
        return Shown(f"{self._name}/{size.width}x{size.height}", resized(self._image, size))

    @cached_property
    def _raster(self) -> Image.Image:
        raster = self._plan.frame.raster
        return self.whole.image if raster == self._plan.shown else resized(self._image, raster)

    def crop(self, look: Look, point: tuple[float, float]) -> Shown:
        """The crop of a look, whose call named this point in the model's numbers."""
        raster, out = self._plan.frame.raster, look.output
        name = f"{self._name}/{raster.width}x{raster.height}/{','.join(map(str, look.cut_from))}/{out.width}x{out.height}"
        if look.dot:
            at = self._plan.frame.to_raster(*point)
            name += f"/dot {int(at.x)},{int(at.y)}"
        return Shown(name, cut_look(self._raster, look, self._plan.frame, point))

    def opening(self) -> tuple[Said, ...]:
        """What stands before the model's first word: the system message, where one is sent, and the picture with the question.

        The question follows its picture on a new line, as the reference's data and the curated records have it.
        """
        system = () if self._plan.system is None else (Said(Role.SYSTEM, (self._plan.system,)),)
        return (*system, Said(Role.USER, (self.whole, "\n" + self._plan.question)))


def look_of(plan: Plan, turn: Turn) -> Look | None:
    """The look that a turn's call asks for; None where it cannot be carried out."""
    call = turn.call
    if plan.rule is None or call is None or call.name != TOOL_NAME or call.mention is None:
        return None
    return look_at(call.mention.x, call.mention.y, plan.frame, plan.rule)


def show(views: Views, look: Look, turn: Turn) -> Observation:
    """The crop that answers a call, in the words of the training data."""
    assert turn.call is not None and turn.call.mention is not None, "a look was called for"
    text = observation_text(look.dot)
    before, _, after = text.partition(IMAGE_MARK)
    crop = views.crop(look, (turn.call.mention.x, turn.call.mention.y))
    return Observation(text, Said(Role.USER, (before, crop, after)), look)


def complain(reason: str) -> Observation:
    """An error that answers a turn in place of a crop."""
    text = tool_error_text(plain_text(reason))
    return Observation(text, Said(Role.USER, (text,)))


def complaint_about(plan: Plan, turn: Turn, faults: tuple[Fault, ...]) -> str:
    """Why a turn's call cannot be carried out, in words that the model can do something about."""
    for fault in faults:
        if fault.kind in _CALL_FAULTS:
            return fault.detail
    mention = turn.call.mention if turn.call else None
    grid = plan.frame.grid
    where = f"({write_number(mention.x)}, {write_number(mention.y)}) is" if mention else "That is"
    return f"{where} outside the picture: x goes from 0 to {grid.width}, y from 0 to {grid.height}."


def picture_tokens(card: PolicyCard, size: Size) -> int:
    """About how many tokens a picture takes up: one for each square of the policy's factor."""
    factor = QWEN2_5_FACTOR if card.factor == 1 else card.factor
    return max(1, size.area // (factor * factor))
