"""Who may do what: three roles, each of which may do all that the one before it may."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """A rater rates; a lead also sees traces, studies and results, imports and exports; an admin also decides who the others are."""

    RATER = "rater"
    LEAD = "lead"
    ADMIN = "admin"

    def may_act_as(self, needed: Role) -> bool:
        """Whether this role may do what `needed` may."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True, slots=True)
class Rater:
    """A person as the program knows them. `id` is the row, `name` what they are called."""

    id: int
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Account:
    """A rater as an admin sees them.

    guarded    there is a password; without one, the name alone is enough while nobody has a password
    from_file  came from the accounts file, which has the last word at every start
    ratings    how many steps stand rated by them now
    seen       when they last signed in, came back or rated; None where they never did
    closed     since when they may not sign in; None while they may
    """

    rater: Rater
    guarded: bool
    from_file: bool
    ratings: int
    added: datetime
    seen: datetime | None
    closed: datetime | None


@dataclass(frozen=True, slots=True)
class Door:
    """What somebody finds who comes in: whether a password is needed here, and who they are; None where nobody has said so."""

    guarded: bool
    rater: Rater | None
