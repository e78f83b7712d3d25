"""A study's settings: the paper's by default, whole as JSON, and refused where nobody could rate by them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from annotations.studies.sentences import example_parts
from annotations.studies.settings import ACCURATE, Circle, CircleUnit, Measure, StudySettings
from app.services import STATIC
from core.errors import StudyError

PAPER = StudySettings()


def test_the_defaults_are_the_task_of_the_paper() -> None:
    assert (PAPER.circle, PAPER.replacement) == (Circle(100, CircleUnit.PIXELS, "#00BFFF"), "[shown with blue circle]")
    accurate, helpful = PAPER.question(Measure.ACCURACY), PAPER.question(Measure.HELPFULNESS)
    assert accurate is not None and helpful is not None
    assert {choice.label: choice.score for choice in accurate.choices} == {"Yes": 1, "No": 0, "Unsure": None}
    assert [choice.score for choice in helpful.choices] == [1, 2, 3, 4, 5]
    assert [example.answer for example in PAPER.examples] == ["yes", "no"]


def test_the_worked_examples_show_a_circle_inside_a_picture_that_is_there() -> None:
    for example in PAPER.examples:
        with Image.open(STATIC / "demo" / "pictures" / example.picture) as picture:
            assert 50 <= example.x <= picture.width - 50 and 50 <= example.y <= picture.height - 50
        assert [part.text for part in example_parts(example, PAPER.replacement) if part.circle] == [PAPER.replacement]
        assert "(x, y)" not in "".join(part.text for part in example_parts(example, PAPER.replacement))
        assert example.answer in {choice.value for choice in ACCURATE.choices}


def test_settings_come_back_from_json_and_what_is_left_out_is_the_papers() -> None:
    changed = replace(PAPER, ratings_per_item=5, circle=Circle(8, CircleUnit.WIDTH, "#ff0000"), seed=3)
    assert StudySettings.from_json(changed.to_json()) == changed
    assert StudySettings.from_json({"ratings_per_item": 5}) == replace(PAPER, ratings_per_item=5)
    assert StudySettings.from_json({}) == PAPER


OTHER = {"id": "a", "text": "t", "measure": "other"}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"circle": {"diametre": 3}}, "diametre"),
        ({"seed": 10**400}, "A number of a study"),
        ({"seed": float("nan")}, "seed"),
        ({"circle": {"diameter": float("nan")}}, "A number of a study"),
        ({"circle": {"diameter": 0}}, "diameter is more than 0"),
        ({"circle": {"color": "blue"}}, "#rrggbb"),
        ({"selection": {"datasets": ["a\0"]}}, "NUL"),
        ({"selection": {"datasets": ["\ud800"]}}, "half of a character"),
        ({"selection": {"policies": ["a"] * 1001}}, "at most 1,000 entries"),
        ({"selection": {"traces": -1}}, "0 or more"),
        ({"questions": []}, "at least one question"),
        ({"questions": [{**OTHER, "choices": [{"value": "a", "label": "a", "key": "a", "score": 1.0}]}]}, "at least two answers"),
        ({"instructions": "a" * 20_001}, "at most 20,000 characters"),
        ({"replacement": "  "}, "must not be empty"),
        ({"ratings_per_item": 0}, "1 to 100 people"),
        ({"examples": [{"picture": "../secret", "x": 1, "y": 1, "sentence": "", "answer": "", "why": ""}]}, "An example's picture"),
        ([], "no settings of a study"),
        (None, "no settings of a study"),
    ],
)
def test_settings_that_nobody_could_rate_by_are_refused(document: Any, said: str) -> None:
    with pytest.raises(StudyError, match=said):
        StudySettings.from_json(document)


def test_what_is_asked_does_not_depend_on_its_words() -> None:
    """Ratings under a version with other words may be counted together, those to other choices may not."""
    reworded = replace(PAPER, questions=(replace(ACCURATE, text="Is it there?"), *PAPER.questions[1:]))
    fewer = replace(PAPER, questions=(replace(ACCURATE, choices=ACCURATE.choices[:2]), *PAPER.questions[1:]))
    assert reworded.asks == PAPER.asks != fewer.asks
