"""The kinds of model that can be run here, known by the `model_type` in a checkpoint's config.json. Nothing heavy is imported.

What a kind settles: the space of its numbers, the multiple that its pictures' sides snap to, and the names of its classes. To add one:
an entry in FAMILIES, and what `core.policies.local` has to know of its forward pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from core.frames import FrameKind


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of model.

    model_type   how config.json names it
    title        how people name it
    space        what its numbers are measured in, by how it was trained
    patch        side of a vision patch in pixels; `merge` x `merge` patches become one token
    model        the class in transformers that holds the weights
    processor    the class in transformers that prepares its inputs
    deepstack    features of several vision layers go into the first decoder layers
    min_pixels, max_pixels   the area of its pictures, where the checkpoint does not say: those of the published checkpoints
    """

    model_type: str
    title: str
    space: FrameKind
    patch: int
    model: str
    processor: str
    deepstack: bool
    min_pixels: int
    max_pixels: int
    merge: int = 2

    @property
    def factor(self) -> int:
        """Its pictures' sides are multiples of this many pixels."""
        return self.patch * self.merge

    def tokens(self, pixels: int) -> int:
        """The tokens that a picture of this area takes up, rounded up."""
        return -(-pixels // self.factor**2)


# The spaces: Qwen2.5-VL was trained on pixels of the resized picture, Qwen2-VL and Qwen3-VL on thousandths of the sides (the maintainers
# in the discussions of the Qwen3-VL repository). The areas: preprocessor_config.json of the published checkpoints.
FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        family.model_type: family
        for family in (
            Family(
                "qwen2_vl",
                "Qwen2-VL",
                FrameKind.NORMALISED,
                14,
                "Qwen2VLForConditionalGeneration",
                "Qwen2VLProcessor",
                deepstack=False,
                min_pixels=3136,
                max_pixels=12_845_056,
            ),
            Family(
                "qwen2_5_vl",
                "Qwen2.5-VL",
                FrameKind.RESIZED,
                14,
                "Qwen2_5_VLForConditionalGeneration",
                "Qwen2_5_VLProcessor",
                deepstack=False,
                min_pixels=3136,
                max_pixels=12_845_056,
            ),
            Family(
                "qwen3_vl",
                "Qwen3-VL",
                FrameKind.NORMALISED,
                16,
                "Qwen3VLForConditionalGeneration",
                "Qwen3VLProcessor",
                deepstack=True,
                min_pixels=65_536,
                max_pixels=16_777_216,
            ),
            Family(
                "qwen3_vl_moe",
                "Qwen3-VL (mixture of experts)",
                FrameKind.NORMALISED,
                16,
                "Qwen3VLMoeForConditionalGeneration",
                "Qwen3VLProcessor",
                deepstack=True,
                min_pixels=65_536,
                max_pixels=16_777_216,
            ),
        )
    }
)

TITLES = "Qwen2-VL, Qwen2.5-VL or Qwen3-VL"
"""The kinds in words, for sentences that say what would have been understood."""
