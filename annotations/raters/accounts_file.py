"""The file of `--auth`: who may come in, an account a line, with the hash of a password and never the password itself.

    # our raters
    anna:admin:$argon2id$v=19$m=65536,t=3,p=4$...
    ben:rater:$argon2id$v=19$m=65536,t=3,p=4$...

A name may hold a colon, because a role and a hash never do. What a line says is never repeated in a sentence: it may be a password.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from annotations.raters.names import clean_name
from annotations.raters.passwords import is_hash
from annotations.raters.values import Role
from core.errors import AccountError

_ROLES = ", ".join(Role)
_MAKE_A_LINE = "`python3 launch.py raters hash NAME --role ROLE` makes a line"
_LARGEST = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class FileAccount:
    """One line of the file: the name, the role, and the argon2id hash of the password."""

    name: str
    role: Role
    password: str

    def line(self) -> str:
        """The line that is read back as this account."""
        return f"{self.name}:{self.role.value}:{self.password}"


def read_accounts(path: Path) -> tuple[FileAccount, ...]:
    """The accounts of a file, in its order. Empty lines, lines that begin with #, and a byte order mark are passed over.

    Raises AccountError in one sentence with the number of every line that cannot be taken, or where the file cannot be read at all.
    """
    accounts: list[FileAccount] = []
    lines: dict[str, int] = {}
    faults: list[str] = []
    for number, line in enumerate(_text(path).splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            account = _account(line)
        except AccountError as error:
            faults.append(f"line {number} {error}")
            continue
        first = lines.setdefault(account.name, number)
        if first != number:
            faults.append(f"line {number} has the name of line {first}")
        accounts.append(account)
    if faults:
        raise AccountError(f"The accounts file {path} cannot be used: {'; '.join(faults)}.")
    if not accounts:
        raise AccountError(f"The accounts file {path} names nobody: give it a line for everybody who may come in; {_MAKE_A_LINE}.")
    return tuple(accounts)


def readable_by_others(path: Path) -> bool:
    """Whether accounts of the machine other than the file's owner may read or write it; False on systems without such permissions."""
    return os.name == "posix" and bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise AccountError(f"The accounts file {path} cannot be read ({error.strerror}): name another with --auth.") from error
    if len(content) > _LARGEST:
        raise AccountError(f"The accounts file {path} is larger than {_LARGEST // 2**20} MiB, which no list of raters is: name another.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise AccountError(f"The accounts file {path} is not UTF-8 (line {line}): save it as UTF-8.") from error


def _account(line: str) -> FileAccount:
    """A line's account. Raises AccountError with what is wrong with it, as the words after its number."""
    parts = line.strip().rsplit(":", 2)
    if len(parts) != 3:
        raise AccountError(f"is not NAME:ROLE:HASH ({_MAKE_A_LINE})")
    name, role, password = (part.strip() for part in parts)
    if not password.startswith("$"):
        raise AccountError(f"has a password, or nothing, where its hash belongs ({_MAKE_A_LINE})")
    if not is_hash(password):
        raise AccountError(f"has a hash that is not argon2id's, or not whole ({_MAKE_A_LINE})")
    if role not in list(Role):
        raise AccountError(f"has a role that is none of {_ROLES}")
    try:
        return FileAccount(clean_name(name), Role(role), password)
    except AccountError as error:
        raise AccountError(f"has a name that cannot be ({str(error).rstrip('.')})") from error
