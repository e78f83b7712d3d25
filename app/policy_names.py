"""What a reference tells of a policy by its spelling alone."""

from __future__ import annotations

from core.errors import PolicyError
from core.policies.protocol import PolicyKind
from core.policies.references import REPLAY, is_replay, read_reference


def kind_of(reference: str) -> PolicyKind:
    """What sort of policy a reference names, told by its spelling."""
    if is_replay(reference):
        return PolicyKind.SCRIPTED
    return PolicyKind.SERVER if "://" in reference else PolicyKind.LOCAL


def name_of(reference: str) -> str:
    """What a policy is called in lists before it is opened."""
    if reference == REPLAY:
        return "Recorded runs"
    try:
        return read_reference(reference).name
    except PolicyError:
        # A folder that was there when it was named.
        return reference
