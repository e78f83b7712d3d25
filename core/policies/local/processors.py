"""What stands between words or pictures and a model: the tokenizer, the image processor and the chat template of a checkpoint.

Pictures alone are prepared, never videos, so nothing here needs torchvision. The image processor is always the one that works with
Pillow: with torchvision installed the pixels are the same, to the last bit, as without.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import transformers
from transformers import AutoTokenizer, PreTrainedTokenizerBase, Qwen2VLImageProcessorPil
from transformers.processing_utils import ProcessorMixin

from core.errors import PolicyError
from core.policies.families import Family
from core.policies.local.documents import read_json, read_json_if_there, read_text

# What of preprocessor_config.json says how pixels are made. The rest names classes, or is for videos.
_PIXEL_SETTINGS = (
    "patch_size",
    "temporal_patch_size",
    "merge_size",
    "image_mean",
    "image_std",
    "do_rescale",
    "rescale_factor",
    "do_normalize",
    "resample",
)


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The checkpoint's tokenizer, from its own files alone; no code of the checkpoint is run.

    Raises PolicyError where it has none, or one that cannot be read.
    """
    if not any((folder / name).is_file() for name in ("tokenizer.json", "vocab.json")):
        raise PolicyError(f"{folder} has no tokenizer (tokenizer.json, or vocab.json with merges.txt): copy it from the base model.")
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError) as error:
        raise PolicyError(f"The tokenizer in {folder} cannot be read ({_first_line(error)}): copy it from the base model.") from error
    return tokenizer


def image_area(folder: Path, family: Family, min_pixels: int | None, max_pixels: int | None) -> tuple[int, int]:
    """The least and the greatest area of a picture in pixels: as asked, as the checkpoint in `folder` has it, or as the family's published
    checkpoints have it.

    Raises PolicyError where no picture fits between the two.
    """
    settings = image_settings(folder)
    size = settings.get("size") or {}
    least = min_pixels or settings.get("min_pixels") or size.get("shortest_edge") or family.min_pixels
    most = max_pixels or settings.get("max_pixels") or size.get("longest_edge") or family.max_pixels
    if max_pixels and not min_pixels:
        least = min(least, max_pixels)
    check_pixels(family, least, most)
    return least, most


def load_image_processor(folder: Path, family: Family, least: int, most: int) -> Qwen2VLImageProcessorPil:
    """The checkpoint's image processor, with the area of its pictures said outright (pixels).

    Raises PolicyError where its settings are missing, or not those of the family.
    """
    settings = image_settings(folder)
    for name, wanted in (("patch_size", family.patch), ("merge_size", family.merge)):
        if settings.get(name, wanted) != wanted:
            raise PolicyError(f"The image settings in {folder} say {name} {settings[name]}, and {family.title} has {wanted}.")
    kept = {name: settings[name] for name in _PIXEL_SETTINGS if name in settings}
    return Qwen2VLImageProcessorPil(
        **{"patch_size": family.patch, "merge_size": family.merge, **kept}, size={"shortest_edge": least, "longest_edge": most}
    )


def check_pixels(family: Family, least: int, most: int) -> None:
    """Raises PolicyError where no picture can have an area from `least` to `most` pixels."""
    smallest = family.factor**2
    if most < smallest:
        raise PolicyError(f"At most {most:,} pixels is too little: one token of {family.title} is {smallest:,} pixels.")
    if least < 1 or least > most:
        raise PolicyError(f"At least {least:,} and at most {most:,} pixels: the first is from 1 to the second.")


def image_settings(folder: Path) -> Mapping[str, Any]:
    """What the checkpoint says of its image processor. Raises PolicyError where it says nothing."""
    whole = read_json_if_there(folder / "processor_config.json")
    if isinstance(whole.get("image_processor"), dict):
        return dict(whole["image_processor"])
    if not (folder / "preprocessor_config.json").is_file():
        raise PolicyError(f"{folder} has no preprocessor_config.json, which says how pictures are prepared: copy it from the base model.")
    return read_json(folder / "preprocessor_config.json")


def load_chat_template(folder: Path) -> str:
    """The checkpoint's chat template, looked for where and in the order in which transformers' processors look; the tokenizer's at last.

    Raises PolicyError where there is none.
    """
    found = read_json_if_there(folder / "processor_config.json").get("chat_template")
    if not found:
        found = read_json_if_there(folder / "chat_template.json").get("chat_template")
    if not found and (folder / "chat_template.jinja").is_file():
        found = read_text(folder / "chat_template.jinja")
    if not found:
        found = read_json_if_there(folder / "tokenizer_config.json").get("chat_template")
    if isinstance(found, list):  # several by name, as older tokenizers have them
        found = {entry.get("name"): entry.get("template") for entry in found if isinstance(entry, dict)}
    if isinstance(found, dict):
        found = found.get("default")
    if not isinstance(found, str) or not found:
        raise PolicyError(f"{folder} has no chat template (chat_template.json or chat_template.jinja): copy it from the base model.")
    return found


class ImageOnly(ProcessorMixin):  # type: ignore[misc]
    """A processor for text and pictures: what a stock class does, without the video processor that would need torchvision.

    transformers reads which parts a processor has off the names in its `__init__`.
    """

    def __init__(self, image_processor: Any = None, tokenizer: Any = None, chat_template: str | None = None, **rest: Any) -> None:
        for name, token in (("image", "image_pad"), ("video", "video_pad"), ("vision_start",) * 2, ("vision_end",) * 2):
            setattr(self, f"{name}_token", f"<|{token}|>")
            setattr(self, f"{name}_token_id", tokenizer.convert_tokens_to_ids(f"<|{token}|>"))
        ProcessorMixin.__init__(self, image_processor, tokenizer, chat_template=chat_template)

    def save_pretrained(self, save_directory: str | Path, **rest: Any) -> None:
        """Write it as published checkpoints have it: `write_processor`. Trainers call this with every checkpoint."""
        write_processor(Path(save_directory), type(self).__name__, self.image_processor, self.tokenizer, self.chat_template)


def image_only_processor(
    family: Family, image_processor: Qwen2VLImageProcessorPil, tokenizer: PreTrainedTokenizerBase, template: str
) -> ProcessorMixin:
    """The family's stock processor for text and pictures, under its own name, so that what it saves is read elsewhere."""
    stock = getattr(transformers, family.processor)
    kind = type(family.processor, (ImageOnly, stock), {})
    made: ProcessorMixin = kind(image_processor=image_processor, tokenizer=tokenizer, chat_template=template)
    return made


def write_processor(
    folder: Path, name: str, image_processor: Qwen2VLImageProcessorPil, tokenizer: PreTrainedTokenizerBase, template: str
) -> None:
    """Write tokenizer, image settings and chat template in the layout of the published checkpoints, under their class names.

    What is written is read back by this package, and where torchvision is installed by AutoProcessor too: that wants settings for videos,
    which are written beside those for pictures. The settings say the area of a picture (pixels) and that pictures are brought into it.

    name  of the stock processor, `Family.processor`
    """
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(folder)
    # How it was loaded here is nobody else's.
    _leave_out(folder / "tokenizer_config.json", ("is_local", "local_files_only"))
    (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    kept = {setting: value for setting in _PIXEL_SETTINGS if (value := getattr(image_processor, setting, None)) is not None}
    area = {edge: int(image_processor.size[edge]) for edge in ("shortest_edge", "longest_edge")}
    shared = {**kept, "do_resize": True, "size": area, "processor_class": name}
    later = name == "Qwen3VLProcessor"
    for file, kind, called in (
        ("preprocessor_config.json", "image_processor_type", f"Qwen2VLImageProcessor{'Fast' if later else ''}"),
        ("video_preprocessor_config.json", "video_processor_type", f"Qwen{3 if later else 2}VLVideoProcessor"),
    ):
        (folder / file).write_text(json.dumps({**shared, kind: called}, indent=2) + "\n", encoding="utf-8")


def _leave_out(file: Path, names: tuple[str, ...]) -> None:
    kept = {name: value for name, value in read_json(file).items() if name not in names}
    file.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).strip().splitlines()[0][:200]
