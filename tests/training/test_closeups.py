"""The exercise of reading marks: what is said is in the picture, where it is said to be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import TrainingError
from core.frames import FrameKind
from core.policies.protocol import PolicyCard, PolicyKind
from core.records import Split, Writer
from core.tasks.needle.values import Mark
from training.closeups import CloseUps
from training.dialogs import dialog_of
from training.recipe import DrawnScenes, Recipe
from training.sources import open_source
from training.start import beginning

CARD = PolicyCard("a policy", PolicyKind.SCRIPTED, FrameKind.NORMALISED, 16)


@settings(max_examples=30)
@given(st.integers(0, 10**12), st.sampled_from(Split))
def test_the_picture_is_the_one_of_the_record_and_shows_a_hatching(seed: int, split: Split) -> None:
    exercise = CloseUps(split, CARD)
    record, image = exercise.record(seed), exercise.image(seed)
    assert image.size == (record.pictures[0].size.width, record.pictures[0].size.height) == (128, 128)
    # Neighbouring pixels of a plain surface differ by noise alone: at most 4 grey levels each way.
    grey = np.asarray(image, dtype=int)[:, :, 0]
    steps = np.abs(np.diff(grey, axis=1))[32:96, 32:96], np.abs(np.diff(grey, axis=0))[32:96, 32:96]
    assert max(np.median(np.sort(step.ravel())[-200:]) for step in steps) > 20
    assert record == CloseUps(split, CARD).record(seed)


def test_what_is_said_is_its_mark_and_all_of_it_is_learnt() -> None:
    begun = beginning(Recipe(title="small", model="small"))
    exercise, seen = CloseUps(Split.TRAIN, begun.card), set()
    for seed in range(60):
        record = exercise.record(seed)
        said = next(message.text for message in record.messages if message.writer is Writer.MODEL)
        assert said.count(record.truth.text) == 2 and record.truth.text in set(Mark)
        seen.add(record.truth.text)
    assert seen == set(Mark)
    dialog = dialog_of(record, exercise.image(59), begun.rendering, begun.card)
    learnt = begun.rendering.tokenizer.decode([one for one, is_learnt in zip(dialog.ids, dialog.learnt, strict=True) if is_learnt])
    assert learnt == said + "<|im_end|>"


def test_a_recipe_names_it_and_may_say_nothing_else_of_it() -> None:
    assert open_source(DrawnScenes("close-ups", count=5), Split.TRAIN, CARD, seed=1).size == 5
    with pytest.raises(TrainingError, match="The world close-ups is always the same exercise, and has no difficulty"):
        open_source(DrawnScenes("close-ups", difficulty="easy"), Split.TRAIN, CARD, seed=1)
