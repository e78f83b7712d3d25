"""A small server for the lead's pages alone: studies and results that are made up, over real HTTP on the loopback.

`python -m tests.e2e.lead_server` serves them on port 7872, at /studies and /results, for work on these pages in a browser.
"""

from __future__ import annotations

import copy
import json
import math
import threading
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import plotly

from annotations.studies.settings import StudySettings
from core.errors import StudyError
from tests.e2e.fixture_server import TYPES, FixtureServer, Handler, encoded
from tests.e2e.fixture_traces import PICTURES, Json, identity, named

PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Saccade</title><link rel="icon" href="data:,"><style>body {{ margin: 0 }} h1 {{ position: absolute; clip-path: inset(50%) }}</style></head>
<body><main><h1>Saccade</h1><div id="place"></div></main>
<script type="module">import('/ui/{page}/main.js').then(m => m.mount(document.getElementById('place')))</script></body></html>"""

CHIPS = {
    "datasets": [{"value": "demo", "title": "demo", "count": 16}, {"value": "needle", "title": "needle", "count": 4155}],
    "domains": [
        {"value": "spatial", "title": "Spatial", "count": 9000},
        {"value": "visual_search", "title": "Visual search", "count": 3480},
    ],
    "policies": [{"value": f"policy-{n}", "title": f"policy-{n}", "count": 2496} for n in range(5)],
}

# A picture by the hash that its views state, or by its name.
NAMES = {identity(f"picture {name}"): name for name in PICTURES} | {name: name for name in PICTURES}


def study(number: int, name: str, *, items: int = 240, ratings: int = 412, raters: int = 4, closed: bool = False) -> Json:
    """A study with `items` steps as the server tells it."""
    settings = StudySettings().to_json()
    versions = [
        {
            "version": 1,
            "version_id": number * 10,
            "actor": "Ada",
            "added": "2026-11-02T09:10:00+00:00",
            "settings": settings,
            "ratings": ratings,
        }
    ]
    return {
        "id": number,
        "name": name,
        "version": 1,
        "version_id": number * 10,
        "closed": closed,
        "added": "2026-11-02T09:10:00+00:00",
        "items": items,
        "left_out": 0,
        "wanted": items * settings["ratings_per_item"],
        "ratings": ratings,
        "complete": ratings // 4,
        "skipped": 7 if ratings else 0,
        "settings": settings,
        "versions": versions,
        "raters": [
            {
                "id": n,
                "name": f"Rater {n}",
                "done": ratings // raters,
                "skipped": n,
                "open": max(0, items - ratings // raters),
                "seconds": 9.5 + n,
                "last": "2026-11-20T12:03:04+00:00",
            }
            for n in range(1, raters + 1)
        ],
    }


@dataclass
class Lead:
    """What the server has. `failing` answers everything with an error; `asked` are the requests, `etag` changes with the results."""

    studies: list[Json] = field(default_factory=list)
    left_out: dict[int, set[int]] = field(default_factory=dict)
    results: dict[int, Json] = field(default_factory=dict)
    etag: str = '"1"'
    failing: int = 0
    empty: bool = False
    asked: list[str] = field(default_factory=list)

    def one(self, number: int) -> Json | None:
        return next((found for found in self.studies if found["id"] == number), None)


def pilot() -> Lead:
    """Two studies: one that is under way, and one that nobody has rated yet."""
    return Lead([study(1, "Pilot of March"), study(2, "Second round", ratings=0, raters=0, items=60)])


def page_of_items(lead: Lead, one: Json, page: int, size: int) -> Json:
    """Steps of a study, 25 a page, with their sentences."""
    out = lead.left_out.get(one["id"], set())
    total = one["items"] + len(out)
    steps = [step for view in named().values() for step in view["steps"] if step["point"]] or [{}]
    items = [
        {
            "id": number,
            "trace": identity(f"trace {number // 3}"),
            "step": number % 3,
            "left_out": "by_hand" if number in out else "",
            "sentence": [
                {"text": f"Step {number}: there is a lamp ", "circle": False},
                {"text": "[shown with blue circle]", "circle": True},
                {"text": f" beside the sofa, as one of {len(steps)}.", "circle": False},
            ],
            "ratings": number % 4,
            "wanted": 3,
        }
        for number in range((page - 1) * size, min(total, page * size))
    ]
    return {"total": total, "page": page, "pages": max(1, math.ceil(total / size)), "items": items}


class LeadHandler(Handler):
    """Answers for the `lead` of its server, and beside it whatever the viewer's server answers."""

    server: LeadServer

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        lead = self.server.lead
        lead.asked.append(f"GET {self.path}")
        if parts.path in ("/studies", "/results"):
            self._send(200, PAGE.format(page=parts.path.strip("/")).encode(), TYPES[".html"])
        elif parts.path.startswith("/plotly/"):
            self._send(200, PLOTLY.read_bytes(), TYPES[".js"])
        elif parts.path.startswith("/pictures/"):
            self._send(200, encoded(NAMES[parts.path.split("/")[2]]), "image/jpeg")
        elif parts.path.startswith(("/api/studies", "/api/results")):
            self._refuse() if lead.failing else self._lead(parts.path.strip("/").split("/")[1:], parse_qs(parts.query))
        else:
            super().do_GET()

    def do_POST(self) -> None:
        lead = self.server.lead
        lead.asked.append(f"{self.command} {self.path}")
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if lead.failing:
            self._refuse()
            return
        try:
            self._change(self.path.strip("/").split("/")[2:], body)
        except StudyError as error:
            self._json(400, {"error": str(error)})

    do_PUT = do_POST

    def _refuse(self) -> None:
        status = self.server.lead.failing
        self._json(status, {"error": "Sign in first." if status == 401 else "The database is being restored. Try again in a minute."})

    def _lead(self, path: list[str], query: dict[str, list[str]]) -> None:
        lead = self.server.lead
        if path[0] == "results":
            self._results(path[1:], query)
        elif path == ["studies"]:
            names = ("id", "name", "version", "closed", "added", "items", "left_out", "wanted", "ratings")
            self._json(200, {"studies": [{name: one[name] for name in names} | {"raters": len(one["raters"])} for one in lead.studies]})
        elif path == ["studies", "defaults"]:
            self._json(200, {"settings": StudySettings().to_json()} | ({name: [] for name in CHIPS} if lead.empty else CHIPS))
        elif (one := lead.one(int(path[1]))) is None:
            self._json(404, {"error": f"There is no study {path[1]}."})
        elif len(path) == 2:
            self._json(200, one)
        else:
            self._json(200, page_of_items(lead, one, int(query["page"][0]), int(query["page_size"][0])))

    def _results(self, path: list[str], query: dict[str, list[str]]) -> None:
        lead = self.server.lead
        if self.headers.get("if-none-match") == lead.etag and len(path) == 1:
            self.send_response(304)
            self.end_headers()
            return
        found = lead.results.get(int(path[0]))
        if found is None:
            self._json(404, {"error": f"There is no study {path[0]}."})
            return
        self._send(200, json.dumps(found).encode(), "application/json", etag=lead.etag)

    def _send(self, status: int, body: bytes, kind: str, *, download: bool = False, etag: str = "") -> None:
        self._etag = etag
        super()._send(status, body, kind, download=download)

    def end_headers(self) -> None:
        if getattr(self, "_etag", ""):
            self.send_header("etag", self._etag)
            self._etag = ""
        super().end_headers()

    def _change(self, path: list[str], body: Json) -> None:
        lead = self.server.lead
        if path == ["preview"]:
            settings = StudySettings.from_json(body["settings"])
            steps = 0 if settings.selection.min_words > 50 else 240
            self._json(
                200, {"traces": 80 if steps else 0, "steps": steps, "pictures": 75 if steps else 0, "by_domain": {}, "by_policy": {}}
            )
        elif not path:
            settings = StudySettings.from_json(body["settings"])
            if any(one["name"] == body["name"] for one in lead.studies):
                self._json(409, {"error": f"There is a study {body['name']} already: give this one another name."})
                return
            made = study(len(lead.studies) + 1, body["name"], ratings=0, raters=0) | {"settings": settings.to_json()}
            lead.studies.append(made)
            self._json(200, made)
        else:
            self._change_one(lead.studies[int(path[0]) - 1], path[1:], body)

    def _change_one(self, one: Json, path: list[str], body: Json) -> None:
        if not path:
            settings = StudySettings.from_json(body["settings"]).to_json()
            version = one["version"] + 1
            one["versions"].append(
                {
                    "version": version,
                    "version_id": one["version_id"] + 1,
                    "actor": "Grace",
                    "added": "2026-11-21T10:00:00+00:00",
                    "settings": settings,
                    "ratings": 0,
                }
            )
            one.update(settings=copy.deepcopy(settings), version=version, version_id=one["version_id"] + 1)
        elif path == ["items"]:
            out = self.server.lead.left_out.setdefault(one["id"], set())
            out |= set(body["leave_out"])
            out -= set(body["take_back"])
            one.update(items=one["items"] - len(body["leave_out"]) + len(body["take_back"]), left_out=len(out))
        else:
            one["closed"] = {"close": True, "reopen": False}.get(path[0], one["closed"])
        self._json(200, one)


class LeadServer(FixtureServer):
    """Serves `lead`, which a test may replace at any time."""

    def __init__(self, port: int = 0, *, keeps: bool = True) -> None:
        super().__init__(port, keeps=keeps)
        self.RequestHandlerClass = LeadHandler
        self.lead = pilot()


if __name__ == "__main__":
    server = LeadServer(7872, keeps=False)
    threading.Thread(target=server.serve_forever).start()
