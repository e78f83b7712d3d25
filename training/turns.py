"""A curated record as the messages of a rollout: what is shown, what the model said, what was answered. No tokens yet.

The messages are made by the code that leads rollouts (core.rollout), so that a policy learns from exactly what it will be asked with: the
system prompt, the whole picture in the policy's own size and the question behind it, the crop inside its observation.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from core.crops import resized
from core.errors import FrameError, GeometryError, PictureError, PolicyError, TrainingError
from core.geometry import Size
from core.grammar import IMAGE_MARK
from core.policies.conversation import Role, Said, Shown
from core.policies.protocol import PolicyCard, shown_size
from core.records import CuratedRecord, RecordMessage, Writer
from core.rollout.observations import Views
from core.rollout.plans import asked_text, plan_of
from core.rollout.values import RolloutSettings, SystemPrompt, Task
from core.trace import Picture, Sample
from training.respelling import in_frame_of

# What an importer may have left behind a turn; the end of a turn is a token of its own here.
_ENDS = re.compile(r"(?:<\|im_end\|>\s*|<\|endoftext\|>\s*)+\Z")


@dataclass(frozen=True, slots=True)
class SpokenTurn:
    """A turn of the model.

    injected  was put into its mouth; the model went on from there
    text      what it wrote, without a mark that ends a turn
    answered  what the environment said to it; None where nothing follows that the model could have learnt from
    """

    injected: str
    text: str
    answered: Said | None = None


@dataclass(frozen=True, slots=True)
class Spoken:
    """A conversation: what stood before the model's first word, and its turns, every one with text."""

    opening: tuple[Said, ...]
    turns: tuple[SpokenTurn, ...]


def title_of(record: CuratedRecord) -> str:
    """How sentences name a record."""
    return f"The record of trace {record.trace:.12}"


def spoken(record: CuratedRecord, images: Image.Image | Sequence[Image.Image], card: PolicyCard, *, system: str | None = None) -> Spoken:
    """The conversation of a record as a policy with this card is asked it.

    images  the upright originals of the record's pictures, in order; one image where it has one picture
    system  a system prompt in place of the record's own; "": none is sent, and the checkpoint's template says what it says

    A picture alone stands before its question, as in every rollout; several stand where the question has their marks. Numbers are those of
    the policy: `training.respelling`. What follows the model's last word is left out. Raises TrainingError, naming the record, for what no
    rollout would have led to: an image of another size, two turns without an observation between them.
    """
    given = (images,) if isinstance(images, Image.Image) else tuple(images)
    try:
        return _spoken(record, given, card, system)
    except (PolicyError, PictureError, GeometryError, FrameError) as error:
        raise TrainingError(f"{title_of(record)} cannot be shown to {card.name}. {error}") from error


def _spoken(record: CuratedRecord, images: tuple[Image.Image, ...], card: PolicyCard, system: str | None) -> Spoken:
    if len(images) != len(record.pictures) or not images:
        raise PolicyError(f"It has {len(record.pictures)} pictures, and {len(images)} images were given for them: give one for each.")
    question = "".join(message.text for message in record.messages if message.writer is Writer.QUESTION)
    own = "".join(message.text for message in record.messages if message.writer is Writer.SYSTEM)
    prompt = own if system is None else system
    # What the template says by itself is not sent, as in a rollout.
    text = None if prompt in ("", card.system_prompt) else prompt
    asked = Sample(question, record.domain, record.pictures[:1], record.truth)
    plan = plan_of(card, Task(asked, images[0]), RolloutSettings(system=SystemPrompt.CHECKPOINT, system_text=text))
    record = in_frame_of(record, plan)
    views = Views(plan, images[0])
    opening = views.opening()
    if len(images) > 1:
        others = (_shown(picture, image, card) for picture, image in zip(record.pictures[1:], images[1:], strict=True))
        opening = (*opening[:-1], _question(question, (views.whole, *others)))
    return Spoken(opening, _turns(record, views))


def _shown(picture: Picture, image: Image.Image, card: PolicyCard) -> Shown:
    if image.size != (picture.size.width, picture.size.height):
        given = Size(*image.size)
        raise PolicyError(f"A picture of it is {picture.size} px upright, and the image given for it {given} px: turn it upright.")
    size = shown_size(card, picture.size)
    return Shown(f"{picture.sha256}/{size.width}x{size.height}", resized(image, size))


def _question(text: str, shown: Sequence[Shown]) -> Said:
    """The question with its pictures where its marks are."""
    if not asked_text(text):
        raise PolicyError("The question is empty: say what is to be found out about the pictures.")
    before, *behind = text.split(IMAGE_MARK)
    parts: list[str | Shown] = [before] if before else []
    for picture, words in zip(shown, behind, strict=True):
        parts += [picture, words] if words else [picture]
    return Said(Role.USER, tuple(parts))


def _turns(record: CuratedRecord, views: Views) -> tuple[SpokenTurn, ...]:
    looks = iter(record.looks)
    turns: list[SpokenTurn] = []
    injected, waits = "", False
    for message in record.messages:
        if message.writer is Writer.INJECTED:
            injected += message.text
        elif message.writer is Writer.MODEL and (text := _ENDS.sub("", message.text)):
            if waits:
                raise PolicyError(
                    f"Its turn {len(turns) + 1} follows another without an observation between them: join the two, or drop it."
                )
            turns.append(SpokenTurn(injected, text))
            injected, waits = "", True
        elif message.writer is Writer.OBSERVATION:
            if not waits or injected:
                raise PolicyError("An observation of it answers no turn of the model: put it behind one.")
            look = next(looks) if IMAGE_MARK in message.text else None
            crop = views.crop(look.look, look.point) if look else None
            turns[-1] = SpokenTurn(turns[-1].injected, turns[-1].text, _observation(message, crop))
            waits = False
    if not turns:
        raise PolicyError("The model said nothing in it that could be learnt: drop it.")
    return (*turns[:-1], SpokenTurn(turns[-1].injected, turns[-1].text))


def _observation(message: RecordMessage, crop: Shown | None) -> Said:
    if crop is None:
        return Said(Role.USER, (message.text,))
    before, _, after = message.text.partition(IMAGE_MARK)
    if IMAGE_MARK in after:
        raise PolicyError("An observation of it shows two crops, and a rollout shows one: split it.")
    return Said(Role.USER, tuple(part for part in (before, crop, after) if part))
