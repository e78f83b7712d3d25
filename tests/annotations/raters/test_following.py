"""The table follows the accounts file, in the cases that are the same whatever the database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from annotations.database import Database, open_database, sqlite_url
from annotations.raters.store import RaterStore
from annotations.raters.values import Role
from core.errors import NotAllowed
from tests.annotations.raters.test_accounts_file import FIRST, HOME, ROOT, SECOND, account


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A SQLite file."""
    opened = open_database(sqlite_url(tmp_path / "saccade.db"))
    yield opened
    opened.close()


def test_who_was_closed_by_hand_stays_closed(raters: RaterStore) -> None:
    raters.follow_file([ROOT, account("ben")])
    ben = raters.by_name("ben").id
    raters.close(ben)
    for _ in range(2):
        assert raters.follow_file([ROOT, account("ben", password=SECOND)]).left_closed == ("ben",)
    raters.follow_file([ROOT])
    assert raters.follow_file([ROOT, account("ben")]).left_closed == ("ben",), "going from the file in between changes nothing"
    raters.reopen(ben)
    raters.sign_in("ben", FIRST, HOME)


def test_accounts_of_other_origin_are_left_alone(raters: RaterStore) -> None:
    raters.add("root", Role.ADMIN, FIRST)
    raters.add("by hand", Role.LEAD, FIRST)
    raters.follow_file([account("ben")])
    raters.follow_file([account("cleo")])
    assert [(one.rater.name, one.closed is None, one.from_file) for one in raters.list()] == [
        ("by hand", True, False),
        ("cleo", True, True),
        ("root", True, False),
        ("ben", False, True),
    ]


def test_a_name_that_was_there_before_gets_what_the_file_says(raters: RaterStore) -> None:
    anna = raters.open_by_name("Anna")
    raters.save_preferences(anna.id, {"keys": "mine"})
    assert raters.follow_file([account("Anna", Role.ADMIN)]).changed == ("Anna",)
    assert raters.sign_in("Anna", FIRST, HOME)[0] == anna
    assert raters.preferences(anna.id) == {"keys": "mine"}
    raters.save_preferences(anna.id, {})
    assert raters.account(anna.id).from_file, "a person's preferences do not touch what the file had said"


def test_a_file_that_leaves_no_admin_changes_nothing(raters: RaterStore) -> None:
    with pytest.raises(NotAllowed, match="see to another admin first"):
        raters.follow_file([account("ben", Role.LEAD)])
    assert raters.list() == ()
    raters.follow_file([ROOT, account("ben")])
    with pytest.raises(NotAllowed):
        raters.follow_file([account("ben"), account("cleo")])
    assert [one.rater.name for one in raters.list() if one.closed is None] == ["ben", "root"]
