"""Somebody changes their own password in the bar, on the workbench and on the raters' page: a real server with accounts, a real browser."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from argon2 import PasswordHasher
from playwright.sync_api import expect

from annotations.raters.accounts_file import FileAccount
from annotations.raters.values import Role
from app.bench.serving import Serving, serving
from app.services import open_services
from app.settings import settings_from
from tests.e2e.axe import violations

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.browser

OLD, NEW, WRONG = "correct horse", "a clean staple", "battery staple"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """With an admin, a lead, two raters, and a rater of an accounts file."""
    folder = tmp_path_factory.mktemp("guarded")
    with open_services(settings_from(Namespace(data_dir=folder), {})) as services:
        for name, role in (("root", Role.ADMIN), ("cleo", Role.LEAD), ("ben", Role.RATER), ("dora", Role.RATER)):
            services.raters.add(name, role, OLD)
        services.raters.follow_file([FileAccount("filed", Role.RATER, PasswordHasher().hash(OLD))])
    with serving(folder) as running:
        yield running


def signs_in(page: Page, server: Serving, name: str, password: str = OLD) -> int:
    return page.request.post(f"{server.address}/api/session", data={"name": name, "password": password}).status


def opened(page: Page, server: Serving, name: str, path: str = "/rate") -> Locator:
    """The window, opened by keys by somebody who has just come in."""
    assert signs_in(page, server, name) == 200
    page.goto(f"{server.address}{path}")
    # When the page has come to rest: it puts the focus where its own work begins.
    (page.locator(".sc-step").first if path == "/" else page.get_by_role("button", name="Start rating")).wait_for()
    page.get_by_role("button", name=f"{name}: change your password").press("Enter")
    window = page.get_by_role("dialog", name="Change your password")
    expect(window).to_be_visible()
    return window


def typed(window: Locator, old: str, new: str, again: str) -> None:
    for label, value in (("Old password", old), ("New password", new), ("New password again", again)):
        window.get_by_label(label, exact=True).fill(value)
    window.get_by_label("New password again").press("Enter")


def test_a_lead_changes_it_on_the_workbench_and_stays_in(page: Page, server: Serving, browser: Browser) -> None:
    elsewhere = browser.new_context()
    other = elsewhere.new_page()
    assert signs_in(other, server, "cleo") == 200
    window = opened(page, server, "cleo", "/")
    old = window.get_by_label("Old password")
    expect(old).to_be_focused()
    assert violations(page) == []
    for passwords, field, said in (
        (("", "short", ""), "Old password", "Type the password that you sign in with now."),
        ((OLD, "short", "short"), "New password", "Give at least 8 characters."),
        ((OLD, NEW, WRONG), "New password again", "This is not the same as the new password above"),
        ((WRONG, NEW, NEW), "Old password", "The old password is not right"),
    ):
        typed(window, *passwords)
        at = window.get_by_label(field, exact=True)
        expect(at).to_be_focused()
        expect(at).to_have_attribute("aria-invalid", "true")
        expect(window.locator(".st-field", has=page.get_by_label(field, exact=True)).locator(".st-error")).to_contain_text(said)
        assert violations(page) == []
    assert other.request.get(f"{server.address}/api/session", max_retries=3).json()["rater"]["name"] == "cleo"
    page.keyboard.type(OLD)
    page.keyboard.press("Enter")
    expect(window.get_by_role("status")).to_have_text("Your password is changed. You are signed out everywhere else.")
    expect(window.get_by_role("button", name="Done")).to_be_focused()
    assert violations(page) == []
    page.keyboard.press("Enter")
    expect(window).to_be_hidden()
    expect(page.get_by_role("button", name="cleo: change your password")).to_be_focused()
    assert page.request.get(f"{server.address}/api/session", max_retries=3).json()["rater"]["name"] == "cleo"
    assert other.request.get(f"{server.address}/api/session", max_retries=3).json()["rater"] is None
    assert (signs_in(other, server, "cleo"), signs_in(other, server, "cleo", NEW)) == (401, 200)
    elsewhere.close()


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_a_rater_finds_it_on_their_own_page(page: Page, server: Serving, width: int, scheme: str) -> None:
    page.set_viewport_size({"width": width, "height": 700})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    window = opened(page, server, "ben")
    typed(window, OLD, NEW, "?")
    expect(window.locator(".st-error").filter(has_text="not the same")).to_be_visible()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    box = window.bounding_box()
    assert box and box["x"] >= 0 and box["x"] + box["width"] <= width
    # What was typed is shown only while it is wished, and is gone with the window.
    fields = [window.get_by_label(label, exact=True) for label in ("Old password", "New password", "New password again")]
    show = window.get_by_label("Show what I type")
    show.check()
    assert [one.get_attribute("type") for one in fields] == ["text"] * 3 and violations(page) == []
    page.keyboard.press("Escape")
    expect(window).to_be_hidden()
    expect(page.get_by_role("button", name="ben: change your password")).to_be_focused()
    page.keyboard.press("Enter")
    expect(fields[0]).to_be_focused()
    assert [(one.get_attribute("type"), one.input_value()) for one in fields] == [("password", "")] * 3
    expect(show).not_to_be_checked()
    expect(window.locator(".st-error").filter(visible=True)).to_have_count(0)
    assert signs_in(page, server, "ben") == 200, "nothing was changed"


def test_guessing_the_old_one_is_told_to_wait(page: Page, server: Serving) -> None:
    window = opened(page, server, "dora")
    for _ in range(10):
        answer = page.request.put(f"{server.address}/api/session/password", data={"old": WRONG, "new": NEW})
        assert answer.status == 403
    typed(window, OLD, NEW, NEW)
    expect(window.get_by_role("alert")).to_have_text(re.compile(r"wait \d+ minutes"))
    assert violations(page) == []


def test_a_session_that_ended_meanwhile_is_said(page: Page, server: Serving) -> None:
    window = opened(page, server, "root", "/")
    assert page.request.delete(f"{server.address}/api/session").status == 200
    typed(window, OLD, NEW, NEW)
    expect(window.get_by_role("alert")).to_have_text("Sign in first.")


def test_whose_password_stands_in_a_file_is_told_so(page: Page, server: Serving) -> None:
    window = opened(page, server, "filed")
    expect(window.get_by_text("stands in the accounts file of --auth")).to_be_visible()
    assert window.locator("input").count() == 0 and violations(page) == []
    expect(window.get_by_role("button", name="Close", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(window).to_be_hidden()


def test_where_a_name_is_enough_there_is_no_password_to_change(page: Page, tmp_path_factory: pytest.TempPathFactory) -> None:
    with serving(tmp_path_factory.mktemp("single")) as single:
        page.request.post(f"{single.address}/api/session", data={"name": "anna"})
        page.goto(f"{single.address}/rate")
        expect(page.get_by_text("anna", exact=True).first).to_be_visible()
        assert page.get_by_role("button", name=re.compile("password")).count() == 0
