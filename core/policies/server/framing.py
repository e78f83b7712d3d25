"""What a server's numbers are measured in: said by whoever opens it, or told by the model's name. It is never guessed."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Protocol

from core.errors import PolicyError
from core.frames import FrameKind
from core.policies.families import FAMILIES, Family
from core.policies.protocol import PolicyCard, PolicyKind


class ServerOptions(Protocol):
    """What can be settled of a server when it is opened; None: as its model has it.

    min_pixels, max_pixels  the area to which a smaller or larger picture is brought
    space                   what the model's numbers are measured in
    slots                   turns that are asked for at the same time
    """

    @property
    def min_pixels(self) -> int | None: ...

    @property
    def max_pixels(self) -> int | None: ...

    @property
    def space(self) -> FrameKind | None: ...

    @property
    def slots(self) -> int | None: ...


# Names as they stand on the hub and as people shorten them. ViGoRL's checkpoints are all trained from Qwen2.5-VL.
_NAMES = (
    (re.compile(r"qwen[-_ ]?2[._]5[-_ ]?vl|vigorl", re.IGNORECASE), "qwen2_5_vl"),
    (re.compile(r"qwen[-_ ]?3[-_ ]?vl", re.IGNORECASE), "qwen3_vl"),
    (re.compile(r"qwen[-_ ]?2[-_ ]?vl", re.IGNORECASE), "qwen2_vl"),
)
# Where only the space is known: the family whose pictures snap as most of its kind do.
_LIKE = {FrameKind.RESIZED: "qwen2_5_vl", FrameKind.NORMALISED: "qwen3_vl", FrameKind.ORIGINAL: None}


def family_by_name(name: str) -> Family | None:
    """The family that a model's name tells; None where it tells none."""
    return next((FAMILIES[family] for pattern, family in _NAMES if pattern.search(name)), None)


def framed_card(name: str, options: ServerOptions, context: int | None, details: dict[str, object]) -> PolicyCard:
    """The card of a server's model, with the space and the areas that its pictures are shown in.

    A model that the server names by its folder is called by the folder's name; `details` have the whole.
    Raises PolicyError where nothing tells the space, where no policy speaks in it, and for areas that are none.
    """
    family = family_by_name(name)
    known_by = "the option" if options.space is not None else "the model's name"
    space = options.space or (family.space if family else None)
    if space is None:
        raise PolicyError(
            f"The name “{name}” does not tell what the model's numbers are measured in: say it with the option space "
            f"({FrameKind.RESIZED.value} as Qwen2.5-VL, {FrameKind.NORMALISED.value} as Qwen3-VL, or {FrameKind.ORIGINAL.value})."
        )
    if space not in _LIKE:
        raise PolicyError(f"A policy does not speak in {space.value}: take {', '.join(kind.value for kind in _LIKE)}.")
    like = family or (FAMILIES[_LIKE[space] or "qwen2_5_vl"])
    least, most = options.min_pixels or like.min_pixels, options.max_pixels or like.max_pixels
    if not 0 < least <= most:
        raise PolicyError(f"The least area of a picture is more than 0 and at most the largest, not {least} with {most}.")
    return PolicyCard(
        name=PurePath(name).name if name.startswith("/") else name,
        kind=PolicyKind.SERVER,
        space=space,
        factor=like.factor if family or space is not FrameKind.ORIGINAL else 1,
        min_pixels=least,
        max_pixels=most,
        context=context,
        details={"model": name, **details, "space_known_by": known_by},
    )
