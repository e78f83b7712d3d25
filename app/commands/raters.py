"""`launch.py raters`: who may come in, and as what.

A password is asked for twice, or read from standard input; it never stands on the command line, which everybody on the machine sees.
"""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from typing import TYPE_CHECKING

from app.settings import add_store_options, settings_from
from core.errors import AccountError, ReadOnly, StartError

if TYPE_CHECKING:
    from annotations.raters.store import RaterStore
    from annotations.raters.values import Account

# The names of `annotations.raters.values.Role`, which is not imported here: the command line is read before the environment is there.
ROLES = ("rater", "lead", "admin")
ACTOR = "command line"

_ACTIONS = {
    "add": "an account with a password: NAME --role ROLE",
    "list": "all accounts",
    "password": "another password: NAME",
    "role": "another role: NAME ROLE",
    "close": "let somebody in no more; what they rated stays: NAME",
    "reopen": "let somebody in again: NAME",
    "hash": "a line for the file of --auth, and nothing in the database: NAME --role ROLE",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, with whom, and the options of the store."""
    lines = "\n".join(f"  {name:<9} {words}" for name, words in _ACTIONS.items())
    parser.epilog = f"what can be done:\n{lines}"
    parser.add_argument("action", choices=_ACTIONS, metavar="ACTION", help=", ".join(_ACTIONS))
    parser.add_argument("name", nargs="?", metavar="NAME", help="what the person is called")
    parser.add_argument("new_role", nargs="?", choices=ROLES, metavar="ROLE", help=f"for role: {', '.join(ROLES)}")
    parser.add_argument("--role", choices=ROLES, default=ROLES[0], help="for add and hash (default rater)")
    parser.add_argument("--password-stdin", action="store_true", help="read the password from the first line of standard input")
    add_store_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Does it; 0. Raises StartError for words that do not belong together, AccountError, NotAllowed, NotFound and StoreError."""
    _check_words(arguments)
    if arguments.action == "hash":
        return _print_line(arguments)
    # What a person types is asked before a database is opened or made.
    password = _password(arguments) if arguments.action in ("add", "password") else ""
    from app.services import open_services

    settings = settings_from(arguments, os.environ)
    with open_services(settings, existing=arguments.action != "add") as services:
        if arguments.action == "list":
            return _print_list(services.raters)
        if settings.read_only:
            raise ReadOnly("With --read-only nothing about the raters can be changed: leave it out.")
        print(_change(services.raters, arguments, password))
    return 0


def _check_words(arguments: argparse.Namespace) -> None:
    """Raises StartError where a name or a role is missing, or one too many."""
    action = arguments.action
    named, with_role = arguments.name is not None, arguments.new_role is not None
    if (action == "list") == named or (action == "role") != with_role:
        needed = {"list": "", "role": " NAME ROLE"}.get(action, " NAME")
        raise StartError(f"Give: launch.py raters {action}{needed}, with the roles {', '.join(ROLES)}; --help tells more.")


def _change(raters: RaterStore, arguments: argparse.Namespace, password: str) -> str:
    """Changes one account; what was done, in a line or two."""
    from annotations.raters.values import Role

    action = arguments.action
    if action == "add":
        first = not raters.guarded()
        added = raters.add(arguments.name, Role(arguments.role), password, actor=ACTOR)
        return f"Added “{added.name}” with the role {added.role.value}.{_FIRST if first else ''}"
    rater = raters.by_name(arguments.name)
    if action == "password":
        raters.set_password(rater.id, password, actor=ACTOR)
        done = f"“{rater.name}” has a new password, and is signed out everywhere."
    elif action == "role":
        raters.set_role(rater.id, Role(arguments.new_role), actor=ACTOR)
        done = f"“{rater.name}” has the role {arguments.new_role}."
    elif action == "close":
        raters.close(rater.id, actor=ACTOR)
        return f"“{rater.name}” may not come in any more. What they rated stays."
    else:
        raters.reopen(rater.id, actor=ACTOR)
        return f"“{rater.name}” may come in again."
    return f"{done} {_FILE_WINS}" if raters.account(rater.id).from_file else done


_FIRST = " It is the first account with a password: from now on everybody has to sign in."
_FILE_WINS = "The account stands in an accounts file, which has the last word at the next start with --auth."


def _print_list(raters: RaterStore) -> int:
    accounts = raters.list()
    if not accounts:
        print("There are no raters yet: nobody needs a password, and a name is enough.")
        return 0
    table = [("name", "role", "ratings", "last seen", ""), *(_row(account) for account in accounts)]
    widths = [max(len(row[column]) for row in table) for column in range(4)]
    for row in table:
        print("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]]).rstrip())
    return 0


def _row(account: Account) -> tuple[str, str, str, str, str]:
    seen = f"{account.seen:%Y-%m-%d %H:%M} UTC" if account.seen else "never"
    notes = [
        "closed" if account.closed else "",
        "from the accounts file" if account.from_file else "",
        "" if account.guarded else "no password",
    ]
    return account.rater.name, account.rater.role.value, str(account.ratings), seen, ", ".join(filter(None, notes))


def _print_line(arguments: argparse.Namespace) -> int:
    from annotations.raters.accounts_file import FileAccount
    from annotations.raters.names import clean_name
    from annotations.raters.passwords import Passwords
    from annotations.raters.values import Role

    name = clean_name(arguments.name)
    if name.startswith("#"):
        raise AccountError(f"The name {name} begins with #, and in the file such a line is a note: choose another.")
    print(FileAccount(name, Role(arguments.role), Passwords().hashed(_password(arguments))).line())
    return 0


def _password(arguments: argparse.Namespace) -> str:
    """A password from whoever is there. Raises StartError where nobody is, or where the two do not agree."""
    if arguments.password_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise StartError("There is nobody to ask for a password: give it by standard input, with --password-stdin.")
    password = getpass.getpass("Password (at least 8 characters): ")
    if getpass.getpass("Again: ") != password:
        raise StartError("The two passwords are not the same: nothing was changed.")
    return password
