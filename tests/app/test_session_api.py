"""Signing in and out over HTTP, one's own preferences, and the people as an admin changes them."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from annotations.raters.accounts_file import FileAccount
from annotations.raters.values import Role
from app.identity import COOKIE
from app.server import add_routes
from app.services import Services, open_services
from app.settings import settings_from
from tests.app.guarded import PASSWORD, with_cheap_hashes


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with open_services(settings_from(Namespace(data_dir=tmp_path), {})) as opened:
        yield with_cheap_hashes(opened)


@pytest.fixture
def app(services: Services) -> FastAPI:
    """The routes without Gradio's pages."""
    made = FastAPI()
    add_routes(made, services)
    return made


def browser(app: FastAPI, *, scheme: str = "http") -> TestClient:
    return TestClient(app, base_url=f"{scheme}://127.0.0.1:7860", follow_redirects=False)


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return browser(app)


@pytest.fixture
def root(app: FastAPI, services: Services) -> TestClient:
    """Somebody who is signed in as an admin, on a store that has a rater too."""
    services.raters.add("root", Role.ADMIN, PASSWORD)
    services.raters.add("ben", Role.RATER, PASSWORD)
    return signed_in(app, "root")


def signed_in(app: FastAPI, name: str) -> TestClient:
    client = browser(app)
    assert client.post("/api/session", json={"name": name, "password": PASSWORD}).status_code == 200
    return client


def number(services: Services, name: str) -> int:
    return services.raters.by_name(name).id


# -- the session --


def test_a_name_is_enough_while_nobody_has_a_password(client: TestClient) -> None:
    assert client.get("/api/session").json() == {"rater": None, "guarded": False, "remembered": []}
    answer = client.post("/api/session", json={"name": " Anna "}).json()
    assert answer["rater"]["name"] == "Anna" and answer["rater"]["role"] == "admin"
    assert client.get("/api/session").json() == {"rater": answer["rater"], "guarded": False, "remembered": ["Anna"]}
    assert client.delete("/api/session").json() == {}
    assert client.get("/api/session").json() == {"rater": None, "guarded": False, "remembered": ["Anna"]}


def test_the_cookie_cannot_be_read_nor_sent_from_elsewhere(app: FastAPI) -> None:
    for scheme in ("http", "https"):
        client = browser(app, scheme=scheme)
        header = client.post("/api/session", json={"name": "Anna"}).headers["set-cookie"]
        morsel = SimpleCookie(header)[COOKIE]
        assert (morsel["httponly"], morsel["samesite"], morsel["path"]) == (True, "lax", "/")
        assert bool(morsel["secure"]) is (scheme == "https")
        assert int(morsel["max-age"]) == 90 * 24 * 3600
        gone = SimpleCookie(client.delete("/api/session").headers["set-cookie"])[COOKIE]
        assert gone["max-age"] == "0" and gone.value == ""


def test_signing_in_with_a_password(app: FastAPI, root: TestClient) -> None:
    client = browser(app)
    for name, password in (("ben", "battery staple"), ("nobody", PASSWORD), ("ben", "")):
        answer = client.post("/api/session", json={"name": name, "password": password})
        assert answer.status_code == 401 and "do not belong together" in answer.json()["error"]
        assert "set-cookie" not in answer.headers
    answer = client.post("/api/session", json={"name": "ben", "password": PASSWORD})
    assert answer.json()["rater"]["name"] == "ben" and answer.json()["remembered"] == []
    secret = client.cookies[COOKIE]
    assert secret not in answer.text
    assert client.delete("/api/session").status_code == 200
    client.cookies.set(COOKIE, secret)
    assert client.get("/api/session").json()["rater"] is None, "the session ended, and not only its cookie"


def test_signing_in_again_ends_the_session_before(app: FastAPI, root: TestClient, services: Services) -> None:
    former = root.cookies[COOKIE]
    root.post("/api/session", json={"name": "ben", "password": PASSWORD})
    assert services.raters.session(former) is None
    assert root.get("/api/session").json()["rater"]["name"] == "ben"


def test_ten_failures_and_then_waiting(app: FastAPI, root: TestClient) -> None:
    client = browser(app)
    for _ in range(10):
        assert client.post("/api/session", json={"name": "ben", "password": "battery staple"}).status_code == 401
    answer = client.post("/api/session", json={"name": "ben", "password": PASSWORD})
    assert answer.status_code == 429 and "wait 10 minutes" in answer.json()["error"]
    assert 590 <= int(answer.headers["retry-after"]) <= 600
    assert root.get("/api/session").json()["rater"]["name"] == "root", "who is in stays in"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"password": "x"}', b'{"name": 5}', b'{"name": "x", "admin": true}', b'{"name": null}']
)
def test_what_is_no_sign_in_is_refused_and_not_repeated(client: TestClient, body: bytes) -> None:
    answer = client.post("/api/session", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400 and answer.json()["error"]


def test_a_body_that_is_too_large_is_not_read(client: TestClient) -> None:
    assert client.post("/api/session", json={"name": "x", "password": "y" * 9000}).status_code == 413


def test_a_name_that_cannot_be_is_told(client: TestClient) -> None:
    answer = client.post("/api/session", json={"name": "  "})
    assert (answer.status_code, answer.json()) == (400, {"error": "A rater needs a name: give one of 1 to 120 characters."})


# -- one's own password --

NEW = "a clean staple"


def test_a_person_changes_their_password_and_stays_in(app: FastAPI, root: TestClient, services: Services) -> None:
    ben, elsewhere = signed_in(app, "ben"), signed_in(app, "ben")
    assert ben.get("/api/session").json()["rater"]["password_fixed"] == ""
    answer = ben.put("/api/session/password", json={"old": PASSWORD, "new": NEW})
    assert (answer.status_code, answer.json()) == (200, {}) and "set-cookie" not in answer.headers
    assert ben.get("/api/session").json()["rater"]["name"] == "ben"
    assert elsewhere.get("/api/session").json()["rater"] is None
    assert root.get("/api/session").json()["rater"]["name"] == "root"
    for password, status in ((PASSWORD, 401), (NEW, 200)):
        assert browser(app).post("/api/session", json={"name": "ben", "password": password}).status_code == status


def test_a_wrong_old_password_does_not_look_like_a_session_that_has_ended(app: FastAPI, root: TestClient) -> None:
    ben = signed_in(app, "ben")
    for _ in range(10):
        answer = ben.put("/api/session/password", json={"old": "battery staple", "new": NEW})
        assert answer.status_code == 403 and answer.json()["error"].startswith("The old password is not right")
        assert "staple" not in answer.text
    answer = ben.put("/api/session/password", json={"old": PASSWORD, "new": NEW})
    assert answer.status_code == 429 and int(answer.headers["retry-after"]) > 500
    assert ben.get("/api/session").json()["rater"]["name"] == "ben"


@pytest.mark.parametrize(
    "body", [{}, {"old": PASSWORD}, {"new": NEW}, {"old": PASSWORD, "new": 5}, {"old": PASSWORD, "new": NEW, "rater": 1}, {"old": PASSWORD, "new": "short"}]
)  # fmt: skip
def test_a_new_password_that_cannot_be_changes_nothing(app: FastAPI, root: TestClient, services: Services, body: dict[str, object]) -> None:
    ben = signed_in(app, "ben")
    answer = ben.put("/api/session/password", json=body)
    assert answer.status_code == 400 and answer.json()["error"] and PASSWORD not in answer.text
    assert list(services.store.events("password_changed")) == [] and signed_in(app, "ben")


def test_nobody_changes_a_password_who_is_not_in(app: FastAPI, root: TestClient) -> None:
    body = {"old": PASSWORD, "new": NEW}
    assert browser(app).put("/api/session/password", json=body).status_code == 401
    ben = signed_in(app, "ben")
    foreign = ben.put("/api/session/password", json=body, headers={"origin": "https://elsewhere.example"})
    assert foreign.status_code == 403 and "elsewhere" in foreign.json()["error"]
    assert ben.put("/api/session/password", json={"old": "y" * 9000, "new": "y" * 9000}).status_code == 413


def test_where_a_name_is_enough_no_password_is_set_by_oneself(client: TestClient) -> None:
    assert client.put("/api/session/password", json={"old": "", "new": NEW}).status_code == 401
    client.post("/api/session", json={"name": "Anna"})
    assert "a name is enough" in client.get("/api/session").json()["rater"]["password_fixed"]
    answer = client.put("/api/session/password", json={"old": "", "new": NEW})
    assert answer.status_code == 403 and "a name is enough" in answer.json()["error"]


def test_a_password_of_the_accounts_file_is_changed_there(app: FastAPI, root: TestClient, services: Services) -> None:
    filed = FileAccount("filed", Role.RATER, services.raters._passwords.hashed(PASSWORD))
    services.raters.follow_file([filed, FileAccount("root", Role.ADMIN, services.raters._passwords.hashed(PASSWORD))])
    client = signed_in(app, "filed")
    sentence = client.get("/api/session").json()["rater"]["password_fixed"]
    answer = client.put("/api/session/password", json={"old": PASSWORD, "new": NEW})
    assert (answer.status_code, answer.json()["error"]) == (403, sentence) and "--auth" in sentence


# -- preferences --


def test_everybody_has_preferences_of_their_own(app: FastAPI, root: TestClient) -> None:
    ben = signed_in(app, "ben")
    assert ben.get("/api/preferences").json() == {"document": {}}
    assert ben.put("/api/preferences", json={"document": {"keys": {"yes": "j"}}}).status_code == 200
    assert root.put("/api/preferences", json={"document": {"other": 1}}).status_code == 200
    assert ben.get("/api/preferences").json() == {"document": {"keys": {"yes": "j"}}}
    assert ben.put("/api/preferences", json={"document": {"x": "y" * 17_000}}).status_code == 400
    assert ben.put("/api/preferences", json={"document": []}).status_code == 400
    assert browser(app).get("/api/preferences").status_code == 401


# -- the people --


def test_an_admin_adds_changes_and_closes(app: FastAPI, root: TestClient, services: Services) -> None:
    answer = root.post("/api/raters", json={"name": "Cleo", "role": "lead", "password": PASSWORD}).json()
    assert [(one["name"], one["role"], one["open"], one["password"]) for one in answer["raters"]] == [
        ("ben", "rater", True, True),
        ("Cleo", "lead", True, True),
        ("root", "admin", True, True),
    ]
    assert answer["guarded"] is True and answer["you"] == number(services, "root")
    assert not any(PASSWORD in str(one) or "argon2" in str(one) for one in answer["raters"])
    cleo, address = signed_in(app, "Cleo"), f"/api/raters/{number(services, 'Cleo')}"
    assert root.put(address, json={"role": "rater"}).status_code == 200
    assert cleo.get("/api/session").json()["rater"]["role"] == "rater"
    assert root.put(address, json={"password": "another password"}).status_code == 200
    assert cleo.get("/api/session").json()["rater"] is None
    assert root.put(address, json={"open": False}).json()["raters"][-1]["open"] is False
    assert root.put(address, json={"open": True}).status_code == 200
    assert [event["name"] for event in services.store.events("rater_closed")] == ["Cleo"]


@pytest.mark.parametrize(
    ("body", "status"),
    [({"role": "boss"}, 400), ({}, 400), ({"role": "lead", "open": True}, 400), ({"password": "short"}, 400), ({"open": "no"}, 400), ({"name": "x"}, 400)],
)  # fmt: skip
def test_a_change_that_cannot_be_changes_nothing(root: TestClient, services: Services, body: dict[str, object], status: int) -> None:
    before = services.raters.list()
    answer = root.put(f"/api/raters/{number(services, 'ben')}", json=body)
    assert answer.status_code == status and answer.json()["error"]
    assert services.raters.list() == before


@pytest.mark.parametrize("which", ["0", "99", "-1", "x", "1e3", "²", "9" * 30])
def test_nobody_is_changed_who_is_not_there(root: TestClient, which: str) -> None:
    assert root.put(f"/api/raters/{which}", json={"open": False}).status_code == 404


def test_the_last_admin_and_a_taken_name(root: TestClient, services: Services) -> None:
    mine = f"/api/raters/{number(services, 'root')}"
    for body in ({"role": "lead"}, {"open": False}):
        answer = root.put(mine, json=body)
        assert answer.status_code == 403 and "another admin first" in answer.json()["error"]
    assert root.post("/api/raters", json={"name": "ben", "role": "lead", "password": PASSWORD}).status_code == 400


def test_what_stands_in_the_accounts_file_is_changed_there(root: TestClient, services: Services) -> None:
    account = services.raters._passwords.hashed(PASSWORD)
    services.raters.follow_file([FileAccount("filed", Role.LEAD, account)])
    address = f"/api/raters/{number(services, 'filed')}"
    for body in ({"role": "rater"}, {"password": "another password"}):
        answer = root.put(address, json=body)
        assert answer.status_code == 403 and "stand in the accounts file of --auth" in answer.json()["error"]
    assert root.put(address, json={"open": False}).status_code == 200


def test_the_first_admin_is_added_by_whoever_is_at_the_machine(client: TestClient) -> None:
    assert client.post("/api/raters", json={"name": "root", "role": "lead", "password": PASSWORD}).status_code == 403
    assert client.post("/api/raters", json={"name": "root", "role": "admin", "password": PASSWORD}).status_code == 200
    assert client.get("/api/raters").status_code == 401


# -- the page --


def test_the_page_asks_for_what_is_needed(client: TestClient, services: Services) -> None:
    page = client.get("/sign-in")
    assert page.status_code == 200 and 'id="password"' not in page.text and "a name is enough" in page.text
    services.raters.add("root", Role.ADMIN, PASSWORD)
    page = client.get("/sign-in?next=//evil.example")
    assert 'id="password"' in page.text and 'method="post"' in page.text and "evil" not in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert "<script>" not in page.text and "style=" not in page.text and "onclick" not in page.text
    for name in ("sign-in.css", "sign-in.js"):
        assert f"/ui/sign-in/{name}" in page.text and client.get(f"/ui/sign-in/{name}").status_code == 200
