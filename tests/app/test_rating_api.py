"""Rating over the real routes and a real database file: what is kept, what is refused, and that nobody reaches another's."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from annotations.raters.values import Role
from annotations.rating_schema import DraftRow, PlaceRow, RatingRow
from annotations.ratings.values import MAX_COMMENT
from annotations.studies.values import Study
from tests.app.rating_world import Json, Person, World, answered, judgement, make_trace, open_world

UNKNOWN = 2_000_000


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with open_world(tmp_path_factory.mktemp("rating")) as world:
        world.add(*(make_trace(world.services.pictures, number) for number in range(3)))
        world.member("root", Role.ADMIN)
        yield world


@pytest.fixture
def study(world: World, request: pytest.FixtureRequest) -> Study:
    return world.study(request.node.name)


@pytest.fixture
def mia(world: World, request: pytest.FixtureRequest) -> Person:
    return world.member(f"mia {request.node.name}"[:100])


@pytest.fixture
def noa(world: World, request: pytest.FixtureRequest) -> Person:
    return world.member(f"noa {request.node.name}"[:100])


def rows(world: World, table: Any, *conditions: Any) -> list[Any]:
    with world.services.store.database.reading() as connection:
        return [tuple(row) for row in connection.execute(select(table).where(*conditions))]


# -- the way of a rating --


def test_two_people_rate_all_steps_and_are_then_told_that_nothing_is_left(world: World, study: Study, mia: Person, noa: Person) -> None:
    base = f"/api/rating/studies/{study.id}"
    for person in (mia, noa):
        assert person.get(base)["progress"] == {"done": 0, "skipped": 0, "open": 6, "seconds_left": None}
        seen = []
        while items := person.next(study):
            assert len(items) == min(3, 6 - len(seen))
            answer = person.rate(items[0])
            seen.append(items[0]["item"])
            assert answer["standing"] == "counts" and answer["repeated"] is False
            assert answer["progress"]["done"] == len(seen) and answer["rating"]["judgement"]["answers"] == judgement()["answers"]
            assert abs(datetime.fromisoformat(answer["saved_at"]) - datetime.now(UTC)) < timedelta(minutes=1)
        assert len(set(seen)) == 6
        assert person.get(base)["progress"] == {"done": 6, "skipped": 0, "open": 0, "seconds_left": 0.0}
        assert {line["done"] for line in person.get("/api/rating/studies")["studies"] if line["id"] == study.id} == {6}
    assert len(rows(world, RatingRow, RatingRow.rater_id.in_([mia.id, noa.id]))) == 12


def test_a_zoom_is_the_crop_that_the_model_saw(study: Study, mia: Person) -> None:
    item = next(item for item in mia.next(study, count=6) if item["zoom"])
    answer = mia.client.get(item["zoom"]["url"])
    assert answer.headers["content-type"] == "image/png" and "private" in answer.headers["cache-control"]
    assert answer.content.startswith(b"\x89PNG") and int.from_bytes(answer.content[16:20]) == item["zoom"]["width"]
    plain = next((item for item in mia.next(study, count=6) if not item["zoom"]), None)
    if plain:
        answered(mia.client.get(f"/api/rating/items/{plain['item']}/zoom.png"), 404)


def test_the_same_token_again_is_acknowledged_and_writes_nothing(world: World, study: Study, mia: Person) -> None:
    item = mia.next(study)[0]
    body = mia.rating(item)
    first, again = mia.send("/api/rating/ratings", body), mia.send("/api/rating/ratings", body)
    assert (first["repeated"], again["repeated"]) == (False, True)
    assert {name: value for name, value in again.items() if name != "repeated"} == {n: v for n, v in first.items() if n != "repeated"}
    assert len(rows(world, RatingRow, RatingRow.item_id == item["item"])) == 1


def test_the_same_token_many_times_at_once_is_one_row(world: World, study: Study, mia: Person) -> None:
    item = mia.next(study)[0]
    body = mia.rating(item)
    answers: list[Json] = []
    senders = [threading.Thread(target=lambda: answers.append(mia.send("/api/rating/ratings", body))) for _ in range(12)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert sorted(answer["repeated"] for answer in answers) == [False] + [True] * 11
    assert len({answer["rating"]["id"] for answer in answers}) == 1
    assert len(rows(world, RatingRow, RatingRow.item_id == item["item"])) == 1


def test_a_change_is_a_further_revision(world: World, study: Study, mia: Person) -> None:
    item = mia.next(study)[0]
    mia.rate(item)
    changed = mia.rate(item, judgement=judgement(answers={"accurate": "no", "helpful": "1"}, comment="I looked again."))
    assert changed["rating"]["revision"] == 2
    again = mia.get(f"/api/rating/items/{item['item']}")
    assert again["rating"]["judgement"]["comment"] == "I looked again." and again["rating"] == changed["rating"]
    assert [row.revision for row in world.services.ratings.history(item["item"], mia.id)] == [1, 2]


def test_undo_gives_the_item_back_with_its_answers(study: Study, mia: Person) -> None:
    base = f"/api/rating/studies/{study.id}"
    answered(mia.client.post(f"{base}/undo", json={"token": "nothing-to-undo"}), 404)
    item = mia.next(study)[0]
    mia.rate(item, judgement=judgement(comment="too fast"))
    undone = mia.send(f"{base}/undo", {"token": "undo-1"})
    assert undone["item"]["item"] == item["item"] and undone["item"]["rating"] is None
    assert undone["item"]["draft"]["content"]["comment"] == "too fast" and undone["progress"]["done"] == 0
    assert mia.send(f"{base}/undo", {"token": "undo-1"})["item"] == undone["item"]
    assert mia.next(study)[0]["item"] == item["item"]
    assert mia.get(f"/api/rating/items/{item['item']}")["rating"] is None
    assert mia.rate(item)["rating"]["revision"] == 3


def test_a_skip_is_counted_and_the_step_goes_to_somebody_else(world: World, mia: Person, noa: Person) -> None:
    study = world.study("Skipped", ratings_per_item=1)
    item = mia.next(study, count=1)[0]
    others = {one["item"] for one in noa.next(study, count=10)}
    assert item["item"] not in others and len(others) == 5
    answer = mia.rate(item, judgement={"kind": "skipped", "reason": "Disturbing content", "seconds": 1.0})
    assert answer["standing"] == "not_rated" and answer["progress"]["skipped"] == 1
    assert item["item"] in {one["item"] for one in noa.next(study, count=10)}
    assert item["item"] not in {one["item"] for one in mia.next(study, count=10)}


def test_the_own_list_tells_what_was_said_of_what(study: Study, mia: Person, noa: Person) -> None:
    for item in mia.next(study):
        mia.rate(item)
    noa.rate(noa.next(study)[0])
    mine = mia.get(f"/api/rating/studies/{study.id}/mine")
    assert (mine["total"], mine["pages"], len(mine["items"])) == (3, 1, 3)
    for line in mine["items"]:
        assert set(line) == {"id", "item", "revision", "kind", "at", "version", "judgement", "sentence", "picture", "standing"}
        assert "[shown with blue circle]" in line["sentence"] and line["standing"] == "counts"
        assert mia.client.get(line["picture"]["url"]).status_code == 200
    assert mia.get(f"/api/rating/studies/{study.id}/mine?page=9")["items"] == []
    for page in ("0", "-1", "x", "1" * 30):
        answered(mia.client.get(f"/api/rating/studies/{study.id}/mine", params={"page": page}), 404)


# -- drafts --


def test_of_two_drafts_the_one_with_the_higher_number_stays(study: Study, mia: Person) -> None:
    item = mia.next(study)[0]
    path = f"/api/rating/items/{item['item']}/draft"

    def save(sequence: int, words: str) -> Json:
        return mia.send(path, {"sequence": sequence, "content": {"comment": words}}, method="PUT")

    assert save(5, "five")["kept"] is True
    assert save(4, "four")["kept"] is False
    assert save(5, "five again")["kept"] is False
    later = save(6, "six")
    assert later["kept"] is True and datetime.fromisoformat(later["until"]) > datetime.now(UTC) + timedelta(minutes=20)
    assert mia.get(f"/api/rating/items/{item['item']}")["draft"] == {"sequence": 6, "content": {"comment": "six"}}
    mia.rate(item)
    assert save(6, "late")["kept"] is False
    assert mia.get(f"/api/rating/items/{item['item']}")["draft"] is None


# -- what has changed meanwhile --


def test_a_closed_study_asks_nobody_and_keeps_what_comes_late(world: World, study: Study, mia: Person) -> None:
    item = mia.next(study)[0]
    world.services.studies.close(study.id)
    assert mia.send(f"/api/rating/studies/{study.id}/next", {})["items"] == []
    shown = mia.get(f"/api/rating/studies/{study.id}")
    assert shown["closed"] is True and shown["progress"]["open"] == 0
    assert mia.rate(item)["standing"] == "counts"


def test_a_rating_that_comes_after_its_lease_is_kept(world: World, mia: Person, noa: Person) -> None:
    study = world.study("Late", ratings_per_item=1, lease_minutes=0.01)
    first, second = mia.next(study, count=2)
    with world.services.store.database.writing() as connection:
        past = PlaceRow.__table__.update().where(PlaceRow.rater_id == mia.id).values(until=datetime.now(UTC) - timedelta(minutes=5))
        connection.execute(past)
    taken = {item["item"]: item for item in noa.next(study, count=10)}
    assert noa.rate(taken[first["item"]])["standing"] == "counts"
    assert mia.rate(first)["standing"] == "surplus"
    assert [row[2] for row in rows(world, PlaceRow, PlaceRow.item_id == first["item"])] == [noa.id]
    assert {line["standing"] for line in mia.get(f"/api/rating/studies/{study.id}/mine")["items"]} == {"surplus"}
    assert second["item"] in taken


def test_a_rating_under_an_older_version_is_kept_under_that_version(world: World, study: Study, mia: Person) -> None:
    first, second = mia.next(study, count=2)
    reworded = world.services.studies.revise(study.id, replace(study.settings, instructions="Look closely."))
    answer = mia.rate(first)
    assert (answer["rating"]["version"], answer["standing"]) == (1, "counts")
    shown = mia.get(f"/api/rating/items/{second['item']}")
    assert (shown["version"], shown["version_id"]) == (2, reworded.version_id)
    assert mia.get(f"/api/rating/studies/{study.id}")["guideline"]["instructions"] == "Look closely."
    world.services.studies.revise(study.id, replace(reworded.settings, questions=study.settings.questions[:1]))
    answer = mia.rate(second, judgement=judgement())
    assert (answer["rating"]["version"], answer["standing"]) == (1, "set_apart")


def test_a_rating_of_a_trace_that_is_gone_is_set_apart(world: World, mia: Person) -> None:
    gone = make_trace(world.services.pictures, 77)
    world.add(gone, dataset="soon gone")
    study = world.study("Gone")
    items = mia.next(study, count=10)
    item = next(item for item in items if item["trace"] == gone.content_hash)
    rated = next(other for other in items if other["trace"] == gone.content_hash and other is not item)
    assert mia.rate(rated)["standing"] == "counts"
    world.services.store.remove_dataset("soon gone")
    assert gone.content_hash not in {item["trace"] for item in mia.next(study, count=10)}
    assert mia.rate(item)["standing"] == "set_apart"
    lines = mia.get(f"/api/rating/studies/{study.id}/mine")["items"]
    assert {line["item"]: line["standing"] for line in lines} == {item["item"]: "set_apart", rated["item"]: "set_apart"}


# -- nobody reaches another's --


def test_nobody_reads_or_writes_what_is_anothers(world: World, mia: Person, noa: Person) -> None:
    """Every route, with the other's study, items, drafts and tokens: refused without a word more than for what does not exist."""
    study = world.study("Not yours", ratings_per_item=1)
    held, rated, drafted = noa.next(study, count=10)[:3]
    body = noa.rating(rated, judgement=judgement(comment="noa's words"))
    noa.send("/api/rating/ratings", body)
    noa.send(f"/api/rating/items/{drafted['item']}/draft", {"sequence": 1, "content": {"comment": "noa's draft"}}, method="PUT")
    tables = [(RatingRow, RatingRow.rater_id == noa.id), (DraftRow, DraftRow.rater_id == noa.id), (PlaceRow, PlaceRow.rater_id == noa.id)]
    before = [rows(world, *table) for table in tables]
    nowhere = [mia.client.get(f"/api/rating/items/{UNKNOWN}{end}").text for end in ("", "/zoom.png")]
    for item in (held, rated, drafted):
        path = f"/api/rating/items/{item['item']}"
        assert [answered(mia.client.get(f"{path}{end}"), 404) for end in ("", "/zoom.png")] == [json.loads(text) for text in nowhere]
        mia.send(f"{path}/draft", {"sequence": 99, "content": {"comment": "mia's"}}, 404, method="PUT")
        mia.send("/api/rating/ratings", mia.rating(item, trace="0" * 64), 404)
        mia.send("/api/rating/ratings", mia.rating(item, token=body["token"]), 403)
    mia.send("/api/rating/ratings", body, 403)
    mia.send(f"/api/rating/studies/{study.id}/undo", {"token": "mia-undo"}, 404)
    mia.send(f"/api/rating/studies/{study.id}/undo", {"token": body["token"]}, 403)
    assert mia.get(f"/api/rating/studies/{study.id}/mine")["items"] == []
    assert mia.next(study) == []
    assert [rows(world, *table) for table in tables] == before
    for table in (RatingRow, DraftRow, PlaceRow):
        assert rows(world, table, table.rater_id == mia.id) == []


def test_no_route_takes_a_rater_from_outside(world: World, study: Study, mia: Person, noa: Person) -> None:
    item = noa.next(study)[0]
    mia.next(study)
    mia.send("/api/rating/ratings", mia.rating(item) | {"rater": noa.id}, 400)
    mia.send(f"/api/rating/studies/{study.id}/next?rater={noa.id}", {"count": 1, "rater": noa.id}, 400)
    assert mia.get(f"/api/rating/studies/{study.id}/mine?rater={noa.id}")["total"] == 0
    assert rows(world, RatingRow, RatingRow.item_id == item["item"]) == []


def test_who_has_not_signed_in_gets_nothing(world: World, study: Study, mia: Person) -> None:
    item = mia.next(study)[0]
    body = mia.rating(item)
    mia.client.cookies.clear()
    for path in ("/api/rating/studies", f"/api/rating/studies/{study.id}", f"/api/rating/items/{item['item']}"):
        answered(mia.client.get(path), 401)
    mia.send("/api/rating/ratings", body, 401)
    assert rows(world, RatingRow, RatingRow.item_id == item["item"]) == []


# -- what cannot be taken --


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"token": NaN}', b'{"token": -Infinity}', b'{"item": 1e999}', b"[" * 5000,
        b'{"a":' * 3000 + b"1" + b"}" * 3000, b'{"item": ' + b"9" * 5000 + b"}", b"{}", b'{"token": 1}',
    ],
)  # fmt: skip
def test_a_body_that_is_no_rating_is_refused_in_a_sentence(mia: Person, raw: bytes) -> None:
    answered(mia.client.post("/api/rating/ratings", content=raw), 400)


@pytest.mark.parametrize(
    "changes",
    [
        {"token": ""}, {"token": "x" * 65}, {"token": "a b"}, {"token": "\0"}, {"token": "ä"}, {"token": None}, {"item": 0}, {"item": -1}, {"item": True},
        {"item": "1"}, {"item": 1.5}, {"item": 2**31}, {"item": 10**40}, {"version_id": 0}, {"version_id": 10**18}, {"trace": "x"}, {"trace": ""},
        {"trace": None}, {"judgement": {}}, {"judgement": []}, {"judgement": {"kind": "withdrawn"}}, {"judgement": {"kind": "loved"}}, {"more": 1},
    ],
)  # fmt: skip
def test_a_rating_of_the_wrong_form_is_refused(world: World, study: Study, mia: Person, changes: Json) -> None:
    item = mia.next(study)[0]
    mia.send("/api/rating/ratings", mia.rating(item) | changes, 400)
    assert rows(world, RatingRow, RatingRow.rater_id == mia.id) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"answers": {}}, {"answers": {"accurate": "yes"}}, {"answers": {"accurate": "perhaps", "helpful": "4"}}, {"answers": {"accurate": 1, "helpful": 4}},
        {"answers": {"accurate": "yes", "helpful": "4", "more": "1"}}, {"answers": "yes"}, {"kind": "skipped"}, {"kind": "skipped", "reason": " \n "},
        {"seconds": -1}, {"seconds": 1e12}, {"seconds": "nan"}, {"seconds": "Infinity"}, {"seconds": 10**200}, {"comment": "x" * (MAX_COMMENT + 1)},
        {"correction": {"point": {"x": 1e300, "y": 1}, "box": None}}, {"correction": {"point": {"x": "NaN", "y": 1}}}, {"correction": {}},
        {"correction": {"point": {"x": -1, "y": 1}}}, {"correction": {"point": {"x": 1, "y": 1}, "box": {"x1": 0, "y1": 0, "x2": 1, "y2": 1}}},
        {"correction": {"box": {"x1": 9, "y1": 0, "x2": 1, "y2": 1}}}, {"correction": {"box": {"x1": 0, "y1": 0, "x2": 9999, "y2": 1}}},
        {"own_point": {"x": 1}}, {"own_point": {"x": 1, "y": 10**250}}, {"keys_only": "perhaps"}, {"kinds": "rated"},
    ],
)  # fmt: skip
def test_a_judgement_that_nobody_could_have_meant_is_refused(world: World, study: Study, mia: Person, changes: Json) -> None:
    item = mia.next(study)[0]
    mia.send("/api/rating/ratings", mia.rating(item, judgement=judgement(**changes)), 400)
    assert rows(world, RatingRow, RatingRow.rater_id == mia.id) == []


@pytest.mark.parametrize(
    "text",
    ["\0", "a\0b", "\ud800", "\udc00 alone", "\U0001f600", "‮ right to left", "\x7f\x1b[0m", "=1+1", "\u2028", "'; DROP TABLE ratings; --"],
)
def test_any_text_is_kept_safely(study: Study, mia: Person, text: str) -> None:
    """What no database keeps (NUL, half of a character) becomes U+FFFD; everything else comes back as it was."""
    kept = "".join("�" if sign == "\0" or "\ud800" <= sign <= "\udfff" else sign for sign in text)
    item = mia.next(study)[0]
    content = json.dumps({"sequence": 1, "content": {"comment": text, f"key {text}": [text]}}).encode()
    answered(mia.client.put(f"/api/rating/items/{item['item']}/draft", content=content))
    assert mia.get(f"/api/rating/items/{item['item']}")["draft"]["content"] == {"comment": kept, f"key {kept}": [kept]}
    body = mia.rating(item, judgement=judgement(comment=f"so: {text}"))
    answered(mia.client.post("/api/rating/ratings", content=json.dumps(body).encode()))
    assert mia.get(f"/api/rating/items/{item['item']}")["rating"]["judgement"]["comment"] == f"so: {kept}"


def test_a_body_that_is_too_large_is_refused_before_it_is_read(study: Study, mia: Person) -> None:
    item = mia.next(study)[0]
    draft = f"/api/rating/items/{item['item']}/draft"
    mia.send(draft, {"sequence": 1, "content": {"comment": "x" * (63 * 1024)}}, method="PUT")
    mia.send(draft, {"sequence": 2, "content": {"comment": "x" * (64 * 1024)}}, 413, method="PUT")
    mia.send("/api/rating/ratings", mia.rating(item, judgement=judgement(comment="x" * (256 * 1024))), 413)

    def endless() -> Iterator[bytes]:
        yield b'{"token": "'
        for _ in range(1000):
            yield b"x" * 1024

    answered(mia.client.post("/api/rating/ratings", content=endless()), 413)
    assert mia.get(f"/api/rating/items/{item['item']}")["draft"]["sequence"] == 1


@pytest.mark.parametrize("number", ["0", "-1", "x", "1.5", "1e3", " 1", "２", str(UNKNOWN), "9" * 10, "9" * 400, "%00", "..%5c"])
def test_a_number_that_is_none_is_a_404(mia: Person, number: str) -> None:
    for path in (
        f"/api/rating/studies/{number}",
        f"/api/rating/items/{number}",
        f"/api/rating/items/{number}/zoom.png",
        f"/api/rating/studies/{number}/mine",
    ):
        assert mia.client.get(path).status_code == 404, path
    for path in (f"/api/rating/studies/{number}/next", f"/api/rating/studies/{number}/undo"):
        assert mia.client.post(path, json={} if path.endswith("next") else {"token": "some-token"}).status_code == 404, path


@pytest.mark.parametrize("count", [0, -1, 11, "3", 1.5, None])
def test_more_than_a_few_items_are_never_held(study: Study, mia: Person, count: Any) -> None:
    mia.send(f"/api/rating/studies/{study.id}/next", {"count": count}, 400)


# -- a database that is only read --


def test_a_database_that_is_only_read_can_be_looked_at(tmp_path: Path) -> None:
    with open_world(tmp_path) as world:
        world.add(make_trace(world.services.pictures))
        study = world.study()
        person = world.person("ana")
        item = person.next(study)[0]
        cookies = dict(person.client.cookies)
    with open_world(tmp_path, read_only=True) as world:
        person.client = TestClient(world.app, base_url="http://127.0.0.1", cookies=cookies)
        assert person.get(f"/api/rating/studies/{study.id}")["name"] == "Cups"
        assert [line["name"] for line in person.get("/api/rating/studies")["studies"]] == ["Cups"]
        assert person.get(f"/api/rating/studies/{study.id}/mine")["total"] == 0
        for path, body in ((f"/api/rating/studies/{study.id}/next", {}), ("/api/rating/ratings", person.rating(item))):
            assert "read" in person.send(path, body, 403)["error"]
        assert "read" in person.send(f"/api/rating/items/{item['item']}/draft", {"sequence": 1, "content": {}}, 403, method="PUT")["error"]


# -- the page --


def test_the_page_allows_nothing_but_this_servers_own_files(study: Study, mia: Person) -> None:
    answer = mia.client.get("/rate", params={"study": study.id})
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy and "unsafe" not in policy and "frame-ancestors 'self'" in policy and "http" not in policy
    assert study.name in answer.text and "<script>" not in answer.text and "style=" not in answer.text
    for name in ("pages/rate.js", "pages/bar.css", "app.css"):
        assert f"/ui/{name}" in answer.text and mia.client.get(f"/ui/{name}").status_code == 200


@pytest.mark.parametrize("number", ["", "0", "x", "<script>", "9" * 50, "²"])
def test_the_page_opens_whatever_study_is_named(mia: Person, number: str) -> None:
    answer = mia.client.get("/rate", params={"study": number})
    assert answer.status_code == 200 and "<title>Rate · Saccade</title>" in answer.text


def test_a_study_named_like_markup_is_text_on_the_page(world: World, mia: Person) -> None:
    study = world.study("<img src=x onerror=alert(1)>\"'&amp;")
    page = mia.client.get("/rate", params={"study": study.id}).text
    assert "<img" not in page and "&lt;img src=x onerror=alert(1)&gt;&quot;&#x27;&amp;amp;" in page
