"""Traces, ratings and studies for the tests of curation, each in a line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from annotations.curation.evidence import Judged, TraceEvidence, TraceFacts, gather
from annotations.ratings.values import Correction, Judgement, RatingKind
from annotations.studies.settings import StudySettings
from core.crops import CropRule
from core.frames import CoordinateFrame
from core.geometry import Box, Size
from core.grammar import TurnText, format_turns, parse
from core.grounding import ground
from core.trace import DomainName, Picture, Sample, Trace, Truth, TruthKind

SIZE = Size(600, 400)
FRAME = CoordinateFrame.original(SIZE)
RULE = CropRule(100, 512, dot=True)
NOON = datetime(2025, 5, 1, 12, tzinfo=UTC)
SETTINGS = StudySettings()


def conversation(
    *turns: TurnText,
    frame: CoordinateFrame = FRAME,
    truth: Truth | None = None,
    picture: str = "ab" * 32,
    question: str = "Where is the lamp?",
) -> Trace:
    """The trace of these turns about a picture of the frame's size."""
    truth = truth or Truth(TruthKind.BOX, "(1, 2, 3, 4)", Box(1, 2, 3, 4))
    sample = Sample(question, DomainName.WEB_GROUNDING, (Picture(picture, frame.picture, frame.orientation, "room.jpg"),), truth)
    return ground(sample, parse(format_turns(turns)), frame, RULE, policy="hand")


def thought(*sentences: str, answer: str = "(2, 3)", **options: object) -> Trace:
    """The trace of one turn of thought."""
    return conversation(TurnText(" ".join(sentences), answer=answer), **options)  # type: ignore[arg-type]


def judged(
    trace: str,
    step: int,
    rater: int,
    accurate: str = "yes",
    helpful: int = 4,
    *,
    correction: Correction | None = None,
    version: int = 1,
    minutes: int = 0,
) -> Judged:
    """A rating that counts, so many minutes after noon."""
    judgement = Judgement(RatingKind.RATED, {"accurate": accurate, "helpful": str(helpful)}, correction)
    return Judged(trace, step, rater, version, NOON + timedelta(minutes=minutes), judgement)


def facts(trace: str, *, pictures: tuple[str, ...] = ("ab" * 32,), **changes: object) -> TraceFacts:
    """What the store knows of a trace: right, without a fault or a look."""
    known: dict[str, object] = {"question": "Where?", "domain": DomainName.SPATIAL, "policy": "hand", "datasets": ("demo",)}
    known |= {"correct": True, "faults": 0, "looks": 0}
    return TraceFacts(id=trace, pictures=pictures, **(known | changes))  # type: ignore[arg-type]


def evidence(ratings: list[Judged], *, asked: int = 3, settings: StudySettings = SETTINGS, **changes: object) -> TraceEvidence:
    """The evidence of the one trace that these ratings are about."""
    trace = ratings[0].trace
    (one,) = gather(ratings, settings, {trace: frozenset(range(asked))}, {trace: facts(trace, **changes)})  # type: ignore[arg-type]
    return one
