"""A small server for the rating page alone: its static files, and the rating API over real HTTP with made-up steps.

`python -m tests.e2e.rate_fixture` serves it on port 7872 for work on the page in a browser.
"""

from __future__ import annotations

import io
import json
import secrets
import statistics
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import skimage
from PIL import Image

Json = dict[str, Any]

STATIC = Path(__file__).resolve().parents[2] / "static"
PHOTOGRAPHS = Path(skimage.__file__).parent / "data"
TYPES = {".js": "text/javascript", ".css": "text/css", ".png": "image/png", ".jpg": "image/jpeg", ".svg": "image/svg+xml"}
PICTURES = {
    "coffee": ("coffee.png", 600, 400),
    "astronaut": ("astronaut.png", 512, 512),
    "rocket": ("rocket.jpg", 640, 427),
    "tiny": ("coffee.png", 24, 16),
    "wide": ("coffee.png", 3000, 260),
    "tall": ("astronaut.png", 260, 2000),
    "huge": ("coffee.png", 6000, 4000),
}
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Rate · Saccade</title><link rel="icon" href="data:,"><style>body { margin: 0 }</style></head>
<body><main><h1 style="position: absolute; clip-path: inset(50%)">Saccade</h1><div id="saccade-rate"></div></main>
<script type="module">import('/ui/rate/main.js').then(m => m.mount(document.getElementById('saccade-rate')))</script></body></html>"""

ACCURATE = {
    "id": "accurate",
    "text": "Does the circle overlap what the sentence describes?",
    "low": "",
    "high": "",
    "choices": [{"value": value, "label": value.capitalize(), "key": value[0]} for value in ("yes", "no", "unsure")],
}
HELPFUL = {
    "id": "helpful",
    "text": "The circle helped me understand the sentence.",
    "low": "strongly disagree",
    "high": "strongly agree",
    "choices": [{"value": str(n), "label": str(n), "key": str(n)} for n in range(1, 6)],
}
INSTRUCTIONS = "You will see a picture with a circle in it, and one sentence that refers to the circle.\n\nRead the sentence, find what it describes, and answer two questions."
LONG = " ".join(
    ["Beyond the saucer with its silver spoon the grain of the dark table runs from left to right, broken by a bright reflection."] * 17
)[:1980]

# Picture, point, what is said around the circle's stand-in, and the window of a zoom or None.
STEPS: list[tuple[str, float, float, str, tuple[int, int, int, int] | None]] = [
    ("coffee", 300, 190, "The cup in the middle holds dark coffee {}.", None),
    ("coffee", 455.5, 250, "To its right lies a silver spoon {}, handle down.", (380, 160, 540, 320)),
    ("coffee", 120, 320, "The table's grain shows at the lower left {}.", None),
    ("astronaut", 220, 110, "She smiles into the camera {}.", (140, 30, 300, 190)),
    ("astronaut", 430, 100, "A model of the shuttle stands behind her {}.", None),
    ("rocket", 322, 200, "The rocket stands upright on its pad {}.", None),
    ("rocket", 60, 60, "The sky at the upper left is empty {}.", None),
    ("rocket", 500, 380, "Low water lies before the pad {}.", None),
]


def sentence(text: str) -> list[Json]:
    """Its parts, with the circle's stand-in."""
    before, _, after = text.partition("{}")
    return [{"text": before, "circle": False}, {"text": "[shown with blue circle]", "circle": True}, {"text": after, "circle": False}]


def example(picture: str, x: float, y: float, text: str, answer: str, why: str) -> Json:
    """A worked example of the instructions."""
    _, width, height = PICTURES[picture]
    size = {"picture_url": f"/pictures/{picture}/upright", "width": width, "height": height, "x": x, "y": y}
    return size | {"sentence": sentence(text), "answer": answer, "answer_label": answer.capitalize(), "why": why}


def study(number: int, name: str, **changes: Any) -> Json:
    """A study as GET /api/rating/studies/{study} tells of it, without the progress."""
    examples = [
        example("coffee", 300, 190, "The cup in the middle holds dark coffee {}.", "yes", "The circle lies on the coffee."),
        example("rocket", 60, 60, "The rocket stands upright on its pad {}.", "no", "All of the rocket lies outside the circle."),
    ]
    return {
        "id": number,
        "name": name,
        "version": 3,
        "closed": False,
        "guideline": {"instructions": INSTRUCTIONS, "examples": examples},
        "questions": [ACCURATE, HELPFUL],
        "circle": {"diameter": 100.0, "unit": "pixels", "color": "#00BFFF"},
        "replacement": "[shown with blue circle]",
        "own_point_first": False,
        "corrections": True,
        "skip_reasons": ["The sentence cannot be understood alone", "The picture does not load", "Disturbing content"],
    } | changes


def steps_of(number: int, steps: list[tuple[str, float, float, str, tuple[int, int, int, int] | None]] = STEPS) -> list[Json]:
    """The items of a study, in the order in which they are asked; each picture is a trace."""
    pictures = list(dict.fromkeys(step[0] for step in steps))
    found = []
    for at, (picture, x, y, text, window) in enumerate(steps):
        own = [step for step in steps if step[0] == picture]
        _, width, height = PICTURES[picture]
        identity = number * 1000 + at + 1
        zoom = None
        if window:
            sides = dict(zip(("x1", "y1", "x2", "y2"), window, strict=True))
            zoom = {"url": f"/api/rating/items/{identity}/zoom.png", "width": 420, "height": 420, "window": sides, "dot": False}
        found.append(
            {
                "item": identity,
                "trace": f"trace-{picture}",
                "trace_number": pictures.index(picture) + 1,
                "traces": len(pictures),
                "step_number": own.index((picture, x, y, text, window)) + 1,
                "steps": len(own),
                "question": None,
                "picture": {"url": f"/pictures/{picture}/upright", "width": width, "height": height},
                "point": {"x": x, "y": y},
                "sentence": sentence(text),
                "zoom": zoom,
            }
        )
    return found


@dataclass
class World:
    """What the server knows, as a database would keep it over a restart, and the weather it works in.

    failing     an answer of 500 for every path that begins so; '' for none
    refusing    the sentence with which every rating is refused; '' for none
    delay       seconds before a rating is answered
    dropping    so many ratings are written and never acknowledged: the connection just ends
    writes      every (method, path, body) that changes something
    """

    studies: dict[int, Json] = field(default_factory=lambda: {1: study(1, "Demo")})
    items: dict[int, list[Json]] = field(default_factory=lambda: {1: steps_of(1)})
    passwords: dict[str, str] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)
    ratings: list[Json] = field(default_factory=list)
    drafts: dict[tuple[str, int], Json] = field(default_factory=dict)
    preferences: dict[str, Json] = field(default_factory=dict)
    failing: str = ""
    refusing: str = ""
    delay: float = 0.0
    dropping: int = 0
    writes: list[tuple[str, str, Json]] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def newest(self, rater: str) -> dict[int, Json]:
        """Each item's newest revision by this rater."""
        return {row["item"]: row for row in self.ratings if row["rater"] == rater}

    def rated(self, rater: str) -> set[int]:
        return {item for item, row in self.newest(rater).items() if row["kind"] != "withdrawn"}

    def progress(self, number: int, rater: str) -> Json:
        """How far somebody is in a study."""
        mine = [row for item, row in self.newest(rater).items() if item // 1000 == number and row["kind"] != "withdrawn"]
        open_steps = len(self.items[number]) - len(mine)
        seconds = statistics.median(row["judgement"]["seconds"] for row in mine) if mine else None
        left = None if seconds is None else seconds * open_steps
        return {"done": len(mine), "skipped": sum(row["kind"] == "skipped" for row in mine), "open": open_steps, "seconds_left": left}

    def view(self, item: Json, rater: str) -> Json:
        """An item as the rater is given it."""
        version = self.studies[item["item"] // 1000]["version"]
        row = self.newest(rater).get(item["item"])
        return item | {
            "version": version,
            "version_id": version,
            "until": (datetime.now(UTC) + timedelta(minutes=30)).isoformat(),
            "draft": self.drafts.get((rater, item["item"])),
            "rating": self.told(row) if row else None,
        }

    def item(self, identity: int) -> Json:
        return next(item for item in self.items[identity // 1000] if item["item"] == identity)

    def told(self, row: Json) -> Json:
        return {name: row[name] for name in ("id", "item", "revision", "kind", "at", "version", "judgement")}

    def next(self, number: int, rater: str, count: int) -> list[Json]:
        """The steps to be asked; what was taken back or begun comes first."""
        if self.studies[number]["closed"]:
            return []
        rated, newest = self.rated(rater), self.newest(rater)
        asked = [item for item in self.items[number] if item["item"] not in rated]
        asked.sort(key=lambda item: (item["item"] not in newest, (rater, item["item"]) not in self.drafts))
        return [self.view(item, rater) for item in asked[:count]]

    def write(self, rater: str, body: Json) -> Json:
        """Keeps a rating; the same token again writes nothing."""
        with self.lock:
            known = next((row for row in self.ratings if row["token"] == body["token"]), None)
            row = known or self._row(rater, body["item"], body["token"], body["version_id"], body["judgement"])
            if not known:
                self.drafts.pop((rater, body["item"]), None)
            return {
                "rating": self.told(row),
                "standing": "counts",
                "repeated": known is not None,
                "saved_at": row["at"],
                "progress": self.progress(body["item"] // 1000, rater),
            }

    def _row(self, rater: str, item: int, token: str, version: int, judgement: Json) -> Json:
        revision = sum(row["item"] == item and row["rater"] == rater for row in self.ratings) + 1
        row = {"id": len(self.ratings) + 1, "rater": rater, "item": item, "token": token, "revision": revision, "kind": judgement["kind"]}
        row |= {"at": datetime.now(UTC).isoformat(), "version": version, "judgement": judgement}
        self.ratings.append(row)
        return row

    def undo(self, number: int, rater: str, token: str) -> Json | None:
        """Takes the last rating back; None where there is none."""
        with self.lock:
            done = next((row for row in self.ratings if row["token"] == token), None)
            if done is None:
                mine = [row for row in self.newest(rater).values() if row["kind"] != "withdrawn" and row["item"] // 1000 == number]
                if not mine:
                    return None
                last = max(mine, key=lambda row: row["id"])
                done = self._row(rater, last["item"], token, last["version"], last["judgement"] | {"kind": "withdrawn"})
                self.drafts[rater, last["item"]] = {"sequence": 1, "content": last["judgement"]}
            return {"item": self.view(self.item(done["item"]), rater), "progress": self.progress(number, rater)}

    def mine(self, number: int, rater: str, page: int) -> Json:
        """A page of somebody's own ratings, newest first, five at a time."""
        rows = sorted((row for row in self.newest(rater).values() if row["item"] // 1000 == number), key=lambda row: -row["id"])
        shown = rows[(page - 1) * 5 : page * 5]
        items = [
            self.told(row) | {name: self.item(row["item"])[name] for name in ("sentence", "picture")} | {"standing": "counts"}
            for row in shown
        ]
        return {"total": len(rows), "pages": max(1, -(-len(rows) // 5)), "items": items}


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
        rater = {"id": 1, "name": name, "role": "rater"} if name else None
        told = {"rater": rater, "guarded": bool(world.passwords), "remembered": sorted(set(world.sessions.values()))}
        return self._json(told, cookie=f"saccade_session={secret}; Path=/; HttpOnly; SameSite=Lax")

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
        self.send_header("cache-control", "max-age=60" if kind.startswith("image") else "no-store")
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
    """Serves a world, which outlives a stop and a new start at the same address."""

    def __init__(self, port: int = 0) -> None:
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

    def stop(self) -> None:
        """Answers nobody any more; the world stays."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


if __name__ == "__main__":
    RateServer(7872)._thread.join()
