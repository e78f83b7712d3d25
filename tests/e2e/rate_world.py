"""Made-up studies and steps for the rating page, and what a server keeps of the ratings: the rating API's rules in memory."""

from __future__ import annotations

import statistics
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

Json = dict[str, Any]

PICTURES = {
    "coffee": ("coffee.png", 600, 400),
    "astronaut": ("astronaut.png", 512, 512),
    "rocket": ("rocket.jpg", 640, 427),
    "tiny": ("coffee.png", 24, 16),
    "wide": ("coffee.png", 3000, 260),
    "tall": ("astronaut.png", 260, 2000),
    "huge": ("coffee.png", 6000, 4000),
}
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


def study(number: int, name: str, *, closed: bool = False, **changes: Any) -> Json:
    """A study as GET /api/rating/studies/{study} tells of it, without the progress; `changes` are of its guideline."""
    examples = [
        example("coffee", 300, 190, "The cup in the middle holds dark coffee {}.", "yes", "The circle lies on the coffee."),
        example("rocket", 60, 60, "The rocket stands upright on its pad {}.", "no", "All of the rocket lies outside the circle."),
    ]
    guideline = {
        "instructions": INSTRUCTIONS,
        "examples": examples,
        "questions": [ACCURATE, HELPFUL],
        "circle": {"diameter": 100.0, "unit": "pixels", "color": "#00BFFF"},
        "replacement": "[shown with blue circle]",
        "own_point_first": False,
        "corrections": True,
        "skip_reasons": ["The sentence cannot be understood alone", "The picture does not load", "Disturbing content"],
    }
    return {"id": number, "name": name, "version": 3, "closed": closed, "guideline": guideline | changes}


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
    names: set[str] = field(default_factory=set)
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
