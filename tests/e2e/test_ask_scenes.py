"""Scenes of the needle world on the page where models are asked: drawn, named by a seed, asked about and judged; nothing typed is lost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from core.tasks.needle.splits import Split
from core.tasks.needle.task import NeedleTask
from tests.e2e.ask_world import QUICK, AskWorld, give, opened, running, state
from tests.e2e.test_ask_access import troubles

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.browser

TYPED = "Which of the cups stands nearest to the window?"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AskWorld]:
    """With a policy that ships, and one that was added."""
    with running(tmp_path_factory.mktemp("scenes"), named=(), needle=True) as made:
        made.world.services.shelf.add(QUICK)
        yield made


@pytest.fixture
def newcomer(page: Page, world: AskWorld) -> Page:
    """The page as somebody finds it who has never been here."""
    opened(page, world)
    expect(seed(page)).to_have_text("Seed 0: takes 1 look")
    return page


def seed(page: Page) -> Locator:
    """What is told of the scene in the form."""
    return page.locator(".ak-scene-seed > summary")


def question(page: Page) -> Locator:
    return page.get_by_label("Question", exact=True)


def truth(page: Page) -> Locator:
    return page.get_by_label("Right answer (if it is known)")


def kind(page: Page) -> Locator:
    return page.get_by_label("What the right answer is")


def draw(page: Page) -> None:
    before = seed(page).inner_text()
    page.get_by_role("button", name="Draw", exact=True).click()
    expect(seed(page)).not_to_have_text(before)


def draw_named(page: Page, number: int, difficulty: str) -> None:
    page.get_by_label("Difficulty").select_option(difficulty)
    if not page.get_by_label("Seed of the scene").is_visible():
        seed(page).click()
    page.get_by_label("Seed of the scene").fill(str(number))
    page.get_by_role("button", name="Draw it").click()
    expect(page.locator(".ak-picture-name")).to_have_text(f"needle-{difficulty}-test-{number}.png")


def test_a_newcomer_finds_a_scene_and_asks_the_policy_that_ships(newcomer: Page) -> None:
    asked = NeedleTask.named("default").asked(0, Split.TEST)
    expect(question(newcomer)).to_have_value(asked.question)
    expect(truth(newcomer)).to_have_value(asked.truth.text)
    row = newcomer.locator(".ak-policy").first
    expect(row).to_contain_text("Needle")
    expect(row).to_contain_text("ships with Saccade")
    expect(row.get_by_role("radio")).to_be_checked()
    newcomer.keyboard.press("Control+Enter")
    expect(state(newcomer)).to_have_text("Done", timeout=20_000)
    expect(newcomer.locator(".sc-answer.is-right")).to_contain_text(asked.truth.text)
    expect(newcomer.locator(".sc-look-picture")).to_have_count(1)
    # It looks as it was trained to, and not as its domain does.
    expect(newcomer.locator("#ak-domain-words")).to_contain_text("May zoom in at 96 px around a point")
    expect(newcomer.locator(".sc-look").first).to_contain_text("96 × 96 px")


def test_whoever_was_here_before_finds_what_they_left(newcomer: Page, world: AskWorld) -> None:
    draw_named(newcomer, 1, "default")
    # Its truth is a box, which visual search does not usually have: that it is one lasts.
    expect(kind(newcomer)).to_have_value("box")
    box = truth(newcomer).input_value()
    newcomer.reload()
    expect(seed(newcomer)).to_have_text("Seed 1: takes 3 looks")
    expect(truth(newcomer)).to_have_value(box)
    expect(kind(newcomer)).to_have_value("box")
    question(newcomer).fill(TYPED)
    newcomer.reload()
    expect(newcomer.locator(".ak-picture-name")).to_have_text("needle-default-test-1.png")
    expect(question(newcomer)).to_have_value(TYPED)
    # The next scene's truth is in words again.
    draw_named(newcomer, 0, "easy")
    expect(kind(newcomer)).to_have_value("text")


def test_a_scene_is_drawn_changed_asked_about_and_judged(newcomer: Page) -> None:
    seen = {seed(newcomer).inner_text()}
    for _ in range(2):
        draw(newcomer)
        seen.add(seed(newcomer).inner_text())
    assert len(seen) == 3, "another one each time"
    newcomer.get_by_label("Difficulty").select_option("gui")
    expect(newcomer.locator(".ak-scene > .st-hint")).to_contain_text("Two windows with 4 to 6 buttons")
    draw_named(newcomer, 2, "gui")
    expect(newcomer.get_by_label("Domain", exact=True)).to_have_value("web_grounding")
    expect(newcomer.locator(".sc-picture")).to_have_js_property("naturalWidth", 512)
    newcomer.get_by_role("button", name="Ask Ctrl").click()
    expect(state(newcomer)).to_have_text("Done", timeout=20_000)
    expect(newcomer.locator(".sc-answer.is-right")).to_contain_text("is in the box")
    # Of what nobody has told it, it knows nothing, and that is judged too. The run makes way for the next scene.
    draw(newcomer)
    expect(state(newcomer)).to_have_text("Nothing is asked yet")
    newcomer.keyboard.press("Control+Enter")
    expect(state(newcomer)).to_have_text("Done", timeout=20_000)
    expect(newcomer.locator(".sc-answer.is-wrong")).to_contain_text("nothing")


def test_what_somebody_typed_is_put_back(newcomer: Page) -> None:
    back = newcomer.get_by_role("button", name="Put back what was there")
    draw(newcomer)
    expect(back).to_be_hidden()
    give(newcomer, policy=QUICK, question=TYPED, truth="the blue one")
    expect(seed(newcomer)).to_have_text("Seed")
    newcomer.get_by_label("Domain", exact=True).select_option("spatial")
    draw(newcomer)
    expect(question(newcomer)).not_to_have_value(TYPED)
    # Scenes make way for each other, and also the page may be left: what was typed waits.
    draw(newcomer)
    newcomer.reload()
    back.click()
    expect(question(newcomer)).to_have_value(TYPED)
    expect(truth(newcomer)).to_have_value("the blue one")
    expect(newcomer.get_by_label("Domain", exact=True)).to_have_value("spatial")
    expect(newcomer.locator(".ak-picture-name")).to_have_text("coffee.png")
    expect(newcomer.get_by_role("button", name="Draw", exact=True)).to_be_focused()
    expect(back).to_be_hidden()
    # A drawn question that was changed is somebody's own too.
    draw(newcomer)
    question(newcomer).fill(f"{question(newcomer).input_value()} {TYPED}")
    mine = question(newcomer).input_value()
    draw(newcomer)
    back.click()
    expect(question(newcomer)).to_have_value(mine)


def test_whom_a_scene_does_not_suit_is_said_where_one_asks_and_nobody_is_stopped(newcomer: Page) -> None:
    note = newcomer.locator(".ak-form-foot .ak-unfit")
    expect(note).to_be_hidden()
    newcomer.locator(f".ak-policy[data-reference='{QUICK}'] input").check()
    row = newcomer.locator(f".ak-policy[data-reference='{QUICK}']")
    if row.get_by_role("button", name="Load").count():
        row.get_by_role("button", name="Load").click()
    expect(note).to_contain_text(f"{QUICK} is shown a scene of 512 px in")
    newcomer.keyboard.press("Control+Enter")
    expect(state(newcomer)).to_have_text("Done", timeout=20_000)
    newcomer.locator(".ak-policy[data-reference='replay'] input").check()
    expect(note).to_have_text("Recorded runs answer only what was recorded: choose a model to ask about a drawn scene.")
    newcomer.locator(".ak-policy[data-reference='needle'] input").check()
    expect(note).to_be_hidden()
    # Of a picture of one's own there is nothing to say.
    give(newcomer, policy=QUICK)
    expect(note).to_be_hidden()


def test_what_cannot_be_drawn_is_said_and_the_form_stays(newcomer: Page) -> None:
    was = question(newcomer).input_value()
    seed(newcomer).click()
    for wrong in ("-1", "1.5", "99999999999", ""):
        newcomer.get_by_label("Seed of the scene").fill(wrong)
        newcomer.keyboard.press("Enter")
        expect(newcomer.locator(".ak-scene > .st-error")).to_have_text("Seed: a whole number from 0 to 2147483647.")
    expect(newcomer.get_by_label("Seed of the scene")).to_be_focused()
    newcomer.route("**/api/ask/scenes", lambda route: route.fulfill(status=503, json={"error": "The disk is full: make room."}))
    newcomer.get_by_role("button", name="Draw", exact=True).click()
    expect(newcomer.locator(".ak-scene > .st-error")).to_have_text("The disk is full: make room.")
    expect(question(newcomer)).to_have_value(was)
    newcomer.unroute_all()
    draw(newcomer)
    expect(newcomer.locator(".ak-scene > .st-error")).to_be_hidden()


def test_who_asks_at_once_asks_about_the_scene_that_is_being_drawn(newcomer: Page, world: AskWorld) -> None:
    newcomer.route("**/api/ask/scenes", lambda route: (newcomer.wait_for_timeout(300), route.continue_()))
    seed(newcomer).click()
    newcomer.get_by_label("Seed of the scene").fill("2")
    newcomer.keyboard.press("Enter")
    newcomer.keyboard.press("Control+Enter")
    expect(state(newcomer)).to_have_text("Done", timeout=20_000)
    expect(newcomer.locator(".sc-answer.is-right")).to_be_visible()
    assert world.world.services.runs.runs()[0].asked.sample.pictures[0].name == "needle-default-test-2.png"
    newcomer.unroute_all()


def test_by_keyboard_alone_the_focus_stays(newcomer: Page) -> None:
    newcomer.get_by_label("Difficulty").focus()
    newcomer.keyboard.press("ArrowDown")
    expect(newcomer.get_by_label("Difficulty")).to_have_value("hard")
    newcomer.keyboard.press("Tab")
    before = seed(newcomer).inner_text()
    newcomer.keyboard.press("Enter")
    expect(seed(newcomer)).not_to_have_text(before)
    expect(newcomer.get_by_role("button", name="Draw", exact=True)).to_be_focused()
    expect(newcomer.locator(".ak-scene [role=status]")).to_have_text(re.compile(r"^Seed \d+: takes \d looks?$"))
    newcomer.keyboard.press("Tab")
    newcomer.keyboard.press("Space")
    newcomer.keyboard.press("Tab")
    expect(newcomer.get_by_label("Seed of the scene")).to_be_focused()
    newcomer.keyboard.press("Control+a")
    newcomer.keyboard.type("3")
    newcomer.keyboard.press("Enter")
    expect(newcomer.locator(".ak-picture-name")).to_have_text("needle-hard-test-3.png")
    expect(newcomer.get_by_label("Seed of the scene")).to_be_focused()
    newcomer.keyboard.press("Control+Enter")
    expect(state(newcomer)).to_have_text("Done", timeout=20_000)
    expect(newcomer.locator(".sc-answer.is-right")).to_be_visible()


def test_where_a_policy_was_named_or_nothing_can_be_kept_nothing_is_drawn(
    page: Page, world: AskWorld, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with running(tmp_path_factory.mktemp("named"), named=(QUICK,), needle=True) as named:
        opened(page, named)
        expect(page.get_by_text("Ask a model, and watch where it looks")).to_be_visible()
        expect(page.locator(f".ak-policy[data-reference='{QUICK}'] input")).to_be_checked()
        # It can be drawn all the same.
        page.get_by_role("button", name="Draw a scene").click()
        expect(page.locator(".ak-picture-name")).to_have_text(re.compile(r"^needle-default-test-\d+\.png$"))
        facts = page.request.get(f"{named.url}/api/ask").json() | {"read_only": True}
        page.route("**/api/ask", lambda route: route.fulfill(json=facts))
        page.reload()
        expect(question(page)).not_to_have_value("")
        expect(page.get_by_role("group", name="Draw a scene")).to_be_hidden()


@pytest.mark.parametrize(("width", "theme"), [(1440, "dark"), (900, "light")])
def test_no_state_of_a_scene_keeps_anybody_out(browser: Browser, world: AskWorld, width: int, theme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    opened(page, world, theme=theme)
    expect(seed(page)).to_have_text("Seed 0: takes 1 look")
    found = troubles(page, "newcomer")
    question(page).fill("Which? " * 1_000)
    draw_named(page, 3, "hard")
    page.locator(".ak-policy[data-reference='replay'] input").check()
    page.locator(".ak-unfit").wait_for()
    page.get_by_label("Seed of the scene").fill("-3")
    page.keyboard.press("Enter")
    found += troubles(page, "everything open")
    page.get_by_role("button", name="Put back what was there").click()
    found += troubles(page, "long question")
    context.close()
    assert found == []
