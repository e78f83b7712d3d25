"""How large the small policy is, and its weights before anything is learnt: a Qwen3-VL with small patches that are not merged."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from transformers import PreTrainedTokenizerFast, Qwen3VLConfig, Qwen3VLForConditionalGeneration

from training.small.words import name_ids, number_ids

# The overview of the needle world, in pixels: the policy is shown every picture in this size.
OVERVIEW = 128


@dataclass(frozen=True)
class SmallShape:
    """Sizes of the two parts. A token of a picture shows `patch * merge` px a side.

    spread           of the weights before training, as a share of what keeps the size of what goes through them
    word_spread      standard deviation of the words' entries
    common           length of what all words have in common, in lengths of a word. A head that heeds it alone looks so many words back,
                     whatever stands there; without, that is learnt late, and with it all that needs to find a word's neighbour again
    focus            what queries and keys are stretched by. At 0.7 a head sees so much at once that marks stay unread; at 2, one thing by
                     chance, and it is slow to find what stands behind a number
    stripes          how strong the half of the patches' filters is that sees stripes, in strengths of the others
    position_spread  of the position table's entries. Qwen's own 0.02 drowns in the patches: where something lies is then learnt much later
    """

    hidden: int = 192
    layers: int = 4
    heads: int = 4
    kv_heads: int = 4
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
    spread: float = 1.0
    word_spread: float = 0.05
    common: float = 2.0
    focus: float = 1.2
    stripes: float = 1.6
    position_spread: float = 0.5

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
    marks = {
        f"{mark}_token_id": number(f"<|{token}|>")
        for mark, token in (("image", "image_pad"), ("video", "video_pad"), ("vision_start", "vision_start"), ("vision_end", "vision_end"))
    }
    return Qwen3VLConfig(text_config=text, vision_config=_vision(shape), tie_word_embeddings=True, dtype="float32", **marks)


def _vision(shape: SmallShape) -> dict[str, Any]:
    return {
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


def untrained(words: PreTrainedTokenizerFast, shape: SmallShape = SMALL, seed: int = 0) -> Any:
    """The model with weights that depend on the seed alone."""
    made = Qwen3VLForConditionalGeneration(configuration(words, shape))
    chance = torch.Generator().manual_seed(seed)
    _fill(made, shape, chance)
    _lay_out(made, words, shape, chance)
    ends = [words.convert_tokens_to_ids(token) for token in ("<|im_end|>", "<|endoftext|>")]
    made.generation_config.update(eos_token_id=ends, pad_token_id=ends[1], do_sample=False)
    return made.eval()


@torch.no_grad()  # type: ignore[untyped-decorator]
def _fill(made: Any, shape: SmallShape, chance: torch.Generator) -> None:
    """Weights that keep the size of what goes through them (LeCun et al. 1998, "Efficient BackProp", section 4.6); those that end a branch
    are smaller by the root of the number of branches, so that the sum of all keeps it too (Radford et al. 2019, GPT-2, section 2.3)."""
    for name, weight in sorted(made.named_parameters()):
        if "embed_tokens" in name:
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
        elif name.endswith(("q_norm.weight", "k_norm.weight")):
            weight.fill_(shape.focus)
        else:
            weight.fill_(1.0)
    made.tie_weights()


@torch.no_grad()  # type: ignore[untyped-decorator]
def _lay_out(made: Any, words: PreTrainedTokenizerFast, shape: SmallShape, chance: torch.Generator) -> None:
    """Lay numbers, names and places out before training: neighbours are alike, and so are things of one colour or of one kind.

    A number is a word of its own, and a place an entry of a table. From random entries it has to be learnt of each by itself what it is
    near to, and pointing stays at chance for a long time; from smooth ones, what is learnt at one place holds beside it at once.
    """
    entries = made.get_input_embeddings().weight
    for ids in number_ids(words):
        places = torch.arange(len(ids)) / (len(ids) - 1)
        entries[torch.tensor(ids)] = shape.word_spread * smooth(places, entries.shape[1], chance)
    for name, parts in name_ids(words).items():
        entries[name] = entries[list(parts)].sum(dim=0) / math.sqrt(len(parts))
    direction = torch.randn(entries.shape[1], generator=chance)
    entries += shape.common * shape.word_spread * math.sqrt(entries.shape[1]) * direction / direction.norm()
    table = made.model.visual.pos_embed.weight
    side, half = math.isqrt(len(table)), table.shape[1] // 2
    middles = (torch.arange(side) + 0.5) / side
    down, across = (shape.position_spread * smooth(middles, half, chance) for _ in range(2))
    table.copy_(torch.cat([down.repeat_interleave(side, 0), across.repeat(side, 1)], dim=1))
    filters = made.model.visual.patch_embed.proj.weight
    stripes = stripe_filters(len(filters) // 2, shape.patch)[:, None, None]
    filters[: len(stripes)] = (shape.stripes / math.sqrt(filters[0].numel()) * stripes).expand(-1, *filters.shape[1:3], -1, -1)


def stripe_filters(count: int, side: int) -> torch.Tensor:
    """[count, side, side]: filters that see stripes, each of mean 0 and mean square 1.

    Eight directions, four widths from a quarter of the patch to all of it, and each as a pair whose waves are a quarter apart under a bell:
    the sum of a pair's squares tells that there are stripes, wherever they begin (Adelson and Bergen 1985, "Spatiotemporal energy models
    for the perception of motion", section 2). From filters by chance, a fine hatching stays unread for tens of thousands of crops.
    """
    along = torch.arange(side) + 0.5 - side / 2
    down, across = torch.meshgrid(along, along, indexing="ij")
    bell = torch.exp(-(across**2 + down**2) / (2 * (0.35 * side) ** 2))
    found = []
    for number in range(count):
        pair, late = divmod(number, 2)
        turn, waves = math.pi * (pair % 8) / 8, (4, 4 * math.sqrt(2), 2, 1)[pair // 8 % 4]
        way = across * math.cos(turn) + down * math.sin(turn)
        seen = bell * torch.cos(2 * math.pi * waves / side * way + late * math.pi / 2)
        seen = seen - seen.mean()
        found.append(seen / seen.square().mean().sqrt())
    return torch.stack(found)


def smooth(places: torch.Tensor, width: int, chance: torch.Generator) -> torch.Tensor:
    """[places, width]: `width` cosines of random frequency and phase at places from 0 to 1, of mean square 1: random Fourier features
    (Rahimi & Recht 2007, section 3.1). Half of the frequencies are spread by 1 cycle, half by 4: coarse and fine."""
    few = width // 2
    frequencies = torch.cat([torch.randn(few, generator=chance), 4 * torch.randn(width - few, generator=chance)])
    phases = torch.rand(width, generator=chance) * 2 * math.pi
    return math.sqrt(2) * torch.cos(2 * math.pi * places[:, None] * frequencies + phases)
