"""Names, passwords, and what is kept in memory: the rules that are the same whatever the database, so on one of them."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from annotations.database import Database, open_database, sqlite_url
from annotations.raters.names import clean_name
from annotations.raters.passwords import Passwords, is_hash
from annotations.raters.store import RaterStore
from annotations.raters.values import Role
from annotations.rating_schema import RaterRow, SessionRow
from annotations.store import Store
from core.errors import AccountError, NotAllowed, NotFound, SignInRefused, TooManyAttempts
from tests.annotations.raters.conftest import HOME, RIGHT, WRONG, Clock, quick_hasher, tries


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A SQLite file."""
    opened = open_database(sqlite_url(tmp_path / "saccade.db"))
    yield opened
    opened.close()


@pytest.mark.parametrize(
    "name",
    ["", "   ", "\u3000", "x" * 121, "a\nb", "a\0b", "evil\u202egnp.exe", "\u200b", "a\u2028b", "\ud800", "\ufeffa"],
)
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(AccountError, match="name"):
        clean_name(name)


@given(name=st.text(min_size=1, max_size=130))
def test_a_name_that_is_clean_stays_as_it_is(name: str) -> None:
    try:
        cleaned = clean_name(name)
    except AccountError:
        return
    assert clean_name(cleaned) == cleaned == unicodedata.normalize("NFC", cleaned) == cleaned.strip()
    assert 1 <= len(cleaned) <= 120


@given(password=st.text(min_size=8, max_size=40))
def test_a_hash_knows_its_password_and_no_other(password: str) -> None:
    passwords = Passwords(quick_hasher())
    try:
        stored = passwords.hashed(password)
    except AccountError:  # composed, it is shorter than it looked
        return
    assert is_hash(stored) and password not in stored
    assert passwords.match(stored, unicodedata.normalize("NFD", password))
    assert not passwords.match(stored, password + "x") and not passwords.match("", password)
    assert passwords.hashed(password) != stored, "salted"


def test_the_parameters_are_those_of_the_library() -> None:
    library = PasswordHasher()
    stored = Passwords().hashed(RIGHT)
    assert stored.startswith(f"$argon2id$v=19$m={library.memory_cost},t={library.time_cost},p={library.parallelism}$")
    assert library.memory_cost >= 64 * 1024 and library.time_cost >= 3, "RFC 9106, the second recommended choice, or more"


@pytest.mark.parametrize(
    "text", ["", "password", "$2b$12$abc", "$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA", "$argon2id$", "$argon2id$v=19$m=8"]
)
def test_what_is_no_hash(text: str) -> None:
    assert not is_hash(text)


@pytest.mark.parametrize("password", ["", "1234567", "x" * 1001])
def test_a_password_has_at_least_eight_characters(raters: RaterStore, password: str) -> None:
    with pytest.raises(AccountError, match=f"The password has {len(password)} characters"):
        raters.add("root", Role.ADMIN, password)


def test_a_wrong_name_and_a_wrong_password_are_told_alike(guarded: RaterStore) -> None:
    closed = guarded.add("closed", Role.RATER, RIGHT)
    guarded.close(closed.id)
    said = set()
    for name, password in (("ben", WRONG), ("nobody", RIGHT), ("BEN", RIGHT), ("closed", RIGHT), ("\0", RIGHT), ("x" * 5000, "y" * 5000)):
        with pytest.raises(SignInRefused) as refused:
            guarded.sign_in(name, password, HOME)
        said.add(str(refused.value))
    assert len(said) == 1


def test_an_unknown_name_costs_a_comparison_too(guarded: RaterStore) -> None:
    compared = []

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:
            compared.append(str(hash))
            return super().verify(hash, password)

    store = RaterStore(guarded.database, passwords=Passwords(Counting(time_cost=1, memory_cost=8, parallelism=1)))
    for name in ("ben", "nobody"):
        assert tries(store, name, WRONG) == "wrong"
    assert len(compared) == 2
    assert len({one.rpartition("$")[0].rpartition("$")[0] for one in compared}) == 1, "with the same parameters"


def test_a_hash_is_made_anew_with_better_parameters(guarded: RaterStore) -> None:
    better = RaterStore(guarded.database, passwords=Passwords(PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)))
    assert tries(better, "ben", WRONG) == "wrong"
    with guarded.database.reading() as connection:
        assert {one[:25] for one in connection.scalars(select(RaterRow.password))} == {"$argon2id$v=19$m=8,t=1,p="}
    session = guarded.sign_in("ben", RIGHT, HOME)[1]
    assert tries(better, "ben", RIGHT) == "in"
    with guarded.database.reading() as connection:
        assert connection.scalar(select(RaterRow.password).where(RaterRow.name == "ben")).startswith("$argon2id$v=19$m=16,t=2,p=1$")  # type: ignore[union-attr]
    assert guarded.session(session) is not None, "the password is still the same"
    assert tries(guarded, "ben", RIGHT) == "in"
    assert [*Store(guarded.database).events("password_changed")] == []


def test_a_damaged_hash_lets_nobody_in(guarded: RaterStore) -> None:
    with guarded.database.writing() as connection:
        connection.execute(update(RaterRow).where(RaterRow.name == "ben").values(password="$argon2id$v=19$m=8"))
    assert tries(guarded, "ben", RIGHT) == "wrong"


def test_what_another_program_changes_is_known_within_seconds(guarded: RaterStore, clock: Clock) -> None:
    elsewhere = RaterStore(guarded.database, now=clock, passwords=Passwords(quick_hasher()))
    secret = guarded.sign_in("ben", RIGHT, HOME)[1]
    assert guarded.session(secret) is not None
    kept = guarded.kept_door(secret)
    assert kept is not None and kept == guarded.door(secret)
    elsewhere.close(elsewhere.by_name("ben").id)
    clock.pass_by(seconds=5)
    assert guarded.kept_door(secret) is None
    assert guarded.session(secret) is None


def test_the_door_is_known_without_asking_the_database_again(raters: RaterStore, clock: Clock) -> None:
    assert raters.kept_door(None) is None
    assert raters.door(None).guarded is False
    kept = raters.kept_door(None)
    assert kept is not None and kept.rater is None
    clock.pass_by(seconds=5)
    assert raters.kept_door(None) is None
    raters.add("root", Role.ADMIN, RIGHT)
    assert raters.door(None).guarded is True
    clock.pass_by(days=1)
    assert raters.kept_door(None) is not None, "it never goes back"


def test_a_restart_forgives_nobody(guarded: RaterStore, clock: Clock) -> None:
    for _ in range(10):
        tries(guarded, "ben", WRONG)
    restarted = RaterStore(guarded.database, now=clock, passwords=Passwords(quick_hasher()))
    assert tries(restarted, "ben", RIGHT) == "wait"


def test_a_session_ends_after_ninety_days_whatever_its_use(guarded: RaterStore, clock: Clock) -> None:
    secret = guarded.sign_in("ben", RIGHT, HOME)[1]
    for _ in range(8):
        clock.pass_by(days=11)
        assert guarded.session(secret) is not None
    clock.pass_by(days=2)
    assert guarded.session(secret) is None


def test_how_long_to_wait_is_said_and_true(guarded: RaterStore, clock: Clock) -> None:
    for _ in range(10):
        assert tries(guarded, "ben", WRONG) == "wrong"
        clock.pass_by(seconds=30)
    with pytest.raises(TooManyAttempts, match=r"wait 5 minutes, then try again") as refused:
        guarded.sign_in("ben", RIGHT, HOME)
    assert refused.value.seconds == 300
    clock.pass_by(seconds=299)
    with pytest.raises(TooManyAttempts, match=r"wait 1 second, then try again"):
        guarded.sign_in("ben", RIGHT, HOME)
    clock.pass_by(seconds=1)
    assert tries(guarded, "ben", RIGHT) == "in"


def test_a_closed_name_opens_nothing(raters: RaterStore) -> None:
    anna = raters.open_by_name("Anna")
    secret = raters.start_session(anna)
    raters.close(anna.id)
    assert raters.session(secret) is None
    with pytest.raises(NotAllowed, match="closed: reopen it"):
        raters.open_by_name("Anna")
    with pytest.raises(NotAllowed):
        raters.start_session(anna)


def test_the_first_account_with_a_password_is_an_admins(raters: RaterStore) -> None:
    for role in (Role.RATER, Role.LEAD):
        with pytest.raises(NotAllowed, match="see to another admin first"):
            raters.add("first", role, RIGHT)
    anna = raters.open_by_name("anna")
    with pytest.raises(NotAllowed, match="see to another admin first"):
        raters.set_password(anna.id, RIGHT)
    assert [one.rater.name for one in raters.list()] == ["anna"] and not raters.guarded()
    assert raters.add("first", Role.ADMIN, RIGHT).role is Role.ADMIN


def test_a_name_is_given_once(guarded: RaterStore) -> None:
    with pytest.raises(AccountError, match="There is an account of the name “ben” already"):
        guarded.add(" ben", Role.LEAD, RIGHT)


def test_the_table_does_not_know_the_secret(guarded: RaterStore) -> None:
    secret = guarded.sign_in("ben", RIGHT, HOME)[1]
    assert len(secret) == 43, "32 bytes"
    with guarded.database.reading() as connection:
        kept = connection.scalars(select(SessionRow.secret_hash)).all()
    assert kept == [hashlib.sha256(secret.encode()).hexdigest()]
    assert guarded.session(kept[0]) is None


def test_a_new_role_holds_at_once(guarded: RaterStore) -> None:
    secret = guarded.sign_in("ben", RIGHT, HOME)[1]
    assert guarded.session(secret) is not None
    guarded.set_role(guarded.by_name("ben").id, Role.LEAD)
    found = guarded.session(secret)
    assert found is not None and found.role is Role.LEAD


def test_a_success_forgives_its_own_address_only(guarded: RaterStore) -> None:
    for _ in range(9):
        tries(guarded, "ben", WRONG)
        tries(guarded, "ben", WRONG, "192.0.2.7")
    assert tries(guarded, "ben", RIGHT) == "in"
    assert [tries(guarded, "ben", WRONG) for _ in range(11)] == ["wrong"] * 10 + ["wait"]
    assert [tries(guarded, "ben", WRONG, "192.0.2.7") for _ in range(2)] == ["wrong", "wait"]


def test_names_and_addresses_are_counted_apart(guarded: RaterStore) -> None:
    for _ in range(10):
        tries(guarded, "ben", WRONG)
        tries(guarded, "nobody", WRONG)
    assert tries(guarded, " ben ", RIGHT) == "wait", "blanks do not make another name"
    assert tries(guarded, "nobody", RIGHT) == "wait", "nor does it tell whether there is such a rater"
    assert tries(guarded, "root", RIGHT) == "in"
    assert tries(guarded, "ben", RIGHT, "192.0.2.7") == "in"
    assert tries(guarded, "ben", RIGHT) == "wait", "a success elsewhere does not count here"


def test_what_is_not_there_is_named(guarded: RaterStore) -> None:
    with pytest.raises(NotFound, match="no rater with the number 99"):
        guarded.set_role(99, Role.LEAD)
    with pytest.raises(NotFound, match="there are “ben”, “root”"):
        guarded.by_name("bne")
