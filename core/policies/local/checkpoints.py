"""What a folder is: a checkpoint that can be run, an adapter, or something else; told from its small files and the headers of its weights.

Nothing is loaded here. A download that was cut off is found by comparing what the headers promise with what lies on the disk, so that it
is told in a second and not after minutes of loading.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.errors import PolicyError, PolicyNotFound
from core.policies.families import FAMILIES, TITLES, Family
from core.policies.local.documents import read_json, read_json_if_there

CONFIG, ADAPTER_CONFIG = "config.json", "adapter_config.json"
_INDEX, _SINGLE = "model.safetensors.index.json", "model.safetensors"
_ADAPTER_WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")
# The format's own limit (safetensors, `MAX_HEADER_SIZE`).
_MOST_HEADER = 100_000_000
# Far over any side of a patch, in pixels; only a broken config.json says more.
_MOST_PATCH = 1024
# Bytes a number takes up, by safetensors' names.
BYTES = {"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2}
BYTES |= {"F8_E4M3": 1, "F8_E5M2": 1, "I8": 1, "U8": 1, "BOOL": 1}


@dataclass(frozen=True, slots=True)
class Tensor:
    """A weight as its file's header tells it."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def numbers(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A folder with a whole model of a known family.

    config   config.json
    tensors  its weights by name, from the headers
    size     bytes of its weight files
    """

    folder: Path
    family: Family
    config: Mapping[str, Any]
    tensors: Mapping[str, Tensor]
    size: int

    @property
    def numbers(self) -> int:
        """How many numbers its weights are."""
        return sum(tensor.numbers for tensor in self.tensors.values())


@dataclass(frozen=True, slots=True)
class Adapter:
    """A folder with a LoRA adapter; `base` names what it was trained on, as its configuration has it."""

    folder: Path
    base: str | None


def read_folder(folder: Path) -> Checkpoint | Adapter:
    """What lies in `folder`.

    Raises PolicyNotFound where there is no such folder, PolicyError where it is no model, one of another kind, or an incomplete one.
    """
    if not folder.is_dir():
        what = "is a file, and a checkpoint is a folder" if folder.is_file() else "is not there: check the path"
        raise PolicyNotFound(f"The folder {folder} {what}.")
    names = {entry.name for entry in folder.iterdir()}
    if is_adapter(names):
        return read_adapter(folder)
    if CONFIG in names:
        return read_checkpoint(folder)
    inside = [entry.name for entry in sorted(folder.iterdir()) if (entry / CONFIG).is_file() or (entry / ADAPTER_CONFIG).is_file()]
    hint = f"; {inside[-1]} in it does: name that folder" if inside else ""
    raise PolicyError(f"The folder {folder} holds no model: it has neither {CONFIG} nor {ADAPTER_CONFIG}{hint}.")


def is_adapter(names: Collection[str]) -> bool:
    """Whether files of these names make up an adapter. Some trainers put the base's config.json beside it, without its weights."""
    return ADAPTER_CONFIG in names and not (CONFIG in names and any(name in names for name in (_SINGLE, _INDEX)))


def read_checkpoint(folder: Path) -> Checkpoint:
    """The checkpoint in `folder`, its weights found complete. Raises PolicyError where it is of another kind, or incomplete."""
    config = read_json(folder / CONFIG)
    family = family_of(config, str(folder))
    files = _weight_files(folder)
    tensors: dict[str, Tensor] = {}
    for file in files:
        tensors |= read_header(file)
    _check_index(folder, tensors)
    return Checkpoint(folder, family, config, tensors, sum(file.stat().st_size for file in files))


def family_of(config: Mapping[str, Any], name: str) -> Family:
    """The family that a config.json names, with the patches that it says. Raises PolicyError for one that is not known here."""
    kind = config.get("model_type")
    family = FAMILIES.get(kind) if isinstance(kind, str) else None
    if family is None:
        said = f"a model of the kind {kind!r}" if kind else "a model of an unknown kind (its config.json has no model_type)"
        raise PolicyError(f"{name} is {said}, and only {TITLES} can be run here. A server can run it: name its address instead.")
    vision = config.get("vision_config")
    return family if not isinstance(vision, Mapping) else _with_patches(family, vision, name)


def _with_patches(family: Family, vision: Mapping[str, Any], name: str) -> Family:
    """The family as this checkpoint has it. The published ones share theirs; one that was trained from nothing may have others."""
    patch, merge = vision.get("patch_size", family.patch), vision.get("spatial_merge_size", family.merge)
    if (patch, merge) == (family.patch, family.merge):
        return family
    if not all(isinstance(side, int) and 1 <= side <= _MOST_PATCH for side in (patch, merge)):
        raise PolicyError(f"The config.json of {name} says patches of {patch!r} px, merged by {merge!r}, which no model has.")
    return replace(family, patch=patch, merge=merge)


def read_adapter(folder: Path) -> Adapter:
    """The adapter in `folder`, its weights found complete. Raises PolicyError where it is no LoRA adapter, or incomplete."""
    config = read_json(folder / ADAPTER_CONFIG)
    if str(config.get("peft_type", "LORA")).upper() != "LORA":
        raise PolicyError(f"The adapter in {folder} is of the kind {config['peft_type']}, and only LoRA can be put on a checkpoint here.")
    weights, pickled = (folder / name for name in _ADAPTER_WEIGHTS)
    if not weights.is_file():
        if pickled.is_file():
            raise PolicyError(_pickled(folder, pickled.name))
        raise PolicyError(f"The adapter in {folder} has no {weights.name}: its download or copy is not complete.")
    read_header(weights)
    base = config.get("base_model_name_or_path")
    return Adapter(folder, base if isinstance(base, str) and base else None)


def read_header(file: Path) -> dict[str, Tensor]:
    """The weights that a safetensors file says it holds; the file was found as long as they need.

    Raises PolicyError where it is cut off or no such file. The format: 8 bytes with the header's length, the header in JSON, the numbers
    (https://github.com/huggingface/safetensors#format).
    """
    try:
        size = file.stat().st_size
        with file.open("rb") as opened:
            start = opened.read(8)
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else -1
            header = opened.read(length) if 0 < length <= min(_MOST_HEADER, size - 8) else b""
    except OSError as error:
        raise PolicyError(f"{file} cannot be read ({error.strerror or error}).") from error
    if not header:
        raise PolicyError(_cut_off(file, size, None))
    try:
        entries = json.loads(header)
        ends = [entry["data_offsets"][1] for name, entry in entries.items() if name != "__metadata__"]
        tensors = {
            name: Tensor(str(entry["dtype"]), tuple(int(side) for side in entry["shape"]))
            for name, entry in entries.items()
            if name != "__metadata__"
        }
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise PolicyError(f"{file} is no safetensors file, or a broken one: download or copy it again.") from error
    promised = 8 + length + max(ends, default=0)
    if size < promised:
        raise PolicyError(_cut_off(file, size, promised))
    return tensors


def generation_end_ids(folder: Path) -> frozenset[int]:
    """The tokens at which the checkpoint says that a turn is over. Raises PolicyError for a broken generation_config.json."""
    found = read_json_if_there(folder / "generation_config.json").get("eos_token_id")
    every = found if isinstance(found, list) else [found]
    return frozenset(token for token in every if isinstance(token, int))


def _weight_files(folder: Path) -> list[Path]:
    """The files with the weights, all there. Raises PolicyError otherwise."""
    if (folder / _INDEX).is_file():
        places = read_json(folder / _INDEX).get("weight_map")
        if not isinstance(places, dict) or not places or not all(isinstance(place, str) for place in places.values()):
            raise PolicyError(f"{folder / _INDEX} does not say where the weights are: it is broken, so download or copy it again.")
        names = sorted(set(places.values()))
        if any(Path(name).name != name for name in names):
            raise PolicyError(f"{folder / _INDEX} names weights outside its folder: it is broken, so download or copy it again.")
        missing = [name for name in names if not (folder / name).is_file()]
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise PolicyError(
                f"{folder} is not complete: {missing[0]}{more} of {len(names)} weight files "
                f"{'is' if len(missing) == 1 else 'are'} missing. Download or copy it again."
            )
        return [folder / name for name in names]
    if (folder / _SINGLE).is_file():
        return [folder / _SINGLE]
    pickled = sorted(file.name for pattern in ("*.bin", "*.pt", "*.pth") for file in folder.glob(pattern) if "training" not in file.name)
    if pickled:
        raise PolicyError(_pickled(folder, pickled[0]))
    if any(folder.glob("*.gguf")):
        raise PolicyError(f"{folder} holds its weights as GGUF, which a server such as llama.cpp runs: name its address instead.")
    raise PolicyError(f"{folder} has a {CONFIG} and no weights ({_SINGLE}): its download or copy is not complete.")


def _check_index(folder: Path, tensors: Mapping[str, Tensor]) -> None:
    if not (folder / _INDEX).is_file():
        return
    lost = sorted(set(read_json(folder / _INDEX)["weight_map"]) - set(tensors))
    if lost:
        raise PolicyError(f"{folder} is not complete: {len(lost):,} of its weights are in no file, {lost[0]} for one. Download it again.")


def _cut_off(file: Path, size: int, promised: int | None) -> str:
    whole = f"{size:,} of {promised:,} bytes are there" if promised else f"it has {size:,} bytes and no header"
    return f"{file} is cut off ({whole}): download or copy it again."


def _pickled(folder: Path, name: str) -> str:
    return (
        f"{folder} has its weights as {name} only, a format that can run programs when it is read, so it is refused: "
        "take a version with safetensors, or convert it (https://huggingface.co/spaces/safetensors/convert)."
    )
