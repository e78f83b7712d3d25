"""The scenes of the needle world: the same for ever, nothing over anything, one right answer, and what is held out stays out."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import TaskError
from core.tasks.needle.scenes import ask
from core.tasks.needle.splits import NOVEL_PAIRS, NOVEL_WIDGETS, Split
from core.tasks.needle.values import DIFFICULTIES, Asked, Difficulty, Distractor, Item, Kind, Mark, Shape, Widget

SEEDS = st.integers(min_value=0, max_value=2**40)


def answers(asked: Asked) -> list[str]:
    """Every answer that the question allows, derived from its words and the scene alone: what the world itself says is not asked."""
    question, items = asked.question, list(asked.scene.items)
    if found := re.fullmatch(r"Description: the (\w+) (button|check box|slider|tab) of the (\w+) window\.", question):
        mark, kind, colour = found.groups()
        homes = [at for at, window in enumerate(asked.scene.windows) if window.colour.value == colour]
        inside = [item for item in items if item.window in homes and (item.kind.value, item.mark.value) == (kind, mark)]
        return [str(item.box.corners) for item in inside]
    if found := re.fullmatch(r"Do the (.+) and the (.+) have the same mark\?", question):
        ones, twos = ([item for item in items if named(item) == words] for words in found.groups())
        return ["same" if one.mark == two.mark else "different" for one in ones for two in twos]
    if found := re.fullmatch(r"Which (\w+) item is (\w+)\?", question):
        return [item.shape.value for item in items if (item.colour.value, item.mark.value) == found.groups()]
    if found := re.fullmatch(r"Point at the (\w+) item that is (\w+)\.", question):
        return [str(item.box.corners) for item in items if (item.colour.value, item.mark.value) == found.groups()]
    found = re.fullmatch(r"What is the mark of the (.+)\?", question)
    assert found, question
    return [item.mark.value for item in meant(found[1], items)]


def named(item: Item) -> str:
    return f"{item.colour.value} {item.shape.value}"


def meant(words: str, items: list[Item]) -> list[Item]:
    found = re.fullmatch(r"(.+) (left of|right of|above|below|nearest to) the (.+)", words)
    if not found:
        return [item for item in items if named(item) == words]
    group, relation, other = found.groups()
    (anchor,) = [item for item in items if named(item) == other]
    among = [item for item in items if item is not anchor and (group == "item" or group in (item.shape.value, f"{item.colour.value} item"))]
    assert len(among) > 1, "of one alone, a relation would say nothing"
    if relation == "nearest to":
        nearest = min(item.centre.distance(anchor.centre) for item in among)
        return [item for item in among if item.centre.distance(anchor.centre) < nearest * 1.1]
    beyond = {
        "left of": lambda item: item.x < anchor.x,
        "right of": lambda item: item.x > anchor.x,
        "above": lambda item: item.y < anchor.y,
        "below": lambda item: item.y > anchor.y,
    }
    return [item for item in among if beyond[relation](item)]


def test_the_same_arguments_give_the_same_scene_for_ever() -> None:
    asked = ask(DIFFICULTIES["default"], 17, Split.TRAIN)
    assert asked == ask(DIFFICULTIES["default"], 17, Split.TRAIN)
    seen = [(item.name, item.x, item.y, item.mark.value, item.phase) for item in asked.scene.items]
    assert (asked.question, seen) == (PINNED_QUESTION, PINNED_ITEMS)


PINNED_QUESTION = "Which blue item is upright?"
PINNED_ITEMS: list[tuple[str, int, int, str, tuple[int, int]]] = [
    ("blue disc", 355, 111, "upright", (62, 35)),
    ("green triangle", 170, 151, "woven", (29, 31)),
    ("blue diamond", 356, 365, "checked", (46, 2)),
]


@pytest.mark.parametrize("split", Split)
@pytest.mark.parametrize("name", DIFFICULTIES)
def test_every_question_has_exactly_one_right_answer(name: str, split: Split) -> None:
    for seed in range(1000):
        asked = ask(DIFFICULTIES[name], seed, split)
        truth = asked.truth.text if asked.truth.box is None else str(asked.truth.box.corners)
        assert answers(asked) == [truth], (seed, asked.question)


@given(seed=SEEDS, name=st.sampled_from(sorted(DIFFICULTIES)), split=st.sampled_from(Split))
@settings(max_examples=300, deadline=None)
def test_items_lie_in_the_picture_and_apart_and_in_reading_order(seed: int, name: str, split: Split) -> None:
    scene = ask(DIFFICULTIES[name], seed, split).scene
    for item in scene.items:
        assert item.box.x1 >= 0 and item.box.x2 <= scene.side and item.box.y1 >= 0 and item.box.y2 <= scene.side
        assert item.box.intersection(item.mark_box) == item.mark_box and item.box.contains(item.centre)
        if isinstance(item, Widget):
            window = scene.windows[item.window].box
            assert window.intersection(item.box) == item.box
    for one, other in combinations(scene.items, 2):
        assert one.box.intersection(other.box) is None
        if isinstance(one, Widget):
            assert (one.window, one.y) < (other.window, other.y)
        else:
            assert one.y < other.y
    for window, another in combinations(scene.windows, 2):
        assert window.box.x2 < another.box.x1 and window.colour is not another.colour
    assert len({item.name for item in scene.items}) == len(scene.items)


def test_what_is_held_out_is_in_no_scene_that_is_trained_on() -> None:
    for name in DIFFICULTIES:
        for split in (Split.TRAIN, Split.VALIDATION, Split.TEST):
            scenes = [ask(DIFFICULTIES[name], seed, split).scene for seed in range(400)]
            assert not [item.name for scene in scenes for item in scene.items if is_held_out(item)]
        for seed in range(400):
            asked = ask(DIFFICULTIES[name], seed, Split.NOVEL)
            # The answer's own item; a pair's two.
            about = asked.looks if asked.kind is Kind.PAIR else asked.looks[-1:]
            assert all(is_held_out(asked.scene.items[at]) for at in about)


def is_held_out(item: Item | Widget) -> bool:
    if isinstance(item, Widget):
        return (item.colour.value, item.kind.value) in NOVEL_WIDGETS
    return (item.colour.value, item.shape.value) in NOVEL_PAIRS


def test_splits_of_the_same_seeds_share_no_scene() -> None:
    scenes = [ask(DIFFICULTIES["default"], seed, split).scene for split in Split for seed in range(300)]
    assert len(set(scenes)) == len(scenes)


def test_answers_cannot_be_guessed_from_how_often_they_occur() -> None:
    asked = [ask(DIFFICULTIES["default"], seed, Split.TRAIN) for seed in range(4000)]
    kinds = Counter(one.kind for one in asked)
    assert all(850 < kinds[kind] < 1150 for kind in DIFFICULTIES["default"].kinds)
    marks = Counter(one.truth.text for one in asked if one.kind is Kind.MARK)
    assert set(marks) == set(Mark) and max(marks.values()) < 1.4 * min(marks.values())
    same = Counter(one.truth.text for one in asked if one.kind is Kind.PAIR)
    assert 0.44 < same["same"] / same.total() < 0.56
    shapes = Counter(one.truth.text for one in asked if one.kind is Kind.SEARCH)
    assert set(shapes) == set(Shape) and max(shapes.values()) < 1.5 * min(shapes.values())
    # The candidate that has the mark is as often the first in reading order as it is any other.
    first = [len(one.looks) == 1 for one in asked if one.kind in (Kind.SEARCH, Kind.POINT)]
    assert 0.36 < sum(first) / len(first) < 0.48


def test_a_search_looks_on_until_it_has_found() -> None:
    for seed in range(500):
        asked = ask(replace(DIFFICULTIES["hard"], kinds=(Kind.SEARCH, Kind.POINT)), seed, Split.TEST)
        looked = [asked.scene.items[at] for at in asked.looks]
        assert list(asked.looks) == sorted(asked.looks)
        assert [item.mark is asked.sought for item in looked] == [False] * (len(looked) - 1) + [True]
        assert {item.colour for item in looked} == {looked[-1].colour}


@pytest.mark.parametrize("distractor", Distractor)
def test_the_others_share_with_the_asked_one_what_the_difficulty_says(distractor: Distractor) -> None:
    difficulty = Difficulty(items=(4, 5), kinds=(Kind.MARK,), distractor=distractor)
    for seed in range(300):
        asked = ask(difficulty, seed, Split.TRAIN)
        target = asked.scene.items[asked.looks[0]]
        others = [item for item in asked.scene.items if item is not target]
        by_colour = [item for item in others if item.colour is target.colour]
        by_shape = [item for item in others if item.shape is target.shape]
        assert bool(by_colour) is (distractor not in (Distractor.NONE, Distractor.SHAPE))
        assert bool(by_shape) is (distractor not in (Distractor.NONE, Distractor.COLOUR))
        if distractor is Distractor.LOOKALIKE:
            assert any(item.mark is target.mark.lookalike for item in by_colour)


def test_a_share_of_the_marks_is_asked_for_by_relation() -> None:
    difficulty = Difficulty(kinds=(Kind.MARK,), relations=0.5)
    asked = [ask(difficulty, seed, Split.TRAIN) for seed in range(1000)]
    related = [one for one in asked if re.search(r" (of|above|below|to) the ", one.question.removeprefix("What is the mark of the "))]
    assert 0.44 < len(related) / len(asked) < 0.56


@pytest.mark.parametrize(
    "change",
    [
        {"overview": 100},
        {"item_size": 20},
        {"items": (0, 2)},
        {"items": (40, 50)},
        {"kinds": ()},
        {"relations": 1.5},
        {"candidates": (1, 2)},
        {"marks": (Mark.ACROSS,)},
        {"offset": 0},
        {"offset": 110},
        {"crop": 0},
    ],
)
def test_a_difficulty_that_cannot_be_drawn_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(TaskError):
        replace(DIFFICULTIES["default"], **change)  # type: ignore[arg-type]


@pytest.mark.parametrize(("size", "most"), [(32, 60), (48, 33), (64, 18), (96, 8), (128, 4)])
def test_as_many_items_as_a_difficulty_allows_find_room(size: int, most: int) -> None:
    difficulty = Difficulty(items=(min(most, 30), min(most, 30)), item_size=size, kinds=(Kind.MARK,))
    for seed in range(20):
        assert len(ask(difficulty, seed, Split.TRAIN).scene.items) == min(most, 30)


def test_windows_that_find_no_room_are_refused() -> None:
    with pytest.raises(TaskError, match="no room"):
        ask(Difficulty(kinds=(Kind.GUI,), items=(14, 14), item_size=56), 0, Split.TRAIN)
