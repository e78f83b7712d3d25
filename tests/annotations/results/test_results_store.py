"""Results read from real databases: ratings as raters give them, through the stores, on every back end."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from annotations.database import Database
from annotations.ratings.values import Correction
from annotations.results.study import StudyResults, results
from annotations.results.tables import csv_text, jsonl_text
from annotations.studies.settings import ACCURATE, HELPFUL, Choice
from annotations.studies.values import Study
from core.errors import NotFound, StudyError
from core.geometry import Point
from tests.annotations.ratings.worlds import World, rated, skipped


def of(world: World, study: Study, **options: Any) -> StudyResults:
    return results(world.studies, world.ratings, study.id, resamples=200, **options)


def rate_all(world: World, study: Study, rater: int, *answers: str) -> None:
    """The rater's items one after the other, each with the next accuracy; `skip` skips."""
    for answer in answers:
        (ask,) = world.ratings.next(study.id, rater, count=1)
        said = {"accurate": answer, "helpful": "5" if answer == "yes" else "2"}
        world.rate(
            study, ask, rater, judgement=skipped() if answer == "skip" else rated(answers=said, correction=Correction(Point(10, 20)))
        )


def test_results_are_read_from_the_store(database: Database) -> None:
    world = World(database)
    study = world.study(traces=3, steps=2)
    one, two = world.rater("one"), world.rater("two")
    rate_all(world, study, one, "yes", "no", "unsure", "yes", "skip")
    rate_all(world, study, two, "yes", "yes", "no")
    world.ratings.withdraw_last(study.id, two, token=world.token())
    found = of(world, study)
    counts, accuracy = found.counts, found.headlines[0]
    assert (counts.ratings, counts.counting, counts.skipped, counts.withdrawn) == (8, 6, 1, 1)
    assert (accuracy.value, accuracy.n.ratings, accuracy.n.raters) == (0.8, 5, 2)
    assert (found.study.name, found.study.newest, found.study.versions) == (study.name, 1, (1,))
    assert found.points[0].n.points == 6
    assert {entry.rater: (entry.rated, entry.skipped, entry.withdrawn) for entry in found.raters} == {
        f"one {world.number}": (4, 1, 0),
        f"two {world.number}": (2, 0, 1),
    }
    assert json.dumps(of(world, study).to_json()) == json.dumps(found.to_json())
    for table in found.tables.values():
        assert "".join(csv_text(table)).count("\r\n") == len(table.rows) + 1
        assert len(list(jsonl_text(table))) == len(table.rows)


def test_an_older_version_with_other_questions_is_told_by_itself(sqlite_world: World) -> None:
    world = sqlite_world
    study = world.study(traces=2, steps=1, ratings_per_item=1)
    rate_all(world, study, world.rater("one"), "yes", "no")
    asked = replace(ACCURATE, choices=(*ACCURATE.choices, Choice("partly", "Partly", "p", None)))
    study = world.revise(study, questions=(asked, HELPFUL))
    newest = of(world, study)
    assert (newest.counts.counting, newest.counts.set_apart, newest.study.versions) == (0, 2, ())
    older = of(world, study, version=1)
    assert (older.counts.counting, older.headlines[0].value, older.study.asked, older.study.versions) == (2, 0.5, 1, (1,))
    assert len(older.counts.unscored) == 1
    assert of(world, study, version=2).counts.ratings == 0
    with pytest.raises(NotFound, match="has no version 3: it has 1, 2"):
        of(world, study, version=3)


def test_who_rates_again_under_other_questions_is_still_told_under_the_former_ones(database: Database) -> None:
    world = World(database)
    study = world.study(traces=2, steps=1, ratings_per_item=1)
    rater = world.rater("one")
    rate_all(world, study, rater, "yes", "no")
    before = of(world, study, version=1)
    study = world.revise(study, questions=(replace(ACCURATE, choices=(*ACCURATE.choices, Choice("partly", "Partly", "p", None))), HELPFUL))
    rate_all(world, study, rater, "partly", "yes")
    assert (of(world, study).counts.counting, of(world, study, version=2).counts.counting) == (2, 2)
    older = of(world, study, version=1)
    assert (older.counts, older.headlines[0].value, older.headlines[0].n) == (before.counts, 0.5, before.headlines[0].n)
    world.ratings.withdraw_last(study.id, rater, token=world.token())
    assert (of(world, study, version=2).counts.withdrawn, of(world, study, version=1).counts) == (1, before.counts)


def test_versions_that_ask_the_same_are_counted_together_and_apart(sqlite_world: World) -> None:
    world = sqlite_world
    study = world.study(traces=2, steps=1, ratings_per_item=1)
    rater = world.rater("one")
    rate_all(world, study, rater, "yes")
    study = world.revise(study, ratings_per_item=1, instructions="Look closely.")
    rate_all(world, study, rater, "no")
    found = of(world, study)
    assert (found.headlines[0].value, found.study.versions) == (0.5, (1, 2))
    by_version = next(entry for entry in found.breakdowns if entry.id == "version")
    assert [entry.figures[0].value for entry in by_version.rows] == [1.0, 0.0]
    assert [of(world, study, version=number).headlines[0].value for number in (1, 2)] == [1.0, 0.0]


def test_what_is_not_there_is_refused(sqlite_world: World) -> None:
    with pytest.raises(NotFound):
        results(sqlite_world.studies, sqlite_world.ratings, 99)
    study = sqlite_world.study()
    with pytest.raises(StudyError, match="resamples, not 7"):
        results(sqlite_world.studies, sqlite_world.ratings, study.id, resamples=7)
