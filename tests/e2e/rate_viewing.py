"""Words for what a rater does on the rating page."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from playwright.sync_api import expect

from tests.e2e.rate_fixture import RateServer
from tests.e2e.rate_world import Json, World

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator, Page

ROOT = "document.querySelector('#saccade-rate').shadowRoot"


@dataclass
class Rate:
    """A page with the rating page on it, and the server behind it."""

    page: Page
    server: RateServer
    rater: str = "r07"

    @property
    def world(self) -> World:
        return self.server.world

    @property
    def context(self) -> BrowserContext:
        return self.page.context

    def __post_init__(self) -> None:
        self._under_way = 0
        self.page.on("request", lambda _: self._more(1))
        self.page.on("requestfinished", lambda _: self._more(-1))
        self.page.on("requestfailed", lambda _: self._more(-1))

    def _more(self, requests: int) -> None:
        self._under_way += requests

    def open(self, *, study: int = 1, signed_in: bool = True, read: bool = True) -> Rate:
        """Opens the page as somebody who has signed in and knows the instructions, and waits for the first step."""
        self.know(study=study, signed_in=signed_in, read=read)
        self.page.goto(f"{self.server.url}/?study={study}")
        if signed_in and read:
            self.wait()
        return self

    def know(self, *, study: int = 1, signed_in: bool = True, read: bool = True) -> None:
        """Gives the browser a session, and a word that the instructions have been read."""
        if signed_in:
            self.world.sessions["a-secret"] = self.rater
            self.context.add_cookies([{"name": "saccade_session", "value": "a-secret", "url": self.server.url}])
        if read:
            name, version = f"saccade.rate/read/{quote(self.rater)}/{study}", self.world.studies[study]["version"]
            self.page.add_init_script(f"localStorage.getItem({json.dumps(name)}) ?? localStorage.setItem({json.dumps(name)}, '{version}')")

    def wait(self) -> None:
        """Until a step stands there with its picture."""
        self.at(".rt-stage:not(.is-loading) .rt-picture").wait_for()

    def another_tab(self) -> Rate:
        """A second tab of the same person."""
        page = self.context.new_page()
        page.goto(self.page.url)
        tab = Rate(page, self.server, self.rater)
        tab.wait()
        return tab

    def at(self, selector: str) -> Locator:
        return self.page.locator(selector)

    def until(self, condition: Callable[[], object]) -> None:
        """Waits for something that the page does on the server."""
        for _ in range(750):
            if condition():
                return
            self.page.wait_for_timeout(20)
        raise AssertionError("what was waited for did not come")

    def idle(self) -> None:
        """Waits until nothing that the page asked for is on its way."""
        quiet = itertools.count(1)
        self.until(lambda: not self._under_way and next(quiet) >= 5)

    def still(self) -> None:
        """Stops the clock of the whole profile for good: from now on time passes only by `page.clock.run_for`. Mark: `own_profile`."""
        self.page.clock.install()
        self.page.clock.pause_at(datetime.now(UTC) + timedelta(seconds=5))

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def rate(self, *keys: str) -> None:
        """Presses the keys of one step, and waits until the next one, or the end, stands there."""
        before = self.sentence()
        self.press(*keys)
        expect(self.at(".rt-sentence").filter(has_text=before)).to_have_count(0)

    def sentence(self) -> str:
        return self.at(".rt-words .rt-sentence").inner_text()

    def step(self) -> Locator:
        return self.at(".rt-place")

    def status(self) -> Locator:
        return self.at(".rt-saved:visible")

    def saved(self, count: int) -> None:
        """Waits until so many ratings are on the server, and the page knows of all of them."""
        self.page.wait_for_function(f"() => {ROOT}.querySelector('.rt-saved:has(.rt-icon-check)')")
        expect(self.status()).to_contain_text("saved")
        assert len(self.world.ratings) == count

    def given(self) -> list[Json]:
        """What the server has been told, oldest first: the judgements."""
        return [row["judgement"] for row in self.world.ratings]

    def chosen(self) -> list[str]:
        """The answers that are shown as given."""
        found: list[str] = self.at(".rt-choice[aria-checked=true]").evaluate_all("all => all.map(one => one.dataset.value)")
        return found

    def module(self, file: str, expression: str) -> Any:
        """The value of an expression over a module of the page, `m`; without the page itself."""
        if not self.page.url.endswith(".svg"):
            self.page.goto(f"{self.server.url}/ui/favicon.svg")
        return self.page.evaluate(f"import('/ui/rate/{file}').then(m => ({expression}))")

    def to_screen(self, x: float, y: float) -> tuple[float, float]:
        """Where an original pixel of the picture lies on the page."""
        box = self.at(".rt-picture").bounding_box()
        assert box is not None
        width = self.at(".rt-picture").evaluate("one => parseFloat(one.style.width)")
        return box["x"] + x * box["width"] / width, box["y"] + y * box["width"] / width
