"""What a rater says about a step, and what the store says of it: frozen values with a JSON form.

All points and boxes are in pixels of the upright original of the trace's first picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, ClassVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from annotations.studies.settings import StudySettings
from core.errors import RatingRefused
from core.geometry import Box, Point

MAX_COMMENT = 10_000
MAX_SECONDS = 24 * 3600.0


class RatingKind(StrEnum):
    RATED = "rated"
    SKIPPED = "skipped"
    """The rater gave a reason not to judge: counted, never scored; the item goes to somebody else."""
    WITHDRAWN = "withdrawn"
    """Undone: the rater may be asked again."""


class Standing(StrEnum):
    """Whether a rating counts, and why not."""

    COUNTS = "counts"
    SURPLUS = "surplus"
    """It came after the item had all its ratings: kept, and counted as soon as a place is free."""
    SET_APART = "set_apart"
    """It judged a trace that has changed since, or is gone, or it answers other questions than the study asks now."""
    NOT_RATED = "not_rated"
    """The step was skipped, or the rating was taken back: there is nothing that could be scored."""


@dataclass(frozen=True, slots=True)
class Correction:
    """Where the point should have been, or the box it should have hit; one of the two."""

    point: Point | None = None
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a rater said about one step, with its circumstances. Raises RatingRefused for what nobody could have meant.

    answers    question to the value of the choice; all questions where the kind is `rated`, any where it is not
    own_point  where the rater looked for it, before the model's point was shown
    reason     why it was skipped
    seconds    on the step, while the page was in sight
    zoom_seen  whether the zoom was on the screen; None where the step did not look
    keys_only  given without a mouse
    """

    # A misspelt name must not lose what stands behind it.
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    kind: RatingKind
    answers: dict[str, str] = field(default_factory=dict, hash=False)
    correction: Correction | None = None
    own_point: Point | None = None
    comment: str = ""
    reason: str = ""
    seconds: float = 0.0
    zoom_seen: bool | None = None
    keys_only: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.seconds) and 0 <= self.seconds <= MAX_SECONDS):
            raise RatingRefused(f"The time on a step is 0 to {MAX_SECONDS:.0f} seconds, not {self.seconds}.")
        if max(len(self.comment), len(self.reason)) > MAX_COMMENT:
            raise RatingRefused(f"A comment has at most {MAX_COMMENT:,} characters: shorten it.")
        if self.kind is RatingKind.SKIPPED and not self.reason.strip():
            raise RatingRefused("A step is skipped with a reason: choose or write one.")
        if self.correction and (self.correction.point is None) == (self.correction.box is None):
            raise RatingRefused("A correction is a point or a box, one of the two.")

    def to_json(self) -> dict[str, Any]:
        """The judgement as JSON values; `from_json` gives an equal one back."""
        document: dict[str, Any] = _adapter().dump_python(self, mode="json")
        return document

    @classmethod
    def from_json(cls, document: Any) -> Judgement:
        """The judgement of a JSON document. Raises RatingRefused with the place and the reason."""
        try:
            return _adapter().validate_python(document)
        except ValidationError as error:
            first = error.errors()[0]
            if isinstance(refused := first.get("ctx", {}).get("error"), RatingRefused):
                raise refused from error
            place = ".".join(str(part) for part in first["loc"]) or "the judgement"
            raise RatingRefused(f"This is no rating: {place}: {first['msg'].rstrip('.')}.") from error


@dataclass(frozen=True, slots=True)
class Rating:
    """A judgement as it is kept.

    id        the row; a later one is newer
    version   of the study: the guideline it was given under
    trace     content hash of the trace that was judged
    """

    id: int
    token: str
    item: int
    rater: int
    version: int
    revision: int
    trace: str
    judgement: Judgement
    at: datetime


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What a rater is told once a rating is on the disk.

    study     of the item
    repeated  this token had been acknowledged before
    progress  how far the rater is with this rating
    """

    study: int
    rating: Rating
    standing: Standing
    repeated: bool
    progress: Progress


@dataclass(frozen=True, slots=True)
class Draft:
    """What a rater has begun to say about an item. `content` is the page's own document, kept as it came."""

    item: int
    sequence: int
    content: dict[str, Any] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Ask:
    """An item that a rater holds a lease on, or has rated.

    until         when the lease ends, unless it is renewed; not after the present where the item cannot be kept for the rater
    trace_number  place of the trace in the rater's order, from 1, of `traces`; step_number of `steps` likewise within the trace;
                  both numbers are 0 where the study does not ask for the item any more
    version       the newest one of the study, in the row `version_id`, with what it asks by
    """

    item: int
    trace: str
    step: int
    until: datetime
    trace_number: int
    traces: int
    step_number: int
    steps: int
    version: int
    version_id: int
    settings: StudySettings = field(hash=False, repr=False)
    draft: Draft | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rater is in a study.

    done     items rated or skipped by this rater; `skipped` of them skipped
    open     items that this rater could still be given
    seconds  median time on an item so far; None where there are none
    """

    done: int
    skipped: int
    open: int
    seconds: float | None

    @property
    def seconds_left(self) -> float | None:
        """Median time on an item times the items that are open."""
        return None if self.seconds is None else self.seconds * self.open


@dataclass(frozen=True, slots=True)
class Asked:
    """What a rater is given next, the study's version, and how far the rater is."""

    asks: tuple[Ask, ...]
    version: int
    progress: Progress


@cache
def _adapter() -> TypeAdapter[Judgement]:
    return TypeAdapter(Judgement)
