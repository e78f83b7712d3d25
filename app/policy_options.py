"""How a policy is opened, as options of a command."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from app.settings import at_least_one

if TYPE_CHECKING:
    from core.policies.opening import PolicyOptions


def add_policy_options(parser: argparse.ArgumentParser) -> None:
    """The group "the policy"."""
    group = parser.add_argument_group("the policy")
    group.add_argument("--min-pixels", type=at_least_one, metavar="N", help="smaller pictures are enlarged to this area")
    group.add_argument("--max-pixels", type=at_least_one, metavar="N", help="larger pictures are shrunk to this area")
    space = "what its numbers are measured in (default: as its family is trained)"
    group.add_argument("--space", choices=("resized", "normalised_1000", "original"), help=space)
    group.add_argument("--device", default="auto", metavar="NAME", help="auto, cuda, cuda:1, mps or cpu (default auto)")
    group.add_argument("--dtype", default="auto", metavar="TYPE", help="auto, bfloat16, float16 or float32 (default auto)")
    group.add_argument("--adapter", metavar="REF", help="a LoRA adapter on the checkpoint: a hub name or a folder")
    group.add_argument("--slots", type=at_least_one, metavar="N", help="conversations that are computed at once (default: as many as fit)")


def policy_options(arguments: argparse.Namespace) -> PolicyOptions:
    """What these options ask for. Raises PolicyError for numbers that mean nothing."""
    from core.frames import FrameKind
    from core.policies.opening import PolicyOptions

    return PolicyOptions(
        min_pixels=arguments.min_pixels,
        max_pixels=arguments.max_pixels,
        space=FrameKind(arguments.space) if arguments.space else None,
        device=arguments.device,
        dtype=arguments.dtype,
        adapter=arguments.adapter,
        slots=arguments.slots,
    )
