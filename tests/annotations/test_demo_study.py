"""The demo's study: made once, about the demo alone, with worked examples that give none of its steps away."""

from __future__ import annotations

from collections.abc import Iterator
from math import hypot
from pathlib import Path

import pytest

from annotations.database import open_database, sqlite_url
from annotations.demo import DEMO_DATASET, seed_demo
from annotations.demo_study import DEMO_STUDY, demo_settings, seed_demo_study
from annotations.pictures import PictureStore
from annotations.queries import TraceQuery
from annotations.store import Store
from annotations.studies.settings import PAPER_EXAMPLES, StudySettings
from annotations.studies.store import StudyStore
from annotations.synthetic import make_traces

DEMO = Path(__file__).parents[2] / "static" / "demo"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store with the demo in it."""
    database = open_database(sqlite_url(tmp_path / "demo.db"))
    store = Store(database)
    seed_demo(store, PictureStore(tmp_path / "pictures"), DEMO)
    yield store
    database.close()


def test_the_study_is_made_once(store: Store) -> None:
    studies = StudyStore(store.database)
    assert seed_demo_study(studies)
    study = studies.by_name(DEMO_STUDY)
    studies.close(study.id)
    assert not seed_demo_study(studies)
    assert [one.name for one in studies.list()] == [DEMO_STUDY]
    assert studies.study(study.id).closed


def test_a_study_that_somebody_else_called_so_is_left_alone(store: Store) -> None:
    studies = StudyStore(store.database)
    mine = studies.create(DEMO_STUDY, StudySettings(seed=7))
    assert not seed_demo_study(studies)
    assert studies.list() == (mine,)


def test_it_asks_about_the_demo_alone_in_the_papers_way(store: Store) -> None:
    store.add_traces(make_traces(3), dataset="other")
    studies = StudyStore(store.database)
    seed_demo_study(studies)
    study = studies.by_name(DEMO_STUDY)
    assert study.settings == StudySettings(selection=demo_settings().selection)
    demo = {stored.id: stored.trace for stored in store.iter_traces(TraceQuery(dataset=(DEMO_DATASET,)))}
    items = studies.items(study.id, page_size=500).items
    assert len(items) == study.items > 40
    assert all(demo[item.trace].steps[item.step].inside for item in items)
    # Every trace of the demo that names a point at all is asked about.
    assert {item.trace for item in items} == {number for number, trace in demo.items() if any(step.inside for step in trace.steps)}


def test_without_the_demo_there_is_no_study_of_it(store: Store) -> None:
    store.remove_dataset(DEMO_DATASET)
    studies = StudyStore(store.database)
    assert not seed_demo_study(studies)
    assert studies.list() == ()


def test_the_worked_examples_are_none_of_its_steps(store: Store) -> None:
    for stored in store.iter_traces(TraceQuery(dataset=(DEMO_DATASET,))):
        for example in PAPER_EXAMPLES:
            if example.picture != stored.trace.sample.pictures[0].name:
                continue
            for step in stored.trace.steps:
                assert step.point is None or hypot(step.point.x - example.x, step.point.y - example.y) > 25, (
                    stored.trace.sample.external_id,
                    step,
                )
                assert example.sentence.partition("(x, y)")[0] not in step.text
