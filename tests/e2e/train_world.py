"""The page of training over the real routes: folders of runs, on a server of this process without Gradio's pages."""

from __future__ import annotations

import re
import threading
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from fastapi import FastAPI

from app.server import add_routes
from app.services import Services, open_services
from app.settings import settings_from

if TYPE_CHECKING:
    from playwright.sync_api import Page

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Train · Saccade</title><link rel="icon" href="data:,"><style>body { margin: 0 }</style></head>
<body><main><h1 style="position: absolute; clip-path: inset(50%)">Saccade</h1><div id="saccade-train"></div></main>
<script type="module">import('/ui/train/main.js').then(m => m.mount(document.getElementById('saccade-train')))</script></body></html>"""


@dataclass(frozen=True)
class TrainWorld:
    """A running server: its address, what is behind it, and its folder of runs."""

    services: Services
    url: str
    runs: Path


@contextmanager
def running(folder: Path, *, runs: Path | None = None, read_only: bool = False) -> Iterator[TrainWorld]:
    """The application over the data in a folder, with its runs in `runs` there, or elsewhere."""
    root = runs or folder / "runs"
    if read_only:
        # What is only read has to be there.
        with open_services(settings_from(Namespace(data_dir=folder / "data"), {})):
            pass
    with open_services(settings_from(Namespace(data_dir=folder / "data", runs=[root], read_only=read_only), {})) as services:
        app = FastAPI()
        add_routes(app, services)
        config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", access_log=False, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield TrainWorld(services, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", root)
        finally:
            server.should_exit = True
            thread.join(10)


def opened(page: Page, world: TrainWorld, query: str = "", theme: str = "light") -> Page:
    """The page, with what it says of the runs there are."""
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    place = re.compile(rf"{re.escape(world.url)}/train(\?.*)?$")
    page.route(place, lambda route: route.fulfill(body=PAGE, content_type="text/html"))
    page.goto(f"{world.url}/train{query}")
    page.locator(".tr-head h2:visible, .tr-empty h2").first.wait_for()
    return page
