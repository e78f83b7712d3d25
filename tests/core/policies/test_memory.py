"""Memory: counted from headers and configuration, and said with figures and a mend where it is not there."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import OutOfMemory
from core.policies.families import FAMILIES
from core.policies.local.checkpoints import Checkpoint, Tensor
from core.policies.local.memory import CONVERSATION, Need, check_memory, gigabytes, need_of

# The shape of Qwen2.5-VL-3B-Instruct, from its published config.json and weight headers (3,754,622,976 parameters in bfloat16).
THE_3B = Checkpoint(
    Path("3B"),
    FAMILIES["qwen2_5_vl"],
    {
        "hidden_size": 2048,
        "num_attention_heads": 16,
        "num_key_value_heads": 2,
        "num_hidden_layers": 36,
        "intermediate_size": 11008,
        "vision_config": {"hidden_size": 1280, "intermediate_size": 3420},
    },
    {"all": Tensor("BF16", (3_754_622_976,))},
    7_509_245_952,
)
GIGA = 10**9


def test_weights_and_cache_of_a_known_model() -> None:
    half, whole = need_of(THE_3B, "bfloat16"), need_of(THE_3B, "float32")
    assert half.weights == 7_509_245_952 and whole.weights == 2 * half.weights
    assert half.token == 36 * 2 * 2 * 128 * 2  # layers, keys and values, heads, their size, bytes
    assert half.conversation(784 * 1000) == (1000 + CONVERSATION) * half.token
    assert half.total(1_000_000) > half.weights + half.conversation(1_000_000)
    assert 8 * GIGA < half.total(1_000_000) < 9 * GIGA


def test_newer_configurations_have_the_text_apart() -> None:
    text = {name: value for name, value in THE_3B.config.items() if name != "vision_config"}
    nested = Checkpoint(
        THE_3B.folder,
        THE_3B.family,
        {"text_config": {**text, "head_dim": 64}, "vision_config": {"embed_dim": 1280, "hidden_size": 2048}},
        {**THE_3B.tensors, "int": Tensor("I8", (1000,))},
        0,
    )
    need = need_of(nested, "bfloat16")
    assert need.token == need_of(THE_3B, "bfloat16").token // 2
    assert need.weights == 7_509_245_952 + 1000
    assert need.vision["hidden"] == 1280


def told(need: Need, free: int, *, pixels: int = 12_845_056, slots: int = 1, device: str = "cuda", dtype: str = "bfloat16") -> str:
    with pytest.raises(OutOfMemory) as error:
        check_memory(need, name="the 3B", device=device, dtype=dtype, free=free, pixels=pixels, slots=slots)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_what_helps_depends_on_what_is_missing() -> None:
    half, whole = need_of(THE_3B, "bfloat16"), need_of(THE_3B, "float32")
    check_memory(half, name="the 3B", device="cuda", dtype="bfloat16", free=80 * GIGA, pixels=12_845_056, slots=8)
    sentence = told(half, 10 * GIGA)
    assert (
        "the 3B does not fit on cuda: it needs" in sentence and "weights in bfloat16 7.5 GB" in sentence and "10.0 GB is free" in sentence
    )
    assert "pixels a picture instead of 12,845,056" in sentence
    sentence = told(half, 10 * GIGA, pixels=1_000_000, slots=8)
    assert "conversations at once instead of 8" in sentence
    sentence = told(whole, 10 * GIGA, device="cpu", dtype="float32")
    assert "bfloat16, which halves it" in sentence and "a smaller model" in sentence and "pixels a picture" not in sentence
    assert "another device" in told(half, GIGA)


@settings(deadline=None)
@given(st.integers(8 * GIGA, 200 * GIGA), st.integers(100_000, 16_000_000))
def test_what_is_recommended_fits(free: int, most: int) -> None:
    need = need_of(THE_3B, "bfloat16")
    pixels, slots = need.pixels(most, free), need.slots(most, free)
    assert 1 <= slots <= 8
    if need.total(most) <= free:
        assert need.total(most, slots) <= free
    if pixels is not None:
        assert pixels <= most and need.total(pixels) <= free
        assert pixels + 30_000 > most or need.total(pixels + 30_000) > free
    else:
        assert need.total(30_000) > free


def test_a_larger_picture_needs_more() -> None:
    need = need_of(THE_3B, "bfloat16")
    needs = [need.total(pixels) for pixels in range(100_000, 13_000_000, 500_000)]
    assert needs == sorted(needs)


def test_sizes_in_words() -> None:
    assert [gigabytes(size) for size in (7_509_245_952, 320_000_000, 4_200)] == ["7.5 GB", "320 MB", "4 kB"]
