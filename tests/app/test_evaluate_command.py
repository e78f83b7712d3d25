"""`launch.py eval` as it is typed: its table, its files, and what it refuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from annotations.database import open_database
from annotations.importing.report import Outcome
from annotations.importing.run import ImportRequest, run_import
from annotations.pictures import PictureStore
from annotations.store import Store
from app import commands
from app.commands import evaluate
from core.errors import PolicyError, StartError, TaskError
from core.policies.local.untrained import ModelType, build

ROOT = Path(__file__).resolve().parents[2]


def typed(*words: str) -> int:
    """The exit code of a command line."""
    command, arguments = commands.read(["eval", *words])
    return commands.run(command, arguments)


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny checkpoint that was never trained, whose points are thousandths."""
    import torch

    torch.set_num_threads(1)
    return build(tmp_path_factory.mktemp("checkpoints") / "tiny", ModelType.QWEN3_VL)


def told(file: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(file.read_text())
    return document


def test_the_expert_is_right_and_the_table_says_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    assert typed("needle", "--policy", "expert", "--n", "30", "--conditions", "looks-off", "blank", "--json", str(file)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "needle default, split test, seed 0: needle expert, 30 questions"
    rows = {line.split()[0]: line for line in lines[2:7]}
    assert list(rows) == ["as-it-is", "looks-off", "blank", "guessing", "most"]
    assert "100.0 %  (88.6 to 100.0)" in rows["as-it-is"]
    figures = told(file)
    assert figures["complete"] and figures["format"] == "saccade.evaluation" and {"python", "numpy"} <= set(figures["versions"])
    (world,) = figures["evaluations"]
    assert [one["condition"] for one in world["conditions"]] == ["as-it-is", "looks-off", "blank"]
    assert world["conditions"][0]["accuracy"]["count"] == world["n"] == 30
    assert world["of"]["side"] == 512 and world["settings"]["sampling"]["temperature"] == 0.0


def test_looks_items_and_sizes_are_swept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "figures.json"
    typed("needle", "--policy", "expert", "--n", "6", "--sweep", "looks", "--json", str(file))
    assert [one["condition"] for one in told(file)["evaluations"][0]["conditions"]] == ["as-it-is", *(f"looks-{k}" for k in range(5))]
    typed("needle", "--policy", "expert", "--n", "3", "--sweep", "size", "--conditions", "as-it-is", "--json", str(file))
    assert [one["difficulty"] for one in told(file)["evaluations"]][:2] == ["default, 32 px", "default, 40 px"]


def test_an_untrained_checkpoint_is_evaluated_and_named_by_its_weights(untrained: Path, tmp_path: Path) -> None:
    file, area = tmp_path / "figures.json", str(128 * 128)
    words = ["--min-pixels", area, "--max-pixels", area, "--n", "3", "--max-new-tokens", "20"]
    assert typed("needle", "--policy", str(untrained), "--device", "cpu", *words, "--json", str(file)) == 0
    (world,) = told(file)["evaluations"]
    assert world["card"]["name"] == "tiny" and len(world["card"]["details"]["weights"]) == 16
    assert world["conditions"][0]["accuracy"]["count"] == 0 and world["conditions"][0]["faulty"]["count"] == 3


def test_a_policy_that_sees_too_much_is_refused(untrained: Path) -> None:
    with pytest.raises(TaskError, match="marks may be seen without looking"):
        typed("needle", "--policy", str(untrained), "--device", "cpu", "--n", "1", "--min-pixels", "262144", "--max-pixels", "262144")


def test_traces_are_written_for_an_import(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    typed("needle", "--policy", "expert", "--n", "4", "--conditions", "looks-off", "--traces", str(file))
    database = open_database(f"sqlite:///{tmp_path / 'saccade.sqlite3'}")
    try:
        store = Store(database)
        report = run_import(ImportRequest((file,), image_root=tmp_path / "pictures"), store, PictureStore(tmp_path / "kept"))
    finally:
        database.close()
    assert report.count(Outcome.TAKEN) == 8 and report.points.outside == 0, report.words


@pytest.mark.parametrize(
    ("words", "error", "sentence"),
    [
        (["haystack", "--policy", "expert"], TaskError, "no world 'haystack': choose from needle"),
        (["needle", "--policy", "expert", "--difficulty", "harder"], TaskError, "no difficulty 'harder'"),
        (["needle", "--policy", "expert", "--conditions", "asleep"], TaskError, "no condition 'asleep'"),
        (["needle", "--policy", "expert", "--difficulty", "gui", "--sweep", "items"], TaskError, "sweep a world of items"),
        (["needle", "--policy", "nobody"], PolicyError, "'nobody' names no policy"),
        (["needle", "--policy", "expert", "--temperature", "-1"], PolicyError, "A temperature is between"),
        (["needle", "--policy", "expert", "--json", "nowhere/figures.json"], StartError, "there is no folder"),
        (["needle", "--policy", "expert", "--traces", "nowhere/traces.jsonl"], StartError, "cannot be written"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    words: list[str], error: type[Exception], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=sentence):
        typed(*words, "--n", "2")


def test_seeds_lie_apart(tmp_path: Path) -> None:
    names = []
    for seed in ("0", "1"):
        file = tmp_path / f"{seed}.json"
        typed("needle", "--policy", "guesser", "--n", "5", "--seed", seed, "--conditions", "as-it-is", "--json", str(file))
        names.append(told(file)["evaluations"][0]["questions"]["name"])
    assert names[0][0] == "needle/default/test/0" and not set(names[0]) & set(names[1])
    assert evaluate._APART > 100_000


def test_stopped_by_key_it_keeps_what_was_asked(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    words = [
        "needle",
        "--policy",
        "expert",
        "--n",
        "2000",
        "--conditions",
        "looks-off",
        "--traces",
        str(tmp_path / "traces.jsonl"),
        "--json",
        str(file),
    ]
    code = (
        "import sys; from app import commands; from app.boundary import in_one_sentence\n"
        f"command, arguments = commands.read(['eval', *{words!r}])\n"
        "sys.exit(in_one_sentence(lambda: commands.run(command, arguments)))"
    )
    program = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    traces, until = tmp_path / "traces.jsonl", time.monotonic() + 90
    # Both conditions of the first 8 questions have been asked, and some of the next.
    while time.monotonic() < until and (not traces.is_file() or traces.read_bytes().count(b"\n") < 8 * 2 + 5):
        time.sleep(0.1)
    os.kill(program.pid, signal.SIGINT)
    out, said = program.communicate(timeout=60)
    assert program.returncode == 130 and "as far as it came" in out and "questions had been asked" in said
    figures = told(file)
    assert not figures["complete"]
    assert {one["n"] for one in figures["evaluations"][0]["conditions"]} == {figures["evaluations"][0]["n"]}
