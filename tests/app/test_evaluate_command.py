"""`launch.py eval` as it is typed: its table, its files, and what it refuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from annotations.database import open_database
from annotations.importing.report import Outcome
from annotations.importing.run import ImportRequest, run_import
from annotations.pictures import PictureStore
from annotations.store import Store
from app import commands, eval_judged, eval_works
from core.errors import PolicyError, StartError, TaskError
from core.evaluation.conditions import Condition
from core.evaluation.values import Outcome as Judged
from core.evaluation.values import Question
from core.policies.local.untrained import ModelType, build
from core.records import write_records
from core.rollout.values import Rollout
from core.tasks.needle.players import card_for
from core.tasks.needle.splits import Split
from core.tasks.needle.task import NeedleTask, asked_of, picture_file

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
    assert eval_works._APART > 100_000


def begun(words: list[str]) -> subprocess.Popen[str]:
    """`launch.py eval` in a process of its own."""
    code = (
        "import sys; from app import commands; from app.boundary import in_one_sentence\n"
        f"command, arguments = commands.read(['eval', *{words!r}])\n"
        "sys.exit(in_one_sentence(lambda: commands.run(command, arguments)))"
    )
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(file: Path, lines: int) -> None:
    until = time.monotonic() + 90
    while time.monotonic() < until and (not file.is_file() or file.read_bytes().count(b"\n") < lines):
        time.sleep(0.1)


def judged(file: Path) -> list[dict[str, Any]]:
    """The judgements of a file, without its heads."""
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    return [line for line in lines if "outcome" in line]


def test_stopped_by_key_it_keeps_what_was_asked_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, traces = tmp_path / "figures.json", tmp_path / "traces.jsonl"
    words = ["needle", "--policy", "expert", "--conditions", "looks-off", "--traces", str(traces), "--json", str(file)]
    program = begun([*words, "--n", "2000"])
    # Both conditions of the first 8 questions have been asked, and some of the next.
    wait_for(traces, 8 * 2 + 5)
    os.kill(program.pid, signal.SIGINT)
    out, said = program.communicate(timeout=60)
    assert program.returncode == 130 and "as far as it came" in out
    assert "questions had been asked" in said and "the same command goes on from there" in said
    figures = told(file)
    assert not figures["complete"]
    assert {one["n"] for one in figures["evaluations"][0]["conditions"]} == {figures["evaluations"][0]["n"]}
    before = judged(tmp_path / "figures.judged.jsonl")
    # Fewer questions: all of the first condition's are known.
    assert typed(*words, "--n", "10") == 0
    assert f"{len(before)} answers that were judged before are taken up from" in capsys.readouterr().out
    figures = told(file)
    assert figures["complete"] and figures["evaluations"][0]["n"] == 10
    assert figures["evaluations"][0]["conditions"][0]["accuracy"]["count"] == 10
    assert not (tmp_path / "figures.judged.jsonl").exists()
    lines = [json.loads(line)["trace"] for line in traces.read_text().splitlines()]
    places = [(line["settings"]["condition"], line["sample"]["external_id"]) for line in lines]
    assert len(places) == len(set(places)) and {("as-it-is", f"needle/default/test/{at}") for at in range(10)} <= set(places)


def test_a_kill_loses_nothing_that_was_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, kept = tmp_path / "figures.json", tmp_path / "figures.judged.jsonl"
    words = ["needle", "--policy", "expert", "--conditions", "as-it-is", "--json", str(file)]
    program = begun([*words, "--n", "2000"])
    wait_for(kept, 2 + 12)
    program.kill()
    program.communicate()
    # As if it had been killed while it wrote.
    with kept.open("ab") as journal:
        journal.write(b'{"of": "a')
    known = {one["question"] for one in judged_whole(kept)}
    assert len(known) >= 12
    opened = Path(tmp_path / "asked.jsonl")
    assert typed(*words, "--n", str(len(known)), "--traces", str(opened)) == 0
    # Traces are wanted now of which there are none: everything is asked again.
    assert len(opened.read_text().splitlines()) == len(known)
    assert "judged before are taken up" in capsys.readouterr().out


def judged_whole(file: Path) -> list[dict[str, Any]]:
    """The judgements of a file whose last line may be cut off."""
    whole = file.with_name("whole.jsonl")
    whole.write_bytes(file.read_bytes().rpartition(b"\n")[0])
    return judged(whole)


@pytest.fixture(scope="module")
def judgements(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What a stopped evaluation of the expert leaves: of the first 6 questions all is judged as it is, of the first 4 without looks."""
    folder = tmp_path_factory.mktemp("stopped")
    kept = folder / "figures.judged.jsonl"
    program = begun(["needle", "--policy", "expert", "--n", "2000", "--conditions", "looks-off", "--json", str(folder / "figures.json")])
    wait_for(kept, 2 + 8 * 2)
    program.kill()
    program.communicate()
    lines = kept.read_bytes().rpartition(b"\n")[0].split(b"\n")
    wanted = {("as-it-is", at) for at in range(6)} | {("looks-off", at) for at in range(4)}
    return b"\n".join([*lines[:2], *(line for line in lines[2:] if place(line) in wanted)]) + b"\n"


@pytest.fixture
def stopped(judgements: bytes, tmp_path: Path) -> Path:
    """Where the figures of that evaluation would be."""
    (tmp_path / "figures.judged.jsonl").write_bytes(judgements)
    return tmp_path / "figures.json"


def place(line: bytes) -> tuple[str, int]:
    said = json.loads(line)
    return said["condition"], int(said["question"].rpartition("/")[2])


STOPPED = ("needle", "--policy", "expert", "--n", "6", "--conditions", "looks-off")


def test_what_was_judged_is_taken_up_and_only_the_rest_is_asked(stopped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = stopped.with_name("figures.judged.jsonl")
    asked = list[int]()
    close = eval_judged.JudgedFile.close

    def counting(self: eval_judged.JudgedFile, *, complete: bool = False) -> None:
        if complete:
            asked.append(len(judged(kept)))
        close(self, complete=complete)

    eval_judged.JudgedFile.close = counting  # type: ignore[method-assign]
    try:
        assert typed(*STOPPED, "--json", str(stopped)) == 0
    finally:
        eval_judged.JudgedFile.close = close  # type: ignore[method-assign]
    # Each of the 12 judgements stands there once.
    assert asked == [12]
    said = capsys.readouterr().out
    assert "10 answers that were judged before are taken up from" in said and "6 questions" in said
    assert [one["n"] for one in told(stopped)["evaluations"][0]["conditions"]] == [6, 6]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--seed", "1"), "is of another setting (seed was 0 and is 1): this is begun anew."),
        (("--max-new-tokens", "9"), "is of another setting (max_new_tokens was 1024 and is 9): this is begun anew."),
        (("--policy", "guesser"), "is of another setting (name was needle expert and is needle guesser): this is begun anew."),
        (("--split", "novel"), "is of another setting (split was test and is novel): this is begun anew."),
    ],
)
def test_another_setting_begins_anew_and_says_so(
    stopped: Path, words: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(*STOPPED, *words, "--json", str(stopped))
    said = capsys.readouterr().out
    assert sentence in said and "taken up" not in said
    assert told(stopped)["evaluations"][0]["n"] == 6


def test_of_two_policies_each_takes_up_its_own(stopped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed(*STOPPED, "--beside", "guesser", "--json", str(stopped)) == 0
    said = capsys.readouterr().out
    assert said.count("taken up from") == 1 and said.startswith("10 answers") and "begun anew" not in said
    assert [one["n"] for one in told(stopped)["evaluations"]] == [6, 6]
    assert [one["condition"] for one in told(stopped)["beside"][0]["conditions"]] == ["as-it-is", "looks-off"]


def test_a_checkpoint_is_taken_up_by_its_weights(untrained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, area = tmp_path / "figures.json", str(128 * 128)
    words = ["needle", "--policy", str(untrained), "--device", "cpu", "--min-pixels", area, "--max-pixels", area, "--max-new-tokens", "8"]
    words += ["--conditions", "as-it-is", "--json", str(file)]
    with pytest.raises(TaskError, match="an evaluation of nothing"), stopping_after(2):
        typed(*words, "--n", "4")
    assert len(judged(tmp_path / "figures.judged.jsonl")) == 2
    capsys.readouterr()
    assert typed(*words, "--n", "4") == 0
    assert "2 answers that were judged before are taken up" in capsys.readouterr().out
    assert told(file)["evaluations"][0]["n"] == 4


@contextmanager
def stopping_after(count: int) -> Iterator[None]:
    """Breaks off as soon as so many answers have been judged."""
    keep, kept = eval_judged.JudgedFile.keep, list[str]()

    def counting(self: eval_judged.JudgedFile, condition: Condition, question: Question, rollout: Rollout, outcome: Judged) -> None:
        if len(kept) == count:
            raise TaskError("This is an evaluation of nothing more.")
        kept.append(condition.name)
        keep(self, condition, question, rollout, outcome)

    eval_judged.JudgedFile.keep = counting  # type: ignore[method-assign]
    try:
        yield
    finally:
        eval_judged.JudgedFile.keep = keep  # type: ignore[method-assign]


def test_what_another_program_wrote_is_not_taken_for_judgements(tmp_path: Path) -> None:
    (tmp_path / "figures.judged.jsonl").write_text('{"something": "else"}\n')
    with pytest.raises(StartError, match=r"cannot be read from .*figures\.judged\.jsonl \(another program wrote it\): take it away"):
        typed("needle", "--policy", "expert", "--n", "2", "--json", str(tmp_path / "figures.json"))


def test_two_policies_are_paired_on_the_same_questions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "figures.json"
    words = ["--difficulty", "easy", "default", "--n", "12", "--json", str(file)]
    assert typed("needle", "--policy", "expert", "--beside", "guesser", *words) == 0
    lines = capsys.readouterr().out.splitlines()
    heads = [line for line in lines if "beside" in line]
    assert heads == [
        f"needle {name}, split test, seed 0: needle expert beside needle guesser, 12 questions" for name in ("easy", "default")
    ]
    summary = lines[lines.index("right, as it is") + 1 :]
    assert [line.split()[0] for line in summary[1:3]] == ["easy", "default"] and "100.0 % (75.8 to 100.0)" in summary[1]
    figures = told(file)
    assert figures["than"] == "guesser" and figures["complete"]
    assert [(one["difficulty"], one["reference"]) for one in figures["evaluations"]] == [
        ("easy", "expert"),
        ("default", "expert"),
        ("easy", "guesser"),
        ("default", "guesser"),
    ]
    assert all([one["condition"] for one in each["conditions"]] == ["as-it-is"] for each in figures["evaluations"])
    for compared in figures["beside"]:
        right = compared["conditions"][0]["right"]
        assert right["n"] == 12 and right["only_other"] == 0 and right["p_mcnemar"] < 0.05
        assert compared["conditions"][0]["looks"]["value"] > 0 and compared["conditions"][0]["looks_hit"] is None


def test_several_answers_to_a_question_tell_pass_at_k(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "figures.json"
    words = ["--n", "10", "--samples", "4", "--temperature", "1", "--json", str(file)]
    assert typed("needle", "--policy", "guesser", "--beside", "expert", *words) == 0
    said = capsys.readouterr().out
    assert "of 4 answers to each question: pass@1 100.0 %, pass@2 100.0 %, pass@4 100.0 %" in said and "\npass@4 " in said
    guesser, expert = told(file)["evaluations"]
    assert [one["k"] for one in guesser["conditions"][0]["pass_at_k"]] == [1, 2, 4]
    assert expert["conditions"][0]["each"]["right_of_samples"] == [4] * 10
    assert told(file)["beside"][0]["conditions"][0]["pass_at_k"][-1]["value"] < 0


def records_in(folder: Path, count: int) -> Path:
    """Curated records of needle scenes, held out as `test`, with their pictures beside them."""
    world, card = NeedleTask.named("default"), card_for(NeedleTask.named("default").difficulty, "looker")
    made = [world.record(seed, Split.TEST, card, encoded=True) for seed in range(count)]
    write_records(folder / "records.jsonl", [*made, made[0]], "any")
    (folder / "pictures").mkdir()
    for record in made:
        _, data = picture_file(asked_of(record).scene)
        (folder / "pictures" / f"{record.pictures[0].sha256}.png").write_bytes(data)
    return folder / "records.jsonl"


def test_what_records_hold_out_is_asked(untrained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = records_in(tmp_path, 3)
    area, file = str(128 * 128), tmp_path / "figures.json"
    words = ["--min-pixels", area, "--max-pixels", area, "--max-new-tokens", "8", "--device", "cpu", "--json", str(file)]
    assert typed("records", "--records", str(records), "--policy", str(untrained), *words) == 0
    assert capsys.readouterr().out.startswith("records.jsonl, split test: tiny, 3 questions\n")
    (found,) = told(file)["evaluations"]
    assert found["world"] == "records" and found["guessing"]["chance"] is None and found["conditions"][0]["accuracy"]["n"] == 3


@pytest.mark.parametrize(
    ("words", "error", "sentence"),
    [
        (["records"], TaskError, "Which records"),
        (["records", "--records", "records.jsonl", "--difficulty", "easy"], TaskError, "Curated records have no --difficulty"),
        (["records", "--records", "records.jsonl", "--split", "validation"], TaskError, "holds no question out as validation"),
        (["records", "--records", "records.jsonl", "--split", "novel"], TaskError, "Records have no split 'novel'"),
        (["records", "--records", "records.jsonl"], PolicyError, "Nobody plays the expert on records.jsonl"),
        (["needle", "--records", "records.jsonl"], TaskError, "Drawn scenes need no --records"),
        (["needle", "--split", "train"], TaskError, "says nothing of what was learnt"),
        (["needle", "--samples", "4"], PolicyError, "4 answers at temperature 0 are one answer"),
    ],
)
def test_what_does_not_go_together_is_refused(
    words: list[str], error: type[Exception], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    records_in(tmp_path, 1)
    with pytest.raises(error, match=sentence):
        typed(*words, "--policy", "expert")
