"""Training dialogs: token by token and pixel by pixel those of the rollout whose trace they were made of."""

from __future__ import annotations

import pytest

from core.crops import render_look, resized
from core.geometry import Size
from core.policies.local.loading import LoadedModel
from core.policies.local.untrained import ModelType
from core.policies.protocol import shown_size
from core.trace import Author
from tests.core.rollout.speaking import painted
from tests.training.led import SCRIPTS, led, record_of, small
from training.dialogs import dialog_of


@pytest.fixture(params=[ModelType.QWEN2_5_VL, ModelType.QWEN3_VL], ids=["qwen2_5_vl", "qwen3_vl"])
def loaded(request: pytest.FixtureRequest, loaded_models: dict[ModelType, LoadedModel]) -> LoadedModel:
    return small(loaded_models[request.param])


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_dialog_is_its_rollout(loaded: LoadedModel, name: str) -> None:
    rollout = led(loaded, SCRIPTS[name])
    tokens, rendering = rollout.tokens, loaded.rendering
    assert tokens is not None
    dialog = dialog_of(record_of(rollout.trace), painted(120, 80), rendering, loaded.card)
    assert dialog.ids[:-1] == tokens.prompt + tokens.ids
    assert dialog.ids[-1] == rendering.turn_end
    authors = [None] * len(tokens.prompt) + [span.author for span in tokens.spans for _ in range(span.start, span.end)]
    assert list(dialog.authors[:-1]) == authors
    # What is learnt is what the model wrote, and the ends of its turns.
    ends = [
        place > 0 and dialog.authors[place - 1] is Author.MODEL and author is not Author.MODEL
        for place, author in enumerate(dialog.authors)
    ]
    assert [dialog.ids[place] for place, end in enumerate(ends) if end] == [rendering.turn_end] * len(rollout.trace.turns)
    assert list(dialog.learnt) == [author is Author.MODEL or end for author, end in zip(dialog.authors, ends, strict=True)]


def test_its_pictures_are_those_that_were_shown(loaded: LoadedModel) -> None:
    image = painted(120, 80)
    trace = led(loaded, SCRIPTS["looks"], image).trace
    dialog = dialog_of(record_of(trace), image, loaded.rendering, loaded.card)
    wanted = [resized(image, shown_size(loaded.card, Size(120, 80))), *(render_look(image, look, trace.frame) for look in trace.looks)]
    assert [shown.image.tobytes() for shown in dialog.pictures] == [picture.tobytes() for picture in wanted]
    assert sum(map(loaded.rendering.picture_tokens, dialog.pictures)) == dialog.ids.count(loaded.rendering.image_id)
