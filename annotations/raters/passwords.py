"""Passwords: kept as argon2id hashes, compared so that the time tells nothing, and never as they are.

The library's own parameters are used; where a later version of it has stronger ones, a hash is made anew when its owner signs in.
"""

from __future__ import annotations

import secrets
import threading
import unicodedata
from functools import cached_property
from typing import TYPE_CHECKING

from core.errors import AccountError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST = 8
LONGEST = 1000
_BEGINNING = "$argon2id$"
# A comparison takes 64 MiB and a tenth of a second, and anybody who reaches the sign-in page can ask for one.
_AT_ONCE = 2


class Passwords:
    """Makes and compares hashes, two at a time. `hasher`: argon2 with other parameters than the library's, as quick tests want them."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._given = hasher
        self._turns = threading.Semaphore(_AT_ONCE)

    def hashed(self, password: str) -> str:
        """The argon2id hash of a new password, with its parameters and salt. Raises AccountError for one that is too short or too long."""
        text = checked(password)
        with self._turns:
            return self._hasher.hash(_bytes(text))

    def match(self, stored: str, password: str) -> bool:
        """Whether `password` is the one that `stored` was made from. An empty or unreadable `stored` costs as much, and is False."""
        from argon2.exceptions import InvalidHashError, VerificationError

        text = _spelled(password)
        usable = stored.startswith(_BEGINNING) and len(text) <= LONGEST
        with self._turns:
            try:
                self._hasher.verify(stored if usable else self._nobodys, _bytes(text[:LONGEST]))
            except (VerificationError, InvalidHashError):
                return False
        return usable

    def renewed(self, stored: str, password: str) -> str:
        """A new hash of a password that matches `stored`, where that was made with other parameters than today's; else `stored`."""
        if not self._hasher.check_needs_rehash(stored):
            return stored
        with self._turns:
            return self._hasher.hash(_bytes(_spelled(password)))

    @cached_property
    def _hasher(self) -> PasswordHasher:
        # Loaded when the first password is met: the workbench of one person starts without it.
        from argon2 import PasswordHasher

        return self._given or PasswordHasher()

    @cached_property
    def _nobodys(self) -> str:
        return self._hasher.hash(secrets.token_bytes())


def checked(password: str) -> str:
    """A new password as it is spelled to be hashed. Raises AccountError for one that is too short or too long."""
    text = _spelled(password)
    if len(text) < SHORTEST:
        raise AccountError(f"The password has {len(text)} characters: give at least {SHORTEST}.")
    if len(text) > LONGEST:
        raise AccountError(f"The password has {len(text)} characters: give at most {LONGEST}.")
    return text


def is_hash(text: str) -> bool:
    """Whether a text is an argon2id hash that can be compared with."""
    from argon2 import Type, extract_parameters
    from argon2.exceptions import InvalidHashError

    if not text.startswith(_BEGINNING):
        return False
    try:
        return extract_parameters(text).type is Type.ID
    except (InvalidHashError, ValueError):
        return False


def _spelled(password: str) -> str:
    """The same letters give the same text, whichever keyboard they were typed on (NFKC, as NIST SP 800-63B advises)."""
    return unicodedata.normalize("NFKC", password)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
