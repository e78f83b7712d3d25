"""People who rate over HTTP, each in a thread with a connection of their own, as the rating page would ask and answer."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import urlsplit

PATIENCE = 60.0
NAME = "bench rater"

Json = dict[str, Any]


class Unanswered(Exception):
    """The server went away before it answered: whether it did what was asked is not known."""


@dataclass(slots=True)
class Taken:
    """What one person measured: milliseconds of every request, the answers that were no success, and what was acknowledged by token."""

    saving: list[float] = field(default_factory=list)
    asking: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    acknowledged: dict[str, Json] = field(default_factory=dict)
    repeated: int = 0


class Rater:
    """Somebody who has signed in by name and rates one study; the draw decides what they say."""

    def __init__(self, address: str, study: int, number: int, seed: int) -> None:
        self.taken = Taken()
        self._place = urlsplit(address).netloc
        self._study = study
        self._name = f"{NAME} {number:02}"
        self._draw = Random(f"{seed}:{self._name}")
        self._tokens = f"{seed}-{number}"
        self._count = 0
        self._cookie = ""
        self._connection: http.client.HTTPConnection | None = None

    def sign_in(self) -> None:
        """Say the name and keep the cookie."""
        answer = self._ask("/api/session", {"name": self._name})
        if answer is None:
            raise Unanswered(self.taken.errors[-1])

    def next(self) -> Json | None:
        """The item that is asked next; None where nothing is left, or no success was answered. Raises Unanswered."""
        answer = self._timed(self.taken.asking, f"/api/rating/studies/{self._study}/next", {"count": 3})
        items: list[Json] = answer["items"] if answer else []
        return items[0] if items else None

    def judged(self, item: Json) -> Json:
        """What is sent for an item, with a token that nobody else has."""
        self._count += 1
        answers = {"accurate": self._draw.choice(("yes", "no", "unsure")), "helpful": self._draw.choice("12345")}
        judgement = {"kind": "rated", "answers": answers, "seconds": round(self._draw.uniform(2, 20), 1), "keys_only": True}
        token = f"{self._tokens}-{self._count}"
        return {"token": token, "item": item["item"], "version_id": item["version_id"], "trace": item["trace"], "judgement": judgement}

    def save(self, body: Json) -> bool:
        """Whether the rating was acknowledged. Raises Unanswered."""
        answer = self._timed(self.taken.saving, "/api/rating/ratings", body)
        if answer is not None:
            self.taken.acknowledged[body["token"]] = answer["rating"]
            self.taken.repeated += bool(answer["repeated"])
        return answer is not None

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _timed(self, times: list[float], path: str, body: Json) -> Json | None:
        start = time.perf_counter()
        answer = self._ask(path, body)
        times.append((time.perf_counter() - start) * 1000)
        return answer

    def _ask(self, path: str, body: Json) -> Json | None:
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection(self._place, timeout=PATIENCE)
                self._connection.connect()
                # As browsers have it: a small request is sent at once.
                self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            headers = {"Content-Type": "application/json", "Cookie": self._cookie}
            self._connection.request("POST", path, json.dumps(body), headers)
            answer = self._connection.getresponse()
            said = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Unanswered(f"{path}: {error!r}") from error
        if cookie := answer.getheader("Set-Cookie"):
            self._cookie = cookie.partition(";")[0]
        if answer.status != 200:
            self.taken.errors.append(f"{path}: {answer.status} {said[:200].decode(errors='replace')}")
            return None
        document: Json = json.loads(said)
        return document


def all_at_once(raters: list[Rater], work: Callable[[Rater], None]) -> None:
    """Everybody does their work at the same time; what goes wrong is among their errors."""
    together = threading.Barrier(len(raters))

    def begin(rater: Rater) -> None:
        together.wait()
        try:
            work(rater)
        except Unanswered as error:
            rater.taken.errors.append(str(error))
        finally:
            rater.close()

    threads = [threading.Thread(target=begin, args=(rater,), daemon=True) for rater in raters]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
