"""A checkpoint's processor for trainers that render dialogs by themselves, and dialogs as they take them.

    processor = processor_of(loaded.family, loaded.rendering)
    processor.apply_chat_template(messages_of(said, loaded.rendering), tokenize=True, return_dict=True)

The tokens and pixels are those of `training.dialogs`, as long as a text does not begin with a line break: a processor cuts a whole
conversation into tokens at once, and a break behind the head of a turn would become one token with the head's own.
"""

from __future__ import annotations

import copy
from itertools import groupby
from typing import Any

from transformers.processing_utils import ProcessorMixin

from core.policies.conversation import Said
from core.policies.families import Family
from core.policies.local.processors import image_only_processor
from core.policies.local.rendering import Rendering
from training.turns import Spoken


def processor_of(family: Family, rendering: Rendering, template: str | None = None) -> ProcessorMixin:
    """A processor for text and pictures, under the name of the family's stock class; needs no torchvision.

    It resizes nothing: pictures are given to it in the size in which the policy is shown them. `save_pretrained` writes what the family's
    checkpoints have, so that others load it by AutoProcessor, and resize.

    template  in place of the checkpoint's own: `core.policies.local.template.chat_template`, for a mask of what the model wrote
    """
    pictures = copy.copy(rendering.image_processor)
    pictures.do_resize = False
    return image_only_processor(family, pictures, rendering.tokenizer, template or rendering.chat_template)


def messages_of(said: Spoken, rendering: Rendering) -> list[dict[str, Any]]:
    """A conversation as `apply_chat_template` takes it, pictures inside (PIL). No text in it can become a special token."""
    messages = [_message(message, rendering) for message in said.opening]
    for turn in said.turns:
        messages.append({"role": "assistant", "injected": rendering.plain(turn.injected), "content": [_words(turn.text, rendering)]})
        if turn.answered is not None:
            messages.append(_message(turn.answered, rendering))
    return messages


def _message(said: Said, rendering: Rendering) -> dict[str, Any]:
    parts: list[dict[str, Any]] = []
    for is_text, run in groupby(said.parts, lambda part: isinstance(part, str)):
        # Neighbouring texts are joined first: two halves of a mark must not find each other in the template.
        if is_text:
            parts.append(_words("".join(part for part in run if isinstance(part, str)), rendering))
        else:
            parts.extend({"type": "image", "image": part.image} for part in run if not isinstance(part, str))
    return {"role": said.role.value, "content": parts}


def _words(text: str, rendering: Rendering) -> dict[str, Any]:
    return {"type": "text", "text": rendering.plain(text)}
