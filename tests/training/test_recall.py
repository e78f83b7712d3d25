"""The exercise of finding names again: what is said was told, and nothing else tells it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import TrainingError
from core.frames import FrameKind
from core.policies.protocol import PolicyCard, PolicyKind
from core.records import Split, Writer
from core.tasks.needle.splits import is_novel
from training.dialogs import dialog_of
from training.recall import Recall
from training.recipe import DrawnScenes, Recipe
from training.sources import digest, open_source
from training.start import beginning

CARD = PolicyCard("a policy", PolicyKind.SCRIPTED, FrameKind.NORMALISED, 16)
NAMED = re.compile(r"(\w+ \w+) (\(\d+, \d+\))")


@given(st.integers(0, 10**12), st.sampled_from(Split))
def test_all_that_was_told_is_said_again_in_another_order(seed: int, split: Split) -> None:
    record = Recall(split, CARD).record(seed)
    question, said = (message.text for message in record.messages)
    told, again = NAMED.findall(question), NAMED.findall(said.partition("</think>")[0])
    assert 4 <= len(told) <= 7 and sorted(again) == sorted(told)
    assert len({name for name, _ in told}) == len(told)
    assert not any(is_novel(*name.split()) for name, _ in told)
    assert record == Recall(split, CARD).record(seed)


def test_names_share_colours_and_shapes_and_orders_differ() -> None:
    exercise = Recall(Split.TRAIN, CARD)
    shared = ordered = 0
    for seed in range(200):
        question, said = (NAMED.findall(message.text) for message in exercise.record(seed).messages)
        colours = [name.split()[0] for name, _ in question]
        shared += len(set(colours)) < len(colours)
        ordered += question == said[: len(question)]
    assert shared > 190 and ordered < 10


def test_it_shows_plain_ground_and_is_learnt_like_any_other_dialog() -> None:
    begun = beginning(Recipe(title="small", model="small"))
    exercise = Recall(Split.TRAIN, begun.card)
    record, image = exercise.record(3), exercise.image(3)
    assert len(image.getcolors() or ()) == 1
    dialog = dialog_of(record, image, begun.rendering, begun.card)
    learnt = begun.rendering.tokenizer.decode([one for one, is_learnt in zip(dialog.ids, dialog.learnt, strict=True) if is_learnt])
    assert learnt == next(message.text for message in record.messages if message.writer is Writer.MODEL) + "<|im_end|>"


def test_a_recipe_names_it_and_may_say_nothing_else_of_it() -> None:
    source = open_source(DrawnScenes("recall", count=5), Split.TRAIN, CARD, seed=1)
    assert (source.size, source.crop) == (5, None)
    assert source.length(0) > 0
    assert digest(DrawnScenes("recall")) != digest(DrawnScenes("recall", seed=4))
    with pytest.raises(TrainingError, match="has no difficulty"):
        open_source(DrawnScenes("recall", difficulty="hard"), Split.TRAIN, CARD, seed=1)
    with pytest.raises(TrainingError, match="has no misses"):
        open_source(DrawnScenes("recall", misses=0.1), Split.TRAIN, CARD, seed=1)
