"""The ladder's rungs, and its report on recorded answers and cases by hand."""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from app import commands
from app.ladder.asking import figures, sampled, sampled_works_of, works_of
from app.ladder.claims import CLAIMS, Verdict, verdict
from app.ladder.plan import Plan, trainings_of
from app.ladder.processes import Crew
from app.ladder.reading import read_ladder
from app.ladder.report import report_of
from app.ladder.rungs import CURVES, RUNGS, START, TRAININGS, WORLDS, harder, named_rungs
from app.ladder.running import PLAN, Ladder, read_plan
from app.ladder.words import markdown
from core.errors import TaskError, TrainingError
from core.evaluation.conditions import condition_of
from core.evaluation.seeds import OverSeeds
from core.frames import FrameKind
from core.policies.conversation import GREEDY
from core.policies.protocol import PolicyCard, PolicyKind
from core.rollout.values import Turns
from core.tasks.needle.splits import Split

CARD = PolicyCard("small", PolicyKind.LOCAL, FrameKind.NORMALISED, factor=32, min_pixels=128 * 128, max_pixels=128 * 128)


def typed(*words: object) -> int:
    """The exit code of a command line."""
    command, arguments = commands.read(["ladder", *map(str, words)])
    return commands.run(command, arguments)


def plan_in(folder: Path, **told: Any) -> Plan:
    """A ladder of ten questions on the easy world, written down in a folder."""
    plan = Plan(str(folder), folder / "ladder", difficulty="easy", n=10, **told)
    plan.runs.mkdir()
    (plan.runs / PLAN).write_text(json.dumps({"format": "saccade.ladder", "version": 1, **plan.told()}))
    return plan


def answered(
    plan: Plan,
    training: str,
    seed: int,
    right: Sequence[int],
    *,
    manner: str = "looks",
    looks: Sequence[int] | None = None,
    conditions: Mapping[str, Sequence[int]] | None = None,
    worlds: Mapping[str, tuple[int, int, Sequence[int]]] | None = None,
    several: Sequence[int] | None = None,
) -> None:
    """A finished run, and the file of what its policy answered.

    right    question by question; `conditions`: the same under others
    worlds   other worlds by name: number of items, their size, what is right
    several  right answers of four to each question
    """
    folder = plan.folder(training, seed)
    folder.mkdir(exist_ok=True)
    (folder / "run.json").write_text('{"state": "finished"}')
    (folder / "metrics.jsonl").write_text('{"masked": 0.25, "dead_groups": 0.5}\n{"masked": 0.75, "dead_groups": 0.5}\n')
    shown = {"as-it-is": right, **(conditions or {})}
    told = [_evaluation("easy", (2, 3), 96, [_condition(name, column, looks) for name, column in shown.items()])]
    told += [
        _evaluation(name, (items, items), size, [_condition("as-it-is", column, None)])
        for name, (items, size, column) in (worlds or {}).items()
    ]
    _write(figures(folder, manner), told)
    if several is not None:
        condition = _condition("as-it-is", [int(count > 0) for count in several], looks) | {"samples": 4}
        condition["each"]["right_of_samples"] = list(several)
        _write(sampled(folder, manner), [_evaluation("easy", (2, 3), 96, [condition])])


def _condition(name: str, right: Sequence[int], looks: Sequence[int] | None) -> dict[str, Any]:
    looked = list(looks or [1] * len(right))
    each = {"right": [bool(one) for one in right], "looks": looked, "looks_hit": [int(one > 0) for one in looked]}
    each |= {"hit": [1] * len(right), "pointed": [2] * len(right), "right_of_samples": [int(one) for one in right]}
    return {"condition": name, "samples": 1, "each": each}


def _evaluation(world: str, items: tuple[int, int], size: int, conditions: list[dict[str, Any]]) -> dict[str, Any]:
    names = [f"needle/{world}/test/{at}" for at in range(len(conditions[0]["each"]["right"]))]
    head = {"difficulty": world, "of": {"items": list(items), "item_size": size}, "guessing": {"chance": 0.25}}
    return head | {"questions": {"name": names}, "conditions": conditions}


def _write(file: Path, evaluations: list[dict[str, Any]]) -> None:
    file.write_text(json.dumps({"complete": True, "evaluations": evaluations}))


MOST, SOME, FEW = [1, 1, 1, 1, 1, 1, 1, 1, 0, 1], [1, 0, 1, 1, 0, 1, 0, 1, 0, 1], [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]


# The rungs


def test_every_rung_is_of_a_training_and_stands_against_one_that_is_asked_the_same() -> None:
    known = {rung.name: rung for rung in RUNGS}
    assert len(known) == len(RUNGS) and {rung.training for rung in RUNGS} == {training.name for training in TRAININGS}
    for rung in RUNGS:
        condition_of(rung.condition)
        assert bool(rung.than) == bool(rung.differs) or rung.training == START
        assert not rung.than or known[rung.than].world == rung.world
    assert all(claim.more in known and claim.less in known and known[claim.more].world == known[claim.less].world for claim in CLAIMS)
    assert all(claim.source for claim in CLAIMS) and set(CURVES) <= set(known)


def test_a_rung_brings_those_that_it_is_set_against() -> None:
    assert [rung.name for rung in named_rungs(["looks-off"])] == ["start-looks", "sft-looks", "grpo-looks", "looks-off"]
    assert [one.name for one in trainings_of(named_rungs(["answers"]))] == [START, "answers"]
    assert named_rungs([]) == RUNGS
    with pytest.raises(TaskError, match="There is no rung 'grpo': there are start-plain"):
        named_rungs(["grpo"])


@pytest.mark.parametrize("difficulty", WORLDS)
def test_the_harder_world_has_more_and_smaller_items_and_can_be_drawn(difficulty: str) -> None:
    from core.tasks.needle.values import DIFFICULTIES

    world, home = harder(difficulty), DIFFICULTIES[difficulty]
    assert world.difficulty.items[0] >= home.items[1] and world.difficulty.item_size < home.item_size
    assert [world.asked(seed, Split.TEST).seed for seed in range(30)] == list(range(30))
    with pytest.raises(TaskError, match="There is no ladder on 'gui'"):
        harder("gui")


def test_a_policy_is_asked_in_its_manner_all_that_its_rungs_want(tmp_path: Path) -> None:
    plan = plan_in(tmp_path)
    works = works_of(plan, "grpo-looks", "looks")
    assert [one.name for one in works[0].conditions] == ["as-it-is", "looks-off", "random-looks", "grid-looks", "blank-whole", "blank"]
    assert [work.name for work in works[:2]] == ["easy", "default"] and len(works) > 8
    assert (works[0].n, works[2].n, sampled_works_of(plan, "looks")[0].n) == (10, 2, 2)
    assert works[0].settings(CARD, GREEDY).turns is Turns.AUTO
    for manner, system in (("points", "Point before you answer."), ("plain", "Think before you answer."), ("answer", None)):
        (work, *_) = works_of(plan, "grpo-points" if manner == "points" else START, manner)
        settings = work.settings(CARD, GREEDY)
        assert (settings.turns, settings.system_text, settings.crop) == (Turns.SINGLE, system, None)
    # One rung is shown more than an overview on purpose.
    assert works_of(plan, "uncapped", "looks")[0].unfit(CARD) == ""


# The report


def test_a_row_has_its_figures_over_seeds_and_its_difference(tmp_path: Path) -> None:
    plan = plan_in(tmp_path)
    for seed in range(3):
        answered(plan, "sft-looks", seed, SOME)
        answered(plan, "grpo-looks", seed, MOST, looks=[2] * 10, several=[4, 4, 2, 0, 4, 4, 4, 4, 1, 4])
    rows = {row.rung.name: row for row in report_of(read_ladder(plan.runs)).rows}
    row = rows["grpo-looks"]
    assert (row.seeds, row.n, row.right.value, row.looks.value) == (3, 10, 0.9, 2)
    assert row.points is not None and row.points.value == 0.5 and row.looks_hit is not None and row.looks_hit.value == 0.5
    # 1/2 and 1/4 of one draw; 5/6 and 1/2 of two; one of four is right, and some are.
    assert {k: one.value for k, one in row.passed.items()} == pytest.approx({1: 7.75 / 10, 2: (7 + 5 / 6 + 1 / 2) / 10, 4: 0.9})
    assert row.against["right"].value == pytest.approx(0.3) and row.against["looks"].value == 1
    shares = [row.right, row.points, row.looks_hit, *row.passed.values()]
    assert all(one is not None and (one.interval is None or 0 <= one.interval[0] < one.interval[1] <= 1) for one in shares)
    assert (row.masked, row.dead) == (0.5, 0.5) and rows["sft-looks"].against == {}


def test_seeds_are_paired_with_their_own_and_all_with_the_one_start(tmp_path: Path) -> None:
    plan = plan_in(tmp_path)
    answered(plan, START, 0, FEW)
    answered(plan, "sft-looks", 0, SOME)
    answered(plan, "sft-looks", 2, SOME)
    answered(plan, "grpo-looks", 2, MOST)
    rows = {row.rung.name: row for row in report_of(read_ladder(plan.runs)).rows}
    assert rows["sft-looks"].against["right"].seeds == 2 and rows["grpo-looks"].against["right"].seeds == 1
    assert rows["sft-looks"].against["right"].value == pytest.approx(0.5)


def test_a_claim_is_no_more_than_its_interval_says(tmp_path: Path) -> None:
    assert verdict(None) is Verdict.NOT_MEASURED
    told = [
        verdict(OverSeeds(3, 10, value, interval, 0.1))
        for value, interval in ((0.1, (0.05, 0.2)), (-0.1, (-0.2, -0.1)), (0.1, (-0.1, 0.3)), (0, None))
    ]
    assert told == [Verdict.HOLDS, Verdict.DOES_NOT, Verdict.NOT_TOLD, Verdict.NOT_TOLD]
    plan = plan_in(tmp_path)
    answered(plan, START, 0, FEW)
    for seed in range(3):
        answered(plan, "sft-looks", seed, FEW)
        answered(plan, "grpo-looks", seed, MOST, conditions={"looks-off": FEW, "blank-whole": MOST})
    claims = {(tested.claim.more, tested.claim.less): tested.verdict for tested in report_of(read_ladder(plan.runs)).claims}
    assert claims["grpo-looks", "sft-looks"] is claims["grpo-looks", "looks-off"] is Verdict.HOLDS
    assert claims["grpo-looks", "blank-whole"] is Verdict.NOT_TOLD and claims["grpo-points", "grpo-plain"] is Verdict.NOT_MEASURED


def test_the_tables_are_markdown_and_tell_all_there_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = plan_in(tmp_path)
    worlds = {"easy, 2 items": (2, 96, SOME), "easy, 4 items": (4, 96, FEW), "easy, 64 px": (3, 64, FEW), "default": (3, 64, FEW)}
    answered(plan, START, 0, MOST + MOST[:1] * 10, worlds=worlds)
    assert typed("--report", "--runs", plan.runs, "--json", tmp_path / "report.json") == 0
    said = capsys.readouterr().out
    assert "World `easy`, harder world `default`; 100 steps from one start (200 steps from " in said
    assert "| The start, in several turns (`start-looks`) | 1 × 20 | 95.0 % (84.5 to 100.0) | 50.0 % | 1.00 | 100.0 % |" in said
    assert "The start is right in 95.0 % already, which leaves little to gain" in said
    assert "Guessing: easy 25.0 %, default 25.0 %." in said
    assert (
        "| Grounded GRPO is better than conventional GRPO | SAT-2 62.9 and 50.0 (3B) | paper, Table 2 |" in said
        and "**not measured yet**" in said
    )
    assert "| 2 | 60.0 % (23.1 to 96.9) | 25.0 % |\n| 4 | 10.0 %" in said and "| 64 | 10.0 %" in said
    tables = [block.splitlines() for block in said.split("\n\n") if block.startswith("|")]
    assert tables and all(len({line.count("|") for line in table}) == 1 for table in tables)
    told = json.loads((tmp_path / "report.json").read_text())
    assert told["rungs"][0]["right"]["value"] == 0.95 and len(told["claims"]) == len(CLAIMS) and told["curves"]["items"][0]["at"] == 2
    assert markdown(report_of(read_ladder(plan.runs), named_rungs(["answers"]))).startswith("Nothing of this ladder")


def test_the_curves_are_a_page_with_every_place_its_interval_and_guessing(tmp_path: Path) -> None:
    plan = plan_in(tmp_path)
    worlds = {"easy, 2 items": (2, 96, SOME), "easy, 4 items": (4, 96, FEW), "easy, 64 px": (3, 64, FEW)}
    answered(plan, START, 0, MOST, worlds=worlds)
    answered(plan, "sft-looks", 0, MOST, worlds=worlds)
    assert typed("--report", "--runs", plan.runs, "--figure", tmp_path / "curves.html") == 0
    page = (tmp_path / "curves.html").read_text()
    assert "Items in a scene" in page and "Size of the items, px" in page
    # It is to be read where there is no network.
    assert not re.search(r"<script[^>]* src=", page)
    drawn = page[page.rindex("Plotly.newPlot(") :]
    assert drawn.count('"name":"Multi-turn SFT"') == 2 and drawn.count('"name":"Guessing"') == 2
    assert '"x":[2,4],"y":[0.6,0.1]' in drawn and '"x":[2,4],"y":[0.25,0.25]' in drawn


def test_other_questions_are_never_paired(tmp_path: Path) -> None:
    plan = plan_in(tmp_path)
    answered(plan, START, 0, FEW)
    answered(plan, "sft-looks", 0, FEW[:8])
    with pytest.raises(TaskError, match="sft-looks and start-looks were not asked the same questions"):
        report_of(read_ladder(plan.runs))


def test_what_is_not_whole_is_not_told(tmp_path: Path) -> None:
    plan = plan_in(tmp_path)
    answered(plan, "sft-looks", 0, SOME)
    answered(plan, "grpo-looks", 0, SOME)
    file = figures(plan.folder("sft-looks", 0), "looks")
    file.write_text(file.read_text().replace('"complete": true', '"complete": false'))
    (plan.folder("grpo-looks", 0) / "run.json").write_text('{"state": "running"}')
    assert report_of(read_ladder(plan.runs)).rows == ()


# The command


def test_the_rungs_are_listed_with_what_they_differ_in_and_a_time(capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("--list") == 0
    whole = capsys.readouterr().out
    assert (
        len(whole.splitlines()) == len(RUNGS) + 1
        and "bonus-off" in whole
        and "than grpo-looks: looks that differ are not paid for" in whole
    )
    assert typed("--list", "--rungs", "answers", "--seeds", 1, "--jobs", 1) == 0
    few = capsys.readouterr().out
    assert "from nothing, on 1 core of" in few and few.splitlines()[-1].startswith("1 seed, 100 steps, 400 questions")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--difficulty", "gui"), "There is no ladder on 'gui'"),
        (("--rungs", "best"), "There is no rung 'best'"),
        (("--report", "--runs", "nowhere"), "nowhere holds no ladder: run one there"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(words: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(TaskError, match=sentence):
        typed(*words)


def test_a_folder_keeps_to_its_ladder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_in(tmp_path)
    other = Plan(plan.base, plan.runs, difficulty="easy", steps=7, changes=("clip=2",))
    with pytest.raises(TaskError, match="holds a ladder with another steps and changes: name another folder with --runs"):
        Ladder(other, RUNGS).run()
    (plan.runs / PLAN).write_text("{}")
    with pytest.raises(TaskError, match="tells of no ladder of this program"):
        read_plan(plan.runs)
    monkeypatch.setenv("SACCADE_NEEDLE", str(tmp_path / "nothing"))
    with pytest.raises(TaskError, match=r"No policy ships in .*: name the checkpoint that the ladder begins with by --start"):
        Ladder(Plan("", tmp_path / "new"), RUNGS).run()


def test_a_run_that_broke_off_goes_on_and_one_that_ends_without_a_policy_is_told(tmp_path: Path) -> None:
    plan, begun = plan_in(tmp_path), list[list[str]]()
    plan.folder(START, 0).mkdir()
    (plan.folder(START, 0) / "run.json").write_text('{"state": "stopped"}')
    with pytest.raises(TrainingError, match="The training of start ended, and its policy is not there"):
        Ladder(plan, RUNGS, begin=lambda words: begun.append(list(words))).run()
    assert begun == [[f"--resume={plan.folder(START, 0)}"]]


def test_a_training_that_fails_in_its_process_ends_the_ladder(capfd: pytest.CaptureFixture[str]) -> None:
    with Crew() as crew, pytest.raises(TrainingError, match="did not come to its end, as it says above"):
        crew.lead(["nothing-like-it"])
    assert "nothing-like-it" in capfd.readouterr().err


def test_so_many_go_on_at_a_time_and_each_is_told_in_its_order() -> None:
    together, most, both = [0], [0], threading.Barrier(2)

    def task(place: int) -> None:
        together[0] += 1
        most[0] = max(most[0], together[0])
        if place < 2:
            # Each of the first two waits for the other: alone it would not end.
            both.wait(30)
        together[0] -= 1

    with Crew(2) as crew:
        assert list(crew.done([partial(task, place) for place in range(5)])) == [0, 1, 2, 3, 4]
    assert most == [2]


def test_who_stops_stops_all_that_goes_on_behind_its_step(tmp_path: Path) -> None:
    # It says that it has begun, and ends as a training does when it is asked to, also where this program was begun with SIGINT ignored.
    begins = "signal.signal(signal.SIGINT, signal.default_int_handler); open('begun', 'w').close()"
    is_asked = "open('stopped', 'w').close(); sys.exit(130)"
    script = f"import os, signal, sys, time\nos.chdir(sys.argv[1])\ntry:\n {begins}; time.sleep(60)\nexcept KeyboardInterrupt:\n {is_asked}"

    def stop() -> None:
        while not (tmp_path / "begun").exists():
            time.sleep(0.02)
        raise KeyboardInterrupt("enough")

    with pytest.raises(KeyboardInterrupt, match="enough"), Crew(2, [sys.executable, "-c", script]) as crew:
        list(crew.done([stop, partial(crew.lead, [str(tmp_path)])]))
    assert (tmp_path / "stopped").exists()
