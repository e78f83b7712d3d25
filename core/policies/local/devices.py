"""On which device a model runs, in which numbers, and how much memory is free there."""

from __future__ import annotations

import torch

from core.errors import PolicyError
from core.policies.machine import main_memory


def device_of(asked: str) -> torch.device:
    """The device that `asked` (auto, cuda, cuda:N, mps, cpu) means here. Raises PolicyError where there is none."""
    if asked == "auto":
        asked = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    device = torch.device(asked)
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise PolicyError(
                "There is no GPU that CUDA can use: take the device auto or cpu; `python3 launch.py doctor` says what is missing."
            )
        count = torch.cuda.device_count()
        if device.index is not None and device.index >= count:
            raise PolicyError(f"There is no GPU {device}: the last one is cuda:{count - 1}.")
        return torch.device("cuda", device.index if device.index is not None else torch.cuda.current_device())
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise PolicyError("There is no Apple GPU here: take the device auto or cpu.")
    return device


def dtype_of(asked: str, device: torch.device) -> torch.dtype:
    """The number type that `asked` means on a device: auto is bfloat16 on a GPU that computes in it, and float32 elsewhere.

    float16 is never chosen by itself: the vision towers of this family overflow in it.
    """
    if asked == "auto":
        if device.type == "cuda":
            asked = "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
        else:
            asked = "bfloat16" if device.type == "mps" else "float32"
    dtype: torch.dtype = getattr(torch, asked)
    return dtype


def free_bytes(device: torch.device) -> int:
    """Bytes of memory that are free on a device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return main_memory().free
