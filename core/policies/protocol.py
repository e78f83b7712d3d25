"""What a policy is: something that many conversations can be put to at once.

    with policy.session() as session:
        session.submit(0, request)                 # any number of rows, at any time
        for event in session.events(timeout=1.0):  # what happened since, oldest first
            ...

A session belongs to one thread. A row is one conversation: when it is submitted again, its messages go on where the row stood, and the
policy may keep what it computed. A conversation that does not go on where it stood is encoded anew: never wrong, only slower.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Any, Protocol, Self

from core.crops import CropRule
from core.frames import QWEN2_5_FACTOR, QWEN_MIN_PIXELS, REFERENCE_MAX_PIXELS, CoordinateFrame, FrameKind, smart_resize
from core.geometry import Size
from core.policies.conversation import PolicyEvent, Request

CLOSED = "The policy was closed: open it again."
"""What becomes of turns of a policy that was closed."""


class PolicyKind(StrEnum):
    """Where a policy's words come from."""

    LOCAL = "local"
    """A checkpoint that runs in this process."""
    SERVER = "server"
    """A server that speaks the OpenAI protocol."""
    SCRIPTED = "scripted"
    """A program or a recording: no model."""


@dataclass(frozen=True, slots=True)
class PolicyCard:
    """What is known of a policy, before and beside its answers. Everything here goes into its traces.

    name           how it is called in traces: the hub name, the folder's name, the server's model
    space          what its numbers are measured in
    factor         its pictures' sides are multiples of this many pixels; 1: any size
    min_pixels     a smaller picture is enlarged to this area, a larger one than `max_pixels` shrunk to that
    system_prompt  the one that its chat template carries; None: it is given the domain's
    context        tokens that a conversation can have; None: not known
    crop           how it was trained to look closer; None: as the domain does
    details        device, number type, attention, versions and the like (JSON values)
    """

    name: str
    kind: PolicyKind
    space: FrameKind = FrameKind.RESIZED
    factor: int = QWEN2_5_FACTOR
    min_pixels: int = QWEN_MIN_PIXELS
    max_pixels: int = REFERENCE_MAX_PIXELS
    system_prompt: str | None = None
    context: int | None = None
    crop: CropRule | None = None
    details: Mapping[str, Any] = field(default_factory=dict, hash=False)


class Session(Protocol):
    """Conversations with one policy, from one thread; to be closed."""

    def submit(self, row: int, request: Request) -> None:
        """Ask for a turn. A row has one request at a time. What comes of it, also its failure, comes as events."""

    def events(self, timeout: float) -> tuple[PolicyEvent, ...]:
        """What happened since the last call, oldest first; waits up to `timeout` seconds where nothing did, and is then empty."""

    def cancel(self, row: int) -> None:
        """Forget the row, at once: no event of it comes any more, and what was kept for it is freed."""

    def close(self) -> None:
        """Cancel every row; may be called twice."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


class Policy(Protocol):
    """Something that reasons about pictures. Sessions of one policy may run in several threads at once."""

    @property
    def card(self) -> PolicyCard:
        """What is known of it."""

    def session(self) -> Session:
        """New conversations with it. Raises PolicyError where it was closed."""

    def close(self) -> None:
        """Free what it holds; its sessions end with failures. May be called twice."""


def frame_of(card: PolicyCard, picture: Size) -> CoordinateFrame:
    """The frame of a policy's numbers on a picture (upright, in original pixels): grid, and the raster that it is shown and cut from.

    Raises PolicyError for a space that no policy speaks.
    """
    known_by = f"the policy {card.name} speaks in {card.space.value}"
    if card.space is FrameKind.RESIZED:
        return CoordinateFrame.resized(
            picture, factor=card.factor, min_pixels=card.min_pixels, max_pixels=card.max_pixels, known_by=known_by
        )
    if card.space is FrameKind.NORMALISED:
        return CoordinateFrame.normalised(picture, known_by=known_by)
    return CoordinateFrame.original(picture, known_by=known_by)


def shown_size(card: PolicyCard, picture: Size) -> Size:
    """The size in which a policy is shown a picture of this upright size: its processor then resizes nothing any more."""
    if card.factor == 1:
        return picture
    return smart_resize(picture, factor=card.factor, min_pixels=card.min_pixels, max_pixels=card.max_pixels)
