"""What the store says of a study: frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from annotations.queries import StoredTrace
from annotations.studies.sentences import SentencePart, in_one
from annotations.studies.settings import StudySettings
from core.trace import Step


class LeftOut(StrEnum):
    """Why an item is not asked."""

    ASKED = ""
    """It is asked."""
    BY_HAND = "by_hand"
    """Somebody took it out, and it stays out until somebody takes it back."""
    NOT_SELECTED = "not_selected"
    """The newest settings do not select it."""
    TRACE_GONE = "trace_gone"
    """Its trace is no longer in the store, or is another one now."""


@dataclass(frozen=True, slots=True)
class Study:
    """A study under its newest version. `items`: how many steps it asks now."""

    id: int
    name: str
    version: int
    version_id: int
    settings: StudySettings = field(hash=False)
    added: datetime
    closed: bool
    items: int


@dataclass(frozen=True, slots=True)
class StudyVersion:
    """The settings of a study from `added` to the next version; `version` counts from 1, `version_id` is the row."""

    version: int
    version_id: int
    settings: StudySettings = field(hash=False)
    actor: str
    added: datetime


@dataclass(frozen=True, slots=True)
class StudyItem:
    """A step that a study asks about: its trace by content hash, and its position in it from 0.

    parts    the sentence that a rater reads; none where the trace is gone
    ratings  how many ratings of it count
    """

    id: int
    trace: str
    step: int
    left_out: LeftOut
    parts: tuple[SentencePart, ...]
    ratings: int

    @property
    def sentence(self) -> str:
        """The sentence as one text."""
        return in_one(self.parts)


@dataclass(frozen=True, slots=True)
class StudyItemPage:
    """The items of one page, and how many items and pages the study has in all, left out or not (at least one page)."""

    total: int
    page: int
    pages: int
    items: tuple[StudyItem, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """How many traces and steps of a selection have a value."""

    value: str
    traces: int
    steps: int


@dataclass(frozen=True, slots=True)
class SelectionPreview:
    """How much a selection asks about. The shares are ordered, the largest number of steps first."""

    traces: int
    steps: int
    pictures: int
    by_domain: tuple[Share, ...]
    by_policy: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class AskedStep:
    """All that is needed to show an item: the step in its trace, and how the study asks now."""

    item: int
    study: int
    left_out: LeftOut
    closed: bool
    stored: StoredTrace = field(hash=False)
    step: Step
    version: int
    version_id: int
    settings: StudySettings = field(hash=False)


@dataclass(frozen=True, slots=True)
class RaterShare:
    """What one rater has done in a study: items rated and items skipped, by the newest revision, and when last."""

    rater: int
    name: str
    rated: int
    skipped: int
    last: datetime


@dataclass(frozen=True, slots=True)
class StudyProgress:
    """How far a study is. `by_ratings`, `wanted` and `there` are about the items that are asked now.

    by_ratings  at place k: how many items have k ratings that count, from 0 to the number that the study wants
    wanted      ratings that the study wants in all; `there` of them are there
    left_out    how many items are left out, by the reason
    by_version  row of a version to how many ratings, by their newest revision, were given under it
    """

    by_ratings: tuple[int, ...]
    wanted: int
    there: int
    left_out: dict[str, int] = field(hash=False)
    by_version: dict[int, int] = field(hash=False)
    raters: tuple[RaterShare, ...]


@dataclass(frozen=True, slots=True)
class StudyTally:
    """A study in three numbers: items left out, ratings that count of the items that are asked, and people who have rated."""

    left_out: int = 0
    ratings: int = 0
    raters: int = 0
