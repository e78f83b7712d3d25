"""Who may come in, as a start settles it: the accounts file is brought into the table, and what nobody guards is not shown to others."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

from annotations.raters.accounts_file import read_accounts, readable_by_others
from annotations.raters.following import FileChanges
from annotations.raters.store import RaterStore
from app.settings import Settings
from app.start import reached_by_others
from core.errors import AccountError, NotAllowed, ReadOnly, StartError


def settle_accounts(raters: RaterStore, settings: Settings, listening: socket.socket) -> tuple[str, ...]:
    """Lines that whoever started the program should see. What `settings.auth` says is in the table afterwards.

    Raises AccountError for a file that cannot be used, and StartError where others reach `listening` and nobody needs a password, or
    where nobody could sign in.
    """
    said = _follow(raters, settings) if settings.auth is not None else ()
    guarded = raters.guarded()
    if not guarded:
        _refuse_others(settings, listening)
    elif settings.read_only:
        raise StartError("The accounts have passwords, and with --read-only nobody can sign in, for that is written down: leave it out.")
    elif reached_by_others(listening) and not settings.behind_proxy:
        said += (
            f"Passwords travel to {settings.host} as anybody on the way can read them: put a proxy with https before it, let that reach "
            "--host 127.0.0.1, and start with --behind-proxy.",
        )
    return said


def _refuse_others(settings: Settings, listening: socket.socket) -> None:
    """Raises StartError where anybody but people at this machine could ask, while nobody needs a password."""
    mend = "add an admin with `python3 launch.py raters add NAME --role admin`, or name a file of accounts with --auth"
    if reached_by_others(listening):
        raise StartError(
            f"Saccade does not listen on {settings.host}, because no account has a password and everyone who reaches that address could "
            f"read and change everything: {mend}; or leave --host out, and use an SSH tunnel from another machine, such as "
            f"ssh -L 7860:127.0.0.1:7860 {socket.gethostname()}"
        )
    if settings.behind_proxy:
        raise StartError(f"--behind-proxy lets others in, and no account has a password: {mend}.")


def _follow(raters: RaterStore, settings: Settings) -> tuple[str, ...]:
    file = settings.auth
    if file is None:
        return ()
    accounts = read_accounts(file)
    if settings.read_only:
        raise ReadOnly("With --read-only the accounts of --auth cannot be brought into the database: leave one of the two out.")
    try:
        changes = raters.follow_file(accounts)
    except NotAllowed as error:
        raise AccountError(
            f"With the accounts file {file}, no open account would be an admin's: give one of its lines that role."
        ) from error
    return (*_warnings(file), *_words(changes))


def _warnings(file: Path) -> tuple[str, ...]:
    if not readable_by_others(file):
        return ()
    return (f"The accounts file {file} can be read or changed by other users of this machine: chmod 600 {file} keeps it to its owner.",)


def _words(changes: FileChanges) -> tuple[str, ...]:
    what = (("added", changes.added), ("changed", changes.changed), ("reopened", changes.reopened), ("closed", changes.closed))
    done = [f"{verb} {', '.join(names)}" for verb, names in what if names]
    said = (f"Accounts, as the file says: {'; '.join(done)}.",) if done else ()
    left = tuple(
        f"{name} is in the accounts file, and stays closed, as that was done by hand: `python3 launch.py raters reopen` opens the account."
        for name in changes.left_closed
    )
    return said + left


def say(lines: tuple[str, ...]) -> None:
    """Print lines where they disturb no output."""
    for line in lines:
        sys.stderr.write(f"saccade: {line}\n")
    sys.stderr.flush()
