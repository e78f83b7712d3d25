"""How large the small policy is, and its weights before anything is learnt: a Qwen3-VL with small patches that are not merged."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from transformers import PreTrainedTokenizerFast, Qwen3VLConfig, Qwen3VLForConditionalGeneration

# The overview of the needle world, in pixels: the policy is shown every picture in this size.
OVERVIEW = 128


@dataclass(frozen=True)
class SmallShape:
    """Sizes of the two parts. A token of a picture shows `patch * merge` px a side.

    position_spread  standard deviation of the learned position table before training. Qwen's own 0.02 drowns in the patches: where
                     something lies is then learnt several times later
    """

    hidden: int = 192
    layers: int = 4
    heads: int = 4
    kv_heads: int = 2
    mlp: int = 512
    vision_hidden: int = 128
    vision_layers: int = 4
    vision_heads: int = 4
    vision_mlp: int = 384
    patch: int = 16
    merge: int = 1
    deepstack: tuple[int, ...] = (1,)
    context: int = 2048
    rope_theta: float = 1e4
    position_spread: float = 0.5
    spread: float = 1.0
    word_spread: float = 0.05

    @property
    def head_dim(self) -> int:
        return self.hidden // self.heads


SMALL = SmallShape()


def configuration(words: PreTrainedTokenizerFast, shape: SmallShape = SMALL) -> Qwen3VLConfig:
    """The configuration of the model."""

    def number(token: str) -> int:
        found: int = words.convert_tokens_to_ids(token)
        return found

    # Time, height and width share a head's frequencies as evenly as they can.
    half = shape.head_dim // 2
    text = {
        "vocab_size": 64 * math.ceil((len(words) + 1) / 64),
        "hidden_size": shape.hidden,
        "intermediate_size": shape.mlp,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads,
        "head_dim": shape.head_dim,
        "max_position_embeddings": shape.context,
        "pad_token_id": number("<|endoftext|>"),
        "eos_token_id": number("<|im_end|>"),
        "bos_token_id": None,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": shape.rope_theta,
            "mrope_section": [half - 2 * (half // 3), half // 3, half // 3],
            "mrope_interleaved": True,
        },
    }
    vision = {
        "depth": shape.vision_layers,
        "num_heads": shape.vision_heads,
        "hidden_size": shape.vision_hidden,
        "intermediate_size": shape.vision_mlp,
        "out_hidden_size": shape.hidden,
        "patch_size": shape.patch,
        "spatial_merge_size": shape.merge,
        "temporal_patch_size": 2,
        "num_position_embeddings": (OVERVIEW // shape.patch) ** 2,
        "deepstack_visual_indexes": list(shape.deepstack),
    }
    marks = {
        f"{mark}_token_id": number(f"<|{token}|>")
        for mark, token in (("image", "image_pad"), ("video", "video_pad"), ("vision_start", "vision_start"), ("vision_end", "vision_end"))
    }
    return Qwen3VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=True, dtype="float32", **marks)


def untrained(words: PreTrainedTokenizerFast, shape: SmallShape = SMALL, seed: int = 0) -> Any:
    """The model with weights that depend on the seed alone."""
    made = Qwen3VLForConditionalGeneration(configuration(words, shape))
    _fill(made, shape, seed)
    ends = [words.convert_tokens_to_ids(token) for token in ("<|im_end|>", "<|endoftext|>")]
    made.generation_config.update(eos_token_id=ends, pad_token_id=ends[1], do_sample=False)
    return made.eval()


@torch.no_grad()  # type: ignore[untyped-decorator]
def _fill(made: Any, shape: SmallShape, seed: int) -> None:
    """Weights that keep the size of what goes through them (LeCun et al. 1998, section 4.6); those that end a branch are smaller by the
    root of the number of branches, so that the sum of all keeps it too (Radford et al. 2019, section 2.3)."""
    chance = torch.Generator().manual_seed(seed)
    for name, weight in sorted(made.named_parameters()):
        if "pos_embed" in name:
            weight.normal_(0.0, shape.position_spread, generator=chance)
        elif "embed_tokens" in name:
            weight.normal_(0.0, shape.word_spread, generator=chance)
        elif weight.dim() > 1:
            spread = shape.spread / math.sqrt(weight[0].numel())
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                spread /= math.sqrt(2 * shape.layers)
            elif name.endswith(("attn.proj.weight", "mlp.linear_fc2.weight")):
                spread /= math.sqrt(2 * shape.vision_layers)
            weight.normal_(0.0, spread, generator=chance)
        elif name.endswith("bias"):
            weight.zero_()
        else:
            weight.fill_(1.0)
    made.tie_weights()
