"""Runs in threads of their own: what they store, how they end, and what is left of one that died with the program."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from annotations.queries import TraceQuery
from app.asking import Asked, sample_of, truth_of
from app.bench.serving import serving
from app.live_run import DrawState, LiveRun, RunState
from app.live_runs import KEPT, LiveRuns
from app.policy_list import PolicyList
from app.policy_opener import finder, opener
from app.policy_shelf import PolicyShelf
from app.run_journals import FOLDER, Kept, Recovered, RunJournals, recovered_words
from app.services import open_services
from app.settings import DATABASE_FILE, settings_from
from core.errors import NotFound, PolicyError, StoreError
from core.policies.conversation import GREEDY
from core.rollout.journal import Journal
from core.rollout.values import Progress, RolloutSettings, Turns
from core.trace import DomainName, StopReason, Trace, TruthKind
from tests.app.asking_world import FAILER, LOOKER, QUESTION, SLOW_TO_LOAD, AskingWorld, eventually, open_asking, png
from tests.app.conftest import ROOT


@pytest.fixture
def world(tmp_path: Path) -> Iterator[AskingWorld]:
    with open_asking(tmp_path) as made:
        yield made


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[AskingWorld]:
    with open_asking(tmp_path, pace=0.02) as made:
        yield made


def asked(world: AskingWorld, **changes: Any) -> Asked:
    truth = truth_of("a red cup", TruthKind.TEXT)
    return replace(Asked(LOOKER, sample_of(world.picture, QUESTION, DomainName.VISUAL_SEARCH, truth)), **changes)


def ended(run: LiveRun) -> LiveRun:
    assert run.over.wait(30), "the run did not end"
    return run


def stored(world: AskingWorld, dataset: str = "asked") -> list[Trace]:
    return [one.trace for one in world.services.store.iter_traces(TraceQuery(dataset=(dataset,), sort="oldest"))]


def files(folder: Path) -> list[Path]:
    """What lies there, without what SQLite puts beside an open file."""
    return sorted(file for file in folder.rglob("*") if not file.name.endswith(("-wal", "-shm")))


def left(folder: Path) -> list[str]:
    return sorted(file.name for file in (folder / FOLDER).glob("*"))


def test_a_run_stores_its_traces_as_they_come_and_tells_what_came_of_it(world: AskingWorld, tmp_path: Path) -> None:
    run = ended(world.services.runs.start(asked(world, samples=6, actor="Ada")))
    now = run.now
    assert (now.state, now.ended, now.error, now.not_stored, now.policy_name) == (RunState.DONE, 6, "", "", LOOKER)
    traces = stored(world)
    assert {trace.content_hash for trace in traces} == {one.id for _, one in run.stored} and len(run.stored) == 6
    assert run.verdicts == (True, True, False, True, True, False)
    first = traces[0]
    assert (first.sample, first.policy, first.stop, len(first.looks)) == (run.asked.sample, LOOKER, StopReason.ANSWERED, 2)
    assert world.services.store.trace(first.content_hash).trace.settings["temperature"] == 0.5
    assert [event["added"] for event in world.services.store.events("traces_added")] == [1] * 6
    eventually(lambda: left(tmp_path) == [])


def test_what_is_said_can_be_watched_word_by_word(slow: AskingWorld) -> None:
    run = slow.services.runs.start(asked(slow))
    eventually(lambda: bool((trace := run.draw(0).trace) and trace.turns))
    early = run.draw(0)
    assert (early.state, early.ended, run.now.state) == (DrawState.RUNNING, False, RunState.RUNNING)
    assert early.trace is not None and early.trace.faults == (), "a tag that is not closed yet is no fault yet"
    eventually(lambda: bool((trace := run.draw(0).trace) and trace.looks))
    trace = run.draw(0).trace
    assert trace is not None and trace.steps[0].look is not None and trace.steps[0].point is not None
    assert run.changed_after(run.draw(0).seq) == () or run.draw(0).seq > early.seq
    ended(run)
    assert run.draw(0).trace == run.rollouts[0].trace


def test_a_run_is_stopped_at_once_and_keeps_what_it_has(slow: AskingWorld, tmp_path: Path) -> None:
    run = slow.services.runs.start(asked(slow, samples=3))
    eventually(lambda: all(run.draw(number).trace and run.draw(number).trace.turns for number in range(3)))  # type: ignore[union-attr]
    slow.services.runs.stop(run)
    ended(run)
    assert run.now.state is RunState.STOPPED
    assert [run.draw(number).state for number in range(3)] == [DrawState.STOPPED] * 3
    assert {trace.stop for trace in stored(slow)} == {StopReason.CANCELLED} and len(run.stored) == 3
    assert all(trace.turns[0].text.startswith("<think>") for trace in stored(slow))
    assert run.verdicts == (None, None, None), "what was stopped is neither right nor wrong"
    eventually(lambda: left(tmp_path) == [])


def test_a_run_that_cannot_begin_leaves_no_journal(world: AskingWorld, tmp_path: Path) -> None:
    sample = sample_of(world.picture, "<image>", DomainName.VISUAL_SEARCH, truth_of("a red cup", TruthKind.TEXT))
    run = ended(world.services.runs.start(asked(world, sample=sample)))
    assert run.now.state is RunState.FAILED and "question is empty" in run.now.error
    eventually(lambda: left(tmp_path) == [])
    assert RunJournals(tmp_path / FOLDER).recover(world.services.store) == Recovered()


def test_a_run_is_stopped_at_once_while_its_policy_is_being_opened(world: AskingWorld) -> None:
    run = world.services.runs.start(asked(world, policy=SLOW_TO_LOAD))
    eventually(lambda: run.now.waiting_for == "weights are read")
    assert run.now.state is RunState.LOADING
    world.services.runs.stop(run)
    ended(run)
    assert (run.now.state, run.now.error, run.draw(0).state) == (RunState.STOPPED, "", DrawState.STOPPED)
    assert stored(world) == []


def test_conversations_that_break_off_cost_no_other(world: AskingWorld) -> None:
    run = ended(world.services.runs.start(asked(world, policy=FAILER, samples=4)))
    assert run.now.state is RunState.DONE
    assert [run.draw(number).state for number in range(4)] == [DrawState.DONE, DrawState.FAILED] * 2
    assert run.draw(1).error == "The script has no words for this conversation."
    assert len(stored(world)) == 2, "nothing was said in the others"


def test_a_policy_that_cannot_be_had_is_a_sentence_and_the_next_run_tries_again(world: AskingWorld) -> None:
    world.opening.broken[LOOKER] = "The checkpoint is broken: load it anew."
    run = ended(world.services.runs.start(asked(world, samples=2)))
    assert (run.now.state, run.now.error) == (RunState.FAILED, "The checkpoint is broken: load it anew.")
    assert [run.draw(number).ended for number in range(2)] == [True, True]
    world.opening.broken.clear()
    assert ended(world.services.runs.start(asked(world))).now.state is RunState.DONE


def test_a_picture_that_is_gone_is_a_sentence(world: AskingWorld) -> None:
    world.services.pictures.path(world.picture.sha256).unlink()
    run = ended(world.services.runs.start(asked(world)))
    assert run.now.state is RunState.FAILED and "There is no picture" in run.now.error


def test_runs_beyond_what_goes_on_at_once_wait_in_line(slow: AskingWorld) -> None:
    services = slow.services
    runs = LiveRuns(services.shelf, services.store, services.pictures, None, at_once=2)
    begun = [runs.start(asked(slow)) for _ in range(4)]
    eventually(lambda: [run.now.state for run in begun[2:]] == [RunState.WAITING] * 2 and all(run.now.waiting_for for run in begun[2:]))
    assert "2 runs are going on; none of those that wait" in begun[2].now.waiting_for
    assert "2 runs are going on; 1 of those that wait" in begun[3].now.waiting_for
    runs.stop(begun[3])
    ended(begun[3])
    runs.stop(begun[0])
    ended(begun[0])
    eventually(lambda: begun[2].now.state is RunState.RUNNING)
    runs.close()
    assert all(run.over.is_set() for run in begun)
    with pytest.raises(PolicyError, match="is ending"):
        runs.start(asked(slow))


def test_the_last_runs_are_kept_and_no_more_begin_than_that(world: AskingWorld) -> None:
    runs = world.services.runs
    first = ended(runs.start(asked(world)))
    for _ in range(KEPT - 1):
        ended(runs.start(asked(world, dataset=None)))
    assert runs.run(first.id) is first and len(runs.runs()) == KEPT
    held = [runs.start(asked(world, policy=SLOW_TO_LOAD)) for _ in range(KEPT)]
    with pytest.raises(NotFound, match="There is no run"):
        runs.run(first.id)
    assert runs.runs()[0] is held[-1] and len(runs.runs()) == KEPT
    with pytest.raises(PolicyError, match="runs are going on or waiting already"):
        runs.start(asked(world))
    for run in held:
        runs.stop(run)
    for run in held:
        ended(run)


def test_what_nobody_could_answer_is_refused(world: AskingWorld) -> None:
    with pytest.raises(NotFound, match="is not on the list"):
        world.services.runs.start(asked(world, policy="test/unknown"))
    for changes in ({"samples": 0}, {"samples": 65}, {"settings": RolloutSettings(max_turns=65)}):
        with pytest.raises(PolicyError):
            asked(world, **changes)
    for question in ("", "   ", "x" * 8_001):
        with pytest.raises(PolicyError):
            asked(world, sample=sample_of(world.picture, question, DomainName.VISUAL_SEARCH))
    with pytest.raises(PolicyError, match="has no zoom"):
        asked(world, sample=sample_of(world.picture, "x", DomainName.SPATIAL), settings=RolloutSettings(turns=Turns.MULTI))


def test_a_store_that_refuses_is_told_and_the_journal_stays_for_the_next_start(world: AskingWorld, tmp_path: Path) -> None:
    with world.services.store.database.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE steps RENAME TO elsewhere")
    run = ended(world.services.runs.start(asked(world)))
    assert run.now.state is RunState.DONE and run.now.not_stored and run.stored == ()
    with world.services.store.database.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO steps")
    eventually(lambda: not [thread for thread in threading.enumerate() if thread.name == f"run {run.id}"])
    assert run.rollouts[0].tokens is None, "kept where somebody asks for them"
    assert left(tmp_path) == [f"{run.id}.json", f"{run.id}.jsonl", f"{run.id}.lock"]
    found = world.services.runs.recover()
    assert (found.runs, found.traces, found.troubles) == (1, 1, ())
    assert stored(world) == [run.rollouts[0].trace] and left(tmp_path) == []


def test_with_read_only_nothing_is_stored_and_that_is_said(tmp_path: Path) -> None:
    with open_asking(tmp_path):
        pass
    before = files(tmp_path)
    with open_asking(tmp_path, read_only=True) as world:
        run = ended(world.services.runs.start(asked(world)))
        assert run.now.state is RunState.DONE and "--read-only" in run.now.not_stored and run.stored == ()
        assert run.draw(0).trace is not None
        assert world.services.runs.recover().runs == 0
        assert files(tmp_path) == before


# -- runs that died --


def test_a_run_that_died_with_the_server_is_recovered_at_the_next_start(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.app.asking_world", str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT) as server:
        assert server.stderr is not None
        address = server.stderr.readline().split()[-1]
        picture = fetched(f"{address}/api/pictures", png())["picture"]["sha256"]
        body = {"policy": LOOKER, "picture": picture, "question": QUESTION, "domain": "visual_search", "samples": 3, "dataset": "cut off"}
        run = fetched(f"{address}/api/runs", json.dumps(body).encode())["run"]
        eventually(lambda: all(draw["view"] and len(draw["view"]["turns"]) > 1 for draw in fetched(f"{address}/api/runs/{run}")["draws"]))
        with open_asking(tmp_path) as beside:
            assert beside.services.runs.recover().runs == 0, "it is going on, in another program"
            assert left(tmp_path) == [f"{run}.json", f"{run}.jsonl", f"{run}.lock"]
        os.kill(server.pid, signal.SIGKILL)
    with serving(tmp_path) as again:
        found = fetched(f"{again.address}/api/traces?dataset=cut%20off")
        assert found["total"] == 3 and {one["stop"] for one in found["items"]} == {"error"}
    with open_asking(tmp_path) as world:
        traces = stored(world, "cut off")
        assert all(len(trace.looks) == 1 and len(trace.turns) == 2 and trace.sample.question == QUESTION for trace in traces)
        assert world.services.runs.recover().runs == 0
    assert left(tmp_path) == []


def fetched(address: str, body: bytes | None = None) -> Any:
    with urllib.request.urlopen(urllib.request.Request(address, body), timeout=30) as answer:
        return json.load(answer)


def test_what_was_recovered_is_said() -> None:
    assert recovered_words(Recovered()) == ()
    assert recovered_words(Recovered(1, 1)) == ("A run was cut off when the program ended; 1 trace of what there was came in.",)
    assert recovered_words(Recovered(2, 3, ("One was left.",))) == (
        "2 runs were cut off when the program ended; 3 traces of what there was came in.",
        "One was left.",
    )


def test_a_journal_that_cannot_be_read_is_told_and_left(world: AskingWorld, tmp_path: Path) -> None:
    folder = tmp_path / FOLDER
    folder.mkdir()
    (folder / "aa.jsonl").write_text('{"began": 0}\n{"spoke": 0}\n')
    (folder / "aa.json").write_text(json.dumps({"dataset": "asked", "actor": ""}))
    (folder / "bb.jsonl").write_text("")
    found = world.services.runs.recover()
    assert (found.runs, found.traces, len(found.troubles)) == (0, 0, 2)
    assert all(one in words for one, words in zip(("aa", "bb"), recovered_words(found), strict=True))
    assert (folder / "aa.jsonl").exists() and (folder / "bb.jsonl").exists()
    with pytest.raises(StoreError), RunJournals(tmp_path / DATABASE_FILE).keep("cc", "asked", ""):
        pass


def test_what_a_run_left_that_died_before_its_first_word_is_swept_up(world: AskingWorld, tmp_path: Path) -> None:
    folder = tmp_path / FOLDER
    folder.mkdir()
    for name in ("aa.lock", "aa.json", "bb.lock", "notes.txt"):
        (folder / name).write_text("")
    assert world.services.runs.recover() == Recovered()
    assert left(tmp_path) == ["notes.txt"]


def test_a_journal_that_cannot_be_written_any_more_is_told_once(tmp_path: Path) -> None:
    class Full(Journal):
        def write(self, event: object) -> None:
            raise OSError(28, "No space left on device")

    with Full(tmp_path / "full.jsonl") as journal:
        kept = Kept(journal)
        told = [kept.write(Progress(0, 1, 0, 0.0, None)) for _ in range(2)]
    assert "No space left on device" in told[0] and told[0].endswith(".") and told[1] == ""


# -- a checkpoint --


def test_a_checkpoint_is_asked_through_the_same_door(tmp_path: Path) -> None:
    """The real classes, untrained: what it writes is noise, and all of it is stored, with the tokens counted."""
    from argparse import Namespace

    import torch

    from core.policies.local.untrained import ModelType, build

    torch.set_num_threads(1)
    checkpoint = build(tmp_path / "tiny", ModelType.QWEN2_5_VL)
    with open_services(settings_from(Namespace(data_dir=tmp_path / "data"), {})) as services:
        empty = tmp_path / "empty"
        empty.mkdir()
        shelf = PolicyShelf(opener(services.store), PolicyList((str(checkpoint), str(empty)), None), find=finder())
        runs = LiveRuns(shelf, services.store, services.pictures, RunJournals(tmp_path / "data" / FOLDER), tokens=True)
        picture = services.pictures.add_bytes(png(size=(112, 84)), "small.png")
        settings = RolloutSettings(sampling=GREEDY, max_new_tokens=12, max_tokens=400)
        what = Asked(str(checkpoint), sample_of(picture, QUESTION, DomainName.VISUAL_SEARCH), 2, settings)
        run = ended(runs.start(what))
        assert (run.now.state, run.now.error) == (RunState.DONE, "")
        one, two = run.rollouts
        assert one.trace.turns == two.trace.turns and one.trace.turns and run.now.tokens > 0
        assert one.tokens is not None and any(logprob is not None for logprob in one.tokens.logprobs)
        assert shelf.line(str(checkpoint)).state == "ready" and len(run.stored) == 2
        long = runs.start(replace(what, settings=replace(settings, max_new_tokens=4096, max_tokens=8192), samples=8))
        eventually(lambda: bool((trace := long.draw(0).trace) and trace.turns))
        runs.stop(long)
        ended(long)
        assert long.now.state is RunState.STOPPED
        # A folder without a checkpoint costs nobody the one in memory.
        lost = ended(runs.start(replace(what, policy=str(empty))))
        assert lost.now.state is RunState.FAILED and str(empty) in lost.now.error
        assert shelf.line(str(checkpoint)).state == "ready"
        runs.close()
        shelf.close()
