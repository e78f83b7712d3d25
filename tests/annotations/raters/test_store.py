"""Raters on all back ends: who may come in, for how long, and what nobody can do."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, select

from annotations.database import Database, open_database
from annotations.raters.passwords import Passwords
from annotations.raters.store import MAX_PREFERENCES, RaterStore
from annotations.raters.values import Rater, Role
from annotations.rating_schema import RaterRow, SessionRow, SignInFailureRow
from annotations.schema import EventRow
from annotations.store import Store
from core.errors import AccountError, NotAllowed, NotFound, ReadOnly
from tests.annotations.raters.conftest import HOME, RIGHT, WRONG, Clock, quick_hasher, tries


def events(database: Database, kind: str) -> list[dict[str, Any]]:
    return list(Store(database).events(kind))


def rows(database: Database, table: type) -> int:
    with database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


# -- one person's machine --


def test_without_passwords_a_name_is_enough(raters: RaterStore) -> None:
    assert not raters.guarded()
    anna = raters.open_by_name("  Anna ")
    assert anna == raters.open_by_name("Anna") == Rater(anna.id, "Anna", Role.ADMIN)
    secret = raters.start_session(anna)
    assert raters.session(secret) == anna
    assert raters.names_without_password() == ("Anna",)
    assert raters.rater(anna.id).role is Role.RATER, "who only said a name leads nobody once there are passwords"
    assert [event["name"] for event in events(raters.database, "rater_added")] == ["Anna"]


def test_the_same_letters_are_the_same_name_and_case_is_kept(raters: RaterStore) -> None:
    composed, apart = raters.open_by_name("Zoë"), raters.open_by_name("Zoe\u0308")
    assert composed == apart
    assert raters.open_by_name("zoë") != composed


def test_the_first_password_ends_what_names_had_opened(raters: RaterStore) -> None:
    anna = raters.open_by_name("Anna")
    secret = raters.start_session(anna)
    assert raters.door(secret).rater == anna
    raters.add("root", Role.ADMIN, RIGHT)
    assert raters.guarded()
    assert raters.kept_door(secret) is None
    assert raters.session(secret) is None
    assert raters.names_without_password() == ()
    for attempt in (lambda: raters.open_by_name("Anna"), lambda: raters.open_by_name("new"), lambda: raters.start_session(anna)):
        with pytest.raises(NotAllowed, match="A name is not enough here any more"):
            attempt()
    assert tries(raters, "Anna", "") == "wrong"
    raters.set_password(anna.id, RIGHT)
    assert raters.sign_in("Anna", RIGHT, HOME)[0].role is Role.RATER


def test_any_name_comes_back_as_it_was(raters: RaterStore) -> None:
    for name in ("x", "x" * 120, "Ἀριστοτέλης", "می\u200cخواهم", "O'Brien; DROP TABLE raters", "a:b", "🦉" * 120):
        assert raters.open_by_name(name).name == name
        assert raters.by_name(name).name == name


# -- accounts --


def test_the_last_admin_stays(guarded: RaterStore) -> None:
    root = guarded.by_name("root").id
    for change in (lambda: guarded.close(root), lambda: guarded.set_role(root, Role.LEAD), lambda: guarded.set_role(root, Role.RATER)):
        with pytest.raises(NotAllowed, match="see to another admin first"):
            change()
    ben = guarded.by_name("ben").id
    guarded.set_role(ben, Role.ADMIN)
    guarded.close(root)
    with pytest.raises(NotAllowed):
        guarded.close(ben)
    assert guarded.guarded()


def test_two_admins_cannot_close_each_other(database_url: str) -> None:
    """From two programs at once, each with a store of its own."""
    first, second = (open_database(database_url) for _ in range(2))
    try:
        here, there = (RaterStore(one, passwords=Passwords(quick_hasher())) for one in (first, second))
        ids = [here.add(name, Role.ADMIN, RIGHT).id for name in ("a", "b")]

        def closes(store: RaterStore, number: int) -> bool:
            try:
                store.close(number)
            except NotAllowed:
                return False
            return True

        with ThreadPoolExecutor(2) as pool:
            closed = list(pool.map(closes, (here, there), ids))
        assert sorted(closed) == [False, True]
    finally:
        first.close()
        second.close()


def test_changes_are_recorded_without_any_password(guarded: RaterStore, clock: Clock) -> None:
    ben = guarded.by_name("ben").id
    guarded.set_role(ben, Role.LEAD, actor="root")
    guarded.set_password(ben, WRONG, actor="root")
    guarded.close(ben, actor="root")
    guarded.close(ben, actor="root")
    guarded.reopen(ben, actor="root")
    guarded.sign_in("ben", WRONG, HOME)
    assert events(guarded.database, "role_changed") == [{"rater": ben, "name": "ben", "old": "rater", "new": "lead"}]
    assert events(guarded.database, "password_changed") == [{"rater": ben, "name": "ben"}]
    assert len(events(guarded.database, "rater_closed")) == len(events(guarded.database, "rater_reopened")) == 1
    with guarded.database.reading() as connection:
        said = [*connection.execute(select(EventRow.actor, EventRow.payload))]
        hashes = connection.scalars(select(RaterRow.password)).all()
    assert {row.actor for row in said} == {"", "root", "ben"}
    text = json.dumps([list(row) for row in said])
    assert not any(secret in text for secret in (RIGHT, WRONG, "argon2", *hashes))
    assert all(one.startswith("$argon2id$") for one in hashes)


def test_the_list_tells_who_is_there(guarded: RaterStore, clock: Clock) -> None:
    ben = guarded.by_name("ben").id
    clock.pass_by(hours=1)
    guarded.sign_in("ben", RIGHT, HOME)
    signed_in = clock()
    clock.pass_by(hours=1)
    guarded.add("Cleo", Role.LEAD, RIGHT)
    guarded.close(ben)
    listed = guarded.list()
    assert [one.rater.name for one in listed] == ["Cleo", "root", "ben"]
    assert [one.seen for one in listed] == [None, None, signed_in]
    assert listed[-1].closed == clock() and listed[-1] == guarded.account(ben)
    assert {one.ratings for one in listed} == {0} and {one.from_file for one in listed} == {False}


# -- signing in --


def test_signing_in_and_out(guarded: RaterStore) -> None:
    rater, secret = guarded.sign_in(" ben ", RIGHT, HOME)
    assert (rater.name, rater.role) == ("ben", Role.RATER)
    assert guarded.session(secret) == rater
    other = guarded.sign_in("ben", RIGHT, HOME)[1]
    guarded.sign_out(secret)
    guarded.sign_out("nothing of the kind")
    assert guarded.session(secret) is None
    assert guarded.session(other) == rater


# -- sessions end --


def test_a_session_ends_two_weeks_after_its_last_use(guarded: RaterStore, clock: Clock) -> None:
    used, left = (guarded.sign_in("ben", RIGHT, HOME)[1] for _ in range(2))
    for _ in range(3):
        clock.pass_by(days=6)
        assert guarded.session(used) is not None
    assert guarded.session(left) is None
    clock.pass_by(days=14)
    assert guarded.session(used) is None
    guarded.sign_in("ben", RIGHT, HOME)
    assert rows(guarded.database, SessionRow) == 1, "those that are over are swept away"


def test_a_new_password_or_a_closed_account_ends_its_sessions_at_once(guarded: RaterStore) -> None:
    ben, root = guarded.by_name("ben").id, guarded.sign_in("root", RIGHT, HOME)[1]
    secret = guarded.sign_in("ben", RIGHT, HOME)[1]
    assert guarded.door(secret).rater is not None
    guarded.set_password(ben, WRONG)
    assert guarded.kept_door(secret) is None and guarded.session(secret) is None
    assert tries(guarded, "ben", RIGHT) == "wrong"
    secret = guarded.sign_in("ben", WRONG, HOME)[1]
    assert guarded.session(secret) is not None
    guarded.close(ben)
    assert guarded.session(secret) is None
    guarded.reopen(ben)
    assert guarded.session(secret) is None, "the session does not come back with the account"
    assert guarded.session(root) is not None


# -- guessing --


def test_a_thousand_guesses(guarded: RaterStore, clock: Clock) -> None:
    """One a second, and the right password among them: in any ten minutes, ten are looked at."""
    looked_at = []
    for second in range(1000):
        password = RIGHT if second >= 20 and second % 100 == 20 else WRONG
        outcome = tries(guarded, "ben", password)
        if outcome != "wait":
            looked_at.append((second, outcome))
        clock.pass_by(seconds=1)
    assert looked_at == [(second, "wrong") for second in (*range(10), *range(600, 610))]


def test_guesses_at_the_same_moment_are_still_ten(database: Database) -> None:
    store = RaterStore(database, passwords=Passwords(quick_hasher()))
    store.add("root", Role.ADMIN, RIGHT)
    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(lambda _: tries(store, "root", WRONG), range(40)))
    assert outcomes.count("wrong") == 10 and outcomes.count("wait") == 30


def test_old_failures_are_swept_away(guarded: RaterStore, clock: Clock) -> None:
    for number in range(30):
        tries(guarded, f"somebody {number}", WRONG, f"192.0.2.{number}")
    clock.pass_by(minutes=10)
    tries(guarded, "ben", WRONG, "x" * 500)
    assert rows(guarded.database, SignInFailureRow) == 1


# -- preferences --


def test_preferences_are_kept_and_bounded(guarded: RaterStore) -> None:
    ben = guarded.by_name("ben").id
    assert guarded.preferences(ben) == {}
    document = {"keys": {"yes": "j", "no": "k"}, "ü": [1, None, True]}
    guarded.save_preferences(ben, document)
    assert guarded.preferences(ben) == document
    guarded.save_preferences(ben, {})
    assert guarded.preferences(ben) == {}
    with pytest.raises(AccountError, match=f"at most {MAX_PREFERENCES}"):
        guarded.save_preferences(ben, {"x": "y" * MAX_PREFERENCES})
    for value in (float("nan"), "\ud800"):
        with pytest.raises(AccountError, match="not JSON"):
            guarded.save_preferences(ben, {"x": value})
    with pytest.raises(NotFound):
        guarded.save_preferences(99, {})


def test_for_reading_only_nobody_is_added(raters: RaterStore, database_url: str) -> None:
    raters.add("root", Role.ADMIN, RIGHT)
    secret = raters.sign_in("root", RIGHT, HOME)[1]
    database = open_database(database_url, read_only=True)
    try:
        reading = RaterStore(database, now=raters._now, passwords=Passwords(quick_hasher()))
        assert reading.session(secret) is not None
        assert reading.guarded() and len(reading.list()) == 1
        with pytest.raises(ReadOnly):
            reading.add("more", Role.LEAD, RIGHT)
        with pytest.raises(ReadOnly):
            reading.sign_in("root", RIGHT, HOME)
    finally:
        database.close()
