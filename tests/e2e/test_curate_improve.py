"""From preferred traces to a policy, in a real browser: tried out, begun, stopped and gone on with, and read beside the one before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from app.improvements import recipes
from app.improvements.values import State
from app.policy_register import state_of
from app.trainings import launching
from core.policies.local.untrained import ModelType
from tests.app.an_improver import TEXT
from tests.app.asking_world import eventually
from tests.core.policies.conftest import tiny_checkpoints
from tests.e2e.axe import violations
from tests.e2e.curate_world import PAGE, CurateWorld, rate, running
from tests.training.small_data import small_recipe

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

__all__ = ["tiny_checkpoints"]
# Opening the libraries takes most of it, and a slow machine many times as long.
pytestmark = [pytest.mark.browser, pytest.mark.patient(240)]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CurateWorld]:
    """A server with a study that three people have rated."""
    with running(tmp_path_factory.mktemp("improve")) as opened:
        rate(opened.services, opened.study("Pilot", 18), 3, seed=6)
        yield opened
        desk = opened.services.improvements
        for one in desk.improvements():
            if one.state is State.GOING:
                desk.stop(one.id)


@pytest.fixture
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A program that learns nothing, in the place of the real one."""
    launch = tmp_path / "launch.py"
    launch.write_text(TEXT)
    monkeypatch.setattr(launching, "LAUNCH", launch)
    recipes._listed.cache_clear()
    yield
    recipes._listed.cache_clear()


def opened(page: Page, world: CurateWorld, *, test: str = "0.5") -> Page:
    """The page with a rule that takes every trace, of which so large a share is held out."""
    address = f"{world.url}/curate"
    page.route(address, lambda route: route.fulfill(body=PAGE, content_type="text/html"))
    page.goto(address)
    page.get_by_label("Rule", exact=True).and_(page.locator("textarea")).fill("any")
    page.get_by_label("The model’s points").check()
    page.get_by_label("Train", exact=True).fill(str(1 - float(test)))
    page.get_by_label("Validation", exact=True).fill("0")
    page.get_by_label("Test", exact=True).fill(test)
    expect(page.locator(".cu-command")).to_contain_text(f"--split {1 - float(test):g},0,{test}")
    return page


def row(page: Page, name: str) -> Locator:
    return page.locator(f"[data-improvement='{name}']")


def half(page: Page, name: str) -> Locator:
    return page.get_by_role("group", name=name)


def fill(page: Page, name: str) -> tuple[Locator, Locator]:
    """Open the form, and name the policy: the button that tries out, and the one that begins."""
    page.get_by_role("button", name="Train a policy …").click()
    dry, begin = page.get_by_role("button", name="Try out"), page.get_by_role("button", name="Begin", exact=True)
    expect(dry).to_be_enabled()
    page.get_by_label("Name of the policy").fill(name)
    return dry, begin


@pytest.mark.usefixtures("quick")
def test_what_people_prefer_becomes_a_policy_that_is_read_beside_the_one_before(page: Page, world: CurateWorld) -> None:
    opened(page, world)
    card = page.get_by_role("region", name="From these records to a policy")
    expect(card).to_contain_text("A policy learns from the")
    dry, begin = fill(page, "bad")
    expect(begin).to_be_disabled()
    half(page, "From what was said").get_by_label("Recipe").select_option("words")
    half(page, "Then by rewards").get_by_label("Recipe").select_option("rewards")
    half(page, "Then by rewards").get_by_label("Other values").fill("steps=3")
    dry.click()
    expect(page.locator(".st-said")).to_contain_text("A question has no reward: Its truth is unknown.")
    expect(begin).to_be_disabled()
    page.get_by_label("Name of the policy").fill("people")
    page.get_by_label("Drawn scenes").check()
    page.get_by_label("Difficulty").select_option("easy")
    dry.click()
    expect(page.locator(".st-said")).to_contain_text(
        "--recipe=words --reinforce=rewards --reinforce-set=steps=3 --world=needle --difficulty easy"
    )
    expect(page.locator(".st-by-hand")).to_contain_text("python3 launch.py improve records.jsonl --pictures=")
    assert violations(page) == []
    begin.click()
    done = row(page, "people")
    expect(done.locator(".pg-tag")).to_have_text("Done")
    expect(done.get_by_role("row").nth(1)).to_contain_text("Records held out4090.0 %72.5 %+17.5 (+5.0 to +30.0)0.0156")
    expect(done).to_contain_text("It is better on them by more than chance explains.")
    expect(done).to_contain_text("people-grpo is offered on Ask, beside base.")
    expect(done.get_by_role("link", name="people-grpo under Train")).to_have_attribute("href", world.url + "/?training=" + _id(world, 1))
    assert violations(page) == []


@pytest.mark.usefixtures("quick")
def test_one_that_goes_on_is_stopped_and_gone_on_with_and_one_that_came_to_nothing_is_taken_away(page: Page, world: CurateWorld) -> None:
    opened(page, world)
    for name in ("broken", "slow"):
        dry, begin = fill(page, name)
        half(page, "From what was said").get_by_label("Recipe").select_option("words")
        dry.click()
        begin.click()
        row(page, name).wait_for()
    broken, slow = row(page, "broken"), row(page, "slow")
    expect(broken.locator(".pg-note")).to_have_text("The checkpoint is broken: copy it again.")
    broken.get_by_role("button", name="Take away").click()
    expect(broken).to_have_count(0)
    expect(slow.locator(".cu-halves")).to_contain_text("Supervised · Running · step 3 of 9")
    # Nothing of it hangs on the page.
    page.reload()
    slow.get_by_role("button", name="Stop").click()
    expect(slow.locator(".pg-tag")).to_have_text("Stopped")
    slow.get_by_text("What its process said").click()
    expect(slow.locator("pre")).to_contain_text("Stopped: the same command goes on from there.")
    slow.get_by_role("button", name="Go on").click()
    expect(slow.locator(".pg-tag")).to_have_text("Done")


def test_too_little_is_said_before_anybody_asks(page: Page, world: CurateWorld) -> None:
    opened(page, world, test="0")
    note = page.locator(".cu-improve > .pg-note")
    expect(note).to_have_text("The split test holds no record: give it a share, or compare on drawn scenes.")
    page.get_by_label("Train", exact=True).fill("0")
    page.get_by_label("Test", exact=True).fill("1")
    expect(note).to_contain_text("The split train holds no record, so there is nothing to learn from")
    expect(page.get_by_role("button", name="Train a policy …")).to_be_disabled()


def test_a_real_training_is_tried_out_begun_and_stopped(
    page: Page, world: CurateWorld, tmp_path: Path, tiny_checkpoints: dict[ModelType, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    small_recipe(tmp_path, tiny_checkpoints[ModelType.QWEN2_5_VL], steps=100_000, samples=0)
    opened(page, world)
    dry, begin = fill(page, "tiny")
    half(page, "From what was said").get_by_label("Recipe").select_option(label="A recipe of your own …")
    half(page, "From what was said").get_by_label("YAML file on this machine").fill(str(tmp_path / "small.yaml"))
    dry.click()
    expect(page.locator(".st-said")).to_contain_text("Both are asked: records.jsonl, split test,")
    begin.click()
    tiny = row(page, "tiny")
    expect(tiny.locator(".cu-halves")).to_contain_text("Supervised · Running")
    tiny.get_by_role("button", name="Stop").click()
    expect(tiny.locator(".pg-tag")).to_have_text("Stopped")
    run = Path(world.services.settings.runs[0]) / "tiny"
    eventually(lambda: state_of(run) == "stopped", 60)
    expect(tiny.locator(".cu-halves")).to_contain_text("Supervised · Stopped")


def _id(world: CurateWorld, at: int) -> str:
    (one,) = [one for one in world.services.improvements.improvements() if one.wish.name == "people"]
    return world.services.trainings.folders.look(one.halves[at]).id
