"""A study over a real database file, and the people who rate in it over the real routes."""

from __future__ import annotations

import io
import itertools
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from fastapi import FastAPI
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from starlette.testclient import TestClient

from annotations.pictures import PictureStore
from annotations.raters.passwords import Passwords
from annotations.raters.store import RaterStore
from annotations.raters.values import Role
from annotations.studies.settings import StudySettings
from annotations.studies.values import Study
from app.server import add_routes
from app.services import Services, open_services
from app.settings import settings_from
from core.crops import CropRule
from core.frames import CoordinateFrame
from core.geometry import Box
from core.grammar import TurnText, format_turns, parse
from core.grounding import ground
from core.trace import DomainName, Origin, Sample, Trace, Truth, TruthKind

Json = dict[str, Any]
SIZE = (320, 240)
PASSWORD = "a password of some length"


@dataclass(frozen=True)
class Words:
    """The texts of a made-up trace that a rater must not see, and those that one does."""

    policy: str = "some-policy"
    answer: str = "a red cup"
    truth: str = "a blue cup"
    question: str = "Which cup is it?"
    picture_name: str = "cup.png"
    picture_note: str = ""
    file: str = "rollouts.jsonl"
    system_prompt: str = "Answer."
    thoughts: tuple[str, ...] = ("The red cup (40, 50) stands at the left edge.", "Its handle (90, 120) points to the right.")
    settings: Json = field(default_factory=dict)


def make_trace(pictures: PictureStore, number: int = 0, words: Words = Words()) -> Trace:
    """A trace with a step for each thought, the last of which looks closer; its number makes it another one."""
    image = Image.new("RGB", SIZE, (number % 256, 80, 160))
    note = PngInfo()
    note.add_text("Comment", words.picture_note)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", pnginfo=note)
    picture = pictures.add_bytes(buffer.getvalue(), words.picture_name)
    turns = [TurnText(thought, call=(90, 120), observed=True) for thought in words.thoughts[-1:]]
    turns = [*(TurnText(thought, call=(40, 50), observed=True) for thought in words.thoughts[:-1]), *turns]
    parsed = parse(format_turns([*turns, TurnText(f"So I know now, number {number}.", answer=words.answer)]))
    sample = Sample(words.question, DomainName.VISUAL_SEARCH, (picture,), Truth(TruthKind.TEXT, words.truth, Box(1, 2, 3, 4)))
    frame = CoordinateFrame.original(picture.size)
    made = ground(sample, parsed, frame, CropRule(20, 56, True), policy=words.policy)
    origin = Origin("rollouts", words.file, 7)
    return replace(made, origin=origin, system_prompt=words.system_prompt, recorded_score=0.123456, settings=words.settings)


@dataclass
class Person:
    """Somebody in a browser of their own."""

    client: TestClient
    id: int
    name: str
    tokens: Iterator[int] = field(default_factory=itertools.count)

    def get(self, path: str, status: int = 200) -> Json:
        return answered(self.client.get(path), status)

    def send(self, path: str, document: Any, status: int = 200, method: str = "POST") -> Json:
        return answered(self.client.request(method, path, json=document), status)

    def next(self, study: Study, count: int = 3) -> list[Json]:
        items: list[Json] = self.send(f"/api/rating/studies/{study.id}/next", {"count": count})["items"]
        return items

    def rating(self, item: Json, **changes: Any) -> Json:
        """The body of a rating of an item, with a token of its own."""
        token = f"rater-{self.id}-{next(self.tokens)}"
        body = {"token": token, "item": item["item"], "version_id": item["version_id"], "trace": item["trace"], "judgement": judgement()}
        return body | changes

    def rate(self, item: Json, **changes: Any) -> Json:
        return self.send("/api/rating/ratings", self.rating(item, **changes))


def judgement(**changes: Any) -> Json:
    """What somebody says of a step, in the questions of the paper."""
    return {"kind": "rated", "answers": {"accurate": "yes", "helpful": "4"}, "seconds": 3.5, "keys_only": True} | changes


def answered(answer: Any, status: int = 200) -> Json:
    assert answer.status_code == status, f"{answer.status_code}: {answer.text[:400]}"
    document: Json = answer.json()
    if status >= 400:
        assert set(document) == {"error"} and document["error"].strip().endswith(".") and "Traceback" not in document["error"]
    return document


@dataclass
class World:
    """The application without Gradio's pages, over services that are its own."""

    services: Services
    app: FastAPI

    def person(self, name: str, role: Role = Role.RATER, *, password: str = "") -> Person:
        """Somebody who has signed in, by name alone or with a password."""
        client = TestClient(self.app, base_url="http://127.0.0.1", raise_server_exceptions=False)
        signed = answered(client.post("/api/session", json={"name": name, **({"password": password} if password else {})}))
        return Person(client, signed["rater"]["id"], name)

    def member(self, name: str, role: Role = Role.RATER) -> Person:
        """Somebody with an account and a password, signed in."""
        self.services.raters.add(name, role, PASSWORD)
        return self.person(name, password=PASSWORD)

    def study(self, name: str = "Cups", **settings: Any) -> Study:
        """A study of all traces; of every step, however short."""
        return self.services.studies.create(name, StudySettings(**settings))

    def add(self, *traces: Trace, dataset: str = "cups") -> None:
        self.services.store.add_traces(traces, dataset=dataset)


@contextmanager
def open_world(folder: Path, *, read_only: bool = False) -> Iterator[World]:
    """A world over the data in a folder, which are made where there are none."""
    with open_services(settings_from(Namespace(data_dir=folder, read_only=read_only), {})) as opened:
        # Hashes of the real kind, made in a moment.
        quick = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        services = replace(opened, raters=RaterStore(opened.store.database, passwords=quick))
        app = FastAPI()
        add_routes(app, services)
        yield World(services, app)
