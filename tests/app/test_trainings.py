"""Runs of training as their folders tell them: figures as they come, how a run stands, and what the page is told."""

from __future__ import annotations

import json
import os
import platform
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.server import add_routes
from app.services import open_services
from app.settings import settings_from
from app.trainings.charts import charts
from app.trainings.folders import QUIET, RunFolders
from app.trainings.metrics import MetricsLog, last_figures, thinned
from app.trainings.processes import led_folder
from app.trainings.rollouts import read_rollouts
from app.trainings.values import State, TrainingRun
from tests.app.training_world import grpo_lines, sft_lines, some_runs, write_rollouts, write_run


def only(root: Path) -> TrainingRun:
    (run,) = RunFolders([root]).runs()
    return run


def added(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


# Figures


def test_figures_are_read_as_they_come_and_a_line_that_was_cut_off_is_waited_for(tmp_path: Path) -> None:
    path = write_run(tmp_path / "a", [{"step": 1, "loss": 3.0}]) / "metrics.jsonl"
    log = MetricsLog(path)
    log.refresh()
    added(path, '{"step": 2, "loss": 2.0, "stage": "first"}\n{"step": 3, "lo')
    log.refresh()
    assert log.points("loss", 100) == ([1.0, 2.0], [3.0, 2.0])
    added(path, 'ss": 1.0, "stage": "second"}\n')
    log.refresh()
    assert log.points("loss", 100) == ([1.0, 2.0, 3.0], [3.0, 2.0, 1.0])
    assert log.stages == [(2.0, "first"), (3.0, "second")]


def test_figures_of_a_run_that_went_back_to_a_checkpoint_are_read_anew(tmp_path: Path) -> None:
    path = write_run(tmp_path / "a", [{"step": step, "loss": 9.0} for step in range(50)]) / "metrics.jsonl"
    log = MetricsLog(path)
    log.refresh()
    # As long as before, and from step 10 on another file.
    path.write_text("".join(json.dumps({"step": step, "loss": 9.0 if step < 10 else 8.0}) + "\n" for step in range(60)))
    log.refresh()
    assert log.points("loss", 100)[1] == [9.0] * 10 + [8.0] * 50
    path.unlink()
    log.refresh()
    assert log.names == ()


def test_what_is_no_figure_is_left_out(tmp_path: Path) -> None:
    path = write_run(tmp_path / "a") / "metrics.jsonl"
    path.write_text(
        '[1]\nnot json\n{"step": 1, "loss": NaN, "x": Infinity, "kept": 1, "no": "text", "yes": true}\n{"loss": 1}\n{"step": "2"}\n'
    )
    log = MetricsLog(path)
    log.refresh()
    assert (log.names, last_figures(path)["kept"]) == (("kept",), 1)


def test_a_long_curve_is_thinned_and_keeps_its_ends_and_its_peaks() -> None:
    values = [1.0] * 100_000
    values[54_321], values[12_345] = 50.0, -50.0
    x, y = thinned(range(100_000), values, 600)
    assert len(x) <= 602 and (x[0], x[-1]) == (0.0, 99_999.0)
    assert {50.0, -50.0} <= {*y} and x == sorted(x)


def test_a_run_has_the_charts_of_its_figures_and_no_others(tmp_path: Path) -> None:
    supervised, reinforced = MetricsLog(tmp_path / "a/metrics.jsonl"), MetricsLog(tmp_path / "b/metrics.jsonl")
    write_run(tmp_path / "a", list(sft_lines()))
    write_run(tmp_path / "b", list(grpo_lines()))
    supervised.refresh()
    reinforced.refresh()
    found = {chart["id"]: chart for chart in charts(supervised, "sft")}
    assert [*found] == ["loss", "tokens_right", "learning_rate", "gradient", "pace"]
    assert [one["title"] for one in found["loss"]["series"]] == ["training", "held out"]
    assert "4 of 16 right" in found["tokens_right"]["words"]
    told = {chart["id"]: chart for chart in charts(reinforced, "grpo")}
    # A loss and an accuracy of the one kind are never laid over those of the other.
    assert {*found} & {*told} == {"learning_rate", "gradient", "pace"}
    assert {"reward", "rewards", "looks", "entropy", "kl", "faults", "stops", "gone"} <= {*told}
    assert [one["title"] for one in told["rewards"]["series"]] == ["Answer right", "Format"]
    assert "stopped looking closer: 1.4" in told["looks"]["warning"]
    write_run(tmp_path / "b", list(grpo_lines(collapse=False)))
    reinforced.refresh()
    assert next(one for one in charts(reinforced, "grpo") if one["id"] == "looks")["warning"] == ""


# How a run stands


def test_a_run_says_how_it_ended(tmp_path: Path) -> None:
    some_runs(tmp_path)
    runs = {run.name: run for run in RunFolders([tmp_path]).runs()}
    assert {name: run.state for name, run in runs.items()} == {
        "needle-sft": State.FINISHED,
        "stopped-early": State.STOPPED,
        "no-memory": State.FAILED,
        "needle-grpo": State.STOPPED,
    }
    assert runs["no-memory"].words == "The memory ran out at step 61." and runs["no-memory"].can_resume
    assert (runs["needle-grpo"].kind, runs["needle-sft"].kind) == ("grpo", "sft")
    assert not runs["needle-sft"].can_resume


def test_a_process_that_is_gone_left_its_run_interrupted(tmp_path: Path) -> None:
    write_run(tmp_path / "a", list(sft_lines(120)), pid=2**22 - 3, host=platform.node())
    run = only(tmp_path)
    assert (run.state, run.step, run.can_stop, run.can_resume) == (State.INTERRUPTED, 120, False, True)
    # A process of that number which began after the run wrote last is another one.
    folder = write_run(tmp_path / "a", pid=os.getpid(), host=platform.node())
    assert only(tmp_path).state is State.RUNNING
    os.utime(folder / "run.json", (1e9, 1e9))
    assert only(tmp_path).state is State.INTERRUPTED


def test_a_run_of_another_machine_is_believed_while_it_is_heard(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a", list(sft_lines(120)), pid=1, host="far-away")
    run = only(tmp_path)
    assert (run.state, run.host, run.can_stop, run.seconds_left) == (State.RUNNING, "far-away", False, 7880.0)
    then = time.time() - QUIET - 3600
    for name in ("run.json", "metrics.jsonl"):
        os.utime(folder / name, (then, then))
    run = only(tmp_path)
    assert run.state is State.SILENT and "far-away" in run.words and "1 h 30 min" in run.words


def test_what_cannot_be_read_is_told_and_costs_no_other_run(tmp_path: Path) -> None:
    some_runs(tmp_path)
    (tmp_path / "no-memory/run.json").write_text('{"state": "runn')
    write_run(tmp_path / "odd", kind=5, begun="soon", step="many", state="elsewhere", title=["x"])
    runs = {run.name: run for run in RunFolders([tmp_path, tmp_path / "nowhere"]).runs()}
    assert len(runs) == 5 and runs["no-memory"].words == "run.json cannot be read."
    assert (runs["odd"].kind, runs["odd"].begun, runs["odd"].title) == ("sft", None, "")


def test_a_folder_that_is_a_run_counts_as_one(tmp_path: Path) -> None:
    some_runs(tmp_path)
    assert only(tmp_path / "needle-grpo").name == "needle-grpo"


@pytest.mark.parametrize(
    ("command", "folder"),
    [
        ("python launch.py train needle", "/w/runs/needle"),
        ("python /x/launch.py train needle --name first --set steps=3", "/w/runs/first"),
        ("python -u launch.py train --runs=/data/../runs own/recipe.yaml", "/runs/recipe"),
        ("python launch.py train --resume runs/first", "/w/runs/first"),
        ("python launch.py train needle --dry-run", None),
        ("python launch.py train --list", None),
        ("python launch.py", None),
        ("vim train", None),
    ],
)
def test_a_command_line_tells_the_folder_that_it_trains_in(command: str, folder: str | None) -> None:
    assert led_folder(command.split(), Path("/w")) == (Path(folder) if folder else None)


# The routes


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    root = tmp_path_factory.mktemp("runs")
    some_runs(root)
    with open_services(settings_from(Namespace(data_dir=tmp_path_factory.mktemp("data"), runs=[root]), {})) as services:
        app = FastAPI()
        add_routes(app, services)
        with TestClient(app, base_url="http://127.0.0.1") as made:
            yield made


def ids(client: TestClient) -> dict[str, str]:
    return {run["name"]: run["id"] for run in client.get("/api/trainings").json()["runs"]}


def test_the_page_is_told_in_a_line_where_nothing_has_changed(client: TestClient) -> None:
    for path in ("/api/trainings", f"/api/trainings/{ids(client)['needle-sft']}"):
        answer = client.get(path)
        again = client.get(path, headers={"if-none-match": answer.headers["etag"]})
        assert (answer.status_code, again.status_code, again.content) == (200, 304, b"")


def test_a_run_is_told_with_its_charts_its_recipe_and_its_facts(client: TestClient) -> None:
    run = ids(client)["needle-sft"]
    document = client.get(f"/api/trainings/{run}").json()
    assert document["run"]["state_words"] == "Finished" and [one["name"] for one in document["stages"]] == ["one item", "a few items"]
    about = client.get(f"/api/trainings/{run}/about").json()
    assert "model: small" in about["recipe"] and {"title": "Seed", "text": "0"} in about["facts"]


def test_a_run_that_is_not_there_is_told(client: TestClient) -> None:
    answer = client.get("/api/trainings/nothing")
    assert answer.status_code == 404 and "There is no run 'nothing' any more" in answer.json()["error"]


# What the policy said


def test_the_rollouts_of_a_step_come_in_their_groups_with_what_the_training_made_of_them(client: TestClient) -> None:
    run = ids(client)["needle-grpo"]
    assert client.get(f"/api/trainings/{run}").json()["said"] == {"rollouts": [20, 40], "samples": []}
    told = client.get(f"/api/trainings/{run}/rollouts/20").json()
    first, dead = told["groups"]
    assert (first["dead"], dead["dead"], len(first["rollouts"]), told["words"]) == (False, True, 4, "")
    expert, *_, worst = first["rollouts"]
    assert expert["training"]["advantage"] > 0 > worst["training"]["advantage"]
    assert {one["name"] for one in expert["training"]["rewards"]} >= {"Answer right"}
    assert first["reward"] == pytest.approx(sum(one["training"]["reward"] for one in first["rollouts"]) / 4)
    view = expert["view"]
    picture = client.get(view["picture"]["url"])
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")
    looked = next(step["look"] for step in view["steps"] if step["look"])
    assert client.get(looked["url"]).content.startswith(b"\x89PNG")


def test_samples_are_brought_into_the_store_once(client: TestClient) -> None:
    run = ids(client)["needle-sft"]
    (one, *_) = client.get(f"/api/trainings/{run}/samples/400").json()["groups"]
    assert one["rollouts"][0]["training"] is None and not one["taught"]
    for _ in range(2):
        dataset = client.post(f"/api/trainings/{run}/samples/400/import").json()["dataset"]
        assert client.get("/api/traces", params={"dataset": dataset}).json()["total"] == 3


@pytest.mark.parametrize(
    "path",
    [
        "rollouts/7",
        "checkpoints/20",
        "rollouts/20/0/looks/99.png",
        "rollouts/20/999/looks/0.png",
        "pictures/rollouts/..%2F..%2Frun.json",
        "pictures/x/aa",
    ],
)
def test_what_is_not_said_is_not_found(client: TestClient, path: str) -> None:
    assert client.get(f"/api/trainings/{ids(client)['needle-grpo']}/{path}").status_code == 404


def test_lines_that_hold_no_rollout_are_counted(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a", kind="grpo")
    file = write_rollouts(folder, 5, groups=1, dead=None)
    lines = file.read_text().splitlines()
    odd = json.loads(lines[0]) | {"training": {"group": "x", "reward": "much", "rewards": 3, "advantage": None}}
    file.write_text("\n".join([*lines, "{", '{"trace": {}}', json.dumps(odd)]))
    found = read_rollouts(file)
    assert (len(found.rollouts), found.unread) == (5, 2)
    taught = found.rollouts[-1].taught
    assert taught is not None and (taught.group, taught.reward, taught.rewards, taught.advantage) == (0, None, {}, None)
