"""Studies are made once, revised in versions, and keep every item that was ever asked; on all back ends."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from annotations.database import open_database
from annotations.rating_schema import ItemRow
from annotations.schema import EventRow
from annotations.store import Store
from annotations.studies.sentences import in_one, sentence_parts
from annotations.studies.settings import ACCURATE, Selection, StudySettings
from annotations.studies.store import StudyStore
from annotations.studies.values import LeftOut, Study
from core.errors import NotFound, ReadOnly, StudyError
from tests.annotations.studies.conftest import MakeTrace

LONG = "The red mug (100, 200) is left of it. The blue bowl (300, 200) is right of it. The big spoon (500, 300) lies in front of it."
PAPER = StudySettings()


@pytest.fixture
def filled(store: Store, make_trace: MakeTrace) -> Store:
    """A store with two traces of three steps each in "one", and a third in "two"."""
    store.add_traces([make_trace(LONG, name="a"), make_trace(LONG, name="b")], dataset="one")
    store.add_trace(make_trace(LONG, name="c"), dataset="two")
    return store


def selecting(**wish: Any) -> StudySettings:
    return replace(PAPER, selection=Selection(**wish))


def states(studies: StudyStore, study: Study) -> Counter[str]:
    with studies.database.reading() as connection:
        return Counter(connection.scalars(select(ItemRow.left_out).where(ItemRow.study_id == study.id)))


def events(studies: StudyStore) -> list[tuple[str, str, dict[str, Any]]]:
    with studies.database.reading() as connection:
        rows = connection.execute(select(EventRow).where(EventRow.kind.like("study_%")).order_by(EventRow.id)).all()
    return [(row.kind, row.actor, row.payload) for row in rows]


def test_a_study_is_made_with_its_items(filled: Store, studies: StudyStore) -> None:
    study = studies.create("  Mugs \n and bowls ", PAPER, actor="Ada")
    assert (study.name, study.version, study.settings, study.closed, study.items) == ("Mugs and bowls", 1, PAPER, False, 9)
    assert studies.study(study.id) == studies.by_name("Mugs and bowls") == study
    assert studies.list() == (study,)
    (version,) = studies.versions(study.id)
    assert (version.version, version.version_id, version.settings, version.actor) == (1, study.version_id, PAPER, "Ada")
    page = studies.items(study.id)
    assert (page.total, page.page, page.pages, len(page.items)) == (9, 1, 1, 9)
    assert {(item.left_out, item.step) for item in page.items} == {(LeftOut.ASKED, 0), (LeftOut.ASKED, 1), (LeftOut.ASKED, 2)}
    payload = {"study": study.name, "id": study.id, "version": 1, "new": PAPER.to_json(), "items": 9}
    assert events(studies) == [("study_created", "Ada", payload)]


def test_items_tell_the_sentence_that_a_rater_reads(filled: Store, studies: StudyStore) -> None:
    study = studies.create("Mugs", PAPER)
    for item in studies.items(study.id, page_size=4).items:
        trace = filled.trace(item.trace).trace
        assert item.sentence == in_one(sentence_parts(trace, trace.steps[item.step], PAPER.replacement))
    pages = [studies.items(study.id, page=page, page_size=4).items for page in (1, 2, 3, 4)]
    assert [len(items) for items in pages] == [4, 4, 1, 0]
    assert len({item.id for items in pages for item in items}) == 9
    assert studies.items(study.id, page=10**30, page_size=10**30).items == ()


def test_names_are_taken_once(filled: Store, studies: StudyStore) -> None:
    studies.create("Mugs", PAPER)
    with pytest.raises(StudyError, match="There is a study “Mugs” already: choose another name"):
        studies.create("Mugs ", PAPER)
    assert studies.create("mugs", PAPER).name == "mugs"
    assert len(studies.list()) == 2


def test_names_come_out_as_they_went_in_or_are_refused(filled: Store, studies: StudyStore) -> None:
    for name in ("", " \n ", "a" * 501, "a\0b", "\ud800"):
        with pytest.raises(StudyError):
            studies.create(name, PAPER)
        with pytest.raises(NotFound):
            studies.by_name(name)
    assert studies.list() == () and events(studies) == []
    for name in ("<b>Study</b>", "Ünïcode 研究", "a" * 500, "'; DROP TABLE studies; --"):
        assert studies.by_name(studies.create(name, PAPER).name).name == name


def test_a_study_that_would_ask_nothing_is_not_made(filled: Store, studies: StudyStore) -> None:
    with pytest.raises(StudyError, match="No step is selected"):
        studies.create("Mugs", selecting(datasets=("three",)))
    assert studies.list() == ()
    study = studies.create("Mugs", PAPER)
    with pytest.raises(StudyError, match="No step is selected"):
        studies.revise(study.id, selecting(min_words=1000))
    assert studies.study(study.id) == study


def test_of_two_that_make_a_study_of_one_name_one_wins(filled: Store, database_url: str) -> None:
    """Each with a connection of its own, as two programs have."""
    databases = [open_database(database_url) for _ in range(2)]
    barrier = threading.Barrier(2)
    made, refused = [], []

    def make(studies: StudyStore) -> None:
        barrier.wait()
        try:
            made.append(studies.create("Mugs", PAPER))
        except StudyError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=make, args=(StudyStore(database),)) for database in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for database in databases:
        database.close()
    assert len(made) == 1 and len(refused) == 1 and "There is a study “Mugs” already" in refused[0]
    assert StudyStore(filled.database).list() == tuple(made)


def test_a_revision_is_a_version_of_its_own(filled: Store, studies: StudyStore) -> None:
    first = studies.create("Mugs", selecting(datasets=("one",)), actor="Ada")
    wider = replace(PAPER, questions=(replace(ACCURATE, text="Is it there?"), *PAPER.questions[1:]))
    second = studies.revise(first.id, wider, actor="Bob")
    assert (second.version, second.settings, second.items) == (2, wider, 9) and second.version_id != first.version_id
    assert [(version.version, version.settings, version.actor) for version in studies.versions(first.id)] == [
        (1, first.settings, "Ada"),
        (2, wider, "Bob"),
    ]
    kind, actor, payload = events(studies)[-1]
    assert (kind, actor) == ("study_revised", "Bob")
    assert payload == {
        "study": "Mugs", "id": first.id, "version": 2, "old": first.settings.to_json(), "new": wider.to_json(),
        "added": 3, "back": 0, "not_selected": 0, "trace_gone": 0,
    }  # fmt: skip


def test_equal_settings_are_no_new_version(filled: Store, studies: StudyStore, make_trace: MakeTrace) -> None:
    study = studies.create("Mugs", PAPER)
    filled.add_trace(make_trace(LONG, name="later"), dataset="one")
    assert studies.revise(study.id, StudySettings.from_json(PAPER.to_json())) == study
    assert len(studies.versions(study.id)) == len(events(studies)) == 1


def test_what_is_no_longer_selected_is_left_out_and_comes_back(filled: Store, studies: StudyStore) -> None:
    study = studies.create("Mugs", PAPER)
    before = studies.items(study.id).items
    narrowed = studies.revise(study.id, selecting(datasets=("two",)))
    assert narrowed.items == 3
    assert states(studies, study) == {"": 3, "not_selected": 6}
    assert studies.revise(study.id, PAPER).items == 9
    assert studies.items(study.id).items == before
    assert studies.study(study.id).version == 3


def test_what_was_left_out_by_hand_stays_out_until_it_is_taken_back(filled: Store, studies: StudyStore) -> None:
    study = studies.create("Mugs", PAPER)
    one, two, three = (item.id for item in studies.items(study.id).items[:3])
    assert studies.leave_out(study.id, [one, two, two], "Ada").items == 7
    assert studies.leave_out(study.id, [two, three]).items == 6
    assert studies.refresh(study.id).items == 6
    assert studies.revise(study.id, replace(PAPER, seed=5)).items == 6
    assert studies.take_back(study.id, [one, three], "Bob").items == 8
    assert states(studies, study) == {"": 8, "by_hand": 1}
    told = [(kind, actor, payload["items"]) for kind, actor, payload in events(studies) if "items_" in kind]
    out = {"old": "", "new": "by_hand"}
    back = {"old": "by_hand", "new": ""}
    assert told == [
        ("study_items_left_out", "Ada", [{"item": one, **out}, {"item": two, **out}]),
        ("study_items_left_out", "", [{"item": three, **out}]),
        ("study_items_taken_back", "Bob", [{"item": one, **back}, {"item": three, **back}]),
    ]


def test_what_is_taken_back_is_asked_only_where_it_is_still_selected(filled: Store, studies: StudyStore) -> None:
    study = studies.create("Mugs", PAPER)
    items = studies.items(study.id).items
    gone, other = items[0], next(item for item in items if filled.trace(item.trace).dataset == "two")
    studies.leave_out(study.id, [gone.id, other.id, items[1].id])
    studies.revise(study.id, selecting(datasets=("one",)))
    filled.remove_dataset("one")
    taken = studies.take_back(study.id, [gone.id, other.id])
    # The other items of "one" are still asked: nobody has had the study look at its traces.
    assert taken.items == 4
    assert {item.id: item.left_out for item in studies.items(study.id).items if item.id in (gone.id, other.id, items[1].id)} == {
        gone.id: LeftOut.TRACE_GONE, other.id: LeftOut.NOT_SELECTED, items[1].id: LeftOut.BY_HAND,
    }  # fmt: skip


def test_items_of_another_study_are_not_touched(filled: Store, studies: StudyStore) -> None:
    mine, other = studies.create("Mine", PAPER), studies.create("Other", PAPER)
    own, foreign = studies.items(mine.id).items[0].id, studies.items(other.id).items[0].id
    for wrong in (foreign, 0, -1, 10**30):
        with pytest.raises(NotFound, match="This study has no item"):
            studies.leave_out(mine.id, [own, wrong])
    assert states(studies, mine) == states(studies, other) == {"": 9}


def test_new_traces_come_in_when_the_study_looks_again(filled: Store, studies: StudyStore, make_trace: MakeTrace) -> None:
    study = studies.create("Mugs", selecting(datasets=("one",)))
    filled.add_trace(make_trace(LONG, name="new"), dataset="one")
    filled.add_trace(make_trace(LONG, name="elsewhere"), dataset="two")
    assert studies.study(study.id).items == 6
    assert studies.refresh(study.id, actor="Ada") == replace(study, items=9)
    changes = {"added": 3, "back": 0, "not_selected": 0, "trace_gone": 0}
    assert events(studies)[-1] == ("study_refreshed", "Ada", {"study": "Mugs", "id": study.id, **changes})


def test_a_trace_that_goes_is_left_out_and_asked_again_when_it_is_back(filled: Store, studies: StudyStore, make_trace: MakeTrace) -> None:
    study = studies.create("Mugs", PAPER)
    before = studies.items(study.id).items
    filled.remove_dataset("two")
    assert studies.refresh(study.id).items == 6
    assert states(studies, study) == {"": 6, "trace_gone": 3}
    gone = [item for item in studies.items(study.id).items if item.left_out is LeftOut.TRACE_GONE]
    assert {item.sentence for item in gone} == {""}
    with pytest.raises(NotFound):
        studies.asked_step(gone[0].id)
    filled.add_trace(make_trace(LONG, name="c"), dataset="three")
    assert studies.refresh(study.id).items == 9
    assert studies.items(study.id).items == before


def test_a_trace_that_loses_its_data_set_but_not_the_store_is_only_not_selected(
    filled: Store, studies: StudyStore, make_trace: MakeTrace
) -> None:
    filled.add_trace(make_trace(LONG, name="c"), dataset="three")
    study = studies.create("Mugs", selecting(datasets=("two",)))
    filled.remove_dataset("two")
    assert studies.refresh(study.id).items == 0
    assert states(studies, study) == {"not_selected": 3}
    filled.remove_dataset("three")
    studies.refresh(study.id)
    assert states(studies, study) == {"trace_gone": 3}


def test_a_study_is_closed_and_opened_again(filled: Store, studies: StudyStore) -> None:
    study = studies.create("Mugs", PAPER)
    for _ in range(2):
        assert studies.close(study.id, "Ada") == replace(study, closed=True)
    assert studies.by_name("Mugs").closed
    for _ in range(2):
        assert studies.reopen(study.id, "Bob") == study
    assert [(kind, actor) for kind, actor, _ in events(studies)][1:] == [("study_closed", "Ada"), ("study_reopened", "Bob")]


def test_an_asked_step_has_all_that_is_needed_to_show_it(filled: Store, studies: StudyStore) -> None:
    study = studies.create("Mugs", PAPER)
    changed = studies.revise(study.id, replace(PAPER, replacement="[there]"))
    item = studies.items(study.id).items[4]
    asked = studies.asked_step(item.id)
    assert (asked.item, asked.study, asked.left_out, asked.closed) == (item.id, study.id, LeftOut.ASKED, False)
    assert (asked.stored.id, asked.step) == (item.trace, asked.stored.trace.steps[item.step])
    assert (asked.version, asked.version_id, asked.settings) == (2, changed.version_id, changed.settings)


@pytest.mark.parametrize(
    "ask",
    [
        lambda studies, number: studies.study(number),
        lambda studies, number: studies.versions(number),
        lambda studies, number: studies.items(number),
        lambda studies, number: studies.progress(number),
        lambda studies, number: studies.revise(number, PAPER),
        lambda studies, number: studies.refresh(number),
        lambda studies, number: studies.close(number),
        lambda studies, number: studies.leave_out(number, [1]),
        lambda studies, number: studies.take_back(number, [1]),
        lambda studies, number: studies.asked_step(number),
    ],
)
def test_what_is_not_there_is_not_found(sqlite_studies: StudyStore, ask: Callable[[StudyStore, int], object]) -> None:
    for number in (0, -1, 99, 10**30):
        with pytest.raises(NotFound):
            ask(sqlite_studies, number)


def test_an_unknown_name_is_told_with_those_that_there_are(filled: Store, studies: StudyStore) -> None:
    with pytest.raises(NotFound, match=r"There is no study “Cups”: there are none\."):
        studies.by_name("Cups")
    studies.create("Mugs", PAPER)
    with pytest.raises(NotFound, match=r"there is Mugs\."):
        studies.by_name("Cups")


def test_a_database_for_reading_takes_no_study(filled: Store, studies: StudyStore, database_url: str) -> None:
    study = studies.create("Mugs", PAPER)
    reading = open_database(database_url, read_only=True)
    try:
        only_read = StudyStore(reading)
        assert only_read.list() == (study,)
        for write in (lambda: only_read.create("Cups", PAPER), lambda: only_read.refresh(study.id), lambda: only_read.close(study.id)):
            with pytest.raises(ReadOnly):
                write()
    finally:
        reading.close()
