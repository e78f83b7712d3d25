"""From preferred records to a policy, over the real routes: tried out, begun, watched from another start, stopped, gone on with."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from annotations.raters.values import Role
from app.improvements import recipes
from app.improvements.desk import ImprovementDesk
from app.improvements.wish import Wish
from app.policy_register import Register
from app.trainings import launching
from core.errors import TrainingError
from core.manifest import read_manifest
from tests.app.an_improver import TEXT
from tests.app.asking_world import eventually
from tests.app.rating_world import Json, Person, World, open_world
from tests.app.test_curation_api import study

__all__ = ["study"]

RULE = "accurate>=0.8, raters>=2"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The application with its runs in a folder of its own, and a program that learns nothing."""
    monkeypatch.chdir(tmp_path)
    launch = tmp_path / "launch.py"
    launch.write_text(TEXT)
    monkeypatch.setattr(launching, "LAUNCH", launch)
    recipes._listed.cache_clear()
    with open_world(tmp_path / "data") as opened:
        yield opened
        for one in opened.services.improvements.improvements():
            if one.state.value == "going":
                os.kill(int((one.folder / "start.json").read_text().split('"pid": ')[1].split(",")[0]), signal.SIGKILL)
    recipes._listed.cache_clear()


@pytest.fixture
def lead(world: World) -> Person:
    return world.person("Lea", Role.LEAD)


def wanted(**changes: object) -> Json:
    return {"rule": RULE, "split": "1,0,0", "name": "people", "recipe": "words", **changes}


def listed(lead: Person) -> Json:
    (one,) = lead.get("/api/improvements")["improvements"]
    found: Json = one
    return found


def comes_to(lead: Person, state: str) -> Json:
    eventually(lambda: listed(lead)["state"] == state)
    return listed(lead)


def test_what_can_be_chosen_is_told(lead: Person) -> None:
    found = lead.get("/api/improvements/choices")
    assert [(one["name"], one["kind"]) for one in found["recipes"]] == [("words", "sft"), ("rewards", "grpo")]
    assert {"easy", "default"} <= {one["name"] for one in found["difficulties"]}


def test_it_is_tried_out_on_the_records_of_the_rule_and_leaves_nothing(lead: Person, study: object, tmp_path: Path) -> None:
    path = "/api/curation/1/improvements/rehearse"
    asked = wanted(changes=["steps=3", " "], reinforce="rewards", policy="test/other", world="needle", difficulties=["easy"], n=20)
    found = lead.send(path, asked)
    assert found["ok"] and found["words"].splitlines()[1] == (
        "1 records by --name=people --policy=test/other --recipe=words --set=steps=3 --reinforce=rewards --world=needle --n=20 --difficulty easy --dry-run"
    )
    export, improve = found["command"].splitlines()
    assert export.startswith(f"python3 launch.py export --preferred '{RULE}' --study Cups --out records.jsonl --split 1,0,0")
    assert improve.startswith(f"python3 launch.py improve records.jsonl --pictures={tmp_path / 'data/pictures'} --name=people")
    assert lead.send(path, wanted(name="bad")) | {"command": ""} == {
        "ok": False,
        "words": "A question has no reward: Its truth is unknown.",
        "command": "",
    }
    assert not (tmp_path / "runs").exists() and not [*(tmp_path / "data").glob("scratch-*/*")]


def test_it_becomes_a_policy_with_a_verdict_beside_the_one_before(lead: Person, study: object, world: World, tmp_path: Path) -> None:
    begun = lead.send("/api/curation/1/improvements", wanted(reinforce="rewards"))["improvement"]
    assert (begun["name"], begun["study"], begun["rule"], begun["records"]) == ("people", "Cups", RULE, 1)
    done = comes_to(lead, "done")
    assert [(run["name"], run["kind_words"], run["state"]) for run in done["runs"]] == [
        ("people", "Supervised", "finished"),
        ("people-grpo", "Reinforcement", "finished"),
    ]
    (verdict,) = done["verdict"]
    assert (verdict["n"], verdict["p"], verdict["interval"], round(verdict["old"], 3)) == (40, 0.0156, [0.05, 0.3], 0.725)
    assert verdict["conclusion"] == "It is better on them by more than chance explains." and verdict["than"] == "base"
    assert done["policy"] == {"name": "people-grpo", "offered": True}
    assert not (done["can_stop"] or done["can_go_on"] or done["can_forget"])
    # Under Train its run tells the same.
    facts = {one["title"]: one["text"] for one in lead.get(f"/api/trainings/{done['runs'][1]['id']}/about")["facts"]}
    assert facts["Evaluated"].endswith("n = 40); +17.5 than base (+5.0 to +30.0), p = 0.0156")
    # Both can be asked, for as long as the new one is offered.
    eventually(lambda: "test/base" in world.services.shelf.references)
    assert str(tmp_path / "runs/people-grpo/trained") in world.services.shelf.references
    # The records are those of the rule, and are kept with their manifest.
    assert read_manifest(tmp_path / "runs/.improvements/people/records.jsonl").rule == RULE
    taken = lead.send("/api/curation/1/improvements", wanted(), 400)["error"]
    assert "There is a policy or a run 'people'" in taken


def test_it_outlives_whoever_began_it_and_is_stopped_and_gone_on_with_by_another(lead: Person, study: object, world: World) -> None:
    lead.send("/api/curation/1/improvements", wanted(name="slow"))
    eventually(lambda: bool(listed(lead)["runs"]))
    roots = world.services.settings.runs
    roots = tuple(root.absolute() / ".." / root.name for root in roots)
    other = ImprovementDesk(roots, world.services.pictures.folder, Register(roots), read_only=False)
    (seen,) = other.improvements()
    assert (seen.state.value, seen.wish, seen.chosen.study) == ("going", Wish("slow", "words"), "Cups")
    other.stop(seen.id)
    stopped = comes_to(lead, "stopped")
    assert stopped["words"] == "Stopped: the same command goes on from there." and stopped["can_go_on"]
    assert "slow learns." in stopped["output"]
    with pytest.raises(TrainingError, match="slow is stopped, and has no process here"):
        other.stop(seen.id)
    with pytest.raises(TrainingError, match="slow has a run and is kept"):
        other.forget(seen.id)
    lead.send(f"/api/improvements/{stopped['id']}/go-on", {})
    assert comes_to(lead, "done")["output"].count("slow learns.") == 2
    eventually(lambda: other.improvements()[0].state.value == "done")
    assert "only one that was stopped" in lead.send(f"/api/improvements/{stopped['id']}/go-on", {}, 400)["error"]


def test_one_whose_training_was_stopped_where_it_is_watched_is_stopped_too(lead: Person, study: object) -> None:
    lead.send("/api/curation/1/improvements", wanted(name="elsewhere"))
    stopped = comes_to(lead, "stopped")
    assert stopped["words"] == "The training of elsewhere was stopped by hand." and stopped["can_go_on"]


def test_one_that_came_to_no_run_says_why_and_is_taken_away(lead: Person, study: object, tmp_path: Path) -> None:
    lead.send("/api/curation/1/improvements", wanted(name="broken"))
    broken = comes_to(lead, "ended")
    assert broken["words"] == "The checkpoint is broken: copy it again." and broken["can_forget"]
    lead.send(f"/api/improvements/{broken['id']}", {}, method="DELETE")
    assert lead.get("/api/improvements")["improvements"] == []
    assert "There is no improvement" in lead.send(f"/api/improvements/{broken['id']}/stop", {}, 404)["error"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": "../up"}, "cannot name a policy"),
        ({"recipe": " "}, "Choose a recipe"),
        ({"changes": ["steps"]}, "A value is set as KEY=VALUE"),
        ({"world": "elsewhere"}, "world"),
        ({"rule": "acurate>=1"}, "did you mean accurate?"),
        ({"n": 0}, "n: "),
    ],
)
def test_what_cannot_be_meant_is_a_sentence(lead: Person, study: object, changes: Json, sentence: str) -> None:
    for part in ("", "/rehearse"):
        assert sentence in lead.send(f"/api/curation/1/improvements{part}", wanted(**changes), 400)["error"]


def test_with_reading_only_nothing_is_begun(lead: Person, study: object, world: World) -> None:
    quiet = replace(
        world.services, improvements=ImprovementDesk([Path("runs")], Path("pictures"), Register([Path("runs")]), read_only=True)
    )
    world.app.state.services = quiet
    assert lead.get("/api/improvements") == {"improvements": [], "read_only": True}
    for part in ("", "/rehearse"):
        assert "With --read-only" in lead.send(f"/api/curation/1/improvements{part}", wanted(), 403)["error"]


def test_half_of_it_alone_is_the_commands_recipe_whatever_it_learns_by() -> None:
    wish = Wish("people", reinforce="rewards", reinforce_changes=("steps=1",)).checked()
    words = wish.words(Path("r.jsonl"), Path("p"), None)
    assert words == ["r.jsonl", "--pictures=p", "--name=people", "--recipe=rewards", "--set=steps=1"]
    assert Wish.from_json(wish.to_json() | {"of a later version": 1}) == wish
