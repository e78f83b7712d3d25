"""axe-core on a page: what keeps somebody from using it, found by rule. It looks into open shadow roots."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

_RUN = """async (rules) => {
  const only = rules.length ? { runOnly: { type: 'rule', values: rules } } : {};
  const found = await axe.run(document, { resultTypes: ['violations'], ...only });
  return found.violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.flat().join(' ')}: ${node.failureSummary.split('\\n').slice(1).join(' ').trim()}`));
}"""


@cache
def _source() -> str:
    package = pytest.importorskip("axe_core_python", reason="axe-core-python is not installed: no check by axe-core")
    return resources.files(package).joinpath("axe.min.js").read_text(encoding="utf-8")


# What another theme changes, and what another width does: where the same page was looked at by all rules, these are enough.
OF_COLOUR = ("color-contrast",)
OF_SIZE = ("scrollable-region-focusable", "meta-viewport")


def violations(page: Page, rules: Sequence[str] = ()) -> list[str]:
    """Every violation of axe-core's rules on the page as it is now, as 'rule: place: what is missing'; of these rules alone, if any."""
    if not page.evaluate("'axe' in window"):
        # As an expression, not as a script element: a page's policy may forbid those, and does well to.
        page.evaluate(_source())
    # A fading toast or bar has a colour between two: the rules are about what stays.
    page.evaluate("Promise.all(document.getAnimations().map(one => one.finished))")
    found: list[str] = page.evaluate(_RUN, list(rules))
    return found
