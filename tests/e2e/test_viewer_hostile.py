"""Text from models and files is text everywhere, whatever it holds."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.fixture_server import item
from tests.e2e.fixture_traces import HOSTILE, identity
from tests.e2e.viewing import Viewer

pytestmark = pytest.mark.browser

ADDED = "script, iframe, object, embed, style, [onerror], [onload], [onfocus], [srcdoc], a[href^='javascript']"


def test_payloads_in_every_field_do_nothing_and_are_shown(viewer: Viewer) -> None:
    content = viewer.server.content
    content.items = [item(content.views[identity("hostile")])]
    viewer.open("hostile", "q=script")
    viewer.page.get_by_role("button", name="More").click()
    for part in (".is-raw summary", ".is-frame summary", ".is-words summary", ".sc-component > summary"):
        viewer.at(part).first.click()
    viewer.at(".sc-fault .sc-more").first.click()
    viewer.press("ArrowRight", "o", "Escape", "ArrowRight", "End")
    viewer.page.get_by_role("button", name="Compare with").click()
    viewer.press("Escape")
    viewer.page.wait_for_load_state("networkidle")
    assert viewer.page.evaluate("window.hit") is None
    inside = "[...document.querySelector('#saccade-inspect').shadowRoot.querySelectorAll(selector)].length"
    assert viewer.page.evaluate(f"selector => {inside}", ADDED) == 0
    for payload in HOSTILE:
        expect(viewer.at(".sc-question")).to_contain_text(payload)
        expect(viewer.at(".sc-step-text").first).to_contain_text(payload)
    links = viewer.at("a[target=_blank]").evaluate_all("all => all.map(one => one.href)")
    assert links == [], "addresses of other kinds and other machines become no links"


def test_the_servers_own_sentences_are_text_too(viewer: Viewer) -> None:
    sentence = "".join(HOSTILE)
    viewer.page.route("**/api/traces?*", lambda route: route.fulfill(status=500, json={"error": sentence}))
    viewer.page.goto(viewer.server.url)
    expect(viewer.at(".sc-nothing")).to_contain_text(HOSTILE[0])
    assert viewer.page.evaluate("window.hit") is None


def test_the_saved_picture_of_a_hostile_trace(viewer: Viewer) -> None:
    viewer.open("hostile")
    viewer.page.get_by_role("button", name="Save").click()
    with viewer.page.expect_download() as download:
        viewer.page.get_by_role("menuitem", name="Picture of the view").click()
    assert "/" not in download.value.suggested_filename and download.value.suggested_filename.endswith(".png")
    assert viewer.page.evaluate("window.hit") is None
