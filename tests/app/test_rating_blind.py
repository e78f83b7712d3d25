"""A rater is told what the paper's raters were told, and nothing of what could sway them, wherever it may hide."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from annotations.raters.values import Role
from annotations.studies.settings import Example, Selection, StepChoice, StudySettings
from annotations.studies.values import Study
from tests.app.rating_world import Json, Person, Words, World, judgement, make_trace, open_world

# Each hidden text is marked, so that it is found wherever it gets to; the numbers are of the kind that nothing else makes.
HIDDEN = Words(
    policy="MARK-policy",
    answer="MARK-answer",
    truth="MARK-truth",
    question="MARK-question: which cup is it?",
    picture_name="MARK-picture-name.png",
    picture_note="MARK-picture-note",
    file="MARK-file.jsonl",
    system_prompt="MARK-system-prompt",
    settings={"note": "MARK-settings", "temperature": 0.987654},
)
NUMBERS = ("0.123456", "0.987654")

ITEM = {
    "item", "version", "version_id", "trace", "until", "trace_number", "traces", "step_number", "steps", "question", "picture", "point", "sentence",
    "zoom", "draft", "rating",
}  # fmt: skip
SHAPES: dict[str, set[str]] = {
    "picture": {"url", "width", "height"},
    "point": {"x", "y"},
    "zoom": {"url", "width", "height", "window", "dot"},
    "rating": {"id", "item", "revision", "kind", "at", "version", "judgement"},
    "draft": {"sequence", "content"},
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with open_world(tmp_path_factory.mktemp("blind")) as world:
        world.add(*(make_trace(world.services.pictures, number, HIDDEN) for number in range(2)), dataset="MARK-dataset")
        world.member("root", Role.ADMIN)
        yield world


@pytest.fixture(scope="module")
def study(world: World) -> Study:
    return world.study("Blind", selection=Selection(datasets=("MARK-dataset",), policies=("MARK-policy",)), seed=987654321)


@pytest.fixture(scope="module")
def other(world: World, study: Study) -> Person:
    """Somebody who has said much about every step."""
    person = world.member("MARK-rater")
    said = judgement(
        comment="MARK-comment", correction={"point": {"x": 123.25, "y": 45.75}, "box": None}, own_point={"x": 9.125, "y": 8.125}
    )
    while items := person.next(study, count=1):
        person.send(f"/api/rating/items/{items[0]['item']}/draft", {"sequence": 1, "content": {"comment": "MARK-draft"}}, method="PUT")
        if items[0]["step_number"] == 2:
            said = judgement(kind="skipped", answers={}, reason="MARK-reason")
        person.rate(items[0], judgement=said)
    return person


def texts(value: Any) -> Iterator[str]:
    """Every key and every value of a JSON document, as text."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    else:
        yield json.dumps(value)


def test_nothing_hidden_is_in_anything_that_a_rater_can_get(world: World, study: Study, other: Person) -> None:
    person = world.member("mia")
    seen: list[tuple[str, bytes]] = []

    def note(answer: Any) -> Any:
        assert answer.status_code < 500
        head = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
        seen.append((str(answer.request.url), answer.content + head.encode()))
        return answer

    def walk(item: Json) -> None:
        note(person.client.get(f"/api/rating/items/{item['item']}"))
        note(person.client.get(item["picture"]["url"]))
        if item["zoom"]:
            assert note(person.client.get(item["zoom"]["url"])).headers["content-type"] == "image/png"
        note(person.client.put(f"/api/rating/items/{item['item']}/draft", json={"sequence": 1, "content": {"comment": "mine"}}))

    base = f"/api/rating/studies/{study.id}"
    for path in ("/api/session", "/api/preferences", "/api/rating/studies", base, f"{base}/mine", f"/rate?study={study.id}"):
        note(person.client.get(path))
    rated = 0
    while items := note(person.client.post(f"{base}/next", json={"count": 2})).json()["items"]:
        for item in items:
            walk(item)
        note(person.client.post("/api/rating/ratings", json=person.rating(items[0])))
        rated += 1
    assert rated == 4
    undone = note(person.client.post(f"{base}/undo", json={"token": "undo-token-1"})).json()
    walk(undone["item"])
    note(person.client.get(f"{base}/mine"))
    # What a rater may not ask at all says as little when it refuses.
    trace = undone["item"]["trace"]
    picture = undone["item"]["picture"]["url"].removesuffix("/upright")
    refused = ("/api/traces", f"/api/traces/{trace}", f"/api/traces/{trace}/file", f"/api/traces/{trace}/looks/0.png", "/api/facets", "/api/studies",
               f"/api/studies/{study.id}", f"/api/studies/{study.id}/items", f"/api/results/{study.id}", "/api/raters", picture)  # fmt: skip
    for path in refused:
        assert note(person.client.get(path)).status_code in (403, 404), path
    for address, content in seen:
        assert b"MARK" not in content, f"{address}: {content[:2000]!r}"
        for number in NUMBERS:
            assert number.encode() not in content, address
    assert all("MARK" not in address for address, _ in seen)


def test_an_item_holds_what_it_may_and_nothing_else(world: World, study: Study, other: Person) -> None:
    person = world.member("noa")
    looked = plain = 0
    for item in person.next(study, count=10):
        assert set(item) == ITEM
        for part, keys in SHAPES.items():
            assert item[part] is None or set(item[part]) == keys, part
        assert item["question"] is None and item["rating"] is None and item["draft"] is None
        assert all(set(part) == {"text", "circle"} for part in item["sentence"])
        assert sum(part["circle"] for part in item["sentence"]) == 1
        looked, plain = looked + bool(item["zoom"]), plain + (item["zoom"] is None)
    assert looked and looked + plain == 4


def test_a_guideline_tells_neither_which_steps_are_asked_nor_how_answers_count(world: World, study: Study) -> None:
    shown = world.member("ole").get(f"/api/rating/studies/{study.id}")
    assert set(shown) == {"id", "name", "version", "version_id", "closed", "guideline", "progress"}
    assert set(shown["guideline"]) == {
        "instructions", "examples", "questions", "circle", "replacement", "own_point_first", "corrections", "skip_reasons",
    }  # fmt: skip
    for question in shown["guideline"]["questions"]:
        assert set(question) == {"id", "text", "low", "high", "choices"}
        assert all(set(choice) == {"value", "label", "key"} for choice in question["choices"])
    assert "987654321" not in json.dumps(shown)


def test_a_crop_that_the_source_kept_is_shown_without_the_remarks_in_its_file(world: World) -> None:
    trace = make_trace(world.services.pictures, 40, HIDDEN)
    notes, buffer = PngInfo(), io.BytesIO()
    notes.add_text("Comment", "MARK-crop-note")
    Image.new("RGB", (30, 20), "teal").save(buffer, "PNG", pnginfo=notes)
    kept = world.services.pictures.add_bytes(buffer.getvalue(), "MARK-crop.png")
    steps = tuple(replace(step, look=step.look and replace(step.look, picture=kept.sha256)) for step in trace.steps)
    world.add(replace(trace, steps=steps), dataset="kept")
    study = world.study("Kept crops", selection=Selection(datasets=("kept",), steps=StepChoice.LOOKED))
    person = world.member("kai")
    answer = person.client.get(person.next(study)[0]["zoom"]["url"])
    assert answer.headers["content-type"] == "image/png" and b"MARK" not in answer.content + str(answer.headers).encode()
    with Image.open(io.BytesIO(answer.content)) as shown:
        assert (shown.size, shown.getcolors()) == ((30, 20), [(600, (0, 128, 128))])


def test_the_question_is_shown_where_the_study_says_so(world: World) -> None:
    study = world.study("With the question", show_question=True)
    assert {item["question"] for item in world.member("pia").next(study)} == {HIDDEN.question}


def test_the_own_point_comes_first_by_the_page_and_the_point_is_there(world: World) -> None:
    study = world.study("Own point first", own_point_first=True)
    person = world.member("quin")
    assert person.get(f"/api/rating/studies/{study.id}")["guideline"]["own_point_first"] is True
    assert all(item["point"] for item in person.next(study))


def test_worked_examples_are_shown_with_their_circle(world: World) -> None:
    trace = make_trace(world.services.pictures, 9)
    world.add(trace, dataset="examples")
    kept = trace.sample.pictures[0].sha256
    examples = (
        Example("coffee.png", 10, 20, "The coffee (x, y) is brown.", "yes", "It is inside."),
        Example(kept, 30, 40, "A cup (x, y).", "no", "It is not."),
        Example("0" * 64, 1, 2, "Its picture is gone (x, y).", "unsure", "Nobody knows."),
    )
    study = world.study("Examples", examples=examples, selection=Selection(datasets=("examples",)), replacement="[here]")
    person = world.member("rex")
    coffee, cup, gone = person.get(f"/api/rating/studies/{study.id}")["guideline"]["examples"]
    assert coffee["sentence"] == [
        {"text": "The coffee ", "circle": False}, {"text": "[here]", "circle": True}, {"text": " is brown.", "circle": False},
    ]  # fmt: skip
    assert (coffee["width"], coffee["height"], coffee["answer_label"]) == (600, 400, "Yes")
    assert (cup["width"], cup["height"], cup["answer_label"]) == (320, 240, "No")
    for example in (coffee, cup):
        assert person.client.get(example["picture_url"]).headers["content-type"].startswith("image/")
    assert (gone["picture_url"], gone["width"], gone["why"]) == (None, None, "Nobody knows.")


def test_every_hidden_text_is_there_to_be_hidden(world: World, study: Study, other: Person) -> None:
    """The marks are really in the store: a test that looks for what was never there finds nothing."""
    trace = world.services.store.trace(next(iter(world.services.studies.items(study.id).items)).trace).trace
    found = " ".join(texts(trace.to_json()))
    for mark in (
        "MARK-policy",
        "MARK-answer",
        "MARK-truth",
        "MARK-question",
        "MARK-picture-name",
        "MARK-file",
        "MARK-system-prompt",
        "MARK-settings",
    ):
        assert mark in found
    raw = world.services.pictures.path(trace.sample.pictures[0].sha256).read_bytes()
    assert b"MARK-picture-note" in raw
    said = " ".join(texts([step.rating.judgement.to_json() for step in world.services.ratings.ratings(study.id)]))
    assert "MARK-comment" in said and "MARK-reason" in said
    assert StudySettings().to_json().keys() >= {"selection", "seed"}
