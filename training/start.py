"""What a training begins with: the checkpoint's way from records to tokens, and, where it is really trained, its weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

from core.errors import PolicyError, PolicyNotFound, TrainingError
from core.policies.families import Family
from core.policies.local.checkpoints import ADAPTER_CONFIG, CONFIG, family_of, generation_end_ids
from core.policies.local.documents import read_json
from core.policies.local.downloads import cached
from core.policies.local.loading import LoadedModel, load
from core.policies.local.processors import image_area, load_chat_template, load_image_processor, load_tokenizer
from core.policies.local.rendering import Rendering
from core.policies.opening import LoadProgress, PolicyOptions
from core.policies.protocol import PolicyCard, PolicyKind
from core.policies.references import Reference, ReferenceKind, read_reference
from training.recipe import Device, Precision, Recipe

# The files of a checkpoint that say everything but its weights.
_SMALL = ["*.json", "*.jinja", "*.txt"]


@dataclass(frozen=True, slots=True)
class Beginning:
    """A checkpoint as far as its records need it.

    folder  where its files are
    config  its config.json
    """

    name: str
    folder: Path
    family: Family
    config: dict[str, Any]
    rendering: Rendering
    card: PolicyCard


def beginning(recipe: Recipe) -> Beginning:
    """The recipe's checkpoint without its weights, which need not even be on this machine.

    Raises PolicyNotFound where there is none, PolicyError where it is broken or of another kind.
    """
    named = _named(recipe.model)
    folder = Path(named.place) if named.kind is ReferenceKind.FOLDER else _small_files(recipe.model)
    if (folder / ADAPTER_CONFIG).is_file() and not (folder / CONFIG).is_file():
        raise TrainingError(f"{recipe.model} is an adapter: begin with its base, or with what `launch.py train --merge RUN` makes of it.")
    if not (folder / CONFIG).is_file():
        raise PolicyNotFound(f"There is no checkpoint in {folder} (no {CONFIG}): check the path that the recipe's `model` names.")
    config = dict(read_json(folder / CONFIG))
    family = family_of(config, recipe.model)
    area = image_area(folder, family, recipe.min_pixels, recipe.max_pixels)
    text = config.get("text_config") or config
    rendering = Rendering(
        load_tokenizer(folder),
        load_image_processor(folder, family, *area),
        load_chat_template(folder),
        end_ids=generation_end_ids(folder),
        vocabulary=text.get("vocab_size"),
    )
    card = PolicyCard(
        name=named.name,
        kind=PolicyKind.LOCAL,
        space=family.space,
        factor=family.factor,
        min_pixels=area[0],
        max_pixels=area[1],
        system_prompt=rendering.system_prompt,
        context=text.get("max_position_embeddings"),
    )
    return Beginning(named.name, folder, family, config, rendering, card)


def with_weights(recipe: Recipe, tell: Callable[[LoadProgress], None], saved: Path | None = None) -> LoadedModel:
    """The recipe's checkpoint in the processor's memory, all of its weights ready to be trained; the trainer brings it to its device.

    saved  a checkpoint of the run itself that is taken in place of the recipe's

    Weights that are trained are float32, whatever the model computes in: steps of 1e-6 are lost in bfloat16. Under LoRA the others are
    in the numbers that are computed in. Raises PolicyNotFound, OutOfMemory and PolicyError.
    """
    dtype = "bfloat16" if recipe.lora is not None and computes_in_bfloat16(recipe.precision) else "float32"
    options = PolicyOptions(min_pixels=recipe.min_pixels, max_pixels=recipe.max_pixels, device="cpu", dtype=dtype, slots=1)
    loaded = load(read_reference(str(saved)) if saved else _named(recipe.model), options, progress=tell)
    loaded.model.requires_grad_(True)
    if computes_in_bfloat16(recipe.precision) and (recipe.device is Device.CPU or not has_gpu()):
        # In bfloat16 PyTorch's own attention is slow backwards on a processor: a step of the small policy takes a third longer with it.
        loaded.model.set_attn_implementation("eager")
    return loaded


def computes_in_bfloat16(precision: Precision) -> bool:
    """Whether the model computes in bfloat16 here. Raises TrainingError where it is asked for and the GPU has none."""
    import torch

    able = torch.cuda.is_bf16_supported(including_emulation=False) if has_gpu() else False
    if precision is Precision.BFLOAT16 and has_gpu() and not able:
        raise TrainingError("This GPU does not compute in bfloat16: set `precision: float32`.")
    return precision is Precision.BFLOAT16 or (precision is Precision.AUTO and able)


def has_gpu() -> bool:
    """Whether there is a GPU that PyTorch computes on."""
    import torch

    return bool(torch.cuda.is_available())


def _named(model: str) -> Reference:
    """What a recipe's `model` means: a folder, a hub name, or the small policy, which is made here before it is trained."""
    from training.small.begin import UNTRAINED, made

    return read_reference(str(made()) if model == UNTRAINED else model)


def _small_files(name: str) -> Path:
    """The folder with a hub checkpoint's small files: the one on this machine, else fetched without the weights."""
    here = cached(name)
    if here is not None and (here / CONFIG).is_file():
        return here
    try:
        return Path(snapshot_download(name, allow_patterns=_SMALL))
    except (HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled, OSError) as error:
        raise PolicyError(
            f"The small files of {name} are not on this machine and cannot be fetched ({str(error).splitlines()[0]:.160}): name a folder "
            "with --model, or try again with a network."
        ) from error
