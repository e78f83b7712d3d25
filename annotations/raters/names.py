"""What a rater may be called."""

from __future__ import annotations

import unicodedata

from annotations.rating_schema import MAX_RATER_NAME
from core.errors import AccountError

# Letters of Persian and of several scripts of India are joined, or kept apart, by these two; nothing else that is not seen is taken.
_JOINERS = "\u200c\u200d"
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def clean_name(name: str) -> str:
    """The name without blanks at its ends, composed (NFC), so that what looks the same is the same.

    Raises AccountError for a name that is empty, longer than 120 characters, or holds what cannot be seen.
    """
    # Composing may not leave blanks behind, but a blank that is not one yet may become one.
    cleaned = unicodedata.normalize("NFC", name).strip()
    if not cleaned:
        raise AccountError("A rater needs a name: give one of 1 to 120 characters.")
    if len(cleaned) > MAX_RATER_NAME:
        raise AccountError(f"The name has {len(cleaned)} characters: give one of at most {MAX_RATER_NAME}.")
    unseen = next((sign for sign in cleaned if unicodedata.category(sign) in _UNSEEN and sign not in _JOINERS), None)
    if unseen is not None:
        raise AccountError(f"The name {cleaned!r} holds the character U+{ord(unseen):04X}, which cannot be seen: take it out.")
    return cleaned
