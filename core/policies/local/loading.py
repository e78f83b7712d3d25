"""A checkpoint from its name to a model that is ready to be asked, with every way it can fail told in one sentence."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from transformers import PreTrainedConfig, PreTrainedModel

from core.errors import OutOfMemory, PolicyError
from core.policies.families import Family
from core.policies.local import memory
from core.policies.local.checkpoints import Adapter, Checkpoint, generation_end_ids, read_folder
from core.policies.local.devices import device_of, dtype_of, free_bytes
from core.policies.local.downloads import folder_of
from core.policies.local.fingerprints import fingerprint
from core.policies.local.habits import HABITS, read_crop
from core.policies.local.processors import image_area, load_chat_template, load_image_processor, load_tokenizer
from core.policies.local.rendering import Rendering
from core.policies.opening import LoadProgress, PolicyOptions, Tell, check_stopped
from core.policies.protocol import PolicyCard, PolicyKind
from core.policies.references import Reference, ReferenceKind, read_reference

# transformers has one place for its progress bars, so one model is loaded at a time.
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A checkpoint in memory.

    model      in evaluation mode, on its device, without gradients
    rendering  its way from messages to tokens and pixels
    card       what goes into its traces
    slots      how many conversations are to be computed at once
    """

    model: PreTrainedModel
    rendering: Rendering
    card: PolicyCard
    family: Family
    slots: int


@dataclass(frozen=True, slots=True)
class Found:
    """A checkpoint on the disk, and the adapter that goes onto it."""

    checkpoint: Checkpoint
    adapter: Adapter | None


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything about a load but the weights: found complete, readable, and small enough.

    area   the least and the greatest area of a picture, in pixels
    need   the memory that it takes; `free` bytes are there
    slots  how many conversations are to be computed at once
    """

    name: str
    found: Found
    config: PreTrainedConfig
    device: torch.device
    dtype: torch.dtype
    area: tuple[int, int]
    need: memory.Need
    free: int
    slots: int
    rendering: Rendering


Fetch = Callable[[str], Path]
"""From a hub name to the folder with its files."""


def load(named: Reference, options: PolicyOptions, *, progress: Tell, stop: threading.Event | None = None) -> LoadedModel:
    """Load the checkpoint that a reference to a hub name or a folder names, downloaded first where it is not there yet.

    Raises PolicyNotFound where there is none, OutOfMemory where it does not fit, PolicyError where it is broken, of another kind, stopped,
    or otherwise not to be loaded.
    """
    ready = prepare(named, options, lambda name: folder_of(name, progress=progress, stop=stop))
    check_stopped(stop)
    model = _model(ready, progress, stop)
    if ready.found.adapter is not None:
        from core.policies.local.adapters import merged  # peft takes a while, and only adapters need it

        progress(LoadProgress("Merging the adapter"))
        model = merged(model, ready.found.adapter, ready.found.checkpoint.folder)
    model.requires_grad_(False)
    model.eval()
    check_stopped(stop)
    card = _card(named, options, ready, model)
    return LoadedModel(model, ready.rendering, card, ready.found.checkpoint.family, ready.slots)


def find(named: Reference, options: PolicyOptions, *, progress: Tell, stop: threading.Event | None = None) -> None:
    """Everything of a load that takes no memory worth speaking of: it is there, downloaded where it was not, whole and readable. Raises as
    `load` does, but OutOfMemory."""
    found = _find(named, options, lambda name: folder_of(name, progress=progress, stop=stop))
    check_stopped(stop)
    device_of(options.device)
    area = image_area(_with(found, "preprocessor_config.json"), found.checkpoint.family, options.min_pixels, options.max_pixels)
    _rendering(found, _config(named.name, found.checkpoint), area)


def prepare(named: Reference, options: PolicyOptions, fetch: Fetch) -> Prepared:
    """Everything that comes before the weights; `fetch` finds the files of hub names. Raises as `load` does."""
    found = _find(named, options, fetch)
    checkpoint = found.checkpoint
    device = device_of(options.device)
    dtype = dtype_of(options.dtype, device)
    config = _config(named.name, checkpoint)
    area = image_area(_with(found, "preprocessor_config.json"), checkpoint.family, options.min_pixels, options.max_pixels)
    numbers = str(dtype).removeprefix("torch.")
    need, free = memory.need_of(checkpoint, numbers), free_bytes(device)
    slots = options.slots or need.slots(area[1], free)
    memory.check_memory(need, name=named.name, device=device.type, dtype=numbers, free=free, pixels=area[1], slots=slots)
    return Prepared(named.name, found, config, device, dtype, area, need, free, slots, _rendering(found, config, area))


def _find(named: Reference, options: PolicyOptions, fetch: Fetch) -> Found:
    """The files of a checkpoint, found complete. An adapter brings its base."""
    here = read_folder(_folder(named, fetch))
    if isinstance(here, Adapter):
        if options.adapter is not None:
            raise PolicyError(
                f"{named.name} is an adapter already, and {options.adapter} cannot be put on it: name the base with one adapter."
            )
        return Found(_base_of(here, fetch), here)
    if options.adapter is None:
        return Found(here, None)
    adapter = read_folder(_folder(read_reference(options.adapter), fetch))
    if not isinstance(adapter, Adapter):
        raise PolicyError(f"{options.adapter} is a whole checkpoint and no adapter: name it as the policy itself.")
    return Found(here, adapter)


def _folder(named: Reference, fetch: Fetch) -> Path:
    if named.kind is ReferenceKind.FOLDER:
        return Path(named.place)
    if named.kind is ReferenceKind.HUB:
        return fetch(named.place)
    raise PolicyError(f"{named.text} is no checkpoint: give a hub name (organisation/name) or a folder.")


def _base_of(adapter: Adapter, fetch: Fetch) -> Checkpoint:
    if adapter.base is None:
        raise PolicyError(f"The adapter in {adapter.folder} does not name its base: name the base as the policy, with this adapter.")
    beside = adapter.folder / adapter.base
    base = read_folder(_folder(read_reference(str(beside) if beside.is_dir() else adapter.base), fetch))
    if isinstance(base, Adapter):
        raise PolicyError(f"The adapter in {adapter.folder} stands on {adapter.base}, which is an adapter itself: merge that one first.")
    return base


def _with(found: Found, name: str) -> Path:
    """The folder from which a small file is read: the adapter's own where it has it, for it was trained with that one."""
    if found.adapter is not None and (found.adapter.folder / name).is_file():
        return found.adapter.folder
    return found.checkpoint.folder


def _rendering(found: Found, config: PreTrainedConfig, area: tuple[int, int]) -> Rendering:
    folder = found.checkpoint.folder
    templates = ("chat_template.json", "chat_template.jinja")
    size = getattr(config.get_text_config(), "vocab_size", None)
    return Rendering(
        load_tokenizer(_with(found, "tokenizer.json")),
        load_image_processor(_with(found, "preprocessor_config.json"), found.checkpoint.family, *area),
        load_chat_template(next((own for name in templates if (own := _with(found, name)) != folder), folder)),
        end_ids=generation_end_ids(folder),
        vocabulary=size,
    )


def _config(name: str, checkpoint: Checkpoint) -> PreTrainedConfig:
    try:
        config: PreTrainedConfig = getattr(transformers, checkpoint.family.model).config_class.from_pretrained(
            checkpoint.folder, local_files_only=True
        )
    except _LOADING_ERRORS as error:
        raise PolicyError(f"The config.json of {name} describes no model ({_first_line(error)}): download or copy it again.") from error
    return config


def _model(ready: Prepared, progress: Tell, stop: threading.Event | None) -> PreTrainedModel:
    name, checkpoint, device = ready.name, ready.found.checkpoint, ready.device
    while not _ONE_AT_A_TIME.acquire(timeout=0.2):
        progress(LoadProgress("Waiting for another model to be loaded"))
        check_stopped(stop)
    try:
        with _told(progress, stop, checkpoint.size):
            model, report = getattr(transformers, checkpoint.family.model).from_pretrained(
                checkpoint.folder,
                config=ready.config,
                dtype=ready.dtype,
                attn_implementation=_attention(device, ready.dtype),
                device_map=None if device.type == "cpu" else {"": device},
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                # What is missing or of another size comes in the report, and is an error of ours then.
                ignore_mismatched_sizes=True,
                output_loading_info=True,
            )
    except PolicyError:
        raise
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise OutOfMemory(_ran_out(name, device)) from error
    except _LOADING_ERRORS as error:
        if "allocate memory" in str(error):
            raise OutOfMemory(_ran_out(name, device)) from error
        raise PolicyError(f"The checkpoint {name} cannot be loaded ({_first_line(error)}): download or copy it again.") from error
    finally:
        _ONE_AT_A_TIME.release()
    _check_complete(name, report)
    loaded: PreTrainedModel = model
    return loaded


def _ran_out(name: str, device: torch.device) -> str:
    return f"{name} does not fit on {device}: the memory ran out while it was loaded. {memory.LARGER}"


_LOADING_ERRORS = (
    OSError,
    ValueError,
    RuntimeError,
    KeyError,
    TypeError,
    AttributeError,
    ImportError,
    SafetensorError,
    StrictDataclassError,
)


def _check_complete(name: str, report: dict[str, Any]) -> None:
    """Raises PolicyError where a weight of the model was in no file: it would have a random value."""
    missing = sorted(report["missing_keys"]) + sorted(entry[0] for entry in report["mismatched_keys"])
    if missing or report["error_msgs"]:
        first = missing[0] if missing else _first_line(report["error_msgs"][0])
        raise PolicyError(
            f"The checkpoint {name} does not hold the whole model: {len(missing) or 1:,} of its weights are missing or of another size, "
            f"{first} for one. Download or copy it again."
        )


def _attention(device: torch.device, dtype: torch.dtype) -> str | dict[str, str]:
    """PyTorch's own attention; FlashAttention 2 for the vision tower where it is installed and the device can run it."""
    if device.type == "cuda" and dtype in (torch.bfloat16, torch.float16) and transformers.utils.is_flash_attn_2_available():
        return {"": "sdpa", "text_config": "sdpa", "vision_config": "flash_attention_2"}
    return "sdpa"


def _card(named: Reference, options: PolicyOptions, ready: Prepared, model: PreTrainedModel) -> PolicyCard:
    found = ready.found
    family, config = found.checkpoint.family, model.config
    text = config.get_text_config()
    vision = getattr(config, "vision_config", None)
    details = {
        "family": family.model_type,
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "device": str(model.device),
        "device_name": torch.cuda.get_device_name(model.device) if model.device.type == "cuda" else model.device.type,
        "dtype": str(model.dtype).removeprefix("torch."),
        "attention": str(getattr(text, "_attn_implementation", "sdpa")),
        "vision_attention": str(getattr(vision, "_attn_implementation", "sdpa")),
        "torch": str(torch.__version__),
        "transformers": str(transformers.__version__),
        "weights": fingerprint(found.checkpoint.folder),
    }
    if named.kind is ReferenceKind.HUB and found.checkpoint.folder.parent.name == "snapshots":
        details["revision"] = found.checkpoint.folder.name
    if found.adapter is not None:
        details["adapter"] = options.adapter or named.name
        details["base"] = found.adapter.base if options.adapter is None else named.name
        details["adapter_weights"] = fingerprint(found.adapter.folder)
    return PolicyCard(
        name=f"{named.name} + {read_reference(options.adapter).name}" if options.adapter else named.name,
        kind=PolicyKind.LOCAL,
        space=options.space or family.space,
        factor=family.factor,
        min_pixels=ready.area[0],
        max_pixels=ready.area[1],
        system_prompt=ready.rendering.system_prompt,
        context=getattr(text, "max_position_embeddings", None),
        crop=read_crop(_with(found, HABITS), family.factor),
        details=details,
    )


@contextmanager
def _told(progress: Tell, stop: threading.Event | None, size: int) -> Iterator[None]:
    """Progress bars of transformers become news, and a place at which a load can stop."""
    ours = threading.get_ident()

    def hook(factory: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        if threading.get_ident() != ours or not arguments:
            return factory(*arguments, **{**named, "disable": True})
        return _counted(arguments[0], progress, stop, size)

    before, loudness = transformers.utils.logging.set_tqdm_hook(hook), transformers.utils.logging.get_verbosity()
    # Its own table of missing weights advises to train them: what is wrong is told by the error alone.
    transformers.utils.logging.set_verbosity_error()
    try:
        yield
    finally:
        transformers.utils.logging.set_verbosity(loudness)
        transformers.utils.logging.set_tqdm_hook(before)


def _counted(weights: Iterable[Any], progress: Tell, stop: threading.Event | None, size: int) -> Iterator[Any]:
    every = list(weights)
    began = time.monotonic()
    for place, weight in enumerate(every):
        check_stopped(stop)
        passed = time.monotonic() - began
        left = passed / place * (len(every) - place) if place and passed > 1 else None
        progress(LoadProgress("Loading the weights", size * place // len(every), size, left))
        yield weight
    progress(LoadProgress("Loading the weights", size, size, 0.0))


def _first_line(error: object) -> str:
    lines = (str(error).strip() or type(error).__name__).splitlines()
    return " ".join(line.strip() for line in lines[:2])[:240]
