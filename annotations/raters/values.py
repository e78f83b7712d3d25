"""Who may do what: three roles, each of which may do all that the one before it may."""

from __future__ import annotations

from dataclasses import dataclass
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
