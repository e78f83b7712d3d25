"""Where the work of a route is done: in threads, and only in as many of them as can get anything done.

A database file has one writer at a time. Fifty people who save at once would be fifty threads that wait for one lock, of which any may
be the next; here they wait in line, the first come first, and no thread is held meanwhile. Reading has a lane of its own, so that
who asks for a step does not stand behind those who save.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from annotations.database import Database

# Python runs one thread at a time; a few more make use of the time that others wait for the disk or for a server.
_READERS = 4
# As many connections as a server's pool keeps open.
_WRITERS = 8

Given = TypeVar("Given")


class Lanes:
    """Runs blocking work for the routes of one application, each lane in the order in which the work came."""

    def __init__(self, database: Database) -> None:
        self._readers = ThreadPoolExecutor(_READERS, "reading")
        self._writers = ThreadPoolExecutor(1 if database.is_sqlite else _WRITERS, "writing")

    async def read(self, work: Callable[[], Given]) -> Given:
        """What `work`, which writes nothing, gives back or raises."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, work)

    async def write(self, work: Callable[[], Given]) -> Given:
        """What `work` gives back or raises. Once begun it runs to its end, also when nobody waits for it any more."""
        return await asyncio.get_running_loop().run_in_executor(self._writers, work)
