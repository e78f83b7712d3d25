"""Forty payloads in every field that a person or a file can fill: on every screen they are words, and nothing of them runs.

To add a screen, give SCREENS a line: how it is opened, and how many of the payloads it must show at least, so that a screen that shows
nothing proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from app.bench.serving import Serving, serving
from tests.e2e.hostile_world import ALL, BROWSER_RATER, MAIN, PAYLOADS, Hostile, make_world, rollouts

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# What only a payload would bring into a page; the application's own markup has none of it, outside of Gradio's.
ADDED = (
    "script, iframe, object, embed, base, meta, marquee, template, noscript, video source, [onerror], [onload], [onfocus], [ontoggle], [onstart], "
    "[onbegin], [onclick], [srcdoc]"
)
# Every text that stands on the page, also in fields and in open shadow roots.
TEXTS = """() => {
  const found = [];
  const walk = (root) => {
    for (const node of root.querySelectorAll('*')) {
      if (node.shadowRoot) walk(node.shadowRoot);
      if ('value' in node && typeof node.value === 'string') found.push(node.value);
      if (node.tagName === 'SCRIPT' || node.tagName === 'STYLE') continue;
      for (const child of node.childNodes) if (child.nodeType === Node.TEXT_NODE) found.push(child.data);
    }
  };
  walk(document);
  return found.join('\\n');
}"""
# What stands in our own parts of the page and should not: such elements, and addresses that lead to another place or are a script.
STRANGERS = """(added) => {
  const found = [];
  const leads = (one) => ['href', 'src', 'action'].some((name) => one.hasAttribute(name) &&
    !(['blob:', 'data:'].includes(new URL(one.getAttribute(name), location).protocol) || new URL(one.getAttribute(name), location).origin === location.origin));
  const look = (root) => {
    for (const node of root.querySelectorAll('*')) {
      if (node.matches(added) || leads(node)) found.push(node.outerHTML.slice(0, 300));
      if (node.shadowRoot) look(node.shadowRoot);
    }
  };
  for (const place of document.querySelectorAll('[id^=saccade-], .sc-bar, .sc-who, #sc-import')) {
    if (place.shadowRoot) look(place.shadowRoot);
    look(place);
  }
  return found;
}"""


@dataclass(frozen=True)
class World:
    """The real server over the hostile data."""

    server: Serving
    data: Hostile
    folder: Path

    def address(self, path: str) -> str:
        return f"{self.server.address}{path}"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("hostile")
    data = make_world(folder)
    with serving(folder) as server:
        yield World(server, data, folder)


def quiet(page: Page, world: World) -> None:
    """Nothing ran, nothing was added, nobody was led away."""
    page.wait_for_timeout(150)
    assert page.evaluate("window.__xss") is None
    assert page.evaluate(STRANGERS, ADDED) == []
    assert page.url.startswith(world.server.address)
    assert [frame.url for frame in page.frames if not frame.url.startswith((world.server.address, "about:blank"))] == []


def shown(page: Page) -> set[str]:
    """The payloads that stand on the page as they are."""
    text = page.evaluate(TEXTS)
    return {payload for payload in PAYLOADS if payload in text}


def tab(page: Page, world: World, name: str, query: str = "") -> None:
    """Opens a tab of the workbench, at the study that holds everything."""
    page.add_init_script(f"sessionStorage.setItem('saccade-study', '{world.data.study}')")
    page.goto(world.address(f"/{query}"))
    page.get_by_role("tab", name=name, exact=True).click()


# -- the screens --


def inspect(page: Page, world: World) -> Iterator[str]:
    page.goto(world.address(f"/?trace={world.data.trace}&step=1"))
    page.locator(".sc-step").first.wait_for()
    yield "a trace"
    page.get_by_role("button", name="More").first.click()
    for part in (".is-raw summary", ".is-frame summary", ".is-words summary", ".sc-component > summary"):
        page.locator(part).first.click()
    yield "everything of a trace"
    page.goto(world.address("/?q=xss"))
    page.locator("a.sc-row").nth(20).wait_for()
    yield "the list"


def asking(page: Page, world: World) -> Iterator[str]:
    tab(page, world, "Ask")
    # Without a model the newest traces of the store are what can be asked again.
    page.locator("#saccade-ask").get_by_role("button", name="From the store").first.click()
    page.locator(".ak-shelf-pick").nth(40).wait_for()
    yield "the stored pictures"
    page.locator(".ak-shelf-pick").first.click()
    page.locator(".ak-picture-name").wait_for()
    yield "the form"
    page.locator("#saccade-ask").get_by_role("button", name="Ask Ctrl").click()
    page.locator(".ak-run:is([data-state=done], [data-state=failed])").wait_for()
    yield "a run"
    page.get_by_role("tab", name="Recent runs").click()
    page.locator(".ak-run-row").first.wait_for()
    yield "the runs"
    study = page.get_by_role("button", name="Save to a study")
    if study.is_visible():
        study.click()
        page.get_by_role("dialog", name="Save to a study").get_by_role("combobox").wait_for()
        yield "the studies to save to"


def rate(page: Page, world: World) -> Iterator[str]:
    keys = {"undo": ALL, "comment": PAYLOADS[0], ALL: "q"}
    assert page.request.put(world.address("/api/preferences"), data={"document": {"rate": {"keys": keys, ALL: ALL}, ALL: ALL}}).ok
    page.goto(world.address(f"/rate?study={world.data.study}"))
    page.get_by_role("heading", name="How to rate").wait_for()
    yield "the instructions"
    page.keyboard.press("Enter")
    page.locator(".rt-stage:not(.is-loading) .rt-picture").wait_for()
    yield "a step with its draft"
    page.locator(".rt-side [data-action=comment]").click()
    page.locator(".rt-side textarea").first.wait_for()
    assert page.locator(".rt-side textarea").first.input_value() == ALL
    yield "the comment of the draft"
    page.locator(".rt-side [data-action=skip]").click()
    yield "the reasons for skipping"
    page.locator(".rt-side [data-action=keys]").click()
    yield "the keys"
    page.goto(world.address("/rate"))
    page.locator(".rt-stage:not(.is-loading) .rt-picture").wait_for()
    page.keyboard.press("l")
    page.locator(".rt-mine-row").first.wait_for()
    yield "the own ratings"
    assert MAIN in page.evaluate(TEXTS)
    page.evaluate("localStorage.clear()")
    page.goto(world.address("/rate"))
    page.locator(".rt-study-card").nth(40).wait_for()
    yield "all studies"


def rate_tab(page: Page, world: World) -> Iterator[str]:
    tab(page, world, "Rate")
    page.locator("#saccade-rate .rt-study-card").nth(40).wait_for()
    yield "all studies, in the workbench"


def studies(page: Page, world: World) -> Iterator[str]:
    tab(page, world, "Studies")
    page.locator(".st-row").nth(40).wait_for()
    yield "the progress of a study"
    for part in ("Steps", "Versions", "Settings"):
        page.locator(".st-detail").get_by_role("tab", name=part).click()
        page.wait_for_timeout(400)
        yield part


def results(page: Page, world: World) -> Iterator[str]:
    tab(page, world, "Results")
    page.locator(".rs-part").first.wait_for(timeout=60_000)
    for table in page.locator(".rs-part summary").all():
        table.click()
    yield "the results"


def curate(page: Page, world: World) -> Iterator[str]:
    tab(page, world, "Curate")
    page.locator("#saccade-curate h2").first.wait_for()
    page.wait_for_timeout(1_500)
    yield "the rule"


def raters(page: Page, world: World) -> Iterator[str]:
    tab(page, world, "Raters")
    page.locator("#saccade-raters table").wait_for()
    yield "the raters"


def sign_in(page: Page, world: World) -> Iterator[str]:
    page.goto(world.address("/sign-in"))
    page.locator("#name").wait_for()
    yield "the names that are known"


def importing(page: Page, world: World) -> Iterator[str]:
    page.goto(world.address("/"))
    page.get_by_role("tab", name="Import").click()
    board = world.folder / "square.png"
    Image.new("RGB", (320, 240), "white").save(board)
    name = f"{PAYLOADS[2]}_worker0_final.jsonl".replace("/", "_")
    page.locator("#sc-import-files input[type=file]").set_input_files({"name": name, "mimeType": "application/jsonl", "buffer": rollouts()})
    page.locator("#sc-import-pictures input[type=file]").set_input_files(board)
    page.locator("#sc-import-dataset").get_by_role("textbox").fill(PAYLOADS[0])
    page.locator("#sc-import-files").get_by_text("KB").or_(page.locator("#sc-import-files").get_by_text(" B")).first.wait_for()
    page.locator("#sc-import-pictures").get_by_text(" B").or_(page.locator("#sc-import-pictures").get_by_text("KB")).first.wait_for()
    page.locator("#sc-import-check").click()
    page.locator("#sc-import-pictures-seen img").wait_for()
    yield "what a file holds"
    page.locator("#sc-import-start").click()
    page.locator("#sc-import-verdicts h3").first.wait_for()
    yield "the verdicts of an import"


SCREENS: dict[str, tuple[Callable[[Page, World], Iterator[str]], int]] = {
    "Inspect": (inspect, 40),
    "Ask": (asking, 40),
    "Rate": (rate, 40),
    "Rate in the workbench": (rate_tab, 40),
    "Studies": (studies, 40),
    "Results": (results, 40),
    "Curate": (curate, 40),
    "Raters": (raters, 40),
    "Sign in": (sign_in, 8),
    "Import": (importing, 40),
}


@pytest.mark.parametrize("name", SCREENS)
def test_a_payload_is_words_on_every_screen(page: Page, context: BrowserContext, world: World, name: str) -> None:
    if name != "Sign in":
        answer = context.request.post(world.address("/api/session"), data={"name": BROWSER_RATER})
        assert answer.ok
    screen, least = SCREENS[name]
    seen: set[str] = set()
    for part in screen(page, world):
        quiet(page, world)
        found = shown(page)
        assert found, f"{part}: no payload can be read"
        seen |= found
    assert len(seen) >= least, f"only {sorted(seen)} can be read"


def test_the_watch_finds_a_payload_that_has_become_markup(page: Page, world: World) -> None:
    """A look-out that sees nothing would let everything pass."""
    page.goto(world.address("/ui/app.css"))
    added = "host => { const place = document.createElement('div'); place.id = 'saccade-watched'; document.body.append(place);"
    page.evaluate(
        f"{added} place.attachShadow({{ mode: 'open' }}).innerHTML = host; }}",
        f"{PAYLOADS[0]}<p>{PAYLOADS[14]}</p><a href='javascript:0'>x</a>",
    )
    assert len(page.evaluate(STRANGERS, ADDED)) == 2
    assert shown(page) == {PAYLOADS[14]}
