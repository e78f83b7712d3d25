"""From an address to a policy: who answers there, which models it has, and what it takes."""

from __future__ import annotations

import asyncio
import concurrent.futures
import re
import threading
from collections.abc import Mapping
from contextlib import ExitStack, aclosing
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from core.errors import PolicyError, PolicyNotFound
from core.policies.opening import LoadProgress, Tell, check_stopped
from core.policies.server.asking import Asker
from core.policies.server.connection import Connection, Refused
from core.policies.server.dialects import SGLANG, TRANSFORMERS, VLLM, Dialect, recognised
from core.policies.server.framing import ServerOptions, family_by_name, framed_card
from core.policies.server.keys import find_key
from core.policies.server.limits import Limits
from core.policies.server.policy import ServerPolicy
from core.policies.server.refusals import strange
from core.policies.server.spelling import REBUILT

AT_ONCE = 16
"""Turns that a server is asked for at the same time, where nothing else is said."""
_NAMED = 8
_POLL = 0.1
_STAGES = {"download": "The server downloads the model", "weights": "The server loads the weights"}
_PINNED = re.compile(r"pinned to '([^']+)'")


def open_server(
    url: str,
    model: str | None,
    options: ServerOptions,
    *,
    limits: Limits | None = None,
    progress: Tell | None = None,
    stop: threading.Event | None = None,
) -> ServerPolicy:
    """The policy of a server's model; without `model`, of the one that it has. Nothing is generated yet, but a server that loads its models
    when they are asked for loads it now.

    `url` is the root of its API ("http://127.0.0.1:8000/v1"; without a path, /v1). `progress` is told how far a load is, from another
    thread; `stop` ends the wait for it. The key comes from the environment (see `core.policies.server.keys`).

    Raises PolicyNotFound where nobody answers, where it is no such server, or has no such model; PolicyError for an address with
    secrets in it, a refused key, a space that nothing tells, and where it was stopped.
    """
    limits = limits or Limits()
    address = root_address(url)
    connection = Connection(address, find_key(address), limits)
    with ExitStack() as on_failure:
        on_failure.callback(connection.close)
        found = _wait(connection.start(_look(connection, model, progress or _say_nothing)), stop)
        at_once = limits.at_once or options.slots or (1 if found.dialect.serial else AT_ONCE)
        card = framed_card(found.model, options, found.context, {**found.details, "at_once": at_once})
        on_failure.pop_all()
    asker = Asker(connection, found.model, found.dialect, asyncio.Semaphore(at_once))
    return ServerPolicy(connection, asker, card)


def root_address(url: str) -> str:
    """The root of a server's API, without a slash at its end. Raises PolicyError for what is none, or has a secret in it."""
    try:
        parts = urlsplit(url.strip())
        whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        whole = False
    if not whole:
        raise PolicyError("A server's address is like http://127.0.0.1:8000/v1: begin it with http:// or https:// and name the host.")
    if "@" in parts.netloc or parts.query:
        # The address stands in traces. It is not repeated here, for the same reason.
        raise PolicyError("A server's address holds no name, password or key: put the key into SACCADE_API_KEY, and leave them out.")
    path = parts.path.rstrip("/").removesuffix("/chat/completions").removesuffix("/models")
    return f"{parts.scheme}://{parts.netloc}{path or '/v1'}"


@dataclass(frozen=True, slots=True)
class _Found:
    dialect: Dialect
    model: str
    context: int | None
    details: dict[str, object]


def _wait(looking: concurrent.futures.Future[_Found], stop: threading.Event | None) -> _Found:
    while not looking.done():
        concurrent.futures.wait([looking], timeout=_POLL)
        if stop is not None and stop.is_set():
            looking.cancel()
        check_stopped(stop)
    return looking.result()


async def _look(connection: Connection, wanted: str | None, tell: Tell) -> _Found:
    try:
        models = await _models(connection)
        routes = frozenset[str]()
        if not any(entry.get("owned_by") in ("vllm", "sglang") for entry in models or ()):
            routes = await _routes(connection)
        if models is None and not any(route.endswith("/chat/completions") for route in routes):
            raise strange(connection.address, "it has no list of models")
        dialect = recognised(frozenset(str(entry.get("owned_by")) for entry in models or ()), routes)
        name = await _named(connection, dialect, models or (), wanted, tell)
        return _Found(dialect, name, _context(models or (), name), await _details(connection, dialect, name))
    except Refused as refused:
        raise refused.refusal.error from None


async def _models(connection: Connection) -> tuple[Mapping[str, Any], ...] | None:
    """The entries of its list of models; None where it has no such list. Raises Refused where it lets nobody in or nobody answers."""
    told = await _told(connection, "models")
    data = told.get("data") if isinstance(told, Mapping) else None
    if not isinstance(data, list):
        return None
    return tuple(entry for entry in data if isinstance(entry, Mapping) and isinstance(entry.get("id"), str))


async def _routes(connection: Connection) -> frozenset[str]:
    told = await _told(connection, "/openapi.json")
    paths = told.get("paths") if isinstance(told, Mapping) else None
    return frozenset(str(path) for path in paths) if isinstance(paths, Mapping) else frozenset()


async def _told(connection: Connection, path: str) -> object:
    """What a GET answers; None where the server has no such address or fails on it, as `transformers serve` does without a cache."""
    try:
        return await connection.fetch(path)
    except Refused as refused:
        status = refused.refusal.status
        if status is not None and (status in (400, 404, 405, 422) or status >= 500):
            return None
        raise


async def _named(connection: Connection, dialect: Dialect, models: tuple[Mapping[str, Any], ...], wanted: str | None, tell: Tell) -> str:
    names = [str(entry["id"]) for entry in models]
    if wanted in names and wanted is not None:
        return wanted
    if dialect is TRANSFORMERS:
        # Its list is of what lies in its cache, not of what it serves; the model that it is pinned to it names when asked for another.
        pinned = await _pinned(connection)
        if pinned is None and wanted:
            await _load(connection, wanted, tell)
            return wanted
        names = [pinned] if pinned is not None else names
    if wanted is None and len(names) == 1:
        return names[0]
    if wanted in names and wanted is not None:
        return wanted
    listed = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
    if wanted is None:
        what = f"several models ({listed})" if names else "no model that it names"
        raise PolicyNotFound(f"The server at {connection.address} has {what}: say which, behind a # ({connection.address}#model).")
    if not names:
        return wanted
    raise PolicyNotFound(f"The server at {connection.address} has no model called {wanted}; it has {listed}.")


async def _pinned(connection: Connection) -> str | None:
    path = urlsplit(connection.address).path
    body = {"model": "", "messages": [{"role": "user", "content": "-"}], "max_tokens": 1}
    try:
        await connection.post(f"{path}/chat/completions", body)
    except Refused as refused:
        found = _PINNED.search(refused.refusal.message)
        return found[1] if found else None
    return None


async def _load(connection: Connection, wanted: str, tell: Tell) -> None:
    """Have `transformers serve` load a model: it then says what is wrong with it, which it does not when it is asked for a turn."""
    # Its last answer may have been a failure, behind which it closes the connection: this begins with a new one, or is begun again.
    await connection.fetch("/health")
    async with aclosing(connection.news("/load_model", {"model": wanted})) as news:
        async for event in news:
            if not isinstance(event, Mapping):
                continue
            if event.get("status") == "loading":
                tell(_how_far(event))
            if event.get("status") == "error":
                why = connection.hide(str(event.get("message")))
                raise PolicyNotFound(f"The server at {connection.address} cannot load the model {wanted}. It says: {why}")


def _how_far(event: Mapping[str, Any]) -> LoadProgress:
    words = _STAGES.get(str(event.get("stage")), "The server loads the model")
    far = event.get("progress")
    done, total = (far.get("current"), far.get("total")) if isinstance(far, Mapping) else (None, None)
    return LoadProgress(words, done if isinstance(done, int) else 0, total if isinstance(total, int) else None)


def _say_nothing(progress: LoadProgress) -> None:
    pass


def _context(models: tuple[Mapping[str, Any], ...], name: str) -> int | None:
    told = next((entry.get("max_model_len") for entry in models if entry["id"] == name), None)
    return told if isinstance(told, int) and told > 0 else None


async def _details(connection: Connection, dialect: Dialect, name: str) -> dict[str, object]:
    details: dict[str, object] = {
        "server": dialect.title,
        "address": connection.address,
        "prefix": dialect.prefixes,
        "stop": "by the server" if dialect.stop else "the stream is closed",
    }
    if dialect is TRANSFORMERS and family_by_name(name):
        # It does so for every model of Qwen's, and the card is read before the first turn.
        details["turns"] = REBUILT
    if dialect in (VLLM, SGLANG):
        told = await _told(connection, "/version" if dialect is VLLM else "/server_info")
        version = told.get("version") if isinstance(told, Mapping) else None
        if isinstance(version, str):
            details["version"] = version
    return details
