"""The web application as a function of its services: HTTP routes, static files, and the Gradio pages at the root."""

from __future__ import annotations

import os
from pathlib import PurePath
from urllib.parse import parse_qsl, urlencode

import gradio as gr
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api import router as traces
from app.bodies import BodyTooLarge
from app.curation_api import router as curation
from app.gate import Gate
from app.improve_api import router as improvements
from app.lanes import Lanes
from app.picture_api import Uploaded
from app.picture_api import router as pictures
from app.rate_page import router as rate_page
from app.rater_api import router as raters
from app.rating_api import router as rating
from app.recorded_questions import RecordedQuestions
from app.results_api import router as results
from app.run_api import router as runs
from app.run_events import Documents
from app.scene_api import router as scenes
from app.services import STATIC, Services
from app.session_api import router as session
from app.sign_in import router as sign_in
from app.study_api import router as studies
from app.train_api import router as trainings
from app.ui import HEAD, build_ui, theme
from core.errors import NameTaken, NotAllowed, NotFound, NotSignedIn, ReadOnly, SaccadeError, SignInRefused, StoreError, TooManyAttempts

# Below 500 the same request would be refused again. A database that is busy or full may take it later, so a page keeps trying.
_STATUS: tuple[tuple[type[SaccadeError], int], ...] = (
    (BodyTooLarge, 413),
    (NotFound, 404),
    (NameTaken, 409),
    (TooManyAttempts, 429),
    (SignInRefused, 401),
    (NotSignedIn, 401),
    (NotAllowed, 403),
    (ReadOnly, 403),
    (StoreError, 503),
)

# Of the files in static/, those that pages are made of. Beside them lie the demo's traces, with the answers that raters must not know.
_PAGE_FILES = frozenset({".css", ".jpg", ".js", ".png", ".svg"})


class PageFiles(StaticFiles):
    """The files of a folder that pages are made of, for everybody; any other is as if it were not there."""

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        """The place of a file and what the system says of it; nothing where it is not there or not of a page."""
        return super().lookup_path(path) if PurePath(path).suffix in _PAGE_FILES else ("", None)


def build_app(services: Services) -> FastAPI:
    """The application, ready for a server. Nothing in it reaches outside this machine."""
    app = FastAPI(title="Saccade", docs_url=None, redoc_url=None, openapi_url=None)
    add_routes(app, services)
    mounted: FastAPI = gr.mount_gradio_app(
        app,
        build_ui(services),
        path="/",
        theme=theme(),
        head=HEAD,
        css_paths=[STATIC / "app.css"],
        footer_links=[],
        ssr_mode=False,
        show_error=True,
        mcp_server=False,
        max_file_size="4gb",
        favicon_path=str(STATIC / "favicon.svg"),
    )
    return mounted


def add_routes(app: FastAPI, services: Services) -> None:
    """Gives an application everything but the Gradio pages: the routes, the static files, and the guards around them."""
    app.add_middleware(Gate, application=app, raters=services.raters)
    app.add_middleware(_Guard)
    app.add_exception_handler(SaccadeError, _as_sentence)
    app.state.services = services
    app.state.lanes = Lanes(services.store.database, services.ratings.forget)
    app.state.documents, app.state.uploaded = Documents(), Uploaded()
    app.state.recorded = RecordedQuestions(services.store)
    # Looked through in this order at every request: those of which there are most come first.
    for routes in (rating, traces, session, sign_in, raters, rate_page, studies, results, curation, runs, pictures, scenes, trainings):
        app.include_router(routes)
    app.include_router(improvements)
    app.mount("/ui", PageFiles(directory=STATIC), name="ui")


def _without_page(query: bytes) -> bytes:
    """The address's query without `page`: Gradio takes that name for pages of its own, of which there are none here, and fails."""
    return urlencode([(name, value) for name, value in parse_qsl(query, keep_blank_values=True) if name != b"page"]).encode()


class _Guard:
    """Headers that keep a browser from guessing types and from showing the pages inside another site's; addresses Gradio cannot read.

    Plain ASGI: every request passes here, and a middleware that makes requests and responses of its own costs it a third of a millisecond.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and its answer back with the headers that it does not have yet."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        if path == "/":
            scope["query_string"] = _without_page(scope["query_string"])

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Referrer-Policy", "no-referrer")
                if path.startswith(("/api/", "/pictures/")):
                    # What is addressed by its content says itself that it may be kept; an error or a list must be asked for again.
                    headers.setdefault("Cache-Control", "no-store")
                headers.setdefault("Content-Security-Policy", "frame-ancestors 'self'")
            await send(message)

        await self._app(scope, receive, with_headers)


async def _as_sentence(request: Request, error: Exception) -> Response:
    """The boundary of the HTTP routes: an error raised on purpose is answered by its sentence."""
    headers = {"Retry-After": str(error.seconds)} if isinstance(error, TooManyAttempts) else None
    return JSONResponse({"error": str(error)}, status_code=_status(error), headers=headers)


def _status(error: Exception) -> int:
    """The status by which a program can tell what a sentence tells a person; of two classes that fit, the first one counts."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 400)
