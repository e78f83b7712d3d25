"""A real training of a tiny untrained model, begun, watched, stopped and resumed in the browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from app.trainings import starts
from core.policies.local.untrained import ModelType
from tests.app.a_trainer import ended
from tests.app.asking_world import eventually
from tests.core.policies.conftest import tiny_checkpoints
from tests.e2e.train_world import TrainWorld, opened, running
from tests.training.small_data import small_recipe

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["tiny_checkpoints"]
# Opening the libraries takes most of it, and a slow machine many times as long.
pytestmark = [pytest.mark.browser, pytest.mark.patient(240)]


@pytest.fixture
def world(tmp_path: Path, tiny_checkpoints: dict[ModelType, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[TrainWorld]:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    small_recipe(tmp_path / "data", tiny_checkpoints[ModelType.QWEN2_5_VL], steps=100_000)
    with running(tmp_path) as made:
        yield made
        for run in made.services.trainings.folders.runs():
            if run.can_stop:
                made.services.trainings.starter.stop(run, at_once=True)


def test_a_training_is_begun_watched_stopped_and_resumed(page: Page, world: TrainWorld, tmp_path: Path) -> None:
    opened(page, world)
    recipe, folder = tmp_path / "data/small.yaml", world.runs / "first"
    state = page.locator(".tr-head .tr-state")
    page.get_by_role("button", name="Begin a run").click()
    begin, dry = page.get_by_role("button", name="Begin", exact=True), page.get_by_role("button", name="Dry run")
    expect(dry).to_be_enabled()
    page.get_by_label("Recipe").select_option(label="A recipe of your own …")
    page.get_by_label("YAML file on this machine").fill(str(recipe))
    page.get_by_label("Name of the run").fill("first")
    dry.click()
    expect(page.locator(".st-said")).to_contain_text("8 to learn from, 2 held out")
    begin.click()
    expect(page.locator(".tr-head h2")).to_have_text("first")
    expect(state).to_have_text("Running")
    page.locator("[data-chart=loss] .main-svg").first.wait_for()
    before = starts.read_start(folder)
    # Nothing of it hangs on the page.
    page.reload()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(state).to_have_text("Stopped")
    expect(page.locator(".tr-head .pg-note")).to_contain_text("Stopped by hand after step")
    assert before is not None
    eventually(lambda: ended(before.pid), 120)
    page.get_by_role("button", name="Resume", exact=True).click()
    expect(state).to_have_text("Starting")
    expect(state).to_have_text("Running")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(state).to_have_text("Stopped")
    assert (folder / "output.txt").read_text().count("go on with --resume") == 2
