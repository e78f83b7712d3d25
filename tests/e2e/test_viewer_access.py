"""For everyone: names, sizes and focus of controls, narrow and enlarged windows, light and dark."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.fixture_traces import identity
from tests.e2e.viewing import Viewer

pytestmark = pytest.mark.browser

ROOT = "document.querySelector('#saccade-inspect').shadowRoot"
SHOWN = f"[...{ROOT}.querySelectorAll('button, a, input, select, summary')].filter(n => n.checkVisibility({{visibilityProperty: true}}))"
UNNAMED = f"{SHOWN}.filter(n => !(n.getAttribute('aria-label') || n.textContent.trim())).map(n => n.outerHTML.slice(0, 90))"
SMALL = f"""{SHOWN}.map(n => [n, n.getBoundingClientRect()]).filter(([n, b]) => b.width < 23.5 || b.height < 23.5)
  .map(([n, b]) => `${{n.className}} ${{b.width}} x ${{b.height}}`)"""
CONTRAST = """m => {
  const light = hex => [1, 3, 5].map(i => parseInt(hex.slice(i, i + 2), 16) / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  return m.map(({fill, ink}) => { const [a, b] = [light(fill), light(ink)].sort((x, y) => y - x); return (a + .05) / (b + .05); });
}"""


@pytest.mark.parametrize("name", ["search", "outside", "nothing", "long"])
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (900, 900), (390, 844)])
def test_every_control_has_a_name_and_is_large_enough(viewer: Viewer, name: str, width: int, height: int) -> None:
    viewer.page.set_viewport_size({"width": width, "height": height})
    viewer.open(name, "step=1")
    for part in viewer.at(".sc-demand > summary").all():
        part.click()
    assert viewer.page.evaluate(UNNAMED) == []
    assert viewer.page.evaluate(SMALL) == []
    assert viewer.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_names_of_landmarks_are_unique_while_comparing(viewer: Viewer) -> None:
    viewer.open("search", f"compare={identity('search-b')}")
    expect(viewer.at(".sc-main")).to_have_count(2)
    labels = viewer.at("section[aria-label], aside[aria-label]").evaluate_all("all => all.map(n => n.getAttribute('aria-label'))")
    assert len(labels) == len(set(labels)) == 10


def test_pictures_have_words(viewer: Viewer) -> None:
    viewer.open("search")
    assert viewer.at(".sc-picture").get_attribute("alt") == "The picture coffee.png"
    assert viewer.at(".sc-look-picture").first.get_attribute("alt") == "What the model saw at step 1: 182 px → 672"
    expect(viewer.at(".sc-overlay")).to_have_attribute("role", "img")


def test_focus_is_seen(viewer: Viewer) -> None:
    viewer.open("search")
    viewer.at(".sc-search").focus()
    for _ in range(12):
        viewer.press("Tab")
        outline = viewer.page.evaluate(
            f"(() => {{ const s = getComputedStyle({ROOT}.activeElement); return [s.outlineStyle, parseFloat(s.outlineWidth)]; }})()"
        )
        assert outline == ["solid", 2]


def test_numbers_on_marks_can_be_read(viewer: Viewer) -> None:
    viewer.open("search")
    ratios = viewer.page.evaluate(f"import('/ui/viewer/palette.js').then(m => ({CONTRAST})(m.COLOURS))")
    assert len(ratios) == 8 and min(ratios) >= 4.5
    looks = viewer.module("palette.js", "Array.from({length: 40}, (_, k) => m.lookOf(k)).map(l => l.fill + l.shape)")
    assert len(set(looks)) == 40, "colour and shape together tell forty steps apart"


@pytest.mark.parametrize(
    ("scheme", "body", "gradio", "theme"),
    [
        ("light", "", False, "light"),
        ("dark", "", False, "dark"),
        ("light", "dark", False, "dark"),
        ("dark", "", True, "light"),
        ("light", "dark", True, "dark"),
    ],
)
def test_light_and_dark(viewer: Viewer, scheme: str, body: str, gradio: bool, theme: str) -> None:
    viewer.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    viewer.open("search")
    viewer.page.evaluate(
        "([body, gradio]) => { if (gradio) document.body.append(document.createElement('gradio-app')); document.body.className = body || 'x'; }",
        [body, gradio],
    )
    expect(viewer.at(".sc-root")).to_have_attribute("data-theme", theme)


def test_enlarged_text_still_fits(viewer: Viewer) -> None:
    viewer.page.add_init_script("addEventListener('DOMContentLoaded', () => { document.documentElement.style.fontSize = '32px'; })")
    viewer.open("search", "step=2")
    assert viewer.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    stage = viewer.at(".sc-stage").bounding_box()
    assert stage and stage["height"] > 150 and stage["width"] > 300
    expect(viewer.page.get_by_role("button", name="Share")).to_be_in_viewport()


def test_the_page_around_keeps_its_styles_and_the_viewer_its_own(viewer: Viewer) -> None:
    viewer.open("search")
    before = viewer.at(".sc-question").evaluate(
        "n => JSON.stringify([getComputedStyle(n).color, getComputedStyle(n).fontSize, getComputedStyle(n).marginTop])"
    )
    viewer.page.add_style_tag(
        content="* { color: red; } h2 { font-size: 99px !important; margin: 50px !important; } button { padding: 40px !important; }"
    )
    after = viewer.at(".sc-question").evaluate(
        "n => JSON.stringify([getComputedStyle(n).color, getComputedStyle(n).fontSize, getComputedStyle(n).marginTop])"
    )
    assert before == after


def test_the_drawer_on_a_middle_screen(viewer: Viewer) -> None:
    viewer.page.set_viewport_size({"width": 900, "height": 900})
    viewer.open("search")
    expect(viewer.at(".sc-row").first).to_be_hidden()
    viewer.page.get_by_role("button", name="Traces").click()
    expect(viewer.at(".sc-search")).to_be_focused()
    viewer.at(".sc-row").nth(2).click()
    expect(viewer.at(".sc-question")).to_have_text("Point at the cat's left eye.")
    expect(viewer.at(".sc-row").first).to_be_hidden()


def test_keys_are_in_sight_at_the_foot(viewer: Viewer) -> None:
    for width, height in ((1440, 900), (900, 700), (390, 844)):
        viewer.page.set_viewport_size({"width": width, "height": height})
        viewer.open("search")
        expect(viewer.at(".sc-foot")).to_be_in_viewport()
        expect(viewer.at(".sc-all-keys")).to_be_in_viewport()
