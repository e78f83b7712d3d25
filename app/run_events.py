"""What happens in a run, as server-sent events for whoever watches it (HTML Living Standard, section 9.2).

Of each conversation its newest state is sent, at most eight times a second, and in rounds that leave the machine to the runs: making
the documents takes Python's one lock, which the run, the raters and all other pages want too. An event's id tells how far everything
has been sent, so that a connection that broke goes on where it was.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from threading import Lock

from starlette.concurrency import run_in_threadpool

from app.live_run import LiveRun
from app.run_view import draw_view, summary_view

_EVERY = 0.125  # seconds between two states of a conversation
_PER_ROUND = 8  # documents that are made one after the other
_SHARE = 6.0  # after a round, a watcher rests for so many times as long as it took
_ALIVE = 10.0  # seconds of silence after which a proxy is shown that the connection lives
_KEPT = 256


class Documents:
    """Conversations as JSON text, made once for all who watch. Safe to use from several threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int], tuple[int, str]] = OrderedDict()
        self._lock = Lock()

    def draw(self, run: LiveRun, number: int, seq: int) -> tuple[int, str]:
        """The number of a conversation's last change and its document, at least as new as the change `seq`."""
        key = (run.id, number)
        with self._lock:
            found = self._kept.get(key)
            if found and found[0] >= seq:
                self._kept.move_to_end(key)
                return found
        now = run.draw(number)
        made = now.seq, json.dumps(draw_view(run, now), ensure_ascii=False, separators=(",", ":"))
        with self._lock:
            if key not in self._kept or self._kept[key][0] < made[0]:
                self._kept[key] = made
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return made


class Watch:
    """What one watcher of a run has been sent. `after`: the id of the last event that reached them."""

    def __init__(self, run: LiveRun, documents: Documents, after: int = 0) -> None:
        self._run = run
        self._documents = documents
        self._after = after
        self._sent: dict[int, int] = {}
        self._last: dict[int, float] = {}
        self._summary = after

    @property
    def nothing_new(self) -> bool:
        """Whether everything has been sent, and the run goes on."""
        return not self._run.over.is_set() and self._run.seq <= self._id()

    def round(self) -> tuple[list[str], bool]:
        """The next events, and whether the last of them is the end."""
        over = self._run.over.is_set()
        waiting = self._waiting()
        events = []
        for number, seq in waiting[:_PER_ROUND]:
            self._sent[number], document = self._documents.draw(self._run, number, seq)
            self._last[number] = time.monotonic()
            events.append(("draw", document))
        ended = over and len(waiting) <= _PER_ROUND
        if ended or self._run.now.seq > self._summary:
            self._summary = self._run.now.seq
            events.append(("end" if ended else "summary", json.dumps(summary_view(self._run), ensure_ascii=False)))
        # The last event alone carries the id: a connection that breaks inside a round is sent the whole of it again.
        texts = [f"event: {name}\ndata: {data}\n\n" for name, data in events]
        if texts:
            texts[-1] = f"id: {self._run.seq if ended else self._id()}\n{texts[-1]}"
        return texts, ended

    def _waiting(self) -> list[tuple[int, int]]:
        """Draw and last change of the conversations that have changed since they were sent, the longest unsent first."""
        changed = [(draw, seq) for seq, draw in self._run.changed_after(self._after) if seq > self._sent.get(draw, 0)]
        return sorted(changed, key=lambda one: self._last.get(one[0], 0.0))

    def _id(self) -> int:
        """Up to which change everything has been sent."""
        unsent = [seq - 1 for seq, draw in self._run.changed_after(self._after) if seq > self._sent.get(draw, 0)]
        return min([max([self._after, self._summary, *self._sent.values()]), *unsent])


async def events_of(run: LiveRun, documents: Documents, after: int) -> AsyncIterator[str]:
    """The events of a run until its end. Whoever goes away stops it at the next word, or at the next sign of life."""
    watch, quiet = Watch(run, documents, after), time.monotonic()
    yield "retry: 2000\n\n"
    while True:
        began = time.monotonic()
        if not watch.nothing_new:
            events, ended = await run_in_threadpool(watch.round)
            if events:
                yield "".join(events)
                quiet = time.monotonic()
            if ended:
                return
        elif time.monotonic() - quiet > _ALIVE:
            yield ": still there\n\n"
            quiet = time.monotonic()
        await asyncio.sleep(max(_EVERY, _SHARE * (time.monotonic() - began)))
