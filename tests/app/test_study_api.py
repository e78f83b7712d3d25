"""The routes of studies, over a real database file: what a lead makes, changes and sees, and what nobody else may."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from annotations.raters.values import Role
from annotations.studies.settings import StudySettings
from app.study_api import MAX_SETTINGS
from tests.app.rating_world import Json, Person, Words, World, make_trace, open_world

PAPER = StudySettings().to_json()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two traces, each with two steps that can be asked about."""
    with open_world(tmp_path) as world:
        pictures = world.services.pictures
        world.add(make_trace(pictures, 1), make_trace(pictures, 2, Words(policy="other-policy")))
        yield world


@pytest.fixture
def lead(world: World) -> Person:
    return world.person("Ada")


def make(lead: Person, name: str = "Cups", **settings: Any) -> Json:
    return lead.send("/api/studies", {"name": name, "settings": settings})


def events(world: World, kind: str) -> list[Json]:
    return list(world.services.store.events(kind))


def test_the_defaults_are_the_papers_with_what_there_is_to_choose_from(lead: Person) -> None:
    found = lead.get("/api/studies/defaults")
    assert found["settings"] == PAPER
    assert found["datasets"] == [{"value": "cups", "title": "cups", "count": 2}]
    assert found["domains"] == [{"value": "visual_search", "title": "Visual search", "count": 2}]
    assert {one["value"]: one["count"] for one in found["policies"]} == {"some-policy": 1, "other-policy": 1}


def test_a_study_is_made_and_told(world: World, lead: Person) -> None:
    made = make(lead, "  Cups ", ratings_per_item=2)
    assert lead.get(f"/api/studies/{made['id']}") == made
    (version,) = made["versions"]
    assert version["settings"] == made["settings"] == {**PAPER, "ratings_per_item": 2}
    assert {name: made[name] for name in ("name", "version", "closed", "items", "left_out", "wanted", "ratings", "complete", "skipped", "raters")} == {
        "name": "Cups", "version": 1, "closed": False, "items": 4, "left_out": 0, "wanted": 8, "ratings": 0, "complete": 0, "skipped": 0, "raters": [],
    }  # fmt: skip
    assert made["by_ratings"] == [4, 0, 0]
    assert (version["version"], version["version_id"], version["actor"], version["ratings"]) == (1, made["version_id"], "Ada", 0)
    (line,) = lead.get("/api/studies")["studies"]
    assert line == {name: made[name] for name in ("id", "name", "version", "closed", "added", "items", "left_out", "wanted", "ratings")} | {
        "raters": 0
    }


def test_a_study_tells_how_far_it_is(world: World, lead: Person) -> None:
    made = make(lead, ratings_per_item=2)
    study = world.services.studies.study(made["id"])
    ada, bob = lead, world.person("Bob")
    for item in ada.next(study, 4)[:3]:
        ada.rate(item)
    skipped, rated = bob.next(study, 2)
    bob.rate(skipped, judgement={"kind": "skipped", "reason": "unclear", "seconds": 2})
    bob.rate(rated)
    now = lead.get(f"/api/studies/{study.id}")
    assert (now["ratings"], now["skipped"], now["wanted"], now["versions"][0]["ratings"]) == (4, 1, 8, 4)
    assert sum(now["by_ratings"]) == 4 and sum(count * number for number, count in enumerate(now["by_ratings"])) == 4
    assert now["complete"] == now["by_ratings"][2]
    people = {one["name"]: (one["done"], one["skipped"], one["open"], one["seconds"]) for one in now["raters"]}
    assert people == {"Ada": (3, 0, 1, 3.5), "Bob": (2, 1, 2, 2.75)}
    items = {one["id"]: one["ratings"] for one in lead.get(f"/api/studies/{study.id}/items")["items"]}
    assert sum(items.values()) == 4 and items[rated["item"]] >= 1
    (line,) = lead.get("/api/studies")["studies"]
    assert (line["ratings"], line["raters"]) == (4, 2)


def test_a_revision_with_other_questions_sets_the_ratings_apart(world: World, lead: Person) -> None:
    made = make(lead)
    lead.rate(lead.next(world.services.studies.study(made["id"]), 1)[0])
    only_accurate = [question | {"text": "There?"} for question in PAPER["questions"][:1]]
    changed = lead.send(f"/api/studies/{made['id']}", {"settings": {"questions": only_accurate}}, method="PUT")
    assert (changed["version"], changed["ratings"]) == (2, 0)
    assert [one["ratings"] for one in changed["versions"]] == [1, 0]
    again = lead.send(f"/api/studies/{made['id']}", {"settings": {"questions": only_accurate}}, method="PUT")
    assert (again["version"], len(again["versions"])) == (2, 2)
    back = lead.send(f"/api/studies/{made['id']}", {"settings": {}}, method="PUT")
    assert (back["version"], back["ratings"]) == (3, 1)


def test_names_are_taken_once(lead: Person) -> None:
    make(lead)
    assert "There is a study “Cups” already" in lead.send("/api/studies", {"name": "Cups", "settings": {}}, 409)["error"]


def test_hostile_names_come_back_as_they_were(lead: Person) -> None:
    name = "<img src=x onerror=alert(1)> \"'; DROP TABLE studies; --"
    assert lead.get(f"/api/studies/{make(lead, name)['id']}")["name"] == name


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"name": "", "settings": {}}, "needs a name"),
        ({"name": "a" * 501, "settings": {}}, "at most 500"),
        ({"name": "Cups"}, "settings"),
        ({"settings": {}}, "name"),
        ({"name": "Cups", "settings": []}, "settings"),
        ({"name": 7, "settings": {}}, "name"),
        ({"name": "Cups", "settings": {}, "sort": 1}, "sort"),
        ({"name": "Cups", "settings": {"ratings_per_item": 0}}, "1 to 100 people"),
        ({"name": "Cups", "settings": {"seeds": 1}}, "seeds"),
        ({"name": "Cups", "settings": {"selection": {"datasets": ["none"]}}}, "No step is selected"),
        ([], "JSON object"),
    ],
)
def test_what_is_no_study_is_refused_with_a_sentence(lead: Person, body: Any, said: str) -> None:
    assert said in lead.send("/api/studies", body, 400)["error"]
    assert lead.get("/api/studies") == {"studies": []}


def test_a_body_that_is_too_large_is_refused(lead: Person) -> None:
    body = {"name": "Cups", "settings": {"instructions": "a" * MAX_SETTINGS}}
    lead.send("/api/studies", body, 413)
    lead.send("/api/studies/preview", {"settings": body["settings"]}, 413)


def test_the_preview_counts_and_makes_nothing(lead: Person) -> None:
    found = lead.send("/api/studies/preview", {"settings": {}})
    assert found["by_domain"] == [{"value": "visual_search", "title": "Visual search", "traces": 2, "steps": 4}]
    assert {one["value"]: (one["traces"], one["steps"]) for one in found["by_policy"]} == {"some-policy": (1, 2), "other-policy": (1, 2)}
    assert (found["traces"], found["steps"], found["pictures"]) == (2, 4, 2)
    assert lead.send("/api/studies/preview", {"settings": {"selection": {"min_words": 999}}})["steps"] == 0
    assert lead.get("/api/studies") == {"studies": []}


def test_a_study_looks_at_the_traces_again(world: World, lead: Person) -> None:
    made = make(lead)
    world.add(make_trace(world.services.pictures, 3))
    assert lead.get(f"/api/studies/{made['id']}")["items"] == 4
    assert lead.send(f"/api/studies/{made['id']}/refresh", {})["items"] == 6
    world.services.store.remove_dataset("cups")
    gone = lead.send(f"/api/studies/{made['id']}/refresh", {})
    assert (gone["items"], gone["left_out"], gone["left_out_by"]) == (0, 6, {"trace_gone": 6})


def test_a_closed_study_asks_nobody(world: World, lead: Person) -> None:
    made = make(lead)
    study = world.services.studies.study(made["id"])
    assert lead.send(f"/api/studies/{made['id']}/close", {})["closed"] is True
    assert lead.next(study) == []
    assert lead.send(f"/api/studies/{made['id']}/reopen", {})["closed"] is False
    assert len(lead.next(study)) == 3


def test_items_are_left_out_and_taken_back(world: World, lead: Person) -> None:
    made = make(lead)
    path = f"/api/studies/{made['id']}/items"
    page = lead.get(f"{path}?page=1&page_size=3")
    assert (page["total"], page["page"], page["pages"], len(page["items"])) == (4, 1, 2, 3)
    item = page["items"][0]
    assert (item["left_out"], item["ratings"], item["wanted"]) == ("", 0, 3)
    assert [part["text"] for part in item["sentence"] if part["circle"]] == ["[shown with blue circle]"]
    out = lead.send(path, {"leave_out": [item["id"]]})
    assert (out["items"], out["left_out"]) == (3, 1)
    assert lead.get(path)["items"][0]["left_out"] == "by_hand"
    assert lead.send(path, {"leave_out": [], "take_back": [item["id"]]})["items"] == 4
    assert [one["new"] for one in events(world, "study_items_left_out")[0]["items"]] == ["by_hand"]
    lead.send(path, {"leave_out": [item["id"], 999]}, 404)
    for body in (
        {"leave_out": [0]},
        {"leave_out": ["1"]},
        {"leave_out": [True]},
        {"leave_out": [10**12]},
        {"leave_out": list(range(1, 10_002))},
    ):
        lead.send(path, body, 400)
    assert lead.get(path)["items"][0]["left_out"] == ""


@pytest.mark.parametrize("number", ["0", "99", "9999999999", "99999999999", "-1", "one", "1.0", "%20", "١"])
def test_what_is_not_there_is_not_found(lead: Person, number: str) -> None:
    lead.get(f"/api/studies/{number}", 404)
    lead.get(f"/api/studies/{number}/items", 404)
    lead.send(f"/api/studies/{number}", {"settings": {}}, 404, "PUT")
    for action in ("refresh", "close", "reopen"):
        lead.send(f"/api/studies/{number}/{action}", {}, 404)
    lead.send(f"/api/studies/{number}/items", {}, 404)


@pytest.mark.parametrize("query", ["page=x", "page=-1", "page_size=1e3", "page=99999999999"])
def test_pages_that_are_no_numbers_are_not_found(lead: Person, query: str) -> None:
    lead.get(f"/api/studies/{make(lead)['id']}/items?{query}", 404)


def test_a_page_behind_the_last_is_empty(lead: Person) -> None:
    number = make(lead)["id"]
    assert lead.get(f"/api/studies/{number}/items?page=9999999999&page_size=9999999999")["items"] == []


def test_every_change_is_recorded_with_who_made_it(world: World, lead: Person) -> None:
    made = make(lead)
    path = f"/api/studies/{made['id']}"
    lead.send(path, {"settings": {"seed": 1}}, method="PUT")
    for action in ("refresh", "close", "reopen"):
        lead.send(f"{path}/{action}", {})
    kinds = ("study_created", "study_revised", "study_refreshed", "study_closed", "study_reopened")
    assert [len(events(world, kind)) for kind in kinds] == [1] * 5
    (revised,) = events(world, "study_revised")
    assert (revised["old"]["seed"], revised["new"]["seed"], revised["version"]) == (0, 1, 2)
    assert [one["actor"] for one in lead.get(path)["versions"]] == ["Ada", "Ada"]


def test_only_a_lead_gets_here(world: World) -> None:
    """Once somebody has a password; the whole of the table is tested in tests/app/test_access.py."""
    world.services.raters.add("Root", Role.ADMIN, "a password of some length")
    rater, lead = world.member("Rita"), world.member("Lea", Role.LEAD)
    made = make(lead)
    for path in ("/api/studies", "/api/studies/defaults", f"/api/studies/{made['id']}", f"/api/studies/{made['id']}/items"):
        rater.get(path, 403)
    rater.send("/api/studies", {"name": "Mine", "settings": {}}, 403)
    rater.send(f"/api/studies/{made['id']}", {"settings": {"seed": 9}}, 403, "PUT")
    rater.send(f"/api/studies/{made['id']}/close", {}, 403)
    assert lead.get(f"/api/studies/{made['id']}") == made
    assert len(lead.get("/api/studies")["studies"]) == 1


def test_a_workbench_for_reading_shows_studies_and_changes_none(tmp_path: Path) -> None:
    with open_world(tmp_path) as world:
        world.add(make_trace(world.services.pictures, 1))
        made = make(world.person("Ada"))
    with open_world(tmp_path, read_only=True) as world:
        client = TestClient(world.app, base_url="http://127.0.0.1", raise_server_exceptions=False)
        assert client.get(f"/api/studies/{made['id']}").json() == made
        answer = client.post(f"/api/studies/{made['id']}/close", json={})
        assert answer.status_code == 403 and "reading only" in answer.json()["error"]
