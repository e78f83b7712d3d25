"""What this machine has: processor, memory, GPUs, disk, and which optional parts are installed. torch is loaded only to ask for GPUs."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

# Where Linux says what a container may use: version 2 of control groups, and version 1.
_LIMITS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"), Path("/sys/fs/cgroup/memory/memory.usage_in_bytes")),
)
LIBRARIES = ("torch", "transformers", "peft", "huggingface-hub", "safetensors", "openai", "pillow", "torchvision", "flash-attn", "vllm")


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of memory: all there is, and what is free."""

    total: int
    free: int


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU that torch can use: its name, its memory in bytes, and whether it computes in bfloat16."""

    device: str
    name: str
    memory: Memory
    bfloat16: bool


@dataclass(frozen=True, slots=True)
class Machine:
    """What this machine has. `gpus` are those that torch can use; `gpu_seen` names one that it cannot, because torch is built without."""

    system: str
    processor: str
    cores: int
    memory: Memory
    gpus: tuple[Gpu, ...]
    gpu_seen: str | None


def main_memory() -> Memory:
    """The processor's memory; in a container, what the container may use."""
    machine = psutil.virtual_memory()
    total, free = int(machine.total), int(machine.available)
    for limit_file, used_file in _LIMITS:
        limit, used = _number(limit_file), _number(used_file)
        if limit is not None and used is not None and limit < total:
            return Memory(limit, max(0, min(free, limit - used)))
    return Memory(total, free)


def this_machine() -> Machine:
    """What this machine has; loads torch."""
    gpus = _gpus()
    return Machine(
        system=f"{platform.system()} {platform.release()}",
        processor=processor(),
        cores=cores(),
        memory=main_memory(),
        gpus=gpus,
        gpu_seen=None if gpus else _unused_gpu(),
    )


def processor() -> str:
    """The processor's name, as its maker writes it where the system tells."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:  # no Linux
        pass
    return platform.processor() or platform.machine()


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def versions(names: Iterable[str] = LIBRARIES) -> dict[str, str | None]:
    """The installed version of each library; None where it is not installed. Without names, of those that policies use."""
    return {name: _version(name) for name in names}


def free_disk(folder: Path) -> int:
    """Bytes free where `folder` is, or will be."""
    place = folder.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    return shutil.disk_usage(place).free


def _gpus() -> tuple[Gpu, ...]:
    import torch

    if torch.cuda.is_available():
        found = []
        for index in range(torch.cuda.device_count()):
            free, total = torch.cuda.mem_get_info(index)
            with torch.cuda.device(index):
                bfloat16 = torch.cuda.is_bf16_supported(including_emulation=False)
            found.append(Gpu(f"cuda:{index}", torch.cuda.get_device_name(index), Memory(total, free), bfloat16))
        return tuple(found)
    if torch.backends.mps.is_available():
        return (Gpu("mps", "Apple GPU, with the processor's memory", main_memory(), bfloat16=True),)
    return ()


def _unused_gpu() -> str | None:
    """The name of an NVIDIA GPU that the driver knows, whatever torch can do."""
    folder = Path("/proc/driver/nvidia/gpus")
    try:
        for card in sorted(folder.iterdir()):
            for line in (card / "information").read_text(encoding="utf-8").splitlines():
                if line.startswith("Model:"):
                    return line.partition(":")[2].strip()
    except OSError:
        return None
    return None


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):  # not there, or "max": no limit
        return None
