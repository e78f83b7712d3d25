"""Which ratings count, and the ratings of a study as the results read them: the newest revision of each, with the facts of its step."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, select
from sqlalchemy.orm import aliased

from annotations.database import Database
from annotations.rating_schema import ItemRow, PlaceRow, RaterRow, RatingRow, StudyVersionRow
from annotations.ratings.current import StudyNow, Versions
from annotations.ratings.values import Judgement, Rating, RatingKind, Standing
from annotations.schema import DatasetRow, PictureRow, SampleRow, StepRow, TraceRow

# Ratings that a stream holds at a time.
BATCH = 250
TRACE_GONE = "trace_gone"


@dataclass(frozen=True, slots=True)
class StepFacts:
    """What the store knows of a step that was judged; `x`, `y` in pixels of the upright original picture.

    sample   content hash of the sample, so that the same question under several policies is told
    picture  SHA-256 of the picture, `width` and `height` its upright size in pixels
    looked   the step zoomed in
    steps    how many steps the trace has
    """

    dataset: str
    domain: str
    policy: str
    correct: bool | None
    stop: str
    sample: str
    picture: str
    width: int
    height: int
    x: float
    y: float
    looked: bool
    steps: int


@dataclass(frozen=True, slots=True)
class RatedStep:
    """The newest revision of one rater about one item. `version` is the study's; `facts` is None where the trace is gone."""

    rating: Rating
    standing: Standing
    rater_name: str
    version: int
    trace: str
    step: int
    facts: StepFacts | None


@dataclass(frozen=True, slots=True)
class OwnRating:
    """A rating as its own rater sees it: the newest revision about an item, the step of which it speaks, and its standing."""

    rating: Rating
    standing: Standing
    trace: str
    step: int


@dataclass(frozen=True, slots=True)
class OwnRatings:
    """One page of a rater's ratings, newest first, and how many ratings and pages there are (at least one page)."""

    total: int
    page: int
    pages: int
    items: tuple[OwnRating, ...]


def standing(kind: RatingKind, *, fits: bool, present: bool, placed: bool) -> Standing:
    """The rule: `fits` the present questions and its item's trace, that trace is `present`, the pair is `placed`: holds a place."""
    if kind is not RatingKind.RATED:
        return Standing.NOT_RATED
    if not (fits and present):
        return Standing.SET_APART
    return Standing.COUNTS if placed else Standing.SURPLUS


def read_rating(row: Any, version: int) -> Rating:
    """The rating in a row of the table; `version` is the number of its `version_id`."""
    return Rating(
        id=row.id,
        token=row.token,
        item=row.item_id,
        rater=row.rater_id,
        version=version,
        revision=row.revision,
        trace=row.trace_hash,
        judgement=Judgement.from_json(row.content),
        at=row.at,
    )


def is_newest(among: Collection[int] | None = None) -> ColumnElement[bool]:
    """The condition that no later revision of the same rater about the same item is there; `among`: of those under these versions."""
    later = aliased(RatingRow)
    same = (later.item_id == RatingRow.item_id, later.rater_id == RatingRow.rater_id, later.revision > RatingRow.revision)
    if among is None:
        return ~exists(select(later.id).where(*same))
    ids = sorted(among)
    return and_(RatingRow.version_id.in_(ids), ~exists(select(later.id).where(*same, later.version_id.in_(ids))))


def rated_steps(database: Database, versions: Versions, study_id: int, under: int | None = None) -> Iterator[RatedStep]:
    """The newest revision of every rater about every item, in the order of the ratings, a few at a time. Raises NotFound.

    under  row of a version: the newest of those revisions that answer what that version asks

    Skipped and withdrawn ones are among them, and say so. Each batch is a short transaction of its own.
    """
    last = 0
    while True:
        with database.reading() as connection:
            study = versions.now(connection, study_id)
            among = None if under is None else versions.same_as(connection, versions.version(connection, under))
            wanted = _newest(study, among).where(RatingRow.id > last).order_by(RatingRow.id).limit(BATCH)
            rows = connection.execute(wanted).all()
            facts = _facts(connection, {row.item_trace for row in rows})
        if not rows:
            return
        yield from (_rated_step(study, row, facts.get((row.item_trace, row.item_step))) for row in rows)
        last = rows[-1].id


def own_ratings(connection: Connection, study: StudyNow, rater_id: int, page: int, page_size: int) -> OwnRatings:
    """One page of what the rater has rated or skipped, newest first."""
    mine = (RatingRow.rater_id == rater_id, RatingRow.kind != RatingKind.WITHDRAWN.value)
    counted = select(func.count()).select_from(RatingRow).join(ItemRow, ItemRow.id == RatingRow.item_id)
    total = connection.scalar(counted.where(ItemRow.study_id == study.id, is_newest(), *mine)) or 0
    pages = max(1, -(-total // page_size))
    wanted = _newest(study).where(*mine).order_by(RatingRow.id.desc()).offset((page - 1) * page_size).limit(page_size)
    found = []
    for row in connection.execute(wanted):
        found.append(OwnRating(read_rating(row, row.version), _standing(study, row, present=row.present), row.item_trace, row.item_step))
    return OwnRatings(total, page, pages, tuple(found))


def waiting_items(connection: Connection, study: StudyNow) -> Sequence[int]:
    """The items with a rating that would count and has no place."""
    placed = and_(PlaceRow.item_id == RatingRow.item_id, PlaceRow.rater_id == RatingRow.rater_id, PlaceRow.until.is_(None))
    found = (
        select(RatingRow.item_id)
        .distinct()
        .join(ItemRow, ItemRow.id == RatingRow.item_id)
        .outerjoin(PlaceRow, placed)
        .where(ItemRow.study_id == study.id, RatingRow.kind == RatingKind.RATED.value, RatingRow.trace_hash == ItemRow.trace_hash)
        .where(RatingRow.version_id.in_(sorted(study.same)), PlaceRow.place.is_(None), is_newest())
    )
    return connection.scalars(found).all()


def _newest(study: StudyNow, among: Collection[int] | None = None) -> Select[Any]:
    present = exists(select(TraceRow.id).where(TraceRow.content_hash == ItemRow.trace_hash))
    placed = exists(
        select(PlaceRow.place).where(
            PlaceRow.item_id == RatingRow.item_id, PlaceRow.rater_id == RatingRow.rater_id, PlaceRow.until.is_(None)
        )
    )
    return (
        select(
            *RatingRow.__table__.columns,
            RaterRow.name.label("rater_name"),
            StudyVersionRow.version,
            ItemRow.trace_hash.label("item_trace"),
            ItemRow.step.label("item_step"),
            ItemRow.left_out,
            present.label("present"),
            placed.label("placed"),
        )
        .join(ItemRow, ItemRow.id == RatingRow.item_id)
        .join(RaterRow, RaterRow.id == RatingRow.rater_id)
        .join(StudyVersionRow, StudyVersionRow.id == RatingRow.version_id)
        .where(ItemRow.study_id == study.id, is_newest(among))
    )


def _standing(study: StudyNow, row: Any, *, present: bool) -> Standing:
    fits = row.version_id in study.same and row.trace_hash == row.item_trace
    there = bool(present) and row.left_out != TRACE_GONE
    return standing(RatingKind(row.kind), fits=fits, present=there, placed=bool(row.placed))


def _rated_step(study: StudyNow, row: Any, facts: StepFacts | None) -> RatedStep:
    return RatedStep(
        rating=read_rating(row, row.version),
        standing=_standing(study, row, present=facts is not None),
        rater_name=row.rater_name,
        version=row.version,
        trace=row.item_trace,
        step=row.item_step,
        facts=facts,
    )


def _facts(connection: Connection, hashes: set[str]) -> dict[tuple[str, int], StepFacts]:
    """The facts of all steps of the traces that can be asked about, by content hash and step; of the data set that had it first."""
    found = (
        select(TraceRow, DatasetRow.name.label("dataset"), SampleRow.content_hash.label("sample"), PictureRow.sha256)
        .add_columns(PictureRow.width, PictureRow.height, StepRow.position, StepRow.x, StepRow.y, StepRow.look_x1)
        .join(DatasetRow, DatasetRow.id == TraceRow.dataset_id)
        .join(SampleRow, SampleRow.id == TraceRow.sample_id)
        .join(PictureRow, PictureRow.id == TraceRow.picture_id)
        .join(StepRow, StepRow.trace_id == TraceRow.id)
        .where(TraceRow.content_hash.in_(sorted(hashes)), StepRow.x.is_not(None), StepRow.y.is_not(None))
        .order_by(TraceRow.id.desc())
    )
    return {(row.content_hash, row.position): _step_facts(row) for row in connection.execute(found)}


def _step_facts(row: Any) -> StepFacts:
    return StepFacts(
        dataset=row.dataset,
        domain=row.domain,
        policy=row.policy,
        correct=row.correct,
        stop=row.stop,
        sample=row.sample,
        picture=row.sha256,
        width=row.width,
        height=row.height,
        x=row.x,
        y=row.y,
        looked=row.look_x1 is not None,
        steps=row.step_count,
    )
