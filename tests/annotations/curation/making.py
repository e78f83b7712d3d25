"""Traces, ratings and studies for the tests of curation, each in a line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from annotations.curation.curator import Curator
from annotations.curation.evidence import Judged, TraceEvidence, TraceFacts, gather
from annotations.curation.recipes import Recipe
from annotations.curation.rules import parse_rule
from annotations.ratings.values import Correction, Judgement, RatingKind
from annotations.studies.settings import Selection, StudySettings
from annotations.studies.values import Study
from core.crops import CropRule
from core.frames import CoordinateFrame
from core.geometry import Box, Size
from core.grammar import TurnText, format_turns, parse
from core.grounding import ground
from core.manifest import Manifest, read_manifest
from core.records import CuratedRecord, read_records
from core.trace import DomainName, Picture, Sample, Trace, Truth, TruthKind
from tests.annotations.ratings.worlds import World, rated

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


class Bench(World):
    """A database with a study, where anybody can be made to have rated anything."""

    def begin(self, *traces: Trace, name: str = "First", dataset: str = "demo", **settings: object) -> Study:
        """A study of every step of the traces, each rated by up to three people, however short it is."""
        self.store.add_traces(traces, dataset=dataset)
        settings.setdefault("selection", Selection(min_words=0))
        return self.studies.create(name, StudySettings(**settings))  # type: ignore[arg-type]

    def say(self, study: Study, trace: Trace, *answers: str, step: int = 0, corrections: dict[int, Correction] | None = None) -> None:
        """Person k (from 1) answers "yes 4" by `answers[k - 1]`; an empty one says nothing."""
        items = {(item.trace, item.step): item.id for item in self.studies.items(study.id, page_size=500).items}
        item = items[trace.content_hash, step]
        for person, answer in enumerate(answers, start=1):
            if answer:
                accurate, helpful = answer.split()
                judgement = rated(answers={"accurate": accurate, "helpful": helpful}, correction=(corrections or {}).get(person))
                given = {"version_id": study.version_id, "trace": trace.content_hash, "judgement": judgement, "token": self.token()}
                self.ratings.submit(item, self.rater(f"person {person}"), **given)  # type: ignore[arg-type]
                self.clock.passes(1)

    def curator(self) -> Curator:
        return Curator(self.store, self.studies, self.ratings)

    def export(self, study: Study, folder: Path, rule: str = "any", **options: object) -> tuple[list[CuratedRecord], Manifest]:
        """The records and the manifest of a file that is written into a folder and read back."""
        path = folder / "records.jsonl"
        self.curator().export(study.id, Recipe(parse_rule(rule), **options), path)  # type: ignore[arg-type]
        return list(read_records(path)), read_manifest(path)
