"""The gate: every request passes it first, also those for Gradio, its queue, its files and its sockets.

In this order: the host name (while nobody has a password, only this machine's own), the origin (nothing is changed on the word of a page
from elsewhere), the session (who is asking), and the table in `app.access` (whether they may). What is asked for is found by the
application's own routes, in their order, so that the gate and the router never read an address in two ways.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from anyio import to_thread
from fastapi import FastAPI
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Match, Mount
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from annotations.raters.store import RaterStore
from annotations.raters.values import Door, Role
from app.access import MOUNT, PUBLIC, access_of, is_personal
from app.identity import COOKIE, who_are_you
from core.errors import StoreError

# A page from elsewhere that gives this machine's address another name (DNS rebinding) gets no answer.
LOCAL_NAMES = ("127.0.0.1", "localhost", "[::1]")
SIGN_IN = "/sign-in"
RATE = "/rate"

_SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")
_ELSEWHERE = ("cross-site", "same-site")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_NO_ROUTE = "Nobody is let in here: this address is not in the program's table of access."


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request goes no further: the status, the sentence, and where a person is sent instead, if anywhere."""

    status: int
    sentence: str
    to: str = ""


class Gate:
    """ASGI middleware around the whole of `application`, whose services are in its state before the first request comes."""

    def __init__(self, app: ASGIApp, application: FastAPI, raters: RaterStore) -> None:
        self._open = app
        self._on_this_machine = TrustedHostMiddleware(app, allowed_hosts=list(LOCAL_NAMES))
        self._application = application
        self._raters = raters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with who is asking in its state, or answer it with a refusal."""
        if scope["type"] not in ("http", "websocket"):
            await self._open(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        try:
            door = await self._door(connection.cookies.get(COOKIE))
        except StoreError as error:
            await _answer(scope, receive, send, Refusal(503, str(error)))
            return
        connection.state.door = door
        refusal = foreign(connection) or self._refusal(scope, door)
        if refusal:
            await _answer(scope, receive, send, refusal)
        else:
            await (self._open if door.guarded else self._on_this_machine)(scope, receive, send)

    async def _door(self, secret: str | None) -> Door:
        kept = self._raters.kept_door(secret)
        return kept if kept is not None else await to_thread.run_sync(self._raters.door, secret)

    def _refusal(self, scope: Scope, door: Door) -> Refusal | None:
        """The verdict of the table of access; None where the request may go on."""
        found = route_of(self._application, scope)
        # Where there is no such route there is nothing to guard but the answer that says so.
        needed = access_of(*found) if found else Role.LEAD
        if needed is None:
            return Refusal(403, _NO_ROUTE)
        if needed is PUBLIC:
            return None
        if door.rater is None:
            known = not door.guarded and not (found and is_personal(found[1]))
            return None if known else Refusal(401, who_are_you(guarded=door.guarded), _sign_in_and_back(scope))
        if not isinstance(needed, Role) or door.rater.role.may_act_as(needed):
            return None
        words = f"This needs the role {needed.value}, and “{door.rater.name}” has the role {door.rater.role.value}: ask an admin for it."
        return Refusal(403, words, RATE if scope["path"] == "/" else "")


def route_of(application: FastAPI, scope: Scope) -> tuple[str, str] | None:
    """Method and template of the route that will answer, as the table of access names them; None where none will."""
    # A route may leave notes in what it is shown.
    shown = dict(scope)
    for template, mounted, context in _routes(application):
        match, _ = context.matches(shown)
        if match is Match.FULL:
            return (MOUNT, template) if mounted else (scope.get("method", "WEBSOCKET"), template)
    return None


def foreign(connection: HTTPConnection) -> Refusal | None:
    """The refusal of a change, or of a socket, that a page from elsewhere asks for; None where it may go on.

    A browser says which page asks: by Origin, and where that is missing by Sec-Fetch-Site. What says neither is no browser, and brings
    no cookie along that its owner did not give it.
    """
    if connection.scope["type"] == "http" and connection.scope["method"] in _SAFE:
        return None
    origin, host = connection.headers.get("origin"), connection.headers.get("host", "")
    if origin is None:
        site = connection.headers.get("sec-fetch-site", "")
        return Refusal(403, "A page of another site asked for this: nothing was changed.") if site in _ELSEWHERE else None
    if _same_place(origin, host):
        return None
    sentence = f"A page of {origin} asked for this of {host}, so nothing was changed. A proxy between them has to pass the Host header on."
    return Refusal(403, sentence)


def _routes(application: FastAPI) -> Iterator[tuple[str, bool, RouteContext]]:
    for context in iter_route_contexts(application.routes):
        mounted = isinstance(context.original_route, Mount)
        yield (context.path if mounted else context.path_format) or "", mounted, context


def _same_place(origin: str, host: str) -> bool:
    """Whether an Origin has the host and port of a Host header; the port that a scheme has anyway may be left out."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    usual = _DEFAULT_PORTS.get(parts.scheme)
    if usual is None or not parts.netloc:
        return False
    return parts.netloc.lower().removesuffix(usual) == host.lower().removesuffix(usual)


def _sign_in_and_back(scope: Scope) -> str:
    query = scope.get("query_string", b"").decode("latin-1")
    asked = quote(scope["path"]) + (f"?{query}" if query else "")
    return SIGN_IN if asked == "/" else f"{SIGN_IN}?next={quote(asked, safe='')}"


async def _answer(scope: Scope, receive: Receive, send: Send, refusal: Refusal) -> None:
    if scope["type"] == "websocket":
        await WebSocketClose(code=1008, reason=refusal.sentence[:100])(scope, receive, send)
        return
    request = Request(scope)
    # A person who opens a page is shown the way; a program is told.
    opens_a_page = request.method == "GET" and "text/html" in request.headers.get("accept", "")
    response: Response
    if refusal.to and opens_a_page:
        response = RedirectResponse(refusal.to, status_code=303, headers={"Cache-Control": "no-store"})
    else:
        response = JSONResponse({"error": refusal.sentence}, status_code=refusal.status, headers={"Cache-Control": "no-store"})
    await response(scope, receive, send)
