"""One turn asked of a server: patiently, and in the server's own manner."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from core.errors import PolicyError
from core.policies.conversation import Request
from core.policies.server.connection import Connection, Refused
from core.policies.server.dialects import Dialect, fields, lessened
from core.policies.server.messages import Pictures, messages
from core.policies.server.refusals import Refusal, broken_off
from core.policies.server.streams import Reader, read_piece

# A failure that hardly passes by itself is tried that often in all.
_FEW = 3


@dataclass(slots=True)
class Asker:
    """Asks one server's model. Lives in the connection's loop.

    What is found out on the way (a server that takes the bare protocol only) is kept in `dialect`. `places` are the turns that may be
    under way at once. `left` says that a serial server may still be at a turn that was left.
    """

    connection: Connection
    model: str
    dialect: Dialect
    places: asyncio.Semaphore
    pictures: Pictures = field(default_factory=Pictures)
    left: bool = False
    _prefixes: dict[str, tuple[int, ...] | None] = field(default_factory=dict)

    async def ask(self, request: Request, wrote: Callable[[str, int], None]) -> Reader:
        """The turn, read to its end; `wrote` is told each text with its tokens as it comes. Raises PolicyError."""
        async with self.places:
            limit = self.connection.limits.turn
            try:
                async with asyncio.timeout(limit):
                    return await self._patiently(request, wrote)
            except TimeoutError:
                raise PolicyError(
                    f"The turn took longer than {limit:g} seconds at {self.connection.address}, so it was given up: allow fewer tokens, "
                    "or ask fewer conversations at once."
                ) from None

    async def prefix_ids(self, prefix: str) -> tuple[int, ...] | None:
        """The prefix as tokens, where the server tokenises for others; else None."""
        if not prefix or not (self.dialect.tokens and self.dialect.prefill):
            return () if not prefix else None
        if prefix not in self._prefixes:
            try:
                told = await self.connection.post("/tokenize", {"model": self.model, "prompt": prefix, "add_special_tokens": False})
            except Refused:
                told = None
            ids = told.get("tokens") if isinstance(told, Mapping) else None
            whole = isinstance(ids, list) and all(isinstance(entry, int) for entry in ids)
            self._prefixes[prefix] = tuple(ids) if whole and isinstance(ids, list) else None
        return self._prefixes[prefix]

    async def _patiently(self, request: Request, wrote: Callable[[str, int], None]) -> Reader:
        limits, dialect, room, attempt = self.connection.limits, self.dialect, None, 1
        while True:
            reader = Reader(request.stop, answers=bool(request.prefix) and not dialect.prefill)
            try:
                await self._once(request, dialect, room, reader, wrote)
            except Refused as refused:
                refusal = refused.refusal
                if reader.text:
                    raise refusal.error from None
                if refusal.room is not None and room is None:
                    room = refusal.room
                    continue
                if refusal.fields and (less := lessened(dialect, request, refusal.message)) is not None:
                    dialect = less
                    continue
                if (refusal.after or 0.0) > limits.turn:
                    raise refusal.error from None
                if not refusal.again or attempt >= (min(_FEW, limits.attempts) if refusal.few else limits.attempts):
                    raise refusal.error from None
                await asyncio.sleep(self._pause(attempt, refusal))
                attempt += 1
                continue
            self.dialect = dialect
            return reader

    async def _once(self, request: Request, dialect: Dialect, room: int | None, reader: Reader, wrote: Callable[[str, int], None]) -> None:
        if self.left and request.sampling.temperature > 0:
            await self._settle()
        spoken = messages(request, await self.pictures.addresses(request), dialect.prefill)
        told = 0
        stream = self.connection.stream(self.model, spoken, fields(request, dialect, room))
        try:
            async with aclosing(stream):
                async for chunk in stream:
                    if text := reader.feed(read_piece(chunk)):
                        wrote(text, reader.tokens - told)
                        told = reader.tokens
                    if reader.finish is not None:
                        break
        finally:
            self.left = self.left or (dialect.serial and reader.word is None)
        if reader.finish is None:
            raise Refused(broken_off(self.connection.address, "it ended before the turn did"))
        if reader.word == "abort":
            raise Refused(broken_off(self.connection.address, "it gave the turn up"))

    async def _settle(self) -> None:
        """Wait until a serial server has given up what was left: its one seed would else be used up by two turns.

        It generates in the order in which it was asked, so the end of a turn of one token is the end of all before it.
        """
        body = {"model": self.model, "messages": [{"role": "user", "content": "-"}], "max_tokens": 1}
        await self.connection.post(f"{urlsplit(self.connection.address).path}/chat/completions", body)
        self.left = False

    def _pause(self, attempt: int, refusal: Refusal) -> float:
        limits = self.connection.limits
        if refusal.after is not None:
            # A little more than asked for, so that those who were sent away together do not come back together.
            return refusal.after + random.uniform(0, limits.pause)
        return min(limits.longest, limits.pause * float(2 ** (attempt - 1))) * (0.5 + random.random() / 2)
