"""The whole application with accounts in it, Gradio included, and a way to ask it as somebody, up to where its answer begins."""

from __future__ import annotations

import asyncio
import contextlib
import json
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from fastapi import FastAPI

from annotations.raters.passwords import Passwords
from annotations.raters.store import RaterStore
from annotations.raters.values import Role
from app.gradio_start import quick_and_offline
from app.identity import COOKIE
from app.services import Services, open_services
from app.settings import settings_from
from tests.app.own_loop import in_own_loop

PASSWORD = "correct horse"
NOBODY = "nobody"
PEOPLE = (NOBODY, *Role)
HOST = "127.0.0.1:7860"


@dataclass(frozen=True)
class Answer:
    """The beginning of an answer: its status, its headers, and the first piece of its body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> str:
        """The sentence of a refusal; empty where it is none."""
        try:
            said = json.loads(self.body)
        except ValueError:
            return ""
        return str(said.get("error", "")) if isinstance(said, dict) else ""


@dataclass
class Guarded:
    """An application, and the secret of a session for each role; the name of each person is that of their role."""

    app: FastAPI
    services: Services
    secrets: dict[str, str]

    def ask(self, method: str, path: str, person: str = NOBODY, *, body: bytes = b"", **headers: str) -> Answer:
        """What the application begins to answer; a stream that never ends is left there."""
        query = path.partition("?")[2]
        named = {"host": HOST, "content-type": "application/json", "content-length": str(len(body))}
        if person in self.secrets:
            named["cookie"] = f"{COOKIE}={self.secrets[person]}"
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path.partition("?")[0],
            "raw_path": path.partition("?")[0].encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in named.items()],
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 7860),
            "state": {},
        }
        return in_own_loop(_begin(self.app, scope, body))

    def sign_in(self, person: str) -> str:
        """The secret of another session."""
        return self.services.raters.sign_in(person, PASSWORD, "127.0.0.1")[1]


async def _begin(app: FastAPI, scope: dict[str, Any], body: bytes) -> Answer:
    started: list[dict[str, Any]] = []
    pieces: list[bytes] = []
    begun, enough = asyncio.Event(), asyncio.Event()
    sent = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        if sent:
            return sent.pop()
        await enough.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            started.append(message)
            begun.set()
        elif message["type"] == "http.response.body":
            pieces.append(message.get("body", b""))
            enough.set()

    task = asyncio.create_task(app(scope, receive, send))
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(begun.wait(), 10)
        # A stream may have nothing to say for a long time.
        await asyncio.wait_for(enough.wait(), 0.2)
    enough.set()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    first = started[0] if started else {"status": 599, "headers": []}
    return Answer(first["status"], {name.decode(): value.decode("latin-1") for name, value in first["headers"]}, b"".join(pieces))


def with_cheap_hashes(services: Services) -> Services:
    """The same services, with hashes that cost next to nothing."""
    cheap = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    return replace(services, raters=RaterStore(services.store.database, passwords=cheap))


@contextmanager
def guarded_app(folder: Path) -> Iterator[Guarded]:
    """With an account for each role, all signed in."""
    with open_services(settings_from(Namespace(data_dir=folder), {})) as opened:
        services = with_cheap_hashes(opened)
        with quick_and_offline():
            from app.server import build_app

            app = build_app(services)
        for role in reversed(Role):
            services.raters.add(role.value, role, PASSWORD)
        made = Guarded(app, services, {})
        made.secrets |= {role.value: made.sign_in(role.value) for role in Role}
        yield made
