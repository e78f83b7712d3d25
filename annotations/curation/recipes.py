"""What is asked of curation, and what comes of it: frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from annotations.curation.evidence import TraceEvidence
from annotations.curation.rules import Rule
from annotations.curation.splitting import DEFAULT_SPLIT, SplitPlan
from annotations.studies.values import Study
from core.manifest import Manifest
from core.records import Split


class Corrections(StrEnum):
    """What becomes of the points that people moved."""

    APPLY = "apply"
    """They stand in the text; a trace in which one cannot is left out."""
    LEAVE = "leave"
    """The text stays as the model wrote it."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides about a file of records, beside the database."""

    rule: Rule
    corrections: Corrections = Corrections.APPLY
    split: SplitPlan = DEFAULT_SPLIT


@dataclass(frozen=True, slots=True)
class Passed:
    """A trace that passes: its split, how many of its points people moved, and why it cannot become a record ('' where it can)."""

    evidence: TraceEvidence
    split: Split
    moved: int
    left_out: str


@dataclass(frozen=True, slots=True)
class SplitCount:
    """How many records and different pictures a split has."""

    split: Split
    records: int
    pictures: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What an export would hold.

    rated     traces of the study with ratings that count
    failed    condition, as it is written -> traces that it was the first to turn down
    passed    the traces that the rule takes, in the order of the file
    left_out  reason -> those of them that cannot become a record
    """

    study: Study
    recipe: Recipe
    rated: int
    failed: dict[str, int] = field(hash=False)
    passed: tuple[Passed, ...]
    left_out: dict[str, int] = field(hash=False)
    splits: tuple[SplitCount, ...]

    @property
    def records(self) -> int:
        """Traces that become records."""
        return len(self.passed) - sum(self.left_out.values())

    @property
    def corrected(self) -> tuple[int, int]:
        """Records in which people moved points, and how many points those are."""
        moved = [one.moved for one in self.passed if one.moved and not one.left_out]
        return len(moved), sum(moved)


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: the manifest, and how many pictures were new in their folder."""

    study: Study
    manifest: Manifest
    pictures: int
