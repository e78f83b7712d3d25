"""Runs that are begun from here: tried out, watched from a second desk as after a restart, stopped, taken up, or never begun at all."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.trainings import launching, starts
from app.trainings.desk import TrainingDesk
from app.trainings.processes import this_host
from app.trainings.starting import Wish, command_of
from app.trainings.values import State, TrainingRun
from core.errors import ReadOnly, TrainingError
from tests.app.a_trainer import TEXT, ended
from tests.app.asking_world import eventually
from tests.app.training_world import write_run

QUICK = Wish("quick", "first")


@dataclass
class Begun:
    """A desk, and another one over the same folder that knows of nothing but what lies there."""

    desk: TrainingDesk
    root: Path

    @property
    def now(self) -> TrainingRun:
        """The one run, as a program that was started afterwards sees it."""
        (run,) = TrainingDesk([self.root]).folders.runs()
        return run

    def comes_to(self, state: State) -> TrainingRun:
        eventually(lambda: self.now.state is state)
        return self.now


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Begun]:
    launch = tmp_path / "launch.py"
    launch.write_text(TEXT)
    monkeypatch.setattr(launching, "LAUNCH", launch)
    root = tmp_path / "runs"
    made = Begun(TrainingDesk([root]), root)
    yield made
    for run in made.desk.folders.runs():
        start = starts.read_start(run.folder)
        if start is not None and run.can_stop:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(start.pid, signal.SIGKILL)


def test_a_run_outlives_whoever_began_it_and_is_stopped_and_taken_up_by_another(begun: Begun) -> None:
    folder = begun.desk.starter.start(QUICK)
    assert begun.now.state in (State.STARTING, State.RUNNING)
    run = begun.comes_to(State.RUNNING)
    assert (run.folder, run.can_stop, run.can_resume) == (folder, True, False)
    eventually(lambda: (begun.now.step or 0) > 1)
    # What waited for the folder has been brought into it, and nothing that was said is lost.
    assert (folder / "start.json").is_file() and "Loading the weights" in (folder / "output.txt").read_text()
    assert not [*(begun.root / starts.WAITING).iterdir()]
    other = TrainingDesk([begun.root]).starter
    other.stop(run)
    stopped = begun.comes_to(State.STOPPED)
    eventually(lambda: ended(run.pid or 0))
    eventually(lambda: begun.now.can_resume)
    assert stopped.words.startswith("Stopped by hand after step")
    other.resume(stopped)
    again = begun.comes_to(State.RUNNING)
    eventually(lambda: (begun.now.step or 0) > (stopped.step or 0))
    assert again.pid != run.pid and (folder / "output.txt").read_text().count("Loading the weights") == 2
    other.stop(again)
    begun.comes_to(State.STOPPED)


def test_a_run_that_is_asked_twice_is_not_asked_again_by_itself(begun: Begun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAST_STEP", "30")
    begun.desk.starter.start(QUICK)
    run = begun.comes_to(State.RUNNING)
    begun.desk.starter.stop(run)
    eventually(lambda: begun.now.stopping)
    sent: list[int] = []
    monkeypatch.setattr(os, "killpg", lambda pid, number: sent.append(pid))
    begun.desk.starter.stop(run)
    assert sent == []
    begun.desk.starter.stop(run, at_once=True)
    assert sent == [run.pid]
    monkeypatch.undo()
    os.kill(run.pid or 0, signal.SIGKILL)
    killed = begun.comes_to(State.INTERRUPTED)
    assert "Its process is gone" in killed.words and killed.can_resume and not killed.stopping


def test_a_run_that_has_stopped_is_taken_up_once_its_process_has_ended(begun: Begun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINGERS", "60")
    begun.desk.starter.start(QUICK)
    run = begun.comes_to(State.RUNNING)
    begun.desk.starter.stop(run)
    stopped = begun.comes_to(State.STOPPED)
    assert stopped.words.startswith("Stopped by hand") and not stopped.can_resume
    os.kill(run.pid or 0, signal.SIGKILL)
    eventually(lambda: begun.now.can_resume)
    assert begun.now.state is State.STOPPED


def test_a_dry_run_says_what_it_would_come_to_or_why_not(begun: Begun) -> None:
    assert [(one.name, one.title) for one in begun.desk.starter.recipes()] == [("quick", "A quick one"), ("lora", "With an adapter")]
    told = begun.desk.starter.rehearse(QUICK)
    assert told.ok and told.words == "A quick one: small\nsteps    9 of 4 dialogs"
    refused = begun.desk.starter.rehearse(Wish("quick", changes=("bad=1",)))
    assert not refused.ok and refused.words == "there is no key `bad`: did you mean `batch`?"
    assert not begun.root.exists()


def test_a_start_that_never_became_a_run_says_why_and_can_be_taken_away(begun: Begun) -> None:
    begun.desk.starter.start(Wish("quick", "first", changes=("bad=1",)))
    run = begun.comes_to(State.FAILED)
    assert run.words == "It did not begin: there is no key `bad`: did you mean `batch`?" and not run.can_resume
    begun.desk.starter.forget(run)
    assert begun.desk.folders.runs() == []


def test_a_run_that_was_not_taken_up_again_says_why(begun: Begun, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_run(begun.root / "a", state="stopped", step=5)
    begun.desk.starter.resume(begun.now, ["bad=1"])
    eventually(lambda: begun.now.words == "It was not taken up again: there is no key `bad`: did you mean `batch`?")
    assert begun.now.state is State.STOPPED and begun.now.can_resume
    with pytest.raises(TrainingError, match=r"A value is set as KEY=VALUE, such as steps=100, and not as 'save_every'\."):
        begun.desk.starter.resume(begun.now, ["at_once=2", "save_every"])
    with pytest.raises(TrainingError, match="is a run and is kept"):
        begun.desk.starter.forget(begun.desk.folders.look(folder))


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (Wish("unheard-of"), "There is no recipe 'unheard-of'"),
        (Wish("/etc/passwd"), "There is no recipe '/etc/passwd'"),
        (Wish("quick", "../elsewhere"), "cannot name a run's folder"),
        (Wish("quick", "-x"), "cannot name a run's folder"),
        (Wish("quick", changes=("steps",)), "A value is set as KEY=VALUE"),
        (Wish("quick", "taken"), "There is a run 'taken' in"),
    ],
)
def test_what_cannot_be_meant_is_told(begun: Begun, wish: Wish, said: str) -> None:
    write_run(begun.root / "taken", state="finished")
    with pytest.raises(TrainingError, match=said):
        begun.desk.starter.start(wish)


def test_a_finished_run_is_neither_stopped_nor_taken_up(begun: Begun) -> None:
    write_run(begun.root / "a", state="finished")
    with pytest.raises(TrainingError, match="is finished and has no process here"):
        begun.desk.starter.stop(begun.now)
    with pytest.raises(TrainingError, match="is finished: only one that was stopped"):
        begun.desk.starter.resume(begun.now)


def test_a_process_that_is_not_known_for_certain_gets_no_signal(begun: Begun) -> None:
    # It is there, and was when the run wrote last; but it is these tests, and no training.
    write_run(begun.root / "a", pid=os.getpid(), host=this_host())
    with pytest.raises(TrainingError, match="No process of this machine is known for certain"):
        begun.desk.starter.stop(begun.now)


def test_values_are_never_taken_for_options_and_the_command_can_be_typed(begun: Begun) -> None:
    wish = Wish("quick", "my run", model="--list", changes=("a=[1, 2]", " "))
    assert command_of(wish) == "python3 launch.py train '--name=my run' --model=--list '--set=a=[1, 2]' -- quick"


def test_read_only_nothing_is_begun_or_stopped(begun: Begun) -> None:
    run = TrainingDesk([write_run(begun.root / "a", state="stopped")]).folders.runs()[0]
    starter = TrainingDesk([begun.root], read_only=True).starter
    for act in (lambda: starter.start(QUICK), lambda: starter.rehearse(QUICK), lambda: starter.stop(run), lambda: starter.resume(run)):
        with pytest.raises(ReadOnly, match="With --read-only runs are watched"):
            act()
