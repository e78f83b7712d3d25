"""The tiny checkpoints of the tests: see core.policies.local.untrained."""

from __future__ import annotations

from core.policies.local.untrained import (
    Family,
    ORDINARY_ADDED,
    SMALL,
    SPECIAL,
    Shape,
    TEXTS,
    TINY,
    build,
    chat_template,
    image_processor_config,
    model,
    tokenizer,
)

__all__ = [
    "Family",
    "ORDINARY_ADDED",
    "SMALL",
    "SPECIAL",
    "Shape",
    "TEXTS",
    "TINY",
    "build",
    "chat_template",
    "image_processor_config",
    "model",
    "tokenizer",
]
