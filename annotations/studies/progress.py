"""How far a study is: ratings that count by item, and what each rater has done. Counted in the database."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Connection, Subquery, case, func, select

from annotations.rating_schema import ItemRow, PlaceRow, RaterRow, RatingRow
from annotations.ratings.values import RatingKind
from annotations.studies.values import LeftOut, RaterShare, StudyProgress, StudyTally
from annotations.studies.versions import newest_version


def study_progress(connection: Connection, study_id: int) -> StudyProgress:
    """How far the study is as the transaction sees it. Raises NotFound."""
    places = newest_version(connection, study_id).settings.ratings_per_item
    states = select(ItemRow.left_out, func.count()).where(ItemRow.study_id == study_id).group_by(ItemRow.left_out)
    items: dict[str, int] = dict(connection.execute(states).all())
    asked = items.pop(LeftOut.ASKED.value, 0)
    by_ratings = _by_ratings(connection, study_id, places)
    by_ratings[0] = asked - sum(by_ratings.values())
    there = sum(ratings * count for ratings, count in by_ratings.items())
    return StudyProgress(
        by_ratings=tuple(by_ratings[ratings] for ratings in range(places + 1)),
        wanted=asked * places,
        there=there,
        left_out=items,
        by_version=_by_version(connection, study_id),
        raters=_raters(connection, study_id),
    )


def study_tallies(connection: Connection) -> dict[int, StudyTally]:
    """All studies in three numbers each, by their row."""
    asked = ItemRow.left_out == LeftOut.ASKED.value
    left_out = dict(connection.execute(select(ItemRow.study_id, func.count()).where(~asked).group_by(ItemRow.study_id)).all())
    held = select(ItemRow.study_id, func.count()).join(PlaceRow, PlaceRow.item_id == ItemRow.id).where(asked, PlaceRow.until.is_(None))
    ratings = dict(connection.execute(held.group_by(ItemRow.study_id)).all())
    people = select(ItemRow.study_id, func.count(RatingRow.rater_id.distinct())).join(RatingRow, RatingRow.item_id == ItemRow.id)
    raters = dict(connection.execute(people.group_by(ItemRow.study_id)).all())
    return {
        number: StudyTally(left_out.get(number, 0), ratings.get(number, 0), raters.get(number, 0))
        for number in left_out.keys() | ratings.keys() | raters.keys()
    }


def _by_ratings(connection: Connection, study_id: int, places: int) -> Counter[int]:
    """How many asked items have how many ratings that count, where they have any."""
    # A rating that counts holds a place without an end.
    held = (
        select(func.count().label("ratings"))
        .select_from(PlaceRow)
        .join(ItemRow, ItemRow.id == PlaceRow.item_id)
        .where(ItemRow.study_id == study_id, ItemRow.left_out == LeftOut.ASKED.value, PlaceRow.until.is_(None))
        .group_by(PlaceRow.item_id)
        .subquery()
    )
    found = connection.execute(select(held.c.ratings, func.count()).group_by(held.c.ratings))
    return Counter({min(ratings, places): count for ratings, count in found})


def _raters(connection: Connection, study_id: int) -> tuple[RaterShare, ...]:
    """Everybody who has rated or skipped, those first who have done most."""
    newest = _newest(study_id)
    rated, skipped = (func.sum(case((RatingRow.kind == kind.value, 1), else_=0)) for kind in (RatingKind.RATED, RatingKind.SKIPPED))
    counted = (
        select(RatingRow.rater_id, rated.label("rated"), skipped.label("skipped"), func.max(RatingRow.at).label("last"))
        .join(newest, newest.c.id == RatingRow.id)
        .group_by(RatingRow.rater_id)
    )
    rows = connection.execute(counted).all()
    wanted = select(RaterRow.id, RaterRow.name)
    names = {row.id: row.name for row in connection.execute(wanted.where(RaterRow.id.in_([row.rater_id for row in rows])))} if rows else {}
    shares = [RaterShare(row.rater_id, names[row.rater_id], int(row.rated), int(row.skipped), row.last) for row in rows]
    return tuple(sorted(shares, key=lambda share: (-share.rated - share.skipped, share.rater)))


def _by_version(connection: Connection, study_id: int) -> dict[int, int]:
    newest = _newest(study_id)
    rated = select(RatingRow.version_id, func.count()).join(newest, newest.c.id == RatingRow.id)
    return dict(connection.execute(rated.where(RatingRow.kind == RatingKind.RATED.value).group_by(RatingRow.version_id)).all())


def _newest(study_id: int) -> Subquery:
    """The newest revision of every rater about every item of the study."""
    return (
        select(func.max(RatingRow.id).label("id"))
        .join(ItemRow, ItemRow.id == RatingRow.item_id)
        .where(ItemRow.study_id == study_id)
        .group_by(RatingRow.item_id, RatingRow.rater_id)
        .subquery()
    )
