"""`launch.py runs` as it is typed."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import pytest

from app import commands
from core.errors import NotFound, StartError, TrainingError
from tests.app.training_world import some_runs, write_run


def typed(*words: str) -> int:
    """The exit code of a command line."""
    command, arguments = commands.read(["runs", *words])
    return commands.run(command, arguments)


@pytest.fixture
def root(tmp_path: Path) -> str:
    some_runs(tmp_path)
    return str(tmp_path)


def test_runs_are_listed_each_in_a_line(root: str, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(Path(root) / "odd", state="failed", words="It broke\x1b[2J.")
    assert typed("list", "--runs", root) == 0
    said = capsys.readouterr().out
    assert "stopped-early" in said and "Stopped · Supervised · step 120 of 8,000 · Stopped by hand" in said
    assert "\x1b" not in said and len(said.splitlines()) == 5
    assert typed("list", "--json", "--runs", root) == 0
    assert {run["name"] for run in json.loads(capsys.readouterr().out)} >= {"needle-grpo", "odd"}


def test_a_run_is_shown_with_its_newest_figures(root: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("show", f"{root}/needle-grpo") == 0
    said = capsys.readouterr().out
    assert "Stopped · Reinforcement · step 60 of 200" in said and "reward/Answer right" in said and "stopped looking closer" in said
    assert typed("show", "needle-sft", "--json", "--runs", root) == 0
    assert {"chart": "Loss", "figure": "validation_loss", "step": 400.0, "value": 0.4} in json.loads(capsys.readouterr().out)["newest"]


@pytest.mark.parametrize(("name", "code"), [("needle-sft", 0), ("no-memory", 1)])
def test_a_run_that_has_ended_is_watched_for_a_line(root: str, name: str, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("watch", name, "--runs", root) == code
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_what_cannot_be_meant_is_told(root: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(StartError, match="Say which run"):
        typed("show", "--runs", root)
    with pytest.raises(NotFound, match="There is no run 'x' in"):
        typed("show", "x", "--runs", root)
    write_run(tmp_path / "more/needle-sft")
    with pytest.raises(NotFound, match="There are 2 runs 'needle-sft': name one by its folder"):
        typed("show", "needle-sft", "--runs", root, "--runs", str(tmp_path / "more"))
    write_run(tmp_path / "gone", pid=2**22 - 3, host=platform.node())
    with pytest.raises(TrainingError, match="has no process here that could be stopped"):
        typed("stop", "gone", "--runs", root)
    assert typed("list", "--runs", str(tmp_path / "nowhere")) == 0
    assert "There is no run in" in capsys.readouterr().out
