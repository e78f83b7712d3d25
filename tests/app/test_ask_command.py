"""`launch.py ask`: what it prints, what it stores, and how it is stopped."""

from __future__ import annotations

import argparse
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from annotations.queries import TraceQuery
from app.ask_words import Meter
from app.asking import Asked
from app.commands import ask
from app.live_run import LiveRun
from app.services import open_services
from app.settings import settings_from
from core.errors import PolicyError, TraceError, TruthError
from core.geometry import Size
from core.policies.opening import PolicyOptions
from core.policies.protocol import PolicyCard, PolicyKind
from core.rollout.values import Progress
from core.trace import DomainName, Picture, Sample, StopReason, Trace, Truth, TruthKind
from tests.app.asking_world import FAILER, LOOKER, QUESTION, Opening, eventually, png
from tests.app.conftest import ROOT

Ask = Callable[..., int]
Seen = list[PolicyOptions]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    (tmp_path / "table.png").write_bytes(png())
    return tmp_path / "table.png"


@pytest.fixture
def seen() -> Seen:
    """The options with which policies were opened."""
    return []


@pytest.fixture
def run(tmp_path: Path, picture: Path, seen: Seen, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Asks as the command line does, of policies that follow a script; the exit code."""

    def scripted(store: object, options: PolicyOptions) -> Any:
        seen.append(options)
        return Opening().open

    monkeypatch.setattr("app.policy_opener.opener", scripted)

    def asking(*more: str, policy: str = LOOKER) -> int:
        return ask.run(parsed("--policy", policy, "--image", str(picture), "--data-dir", str(tmp_path / "data"), *more))

    return asking


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    ask.add_arguments(parser)
    usual = ("--question", QUESTION, "--domain", "visual_search")
    return parser.parse_args([*usual, *arguments])


def stored(folder: Path, dataset: str = "asked") -> list[Trace]:
    with open_services(settings_from(argparse.Namespace(data_dir=folder / "data"), {})) as services:
        return [one.trace for one in services.store.iter_traces(TraceQuery(dataset=(dataset,), sort="oldest"))]


def test_steps_zooms_and_the_answer_are_printed_and_the_trace_is_stored(
    run: Ask, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--truth", "a red cup") == 0
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "Step 1: The table (200, 300) stands in the middle.",
        "    middle left, 31 % from the left, 37 % from the bottom",
        "    Look 1, at step 1: 362 × 361 px shown as 672 × 672, cut at the bottom edge",
        "Step 2: Let me look at it.",
        "Step 3: I see a cup at (220, 310)",
        "    centre, 34 % from the left, 35 % from the bottom; inside look 1",
        "Step 4: , and beside it a plate (320, 200).",
        "    centre, 50 % from the left, 42 % from the top; inside look 1",
        "    Look 2, at step 4: 362 × 367 px shown as 672 × 672",
        "Step 5: The cup (220, 310) is red, so that is what stands there.",
        "    centre, 34 % from the left, 35 % from the bottom; inside look 1, 2",
        "Answer: a red cup (right)",
        "The model answered.",
        "pass@1 1.00 (n = 1)",
        said.out.splitlines()[-1],
    ]
    assert said.out.splitlines()[-1].startswith("Ended; 1 trace is in the data set asked. It took ")
    (trace,) = stored(tmp_path)
    assert (trace.answer, trace.sample.pictures[0].name, trace.sample.truth.text) == ("a red cup", "table.png", "a red cup")


def test_several_conversations_are_told_apart_and_summed_up(run: Ask, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--samples", "3", "--dataset", "cups") == 0
    lines = capsys.readouterr().out.splitlines()
    for number in (1, 2, 3):
        assert f"[{number}] Step 1: The table (200, 300) stands in the middle." in lines
    assert "[3] Answer: a plate" in lines and lines[-2].startswith("2 of 3 answered “a red cup”; 1 of 3 pairs agree (33%)")
    assert len(stored(tmp_path, "cups")) == 3 and stored(tmp_path) == []


def test_as_json_it_is_one_document_with_everything(run: Ask, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--json", "--tokens", "--samples", "2", "--truth", "a plate", "--seed", "5", "--temperature", "0.7") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["policy"], found["question"], found["domain"], found["samples"], found["state"]) == (
        LOOKER,
        QUESTION,
        "visual_search",
        2,
        "done",
    )
    assert [trace["correct"] for trace in found["traces"]] == [False, False]
    assert found["agreement"]["share"] == 1.0 and found["pass_at_k"][0] == {"k": 1, "value": 0.0, "n": 2}
    kept = {trace.content_hash: trace for trace in stored(tmp_path)}
    for line in found["traces"]:
        assert Trace.from_json(line["trace"]) == kept[line["id"]] and line["dataset"] == "asked"
        ids, logprobs = line["tokens"]["ids"], line["tokens"]["logprobs"]
        assert len(ids) == len(logprobs) > 0 and line["tokens"]["spans"][-1]["end"] == len(ids)
    assert found["seconds"] > 0 and found["tokens_per_second"] > 0 and found["tokens"] > 0
    assert (kept[found["traces"][0]["id"]].settings["temperature"], found["error"]) == (0.7, None)


def test_every_setting_reaches_the_run_and_the_policy(run: Ask, tmp_path: Path, seen: Seen) -> None:
    more = "--temperature 0 --top-p 0.5 --top-k 3 --max-turns 2 --max-pictures 3 --max-tokens 3000 --max-new-tokens 200 --turns multi"
    opened = "--min-pixels 10000 --max-pixels 20000 --space normalised_1000 --device cpu --dtype float32 --adapter ./adapter --slots 2"
    assert run(*more.split(), *opened.split()) == 0
    (options,) = seen
    assert options == PolicyOptions(10_000, 20_000, options.space, "cpu", "float32", "./adapter", 2)
    assert options.space == "normalised_1000"
    settings = stored(tmp_path)[0].settings
    wanted = {"temperature": 0.0, "top_p": 0.5, "top_k": 3, "max_turns": 2, "max_pictures": 3, "max_tokens": 3000, "max_new_tokens": 200}
    assert {name: settings[name] for name in wanted} == wanted
    assert stored(tmp_path)[0].stop is StopReason.FORCED, "the second of two turns is for the answer"


def test_the_papers_settings_are_the_defaults(run: Ask, tmp_path: Path) -> None:
    run()
    settings = stored(tmp_path)[0].settings
    assert (settings["temperature"], settings["top_p"], settings["max_turns"], settings["max_new_tokens"]) == (0.5, 0.99, 5, 1024)


def test_nothing_is_stored_where_that_is_wished(run: Ask, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--no-store") == 0
    assert "nothing was stored" in capsys.readouterr().out
    assert stored(tmp_path) == [] and not (tmp_path / "data" / "pictures").exists()
    assert run("--read-only") == 0
    said = capsys.readouterr()
    assert "nothing was stored" in said.out and "With --read-only nothing is stored" in said.err
    assert stored(tmp_path) == []


def test_a_conversation_that_breaks_off_is_told_and_is_an_exit_code(run: Ask, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--samples", "2", policy=FAILER) == 1
    assert "[2] The script has no words for this conversation." in capsys.readouterr().out
    assert len(stored(tmp_path)) == 1


@pytest.mark.parametrize(
    ("more", "error", "words"),
    [
        (("--temperature", "-1"), PolicyError, "temperature"),
        (("--samples", "65"), PolicyError, "1 to 64 times"),
        (("--dtype", "int3"), PolicyError, "int3"),
        (("--dataset", "x" * 600), TraceError, "data set"),
        (("--domain", "web_grounding", "--truth", "over there"), TruthError, "no point"),
        (("--domain", "spatial", "--turns", "multi"), PolicyError, "has no zoom"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is_opened(
    run: Ask, more: tuple[str, ...], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        run(*more)


def test_tokens_are_for_json_alone(run: Ask) -> None:
    with pytest.raises(PolicyError, match="--tokens belongs to what --json prints: give both"):
        run("--tokens")


def test_a_policy_has_to_be_named(picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SACCADE_POLICY", raising=False)
    with pytest.raises(PolicyError, match="No policy is named"):
        ask.run(parsed("--image", str(picture), "--data-dir", str(tmp_path / "data")))
    for reference in ("no policy", "http://me:secret@host/v1"):
        with pytest.raises(PolicyError) as refused:
            ask.run(parsed("--image", str(picture), "--policy", reference, "--data-dir", str(tmp_path / "data")))
        assert "secret" not in str(refused.value)


def test_text_that_would_steer_a_terminal_does_not() -> None:
    from app.ask_words import printable

    assert printable("a\x1b[2Jb\nc\u202ed") == "a\ufffd[2Jb c\ufffdd"


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_a_key_stops_it_and_what_there_is_is_kept(tmp_path: Path, end: signal.Signals) -> None:
    line = json.loads((ROOT / "static/demo/recorded_run.jsonl").read_text(encoding="utf-8").splitlines()[0])
    sample = line.get("trace", line)["sample"]
    picture = ROOT / "static/demo/pictures" / sample["pictures"][0]["name"]
    asked = [
        "--policy",
        "replay",
        "--image",
        str(picture),
        "--question",
        sample["question"],
        "--domain",
        sample["domain"],
        "--samples",
        "2",
    ]
    code = "import sys; from app.boundary import in_one_sentence; from app import commands; sys.exit(in_one_sentence(lambda: commands.run(*commands.read(sys.argv[1:]))))"  # fmt: skip
    command = [sys.executable, "-c", code, "ask", *asked, "--data-dir", str(tmp_path / "data")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        assert "Step 1" in process.stdout.readline()
        os.kill(process.pid, end)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + end
    assert "Stopped; 2 traces are in the data set asked." in out and "saccade: Stopped; 2 traces" in err and "Traceback" not in err
    assert {trace.stop for trace in stored(tmp_path)} == {StopReason.CANCELLED}
    eventually(lambda: not list((tmp_path / "data" / "runs").glob("*")))


class Terminal(io.StringIO):
    """A terminal that keeps what is written on it."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_is_told_how_long_it_takes_or_why_that_is_not_known() -> None:
    sample = Sample(QUESTION, DomainName.VISUAL_SEARCH, (Picture("0" * 64, Size(8, 8)),), Truth(TruthKind.NONE))
    run = LiveRun(Asked(LOOKER, sample, samples=2))
    run.begins(PolicyCard(LOOKER, PolicyKind.SCRIPTED))
    out = Terminal()
    meter = Meter(out)
    told = []
    for progress in (
        Progress(0, 2, 0, 1.0, None),
        Progress(0, 2, 50, 2.0, None, 130.0),
        Progress(1, 2, 90, 3.0, 40.0),
        Progress(2, 2, 99, 4.0, 0.0),
    ):
        run.take(progress)
        meter.tell(run)
        told.append(out.getvalue().rpartition("\x1b[K")[2].partition("ended")[2])
    assert told[0] == ", no estimate until more is written"
    assert [words.rpartition(", ")[2] for words in told[1:3]] == ["at most 2 min left", "about 40 s left"]
    assert "left" not in told[3] and "estimate" not in told[3]
