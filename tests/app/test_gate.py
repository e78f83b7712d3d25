"""The gate while nobody has a password, what a page from elsewhere can do, and what a proxy may say."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI, WebSocket
from starlette.requests import HTTPConnection, Request
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from annotations.raters.values import Role
from app.gate import foreign
from app.identity import COOKIE, address_of
from app.server import add_routes
from app.services import Services, open_services
from app.settings import settings_from
from tests.app.guarded import PASSWORD, with_cheap_hashes


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with open_services(settings_from(Namespace(data_dir=tmp_path), {})) as opened:
        yield with_cheap_hashes(opened)


@pytest.fixture
def client(services: Services) -> TestClient:
    """The routes without Gradio's pages, as a browser on this machine asks them."""
    app = FastAPI()
    add_routes(app, services)
    return TestClient(app, base_url="http://127.0.0.1:7860", follow_redirects=False)


def said(client: TestClient, method: str, path: str, **headers: str) -> tuple[int, str]:
    answer = client.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    return answer.status_code, answer.json().get("error", "") if answer.headers["content-type"] == "application/json" else ""


# -- one person's machine --


def test_without_passwords_everything_is_open_and_rating_asks_for_a_name(client: TestClient) -> None:
    assert client.get("/api/traces").status_code == 200
    assert client.get("/api/raters").json() == {"raters": [], "guarded": False, "you": None}
    for path in ("/api/rating/studies", "/api/preferences"):
        assert said(client, "GET", path) == (401, "Say your name first.")
    answer = client.get("/rate?study=1", headers={"accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Frate%3Fstudy%3D1")
    assert client.post("/api/session", json={"name": "Anna"}).json()["rater"]["role"] == "admin"
    assert client.get("/api/rating/studies").status_code == 200
    assert client.get("/rate", headers={"accept": "text/html"}).status_code == 200


@pytest.mark.parametrize(("host", "status"), [("127.0.0.1:7860", 200), ("localhost", 200), ("[::1]:1", 200), ("evil.example", 400), ("127.0.0.1.evil.example", 400)])  # fmt: skip
def test_without_passwords_only_this_machines_own_names_are_answered(client: TestClient, host: str, status: int) -> None:
    assert client.get("/api/session", headers={"host": host}).status_code == status
    assert client.get("/ui/favicon.svg", headers={"host": host}).status_code == status


def test_with_passwords_any_name_of_the_machine_is_answered(client: TestClient, services: Services) -> None:
    services.raters.add("root", Role.ADMIN, PASSWORD)
    assert client.get("/api/session", headers={"host": "ratings.example"}).status_code == 200
    assert client.get("/api/traces", headers={"host": "ratings.example"}).status_code == 401


def test_the_first_password_shuts_the_door_at_once(client: TestClient, services: Services) -> None:
    client.post("/api/session", json={"name": "Anna"})
    assert client.get("/api/traces").status_code == 200
    services.raters.add("root", Role.ADMIN, PASSWORD)
    assert said(client, "GET", "/api/traces") == (401, "Sign in first.")
    assert client.get("/api/session").json() == {"rater": None, "guarded": True, "remembered": []}


def test_a_route_without_a_line_answers_nobody_here_either(client: TestClient) -> None:
    client.app.get("/api/brand-new")(lambda: {})  # type: ignore[attr-defined]
    assert client.get("/api/brand-new").status_code == 403


def test_a_database_that_does_not_answer_is_told(client: TestClient, services: Services) -> None:
    services.raters.add("root", Role.ADMIN, PASSWORD)
    client.cookies.set(COOKIE, services.raters.sign_in("root", PASSWORD, "")[1])
    with services.store.database.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE sessions RENAME TO elsewhere")
    try:
        status, sentence = said(client, "GET", "/api/traces")
        assert status == 503 and "sessions" in sentence
    finally:
        with services.store.database.writing() as connection:
            connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO sessions")


# -- pages from elsewhere --


def asked(method: str = "POST", kind: str = "http", **headers: str) -> HTTPConnection:
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return HTTPConnection({"type": kind, "method": method, "headers": named, "path": "/"})


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://127.0.0.1:7860", "127.0.0.1:7860"),
        ("http://LOCALHOST:7860", "localhost:7860"),
        ("http://[::1]:7860", "[::1]:7860"),
        ("https://ratings.example", "ratings.example"),
        ("https://ratings.example", "ratings.example:443"),
        ("http://ratings.example:80", "ratings.example"),
        ("https://ratings.example:8443", "ratings.example:8443"),
    ],
)
def test_a_page_of_ours_may_change_things(origin: str, host: str) -> None:
    assert foreign(asked(origin=origin, host=host)) is None


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1:7860"),
        ("http://localhost:7860", "127.0.0.1:7860"),
        ("https://evil.example", "ratings.example"),
        ("https://ratings.example.evil.example", "ratings.example"),
        ("https://evil-ratings.example", "ratings.example"),
        ("https://ratings.example@evil.example", "ratings.example"),
        ("https://ratings.example:80", "ratings.example"),
        ("null", "null"),
        ("", ""),
        ("http://[::1", "[::1"),
        ("file://", ""),
        ("ratings.example", "ratings.example"),
        ("ws://ratings.example", "ratings.example"),
    ],
)
def test_a_page_from_elsewhere_may_not(origin: str, host: str) -> None:
    refusal = foreign(asked(origin=origin, host=host))
    assert refusal is not None and refusal.status == 403
    assert foreign(asked("GET", origin=origin, host=host)) is None, "looking changes nothing, and the answer stays unread"
    assert foreign(asked("GET", "websocket", origin=origin, host=host)) is not None, "a socket is more than looking"


@pytest.mark.parametrize(("site", "may"), [("same-origin", True), ("none", True), ("", True), ("cross-site", False), ("same-site", False)])
def test_without_an_origin_the_browser_says_from_how_far(site: str, may: bool) -> None:
    assert (foreign(asked("DELETE", sec_fetch_site=site, host="x")) is None) is may
    assert foreign(asked("GET", sec_fetch_site=site, host="x")) is None


@pytest.mark.parametrize("guarded", [False, True])
def test_a_foreign_page_changes_nothing_guarded_or_not(client: TestClient, services: Services, guarded: bool) -> None:
    if guarded:
        services.raters.add("root", Role.ADMIN, PASSWORD)
    status, sentence = said(client, "POST", "/api/session", origin="http://evil.example")
    assert status == 403 and "http://evil.example" in sentence and "Host" in sentence
    assert said(client, "POST", "/api/session", sec_fetch_site="cross-site")[0] == 403
    assert said(client, "POST", "/gradio_api/upload", origin="null")[0] == 403


def test_sockets_pass_the_gate_too(client: TestClient, services: Services) -> None:
    async def echo(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text("open")
        await socket.close()

    client.app.websocket("/ui-less")(echo)  # type: ignore[attr-defined]
    with pytest.raises(WebSocketDisconnect) as shut, client.websocket_connect("/ui-less"):
        pass
    assert shut.value.code == 1008, "not in the table"
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/nowhere", headers={"origin": "http://evil.example"}):
        pass
    services.raters.add("root", Role.ADMIN, PASSWORD)
    with pytest.raises(WebSocketDisconnect) as shut, client.websocket_connect("/nowhere"):
        pass
    assert shut.value.code == 1008


# -- where a request comes from --


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("testclient", "testclient"),
    ],
)
def test_failures_are_counted_by_what_one_person_has(host: str, address: str) -> None:
    assert address_of(Request({"type": "http", "headers": [], "client": (host, 1)})) == address


def test_without_a_client_there_is_no_address() -> None:
    assert address_of(Request({"type": "http", "headers": [], "client": None})) == ""
