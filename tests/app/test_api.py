"""The HTTP routes over a real store with the demo in it."""

from __future__ import annotations

import io
import json
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from PIL import Image
from starlette.testclient import TestClient

from annotations.database import open_database, sqlite_url
from annotations.demo import seed_demo
from app.api import router
from app.server import add_routes
from app.services import STATIC, Services, services_over
from app.settings import settings_from
from app.view import picture_view, trace_view
from core.crops import CropRule, crop_to_original
from core.frames import CoordinateFrame
from core.geometry import Point
from core.grammar import TurnText, format_turns, parse
from core.grounding import ground
from core.trace import DomainName, FaultKind, Sample, Trace, Truth, TruthKind


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    folder = tmp_path_factory.mktemp("data")
    settings = settings_from(_arguments(folder), {})
    database = open_database(sqlite_url(folder / "test.sqlite3"))
    made = services_over(settings, database, folder / "scratch")
    seed_demo(made.store, made.pictures, STATIC / "demo")
    yield made
    database.close()


@pytest.fixture(scope="module")
def client(services: Services) -> Iterator[TestClient]:
    # The routes without the Gradio pages, which the browser tests open.
    app = FastAPI()
    add_routes(app, services)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield client


def _arguments(folder: Path) -> Namespace:
    return Namespace(host=None, port=None, data_dir=folder, database=None, no_browser=True, read_only=False)


def _all(client: TestClient, **wish: str) -> dict[str, Any]:
    answer = client.get("/api/traces", params={"page_size": "200", **wish})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_the_list_has_every_trace_with_what_the_line_shows(client: TestClient) -> None:
    page = _all(client)
    assert page["total"] == len(page["items"]) == 16
    first = page["items"][0]
    assert set(first) == {
        "id", "question", "dataset", "domain", "domain_title", "policy", "correct", "stop", "stop_words", "steps", "looks", "faults", "thumbnail",
    }  # fmt: skip
    assert client.get(first["thumbnail"]).headers["content-type"] == "image/jpeg"


@pytest.mark.parametrize(
    ("wish", "holds"),
    [
        ({"domain": "web_action"}, lambda item: item["domain"] == "web_action"),
        ({"correct": "wrong"}, lambda item: item["correct"] is False),
        ({"faults": "yes"}, lambda item: item["faults"] > 0),
        ({"stop": "forced"}, lambda item: item["stop"] == "forced"),
        ({"min_looks": "1", "max_looks": "2"}, lambda item: 1 <= item["looks"] <= 2),
        ({"policy": "example, hasty (hand-written)"}, lambda item: "hasty" in item["policy"]),
    ],
)
def test_each_filter_leaves_what_it_says(client: TestClient, wish: dict[str, str], holds: Any) -> None:
    items, everything = _all(client, **wish)["items"], _all(client)["items"]
    assert 0 < len(items) < len(everything)
    assert sorted(item["id"] for item in items) == sorted(item["id"] for item in everything if holds(item))


def test_search_finds_words_of_question_and_reasoning(client: TestClient) -> None:
    assert {item["question"] for item in _all(client, q="librarian")["items"]} != set()
    assert _all(client, q="zyzzyva")["total"] == 0
    assert _all(client, q='"(*') is not None


def test_paging_walks_through_all(client: TestClient) -> None:
    seen = [item["id"] for page in range(1, 5) for item in _all(client, page=str(page), page_size="5")["items"]]
    assert len(seen) == len(set(seen)) == 16


def test_facets_count_what_the_list_shows(client: TestClient) -> None:
    facets = client.get("/api/facets").json()
    for domain in facets["domains"]:
        assert _all(client, domain=domain["value"])["total"] == domain["count"]


def test_every_demo_trace_opens_whole(client: TestClient) -> None:
    for item in _all(client)["items"]:
        view = client.get(f"/api/traces/{item['id']}").json()
        assert len(view["steps"]) == len(view["overlay_text"]) == item["steps"]
        assert [profile["profile"] for profile in view["rewards"]] == ["strict", "vigorl"]
        assert view["note"] == "Hand-written example"
        for step in view["steps"]:
            assert not step["point"] or step["audit"]["round_trip_error"] < 0.5
            if step["look"]:
                crop = Image.open(io.BytesIO(client.get(step["look"]["url"]).content))
                assert list(crop.size) == step["look"]["output"]
        assert client.get(view["picture"]["url"]).status_code == 200


def test_the_file_of_a_trace_is_read_back(client: TestClient, services: Services) -> None:
    trace_id = _all(client)["items"][0]["id"]
    answer = client.get(f"/api/traces/{trace_id}/file")
    assert "attachment" in answer.headers["content-disposition"]
    assert Trace.from_json(json.loads(answer.text)) == services.store.trace(trace_id).trace


def test_traces_of_the_same_picture_are_offered_for_comparing(client: TestClient) -> None:
    item = _all(client)["items"][0]
    others = client.get(f"/api/traces/{item['id']}").json()["same_picture"]
    assert others and item["id"] not in [other["id"] for other in others]
    assert others[0]["question"] == item["question"]


def test_a_trace_of_two_data_sets_opens_in_the_one_that_was_asked_for(client: TestClient, services: Services) -> None:
    trace = _turned_trace(services, 3)
    for dataset in ("first", "second & last"):
        services.store.add_trace(trace, dataset=dataset)
    address = f"/api/traces/{trace.content_hash}"
    opened = [client.get(address, params={"dataset": name}).json()["dataset"] for name in ("second & last", "first", "", "no such")]
    assert opened == ["second & last", "first", "first", "first"]


@pytest.mark.parametrize(
    "path",
    ["/api/traces/0000", "/api/traces/../../etc/passwd", f"/api/traces/{'0' * 64}", f"/pictures/{'0' * 64}", "/pictures/..%2f..%2fetc%2fpasswd",
     f"/pictures/{'0' * 64}/thumbnail", "/pictures/%00", "/ui/../launch.py", "/ui/%2e%2e/launch.py"],
)  # fmt: skip
def test_what_is_not_there_is_a_404(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_an_unknown_trace_is_answered_by_a_sentence(client: TestClient) -> None:
    assert client.get(f"/api/traces/{'0' * 64}").json()["error"].startswith("There is no trace")


def test_a_page_that_renames_this_machine_gets_no_answer(client: TestClient) -> None:
    assert client.get("/api/facets", headers={"host": "evil.example"}).status_code == 400


def test_nothing_can_be_written_by_these_routes() -> None:
    assert {method for route in router.routes for method in route.methods} == {"GET"}  # type: ignore[attr-defined]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_crop_shows_the_place_its_point_names_however_the_file_is_turned(services: Services, orientation: int) -> None:
    """A green square at a known upright place is in the middle of the crop, also where the policy saw the file turned."""
    trace = _turned_trace(services, orientation)
    step = trace.steps[0]
    assert step.look and step.point
    assert (step.point.x, step.point.y) == pytest.approx((200, 60), abs=0.5)
    crop = Image.open(io.BytesIO(services.crops.png(trace, step, f"turned-{orientation}"))).convert("RGB")
    middle = crop_to_original(crop.width / 2, crop.height / 2, step.look, trace.frame)
    assert (middle.x, middle.y) == pytest.approx((200, 60), abs=1.5)
    red, green, blue = crop.getpixel((crop.width // 2, crop.height // 2))  # type: ignore[misc]
    assert green > 200 and red < 60 and blue < 60


def _turned_trace(services: Services, orientation: int, beside: tuple[int, int] = (0, 0)) -> Trace:
    upright = Image.new("RGB", (300, 200), "white")
    upright.paste((0, 255, 0), (195, 55, 205, 65))
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # PIL's transposition that the EXIF orientation asks to undo
    stored = upright.transpose(Image.Transpose(undo[orientation])) if orientation != 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    stored.save(buffer, "PNG", exif=exif.tobytes())
    picture = services.pictures.add_bytes(buffer.getvalue(), f"turned-{orientation}.png")
    assert (picture.size.width, picture.size.height, picture.orientation) == (300, 200, orientation)
    frame = CoordinateFrame.original(picture.size, orientation=orientation)
    x, y = frame.from_original(Point(200 + beside[0], 60 + beside[1]))
    parsed = parse(format_turns([TurnText("Look.", call=(round(x), round(y)), observed=True), TurnText("Seen.", answer="green")]))
    sample = Sample("Which colour?", DomainName.VISUAL_SEARCH, (picture,), Truth(TruthKind.TEXT, "green"))
    return ground(sample, parsed, frame, CropRule(20, 672, False), policy="test")


def test_the_view_names_a_turned_picture_by_its_upright_address(services: Services, client: TestClient) -> None:
    trace = _turned_trace(services, 6)
    view = trace_view(trace, trace_id="0", dataset="x")
    assert view["picture"]["url"].endswith("/upright")
    shown = Image.open(io.BytesIO(client.get(view["picture"]["url"]).content))
    assert shown.size == (300, 200)
    assert shown.getpixel((200, 60)) == (0, 255, 0)


@pytest.mark.parametrize(("kind", "value"), [(3, b"\x00\x06\x00\x00"), (4, b"\x00\x00\x00\x06"), (9, b"\x00\x00\x00\x06")])
def test_a_turned_jpeg_is_served_upright_whatever_the_type_of_its_orientation(
    client: TestClient, services: Services, kind: int, value: bytes
) -> None:
    """Browsers heed an orientation of type SHORT only; what they would make of another must not matter."""
    tag = b"MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12" + kind.to_bytes(2, "big") + b"\x00\x00\x00\x01" + value + b"\x00\x00\x00\x00"
    buffer = io.BytesIO()
    Image.new("RGB", (300, 200), "white").save(buffer, "JPEG", exif=b"Exif\x00\x00" + tag)
    picture = services.pictures.add_bytes(buffer.getvalue(), "turned.jpg")
    shown = Image.open(io.BytesIO(client.get(picture_view(picture)["url"]).content))
    assert shown.size == (picture.size.width, picture.size.height)
    assert shown.getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_map_of_a_look_leads_from_its_pixels_to_the_place_they_show(services: Services, orientation: int) -> None:
    trace = _turned_trace(services, orientation, beside=(12, -7))
    view = trace_view(trace, trace_id="0", dataset="x")["steps"][0]["look"]
    crop = Image.open(io.BytesIO(services.crops.png(trace, trace.steps[0], f"map-{orientation}"))).convert("RGB")
    green = [(u, v) for u in range(crop.width) for v in range(crop.height) if _is_green(crop.getpixel((u, v)))]
    u, v = (sum(axis) / len(green) + 0.5 for axis in zip(*green, strict=True))
    a, b, c, d, e, f = view["map"]
    assert (a * u + c * v + e, b * u + d * v + f) == pytest.approx((200, 60), abs=1)


def _is_green(pixel: Any) -> bool:
    return bool(pixel[1] > 180 and pixel[0] < 120)


def test_points_outside_and_missing_answers_are_said(services: Services) -> None:
    picture = _turned_trace(services, 1).sample.pictures[0]
    parsed = parse("<think>Far off (900, 10), and near (20, 30).</think>")
    sample = Sample("Where?", DomainName.SPATIAL, (picture,), Truth(TruthKind.TEXT, "left"))
    view = trace_view(ground(sample, parsed, CoordinateFrame.original(picture.size), None, policy="p"), trace_id="0", dataset="x")
    assert [step["point"]["inside"] for step in view["steps"]] == [False, True]
    assert "600 px beyond the right edge" in view["overlay_text"][0]
    assert {fault["kind"] for fault in view["faults"]} >= {FaultKind.POINT_OUTSIDE, FaultKind.MISSING_ANSWER}
    assert view["answer"]["verdict"] is False
