"""LoRA adapters: put on their base and merged into it, so that asking costs nothing more."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from peft import PeftConfig, PeftModel
from safetensors import SafetensorError
from transformers import PreTrainedModel

from core.errors import PolicyError
from core.policies.local.checkpoints import Adapter

# Adapters that were made before transformers 4.52 name the parts of the model as it was built then (the checkpoints still do).
_OLDER_NAMES = {r"^visual\.": "model.visual.", r"^model\.(?!language_model\.|visual\.)": "model.language_model."}


def merged(model: PreTrainedModel, adapter: Adapter, base: Path) -> PreTrainedModel:
    """The model with the adapter's changes in its weights. `base` is the folder that the model came from, for the sentence.

    Raises PolicyError where the adapter was made for another model, or is broken.
    """
    try:
        with warnings.catch_warnings():
            # peft warns of adapter weights that found no place, and goes on; here that is an error, and told below.
            warnings.simplefilter("ignore")
            config = PeftConfig.from_pretrained(str(adapter.folder))
            config.inference_mode = True
            wrapped = PeftModel(model, config)
            report = wrapped.load_adapter(str(adapter.folder), "default", is_trainable=False, key_mapping=_OLDER_NAMES)
            lost = [*report.unexpected_keys, *(key for key in report.missing_keys if ".lora_" in key)]
            if not lost:
                with torch.no_grad():
                    whole: PreTrainedModel = wrapped.merge_and_unload(safe_merge=True)
                return whole
            why = f"{len(lost):,} of its weights have no place there, {lost[0]} for one"
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise PolicyError(_does_not_fit(adapter, base, _first_line(error))) from error
    raise PolicyError(_does_not_fit(adapter, base, why))


def _does_not_fit(adapter: Adapter, base: Path, why: str) -> str:
    named = f"It was made for {adapter.base}." if adapter.base else "It does not say what it was made for."
    return f"The adapter in {adapter.folder} does not fit the checkpoint in {base} ({why}). {named}"


def _first_line(error: BaseException) -> str:
    lines = (str(error).strip() or type(error).__name__).splitlines()
    # torch names the weights in the lines behind the first, which only says that there are some.
    return " ".join(line.strip() for line in lines[:2])[:240]
