"""Words for what a person does in the viewer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.e2e.fixture_server import FixtureServer
from tests.e2e.fixture_traces import identity

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page


@dataclass
class Viewer:
    """A page with the viewer on it, and the server behind it."""

    page: Page
    server: FixtureServer

    def open(self, name: str = "", query: str = "") -> Viewer:
        """Opens a named trace, or the page as a newcomer finds it, and waits until the trace stands there."""
        link = f"trace={identity(name)}&" if name else ""
        self.page.goto(f"{self.server.url}/?{link}{query}")
        if name or not query:
            self.page.locator(".sc-app:not(.is-empty) .sc-stage:not(.is-loading)").first.wait_for()
        return self

    def at(self, selector: str) -> Locator:
        return self.page.locator(selector)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def current(self) -> int:
        """The number of the current step by the step list, 0 for none."""
        found = self.at(".sc-step.is-current")
        return int(found.first.get_attribute("data-step") or "0") + 1 if found.count() else 0

    def mark(self, number: int) -> Locator:
        return self.at(f".sc-mark[data-step='{number - 1}']").first

    def query(self) -> dict[str, str]:
        """The address's parameters (the last of each name)."""
        found: dict[str, str] = self.page.evaluate("Object.fromEntries(new URLSearchParams(location.search))")
        return found

    def module(self, file: str, expression: str) -> Any:
        """The value of an expression over a module of the viewer, `m`."""
        return self.page.evaluate(f"import('/ui/viewer/{file}').then(m => ({expression}))")

    def centre(self, locator: Locator) -> tuple[float, float]:
        """The middle of an element on the page, in CSS pixels."""
        box = locator.bounding_box()
        assert box is not None
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
