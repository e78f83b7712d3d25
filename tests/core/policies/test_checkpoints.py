"""Checkpoints: whatever can be wrong with a folder is said in one sentence, before anything is loaded."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from core.errors import PolicyError, PolicyNotFound
from core.policies.local.checkpoints import Adapter, Checkpoint, generation_end_ids, read_folder, read_header
from core.policies.local.documents import read_json
from core.policies.local.untrained import ModelType


@pytest.fixture
def folder(tiny_qwen2_5_vl: Path, tmp_path: Path) -> Path:
    """A copy of a tiny checkpoint, to be broken."""
    return shutil.copytree(tiny_qwen2_5_vl, tmp_path / "model")


def rewrite(file: Path, change: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads(file.read_text(encoding="utf-8"))
    change(document)
    file.write_text(json.dumps(document), encoding="utf-8")


def in_shards(folder: Path) -> tuple[Path, Path]:
    """The checkpoint's weights in two files with an index, as large ones have them."""
    weights = load_file(folder / "model.safetensors")
    halves = sorted(weights)[::2], sorted(weights)[1::2]
    files = tuple(folder / f"model-0000{place}-of-00002.safetensors" for place in (1, 2))
    for file, names in zip(files, halves, strict=True):
        save_file({name: weights[name] for name in names}, file)
    places = {name: file.name for file, names in zip(files, halves, strict=True) for name in names}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}), encoding="utf-8")
    (folder / "model.safetensors").unlink()
    return files[0], files[1]


@pytest.mark.parametrize("family", ModelType)
def test_a_whole_checkpoint(tiny_checkpoints: dict[ModelType, Path], family: ModelType) -> None:
    folder = tiny_checkpoints[family]
    found = read_folder(folder)
    assert isinstance(found, Checkpoint)
    weights = load_file(folder / "model.safetensors")
    assert found.family.model_type == family.value
    assert {name: tensor.shape for name, tensor in found.tensors.items()} == {name: tuple(weight.shape) for name, weight in weights.items()}
    assert found.numbers == sum(weight.numel() for weight in weights.values())
    assert found.size == (folder / "model.safetensors").stat().st_size
    assert len(generation_end_ids(folder)) == 2


def test_a_checkpoint_in_shards(folder: Path) -> None:
    before = read_folder(folder)
    in_shards(folder)
    after = read_folder(folder)
    assert isinstance(before, Checkpoint) and isinstance(after, Checkpoint)
    assert before.tensors == after.tensors


def lose_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def only_pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def only_gguf(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model-q4.gguf")


def cut_weights(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1])


def cut_to_nothing(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"")


def cut_in_header(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:100])


def no_safetensors(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", 20) + b"this is not a header" + bytes(100))


def a_page_of_html(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"<!DOCTYPE html><html>Sign in</html>" * 20)


def lose_a_shard(folder: Path) -> None:
    in_shards(folder)[1].unlink()


def cut_a_shard(folder: Path) -> None:
    file = in_shards(folder)[0]
    file.write_bytes(file.read_bytes()[:-40])


def promise_more(folder: Path) -> None:
    file = in_shards(folder)[0]
    rewrite(folder / "model.safetensors.index.json", lambda index: index["weight_map"].update({"a.weight": file.name}))


def point_outside(folder: Path) -> None:
    in_shards(folder)
    rewrite(folder / "model.safetensors.index.json", lambda index: index["weight_map"].update({"a.weight": "../other.safetensors"}))


def break_index(folder: Path) -> None:
    in_shards(folder)
    rewrite(folder / "model.safetensors.index.json", lambda index: index.update(weight_map=[]))


def cut_config(folder: Path) -> None:
    file = folder / "config.json"
    file.write_text(file.read_text(encoding="utf-8")[:-20], encoding="utf-8")


def config_of_bytes(folder: Path) -> None:
    (folder / "config.json").write_bytes(b"\xff\xfe\x00")


def config_is_a_list(folder: Path) -> None:
    (folder / "config.json").write_text("[]", encoding="utf-8")


def another_kind(folder: Path) -> None:
    rewrite(folder / "config.json", lambda config: config.update(model_type="llava"))


def no_kind(folder: Path) -> None:
    rewrite(folder / "config.json", lambda config: config.pop("model_type"))


def no_config(folder: Path) -> None:
    (folder / "config.json").unlink()


BROKEN = [
    (lose_weights, "has a config.json and no weights .* not complete"),
    (only_pickled, "as pytorch_model.bin only, .* refused: take a version with safetensors, or convert it"),
    (only_gguf, "GGUF, which a server"),
    (cut_weights, r"is cut off \([\d,]+ of [\d,]+ bytes are there\): download or copy it again"),
    (cut_to_nothing, "is cut off .*0 bytes"),
    (cut_in_header, "is cut off .*100 bytes and no header"),
    (no_safetensors, "is no safetensors file, or a broken one"),
    (a_page_of_html, "is cut off .* no header"),
    (lose_a_shard, "model-00002-of-00002.safetensors of 2 weight files is missing"),
    (cut_a_shard, "model-00001-of-00002.safetensors is cut off"),
    (promise_more, "1 of its weights are in no file, a.weight for one"),
    (point_outside, "names weights outside its folder"),
    (break_index, "does not say where the weights are"),
    (cut_config, "config.json is not JSON .* download or copy it again"),
    (config_of_bytes, "config.json is not text in UTF-8"),
    (config_is_a_list, "config.json holds no JSON object"),
    (another_kind, "of the kind 'llava', and only Qwen2-VL, Qwen2.5-VL or Qwen3-VL can be run here"),
    (no_kind, "of an unknown kind"),
    (no_config, "holds no model: it has neither config.json nor adapter_config.json"),
]


@pytest.mark.parametrize(("breaking", "sentence"), BROKEN, ids=[breaking.__name__ for breaking, _ in BROKEN])
def test_a_broken_checkpoint_is_told_in_one_sentence(folder: Path, breaking: Callable[[Path], None], sentence: str) -> None:
    breaking(folder)
    with pytest.raises(PolicyError, match=sentence) as told:
        read_folder(folder)
    assert "\n" not in str(told.value)
    assert str(folder) in str(told.value)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PolicyNotFound, match=r"is not there: check the path"):
        read_folder(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(PolicyNotFound, match=r"is a file, and a checkpoint is a folder"):
        read_folder(tmp_path / "file")


def test_a_folder_of_checkpoints_names_one(folder: Path) -> None:
    with pytest.raises(PolicyError, match=r"holds no model: .*; model in it does: name that folder"):
        read_folder(folder.parent)


def adapter(folder: Path, **config: Any) -> Path:
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", **config}), encoding="utf-8")
    save_file({"base_model.model.a.lora_A.weight": torch.zeros(2, 2)}, folder / "adapter_model.safetensors")
    return folder


def test_an_adapter(tmp_path: Path) -> None:
    found = read_folder(adapter(tmp_path / "one", base_model_name_or_path="Qwen/Qwen2.5-VL-3B-Instruct"))
    assert found == Adapter(tmp_path / "one", "Qwen/Qwen2.5-VL-3B-Instruct")
    assert read_folder(adapter(tmp_path / "two")) == Adapter(tmp_path / "two", None)


def test_an_adapter_beside_its_bases_configuration(tmp_path: Path, folder: Path) -> None:
    shutil.copy(folder / "config.json", adapter(tmp_path / "one"))
    assert read_folder(tmp_path / "one") == Adapter(tmp_path / "one", None)
    shutil.copy(folder / "model.safetensors", tmp_path / "one")
    assert isinstance(read_folder(tmp_path / "one"), Checkpoint)


def test_a_broken_adapter(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"of the kind IA3, and only LoRA"):
        read_folder(adapter(tmp_path / "other", peft_type="IA3"))
    (adapter(tmp_path / "empty") / "adapter_model.safetensors").unlink()
    with pytest.raises(PolicyError, match=r"has no adapter_model.safetensors"):
        read_folder(tmp_path / "empty")
    (tmp_path / "empty" / "adapter_model.bin").write_bytes(b"pickle")
    with pytest.raises(PolicyError, match=r"as adapter_model.bin only"):
        read_folder(tmp_path / "empty")


def test_headers_that_lie(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    for header in ({"a": {"dtype": "F32", "shape": "no", "data_offsets": [0, 4]}}, {"a": {"dtype": "F32"}}, {"a": 1}, [1]):
        text = json.dumps(header).encode()
        file.write_bytes(struct.pack("<Q", len(text)) + text + bytes(4))
        with pytest.raises(PolicyError, match=r"no safetensors file, or a broken one"):
            read_header(file)
    file.write_bytes(struct.pack("<Q", 2**62) + bytes(64))
    with pytest.raises(PolicyError, match=r"is cut off"):
        read_header(file)


def test_json_that_is_far_too_large(tmp_path: Path) -> None:
    with (tmp_path / "config.json").open("wb") as file:
        file.truncate(2**30)
    with pytest.raises(PolicyError, match=r"far more than such a file has"):
        read_json(tmp_path / "config.json")
