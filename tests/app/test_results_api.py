"""Results over HTTP: made when they may have changed and not before, and every table as a file."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from annotations.studies.values import Study
from app.results_api import plotly_address
from tests.app.rating_world import Person, World, answered, judgement, make_trace, open_world

Json = dict[str, Any]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path / "data") as opened:
        opened.add(*(make_trace(opened.services.pictures, number) for number in range(4)))
        yield opened


@pytest.fixture
def study(world: World) -> Study:
    return world.study("Cups & saucers – “März”")


@pytest.fixture
def ada(world: World) -> Person:
    return world.person("Ada")


def asked(person: Person, study: Study, query: str = "", **headers: str) -> Any:
    return person.client.get(f"/api/results/{study.id}{query}", headers=headers)


def test_a_study_that_nobody_rated_says_so(ada: Person, study: Study) -> None:
    found = answered(asked(ada, study))
    assert found["counts"]["ratings"] == 0 and found["study"]["name"] == study.name
    assert found["headlines"][0]["value"] is None and found["headlines"][0]["words"]
    assert all(figure["plotly"] is None and figure["words"] for figure in found["figures"])


def test_results_have_figures_charts_and_the_address_of_their_library(ada: Person, study: Study) -> None:
    for item in ada.next(study, 4):
        ada.rate(item)
    found = answered(asked(ada, study))
    assert found["headlines"][0]["value"] == 1.0 and found["headlines"][0]["n"]["ratings"] == 4
    assert next(one for one in found["figures"] if one["id"] == "accuracy")["plotly"]["data"]
    assert found["plotly"] == plotly_address()
    answer = ada.client.get(found["plotly"])
    assert answer.headers["content-type"].startswith("text/javascript") and "immutable" in answer.headers["cache-control"]
    assert b"plotly.js v" in answer.content[:200]


def test_nothing_comes_twice_where_nothing_changed(ada: Person, study: Study) -> None:
    first = asked(ada, study)
    again = asked(ada, study, **{"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    ada.rate(ada.next(study)[0])
    after = asked(ada, study, **{"if-none-match": first.headers["etag"]})
    assert after.status_code == 200 and after.headers["etag"] != first.headers["etag"]
    assert after.json()["counts"]["counting"] == 1


def test_a_second_look_is_at_what_was_made(world: World, ada: Person, study: Study) -> None:
    assert asked(ada, study).content == asked(ada, study).content
    desk = world.app.state.results_desk
    (made,) = desk._made.values()
    asked(ada, study)
    assert next(iter(desk._made.values())) is made
    for seed in range(8):
        asked(ada, study, f"?seed={seed}")
    assert len(desk._made) == 6


@pytest.mark.parametrize("change", ["a step left out", "traces removed", "a new version", "closed", "undone"])
def test_whatever_may_change_results_makes_them_anew(world: World, ada: Person, study: Study, change: str) -> None:
    ada.rate(ada.next(study)[0])
    before = asked(ada, study)
    studies = world.services.studies
    if change == "a step left out":
        studies.leave_out(study.id, [studies.items(study.id).items[0].id], "Ada")
    elif change == "traces removed":
        world.services.store.remove_dataset("cups")
    elif change == "a new version":
        studies.revise(study.id, type(study.settings).from_json(study.settings.to_json() | {"ratings_per_item": 5}))
    elif change == "closed":
        studies.close(study.id, "Ada")
    else:
        ada.send(f"/api/rating/studies/{study.id}/undo", {"token": "undo-token-1"})
    after = asked(ada, study, **{"if-none-match": before.headers["etag"]})
    assert after.status_code == 200
    counts = after.json()["counts"]
    assert counts["counting"] == (0 if change in ("traces removed", "undone") else 1)
    assert counts["set_apart"] == (change == "traces removed")


def test_one_version_alone(world: World, ada: Person, study: Study) -> None:
    items = ada.next(study)
    ada.rate(items[0])
    world.services.studies.revise(study.id, type(study.settings).from_json(study.settings.to_json() | {"replacement": "[here]"}))
    ada.rate(items[1] | {"version_id": world.services.studies.study(study.id).version_id})
    assert answered(asked(ada, study))["counts"]["counting"] == 2
    assert answered(asked(ada, study, "?version=1"))["counts"]["ratings"] == 1
    assert answered(asked(ada, study, "?version=9"), 404)["error"].endswith("1, 2.")


def test_tables_are_files(ada: Person, study: Study) -> None:
    said = judgement(comment="=1+1", answers={"accurate": "no", "helpful": "2"})
    ada.rate(ada.next(study)[0], judgement=said)
    found = answered(asked(ada, study))
    for table in found["tables"]:
        rows = ada.client.get(f"/api/results/{study.id}/tables/{table['name']}.csv")
        assert rows.headers["content-type"] == "text/csv; charset=utf-8" and rows.content.startswith(b"\xef\xbb\xbf")
        assert len(list(csv.reader(io.StringIO(rows.text)))) == table["rows"] + 1
        lines = ada.client.get(f"/api/results/{study.id}/tables/{table['name']}.jsonl").text.splitlines()
        assert len([json.loads(line) for line in lines]) == table["rows"]
    named = ada.client.get(f"/api/results/{study.id}/tables/ratings.csv")
    assert named.headers["content-disposition"] == (
        "attachment; filename=\"Cups-saucers-M-rz-ratings.csv\"; filename*=UTF-8''Cups-saucers-M%C3%A4rz-ratings.csv"
    )
    assert "'=1+1" in named.text
    whole = json.loads(ada.client.get(f"/api/results/{study.id}/tables/ratings.jsonl").text)
    assert whole["comment"] == "=1+1" and whole["seed"] == 0


@pytest.mark.parametrize(
    ("path", "status"),
    [("/99", 404), ("/0", 422), ("/x", 422), ("/1?version=0", 422), ("/1?seed=-1", 422), ("/1/tables/ratings.xlsx", 404), ("/1/tables/raters", 404), ("/1/tables/nothing.csv", 404)],
)  # fmt: skip
def test_what_is_not_there_is_refused(ada: Person, study: Study, path: str, status: int) -> None:
    assert ada.client.get(f"/api/results{path}").status_code == status


def test_two_who_ask_at_once_wait_for_one(world: World, ada: Person, study: Study) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with TestClient(world.app, base_url="http://127.0.0.1") as client, ThreadPoolExecutor(4) as people:
        answers = list(people.map(lambda _: client.get(f"/api/results/{study.id}"), range(4)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1


def test_the_start_loads_neither_charts_nor_statistics() -> None:
    code = "import sys, app.results_api; print([name for name in ('plotly', 'scipy', 'krippendorff') if name in sys.modules])"
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).resolve().parents[2], capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "[]"
