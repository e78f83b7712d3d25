"""The newcomer's path through the real application: a real server, a real database, a real browser, and no other machine."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from playwright.sync_api import expect

from app.bench.serving import Serving, serving

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.browser

QUESTION = "Which colour is the square?"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("data")) as running:
        yield running


def _open(page: Page, server: Serving, query: str = "") -> None:
    page.goto(f"{server.address}/{query}")
    page.wait_for_selector(".sc-step")


def _current(page: Page) -> str:
    return page.locator(".sc-step.is-current").first.inner_text()


def _rows(page: Page, count: int) -> None:
    page.locator("a.sc-row").nth(count - 1).wait_for()
    assert page.locator("a.sc-row").count() == count


def _shows_pixels(page: Page, selector: str, width: int) -> None:
    page.locator(selector).first.wait_for()
    page.locator(selector).first.evaluate("(image) => image.decode()")
    assert page.locator(selector).first.evaluate("(image) => image.naturalWidth") == width


def test_the_first_page_shows_a_hand_written_trace(page: Page, server: Serving) -> None:
    _open(page, server)
    assert page.get_by_text("Hand-written example").first.is_visible()
    _rows(page, 16)
    _shows_pixels(page, ".sc-picture", 1024)


def test_filtering_the_list(page: Page, server: Serving) -> None:
    _open(page, server)
    page.locator(".sc-chip", has_text=re.compile("^wrong")).first.click()
    page.wait_for_url("**correct=wrong**")
    page.locator(".sc-thumb").nth(6).wait_for(state="detached")
    _rows(page, 6)


def test_stepping_by_keys_and_back_by_a_link(page: Page, context: BrowserContext, server: Serving) -> None:
    _open(page, server)
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    third = _current(page)
    page.wait_for_function("() => new URLSearchParams(location.search).get('step') === '3'")
    other = context.new_page()
    other.goto(page.url)
    other.wait_for_selector(".sc-step")
    assert _current(other) == third
    other.close()


def test_a_zoom_opens_with_the_exact_pixels(page: Page, server: Serving) -> None:
    _open(page, server)
    _shows_pixels(page, ".sc-look-picture", 672)
    page.locator(".sc-look-larger").first.click()
    _shows_pixels(page, ".sc-crop", 672)
    page.keyboard.press("Escape")
    page.locator(".sc-crop").first.wait_for(state="hidden")


def _rollouts(folder: Path) -> tuple[Path, Path]:
    """Two lines that can be taken and one that cannot, with the picture they are about."""
    picture = folder / "square.png"
    board = Image.new("RGB", (640, 480), "white")
    board.paste((200, 30, 30), (100, 100, 160, 160))
    board.save(picture)
    thought = "<think> There is a square at (130, 130). </think>"
    row = {
        "question": f"<image>\n{QUESTION}", "image": "square.png", "true_answer": "red", "thoughts": [thought], "final_answer": "red",
        "system_prompt": "", "judge_score": 1.0, "scale_factor": 1.0, "id": "0",
    }  # fmt: skip
    lines = [json.dumps(row), '{"question": "cut off', json.dumps({**row, "final_answer": "blue", "judge_score": 0.0, "id": "1"})]
    file = folder / "rollouts_mine_worker0_final.jsonl"
    file.write_text("\n".join(lines) + "\n")
    return file, picture


def test_importing_a_file_and_seeing_the_refused_line(page: Page, server: Serving, tmp_path: Path) -> None:
    file, picture = _rollouts(tmp_path)
    _open(page, server)
    page.get_by_role("tab", name="Import").click()
    page.locator("#sc-import-files input[type=file]").set_input_files(file)
    page.locator("#sc-import-pictures input[type=file]").set_input_files(picture)
    page.locator("#sc-import-files").get_by_text("KB").or_(page.locator("#sc-import-files").get_by_text(" B")).first.wait_for()
    page.locator("#sc-import-pictures").get_by_text(" B").or_(page.locator("#sc-import-pictures").get_by_text("KB")).first.wait_for()
    page.locator("#sc-import-check").click()
    page.locator("#sc-import-status", has_text="Points are read as").wait_for()
    page.locator("#sc-import-pictures-seen img").wait_for()
    page.locator("#sc-import-start").click()
    page.locator("#sc-import-status", has_text="2 traces added").wait_for()
    refused = page.locator("#sc-import-verdicts")
    refused.wait_for()
    assert file.name in refused.inner_text()
    page.locator("#sc-import-status a").click()
    page.wait_for_selector(".sc-step")
    _rows(page, 2)
    assert QUESTION in page.locator("a.sc-row").first.inner_text()


def test_a_stopped_import_stops_keeps_what_it_had_and_says_so(page: Page, server: Serving, tmp_path: Path) -> None:
    file, picture = _rollouts(tmp_path)
    row = json.loads(file.read_text().splitlines()[0])
    with file.open("w") as lines:
        for number in range(60_000):
            lines.write(
                json.dumps({**row, "id": str(number), "thoughts": [f"<think> Row {number}: a square at (130, 130). </think>"]}) + "\n"
            )
    _open(page, server)
    page.get_by_role("tab", name="Import").click()
    page.locator("#sc-import-folder").get_by_role("textbox").fill(str(picture.parent))
    page.locator("#sc-import-dataset").get_by_role("textbox").fill("stopped")
    page.locator("#sc-import-files input[type=file]").set_input_files(file)
    page.locator("#sc-import-files").get_by_text("MB").first.wait_for()
    page.locator("#sc-import-start").click()
    page.locator("#sc-import-status", has_text="left").wait_for()
    page.locator("#sc-import-stop").click()
    page.locator("#sc-import-status", has_text="Stopped. What was imported before is kept.").wait_for()
    expect(page.locator("#sc-import-start")).to_be_enabled()
    address = f"{server.address}/api/traces?dataset=stopped&page_size=1"
    page.wait_for_timeout(1_500)
    kept = page.request.get(address).json()["total"]
    page.wait_for_timeout(1_500)
    assert 0 < kept < 60_000
    assert page.request.get(address).json()["total"] == kept
    assert "Stopped" in page.locator("#sc-import-status").inner_text()


def test_an_import_without_a_file_is_one_sentence(page: Page, server: Serving) -> None:
    _open(page, server)
    page.get_by_role("tab", name="Import").click()
    page.locator("#sc-import-start").click()
    page.locator("#sc-import-status", has_text="There is no file yet").wait_for()
    assert page.locator("#sc-import-start").is_enabled()


def test_the_data_set_named_by_a_link_is_the_one_that_is_shown(page: Page, server: Serving) -> None:
    _open(page, server, "?dataset=demo")
    _rows(page, 16)


def test_read_only_there_is_nothing_to_import_with(page: Page, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("read")
    with serving(folder):
        pass  # makes the database and seeds the demo
    before = sorted((path.name, path.stat().st_mtime_ns) for path in (folder / "pictures").rglob("*"))
    with serving(folder, "--read-only") as reading:
        _open(page, reading)
        _rows(page, 16)
        _shows_pixels(page, ".sc-look-picture", 672)
        assert page.get_by_role("tab", name="Import").count() == 0
    assert sorted((path.name, path.stat().st_mtime_ns) for path in (folder / "pictures").rglob("*")) == before


def test_the_second_page_of_a_list_survives_a_reload(page: Page, server: Serving) -> None:
    _open(page, server, "?page=2&correct=wrong")
    page.reload()
    page.wait_for_selector(".sc-step")
