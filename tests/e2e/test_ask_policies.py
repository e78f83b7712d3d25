"""The list of policies in the browser, over the real routes: what was added can be taken off again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.e2e.ask_world import QUICK, SLOW, give, opened, running, state
from tests.e2e.axe import violations

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def test_an_added_policy_is_taken_off_the_list_unless_it_is_asked(page: Page, tmp_path_factory: pytest.TempPathFactory) -> None:
    with running(tmp_path_factory.mktemp("removed"), named=(QUICK,)) as world:
        world.world.services.shelf.add(SLOW)
        opened(page, world)
        remove = page.get_by_role("button", name=re.compile("^Remove .* from the list$"))
        expect(remove).to_have_count(1)
        give(page, policy=SLOW)
        page.keyboard.press("Control+Enter")
        expect(state(page)).to_have_text("Running")
        remove.press("Enter")
        block = page.locator(".ak-block", has=page.locator(".ak-policies"))
        expect(block.get_by_role("alert")).to_have_text(re.compile("is in use by 1 run: wait until it has ended, or stop it, then remove"))
        expect(remove).to_be_focused()
        assert violations(page) == []
        page.keyboard.press("Escape")
        expect(state(page)).to_have_text("Stopped")
        remove.press("Enter")
        expect(page.locator(f".ak-policy[data-reference='{SLOW}']")).to_have_count(0)
        expect(remove).to_have_count(0)
        expect(block.get_by_role("status")).to_have_text(re.compile("is off the list"))
        expect(page.locator(f".ak-policy[data-reference='{QUICK}'] input")).to_be_checked()
        expect(page.locator(f".ak-policy[data-reference='{QUICK}'] input")).to_be_focused()
        assert world.world.services.shelf.references == (QUICK, "replay")
        page.reload()
        page.locator(".ak-policy").first.wait_for()
        expect(page.locator(f".ak-policy[data-reference='{SLOW}']")).to_have_count(0)
