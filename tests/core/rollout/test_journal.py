"""A run's journal keeps what the run had, wherever the run dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import PolicyError, TraceError
from core.grammar import call_text
from core.policies.conversation import Said
from core.policies.scripted import ScriptedPolicy
from core.rollout.engine import roll_out
from core.rollout.journal import Journal, is_journal, read_journal
from core.rollout.values import Began, Ended, RolloutEvent, Spoke
from core.trace import StopReason, Trace
from tests.core.rollout.speaking import ANSWER, LOOK, Speaker, settings, speaker, task

ROOT = Path(__file__).resolve().parents[3]


def write(path: Path, policy: ScriptedPolicy, samples: int = 2, **changes: object) -> list[RolloutEvent]:
    with Journal(path) as journal:
        return list(journal.keep(roll_out(policy, [task(samples=samples)], settings(**changes))))


def test_a_journal_gives_back_the_traces_of_a_run(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    events = write(path, speaker(LOOK, call_text(999, 1), LOOK), 3, max_turns=4)
    traces = {event.conversation: event.rollout.trace for event in events if isinstance(event, Ended)}
    assert read_journal(path) == tuple(traces[number] for number in range(3))
    assert {trace.stop for trace in traces.values()} == {StopReason.FORCED}
    assert is_journal(path)


def test_what_a_policy_fails_at_is_written_down(tmp_path: Path) -> None:
    def script(messages: tuple[Said, ...], row: int) -> str:
        if len(messages) > 2:
            raise PolicyError("It broke.")
        return LOOK

    write(tmp_path / "run.jsonl", ScriptedPolicy(script), 1)
    (trace,) = read_journal(tmp_path / "run.jsonl")
    assert (trace.stop, len(trace.looks)) == (StopReason.ERROR, 1)
    last = json.loads((tmp_path / "run.jsonl").read_text().splitlines()[-1])
    assert last["error"] == "It broke."


def test_a_journal_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    write(path, speaker(ANSWER))
    with pytest.raises(FileExistsError):
        Journal(path)


def test_a_journal_of_nothing_holds_nothing(tmp_path: Path) -> None:
    Journal(tmp_path / "run.jsonl").close()
    assert read_journal(tmp_path / "run.jsonl") == ()
    assert not is_journal(tmp_path / "run.jsonl")
    with pytest.raises(FileNotFoundError):
        read_journal(tmp_path / "none.jsonl")


@cache
def whole_journal() -> tuple[bytes, tuple[RolloutEvent, ...]]:
    """A run with two conversations of two pictures' worth of words, and the events by the line that each wrote."""
    words = "<think> Grün, 緑, 🟢 (30, 40). </think>\n"
    policy = ScriptedPolicy(Speaker((words + call_text(30, 40), ANSWER)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.jsonl"
        events = write(path, policy)
        return path.read_bytes(), tuple(event for event in events if isinstance(event, Began | Spoke | Ended))


@given(st.data())
def test_a_journal_that_is_cut_at_any_byte_gives_what_was_written(data: st.DataObject) -> None:
    content, events = whole_journal()
    end = data.draw(st.one_of(st.integers(0, len(content)), st.integers(0, 40).map(lambda back: len(content) - back)))
    check_cut(content, end, events)


def test_a_journal_that_is_cut_at_every_byte_around_its_line_ends_gives_what_was_written() -> None:
    content, events = whole_journal()
    ends = [at for at, byte in enumerate(content) if byte == ord("\n")]
    for line_end in ends:
        for end in (line_end - 1, line_end, line_end + 1, line_end + 2):
            check_cut(content, end, events)


def check_cut(content: bytes, end: int, events: tuple[RolloutEvent, ...]) -> None:
    kept = content[:end]
    # A line that lacks nothing but its end is whole.
    lines = kept.count(b"\n") + (content[end : end + 1] == b"\n" and not kept.endswith(b"\n"))
    happened = events[:lines]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.jsonl"
        path.write_bytes(kept)
        traces = read_journal(path)
    began = [event for event in happened if isinstance(event, Began)]
    ended = {event.conversation: event.rollout.trace for event in happened if isinstance(event, Ended)}
    assert len(traces) == len(began)
    for event, trace in zip(began, traces, strict=True):
        if event.conversation in ended:
            assert trace == ended[event.conversation]
            continue
        spoken = "".join(spoke.text for spoke in happened if isinstance(spoke, Spoke) and spoke.conversation == event.conversation)
        assert "".join(turn.text for turn in trace.turns) == spoken
        assert (trace.stop, trace.sample, trace.settings) == (StopReason.ERROR, event.trace.sample, event.trace.settings)


@pytest.mark.parametrize(
    "line", [b"nonsense", b"[1]", b'{"spoke": 7, "turn": 0, "author": "model", "text": ""}', b'{"began": 1}', b'{"x": 2}']
)
def test_a_whole_line_that_is_no_journals_is_refused(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "run.jsonl"
    write(path, speaker(ANSWER))
    path.write_bytes(line + b"\n" + path.read_bytes())
    with pytest.raises(TraceError, match=r"[Ll]ine 1"):
        read_journal(path)


SLOW_RUN = """
import sys
from pathlib import Path
from core.policies.scripted import ScriptedPolicy
from core.rollout.engine import roll_out
from core.rollout.journal import Journal
from tests.core.rollout.speaking import ANSWER, LOOK, Speaker, settings, task

def script(messages, row):
    return Speaker((LOOK, ANSWER))(messages, row) if row == 0 else Speaker((LOOK, "<think> " + "word " * 9000))(messages, row)

policy = ScriptedPolicy(script, seconds_per_piece=0.002)
with Journal(Path(sys.argv[1])) as journal:
    for event in journal.keep(roll_out(policy, [task(samples=3)], settings(max_new_tokens=99999, max_tokens=999999))):
        pass
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_run_that_is_killed_keeps_what_it_had(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with subprocess.Popen([sys.executable, "-c", SLOW_RUN, str(path)], cwd=ROOT) as process:
        try:
            until = time.monotonic() + 60
            while not (path.exists() and path.read_bytes().count(b'" word"') > 60) and process.poll() is None:
                assert time.monotonic() < until, "the run never came to say much"
                time.sleep(0.02)
        finally:
            os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    traces = read_journal(path)
    assert [trace.stop for trace in traces] == [StopReason.ANSWERED, StopReason.ERROR, StopReason.ERROR]
    assert [trace.settings["draw"] for trace in traces] == [0, 1, 2]
    for trace in traces[1:]:
        assert len(trace.looks) == 1 and trace.turns[1].text.startswith("<think> word word")
        assert Trace.from_json(trace.to_json()) == trace


def test_pieces_become_the_turns_they_were_pieces_of(tmp_path: Path) -> None:
    """Also where nothing but an injected sentence had been said of the last turn."""
    path = tmp_path / "run.jsonl"
    with Journal(path) as journal:
        for event in journal.keep(roll_out(speaker(LOOK), [task()], settings(max_turns=2))):
            if isinstance(event, Spoke) and event.author.value == "injected":
                break
    (trace,) = read_journal(path)
    assert [part.author.value for turn in trace.turns for part in turn.authors] == ["model", "observation", "injected"]
    assert (trace.stop, trace.answer) == (StopReason.ERROR, "")
