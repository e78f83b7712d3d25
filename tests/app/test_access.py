"""Every address there is, asked by everybody there is: nobody, a rater, a lead and an admin."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute, Mount, WebSocketRoute

from annotations.raters.values import Role
from app.access import MOUNT, PUBLIC, Needed, access_of, is_personal, stale
from app.gate import SIGN_IN
from tests.app.guarded import NOBODY, PEOPLE, Answer, Guarded, guarded_app

BY_THE_GATE = ("Sign in first.", "This needs the role ", "Nobody is let in here")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with guarded_app(tmp_path_factory.mktemp("data")) as made:
        yield made


def classified(routes: list[BaseRoute]) -> Iterator[tuple[str, str]]:
    """Method and template of every route of an application, as the table of access names them."""
    for context in iter_route_contexts(routes):
        if isinstance(context.original_route, Mount):
            yield MOUNT, context.path or ""
        else:
            methods = {"WEBSOCKET"} if isinstance(context.original_route, WebSocketRoute) else set(context.methods or ())
            # A route that answers GET answers HEAD too where it does at all.
            yield from ((method, context.path_format or "") for method in sorted(methods - ({"HEAD"} if "GET" in methods else set())))


def unclassified(app: FastAPI) -> list[tuple[str, str]]:
    return [route for route in classified(app.routes) if access_of(*route) is None]


def everything(routes: list[BaseRoute], prefix: str = "", needed: Needed | None = None) -> Iterator[tuple[str, str, Needed]]:
    """Method, address and what it needs, of every route, those of mounted applications too, which need what their mount needs."""
    for context in iter_route_contexts(routes):
        path = prefix + (context.path or "")
        if isinstance(context.original_route, Mount):
            inside = needed or access_of(MOUNT, context.path or "")
            assert inside is not None
            below = context.original_route.routes
            yield from everything(below, path, inside) if below else iter([("GET", f"{path}/favicon.svg", inside)])
            continue
        for method in sorted(context.methods or ()):
            required = needed or access_of(method, context.path_format or "")
            assert required is not None, f"{method} {path} has no line in app/access.py"
            yield method, re.sub(r"\{[^}]*\}", "1", path), required


def refused_by_the_gate(answer: Answer) -> bool:
    return answer.status in (401, 403) and answer.error.startswith(BY_THE_GATE)


def test_every_route_is_classified(guarded: Guarded) -> None:
    assert unclassified(guarded.app) == []


def test_a_new_route_answers_nobody_until_it_is_classified(guarded: Guarded) -> None:
    router = APIRouter()
    router.get("/api/brand-new")(lambda: {"secret": 1})
    guarded.app.include_router(router)
    added = guarded.app.router.routes.pop()
    guarded.app.router.routes.insert(0, added)
    try:
        assert unclassified(guarded.app) == [("GET", "/api/brand-new")]
        for person in PEOPLE:
            answer = guarded.ask("GET", "/api/brand-new", person)
            assert (answer.status, b"secret" in answer.body) == (403, False)
            assert "not in the program's table" in answer.error
    finally:
        guarded.app.router.routes.remove(added)


def test_everybody_asks_for_everything(guarded: Guarded) -> None:
    asked = list(everything(guarded.app.routes))
    assert len(asked) > 100 and {one for *_, one in asked} == {PUBLIC, *Role}
    wrong = []
    for method, path, needed in asked:
        for person in PEOPLE:
            if (method, path) == ("DELETE", "/api/session") and person != NOBODY:
                guarded.secrets[person] = guarded.sign_in(person)
            answer = guarded.ask(method, path, person)
            expected = expected_status(needed, person)
            if (expected or 0) != (answer.status if refused_by_the_gate(answer) else 0) or answer.status == 599:
                wrong.append(f"{method} {path} as {person}: {answer.status} {answer.error!r}, and the table says {expected or 'come in'}")
            if (method, path) == ("DELETE", "/api/session") and person != NOBODY:
                guarded.secrets[person] = guarded.sign_in(person)
    assert wrong == []


def expected_status(needed: Needed, person: str) -> int | None:
    """How the gate refuses; None where it lets through."""
    if needed is PUBLIC:
        return None
    if person == NOBODY:
        return 401
    assert isinstance(needed, Role)
    return None if Role(person).may_act_as(needed) else 403


def test_nothing_is_changed_on_the_word_of_a_foreign_page(guarded: Guarded) -> None:
    changes = [(method, path) for method, path, _ in everything(guarded.app.routes) if method not in ("GET", "HEAD")]
    assert len(changes) > 30
    for method, path in changes:
        answer = guarded.ask(method, path, "admin", origin="https://elsewhere.example")
        assert answer.status == 403 and "https://elsewhere.example" in answer.error, path
    assert guarded.services.raters.session(guarded.secrets["admin"]) is not None, "nobody was signed out"


@pytest.mark.parametrize(
    "path",
    ["/api/traces/", "/api//traces", "//api/traces", "/API/traces", "/api/traces/../raters", "/ui/../api/traces", "/api/%74races/x", "/nothing",
     "/sign-in/", "/gradio_api/file=/etc/passwd", "/pictures/", "/ui", "/api/session/x", "/rate/x", "/file=x"],
)  # fmt: skip
def test_addresses_that_are_almost_right_tell_nobody_anything(guarded: Guarded, path: str) -> None:
    answer = guarded.ask("GET", path)
    assert answer.status in (401, 404, 307) and b"traces" not in answer.body
    assert guarded.ask("POST", path).status in (401, 405)


@pytest.mark.parametrize(("asked", "to"), [("/", SIGN_IN), ("/rate", f"{SIGN_IN}?next=%2Frate"), ("/rate?study=2&x=%22", f"{SIGN_IN}?next=%2Frate%3Fstudy%3D2%26x%3D%2522"), ("/?trace=1", f"{SIGN_IN}?next=%2F%3Ftrace%3D1"), ("//elsewhere.example/x", f"{SIGN_IN}?next=%2F%2Felsewhere.example%2Fx")])  # fmt: skip
def test_a_page_leads_to_signing_in_and_back(guarded: Guarded, asked: str, to: str) -> None:
    answer = guarded.ask("GET", asked, accept="text/html,*/*;q=0.8")
    assert (answer.status, answer.headers["location"], answer.headers["cache-control"]) == (303, to, "no-store")
    assert guarded.ask("GET", asked, accept="application/json").status == 401


def test_a_rater_is_sent_from_the_workbench_to_rating(guarded: Guarded) -> None:
    answer = guarded.ask("GET", "/?trace=1", "rater", accept="text/html")
    assert (answer.status, answer.headers["location"]) == (303, "/rate")
    assert guarded.ask("GET", "/rate", "rater", accept="text/html").status == 200
    assert guarded.ask("GET", "/api/traces", "rater", accept="text/html").status == 403
    assert guarded.ask("GET", "/", "lead", accept="text/html").status == 200


def test_a_closed_account_is_out_at_once(guarded: Guarded) -> None:
    raters = guarded.services.raters
    leaver = raters.add("leaver", Role.LEAD, "correct horse")
    guarded.secrets["leaver"] = guarded.sign_in("leaver")
    assert guarded.ask("GET", "/api/traces", "leaver").status == 200
    raters.close(leaver.id)
    assert guarded.ask("GET", "/api/traces", "leaver").status == 401


def test_pictures_are_not_for_caches_between(guarded: Guarded) -> None:
    """What needs a session must not be kept where others are served from."""
    from PIL import Image

    image = guarded.services.settings.data_dir / "one.png"
    Image.new("RGB", (20, 10), "teal").save(image)
    stored = guarded.services.pictures.add_file(image)
    answer = guarded.ask("GET", f"/pictures/{stored.sha256}/upright", "rater")
    assert answer.status == 200 and "public" not in answer.headers["cache-control"]


def test_what_the_pages_are_made_of_is_for_everybody_and_the_demos_answers_are_not(guarded: Guarded) -> None:
    from app.services import STATIC

    for file in sorted(one for one in STATIC.rglob("*") if one.is_file()):
        expected = 200 if file.suffix in {".css", ".jpg", ".js", ".png", ".svg"} else 404
        for person in (NOBODY, "rater"):
            assert guarded.ask("GET", f"/ui/{file.relative_to(STATIC).as_posix()}", person).status == expected, file
    for path in (
        "demo/traces.jsonl",
        "demo/Traces.JSONL",
        "demo/traces.jsonl/",
        "demo//traces.jsonl",
        "demo/pictures/../traces.jsonl",
        "demo/trace%73.jsonl",
    ):
        assert guarded.ask("GET", f"/ui/{path}").status == 404, path


def test_personal_addresses_need_a_name_and_others_do_not() -> None:
    assert all(is_personal(path) for path in ("/rate", "/api/preferences", "/api/rating/studies", "/api/rating/items/{item}/draft"))
    assert not any(is_personal(path) for path in ("/", "/api/session", "/api/ratings", "/rates", "/pictures/{sha256}", ""))


def test_the_table_has_no_line_too_many(guarded: Guarded) -> None:
    assert stale(classified(guarded.app.routes)) == ()
