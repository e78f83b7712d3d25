"""What is kept in memory: a bounded number of values, of which those go first that have not been used for longest."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Recent(OrderedDict[_Key, _Value], Generic[_Key, _Value]):
    """Values by key; those that have not been used for longest are forgotten."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def used(self, key: _Key) -> _Value | None:
        """The value, which counts as used now."""
        if key not in self:
            return None
        self.move_to_end(key)
        return self[key]

    def keep(self, key: _Key, value: _Value) -> _Value:
        """Keep a value; it comes back."""
        self[key] = value
        self.move_to_end(key)
        while len(self) > self._most:
            self.popitem(last=False)
        return value


class Facts(Generic[_Key, _Value]):
    """Values that never change once they are there, each read when it is first asked for. Safe to share between threads."""

    def __init__(self, most: int) -> None:
        self._lock = threading.Lock()
        self._known: Recent[_Key, _Value] = Recent(most)

    def of(self, key: _Key, read: Callable[[], _Value | None]) -> _Value | None:
        """The value of the key; None, and not kept, where `read` finds none."""
        with self._lock:
            known = self._known.used(key)
        if known is not None:
            return known
        found = read()
        if found is not None:
            with self._lock:
                self._known.keep(key, found)
        return found

    def keep(self, key: _Key, value: _Value) -> None:
        """Keep a value that is known already."""
        with self._lock:
            self._known.keep(key, value)
