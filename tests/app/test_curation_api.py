"""The routes of preferred traces: what a lead is shown, and the files that are downloaded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from annotations.raters.values import Role
from annotations.studies.values import Study
from core.manifest import manifest_path, read_manifest
from core.records import read_records
from tests.app.rating_world import Json, Person, World, answered, judgement, make_trace, open_world

RULE = "accurate>=0.8, raters>=2"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def study(world: World) -> Study:
    """Three traces of two steps: two people found the first right throughout, the second not, and one person the third."""
    traces = [make_trace(world.services.pictures, number) for number in range(3)]
    world.add(*traces)
    study = world.study()
    items = {(item.trace, item.step): item.id for item in world.services.studies.items(study.id).items}
    for name in ("Ada", "Ben"):
        person = world.person(name)
        for number, trace in enumerate(traces[: 3 if name == "Ada" else 2]):
            for step in (0, 1):
                answers = {"accurate": "no" if number == 1 else "yes", "helpful": "4"}
                correction = {"point": {"x": 10, "y": 20}, "box": None} if number == 1 and step == 0 else None
                item = {"item": items[trace.content_hash, step], "version_id": study.version_id, "trace": trace.content_hash}
                person.rate(item, judgement=judgement(answers=answers, correction=correction))
    return study


@pytest.fixture
def lead(world: World, study: Study) -> Person:
    return world.person("Lea", Role.LEAD)


def preview(lead: Person, study: Study, rule: str = RULE, status: int = 200, **given: object) -> Json:
    return lead.send(f"/api/curation/{study.id}/preview", {"rule": rule, **given}, status)


def test_the_studies_with_ratings_are_listed_with_a_rule_to_begin_with(world: World, lead: Person, study: Study) -> None:
    world.study("Nobody rated this")
    (line,) = lead.get("/api/curation")["studies"]
    assert (line["id"], line["name"], line["ratings"]) == (study.id, "Cups", 10)
    assert line["rule"] == "accurate>=0.8, helpful>=3.5, right, raters>=2, faults<=0"


def test_a_preview_tells_what_the_rule_takes(lead: Person, study: Study) -> None:
    found = preview(lead, study, "raters>=2 ,accurate>=0.8")
    assert found["canonical"] == RULE
    assert found["conditions"] == {"accurate": 0.8, "raters": 2}
    assert found["counts"] == {"rated": 3, "passed": 1, "records": 1, "corrected_traces": 0, "corrected_points": 0, "raters": 2}
    assert [(line["condition"], line["n"], line["left"]) for line in found["failed"]] == [("accurate>=0.8", 1, 2), ("raters>=2", 1, 1)]
    assert sum(line["records"] for line in found["splits"]) == 1 and [line["split"] for line in found["splits"]] == [
        "train",
        "validation",
        "test",
    ]
    (example,) = found["examples"]
    assert (example["accurate"], example["helpful"], example["raters"], example["ratings"]) == (1.0, 4.0, 2, 4)
    assert (example["rated_steps"], example["asked_steps"]) == (2, 2)
    assert example["link"] == f"/?trace={example['id']}"
    lead.client.get(example["thumbnail"]).raise_for_status()
    assert found["command"].startswith(
        "python3 launch.py export --preferred 'accurate>=0.8, raters>=2' --study Cups --out records.jsonl --data-dir "
    )
    assert found["ranges"] == {"accurate": [0, 1], "agreement": [0, 1], "helpful": [1, 5]}
    assert found["choices"]["policy"] == [{"value": "some-policy", "title": "some-policy", "count": 3}]
    assert found["choices"]["domain"][0]["title"] == "Visual search"


def test_corrections_and_the_split_are_asked_for(lead: Person, study: Study) -> None:
    (reason,) = preview(lead, study, "any")["left_out"]
    assert reason["n"] == 1 and "zoomed in on" in reason["reason"]
    assert preview(lead, study, "any", corrections="leave")["left_out"] == []
    found = preview(lead, study, "any", corrections="leave", split="0,0,1", seed=3)
    assert [line["records"] for line in found["splits"]] == [0, 0, 3]
    assert "--corrections leave --split 0,0,1 --seed 3" in found["command"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"rule": "acurate>=1"}, "did you mean accurate?"),
        ({"rule": ""}, "The rule is empty"),
        ({"rule": "helpful>=9"}, "Helpfulness goes up to 5"),
        ({"rule": "any", "split": "1,1,1"}, "make 1 together"),
        ({"rule": "any", "corrections": "perhaps"}, "corrections"),
        ({"rule": "any", "seed": -1}, "seed"),
        ({"rule": "any", "sed": 1}, "sed"),
        ({"rule": 5}, "rule"),
        ({}, "rule"),
    ],
)
def test_what_cannot_be_meant_is_a_sentence(lead: Person, study: Study, given: Json, said: str) -> None:
    assert said in lead.send(f"/api/curation/{study.id}/preview", given, 400)["error"]


def test_a_study_that_is_not_there(lead: Person, study: Study) -> None:
    for number in ("99", "none", "9" * 30):
        lead.send(f"/api/curation/{number}/preview", {"rule": "any"}, 404)
        answered(lead.client.get(f"/api/curation/{number}/records.jsonl", params={"rule": "any"}), 404)


def test_the_files_are_downloaded_and_belong_together(world: World, lead: Person, study: Study, tmp_path: Path) -> None:
    asked = {"rule": "any", "corrections": "leave", "split": "0.5,0.25,0.25", "seed": "2"}
    records = lead.client.get(f"/api/curation/{study.id}/records.jsonl", params=asked)
    notes = lead.client.get(f"/api/curation/{study.id}/manifest.json", params=asked)
    assert records.status_code == notes.status_code == 200
    assert records.headers["content-disposition"] == 'attachment; filename="records.jsonl"'
    assert notes.headers["content-disposition"] == 'attachment; filename="records.jsonl.manifest.json"'
    path = tmp_path / "records.jsonl"
    path.write_bytes(records.content)
    manifest_path(path).write_bytes(notes.content)
    assert len(list(read_records(path))) == 3
    assert read_manifest(path).sha256 == hashlib.sha256(records.content).hexdigest()
    assert list(world.services.scratch.glob("records-*")) == [], "nothing is left behind"
    refused = lead.client.get(f"/api/curation/{study.id}/records.jsonl", params={"rule": "right,"})
    assert refused.status_code == 400 and "ends with a comma" in refused.json()["error"]
    assert list(world.services.scratch.glob("records-*")) == []


def test_new_ratings_are_in_the_next_preview(world: World, lead: Person, study: Study) -> None:
    assert preview(lead, study, "raters>=3")["counts"]["passed"] == 0
    person = world.person("Cy")
    for item in person.next(study, 10):
        person.rate(item)
    assert preview(lead, study, "raters>=3")["counts"]["passed"] == 2


def test_a_rater_gets_nothing_of_it(world: World, study: Study) -> None:
    world.member("Ann", Role.ADMIN)
    rater = world.member("Rita")
    for path in ("/api/curation", f"/api/curation/{study.id}/records.jsonl?rule=any", f"/api/curation/{study.id}/manifest.json?rule=any"):
        rater.get(path, 403)
    rater.send(f"/api/curation/{study.id}/preview", {"rule": "any"}, 403)
