"""The routes of asking, over the real application: what is offered, asked, watched, stopped and saved to a study."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from PIL import Image
from starlette.testclient import TestClient

from annotations.pictures import MAX_BYTES
from annotations.raters.values import Role
from annotations.studies.settings import Selection, StudySettings
from app.live_runs import AT_ONCE
from app.picture_api import name_in
from app.run_events import Documents, Watch
from tests.app.asking_world import (
    FAILER,
    LOOKER,
    QUESTION,
    SIZE,
    SLOW_TO_LOAD,
    AskingWorld,
    Json,
    eventually,
    open_asking,
    png,
    serving_asks,
)
from tests.app.guarded import PASSWORD, with_cheap_hashes
from tests.app.rating_world import answered


@pytest.fixture
def world(tmp_path: Path) -> Iterator[AskingWorld]:
    with open_asking(tmp_path, demo=True) as made:
        yield made


@pytest.fixture
def client(world: AskingWorld) -> TestClient:
    return world.client()


def get(client: TestClient, path: str, status: int = 200) -> Json:
    return answered(client.get(path), status)


def post(client: TestClient, path: str, document: Any, status: int = 200) -> Json:
    return answered(client.post(path, json=document), status)


def remove(client: TestClient, reference: str, status: int = 200) -> Json:
    return answered(client.request("DELETE", "/api/policies", json={"reference": reference}), status)


def done(client: TestClient, run: str) -> Json:
    eventually(lambda: get(client, f"/api/runs/{run}")["summary"]["state"] in ("done", "stopped", "failed"))
    return get(client, f"/api/runs/{run}")


def ask(client: TestClient, world: AskingWorld, **changes: Any) -> str:
    run: str = post(client, "/api/runs", world.body(**changes))["run"]
    return run


def events(text: str, last: int = 0) -> list[tuple[int, str, Any]]:
    """The events of a stream: the last id that came with or before it, as a browser remembers it; name, data."""
    found = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(":"))
        if "data" in lines:
            last = int(lines.get("id", last))
            found.append((last, lines["event"], json.loads(lines["data"])))
    return found


# -- policies --


def test_the_policies_are_told_and_one_is_loaded(client: TestClient, world: AskingWorld) -> None:
    found = get(client, "/api/policies")
    assert (found["default"], found["may_add"]) == (LOOKER, True)
    assert found["policies"][0] == {
        "reference": LOOKER, "name": LOOKER, "kind": "local", "state": "idle", "words": "is opened when it is asked", "percent": None, "recorded": False, "may_remove": False,
        "shipped": False, "about": "", "unfit": None, "crop": None,
    }  # fmt: skip
    assert [line["recorded"] for line in found["policies"]] == [False, False, False, True]
    begun = post(client, "/api/policies/load", {"reference": SLOW_TO_LOAD})["policies"][2]
    assert begun["state"] == "loading"
    eventually(lambda: get(client, "/api/policies")["policies"][2]["percent"] == 50.0)
    post(client, "/api/policies/stop", {"reference": SLOW_TO_LOAD})
    eventually(lambda: get(client, "/api/policies")["policies"][2]["state"] == "idle")
    assert post(client, "/api/policies/load", {"reference": "test/unknown"}, 404)["error"].startswith("The policy 'test/unknown'")


def test_a_policy_is_added_for_good_and_no_key_is_kept(tmp_path: Path) -> None:
    with open_asking(tmp_path, named=()) as world:
        client = world.client()
        assert get(client, "/api/policies")["default"] == "replay"
        added = post(client, "/api/policies", {"reference": LOOKER})
        assert [line["reference"] for line in added["policies"]] == [LOOKER, "replay"] and added["default"] == LOOKER
        for reference in ("http://me:topsecret@host/v1", "http://host/v1?api_key=topsecret", "", "no policy"):
            assert post(client, "/api/policies", {"reference": reference}, 400)["error"]
    assert "topsecret" not in (tmp_path / "policies.json").read_text()
    with open_asking(tmp_path, named=()) as again:
        assert get(again.client(), "/api/policies")["default"] == LOOKER


def test_an_added_policy_is_removed_unless_a_run_wants_it(tmp_path: Path) -> None:
    with open_asking(tmp_path, named=(FAILER,)) as world:
        client = world.client()
        for reference in (LOOKER, SLOW_TO_LOAD):
            added = post(client, "/api/policies", {"reference": reference})
        assert [line["may_remove"] for line in added["policies"]] == [False, True, True, False]
        run = ask(client, world, policy=SLOW_TO_LOAD)
        refused = remove(client, SLOW_TO_LOAD, 400)["error"]
        assert "is in use by 1 run" in refused and refused.endswith(".")
        answered(client.delete(f"/api/runs/{run}"))
        done(client, run)
        assert [line["reference"] for line in remove(client, SLOW_TO_LOAD)["policies"]] == [FAILER, LOOKER, "replay"]
        done(client, ask(client, world, policy=LOOKER))
        remove(client, LOOKER)
        eventually(lambda: world.opening.closed == [LOOKER])
        assert "was named at the start" in remove(client, FAILER, 400)["error"]
        assert "is not on the list" in remove(client, LOOKER, 404)["error"]
        assert "is not on the list" in post(client, "/api/runs", world.body(), 404)["error"]
        answered(client.request("DELETE", "/api/policies", json={"policy": FAILER}), 400)
    assert json.loads((tmp_path / "policies.json").read_text()) == {"policies": []}


def test_a_policy_stays_while_a_run_waits_for_other_runs(tmp_path: Path) -> None:
    with open_asking(tmp_path, named=(LOOKER, SLOW_TO_LOAD)) as world:
        client = world.client()
        post(client, "/api/policies", {"reference": FAILER})
        ahead = [ask(client, world, policy=SLOW_TO_LOAD) for _ in range(AT_ONCE)]
        last = ask(client, world, policy=FAILER)
        assert get(client, f"/api/runs/{last}")["summary"]["state"] == "waiting"
        assert "is in use by 1 run" in remove(client, FAILER, 400)["error"]
        for run in (last, *ahead):
            answered(client.delete(f"/api/runs/{run}"))
        done(client, last)
        remove(client, FAILER)


def test_only_an_admin_adds_a_policy_once_there_are_accounts(tmp_path: Path) -> None:
    from dataclasses import replace

    from fastapi import FastAPI

    from app.server import add_routes

    with open_asking(tmp_path) as world:
        services = replace(world.services, raters=with_cheap_hashes(world.services).raters)
        app = FastAPI()
        add_routes(app, services)
        for role in (Role.ADMIN, Role.LEAD, Role.RATER):
            services.raters.add(role.value, role, PASSWORD)
        for role, may in ((Role.LEAD, False), (Role.ADMIN, True)):
            client = TestClient(app, base_url="http://127.0.0.1")
            client.post("/api/session", json={"name": role.value, "password": PASSWORD})
            assert get(client, "/api/policies")["may_add"] is may
            found = post(client, "/api/policies", {"reference": "test/another"}, 200 if may else 403)
            assert not may or found["policies"][-2]["may_remove"]
            remove(client, "test/another", 200 if may else 403)
            assert ask(client, world)
        client = TestClient(app, base_url="http://127.0.0.1")
        client.post("/api/session", json={"name": "rater", "password": PASSWORD})
        for path in ("/api/policies", "/api/ask", "/api/runs"):
            get(client, path, 403)


# -- pictures --


def test_a_picture_is_kept_under_its_hash_with_its_name(client: TestClient, world: AskingWorld) -> None:
    name = "Straße & Tür.png"
    answer = answered(client.post("/api/pictures", content=png("plum"), headers={"X-Name": quote(name)}))["picture"]
    assert (answer["width"], answer["height"], answer["name"]) == (*SIZE, name)
    assert client.get(answer["url"]).content == png("plum") and client.get(answer["thumbnail"]).status_code == 200
    run = done(client, ask(client, world, picture=answer["sha256"]))
    assert run["summary"]["picture"]["name"] == name
    trace = world.services.store.trace(run["summary"]["traces"][0]["id"]).trace
    assert trace.sample.pictures[0].name == name


@pytest.mark.parametrize(("header", "name"), [("a.png", "a.png"), ("..%2F..%2Fetc%2Fpasswd", "passwd"), ("C%3A%5Cx%5Cy.png", "y.png"), ("a%00b%0A%1B%5B2J.png", "ab[2J.png"), ("%FF", "�"), ("", ""), ("x" * 300, "x" * 200)])  # fmt: skip
def test_a_name_is_only_a_name(header: str, name: str) -> None:
    assert name_in(header) == name


def test_what_is_no_picture_or_too_large_a_one_is_refused(client: TestClient) -> None:
    assert "is not a picture" in answered(client.post("/api/pictures", content=b"<svg onload=alert(1)>"), 400)["error"]
    answered(client.post("/api/pictures", content=b""), 400)
    assert "damaged" in answered(client.post("/api/pictures", content=png(size=(300, 300))[:150]), 400)["error"]
    huge = BytesIO()
    Image.new("1", (9_000, 8_000)).save(huge, "PNG")
    assert "64 megapixels" in answered(client.post("/api/pictures", content=huge.getvalue()), 400)["error"]
    answered(client.post("/api/pictures", content=b"x", headers={"Content-Length": str(MAX_BYTES + 1)}), 413)


def test_with_read_only_pictures_and_policies_are_not_taken_and_asking_is(tmp_path: Path) -> None:
    with open_asking(tmp_path, demo=True):
        pass
    with open_asking(tmp_path, read_only=True, named=(LOOKER, "test/added")) as world:
        client = world.client()
        assert get(client, "/api/ask")["read_only"] is True
        assert get(client, "/api/policies")["may_add"] is False
        assert "--read-only" in answered(client.post("/api/pictures", content=png()), 403)["error"]
        assert "--read-only" in post(client, "/api/policies", {"reference": "test/another"}, 403)["error"]
        assert "--read-only" in remove(client, "test/added", 403)["error"]
        run = done(client, ask(client, world))
        assert "--read-only" in run["summary"]["not_stored"] and run["summary"]["traces"] == []
        view = run["draws"][0]["view"]
        assert client.get(view["steps"][0]["look"]["url"]).headers["content-type"] == "image/png"


# -- asking --


def test_what_the_page_offers(client: TestClient) -> None:
    offered = get(client, "/api/ask")
    assert {one["name"]: (one["multi"], one["answer_kind"]) for one in offered["domains"]} == {
        "spatial": (False, "text"),
        "visual_search": (True, "text"),
        "web_grounding": (True, "box"),
        "web_action": (False, "action"),
    }
    assert offered["domains"][1]["crop"] == {"offset": 182, "side": 672, "dot": False}
    assert offered["defaults"] == {
        "samples": 1, "temperature": 0.5, "top_p": 0.99, "top_k": 0, "seed": 0, "max_new_tokens": 1024, "max_turns": 5, "max_pictures": 5,
        "max_tokens": 4096, "turns": "auto", "dataset": "asked",
    }  # fmt: skip
    assert offered["datasets"] == ["demo"] and [study["name"] for study in offered["studies"]] == ["Demo"]
    assert offered["read_only"] is False


def test_every_example_is_played_back_by_the_default_of_a_machine_without_a_model(tmp_path: Path) -> None:
    with open_asking(tmp_path, named=(), demo=True) as world:
        client = world.client()
        assert get(client, "/api/policies")["default"] == "replay"
        examples = get(client, "/api/ask")["examples"]
        assert len(examples) > 1 and examples[0]["samples"] > 1
        asked = {"policy": "replay", "picture": examples[0]["picture"]["sha256"], "question": examples[0]["question"]}
        asked |= {"domain": examples[0]["domain"], "truth": examples[0]["truth"], "samples": examples[0]["samples"]}
        run = post(client, "/api/runs", asked)["run"]
        eventually(lambda: get(client, f"/api/runs/{run}")["draws"][0]["view"] is not None)
        found = get(client, f"/api/runs/{run}")
        assert found["summary"]["recorded"] is True and found["summary"]["state"] == "running"
        assert "no model" in found["draws"][0]["view"]["policy"]
        assert client.delete(f"/api/runs/{run}").json()["summary"]["run"] == run
        assert done(client, run)["summary"]["state"] == "stopped"


def test_a_question_is_asked_several_times(client: TestClient, world: AskingWorld) -> None:
    settings = {"temperature": 0.0, "seed": 7, "max_turns": 4, "turns": "multi"}
    body = {"samples": 3, "truth": {"kind": "text", "text": "a red cup"}, "settings": settings, "dataset": "cups"}
    run = ask(client, world, **body)
    found = done(client, run)
    summary = found["summary"]
    assert {name: summary[name] for name in ("run", "state", "question", "policy", "policy_name", "domain", "samples", "ended", "error", "not_stored", "recorded")} == {
        "run": run, "state": "done", "question": QUESTION, "policy": LOOKER, "policy_name": LOOKER, "domain": "visual_search", "samples": 3, "ended": 3,
        "error": None, "not_stored": None, "recorded": False,
    }  # fmt: skip
    assert summary["words"] == "Ended; 3 traces are in the data set cups."
    assert (summary["agreement"]["answer"], summary["agreement"]["count"], summary["agreement"]["n"]) == ("a red cup", 2, 3)
    assert [(one["k"], one["n"]) for one in summary["pass_at_k"]] == [(1, 3), (2, 3), (3, 3)]
    assert summary["pass_at_k"][0]["value"] == pytest.approx(2 / 3) and summary["tokens"] > 0 and summary["tokens_per_second"] > 0
    assert [draw["correct"] for draw in found["draws"]] == [True, True, False]
    for at, draw in zip(summary["traces"], found["draws"], strict=True):
        assert (at["draw"], at["dataset"]) == (draw["draw"], "cups")
        shown = get(client, f"/api/traces/{at['id']}")
        shown.pop("same_picture")
        assert shown == draw["view"], "the view of a trace that is stored is the store's"
        assert client.get(draw["view"]["steps"][0]["look"]["url"]).status_code == 200
    settings_kept = world.services.store.trace(summary["traces"][0]["id"]).trace.settings
    assert (settings_kept["temperature"], settings_kept["max_turns"]) == (0.0, 4)
    assert [one["run"] for one in get(client, "/api/runs")["runs"]] == [run]


@pytest.mark.parametrize(
    ("kind", "text", "status"),
    [("box", "(10, 20, 300, 200)", 200), ("box", "here", 400), ("box", "(300, 200, 10, 20)", 200), ("point", "(10, 20)", 200), ("point", "10", 400),
     ("none", "", 200), ("text", "x" * 2_001, 400), ("colour", "red", 400)],
)  # fmt: skip
def test_a_truth_is_read_or_refused(client: TestClient, world: AskingWorld, kind: str, text: str, status: int) -> None:
    body = world.body(domain="web_grounding", truth={"kind": kind, "text": text})
    answer = post(client, "/api/runs", body, status)
    if status == 200:
        done(client, answer["run"])


@pytest.mark.parametrize(
    "changes",
    [{"samples": 0}, {"samples": 65}, {"samples": True}, {"question": ""}, {"question": " \n"}, {"question": "x" * 8_001}, {"picture": "../../etc/passwd"},
     {"picture": "0" * 64}, {"domain": "cooking"}, {"policy": "test/unknown"}, {"policy": "/etc"}, {"settings": {"temperature": -1}},
     {"settings": {"temperature": 1e300}}, {"settings": {"top_p": 0}}, {"settings": {"seed": -1}}, {"settings": {"max_turns": 0}},
     {"settings": {"max_turns": 65}}, {"settings": {"max_new_tokens": 10**9}}, {"settings": {"warmth": 1}}, {"settings": {"turns": "many"}},
     {"domain": "spatial", "settings": {"turns": "multi"}}, {"dataset": "x" * 600}, {"surprise": 1}],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused_with_a_sentence(client: TestClient, world: AskingWorld, changes: Json) -> None:
    answer = client.post("/api/runs", json=world.body(**changes))
    assert answer.status_code in (400, 404) and answer.json()["error"].endswith(".")
    assert get(client, "/api/runs")["runs"] == []


def test_bodies_are_bounded(client: TestClient, world: AskingWorld) -> None:
    post(client, "/api/runs", world.body(question="x" * 300_000), 413)
    post(client, "/api/policies/load", {"reference": "x" * 10_000}, 413)


def test_broken_conversations_are_told_beside_whole_ones(client: TestClient, world: AskingWorld) -> None:
    found = done(client, ask(client, world, policy=FAILER, samples=4))
    assert found["summary"]["state"] == "done"
    assert found["summary"]["error"] == "2 of 4 conversations broke off: The script has no words for this conversation."
    assert [draw["state"] for draw in found["draws"]] == ["done", "failed", "done", "failed"]
    assert found["draws"][1]["error"] == "The script has no words for this conversation."
    world.opening.broken[LOOKER] = "Too little memory: take a smaller one."
    failed = done(client, ask(client, world))
    assert (failed["summary"]["state"], failed["summary"]["error"]) == ("failed", "Too little memory: take a smaller one.")


def test_nothing_is_found_where_there_is_nothing(client: TestClient, world: AskingWorld) -> None:
    for path in ("/api/runs/none", "/api/runs/none/events", "/api/runs/none/draws/0/looks/0.png"):
        get(client, path, 404)
    answered(client.delete("/api/runs/none"), 404)
    run = ask(client, world)
    done(client, run)
    for draw, look in (("1", "0"), ("0", "2"), ("x", "0"), ("0", "-1"), ("9" * 30, "0")):
        get(client, f"/api/runs/{run}/draws/{draw}/looks/{look}.png", 404)
    post(client, f"/api/runs/{run}/study", {"study": 999}, 404)


# -- watching --


def test_the_events_of_a_run_that_has_ended_are_its_last_states(client: TestClient, world: AskingWorld) -> None:
    run = ask(client, world, samples=12)
    found = done(client, run)
    stream = client.get(f"/api/runs/{run}/events")
    assert stream.headers["content-type"].startswith("text/event-stream") and stream.headers["cache-control"] == "no-store"
    told = events(stream.text)
    assert {name for _, name, _ in told} == {"draw", "summary", "end"} and told[-1][1] == "end"
    last = {data["draw"]: data for _, name, data in told if name == "draw"}
    assert [last[number] for number in range(12)] == found["draws"]
    assert told[-1][2] == found["summary"]
    for after in (told[-1][0], found["after"]):
        assert client.get(f"/api/runs/{run}/events?after={after}").status_code == 204
    assert client.get(f"/api/runs/{run}/events", headers={"Last-Event-ID": str(told[-1][0])}).status_code == 204
    assert client.get(f"/api/runs/{run}/events?after=nonsense").status_code == 200


def test_a_watcher_who_goes_on_after_any_event_misses_nothing(tmp_path: Path) -> None:
    """Whatever event was the last that came through, what comes behind its id is every state that had not."""
    with open_asking(tmp_path, pace=0.002) as world:
        client = world.client()
        run = world.services.runs.run(ask(client, world, samples=20))
        documents, watch, reached = Documents(), Watch(run, Documents()), list[tuple[int, dict[int, int]]]()
        sent: dict[int, int] = {}
        ended = False
        while not ended:
            pieces, ended = watch.round()
            for number, name, data in events("".join(pieces), reached[-1][0] if reached else 0):
                if name == "draw":
                    sent[data["draw"]] = number
                reached.append((number, dict(sent)))
        final = {number: run.draw(number).seq for number in range(20)}
        for after, had in reached[:: max(1, len(reached) // 40)]:
            again = Watch(run, documents, after)
            got: set[int] = set()
            over = False
            while not over:
                pieces, over = again.round()
                got |= {data["draw"] for _, name, data in events("".join(pieces)) if name == "draw"}
            assert {draw for draw, seq in final.items() if seq > after} <= got
            assert set(range(20)) - got <= set(had), "what does not come again had come"


class Stream:
    """A real connection to a run's events, read as they come."""

    def __init__(self, address: str, path: str) -> None:
        self.connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=30)
        self.connection.request("GET", path)
        self.answer = self.connection.getresponse()
        self.last = 0
        assert self.answer.status == 200

    def next(self) -> tuple[int, str, Any]:
        block = ""
        while "data:" not in block or not block.endswith("\n\n"):
            block += self.answer.readline().decode()
        (event,) = events(block, self.last)
        self.last = event[0]
        return event

    def close(self) -> None:
        self.answer.close()
        self.connection.close()


def test_steps_and_zooms_come_one_by_one_to_everybody_who_watches(tmp_path: Path) -> None:
    with open_asking(tmp_path, pace=0.02) as world, serving_asks(world) as address:
        client = world.client()
        run = ask(client, world, samples=2, truth={"kind": "text", "text": "a red cup"})
        one, other = (Stream(address, f"/api/runs/{run}/events") for _ in range(2))
        steps: list[int] = []
        number = 0
        while True:
            number, name, data = one.next()
            if name == "draw" and data["draw"] == 0 and data["view"] and data["state"] == "running":
                view = data["view"]
                steps.append(len(view["steps"]))
                assert view["running"] is True and view["rewards"] == [] and view["answer"]["verdict"] is None
                looks = [step["look"]["url"] for step in view["steps"] if step["look"]]
                if looks:
                    break
        assert looks[0] == f"/api/runs/{run}/draws/0/looks/0.png"
        live = client.get(looks[0])
        assert live.status_code == 200 and Image.open(BytesIO(live.content)).size == (672, 672)
        one.close()
        again = Stream(address, f"/api/runs/{run}/events?after={number}")
        for stream in (again, other):
            while True:
                _, name, data = stream.next()
                if name == "end":
                    break
            assert data["state"] == "done" and data["ended"] == 2
            stream.close()
        assert steps == sorted(steps)
        stored = get(client, f"/api/runs/{run}")["draws"][0]["view"]["steps"][0]["look"]["url"]
        assert client.get(stored).content == live.content, "the look is the same before and after it is stored"


def test_other_pages_answer_while_a_policy_loads_and_runs_go_on(tmp_path: Path) -> None:
    with open_asking(tmp_path, pace=0.01, demo=True) as world, serving_asks(world) as address:
        client = world.client()
        runs = [ask(client, world, samples=16) for _ in range(2)]
        loading = ask(client, world, policy=SLOW_TO_LOAD)
        stream = Stream(address, f"/api/runs/{runs[0]}/events")
        eventually(lambda: get(client, f"/api/runs/{runs[1]}")["summary"]["state"] == "running")
        for path in ("/api/traces", "/api/policies", "/api/ask", "/api/studies", f"/api/runs/{loading}"):
            assert client.get(path).status_code == 200
        client.post("/api/session", json={"name": "Ada"})
        assert post(client, "/api/rating/studies/1/next", {"count": 2})["items"]
        for run in (*runs, loading):
            client.delete(f"/api/runs/{run}")
        for run in (*runs, loading):
            assert done(client, run)["summary"]["state"] == "stopped"
        stream.close()


def test_a_watcher_who_goes_away_leaves_nothing_behind(tmp_path: Path) -> None:
    with open_asking(tmp_path, pace=0.05) as world, serving_asks(world) as address:
        run = ask(world.client(), world)
        before = threading.active_count()
        for _ in range(20):
            stream = Stream(address, f"/api/runs/{run}/events")
            stream.next()
            stream.close()
        eventually(lambda: threading.active_count() <= before + 4)
        world.client().delete(f"/api/runs/{run}")


# -- into a study --


def test_a_runs_traces_go_into_a_study(client: TestClient, world: AskingWorld) -> None:
    studies = world.services.studies
    run = ask(client, world, samples=2)
    done(client, run)
    everything = studies.create("All", StudySettings())
    demo = studies.by_name("Demo")
    saved = post(client, f"/api/runs/{run}/study", {"study": demo.id})
    assert saved["dataset"] == "demo" and saved["added"] > 0 and saved["asked"] == demo.items + saved["added"]
    assert saved["words"] == f"{saved['added']} steps of this run are asked now; “Demo” asks {saved['asked']} in all."
    again = post(client, f"/api/runs/{run}/study", {"study": demo.id})
    assert again["added"] == 0 and again["words"].startswith("The steps of this run were asked already")
    whole = post(client, f"/api/runs/{run}/study", {"study": everything.id})
    assert (whole["added"], whole["dataset"]) == (0, "asked"), "it was made when they were there"


def test_a_study_whose_rule_cannot_take_them_says_so(client: TestClient, world: AskingWorld) -> None:
    studies = world.services.studies
    spatial = studies.create("Spatial", StudySettings(selection=Selection(domains=("spatial",))))
    demo = Selection(datasets=("demo",))
    policy = studies.preview(StudySettings(selection=demo)).by_policy[0].value
    others = studies.create("Others", StudySettings(selection=Selection(datasets=("demo",), policies=(policy,))))
    wordy = studies.create("Wordy", StudySettings(selection=Selection(datasets=("demo",), min_words=15)))
    closed = studies.create("Closed", StudySettings())
    studies.close(closed.id)
    run = ask(client, world)
    done(client, run)
    refused = {
        spatial: "asks about Spatial only, and this run is Visual search",
        closed: "is closed and asks nobody",
        others: f"does not ask about the policy {LOOKER}",
        wordy: "asks no step of this run: none is as its settings want them",
    }
    for study, words in refused.items():
        assert words in post(client, f"/api/runs/{run}/study", {"study": study.id}, 400)["error"]
    world.opening.hold.clear()
    waiting = ask(client, world, policy=SLOW_TO_LOAD)
    assert "Nothing of this run is in the store yet" in post(client, f"/api/runs/{waiting}/study", {"study": spatial.id}, 400)["error"]
    client.delete(f"/api/runs/{waiting}")
