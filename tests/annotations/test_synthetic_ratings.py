"""Made-up people rate a study through the real store, and are told by their names."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from annotations.database import open_database, sqlite_url
from annotations.raters.store import RaterStore
from annotations.raters.values import Role
from annotations.ratings.store import RatingStore
from annotations.ratings.values import RatingKind, Standing
from annotations.store import Store
from annotations.studies.settings import StudySettings
from annotations.studies.store import StudyStore
from annotations.synthetic import make_traces
from annotations.synthetic_ratings import NAME, make_ratings


def rated(file: Path, *, seed: int) -> list[tuple[str, str, int, object, object]]:
    """What the made-up people say about a study of 24 steps."""
    database = open_database(sqlite_url(file))
    studies, ratings, raters = StudyStore(database), RatingStore(database), RaterStore(database)
    Store(database).add_traces(make_traces(12, 2), dataset="made")
    study = studies.create("Made", StudySettings(own_point_first=True))
    given = make_ratings(studies, ratings, raters, study.id, people=5, seed=seed)
    steps = list(ratings.ratings(study.id))
    database.close()
    assert given == len(steps) and {step.rater_name[:-3] for step in steps} == {NAME}
    kinds = Counter(step.rating.judgement.kind for step in steps)
    assert kinds[RatingKind.RATED] == 72 and kinds[RatingKind.SKIPPED] == given - 72
    assert all(step.standing is Standing.COUNTS for step in steps if step.rating.judgement.kind is RatingKind.RATED)
    return [(step.rater_name, step.trace, step.step, step.rating.judgement, step.standing) for step in steps]


def test_made_up_people_rate_alike_each_time(tmp_path: Path) -> None:
    first, second, other = (rated(tmp_path / f"{name}.db", seed=seed) for name, seed in (("a", 0), ("b", 0), ("c", 1)))
    assert first == second != other
    judgements = [said for _, _, _, said, _ in first]
    answers = Counter(said.answers.get("accurate") for said in judgements)  # type: ignore[attr-defined]
    assert 0.5 < answers["yes"] / (answers["yes"] + answers["no"]) < 0.9
    assert any(said.correction for said in judgements)  # type: ignore[attr-defined]
    assert all(said.own_point for said in judgements if said.answers)  # type: ignore[attr-defined]


@pytest.mark.parametrize("guarded", [False, True])
def test_no_more_than_was_asked_for(tmp_path: Path, guarded: bool) -> None:
    database = open_database(sqlite_url(tmp_path / "a.db"))
    studies, ratings, raters = StudyStore(database), RatingStore(database), RaterStore(database)
    if guarded:
        raters.add("lead", Role.ADMIN, "a password of some length")
    Store(database).add_traces(make_traces(4, 3), dataset="made")
    study = studies.create("Made", StudySettings())
    assert make_ratings(studies, ratings, raters, study.id, people=2, at_most=5) == 5
    assert make_ratings(studies, ratings, raters, study.id, people=2, at_most=1) == 1
    assert len(list(ratings.ratings(study.id))) == 6
    database.close()
