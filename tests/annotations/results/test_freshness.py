"""What makes results worth making anew is told, on every back end; nothing else is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from annotations.database import Database
from annotations.results.freshness import freshness
from core.errors import NotFound
from tests.annotations.ratings.worlds import World


def test_it_is_another_one_whenever_results_may_be(database: Database) -> None:
    world = World(database)
    study, other = world.study(traces=2, steps=2), world.study(traces=1, steps=1, name="Other")
    rater = world.rater("one")
    seen = [freshness(database, study.id)]

    def changed() -> bool:
        seen.append(freshness(database, study.id))
        return seen[-1] not in seen[:-1]

    (ask,) = world.ratings.next(study.id, rater, count=1)
    assert not changed()  # a step that is held is no rating
    world.rate(study, ask, rater)
    assert changed()
    assert not changed()
    world.ratings.withdraw_last(study.id, rater, token=world.token())
    assert changed()
    world.studies.leave_out(study.id, [ask.item])
    assert changed()
    world.revise(study, replacement="[here]")
    assert changed()
    world.studies.close(study.id)
    assert changed()
    before = freshness(database, other.id)
    world.store.remove_dataset(study.settings.selection.datasets[0])
    assert changed()
    # Traces are counted for all studies together: one too many is made anew, none too few.
    assert freshness(database, other.id) != before


def test_settings_that_are_equal_change_nothing(database: Database) -> None:
    world = World(database)
    study = world.study()
    before = freshness(database, study.id)
    world.studies.revise(study.id, replace(study.settings))
    world.studies.refresh(study.id)
    assert freshness(database, study.id) == before


def test_a_study_that_is_not_there(database: Database) -> None:
    with pytest.raises(NotFound):
        freshness(database, 4711)
