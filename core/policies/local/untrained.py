"""Untrained checkpoints of the real model classes in any size, made offline and always the same: random weights, a tokenizer that can
write the format, an image processor, a chat template, saved in the layout in which such checkpoints lie on the hub. To measure with, and to
test on.

    folder = build(Path("tiny"), ModelType.QWEN2_5_VL)

The weights are float32 and scaled so that every part is heard: another picture, another crop or another word changes the logits by far
more than rounding does. The vocabulary of the model is larger than that of the tokenizer, as it is in the real ones.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, trainers
from transformers import (
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Tokenizer,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)

from core.policies.local import template


class ModelType(StrEnum):
    """The model classes there are tiny ones of; the value is the `model_type` of the configuration."""

    QWEN2_VL = "qwen2_vl"
    QWEN2_5_VL = "qwen2_5_vl"
    QWEN3_VL = "qwen3_vl"


@dataclass(frozen=True)
class Shape:
    """How large a model is."""

    hidden: int = 32
    layers: int = 2
    heads: int = 4
    kv_heads: int = 2
    mlp: int = 64
    vision_hidden: int = 32
    vision_depth: int = 2
    vision_heads: int = 2
    context: int = 4096
    vocabulary: int = 0
    """Entries of the embedding; 0: as many as the tokenizer needs."""
    patch: int = 0
    """Side of a patch in pixels; 0: as the family's published checkpoints have it."""
    merge: int = 2
    """So many patches across and down become one token."""

    @property
    def head_dim(self) -> int:
        return self.hidden // self.heads

    def mrope_section(self, interleaved: bool) -> list[int]:
        """How the halves of a head's frequencies fall to time, height and width."""
        half = self.head_dim // 2
        across = half // 3 if interleaved else max(1, 3 * half // 8)
        return [half - 2 * across, across, across]


TINY = Shape()

# Qwen2.5-VL-3B as its configuration on the hub has it.
QWEN2_5_VL_3B = Shape(
    hidden=2048,
    layers=36,
    heads=16,
    kv_heads=2,
    mlp=11008,
    vision_hidden=1280,
    vision_depth=32,
    vision_heads=16,
    context=32768,
    vocabulary=151936,
)

SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "<|quad_start|>",
    "<|quad_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
# Added tokens that are ordinary text when it is decoded, in the real tokenizers as here.
ORDINARY_ADDED = ("<tool_call>", "</tool_call>")

TEXTS = (
    "You are a helpful assistant.\nsystem user assistant\n",
    "<think>\nThe red square is at (12, 34). Let me look closer.\n</think>\n",
    '<tool_call>\n{"name": "search_coordinate", "arguments": {"coordinate": [120, 340]}}\n</tool_call>\n',
    "<observation>\nHere is the zoomed-in crop at coordinate (56, 78).\n</observation>\n"
    "<answer> blue </answer>\n<answer> (90, 12) </answer>",
    "Where is the small green circle left of the large house? Answer the question. What colour is the sign behind the car?",
    "Error: no tool call or answer was found. The point lies outside the picture.",
)


def chat_template(model_type: ModelType, system: str | None = None) -> str:
    """Our template, which writes what the family's own does.

    `system` is what stands there where the messages have no system prompt, as a ViGoRL checkpoint carries its own. None: what the
    family does by itself.
    """
    default = system if system is not None else ("" if model_type is ModelType.QWEN3_VL else "You are a helpful assistant.")
    return template.chat_template(default)


def tokenizer() -> Qwen2Tokenizer:
    """A byte-level BPE tokenizer of the real class, with the real special tokens, trained on the words of the format."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(vocab_size=512, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False)
    bpe.train_from_iterator([*TEXTS] * 4, trainer)
    trained = json.loads(bpe.to_str())["model"]
    made = Qwen2Tokenizer(
        vocab=trained["vocab"], merges=[tuple(merge) for merge in trained["merges"]], eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    made.add_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL], special_tokens=True)
    made.add_tokens([AddedToken(token, special=False, normalized=False) for token in ORDINARY_ADDED])
    made.model_max_length = 131072
    return made


def model(model_type: ModelType, words: Qwen2Tokenizer, shape: Shape = TINY, seed: int = 0) -> Any:
    """A model of the family with random weights that depend on the seed alone."""
    text = {
        "vocab_size": shape.vocabulary or 64 * math.ceil((len(words) + 1) / 64),
        "hidden_size": shape.hidden,
        "intermediate_size": shape.mlp,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads,
        "max_position_embeddings": shape.context,
        "pad_token_id": words.convert_tokens_to_ids("<|endoftext|>"),
        "eos_token_id": words.convert_tokens_to_ids("<|im_end|>"),
        "bos_token_id": words.convert_tokens_to_ids("<|endoftext|>"),
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 1e6,
            "mrope_section": shape.mrope_section(model_type is ModelType.QWEN3_VL),
            **({"mrope_interleaved": True} if model_type is ModelType.QWEN3_VL else {}),
        },
    }
    marks = {
        f"{mark}_token_id": words.convert_tokens_to_ids(f"<|{token}|>")
        for mark, token in (("image", "image_pad"), ("video", "video_pad"), ("vision_start", "vision_start"), ("vision_end", "vision_end"))
    }
    made = _of_type(model_type, text, shape, marks)
    _fill(made, seed)
    made.generation_config.update(
        eos_token_id=[words.convert_tokens_to_ids("<|im_end|>"), words.convert_tokens_to_ids("<|endoftext|>")],
        pad_token_id=words.convert_tokens_to_ids("<|endoftext|>"),
        do_sample=True,
        repetition_penalty=1.05,
        temperature=0.1,
        top_p=0.001,
        top_k=1,
    )
    return made.eval()


def _of_type(model_type: ModelType, text: dict[str, Any], shape: Shape, marks: dict[str, int]) -> Any:
    common: dict[str, Any] = {
        "depth": shape.vision_depth,
        "num_heads": shape.vision_heads,
        "spatial_merge_size": shape.merge,
        "temporal_patch_size": 2,
    }
    if model_type is ModelType.QWEN2_VL:
        vision = {**common, "embed_dim": shape.vision_hidden, "hidden_size": shape.hidden, "mlp_ratio": 2, "patch_size": shape.patch or 14}
        return Qwen2VLForConditionalGeneration(
            Qwen2VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=True, dtype="float32", **marks)
        )
    vision = {**common, "hidden_size": shape.vision_hidden, "intermediate_size": 2 * shape.vision_hidden, "out_hidden_size": shape.hidden}
    if model_type is ModelType.QWEN2_5_VL:
        vision |= {"patch_size": shape.patch or 14, "window_size": 56, "fullatt_block_indexes": [shape.vision_depth - 1]}
        return Qwen2_5_VLForConditionalGeneration(
            Qwen2_5_VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=True, dtype="float32", **marks)
        )
    text = {**text, "head_dim": shape.head_dim}
    vision |= {"patch_size": shape.patch or 16, "num_position_embeddings": 64, "deepstack_visual_indexes": [0, shape.vision_depth - 1]}
    return Qwen3VLForConditionalGeneration(
        Qwen3VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=True, dtype="float32", **marks)
    )


@torch.no_grad()  # type: ignore[untyped-decorator]
def _fill(made: Any, seed: int) -> None:
    chance = torch.Generator().manual_seed(seed)
    for name, weight in sorted(made.named_parameters()):
        if "embed_tokens" in name:
            # Logits with a spread of about 2: a likely token exists, and sampling still has a choice.
            weight.normal_(0.0, 2.0 / math.sqrt(weight.shape[1]), generator=chance)
        elif weight.dim() > 1:
            weight.normal_(0.0, 1.0 / math.sqrt(weight[0].numel()), generator=chance)
        elif name.endswith("bias"):
            weight.normal_(0.0, 0.1, generator=chance)
        else:
            weight.fill_(1.0)
    made.tie_weights()


def image_processor_config(model_type: ModelType, shape: Shape = TINY) -> dict[str, Any]:
    """What stands in preprocessor_config.json of the family's checkpoints."""
    if model_type is ModelType.QWEN3_VL:
        return {
            "size": {"shortest_edge": 65536, "longest_edge": 16777216},
            "patch_size": shape.patch or 16,
            "temporal_patch_size": 2,
            "merge_size": shape.merge,
            "image_mean": [0.5, 0.5, 0.5],
            "image_std": [0.5, 0.5, 0.5],
            "processor_class": "Qwen3VLProcessor",
            "image_processor_type": "Qwen2VLImageProcessorFast",
        }
    return {
        "min_pixels": 3136,
        "max_pixels": 12845056,
        "patch_size": shape.patch or 14,
        "temporal_patch_size": 2,
        "merge_size": shape.merge,
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
        "image_processor_type": "Qwen2VLImageProcessor",
        "processor_class": "Qwen2VLProcessor" if model_type is ModelType.QWEN2_VL else "Qwen2_5_VLProcessor",
    }


def build(folder: Path, model_type: ModelType, *, shape: Shape = TINY, seed: int = 0, system: str | None = None) -> Path:
    """Make a checkpoint in `folder`, as such a one lies on the hub, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    words = tokenizer()
    model(model_type, words, shape, seed).save_pretrained(folder)
    words.save_pretrained(folder)
    says = chat_template(model_type, system)
    (folder / "chat_template.json").write_text(json.dumps({"chat_template": says}, indent=2), encoding="utf-8")
    # The hub's checkpoints name the tokenizer's class, and carry the template a second time beside it.
    config_file = folder / "tokenizer_config.json"
    config = json.loads(config_file.read_text(encoding="utf-8"))
    config_file.write_text(json.dumps({**config, "chat_template": says}, indent=2), encoding="utf-8")
    pictures = image_processor_config(model_type, shape)
    (folder / "preprocessor_config.json").write_text(json.dumps(pictures, indent=2), encoding="utf-8")
    if model_type is ModelType.QWEN3_VL:
        videos = {**pictures, "video_processor_type": "Qwen3VLVideoProcessor"}
        videos.pop("image_processor_type")
        (folder / "video_preprocessor_config.json").write_text(json.dumps(videos, indent=2), encoding="utf-8")
    return folder
