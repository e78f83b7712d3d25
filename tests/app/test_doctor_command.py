"""`launch.py doctor`, as a person meets it: words, JSON and exit codes, and no secret in either."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import constants

from app import commands
from core.errors import PolicyError
from core.policies.local.untrained import ModelType, build

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny checkpoint that carries a system prompt."""
    return build(tmp_path_factory.mktemp("doctor") / "tiny", ModelType.QWEN2_5_VL, system="Name points.")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub, so that what lies in the real one does not matter."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv("SACCADE_POLICY", raising=False)
    return tmp_path / "hub"


def run(*words: str | Path) -> int:
    command, arguments = commands.read(["doctor", *(str(word) for word in words)])
    return commands.run(command, arguments)


def found(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, dict[str, Any]]:
    code = run("--json", *words)
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return code, document


def test_without_a_policy_it_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    said = capsys.readouterr().out
    for words in (
        "Processor",
        "Memory",
        "Disk",
        f"torch {torch.__version__.partition('+')[0]}",
        "python3 launch.py doctor --policy Qwen/",
        "plays recorded runs back",
    ):
        assert words in said
    assert "Optional parts" in said and said.rstrip().endswith("All is well.")


def test_a_checkpoint_with_the_memory_it_needs(capsys: pytest.CaptureFixture[str], checkpoint: Path) -> None:
    assert run("--policy", checkpoint, "--policy", "replay", "--device", "cpu", "--max-pixels", "3000000") == 0
    said = capsys.readouterr().out
    assert f"✓ {checkpoint}: Qwen2.5-VL, 114,592 parameters, runs on cpu in float32" in said
    for pixels in ("1,000,000", "2,850,000", "3,000,000"):
        assert f"{pixels} pixels: " in said
    assert "✓ replay" in said


def test_a_policy_that_fails_makes_the_exit_code_1(capsys: pytest.CaptureFixture[str], checkpoint: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(checkpoint, tmp_path / "broken")
    (broken / "model.safetensors").write_bytes((broken / "model.safetensors").read_bytes()[:-10])
    code, document = found(capsys, "--policy", checkpoint, "--policy", broken, "--policy", "http://127.0.0.1:9/v1")
    assert code == 1 and document["well"] is False
    assert [report["state"] for report in document["policies"]] == ["ready", "fails", "fails"]
    assert len(document["problems"]) == 2
    assert "is cut off" in document["problems"][0] and "Nobody answers" in document["problems"][1]


def test_everything_is_in_the_json(capsys: pytest.CaptureFixture[str], checkpoint: Path) -> None:
    code, document = found(capsys, "--policy", checkpoint, "--device", "cpu")
    assert code == 0
    assert document["machine"]["memory"]["total"] >= document["machine"]["memory"]["free"] > 0
    (report,) = document["policies"]
    assert report["about"]["system_prompt"] == "its own"
    assert report["about"]["turns"] == "several"
    assert all(entry["fits"] for entry in report["at"])
    assert {part["name"] for part in document["optional"]} >= {"torchvision", "flash-attn"}


def test_the_policies_of_the_environment_are_looked_at(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, checkpoint: Path
) -> None:
    monkeypatch.setenv("SACCADE_POLICY", f"{checkpoint}, replay")
    code, document = found(capsys)
    assert code == 0 and [report["reference"] for report in document["policies"]] == [str(checkpoint), "replay"]


def test_a_key_is_named_and_never_shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SACCADE_API_KEY", "sk-very-secret")
    assert run("--policy", "http://127.0.0.1:9/v1") == 1
    said = capsys.readouterr()
    assert "SACCADE_API_KEY: set (not shown)" in said.out
    assert "very-secret" not in said.out + said.err


def test_loading_really_loads(capsys: pytest.CaptureFixture[str], checkpoint: Path) -> None:
    code, document = found(capsys, "--load", "--policy", checkpoint, "--device", "cpu")
    assert code == 0
    assert "first token after" in document["policies"][0]["words"]
    assert document["policies"][0]["about"]["parameters"] == 114592


def test_the_cache_is_looked_through(capsys: pytest.CaptureFixture[str], checkpoint: Path, cache: Path) -> None:
    folder = cache / "models--tiny--one"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("0" * 40)
    shutil.copytree(checkpoint, folder / "snapshots" / ("0" * 40))
    assert run() == 0
    said = capsys.readouterr().out
    assert "In the hub's cache" in said and "✓ tiny/one: Qwen2.5-VL" in said


def test_what_a_name_hides_is_not_passed_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--policy", "./\x1b[2J") == 1
    assert "\x1b" not in capsys.readouterr().out


def test_options_that_mean_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(PolicyError, match="no device 'tpu'"):
        run("--device", "tpu")
