"""Scenes of the needle world in the app: drawn by difficulty and seed, kept as pictures, asked about and judged; the policy that ships."""

from __future__ import annotations

import json
import os
from argparse import Namespace
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from fastapi import FastAPI
from PIL import Image
from starlette.testclient import TestClient

from annotations.demo import seed_demo
from annotations.raters.values import Role
from app.access import access_of
from app.recorded_questions import RecordedQuestions
from app.server import add_routes
from app.services import STATIC, open_services
from app.settings import settings_from
from core.frames import FrameKind
from core.policies.protocol import PolicyCard, PolicyKind
from core.tasks.needle.splits import Split
from core.tasks.needle.task import NeedleTask
from core.tasks.needle.values import DIFFICULTIES
from tests.app.asking_world import LOOKER, AskingWorld, Json, eventually, open_asking
from tests.app.rating_world import answered

SCENES = "/api/ask/scenes"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AskingWorld]:
    with open_asking(tmp_path_factory.mktemp("scenes"), demo=True) as made:
        yield made


@pytest.fixture
def client(world: AskingWorld) -> TestClient:
    return world.client()


def drawn(client: TestClient, status: int = 200, **wish: object) -> Json:
    return answered(client.post(SCENES, json=wish), status)


def ended(client: TestClient, run: str) -> Json:
    def state() -> str:
        return str(answered(client.get(f"/api/runs/{run}"))["summary"]["state"])

    eventually(lambda: state() in ("done", "stopped", "failed"), 60)
    return answered(client.get(f"/api/runs/{run}"))


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_a_scene_is_the_test_splits_with_its_picture_kept(client: TestClient, difficulty: str) -> None:
    scene = drawn(client, difficulty=difficulty, seed=17)
    asked = NeedleTask.named(difficulty).asked(17, Split.TEST)
    assert {name: scene[name] for name in ("difficulty", "seed", "split", "question", "looks", "unfit")} == {
        "difficulty": difficulty, "seed": 17, "split": "test", "question": asked.question, "looks": len(asked.looks), "unfit": None,
    }  # fmt: skip
    assert scene["domain"] == ("web_grounding" if difficulty == "gui" else "visual_search")
    assert scene["truth"] == {"kind": asked.truth.kind.value, "text": asked.truth.text}
    assert scene["picture"]["name"] == f"needle-{difficulty}-test-17.png"
    shown = client.get(scene["picture"]["url"])
    assert Image.open(BytesIO(shown.content)).size == (512, 512)
    assert client.get(scene["picture"]["thumbnail"]).status_code == 200


def test_the_same_seed_is_the_same_scene_and_none_is_another_each_time(client: TestClient, tmp_path: Path) -> None:
    first = drawn(client, difficulty="hard", seed=5)
    assert drawn(client, difficulty="hard", seed=5) == first
    with open_asking(tmp_path) as elsewhere:
        assert drawn(elsewhere.client(), difficulty="hard", seed=5) == first
    seeds = {drawn(client)["seed"] for _ in range(4)}
    assert len(seeds) > 1 and all(0 <= seed < 1_000_000 for seed in seeds)


def test_a_drawn_scene_is_asked_about_and_judged(client: TestClient, world: AskingWorld) -> None:
    scene = drawn(client, difficulty="easy", seed=3)
    body = {"policy": LOOKER, "picture": scene["picture"]["sha256"]} | {name: scene[name] for name in ("question", "domain", "truth")}
    found = ended(client, answered(client.post("/api/runs", json=body))["run"])
    assert [draw["correct"] for draw in found["draws"]] == [False], "there is no cup in it"
    stored = world.services.store.trace(found["summary"]["traces"][0]["id"]).trace.sample
    assert stored.pictures[0].name == "needle-easy-test-3.png"
    assert stored.truth.text == scene["truth"]["text"]


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        ({"difficulty": "harder"}, "The needle world has no difficulty 'harder': choose from easy, default, hard, gui."),
        ({"seed": -1}, "The request cannot be taken: seed: Input should be greater than or equal to 0."),
        ({"seed": 2**31}, "The request cannot be taken: seed: Input should be less than or equal to 2147483647."),
        ({"seed": "7"}, "The request cannot be taken: seed: Input should be a valid integer."),
        ({"seed": 1.5}, "The request cannot be taken: seed: Input should be a valid integer"),
        ({"split": "train"}, "The request cannot be taken: split: Extra inputs are not permitted."),
        ({"difficulty": "x" * 101}, "The request cannot be taken: difficulty: String should have at most 100 characters."),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence(client: TestClient, wish: Json, sentence: str) -> None:
    error = drawn(client, 400, **wish)["error"]
    assert error.startswith(sentence) and "\n" not in error


def test_an_unknown_policy_is_not_on_the_list(client: TestClient) -> None:
    assert "is not on the list" in drawn(client, 404, policy="test/unknown")["error"]


def test_with_read_only_no_scene_is_drawn(tmp_path: Path) -> None:
    with open_asking(tmp_path):
        pass
    with open_services(settings_from(Namespace(data_dir=tmp_path, read_only=True), {})) as services:
        app = FastAPI()
        add_routes(app, services)
        client = TestClient(app, base_url="http://127.0.0.1")
        assert drawn(client, 403)["error"] == "With --read-only no scene can be drawn: its picture could not be kept."


def test_only_leads_draw() -> None:
    assert access_of("POST", SCENES) is Role.LEAD


def test_the_page_is_told_what_can_be_drawn(client: TestClient) -> None:
    scenes = answered(client.get("/api/ask"))["scenes"]
    assert [(one["name"], one["title"]) for one in scenes["difficulties"]] == [
        ("easy", "Easy"), ("default", "Default"), ("hard", "Hard"), ("gui", "Windows"),
    ]  # fmt: skip
    assert scenes["difficulties"][1]["words"] == "3 to 5 shapes, some alike, to be described, compared or found: up to 3 looks."
    assert all(one["words"].endswith(".") for one in scenes["difficulties"])
    assert (scenes["default"], scenes["first"], scenes["most"]) == ("default", 0, 2**31 - 1)


def test_whom_a_scene_does_not_suit_is_told_once_the_policy_was_open(client: TestClient) -> None:
    def told(reference: str) -> Json | None:
        lines = answered(client.get("/api/policies"))["policies"]
        unfit: Json | None = next(line["unfit"] for line in lines if line["reference"] == reference)
        return unfit

    run = answered(client.post("/api/runs", json={"policy": LOOKER} | _asked(drawn(client, seed=1))))["run"]
    ended(client, run)
    words = told(LOOKER)
    assert words is not None and set(words) == set(DIFFICULTIES)
    assert words["default"].startswith(f"{LOOKER} is shown a scene of 512 px in ") and words["default"].endswith(".")
    assert drawn(client, seed=1, policy=LOOKER)["unfit"] == words["default"]
    assert told("replay") == dict.fromkeys(
        DIFFICULTIES, "Recorded runs answer only what was recorded: choose a model to ask about a drawn scene."
    )
    small = PolicyCard("small", PolicyKind.LOCAL, FrameKind.NORMALISED, 16, 128 * 128, 128 * 128)
    assert NeedleTask.named("default").unfit(small) == ""


def _asked(scene: Json) -> Json:
    return {"picture": scene["picture"]["sha256"]} | {name: scene[name] for name in ("question", "domain", "truth")}


def test_recorded_questions_are_read_once_and_again_when_they_change(world: AskingWorld) -> None:
    services = world.services
    recorded = RecordedQuestions(services.store)
    first = recorded.samples()
    assert len(first) > 1 and recorded.samples() is first
    services.store.remove_dataset("demo")
    without = recorded.samples()
    assert len(without) < len(first)
    seed_demo(services.store, services.pictures, STATIC / "demo")
    assert recorded.samples() == first


def test_a_small_checkpoint_that_ships_is_the_default_and_reads_scenes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = pytest.importorskip("training.small.begin")
    folder = begin.build(tmp_path / "needle", crop=NeedleTask.named("default").difficulty.rule(16))
    monkeypatch.setenv("SACCADE_NEEDLE", os.fspath(folder))
    with open_services(settings_from(Namespace(data_dir=tmp_path / "data", policies=[]), {})) as services:
        app = FastAPI()
        add_routes(app, services)
        client = TestClient(app, base_url="http://127.0.0.1")
        listed = answered(client.get("/api/policies"))
        assert listed["default"] == "needle"
        assert {name: listed["policies"][0][name] for name in ("reference", "name", "shipped", "unfit", "may_remove")} == {
            "reference": "needle", "name": "Needle", "shipped": True, "unfit": None, "may_remove": False,
        }  # fmt: skip
        scene = drawn(client, seed=0)
        settings = {"max_new_tokens": 8, "max_turns": 1, "turns": "multi"}
        found = ended(client, answered(client.post("/api/runs", json=_asked(scene) | {"policy": "needle", "settings": settings}))["run"])
        assert (found["summary"]["state"], found["summary"]["policy_name"]) == ("done", "Needle"), json.dumps(found["summary"])
        assert found["draws"][0]["correct"] in (True, False)
        assert drawn(client, seed=0, policy="needle")["unfit"] == ""
        # It looks as it was trained to, and the page is told so.
        assert answered(client.get("/api/policies"))["policies"][0]["crop"] == {"offset": 48, "side": 128, "dot": False}
