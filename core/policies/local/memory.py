"""How much memory a checkpoint needs, and whether it is there: asked before loading, because a program that runs out of the processor's
memory is killed without a word.

The need is counted, not tried: weights from the headers of their files, the key-value cache from the configuration, pictures from their
area. What a picture takes is an upper bound of the values that live at one time; the rest is small beside the three.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import OutOfMemory
from core.policies.families import Family
from core.policies.local.checkpoints import BYTES, Checkpoint

# What a conversation comes to beside its picture: the prompt, and the paper's limit of 4,096 tokens for everything that follows.
CONVERSATION = 5120
LARGER = "Take the number type bfloat16, smaller pictures, a smaller model, or a machine with more memory."
MOST_SLOTS = 8
# Set aside for the program itself and for what allocators leave unused.
_SPARE = 0.05
_OF_DTYPE = {"float32": 4, "bfloat16": 2, "float16": 2}


@dataclass(frozen=True, slots=True)
class Need:
    """What a checkpoint needs, in bytes.

    weights  the model
    token    key-value cache of one token of one conversation
    family, vision, text  the sizes that a picture's need is counted from
    number   bytes of one number
    """

    weights: int
    token: int
    family: Family
    vision: Mapping[str, int]
    text: Mapping[str, int]
    number: int

    def picture(self, pixels: int) -> int:
        """While a picture of this area is encoded and put before the model: its patches, the widest layer of the vision tower, the widest
        layer of the decoder over its tokens, and the mask between them."""
        patches = -(-pixels // self.family.patch**2)
        tokens = self.family.tokens(pixels)
        values = patches * 3 * 2 * self.family.patch**2 * 4
        vision = patches * (6 * self.vision["hidden"] + 3 * self.vision["mlp"]) * self.number
        decoder = tokens * (8 * self.text["hidden"] + 3 * self.text["mlp"]) * self.number + tokens**2 * (1 + self.number)
        return values + max(vision, decoder)

    def conversation(self, pixels: int) -> int:
        """The key-value cache of one conversation about a picture of this area."""
        return (self.family.tokens(pixels) + CONVERSATION) * self.token

    def total(self, pixels: int, slots: int = 1) -> int:
        """Everything, with so many conversations at once about pictures of this area."""
        return math.ceil((self.weights + self.picture(pixels) + slots * self.conversation(pixels)) * (1 + _SPARE))

    def slots(self, pixels: int, free: int) -> int:
        """How many conversations at once fit, up to the most that are worth it; at least 1."""
        room = free / (1 + _SPARE) - self.weights - self.picture(pixels)
        return max(1, min(MOST_SLOTS, int(room // self.conversation(pixels))))

    def pixels(self, most: int, free: int) -> int | None:
        """The largest area, up to `most`, with which one conversation fits; None where not even a small one does."""
        low, high = 0, most
        while high - low > 10_000:
            middle = (low + high) // 2
            low, high = (middle, high) if self.total(middle) <= free else (low, middle)
        return low // 10_000 * 10_000 if low >= 10_000 else None


def need_of(checkpoint: Checkpoint, dtype: str) -> Need:
    """What a checkpoint needs in this number type (float32, bfloat16, float16)."""
    number = _OF_DTYPE[dtype]
    config = checkpoint.config
    text = config.get("text_config") or config
    vision = config.get("vision_config") or {}
    heads = _whole(text, "num_attention_heads", 1)
    hidden = _whole(text, "hidden_size", 1)
    head = _whole(text, "head_dim", hidden // heads)
    token = 2 * _whole(text, "num_hidden_layers", 1) * _whole(text, "num_key_value_heads", heads) * head * number
    weights = sum(
        tensor.numbers * (number if tensor.dtype in ("F64", "F32", "F16", "BF16") else BYTES.get(tensor.dtype, 4))
        for tensor in checkpoint.tensors.values()
    )
    # Qwen2-VL calls the tower's width embed_dim, and hidden_size what comes out of it.
    width = _whole(vision, "embed_dim", _whole(vision, "hidden_size", 1280))
    sizes = {"hidden": width, "mlp": _whole(vision, "intermediate_size", 4 * width)}
    return Need(weights, token, checkpoint.family, sizes, {"hidden": hidden, "mlp": _whole(text, "intermediate_size", 4 * hidden)}, number)


def check_memory(need: Need, *, name: str, device: str, dtype: str, free: int, pixels: int, slots: int) -> None:
    """Raises OutOfMemory, with the figures and what to do, where `name` does not fit into `free` bytes with pictures of up to `pixels`
    pixels and so many conversations at once."""
    if need.total(pixels, slots) <= free:
        return
    smaller = need.pixels(pixels, free)
    mends = []
    if smaller is None:
        if dtype == "float32":
            mends.append("the number type bfloat16, which halves it")
        mends += ["another device" if device != "cpu" else "a machine or a GPU with more", "a smaller model", "a server"]
    else:
        if slots > 1 and need.total(pixels) <= free:
            mends.append(f"{need.slots(pixels, free)} conversations at once instead of {slots:,}")
        else:
            mends.append(f"at most {smaller:,} pixels a picture instead of {pixels:,}")
        mends.append("a machine or a GPU with more")
    weights, total = gigabytes(need.weights), gigabytes(need.total(pixels, slots))
    raise OutOfMemory(
        f"{name} does not fit on {device}: it needs {total} (weights in {dtype} {weights}, the rest for {slots:,} "
        f"{'conversation' if slots == 1 else 'conversations'} with pictures of up to {pixels:,} pixels), and {gigabytes(free)} is free. "
        f"What helps: {', or '.join(mends)}."
    )


def gigabytes(size: float) -> str:
    """Bytes in words: 7.5 GB, 320 MB."""
    if size >= 1e9:
        return f"{size / 1e9:.1f} GB"
    return f"{size / 1e6:.0f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def _whole(config: Mapping[str, Any], name: str, otherwise: int) -> int:
    value = config.get(name)
    return value if isinstance(value, int) and value > 0 else otherwise
