"""Cells of a table that a spreadsheet opens: texts that it would run as a formula are made plain, and can be had back.

Only texts are touched: a number is written as it is, with its sign. `plain_cell` undoes `safe_cell`.
"""

from __future__ import annotations

import re
from typing import Any

# A cell that begins with one of these is a formula to a spreadsheet (OWASP, CSV injection); some strip blanks first, and some take the
# full-width and small forms for the plain ones.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", *"\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b")
_BLANKS = re.compile(r"[\s\x00-\x1f\x7f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]*+")


def safe_cell(value: Any) -> str:
    """A cell's text: nothing for None, numbers as they are, and texts that would be run as a formula behind an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    # A NUL ends a cell early in some readers, and csv refuses it in others.
    text = str(value).replace("\0", "\ufffd")
    return f"'{text}" if _is_formula(text.lstrip("'")) else text


def plain_cell(cell: str) -> str:
    """The text that `safe_cell` made a cell of: its inverse for texts without NUL."""
    return cell[1:] if cell.startswith("'") and _is_formula(cell.lstrip("'")) else cell


def _is_formula(text: str) -> bool:
    blank = _BLANKS.match(text)
    return text.startswith(_FORMULA) or text.startswith(_FORMULA, blank.end() if blank else 0)
