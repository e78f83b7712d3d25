"""Training in the browser, over the real routes: runs are watched, and what is not there is not shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from app.trainings import launching, starts
from tests.app.a_trainer import TEXT
from tests.app.training_world import sft_lines, some_runs, write_run
from tests.e2e.axe import OF_COLOUR, OF_SIZE, violations
from tests.e2e.train_world import TrainWorld, opened, running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.browser

NAMED = "<b>bold</b> " + "a-name-that-goes-on-" * 5


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrainWorld]:
    folder = tmp_path_factory.mktemp("trained")
    with running(folder) as made:
        some_runs(made.runs)
        write_run(made.runs / NAMED.replace("/", "∕"), state="failed", words="<img src=x onerror=alert(1)> broke.", title="<i>x</i>")
        yield made


def row(page: Page, name: str) -> Locator:
    return page.locator(f".tr-run[data-run='{name}']")


def chart(page: Page, name: str) -> Locator:
    return page.locator(f"[data-chart={name}]")


def test_a_run_is_watched_while_it_goes_on(page: Page, world: TrainWorld) -> None:
    lines = list(sft_lines(200, of=1000))
    folder = write_run(world.runs / "going-on", lines, host="far-away", steps=1000)
    opened(page, world)
    # What goes on stands first, and is opened.
    expect(page.locator(".tr-head h2")).to_have_text("going-on")
    expect(page.locator(".tr-head-words")).to_contain_text("step 200 of 1,000 · 13 min left · on far-away")
    expect(chart(page, "loss").locator(".tr-now")).to_contain_text("training 0.95")
    expect(page.locator(".tr-curves > p")).to_contain_text("one item from step 20, a few items from step 120")
    chart(page, "loss").locator(".main-svg").first.wait_for()
    with (folder / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"step": 220, "of": 1000, "loss": 0.125, "seconds_left": 60.0}) + "\n")
    expect(chart(page, "loss").locator(".tr-now")).to_contain_text("training 0.125")
    expect(row(page, "going-on")).to_contain_text("step 220 of 1,000 · 60 s left")
    write_run(folder, lines, state="finished", step=1000, steps=1000)
    expect(page.locator(".tr-head .tr-state")).to_have_text("Finished")


def test_a_run_shows_the_charts_of_its_kind_and_what_must_be_seen(page: Page, world: TrainWorld) -> None:
    opened(page, world)
    row(page, "needle-grpo").click()
    expect(chart(page, "rewards")).to_contain_text("Reward by component")
    expect(chart(page, "looks").get_by_role("note")).to_contain_text("The policy has stopped looking closer")
    label = chart(page, "looks").locator(".rs-plot").get_attribute("aria-label") or ""
    assert label.startswith("Looks a rollout by step. Newest: looks ")
    assert "training=" in page.url
    # Another run lies over it, dashed, and only where both have the figure.
    page.get_by_label("Compare with another run").select_option(label="needle-sft")
    expect(chart(page, "learning_rate").locator(".tr-now")).to_contain_text("needle-sft: learning rate")
    expect(chart(page, "looks").locator(".tr-now")).not_to_contain_text("needle-sft")
    page.get_by_role("tab", name="About").click()
    expect(page.locator(".tr-about")).to_contain_text("GRPO with looks")
    page.reload()
    expect(page.locator(".tr-head h2")).to_have_text("needle-grpo")


def test_names_and_words_are_shown_as_text(page: Page, world: TrainWorld) -> None:
    opened(page, world)
    page.locator(".tr-run", has_text="<b>bold").click()
    expect(page.locator(".tr-head h2")).to_contain_text("<b>bold<")
    expect(page.locator(".tr-head .pg-note")).to_have_text("<img src=x onerror=alert(1)> broke.")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_groups_of_rollouts_are_seen_on_their_picture_with_reward_and_advantage(page: Page, world: TrainWorld) -> None:
    opened(page, world)
    row(page, "needle-grpo").click()
    page.get_by_role("tab", name="What it said").click()
    expect(page.locator(".tr-said-bar [role=status]")).to_have_text("3 groups · 1 without gradient · 4 of 12 right")
    dead = page.get_by_role("region", name="Group 2")
    expect(dead).to_contain_text("no gradient: all are as good as each other")
    first = page.locator("[data-group='0'] .tr-card").first
    expect(first).to_contain_text("advantage +")
    expect(first).to_contain_text("Answer right 1.00")
    expect(first.locator(".sc-mark").first).to_be_visible()
    page.get_by_label("The step before").click()
    expect(page.locator(".tr-said-bar [role=status]")).to_contain_text("2 groups")
    first.get_by_role("button").click()
    large = page.get_by_role("dialog", name="A rollout")
    expect(large.locator(".sc-dialog-head")).to_contain_text("Rollout 1 of 8")
    expect(large.locator(".sc-picture")).to_have_js_property("complete", True)
    page.keyboard.press("ArrowRight")
    expect(large.locator(".sc-step.is-current")).to_have_attribute("data-step", "0")
    assert violations(page) == []
    page.keyboard.press("]")
    expect(large.locator(".sc-dialog-head")).to_contain_text("Rollout 2 of 8")
    page.keyboard.press("Escape")
    expect(large).to_be_hidden()


def test_a_start_that_came_to_nothing_says_why_and_is_taken_away(page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    launch = tmp_path / "launch.py"
    launch.write_text(TEXT)
    monkeypatch.setattr(launching, "LAUNCH", launch)
    with running(tmp_path) as made:
        answer = page.request.post(f"{made.url}/api/trainings", data={"recipe": "quick", "name": "first", "changes": ["bad=1"]})
        assert answer.ok
        opened(page, made)
        expect(page.locator(".tr-head .pg-note")).to_have_text("It did not begin: there is no key `bad`: did you mean `batch`?")
        page.get_by_role("button", name="Take away").click()
        expect(page.get_by_role("heading", name="No run of training yet")).to_be_visible()


def test_a_run_is_begun_behind_a_dry_run_of_these_values_and_taken_up_with_others(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launch = tmp_path / "launch.py"
    launch.write_text(TEXT)
    monkeypatch.setattr(launching, "LAUNCH", launch)
    with running(tmp_path) as made:
        write_run(made.runs / "first", state="stopped", step=5)
        opened(page, made)
        _refused_and_tried(page)
        _taken_up(page)
        (run,) = made.services.trainings.folders.runs()
        start = starts.read_start(run.folder)
        assert start is not None and start.command[-2:] == ("--set=at_once=16", "--set=save_every=25")
        made.services.trainings.starter.stop(run)
        expect(page.locator(".tr-head .tr-state")).to_have_text("Stopped")


def _refused_and_tried(page: Page) -> None:
    page.get_by_role("button", name="New run").click()
    dialog = page.get_by_role("dialog", name="Begin a run")
    begin, dry = dialog.get_by_role("button", name="Begin", exact=True), dialog.get_by_role("button", name="Dry run")
    dialog.get_by_label("Recipe").select_option(label="quick – A quick one")
    dialog.get_by_label("Other values").fill("bad=1")
    dry.click()
    expect(page.locator(".st-said")).to_contain_text("there is no key `bad`: did you mean `batch`?")
    expect(begin).to_be_disabled()
    dialog.get_by_label("Other values").fill("")
    dry.click()
    expect(page.locator(".st-said")).to_contain_text("The same by hand: python3 launch.py train -- quick")
    expect(begin).to_be_enabled()
    assert violations(page) == []
    # What was tried out is what may begin.
    dialog.get_by_label("Other values").fill("steps=7")
    expect(begin).to_be_disabled()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def _taken_up(page: Page) -> None:
    page.get_by_role("button", name="Resume with …").click()
    dialog = page.get_by_role("dialog", name="Resume with other values")
    again = dialog.get_by_role("button", name="Resume")
    dialog.get_by_label("Other values").fill("at_once=16\nsave_every")
    again.click()
    expect(dialog.get_by_role("alert")).to_contain_text("A value is set as KEY=VALUE, such as steps=100, and not as 'save_every'.")
    # What the training itself refuses is said by the run, which stays as it was.
    dialog.get_by_label("Other values").fill("bad=1")
    again.click()
    expect(page.locator(".tr-head .pg-note")).to_have_text("It was not taken up again: there is no key `bad`: did you mean `batch`?")
    page.get_by_role("button", name="Resume with …").click()
    dialog.get_by_label("Other values").fill("at_once=16\n\n save_every=25 ")
    again.click()
    expect(dialog).to_be_hidden()
    expect(page.locator(".tr-head .tr-state")).to_have_text("Running")


def test_read_only_runs_are_watched_and_none_is_begun_or_stopped(page: Page, tmp_path: Path) -> None:
    with running(tmp_path, read_only=True) as made:
        some_runs(made.runs)
        opened(page, made)
        row(page, "stopped-early").click()
        expect(page.locator(".tr-head h2")).to_have_text("stopped-early")
        row(page, "needle-sft").click()
        page.get_by_role("tab", name="What it said").click()
        expect(page.locator(".tr-card")).to_have_count(3)
        for name in ("New run", "Resume", "Resume with …", "Open in Inspect"):
            expect(page.get_by_role("button", name=name)).to_be_hidden()
        refused = page.request.post(f"{made.url}/api/trainings", data={"recipe": "needle"})
        assert (refused.status, refused.json()["error"]) == (403, "With --read-only runs are watched, and none is begun or stopped.")


@pytest.mark.parametrize(("width", "theme", "rules"), [(1440, "light", ()), (900, "dark", OF_COLOUR), (390, "light", OF_SIZE)])
def test_no_state_keeps_anybody_out(browser: Browser, world: TrainWorld, width: int, theme: str, rules: tuple[str, ...]) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    opened(page, world, theme=theme)
    row(page, "needle-grpo").click()
    chart(page, "reward").locator(".main-svg").first.wait_for()
    found = violations(page, rules)
    page.get_by_role("tab", name="What it said").click()
    page.locator(".tr-card").first.wait_for()
    found += violations(page, rules)
    page.get_by_role("tab", name="About").click()
    page.locator(".st-words").first.wait_for()
    found += violations(page, rules)
    over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    context.close()
    assert (found, over) == ([], 0)
