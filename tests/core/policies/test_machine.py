"""The machine: figures that can be, optional parts with what to type, and keys that are never shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from core.policies.checkup import State, cached_policies, keys_present, look_at, optional_parts, try_out
from core.policies.local.untrained import ModelType
from core.policies.machine import Gpu, Machine, Memory, free_disk, main_memory, this_machine, versions
from core.policies.opening import PolicyOptions


def test_the_machine_is_this_one() -> None:
    machine = this_machine()
    assert machine.cores >= 1 and machine.processor and machine.system
    assert 0 < machine.memory.free <= machine.memory.total
    assert bool(machine.gpus) == (torch.cuda.is_available() or torch.backends.mps.is_available())
    assert main_memory().total == machine.memory.total


def test_versions_and_disk(tmp_path: Path) -> None:
    found = versions()
    # The build ("+cpu") may stand in one place and not in the other.
    assert found["torch"].partition("+")[0] == torch.__version__.partition("+")[0]
    assert found["transformers"] and found["openai"]
    assert free_disk(tmp_path / "not" / "there" / "yet") == pytest.approx(free_disk(tmp_path), rel=0.1)


def machine(*gpus: Gpu, seen: str | None = None) -> Machine:
    return Machine("Linux", "a processor", 4, Memory(10**10, 10**9), gpus, seen)


def test_optional_parts_say_what_to_type() -> None:
    without = {part.name: part for part in optional_parts(machine())}
    assert set(without) == {"torchvision", "flash-attn", "a server (vLLM)"}
    assert without["flash-attn"].command is None and "needs an NVIDIA GPU" in without["flash-attn"].words
    card = Gpu("cuda:0", "H100", Memory(8 * 10**10, 8 * 10**10), True)
    with_gpu = {part.name: part for part in optional_parts(machine(card))}
    assert with_gpu["flash-attn"].command == "python3 -m pip install flash-attn --no-build-isolation"
    unused = {part.name: part for part in optional_parts(machine(seen="NVIDIA L4"))}["CUDA in PyTorch"]
    assert "NVIDIA L4 is not used" in unused.words
    assert unused.command and re.search(r"torch==\d[\d.]+ --index-url https://download.pytorch.org/whl/cu", unused.command)


def test_keys_are_there_or_not_and_never_shown() -> None:
    found = keys_present({"HF_TOKEN": "hf_secret", "OPENAI_API_KEY": " ", "SACCADE_API_KEY_GPU1": "sk-secret", "OTHER": "x"})
    assert found == {"HF_TOKEN": True, "SACCADE_API_KEY": False, "OPENAI_API_KEY": False, "SACCADE_API_KEY_GPU1": True}
    assert "secret" not in repr(found)


def test_a_checkpoint_is_looked_at_without_its_weights(tiny_checkpoints: dict[ModelType, Path]) -> None:
    for folder in tiny_checkpoints.values():
        report = look_at(str(folder), PolicyOptions(device="cpu"))
        assert report.state is State.READY and report.about is not None
        assert report.size == (folder / "model.safetensors").stat().st_size
        assert [entry.pixels for entry in report.at] == [1_000_000, 2_850_000, report.about["max_pixels"]]
        assert all(entry.fits == (entry.memory <= report.about["free"]) for entry in report.at)
        assert report.to_json()["state"] == "ready"


def test_what_is_wrong_is_in_the_report(tmp_path: Path) -> None:
    for reference, words in (
        (str(tmp_path), "holds no model"),
        ("gpt2", "names no policy"),
        ("http://127.0.0.1:9/v1", "Nobody answers"),
        (str(tmp_path / "gone"), "is not there"),
    ):
        for report in (look_at(reference), try_out(reference)):
            assert report.state is State.FAILS and words in report.words and report.at == ()


def test_trying_out_asks_for_one_token(tiny_qwen3_vl: Path) -> None:
    report = try_out(str(tiny_qwen3_vl), PolicyOptions(device="cpu"))
    assert report.state is State.READY
    assert re.search(r"\(local\), speaks in normalised_1000; opened in [\d.]+ s, first token after [\d.]+ s", report.words)
    assert look_at("replay").state is State.READY


def test_what_lies_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    revision = "0" * 40
    for name, config in (("tiny--vl", '{"model_type": "qwen3_vl"}'), ("tiny--text", '{"model_type": "llama"}'), ("tiny--broken", "{")):
        folder = tmp_path / f"models--{name}"
        (folder / "snapshots" / revision).mkdir(parents=True)
        (folder / "refs").mkdir()
        (folder / "refs" / "main").write_text(revision)
        (folder / "snapshots" / revision / "config.json").write_text(config)
    (tmp_path / "models--tiny--empty").mkdir()
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    assert cached_policies() == ("tiny/broken", "tiny/vl")
