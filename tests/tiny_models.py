"""The tiny checkpoints of the tests: see core.policies.local.untrained."""

from __future__ import annotations

from core.policies.local.untrained import (
    ORDINARY_ADDED,
    SMALL,
    SPECIAL,
    TEXTS,
    TINY,
    Family,
    Shape,
    build,
    chat_template,
    image_processor_config,
    model,
    tokenizer,
)

__all__ = [
    "ORDINARY_ADDED",
    "SMALL",
    "SPECIAL",
    "TEXTS",
    "TINY",
    "Family",
    "Shape",
    "build",
    "chat_template",
    "image_processor_config",
    "model",
    "tokenizer",
]
