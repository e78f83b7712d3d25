"""A small server for the rating page alone: its static files, and the rating API over real HTTP with made-up steps.

`python -m tests.e2e.rate_fixture` serves it on port 7872 for work on the page in a browser.
"""

from __future__ import annotations

import io
import json
import secrets
import sys
import threading
import time
from datetime import UTC, datetime
from functools import cache
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import skimage
from PIL import Image

from tests.e2e.rate_world import PICTURES, Json, World

STATIC = Path(__file__).resolve().parents[2] / "static"
PHOTOGRAPHS = Path(skimage.__file__).parent / "data"
TYPES = {".js": "text/javascript", ".css": "text/css", ".png": "image/png", ".jpg": "image/jpeg", ".svg": "image/svg+xml"}
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Rate · Saccade</title><link rel="icon" href="data:,"><style>body { margin: 0 }</style></head>
<body><main><h1 style="position: absolute; clip-path: inset(50%)">Saccade</h1><div id="saccade-rate"></div></main>
<script type="module">import('/ui/rate/main.js').then(m => m.mount(document.getElementById('saccade-rate')))</script></body></html>"""


@cache
def picture(name: str) -> Image.Image:
    file, width, height = PICTURES[name]
    opened = Image.open(PHOTOGRAPHS / file).convert("RGB")
    return opened if opened.size == (width, height) else opened.resize((width, height))


@cache
def encoded(name: str, box: tuple[float, ...] = ()) -> bytes:
    """The photograph as JPEG, or a window of it enlarged."""
    image = picture(name).resize((420, 420), box=box) if box else picture(name)  # type: ignore[arg-type]
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=88)
    return stream.getvalue()


class Handler(BaseHTTPRequestHandler):
    """Answers for the `world` of its server. A connection carries one request, so that a stopped server is silent at once."""

    server: _Server

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        file = STATIC / path.removeprefix("/ui/")
        if path.startswith("/ui/") and file.is_file():
            self._send(200, file.read_bytes(), TYPES.get(file.suffix, "application/octet-stream"))
        elif path.startswith("/pictures/"):
            self._picture(path.split("/")[2])
        elif path.startswith("/api/"):
            self._api("GET")
        else:
            self._send(200, PAGE.encode(), "text/html; charset=utf-8")

    def do_POST(self) -> None:
        self._api("POST")

    def do_PUT(self) -> None:
        self._api("PUT")

    def do_DELETE(self) -> None:
        self._api("DELETE")

    def _picture(self, name: str) -> None:
        if self.server.world.failing == "/pictures":
            self._error(404, "There is no such picture.")
        else:
            self._send(200, encoded(name), "image/jpeg")

    def _api(self, method: str) -> None:
        world = self.server.world
        body = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"{}")
        parts = urlsplit(self.path)
        if method != "GET":
            world.writes.append((method, parts.path, body))
        if world.failing and parts.path.startswith(world.failing):
            return self._error(500, "The database is being restored.")
        if parts.path == "/api/session":
            return self._session(method, body)
        rater = world.sessions.get(self._secret())
        if rater is None:
            return self._error(401, "Sign in first.")
        if parts.path == "/api/preferences":
            if method == "PUT":
                world.preferences[rater] = body["document"]
            return self._json({"document": world.preferences.get(rater, {})})
        return self._rating(method, parts.path.split("/")[3:], parse_qs(parts.query), body, rater)

    def _secret(self) -> str:
        cookie = SimpleCookie(self.headers.get("cookie", "")).get("saccade_session")
        return cookie.value if cookie else ""

    def _session(self, method: str, body: Json) -> None:
        world, secret = self.server.world, self._secret()
        if method == "DELETE":
            world.sessions.pop(secret, None)
        if method == "POST":
            if world.passwords and world.passwords.get(body["name"]) != body.get("password"):
                return self._error(403, "Name and password do not fit together.")
            secret = secrets.token_hex(8)
            world.sessions[secret] = body["name"]
        name = world.sessions.get(secret)
        world.names |= {name} if name else set()
        rater = {"id": 1, "name": name, "role": "rater"} if name else None
        told = {"rater": rater, "guarded": bool(world.passwords), "remembered": sorted(world.names)}
        # An answer to a question, which may be late, must not take the place of the session that has begun meanwhile.
        cookie = f"saccade_session={secret}; Path=/; HttpOnly; SameSite=Lax" if method == "POST" else ""
        return self._json(told, cookie=cookie)

    def _rating(self, method: str, path: list[str], query: dict[str, list[str]], body: Json, rater: str) -> None:
        world = self.server.world
        if path == ["studies"]:
            keys = ("id", "name", "version", "closed")
            return self._json(
                {"studies": [{key: one[key] for key in keys} | world.progress(number, rater) for number, one in world.studies.items()]}
            )
        if path == ["ratings"]:
            return self._write(rater, body)
        if path[0] == "items":
            return self._item(path[1:], body, rater)
        number = int(path[1])
        answers = {
            "next": lambda: {
                "items": world.next(number, rater, body.get("count", 3)),
                "progress": world.progress(number, rater),
                "version": world.studies[number]["version"],
            },
            "undo": lambda: world.undo(number, rater, body["token"]),
            "mine": lambda: world.mine(number, rater, int(query.get("page", ["1"])[0])),
            "": lambda: world.studies[number] | {"version_id": world.studies[number]["version"], "progress": world.progress(number, rater)},
        }
        answer = answers[path[2] if len(path) > 2 else ""]()
        return self._json(answer) if answer is not None else self._error(404, "There is nothing to take back.")

    def _item(self, path: list[str], body: Json, rater: str) -> None:
        world = self.server.world
        item = world.item(int(path[0]))
        if path[1:] == ["zoom.png"]:
            return self._send(200, encoded(item["picture"]["url"].split("/")[2], tuple(item["zoom"]["window"].values())), "image/jpeg")
        if path[1:] == ["draft"]:
            kept = body["sequence"] > world.drafts.get((rater, item["item"]), {"sequence": 0})["sequence"]
            if kept:
                world.drafts[rater, item["item"]] = body
            return self._json({"kept": kept, "until": datetime.now(UTC).isoformat()})
        return self._json(world.view(item, rater))

    def _write(self, rater: str, body: Json) -> None:
        world = self.server.world
        if world.refusing:
            return self._error(400, world.refusing)
        time.sleep(world.delay)
        answer = world.write(rater, body)
        if world.dropping:
            world.dropping -= 1
            self.close_connection = True
            return None
        return self._json(answer)

    def _error(self, status: int, words: str) -> None:
        self._send(status, json.dumps({"error": words}).encode(), "application/json")

    def _json(self, value: Any, cookie: str = "") -> None:
        self._send(200, json.dumps(value).encode(), "application/json", cookie)

    def _send(self, status: int, body: bytes, kind: str, cookie: str = "") -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        kept = self.server.owner.keeps and kind.startswith(("image", "text/javascript", "text/css"))
        self.send_header("cache-control", "max-age=600" if kept else "no-store")
        if cookie:
            self.send_header("set-cookie", cookie)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: tests read `world.writes`."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    owner: RateServer

    @property
    def world(self) -> World:
        return self.owner.world

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in the middle of an answer is no failure; anything else is shown."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class RateServer:
    """Serves a world, which outlives a stop and a new start at the same address. `keeps`: a browser may keep the page's files."""

    def __init__(self, port: int = 0, *, keeps: bool = True) -> None:
        self.keeps = keeps
        self.world = World()
        self.port = port
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Begins to answer."""
        self._http = _Server(("127.0.0.1", self.port), Handler)
        self._http.owner = self
        self.port = self._http.server_port
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def renew(self) -> None:
        """Another world, without anybody's ratings; it is served whatever happened to the last."""
        self.world = World()
        if not self._thread.is_alive():
            self.start()

    def stop(self) -> None:
        """Answers nobody any more; the world stays."""
        if not self._thread.is_alive():
            return
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


if __name__ == "__main__":
    RateServer(7872, keeps=False)._thread.join()
