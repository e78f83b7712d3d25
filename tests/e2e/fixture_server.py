"""A small server for the viewer alone: its static files, and an API of made-up traces over real HTTP on the loopback.

`python -m tests.e2e.fixture_server` serves it on port 7871 for work on the viewer in a browser.
"""

from __future__ import annotations

import io
import json
import math
import sys
import threading
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import skimage
from PIL import Image

from tests.e2e.fixture_traces import PICTURES, Json, identity, named

STATIC = Path(__file__).resolve().parents[2] / "static"
PHOTOGRAPHS = Path(skimage.__file__).parent / "data"
TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html; charset=utf-8", ".png": "image/png", ".jpg": "image/jpeg"}
KEPT = ("text/javascript", "text/css")
MANY = 12_480

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Saccade</title><link rel="icon" href="data:,"><style>body { margin: 0 }</style></head>
<body><main><div id="saccade-inspect"></div></main>
<script type="module">import('/ui/viewer/main.js').then(m => m.mount(document.getElementById('saccade-inspect')))</script></body></html>"""


@dataclass
class Content:
    """What the server has; `elsewhere`: the views of traces in a further data set. `failing` answers every list with an error."""

    items: list[Json] = field(default_factory=list)
    views: dict[str, Json] = field(default_factory=dict)
    elsewhere: dict[tuple[str, str], Json] = field(default_factory=dict)
    failing: bool = False
    asked: list[str] = field(default_factory=list)


def item(view: Json) -> Json:
    """A view's line in the list."""
    looks = sum(1 for one in view["steps"] if one["look"])
    kept = {name: view[name] for name in ("id", "question", "dataset", "domain", "domain_title", "policy", "stop")}
    stop_words = view["stop"].replace("_", " ")
    sums = {"correct": view["answer"]["verdict"], "steps": len(view["steps"]), "looks": looks, "faults": len(view["faults"])}
    return kept | sums | {"stop_words": stop_words, "thumbnail": f"{view['picture']['url']}/thumbnail"}


@cache
def full_content() -> tuple[list[Json], dict[str, Json]]:
    """12,480 lines: the named traces first, then copies of three of them under other names."""
    views = {one["id"]: one for one in named().values()}
    items = [item(one) for one in views.values()]
    sources = [named()[name] for name in ("search", "grounding", "outside")]
    for i in range(MANY - len(items)):
        source = sources[i % 3]
        changes = {
            "id": identity(f"copy {i}"),
            "question": f"{source['question']} ({i + 1})",
            "policy": f"policy-{i % 5}",
            "dataset": ("demo", "needle", "screens")[i % 3],
        }
        views[changes["id"]] = source | changes
        items.append(item(source) | changes)
    return items, views


def full() -> Content:
    """A server with much in it."""
    items, views = full_content()
    return Content(list(items), dict(views))


def _fits(one: Json, query: dict[str, list[str]]) -> bool:
    first = {name: values[0] for name, values in query.items()}
    verdict = {True: "right", False: "wrong", None: "unscored"}[one["correct"]]
    return (
        first.get("q", "").lower() in one["question"].lower()
        and all(one[name] in query[name] for name in ("dataset", "domain", "policy", "stop") if name in query)
        and first.get("correct", verdict) == verdict
        and first.get("faults", "yes" if one["faults"] else "no") == ("yes" if one["faults"] else "no")
        and int(first.get("min_looks", 0)) <= one["looks"] <= int(first.get("max_looks", 99))
    )


def listing(content: Content, query: dict[str, list[str]]) -> Json:
    """One page of the list."""
    fits = [one for one in content.items if _fits(one, query)]
    sort = query.get("sort", ["newest"])[0]
    if sort in ("steps", "looks", "faults"):
        fits.sort(key=lambda one: -one[sort])
    if sort == "question":
        fits.sort(key=lambda one: one["question"])
    size = int(query.get("page_size", ["50"])[0])
    pages = max(1, math.ceil(len(fits) / size))
    page = int(query.get("page", ["1"])[0])
    return {"total": len(fits), "page": page, "pages": pages, "items": fits[(page - 1) * size : page * size]}


def facets(content: Content, query: dict[str, list[str]]) -> Json:
    """Counts of every value among what fits."""
    fits = [one for one in content.items if _fits(one, query)]

    def counted(name: str, title: str) -> list[Json]:
        found: dict[str, Json] = {}
        for one in fits:
            entry = found.setdefault(one[name], {"value": one[name], "title": one[title], "count": 0})
            entry["count"] += 1
        return sorted(found.values(), key=lambda entry: -entry["count"])

    verdicts = [
        {"value": word, "title": word, "count": sum(1 for one in fits if one["correct"] is value)}
        for word, value in (("right", True), ("wrong", False), ("unscored", None))
    ]
    names = {
        "datasets": ("dataset", "dataset"),
        "domains": ("domain", "domain_title"),
        "policies": ("policy", "policy"),
        "stops": ("stop", "stop_words"),
    }
    most = max((one["looks"] for one in content.items), default=0)
    return {group: counted(*pair) for group, pair in names.items()} | {"correct": verdicts, "max_looks": most}


@cache
def picture(name: str) -> Image.Image:
    """The photograph at the size that its views state."""
    file, width, height = PICTURES[name]
    opened = Image.open(PHOTOGRAPHS / file).convert("RGB")
    return opened if opened.size == (width, height) else opened.resize((width, height))


@cache
def encoded(name: str, side: int = 0) -> bytes:
    """The photograph as JPEG, or its thumbnail."""
    image = picture(name).copy()
    if side:
        image.thumbnail((side, side))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=90)
    return stream.getvalue()


def look_pixels(view: Json, index: int) -> bytes:
    """The crop of a look, stretched onto its output size."""
    seen = next(one["look"] for one in view["steps"] if one["look"] and one["look"]["index"] == index)
    name = view["picture"]["url"].removeprefix("/pictures/")
    crop = picture(name).resize(tuple(seen["output"]), Image.Resampling.BICUBIC, box=tuple(seen["window"]))
    stream = io.BytesIO()
    crop.save(stream, "PNG")
    return stream.getvalue()


class Handler(BaseHTTPRequestHandler):
    """Answers for the `content` of its server."""

    server: FixtureServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.server.content.asked.append(self.path)
        path, query = parts.path, parse_qs(parts.query)
        if path.startswith("/ui/"):
            self._file(STATIC / path.removeprefix("/ui/"))
        elif path.startswith("/api/"):
            self._api(path, query)
        elif path.startswith("/pictures/"):
            name, _, small = path.removeprefix("/pictures/").partition("/")
            self._send(200, encoded(name, 160 if small else 0), "image/jpeg")
        else:
            self._send(200, PAGE.encode(), TYPES[".html"])

    def _api(self, path: str, query: dict[str, list[str]]) -> None:
        content = self.server.content
        rest = path.removeprefix("/api/traces/").split("/")
        if content.failing:
            self._json(500, {"error": "The database is being restored. Try again in a minute."})
        elif path == "/api/traces":
            self._json(200, listing(content, query))
        elif path == "/api/facets":
            self._json(200, facets(content, query))
        elif rest[0] not in content.views:
            self._json(404, {"error": f"There is no trace {rest[0][:12]}. It may have been deleted."})
        elif len(rest) == 3:
            self._send(200, look_pixels(content.views[rest[0]], int(rest[2].removesuffix(".png"))), TYPES[".png"])
        else:
            view = content.elsewhere.get((rest[0], query.get("dataset", [""])[0]), content.views[rest[0]])
            self._json(200, view, download=rest[1:] == ["file"])

    def _file(self, file: Path) -> None:
        if file.is_file():
            self._send(200, file.read_bytes(), TYPES.get(file.suffix, "application/octet-stream"))
        else:
            self._json(404, {"error": "There is no such file."})

    def _json(self, status: int, value: Any, *, download: bool = False) -> None:
        self._send(status, json.dumps(value).encode(), "application/json", download=download)

    def _send(self, status: int, body: bytes, kind: str, *, download: bool = False) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.send_header("cache-control", "max-age=600" if self.server.keeps and (kind in KEPT or kind.startswith("image")) else "no-store")
        if download:
            self.send_header("content-disposition", 'attachment; filename="trace.json"')
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: tests read what was asked from `content.asked`."""


class FixtureServer(ThreadingHTTPServer):
    """Serves `content`, which a test may replace at any time. `keeps`: a browser may keep files, which it had better not while one edits them."""

    daemon_threads = True

    def __init__(self, port: int = 0, *, keeps: bool = True) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.keeps = keeps
        self.content = full()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in the middle of an answer is no failure; anything else is shown."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def start(self) -> threading.Thread:
        """Serves from a thread of its own until `shutdown`."""
        thread = threading.Thread(target=self.serve_forever, daemon=True)
        thread.start()
        return thread


if __name__ == "__main__":
    FixtureServer(7871, keeps=False).serve_forever()
