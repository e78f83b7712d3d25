"""`launch.py` without a command: the workbench, served on this machine and opened in the browser.

In this order, so that what cannot work is said at once: the address is taken, then the data folder and the database are opened, then it
is settled who may come in, and only then is the interface loaded. Connections that come early wait in the socket and are answered as
soon as it is.
"""

from __future__ import annotations

import argparse
import logging
import os
import socket
import sys
import threading
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Mapping
from typing import TYPE_CHECKING

from app.settings import Settings, add_server_options, add_store_options, settings_from
from app.start import listen, web_address

if TYPE_CHECKING:
    from fastapi import FastAPI

PROXIES = ["127.0.0.1", "::1"]  # who is believed about where a request comes from, and that only with --behind-proxy
FAREWELL = 2  # seconds that open connections get at the end; the interface keeps one open for as long as a page is


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the server and of the store."""
    add_server_options(parser)
    add_store_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C or a request to end, which arrives as KeyboardInterrupt; raises StartError and StoreError."""
    settings = settings_from(arguments, os.environ)
    with listen(settings.host, settings.port) as listening:
        return _open_and_serve(settings, listening)


def _open_and_serve(settings: Settings, listening: socket.socket) -> int:
    from app.gradio_start import quick_and_offline

    with quick_and_offline():
        from annotations.demo import seed_demo
        from annotations.demo_study import seed_demo_study
        from app.accounts import say, settle_accounts
        from app.run_journals import recovered_words
        from app.services import STATIC, open_services

    with open_services(settings) as services:
        # A list of policies that cannot be read is told now, and not by the page.
        services.shelf.lines()
        say(settle_accounts(services.raters, settings, listening))
        if not settings.read_only:
            seed_demo(services.store, services.pictures, STATIC / "demo")
            seed_demo_study(services.studies)
            say(recovered_words(services.runs.recover()))
        os.environ["GRADIO_TEMP_DIR"] = str(services.scratch / "uploads")
        with quick_and_offline():
            from app.server import build_app

            app = build_app(services)
        return serve(app, listening, open_browser=settings.open_browser, behind_proxy=settings.behind_proxy)


def serve(app: FastAPI, listening: socket.socket, *, open_browser: bool, behind_proxy: bool = False) -> int:
    """Serve `app` on a listening socket, print the address, and open it where that is wished and there is a desktop.

    `behind_proxy`: X-Forwarded-For and X-Forwarded-Proto are believed, from this machine's own addresses only.
    """
    import uvicorn

    address = web_address(listening)

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                print(f"Saccade is at {address} (Ctrl-C ends it)", flush=True)
                if open_browser and has_desktop(os.environ):
                    threading.Thread(target=_open_when_it_answers, args=(address,), daemon=True).start()

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            # An open page keeps a connection for as long as it lives. Cutting it is no error, though the server would log it as one.
            logging.getLogger("uvicorn.error").disabled = True
            await super().shutdown(sockets)

    config = uvicorn.Config(
        app,
        access_log=False,
        log_level="error",
        timeout_graceful_shutdown=FAREWELL,
        proxy_headers=behind_proxy,
        forwarded_allow_ips=PROXIES,
    )
    server = Server(config)
    server.run(sockets=[listening])
    return 0 if server.started else 1


def has_desktop(environment: Mapping[str, str]) -> bool:
    """Whether a browser that is opened would appear before the person who started the program."""
    if environment.get("CI") or environment.get("SSH_CONNECTION"):
        return False
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))


def _open_when_it_answers(address: str) -> None:
    """Open the browser once the first page has been answered, so that it never shows an error of its own."""
    try:
        with urllib.request.urlopen(address, timeout=30):
            webbrowser.open(address)
    except urllib.error.HTTPError:
        # It asks who is there: the browser is shown the page for that.
        webbrowser.open(address)
    except (urllib.error.URLError, TimeoutError):
        print(f"The browser was not opened, because {address} did not answer yet: open it by hand.", file=sys.stderr, flush=True)
