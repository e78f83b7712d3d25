"""A store of raters on each back end, with a clock that the test moves and hashes that cost next to nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from argon2 import PasswordHasher

from annotations.database import Database
from annotations.raters.passwords import Passwords
from annotations.raters.store import RaterStore
from annotations.raters.values import Role
from core.errors import SignInRefused, TooManyAttempts

HOME = "127.0.0.1"
RIGHT, WRONG = "correct horse", "battery staple"


@dataclass
class Clock:
    """A time that goes on when it is told to."""

    time: datetime = datetime(2030, 1, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def pass_by(self, **span: float) -> None:
        self.time += timedelta(**span)


def quick_hasher() -> PasswordHasher:
    """Argon2id with the least that it can do."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def raters(database: Database, clock: Clock) -> RaterStore:
    return RaterStore(database, now=clock, passwords=Passwords(quick_hasher()))


@pytest.fixture
def guarded(raters: RaterStore) -> RaterStore:
    """With an admin, root, and a rater, ben, who share a password."""
    raters.add("root", Role.ADMIN, RIGHT)
    raters.add("ben", Role.RATER, RIGHT)
    return raters


def tries(store: RaterStore, name: str, password: str, address: str = HOME) -> str:
    """What comes of a try to sign in, in a word."""
    try:
        store.sign_in(name, password, address)
    except TooManyAttempts:
        return "wait"
    except SignInRefused:
        return "wrong"
    return "in"
