"""How far a study is, counted on all back ends beside what the ratings themselves say."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from annotations.database import Database
from annotations.raters.store import RaterStore
from annotations.ratings.store import RatingStore
from annotations.ratings.values import Judgement, RatingKind, Standing
from annotations.store import Store
from annotations.studies.settings import StudySettings
from annotations.studies.store import StudyStore
from annotations.studies.values import StudyTally
from tests.annotations.studies.conftest import MakeTrace

LONG = "The red mug (100, 200) is left of it. The blue bowl (300, 200) is right of it. The big spoon (500, 300) lies in front of it."
SAID = Judgement(RatingKind.RATED, {"accurate": "yes", "helpful": "4"}, seconds=2.0)
SKIPPED = Judgement(RatingKind.SKIPPED, reason="unclear")


def test_ratings_that_count_and_what_each_has_done(database: Database, store: Store, studies: StudyStore, make_trace: MakeTrace) -> None:
    store.add_traces([make_trace(LONG, name="a"), make_trace(LONG, name="b")], dataset="one")
    study = studies.create("Mugs", StudySettings(ratings_per_item=2))
    untouched = studies.create("Bowls", StudySettings())
    ratings, raters = RatingStore(database), RaterStore(database)
    ada, bob, cleo = (raters.open_by_name(name).id for name in ("Ada", "Bob", "Cleo"))
    tokens = iter(range(100))

    def say(rater: int, judgement: Judgement, count: int) -> list[int]:
        asks = ratings.next(study.id, rater, count=count)
        for ask in asks:
            token = f"token-{next(tokens)}"
            ratings.submit(ask.item, rater, version_id=study.version_id, trace=ask.trace, judgement=judgement, token=token)
        return [ask.item for ask in asks]

    assert studies.progress(study.id).by_ratings == (6, 0, 0)
    of_ada = say(ada, SAID, 4)
    of_bob = say(bob, SAID, 2)
    say(bob, SKIPPED, 1)
    say(cleo, SAID, 1)
    ratings.withdraw_last(study.id, cleo, token="undo")
    now = studies.progress(study.id)
    counting = Counter(rated.rating.item for rated in ratings.ratings(study.id) if rated.standing is Standing.COUNTS)
    assert now.by_ratings == tuple(sum(counting[item.id] == n for item in studies.items(study.id).items) for n in range(3))
    assert (now.wanted, now.there) == (12, 6)
    assert {item.id: item.ratings for item in studies.items(study.id).items if item.ratings} == counting
    assert [(share.name, share.rated, share.skipped) for share in now.raters] == [("Ada", 4, 0), ("Bob", 2, 1), ("Cleo", 0, 0)]
    assert now.by_version == {study.version_id: 6}
    assert studies.tallies() == {study.id: StudyTally(0, 6, 3)}

    # What is left out is asked no more, and its ratings do not make the study go further.
    item = of_ada[0]
    studies.leave_out(study.id, [item])
    out = studies.progress(study.id)
    assert (out.wanted, out.there, out.left_out) == (10, 6 - counting[item], {"by_hand": 1})
    assert studies.tallies() == {study.id: StudyTally(1, 6 - counting[item], 3)}
    studies.take_back(study.id, [item])

    # With one place a step no step has two ratings; with other words the ratings go on counting.
    fewer = studies.revise(study.id, replace(study.settings, ratings_per_item=1, instructions="Look well."))
    narrow = studies.progress(study.id)
    assert (narrow.wanted, narrow.there) == (6, len({*of_ada, *of_bob}))
    assert studies.revise(study.id, study.settings).version == fewer.version + 1
    assert studies.progress(study.id).by_ratings == now.by_ratings
    assert studies.progress(untouched.id).by_ratings == (6, 0, 0, 0)
