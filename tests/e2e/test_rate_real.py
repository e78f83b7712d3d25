"""A rater at the real server with the demo's study: six steps by keys alone, then everything that may go wrong in between."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from app.bench.serving import Serving, serving
from app.settings import DATABASE_FILE
from tests.e2e.axe import violations

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# What stands on the screen as the step to be judged.
STEP = """() => { const root = document.querySelector('#saccade-rate').shadowRoot; const words = root.querySelector('.rt-words');
  return words ? root.querySelector('.rt-place').innerText + words.innerText : ''; }"""


def given(data: Path) -> list[tuple[int, str, dict[str, Any]]]:
    """Every row of the ratings as the database has it, oldest first: item, kind, judgement."""
    with sqlite3.connect(f"file:{data / DATABASE_FILE}?mode=ro", uri=True) as connection:
        rows = connection.execute("SELECT item_id, kind, content FROM ratings ORDER BY id").fetchall()
    return [(item, kind, json.loads(content)) for item, kind, content in rows]


def until(page: Page, data: Path, count: int) -> list[tuple[int, str, dict[str, Any]]]:
    """Waits until the database has so many rows, and the page says that all is saved."""
    for _ in range(600):
        if len(given(data)) >= count:
            break
        page.wait_for_timeout(30)
    expect(page.locator(".rt-saved:visible")).to_contain_text(re.compile(r"saved \d\d:\d\d:\d\d|taken back"))
    found = given(data)
    assert len(found) == count
    return found


def ready(page: Page) -> None:
    page.locator(".rt-stage:not(.is-loading) .rt-picture").wait_for()


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def rate(page: Page, *keys: str) -> None:
    """Presses the keys of one step and waits for the next."""
    before = page.evaluate(STEP)
    press(page, *keys)
    page.wait_for_function(f"before => {{ const now = ({STEP})(); return now && now !== before; }}", arg=before)


def chosen(page: Page) -> list[str]:
    found: list[str] = page.locator(".rt-choice[aria-checked=true]").evaluate_all("all => all.map(one => one.dataset.value)")
    return found


def begin(page: Page, server: Serving) -> None:
    """From the address to the first step by keys alone: a name, and the instructions."""
    page.goto(f"{server.address}/rate")
    page.locator("input[name=name]").wait_for()
    page.keyboard.type("r07")
    press(page, "Enter")
    page.get_by_role("heading", name="How to rate").wait_for()
    assert page.locator(".rt-example").count() == 2
    assert violations(page) == []
    press(page, "Enter")
    ready(page)
    assert violations(page) == []


def _six_steps_and_the_last_taken_back(page: Page, data: Path) -> None:
    for keys in ("y5", "n1", "u3", "4y", "y2", "n3"):
        rate(page, *keys)
    rows = until(page, data, 6)
    assert [(row["answers"]["accurate"], row["answers"]["helpful"]) for _, _, row in rows] == [
        ("yes", "5"), ("no", "1"), ("unsure", "3"), ("yes", "4"), ("yes", "2"), ("no", "3"),
    ]  # fmt: skip
    assert all(row["keys_only"] and row["seconds"] > 0 for _, _, row in rows) and len({item for item, _, _ in rows}) == 6
    rate(page, "z")
    assert chosen(page) == ["no", "3"]
    until(page, data, 7)


def _a_point_corrected(page: Page, data: Path) -> None:
    press(page, "m", "Shift+ArrowUp", "ArrowLeft", "Escape")
    rate(page, "y", "1")
    *_, (item, kind, last) = until(page, data, 8)
    assert kind == "rated" and last["correction"]["point"] and last["answers"] == {"accurate": "yes", "helpful": "1"}
    assert [row[1] for row in given(data) if row[0] == item] == ["rated", "withdrawn", "rated"]


def _the_connection_lost(page: Page, context: BrowserContext, data: Path) -> None:
    context.set_offline(True)
    rate(page, "n", "4")
    expect(page.locator(".rt-saved:visible")).to_contain_text("1 rating not saved yet")
    rate(page, "u", "5")
    expect(page.locator(".rt-saved:visible")).to_contain_text("2 ratings not saved yet")
    assert len(given(data)) == 8
    context.set_offline(False)
    until(page, data, 10)


def _a_draft_reloaded(page: Page) -> None:
    before = page.evaluate(STEP)
    press(page, "n", "c")
    page.keyboard.type("to the left of it")
    page.reload()
    ready(page)
    assert page.evaluate(STEP) == before
    assert chosen(page) == ["no"]
    expect(page.get_by_label("Comment")).to_have_value("to the left of it")


def test_a_rater_loses_nothing(page: Page, context: BrowserContext, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serving(data) as server:
        begin(page, server)
        _six_steps_and_the_last_taken_back(page, data)
        _a_point_corrected(page, data)
        _the_connection_lost(page, context, data)
        _a_draft_reloaded(page)
        os.kill(server.pid, signal.SIGKILL)
    press(page, "b", "ArrowDown", "Escape")
    rate(page, "2")
    expect(page.locator(".rt-saved:visible")).to_contain_text("1 rating not saved yet")
    press(page, "y")
    with serving(data, port=urlsplit(server.address).port or 0) as server:
        press(page, "t")
        *_, (_, _, last) = until(page, data, 11)
        assert (
            last["answers"] == {"accurate": "no", "helpful": "2"} and last["comment"] == "to the left of it" and last["correction"]["box"]
        )
        assert chosen(page) == ["yes"]
        rate(page, "z")
        assert chosen(page) == ["no", "2"]
        rate(page, "Enter")
        until(page, data, 13)
        press(page, "l")
        expect(page.locator("button.rt-mine-row")).to_have_count(9)
        page.goto(f"{server.address}/")
        page.get_by_role("tab", name="Rate", exact=True).click()
        ready(page)
        assert chosen(page) == ["yes"]
        rate(page, "3")
        until(page, data, 14)
    with sqlite3.connect(data / DATABASE_FILE) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
