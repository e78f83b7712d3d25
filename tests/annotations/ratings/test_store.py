"""Ratings on every back end: kept once, in revisions, with places, standings, events and drafts."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import delete, select, text, update

from annotations.rating_schema import PlaceRow, RatingRow
from annotations.ratings.values import Correction, Draft, Judgement, RatingKind, Standing
from annotations.schema import EventRow
from annotations.studies.settings import Choice, Measure, Question
from core.errors import NotAllowed, NotFound, RatingRefused, StoreError
from core.geometry import Box, Point
from tests.annotations.ratings.worlds import ANSWERS, World, rated, skipped

OTHER_QUESTIONS = (Question("clear", "Is it clear?", Measure.OTHER, (Choice("yes", "Yes", "y", 1.0), Choice("no", "No", "n", 0.0))),)


def test_a_rating_is_kept_and_counts(world: World) -> None:
    study, ann = world.study(), world.rater("Ann")
    ask = world.ratings.next(study.id, ann)[0]
    kept = world.rate(study, ask, ann, judgement=rated(comment="\0 ünïcødé 🙂", zoom_seen=True), token=world.token("once"))
    assert (kept.standing, kept.repeated, kept.rating.revision, kept.rating.version) == (Standing.COUNTS, False, 1, 1)
    assert world.ratings.history(ask.item, ann) == (kept.rating,)
    again = world.rate(study, ask, ann, judgement=rated(), token=world.token("once"))
    assert (again.rating, again.repeated, again.standing) == (kept.rating, True, Standing.COUNTS)
    assert world.rows(study) == 1 and world.counted(ask.item) == 1
    with pytest.raises(NotAllowed, match="belongs to somebody else"):
        world.rate(study, ask, world.rater("Ben"), token=world.token("once"))


def test_a_change_is_a_revision_and_the_log_tells_old_and_new(world: World) -> None:
    study, ann = world.study(), world.rater("Ann")
    ask = world.ratings.next(study.id, ann)[0]
    first, second = rated(), rated(answers=ANSWERS | {"accurate": "no"})
    world.rate(study, ask, ann, judgement=first)
    changed = world.rate(study, ask, ann, judgement=second)
    assert changed.rating.revision == 2 and changed.standing is Standing.COUNTS and world.counted(ask.item) == 1
    assert [one.judgement for one in world.ratings.history(ask.item, ann)] == [first, second]
    with world.database.reading() as connection:
        rows = connection.execute(select(EventRow.actor, EventRow.payload).where(EventRow.kind == "rating").order_by(EventRow.id))
        events = [(row.actor, row.payload) for row in rows if row.payload["study"] == study.name]
    name = world.raters.rater(ann).name
    assert [(actor, payload["old"], payload["new"]) for actor, payload in events] == [
        (name, None, first.to_json()),
        (name, first.to_json(), second.to_json()),
    ]
    assert (events[1][1]["rating"], events[1][1]["rater"], events[1][1]["item"]) == (changed.rating.id, ann, ask.item)


def test_never_more_than_n_count_and_a_freed_place_goes_to_who_waits(world: World) -> None:
    study = world.study(traces=1, steps=1, ratings_per_item=1, lease_minutes=30)
    ann, ben, cleo = world.rater("Ann"), world.rater("Ben"), world.rater("Cleo")
    ask = world.ratings.next(study.id, ann)[0]
    assert world.ratings.next(study.id, ben) == ()
    world.clock.passes(31)
    taken_over = world.ratings.next(study.id, ben)[0]
    assert world.rate(study, taken_over, ben).standing is Standing.COUNTS
    late = world.rate(study, ask, ann)
    later = world.rate(study, ask, cleo)
    assert late.standing is later.standing is Standing.SURPLUS and world.counted(ask.item) == 1
    # An edited answer loses no rank.
    assert world.rate(study, ask, ann, judgement=rated(comment="still")).standing is Standing.SURPLUS
    world.rate(study, ask, ben, judgement=skipped())
    assert world.standings(study) == {ann: Standing.COUNTS, ben: Standing.NOT_RATED, cleo: Standing.SURPLUS}
    assert world.counted(ask.item) == 1


def test_a_place_that_a_lease_leaves_goes_to_a_rating_that_waits(world: World) -> None:
    study = world.study(traces=1, steps=1, ratings_per_item=1)
    ann, ben = world.rater("Ann"), world.rater("Ben")
    ask = world.ratings.next(study.id, ann)[0]
    world.clock.passes(31)
    world.ratings.next(study.id, ben)
    assert world.rate(study, ask, ann).standing is Standing.SURPLUS
    assert [own.standing for own in world.ratings.mine(study.id, ann).items] == [Standing.SURPLUS]
    world.clock.passes(31)
    assert [own.standing for own in world.ratings.mine(study.id, ann).items] == [Standing.COUNTS]
    # Whose lease had ended is told so, and whatever still comes is kept.
    assert world.ratings.next(study.id, ben) == ()
    assert world.rate(study, ask, ben).standing is Standing.SURPLUS
    assert [step.standing for step in world.ratings.ratings(study.id)] == [Standing.COUNTS, Standing.SURPLUS]


def test_a_late_rating_takes_its_own_place_where_it_is_still_free(world: World) -> None:
    study, ann = world.study(traces=1, steps=1, ratings_per_item=1), world.rater("Ann")
    ask = world.ratings.next(study.id, ann)[0]
    world.clock.passes(500)
    world.studies.close(study.id)
    assert world.ratings.next(study.id, ann) == ()
    assert world.rate(study, ask, ann).standing is Standing.COUNTS


def test_undo_asks_again_first_with_the_former_answers(world: World) -> None:
    study, ann = world.study(traces=3), world.rater("Ann")
    asks = world.ratings.next(study.id, ann)
    first = world.rate(study, asks[0], ann)
    second = world.rate(study, asks[1], ann, judgement=skipped())
    again = world.ratings.withdraw_last(study.id, ann, token=world.token("undo-1"))
    assert again.item == asks[1].item and again.until > world.clock.now
    assert again.draft == Draft(again.item, 1, second.rating.judgement.to_json())
    # The same undoing twice takes back nothing more.
    assert world.ratings.withdraw_last(study.id, ann, token=world.token("undo-1")) == again
    before = world.ratings.withdraw_last(study.id, ann, token=world.token("undo-2"))
    assert before.item == asks[0].item and world.counted(before.item) == 0
    assert before.draft is not None and before.draft.content == first.rating.judgement.to_json()
    asked = world.ratings.next(study.id, ann)
    assert {ask.item for ask in asked[:2]} == {asks[0].item, asks[1].item} and len(asked) == 3
    assert world.ratings.progress(study.id, ann).done == 0
    with pytest.raises(NotFound, match="nothing to undo"):
        world.ratings.withdraw_last(study.id, ann, token=world.token("undo-3"))
    assert world.rate(study, asks[0], ann).standing is Standing.COUNTS
    assert [one.judgement.kind for one in world.ratings.history(asks[0].item, ann)] == [
        RatingKind.RATED,
        RatingKind.WITHDRAWN,
        RatingKind.RATED,
    ]


def test_a_token_is_for_one_thing_only(world: World) -> None:
    study, ann = world.study(), world.rater("Ann")
    one, two = world.ratings.next(study.id, ann, count=2)
    world.rate(study, one, ann, token=world.token("rating"))
    with pytest.raises(RatingRefused, match="used for something else"):
        world.rate(study, two, ann, token=world.token("rating"))
    with pytest.raises(RatingRefused, match="used for something else"):
        world.ratings.withdraw_last(study.id, ann, token=world.token("rating"))
    world.ratings.withdraw_last(study.id, ann, token=world.token("undoing"))
    with pytest.raises(RatingRefused, match="used for something else"):
        world.rate(study, one, ann, token=world.token("undoing"))
    with pytest.raises(NotAllowed):
        world.ratings.withdraw_last(study.id, world.rater("Ben"), token=world.token("undoing"))
    assert world.rows(study) == 2


def test_a_rating_of_another_trace_or_of_other_questions_is_kept_and_set_apart(world: World) -> None:
    study, ann, ben = world.study(traces=1, steps=1, ratings_per_item=1), world.rater("Ann"), world.rater("Ben")
    ask = world.ratings.next(study.id, ann)[0]
    other = world.rate(study, ask, ann, trace="0" * 64)
    assert other.standing is Standing.SET_APART and world.counted(ask.item) == 0
    assert world.ratings.next(study.id, ann)[0].item == ask.item
    assert world.rate(study, ask, ann).standing is Standing.COUNTS
    # Words may change and what was said still counts; other questions begin anew.
    reworded = world.revise(study, ratings_per_item=1, instructions="Look closely.")
    assert [step.standing for step in world.ratings.ratings(study.id)] == [Standing.COUNTS]
    asked_anew = world.revise(study, ratings_per_item=1, questions=OTHER_QUESTIONS)
    assert [step.standing for step in world.ratings.ratings(study.id)] == [Standing.SET_APART]
    assert world.counted(ask.item) == 0 and world.ratings.progress(study.id, ann).done == 0
    assert world.ratings.next(study.id, ben)[0].item == ask.item
    assert world.rate(reworded, ask, ben).standing is Standing.SET_APART
    assert world.rate(asked_anew, ask, ben, judgement=rated(answers={"clear": "yes"})).standing is Standing.COUNTS
    assert [(step.rating.rater, step.version, step.standing) for step in world.ratings.ratings(study.id)] == [
        (ann, 1, Standing.SET_APART),
        (ben, 3, Standing.COUNTS),
    ]


def test_fewer_places_leave_the_oldest_ratings_and_more_bring_the_others_back(world: World) -> None:
    study = world.study(traces=1, steps=1, ratings_per_item=3)
    ann, ben, cleo = raters = [world.rater(name) for name in ("Ann", "Ben", "Cleo")]
    for rater in raters:
        ask = world.ratings.next(study.id, rater)[0]
    for rater in reversed(raters):
        world.rate(study, ask, rater)
    world.revise(study, ratings_per_item=1)
    assert world.counted(ask.item) == 1
    assert world.standings(study) == {cleo: Standing.COUNTS, ben: Standing.SURPLUS, ann: Standing.SURPLUS}
    world.revise(study, ratings_per_item=2)
    assert world.standings(study) == {cleo: Standing.COUNTS, ben: Standing.COUNTS, ann: Standing.SURPLUS}


def test_ratings_outlive_their_trace(world: World) -> None:
    study, ann = world.study(traces=1, steps=1), world.rater("Ann")
    ask = world.ratings.next(study.id, ann)[0]
    world.rate(study, ask, ann)
    [step] = world.ratings.ratings(study.id)
    assert (
        step.facts is not None
        and (step.facts.dataset,) == study.settings.selection.datasets
        and step.facts.steps == 1
        and not step.facts.looked
    )
    assert 0 <= step.facts.x <= step.facts.width and 0 <= step.facts.y <= step.facts.height
    world.store.remove_dataset(step.facts.dataset)
    [step] = world.ratings.ratings(study.id)
    assert step.standing is Standing.SET_APART and step.facts is None
    assert world.ratings.next(study.id, world.rater("Ben")) == ()
    assert world.rate(study, ask, world.rater("Ben"), judgement=rated(own_point=None)).standing is Standing.SET_APART
    world.add_traces(1, 1, "Study")
    assert [step.standing for step in world.ratings.ratings(study.id)] == [Standing.COUNTS, Standing.COUNTS]
    assert [(own.standing, own.trace, own.step) for own in world.ratings.mine(study.id, ann).items] == [
        (Standing.COUNTS, ask.trace, ask.step)
    ]


def test_drafts_grow_and_an_old_state_does_not_come_back(world: World) -> None:
    study, ann, ben = world.study(), world.rater("Ann"), world.rater("Ben")
    ask = world.ratings.next(study.id, ann)[0]
    assert world.ratings.save_draft(ask.item, ann, 5, {"answers": {"accurate": "no"}})
    assert not world.ratings.save_draft(ask.item, ann, 5, {"answers": {}})
    assert not world.ratings.save_draft(ask.item, ann, 4, {"answers": {}})
    assert world.ratings.save_draft(ask.item, ann, 7, {"comment": "half of a "})
    assert world.ratings.hold(ask.item, ann).draft == Draft(ask.item, 7, {"comment": "half of a "})
    with pytest.raises(NotAllowed, match="not kept for you"):
        world.ratings.save_draft(ask.item, ben, 1, {})
    with pytest.raises(NotAllowed, match="not kept for you"):
        world.ratings.hold(ask.item, ben)
    world.rate(study, ask, ann)
    assert world.ratings.hold(ask.item, ann).draft is None
    assert not world.ratings.save_draft(ask.item, ann, 6, {"comment": "late"})
    assert world.ratings.hold(ask.item, ann).draft is None
    assert world.ratings.save_draft(ask.item, ann, 8, {"comment": "another thought"})
    undone = world.ratings.withdraw_last(study.id, ann, token=world.token("undo"))
    assert undone.draft is not None and undone.draft.sequence == 9 and undone.draft.content["answers"] == ANSWERS


def test_a_draft_is_asked_for_again_after_its_lease_has_ended(world: World) -> None:
    study, ann, ben = world.study(traces=1, steps=3, ratings_per_item=1), world.rater("Ann"), world.rater("Ben")
    begun = world.ratings.next(study.id, ann, count=3)[2]
    world.ratings.save_draft(begun.item, ann, 1, {"comment": "begun"})
    world.clock.passes(31)
    taken = world.ratings.next(study.id, ben, count=3)
    assert len(taken) == 3 and world.ratings.next(study.id, ann) == ()
    # Work goes on being saved while somebody else has the place.
    assert world.ratings.save_draft(begun.item, ann, 2, {"comment": "begun and"})
    world.clock.passes(31)
    asked = world.ratings.next(study.id, ann, count=2)
    assert asked[0].item == begun.item and asked[0].draft == Draft(begun.item, 2, {"comment": "begun and"})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"judgement": rated(answers={"accurate": "yes"})}, "no answer to 'helpful' yet"),
        ({"judgement": rated(answers=ANSWERS | {"size": "1"})}, "asks no question called 'size'"),
        ({"judgement": rated(answers=ANSWERS | {"accurate": "perhaps"})}, "choose from yes, no, unsure"),
        ({"trace": "abc"}, "64 hexadecimal digits"),
        ({"token": ""}, "token is 1 to 64"),
        ({"token": "a b"}, "token is 1 to 64"),
        ({"judgement": rated(comment="\ud800")}, "Half of a character"),
        ({"judgement": rated(own_point=Point(-0.5, 3))}, "outside the picture of 1920 x 1080"),
        ({"judgement": rated(correction=Correction(point=Point(3, 1080.5)))}, "outside the picture"),
        ({"judgement": rated(correction=Correction(box=Box(3, 3, 3, 9)))}, "has no area"),
        ({"judgement": rated(correction=Correction(box=Box(3, 3, 1921, 9)))}, "reaches outside the picture"),
        ({"judgement": Judgement(RatingKind.WITHDRAWN)}, "taken back by undoing"),
    ],
)
def test_what_nobody_could_mean_is_refused(sqlite_world: World, changes: dict[str, Any], said: str) -> None:
    world = sqlite_world
    study, ann = world.study(), world.rater("Ann")
    ask = world.ratings.next(study.id, ann)[0]
    with pytest.raises(RatingRefused, match=said):
        world.rate(study, ask, ann, **changes)
    assert world.rows(study) == 0


def test_a_point_on_the_edge_is_in_the_picture(sqlite_world: World) -> None:
    study, ann = sqlite_world.study(), sqlite_world.rater("Ann")
    ask = sqlite_world.ratings.next(study.id, ann)[0]
    judgement = rated(own_point=Point(0, 1080), correction=Correction(box=Box(0, 0, 1920, 0.1)), zoom_seen=False, keys_only=True)
    kept = sqlite_world.rate(study, ask, ann, judgement=judgement)
    assert sqlite_world.ratings.history(ask.item, ann)[0].judgement == kept.rating.judgement == judgement


@pytest.mark.parametrize(
    ("sequence", "content", "said"),
    [
        (-1, {}, "0 to"),
        (2**53, {}, "0 to"),
        (1, {"a": "\udfff"}, "Half of a character"),
        (1, {"a": float("nan")}, "NaN"),
        (1, {"a": "x" * 70_000}, "64 KiB"),
    ],
)
def test_drafts_that_cannot_be_kept_are_refused(sqlite_world: World, sequence: int, content: dict[str, Any], said: str) -> None:
    study, ann = sqlite_world.study(), sqlite_world.rater("Ann")
    ask = sqlite_world.ratings.next(study.id, ann)[0]
    with pytest.raises(RatingRefused, match=said):
        sqlite_world.ratings.save_draft(ask.item, ann, sequence, content)


def test_what_is_not_there_is_said(world: World) -> None:
    study, other, ann = world.study(), world.study(name="Other"), world.rater("Ann")
    ask = world.ratings.next(study.id, ann)[0]
    with pytest.raises(RatingRefused, match="another study"):
        world.rate(other, ask, ann)
    for number in (0, -1, 10**6, 2**40, 2**70):
        with pytest.raises(NotFound):
            world.rate(study, ask, ann, version_id=number)
        with pytest.raises(NotFound):
            world.ratings.submit(number, ann, version_id=study.version_id, trace=ask.trace, judgement=rated(), token=world.token())
        with pytest.raises(NotFound):
            world.ratings.next(number, ann)
        with pytest.raises(NotFound):
            world.ratings.hold(number, ann)
        with pytest.raises(NotFound):
            world.rate(study, ask, number)
        assert world.ratings.history(number, ann) == ()
    assert world.rows(study) == 0


def test_the_progress_counts_what_is_done_and_what_is_open(world: World) -> None:
    study, ann, ben = world.study(traces=2, steps=2, ratings_per_item=1), world.rater("Ann"), world.rater("Ben")
    asks = world.ratings.next(study.id, ann, count=2)
    progress = world.ratings.progress(study.id, ann)
    assert (progress.done, progress.skipped, progress.open, progress.seconds_left) == (0, 0, 4, None)
    assert world.ratings.progress(study.id, ben).open == 2
    world.rate(study, asks[0], ann, judgement=rated(seconds=10))
    world.rate(study, asks[1], ann, judgement=skipped())
    progress = world.ratings.progress(study.id, ann)
    assert (progress.done, progress.skipped, progress.open, progress.seconds, progress.seconds_left) == (2, 1, 2, 6.0, 12.0)
    # What one skips is open to the others; and a second server counts alike.
    assert world.ratings.progress(study.id, ben).open == 3
    assert world.another_server().progress(study.id, ann) == progress
    world.studies.leave_out(study.id, [ask.item for ask in world.ratings.next(study.id, ben, count=1)])
    assert world.ratings.progress(study.id, ben).open == 2
    world.studies.close(study.id)
    assert world.ratings.progress(study.id, ann).open == 0


def test_the_raters_own_list_is_in_pages(world: World) -> None:
    study, ann = world.study(traces=2, steps=3), world.rater("Ann")
    given = [world.rate(study, world.ratings.next(study.id, ann)[0], ann) for _ in range(5)]
    world.ratings.withdraw_last(study.id, ann, token=world.token("undo"))
    first, second, third = (world.ratings.mine(study.id, ann, page=page, page_size=3) for page in (1, 2, 3))
    assert (first.total, first.pages) == (4, 2) and third.items == ()
    assert [own.rating for own in (*first.items, *second.items)] == [one.rating for one in reversed(given[:4])]
    assert world.ratings.mine(study.id, world.rater("Ben")).total == 0


def test_the_table_refuses_every_change(world: World) -> None:
    study, ann = world.study(), world.rater("Ann")
    world.rate(study, world.ratings.next(study.id, ann)[0], ann)
    for statement in (
        update(RatingRow).values(kind="skipped"),
        delete(RatingRow),
        text("UPDATE ratings SET kind = 'skipped'"),
        text("TRUNCATE TABLE ratings"),
    ):
        if world.database.is_sqlite and "TRUNCATE" in str(statement):
            continue
        with pytest.raises(StoreError), world.database.writing() as connection:
            connection.execute(statement)
    assert world.rows(study) == 1


def test_one_place_and_one_revision_by_the_tables_own_rules(world: World) -> None:
    study, ann, ben = world.study(), world.rater("Ann"), world.rater("Ben")
    ask = world.ratings.next(study.id, ann)[0]
    with world.database.reading() as connection:
        place = connection.execute(select(PlaceRow).where(PlaceRow.item_id == ask.item)).one()
    for row in ({"place": place.place, "rater_id": ben}, {"place": place.place + 1, "rater_id": ann}):
        with pytest.raises(StoreError), world.database.writing() as connection:
            connection.execute(PlaceRow.__table__.insert().values(item_id=ask.item, until=None, **row))
    world.rate(study, ask, ann)


def test_questions_that_come_back_bring_their_answers_back(world: World) -> None:
    study = world.study(traces=1, steps=2, ratings_per_item=1)
    ann, ben = world.rater("Ann"), world.rater("Ben")
    one, two = world.ratings.next(study.id, ann, count=2)
    world.rate(study, one, ann)
    world.rate(study, two, ann, judgement=skipped())
    world.revise(study, ratings_per_item=1, questions=OTHER_QUESTIONS)
    assert {ask.item for ask in world.ratings.next(study.id, ann)} == {one.item, two.item}
    world.revise(study, ratings_per_item=1)
    # Neither lease is left: the rating has its place again, and the skipped step is free for somebody else.
    assert world.ratings.next(study.id, ann) == () and world.ratings.progress(study.id, ann).done == 2
    assert world.counted(one.item) == 1
    assert [ask.item for ask in world.ratings.next(study.id, ben)] == [two.item]
