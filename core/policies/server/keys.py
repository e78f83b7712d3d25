"""The key of a server: read from the environment, sent to that server, and shown nowhere."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import NoReturn
from urllib.parse import urlsplit

from core.errors import PolicyError

COMMON = ("SACCADE_API_KEY", "OPENAI_API_KEY")
"""The variables that hold a key for any server, the first before the second."""


class Key:
    """A key, or that there is none. It shows only where it came from: its text is in no repr, no message and no pickle."""

    __slots__ = ("_text", "variable")

    def __init__(self, text: str, variable: str) -> None:
        self._text = text
        self.variable = variable

    @property
    def header(self) -> str | None:
        """The value of the header Authorization; None where there is no key."""
        return f"Bearer {self._text}" if self._text else None

    def hide(self, text: str) -> str:
        """A text of the server's, without the key that it may repeat."""
        return text.replace(self._text, "(the key)") if self._text else text

    def __repr__(self) -> str:
        return f"<the key of {self.variable}>" if self._text else "<no key>"

    def __reduce__(self) -> NoReturn:
        raise PolicyError("A server's key is not written down: read it from the environment again.")


def own_variable(address: str) -> str:
    """The variable that holds a key for the address's host alone: SACCADE_API_KEY_GPU1_LAB_ORG for gpu1.lab.org."""
    host = urlsplit(address).hostname or ""
    return f"{COMMON[0]}_{re.sub('[^A-Z0-9]', '_', host.upper())}"


def find_key(address: str, environment: Mapping[str, str] | None = None) -> Key:
    """The key for a server: its host's own, else the one for any server. Raises PolicyError where it holds what no header can."""
    values = os.environ if environment is None else environment
    for variable in (own_variable(address), *COMMON):
        text = values.get(variable, "").strip()
        if not text:
            continue
        if not re.fullmatch(r"[\x21-\x7e]+", text):
            raise PolicyError(f"The key in {variable} has a blank or a letter in it that no key has: set it again.")
        return Key(text, variable)
    return Key("", COMMON[0])
