"""Somebody changes their own password, on all back ends: who may, what ends by it, and what nobody learns of it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from annotations.database import open_database
from annotations.raters.accounts_file import FileAccount
from annotations.raters.passwords import Passwords
from annotations.raters.store import RaterStore
from annotations.raters.values import Role
from annotations.schema import EventRow
from annotations.store import Store
from core.errors import AccountError, NotAllowed, ReadOnly, TooManyAttempts
from tests.annotations.raters.conftest import HOME, RIGHT, WRONG, Clock, quick_hasher, tries

NEW = "a clean staple"


def test_whoever_knows_the_old_password_sets_a_new_one(guarded: RaterStore) -> None:
    ben, here = guarded.sign_in("ben", RIGHT, HOME)
    elsewhere, root = guarded.sign_in("ben", RIGHT, HOME)[1], guarded.sign_in("root", RIGHT, HOME)[1]
    assert guarded.door(elsewhere).rater is not None
    assert guarded.why_no_own_password(ben.id) == ""
    guarded.change_own_password(ben.id, RIGHT, NEW, address=HOME, session=here)
    assert (tries(guarded, "ben", RIGHT), tries(guarded, "ben", NEW), tries(guarded, "root", RIGHT)) == ("wrong", "in", "in")
    assert guarded.session(here) == ben, "the session in which it was done goes on"
    assert guarded.kept_door(elsewhere) is None and guarded.session(elsewhere) is None
    assert guarded.session(root) is not None


def test_a_wrong_old_password_changes_nothing_and_counts_as_a_guess(guarded: RaterStore, clock: Clock) -> None:
    ben, here = guarded.sign_in("ben", RIGHT, HOME)
    other = guarded.sign_in("ben", RIGHT, HOME)[1]
    for _ in range(4):
        with pytest.raises(NotAllowed, match="The old password is not right"):
            guarded.change_own_password(ben.id, WRONG, NEW, address=HOME, session=here)
    assert [tries(guarded, "ben", WRONG) for _ in range(6)] == ["wrong"] * 6
    for old in (WRONG, RIGHT):
        with pytest.raises(TooManyAttempts, match="wait 10 minutes"):
            guarded.change_own_password(ben.id, old, NEW, address=HOME, session=here)
    assert guarded.session(here) == guarded.session(other) == ben
    clock.pass_by(minutes=10)
    guarded.change_own_password(ben.id, RIGHT, NEW, address=HOME, session=here)
    assert [tries(guarded, "ben", WRONG) for _ in range(10)] == ["wrong"] * 10, "who knew it has no failures left"


@pytest.mark.parametrize(("new", "said"), [("short", "at least 8"), ("", "at least 8"), ("x" * 1001, "at most 1000")])
def test_a_new_password_follows_the_rules_that_all_do(guarded: RaterStore, new: str, said: str) -> None:
    ben, here = guarded.sign_in("ben", RIGHT, HOME)
    for _ in range(12):
        with pytest.raises(AccountError, match=said):
            guarded.change_own_password(ben.id, RIGHT, new, address=HOME, session=here)
    assert tries(guarded, "ben", RIGHT) == "in", "what cannot be a password is no guess"


def test_the_log_says_that_it_was_done_and_by_whom_and_no_more(guarded: RaterStore) -> None:
    ben, here = guarded.sign_in("ben", RIGHT, HOME)
    guarded.change_own_password(ben.id, RIGHT, NEW, address=HOME, session=here)
    assert list(Store(guarded.database).events("password_changed")) == [{"rater": ben.id, "name": "ben"}]
    with guarded.database.reading() as connection:
        said = connection.execute(select(EventRow.actor, EventRow.kind, EventRow.payload)).all()
    assert {row.actor for row in said if row.kind == "password_changed"} == {"ben"}
    text = json.dumps([list(row) for row in said])
    assert not any(secret in text for secret in (RIGHT, NEW, "argon2", here))


def test_an_account_of_the_file_is_changed_there(guarded: RaterStore) -> None:
    hashed = Passwords(quick_hasher()).hashed(RIGHT)
    guarded.follow_file([FileAccount("root", Role.ADMIN, hashed), FileAccount("filed", Role.RATER, hashed)])
    filed, here = guarded.sign_in("filed", RIGHT, HOME)
    assert "accounts file of --auth" in guarded.why_no_own_password(filed.id)
    with pytest.raises(NotAllowed, match="“filed” stands in the accounts file of --auth"):
        guarded.change_own_password(filed.id, RIGHT, NEW, address=HOME, session=here)
    assert tries(guarded, "filed", RIGHT) == "in" and tries(guarded, "filed", NEW) == "wrong"


def test_where_a_name_is_enough_there_is_nothing_to_change(raters: RaterStore) -> None:
    anna = raters.open_by_name("Anna")
    here = raters.start_session(anna)
    assert "a name is enough" in raters.why_no_own_password(anna.id)
    with pytest.raises(NotAllowed, match="a name is enough"):
        raters.change_own_password(anna.id, "", NEW, address=HOME, session=here)
    assert not raters.guarded()


def test_two_changes_at_once_are_one_change(database_url: str) -> None:
    """From two programs: whoever comes second no longer knows the password."""
    first, second = (open_database(database_url) for _ in range(2))
    try:
        stores = [RaterStore(one, passwords=Passwords(quick_hasher())) for one in (first, second)]
        stores[0].add("root", Role.ADMIN, RIGHT)
        root, here = stores[0].sign_in("root", RIGHT, HOME)

        def changes(store: RaterStore, new: str) -> str:
            try:
                store.change_own_password(root.id, RIGHT, new, address=HOME, session=here)
            except NotAllowed:
                return ""
            return new

        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(changes, stores, ("the first one", "the second one")))
        assert sorted(map(bool, done)) == [False, True]
        assert tries(stores[0], "root", "".join(done)) == "in"
    finally:
        first.close()
        second.close()


def test_for_reading_only_no_password_is_changed(guarded: RaterStore, database_url: str) -> None:
    ben, here = guarded.sign_in("ben", RIGHT, HOME)
    database = open_database(database_url, read_only=True)
    try:
        reading = RaterStore(database, now=guarded._now, passwords=Passwords(quick_hasher()))
        assert "--read-only" in reading.why_no_own_password(ben.id)
        with pytest.raises(ReadOnly, match="--read-only no password can be changed"):
            reading.change_own_password(ben.id, RIGHT, NEW, address=HOME, session=here)
    finally:
        database.close()
    assert tries(guarded, "ben", RIGHT) == "in"
