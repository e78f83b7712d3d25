"""How often somebody may guess: at most ten failures in ten minutes under one name from one address.

An attempt is written down before its password is looked at, and struck out when it was right: so many guesses at the same moment are
still ten. It stands in the database, so a restart of the program forgives nobody.
"""

from __future__ import annotations

import hashlib
import math
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select

from annotations.raters.names import clean_name
from annotations.rating_schema import ADDRESS, SignInFailureRow
from core.errors import AccountError, TooManyAttempts

FAILURES = 10
WINDOW = timedelta(minutes=10)


def begin_attempt(connection: Connection, name: str, address: str, now: datetime) -> None:
    """Write an attempt down as a failure, inside a transaction for writing; failures that are too old to count are swept away.

    Raises TooManyAttempts, also where the password would be right; the attempt then does not count, so waiting always helps.
    """
    connection.execute(delete(SignInFailureRow).where(SignInFailureRow.at <= now - WINDOW))
    account, address = key_of(name), address[:ADDRESS]
    failed = select(SignInFailureRow.at).where(SignInFailureRow.account == account, SignInFailureRow.address == address)
    newest = connection.scalars(failed.order_by(SignInFailureRow.at.desc()).limit(FAILURES)).all()
    if len(newest) == FAILURES:
        seconds = max(1, math.ceil((newest[-1] + WINDOW - now).total_seconds()))
        raise TooManyAttempts(f"Too many attempts to sign in under this name: wait {_words(seconds)}, then try again.", seconds=seconds)
    connection.execute(insert(SignInFailureRow).values(account=account, address=address, at=now))


def forgive(connection: Connection, name: str, address: str) -> None:
    """Strike out the failures under this name from this address: whoever was there has shown that they know the password."""
    rows = delete(SignInFailureRow)
    connection.execute(rows.where(SignInFailureRow.account == key_of(name), SignInFailureRow.address == address[:ADDRESS]))


def key_of(name: str) -> str:
    """The name as it is looked up, or a stand-in for one that nobody can have and that might not fit into the table."""
    try:
        return clean_name(name)
    except AccountError:
        return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


def _words(seconds: int) -> str:
    if seconds < 90:
        return "1 second" if seconds == 1 else f"{seconds} seconds"
    return f"{math.ceil(seconds / 60)} minutes"
