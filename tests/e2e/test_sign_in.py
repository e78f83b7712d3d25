"""Coming in, and who may not: a real server with accounts, in a real browser."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from annotations.raters.values import Role
from app.bench.serving import Serving, serving
from app.services import open_services
from app.settings import settings_from
from tests.e2e.axe import violations

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.browser

PASSWORD, WRONG = "correct horse", "battery staple"
MARKUP = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """With an admin, two raters, and a lead; one of the names looks like markup."""
    folder: Path = tmp_path_factory.mktemp("guarded")
    with open_services(settings_from(Namespace(data_dir=folder), {})) as services:
        for name, role in (("root", Role.ADMIN), ("ben", Role.RATER), ("cleo", Role.LEAD), (MARKUP, Role.RATER)):
            services.raters.add(name, role, PASSWORD)
    with serving(folder) as running:
        yield running


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("single")) as running:
        yield running


def sign_in(page: Page, server: Serving, name: str, password: str = PASSWORD, *, address: str = "/sign-in") -> None:
    page.goto(f"{server.address}{address}")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.keyboard.press("Enter")


def test_a_wrong_password_then_the_right_one_and_out_again(page: Page, guarded: Serving) -> None:
    page.goto(f"{guarded.address}/rate?study=7")
    expect(page).to_have_url(re.compile(r"/sign-in\?next="))
    expect(page.get_by_label("Name")).to_be_focused()
    sign_in(page, guarded, "ben", WRONG, address="/rate?study=7")
    alert = page.locator("#said")
    expect(alert).to_have_text(re.compile("This name and this password do not belong together"))
    expect(page.get_by_label("Password", exact=True)).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{guarded.address}/rate?study=7")
    page.goto(f"{guarded.address}/sign-in")
    expect(page.get_by_role("heading", name="You are signed in as ben")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto(f"{guarded.address}/rate")
    expect(page).to_have_url(re.compile("/sign-in"))


def test_what_is_missing_is_said_before_anything_is_sent(page: Page, guarded: Serving) -> None:
    page.goto(f"{guarded.address}/sign-in")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#said")).to_have_text("Give your name and your password.")
    expect(page.get_by_label("Name")).to_be_focused()
    page.get_by_label("Name").fill("ben")
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_have_text("Give your password.")
    assert page.get_by_label("Password", exact=True).get_attribute("aria-invalid") == "true"


def test_a_password_is_shown_only_while_it_is_wished(page: Page, guarded: Serving) -> None:
    page.goto(f"{guarded.address}/sign-in")
    password = page.locator("#password")
    password.fill("a secret")
    page.get_by_role("button", name="Show password").click()
    assert password.get_attribute("type") == "text"
    page.get_by_role("button", name="Hide password").click()
    assert password.get_attribute("type") == "password"
    page.get_by_role("button", name="Show password").click()
    page.get_by_label("Name").fill("ben")
    page.get_by_role("button", name="Sign in").click()
    assert password.get_attribute("type") == "password"
    expect(page.locator("#said")).not_to_be_empty()


def test_ten_failures_and_the_page_says_to_wait(page: Page, guarded: Serving) -> None:
    answers = [page.request.post(f"{guarded.address}/api/session", data={"name": "cleo", "password": WRONG}).status for _ in range(10)]
    assert answers == [401] * 10
    sign_in(page, guarded, "cleo")
    expect(page.locator("#said")).to_have_text(re.compile(r"Too many attempts to sign in under this name: wait \d+ minutes"))
    expect(page).to_have_url(f"{guarded.address}/sign-in")


@pytest.mark.parametrize(
    "place",
    ["//elsewhere.example/", "/\\elsewhere.example", "https://elsewhere.example/", "javascript:alert(1)", "/%09/elsewhere.example",
     "/\t/elsewhere.example", "/sign-in?next=%2Frate", "", "rate"],
)  # fmt: skip
def test_nobody_is_sent_to_another_place(page: Page, guarded: Serving, place: str) -> None:
    value = page.evaluate("encodeURIComponent", place)
    page.goto(f"{guarded.address}/sign-in")
    assert page.request.post(f"{guarded.address}/api/session", data={"name": "ben", "password": PASSWORD}).status == 200
    page.goto(f"{guarded.address}/sign-in?next={value}")
    on = page.get_by_role("link", name="Go on")
    address = on.evaluate("(link) => link.href")
    assert address.startswith(f"{guarded.address}/")
    assert address == f"{guarded.address}/rate" or place == "/%09/elsewhere.example"


def test_a_rater_sees_the_rating_page_and_nothing_else(page: Page, guarded: Serving) -> None:
    sign_in(page, guarded, "ben")
    expect(page).to_have_url(f"{guarded.address}/rate")
    page.goto(f"{guarded.address}/?trace=1")
    expect(page).to_have_url(f"{guarded.address}/rate")
    asked = {
        path: page.request.get(f"{guarded.address}{path}").status
        for path in (
            "/api/traces",
            "/api/facets",
            "/api/raters",
            "/api/studies",
            "/config",
            "/gradio_api/info",
            "/api/session",
            "/api/preferences",
        )
    }
    assert asked == dict.fromkeys(asked, 403) | {"/api/session": 200, "/api/preferences": 200}
    changed = page.request.put(f"{guarded.address}/api/raters/1", data={"role": "rater"})
    assert changed.status == 403


def test_a_page_of_another_site_signs_nobody_in_or_out(page: Page, context: BrowserContext, guarded: Serving, single: Serving) -> None:
    sign_in(page, guarded, "ben")
    expect(page).to_have_url(f"{guarded.address}/rate")
    other = context.new_page()
    # Another port of this machine: the same site, so the cookie goes along, and yet another origin.
    other.goto(f"{single.address}/sign-in")
    said = other.evaluate(
        """async (address) => {
          const forms = [['DELETE', null], ['POST', JSON.stringify({ name: 'ben', password: 'x' })]];
          return Promise.all(forms.map(([method, body]) =>
            fetch(`${address}/api/session`, { method, body, mode: 'cors', credentials: 'include' }).then((r) => r.status, () => 'kept away')));
        }""",
        guarded.address,
    )
    assert said == ["kept away", "kept away"]
    other.close()
    session = page.request.get(f"{guarded.address}/api/session").json()
    assert session["rater"]["name"] == "ben"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 900, 390])
def test_signing_in_is_for_everybody(page: Page, guarded: Serving, single: Serving, scheme: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    for server in (guarded, single):
        page.goto(f"{server.address}/sign-in")
        page.get_by_role("button", name=re.compile("Sign in|Go on")).click()
        expect(page.locator("#said")).not_to_be_empty()
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_where_nothing_is_guarded_a_name_is_enough(page: Page, single: Serving) -> None:
    page.goto(f"{single.address}/rate")
    expect(page.get_by_role("heading", name="Who is rating?")).to_be_visible()
    assert page.get_by_label("Password").count() == 0
    page.get_by_label("Name").fill(MARKUP)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{single.address}/rate")
    page.goto(f"{single.address}/sign-in?next=/rate")
    page.get_by_role("button", name="Another name").click()
    page.get_by_role("group", name="Said before").get_by_role("button", name=MARKUP).click()
    expect(page).to_have_url(f"{single.address}/rate")


# -- the admin's screen --


def test_an_admin_adds_changes_and_closes_by_keys_alone(page: Page, guarded: Serving) -> None:
    sign_in(page, guarded, "root")
    page.get_by_role("tab", name="Raters").focus()
    page.keyboard.press("Enter")
    row = page.get_by_role("row", name=re.compile(re.escape(MARKUP)))
    expect(row).to_contain_text("Rater")
    page.get_by_role("button", name="Add somebody").focus()
    page.keyboard.press("Enter")
    page.keyboard.type("dora")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Give at least 8 characters.")).to_be_visible()
    for key in ("Tab", "Tab"):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    made = page.get_by_label("Password", exact=True).input_value()
    assert re.fullmatch(r"(?:[2-9a-z]{4}-){3}[2-9a-z]{4}", made)
    assert violations(page) == []
    page.get_by_label("Password", exact=True).press("Enter")
    dora = page.get_by_role("row", name=re.compile("dora"))
    expect(dora).to_contain_text("never")
    expect(page.get_by_role("button", name="Add somebody")).to_be_focused()
    assert page.request.post(f"{guarded.address}/api/session", data={"name": "dora", "password": made}).status == 200
    assert page.request.delete(f"{guarded.address}/api/session").status == 200
    sign_in(page, guarded, "root")
    page.get_by_role("tab", name="Raters").click()
    page.get_by_role("button", name="Change dora").press("Enter")
    page.get_by_role("dialog").get_by_label("Role", exact=True).select_option("lead")
    assert violations(page) == []
    page.get_by_role("button", name="Set role").press("Enter")
    expect(dora).to_contain_text("Lead")
    expect(page.get_by_role("button", name="Change dora")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Close account").press("Enter")
    expect(dora).to_contain_text("closed")


def test_the_last_admin_is_told_why_not(page: Page, guarded: Serving) -> None:
    sign_in(page, guarded, "root")
    page.get_by_role("tab", name="Raters").click()
    page.get_by_role("button", name="Change root").click()
    page.get_by_role("button", name="Close account").click()
    expect(page.get_by_role("alert").filter(has_text="see to another admin first")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
