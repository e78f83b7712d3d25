"""What a study asks, of which steps, and in which words: frozen values with a JSON form. The defaults are the paper's task.

Source of the task: "Grounded Reinforcement Learning for Visual Reasoning" (arXiv 2505.23678), its human evaluation: a picture with a
blue circle of 100 by 100 pixels around the point, one sentence in which the coordinate is replaced, whether the circle overlaps what
is described (yes, no, unsure; unsure is not scored), and on a five-point Likert scale whether the circle helped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from functools import cache
from typing import Any, ClassVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from core.errors import StudyError
from core.trace import canonical_json

MAX_TEXT = 20_000
MAX_PLACES = 100
# The largest number that a browser, too, takes as it is.
MAX_NUMBER = 2**53 - 1
MAX_PARTS = 1_000
COORDINATE = "(x, y)"


class Measure(StrEnum):
    """What the answers to a question are counted as."""

    ACCURACY = "accuracy"
    """Scores of 0 and 1: their mean is the headline accuracy."""
    HELPFULNESS = "helpfulness"
    """Scores on a scale: their mean is the headline helpfulness, also apart for steps judged accurate and not."""
    OTHER = "other"
    """Any further question: its mean and agreement are shown."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An answer: its name in the data, its words, the key that gives it, and its score; None is counted and never scored."""

    value: str
    label: str
    key: str
    score: float | None


@dataclass(frozen=True, slots=True)
class Question:
    """A question about a step. `low` and `high` are the words at the ends of a scale; empty where every choice says its own."""

    id: str
    text: str
    measure: Measure
    choices: tuple[Choice, ...]
    low: str = ""
    high: str = ""


class CircleUnit(StrEnum):
    PIXELS = "pixels"
    """Pixels of the upright original picture, as in the paper."""
    WIDTH = "percent of width"
    """Hundredths of the picture's width, for pictures of very different sizes."""


@dataclass(frozen=True, slots=True)
class Circle:
    """The mark at the point: its diameter in `unit`, and its colour as #rrggbb."""

    diameter: float = 100.0
    unit: CircleUnit = CircleUnit.PIXELS
    color: str = "#00BFFF"


@dataclass(frozen=True, slots=True)
class Example:
    """A worked example of the instructions: a picture, the point in its original pixels, a sentence, the answer and the reason.

    picture   a file of static/demo/pictures, or the content hash of a picture in the store
    sentence  with `(x, y)` where the words for the coordinate will stand
    answer    the name of a choice of the first question
    """

    picture: str
    x: float
    y: float
    sentence: str
    answer: str
    why: str


class StepChoice(StrEnum):
    ALL = "all"
    FIRST = "first"
    """Only the first step of a trace that can be asked about."""
    LAST = "last"
    LOOKED = "looked"
    """Only steps that zoomed in."""


class StepOrder(StrEnum):
    BY_TRACE = "by_trace"
    """Traces in an order drawn for each rater; the steps of a trace one after the other."""
    SHUFFLED = "shuffled"
    """All steps in an order drawn for each rater."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which steps are asked: those with a point inside the picture, of the traces that these filters leave; empty: of any.

    traces            at most so many traces, drawn by the study's seed; 0: all
    steps_per_trace   at most so many steps of each, drawn by the seed; 0: all
    min_words         steps with fewer words are not asked, because they say too little to be judged
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    datasets: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    traces: int = 0
    steps: StepChoice = StepChoice.ALL
    steps_per_trace: int = 0
    min_words: int = 3


ACCURATE = Question(
    "accurate",
    "Does the circle overlap what the sentence describes?",
    Measure.ACCURACY,
    (Choice("yes", "Yes", "y", 1.0), Choice("no", "No", "n", 0.0), Choice("unsure", "Unsure", "u", None)),
)
HELPFUL = Question(
    "helpful",
    "The circle helped me understand the sentence.",
    Measure.HELPFULNESS,
    tuple(Choice(str(n), str(n), str(n), float(n)) for n in range(1, 6)),
    "strongly disagree",
    "strongly agree",
)
INSTRUCTIONS = """You will see a picture with a circle in it, and one sentence that refers to the circle.

Read the sentence, find what it describes in the picture, and answer two questions.

Does the circle overlap what the sentence describes? Answer Yes if any part of it lies inside the circle, No if all of it lies outside, \
and Unsure if you cannot tell.

Then say how far you agree that the circle helped you understand the sentence, from 1 (strongly disagree) to 5 (strongly agree)."""
# One Yes and one No, as in the paper; the pictures and the sentences are ours. The Yes is one that only a part of the region makes.
PAPER_EXAMPLES = (
    Example(
        "coffee.png",
        356,
        158,
        "The coffee (x, y) fills less than half of the cup.",
        "yes",
        "The coffee's right edge lies inside the circle. Most of the circle lies on the cup, but any part is enough.",
    ),
    Example(
        "coffee.png",
        106,
        146,
        "The dark background (x, y) begins behind the edge of the table.",
        "no",
        "The dark background is in the upper left corner. The circle comes near it but lies wholly on the table and the saucer.",
    ),
)


@dataclass(frozen=True, slots=True)
class StudySettings:
    """A version of a study. Raises StudyError, with the value and the mend, for settings that nobody could rate by.

    replacement       stands in the sentence where the coordinate was
    ratings_per_item  N: how many different raters judge each step
    lease_minutes     how long a step is kept for a rater who has opened it and does nothing
    own_point_first   the rater marks the place before the model's is shown
    corrections       the point may be moved, or a box drawn
    show_question     the question that the model was asked is shown above the sentence
    skip_reasons      what a rater may give as the reason for skipping; free text is always possible
    seed              of the draw of traces and steps, and of each rater's order
    """

    # A misspelt name must not leave a setting as it was.
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    selection: Selection = Selection()
    questions: tuple[Question, ...] = (ACCURATE, HELPFUL)
    circle: Circle = Circle()
    replacement: str = "[shown with blue circle]"
    instructions: str = INSTRUCTIONS
    examples: tuple[Example, ...] = PAPER_EXAMPLES
    ratings_per_item: int = 3
    lease_minutes: float = 30.0
    order: StepOrder = StepOrder.BY_TRACE
    own_point_first: bool = False
    corrections: bool = True
    show_question: bool = False
    skip_reasons: tuple[str, ...] = (
        "The sentence cannot be understood alone",
        "The picture does not load or is too unclear",
        "Disturbing content",
    )
    seed: int = 0

    def __post_init__(self) -> None:
        _check(self)

    def question(self, measure: Measure) -> Question | None:
        """The first question that is counted as `measure`."""
        return next((question for question in self.questions if question.measure is measure), None)

    def to_json(self) -> dict[str, Any]:
        """The settings as JSON values; `from_json` gives equal settings back."""
        document: dict[str, Any] = _adapter().dump_python(self, mode="json")
        return document

    @classmethod
    def from_json(cls, document: Any) -> StudySettings:
        """The settings of a JSON document; what it leaves out is as in the paper. Raises StudyError with the place and the reason."""
        try:
            return _adapter().validate_python(document)
        except ValidationError as error:
            first = error.errors()[0]
            if isinstance(refused := first.get("ctx", {}).get("error"), StudyError):
                raise refused from error
            place = ".".join(str(part) for part in first["loc"]) or "the settings"
            raise StudyError(f"These are no settings of a study: {place}: {first['msg'].rstrip('.')}.") from error

    @property
    def asks(self) -> str:
        """What is asked, without its words: ratings under versions that ask the same may be counted together."""
        asked = [[q.id, q.measure.value, [[c.value, c.score] for c in q.choices]] for q in self.questions]
        return canonical_json({"questions": asked})


def _check(settings: StudySettings) -> None:
    for value in _values(settings):
        _check_value(value)
    _check_questions(settings.questions)
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", settings.circle.color):
        raise StudyError(f"The circle's colour is written as #rrggbb, for example #00BFFF, not {settings.circle.color!r:.40}.")
    most = 2000 if settings.circle.unit is CircleUnit.PIXELS else 100
    if not 0 < settings.circle.diameter <= most:
        raise StudyError(f"The circle's diameter is more than 0 and at most {most} {settings.circle.unit}, not {settings.circle.diameter}.")
    if not 1 <= settings.ratings_per_item <= MAX_PLACES:
        raise StudyError(f"Each step is rated by 1 to {MAX_PLACES} people, not {settings.ratings_per_item}.")
    if not 0.01 <= settings.lease_minutes <= 10_080:
        raise StudyError(f"A step is kept for a rater for 0.01 to 10,080 minutes (a week), not {settings.lease_minutes}.")
    if not settings.replacement.strip():
        raise StudyError("The words that stand for the coordinate must not be empty: write for example [shown with blue circle].")
    for example in settings.examples:
        if not re.fullmatch(r"[0-9A-Za-z_-]+(\.(png|jpg))?", example.picture):
            raise StudyError(f"An example's picture is named by its file in the demo or by its content hash, not {example.picture!r:.80}.")
    counts = (settings.selection.traces, settings.selection.steps_per_trace, settings.selection.min_words)
    if min(counts) < 0:
        raise StudyError(f"The numbers of traces, steps and words are 0 or more, not {min(counts)}.")


def _values(part: Any) -> Iterator[Any]:
    """Everything that the settings say, down to single texts and numbers, and each list before what is in it."""
    if is_dataclass(part):
        for name in fields(part):
            yield from _values(getattr(part, name.name))
        return
    yield part
    if isinstance(part, tuple):
        for inner in part:
            yield from _values(inner)


def _check_value(value: Any) -> None:
    """Raises StudyError for what no database or no page could keep as it is."""
    if isinstance(value, tuple) and len(value) > MAX_PARTS:
        raise StudyError(f"A list of a study has at most {MAX_PARTS:,} entries, not {len(value)}: shorten it.")
    # Put so that it refuses what is no number too.
    if isinstance(value, int | float) and not abs(value) <= MAX_NUMBER:
        raise StudyError(f"A number of a study is between -{MAX_NUMBER} and {MAX_NUMBER}, and not another: write it smaller.")
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise StudyError(f"A text of a study has at most {MAX_TEXT:,} characters: shorten it.")
        if "\0" in value or value.encode(errors="ignore").decode() != value:
            raise StudyError(f"The text {value!r:.60} holds a NUL or half of a character: write it anew.")


def _check_questions(questions: tuple[Question, ...]) -> None:
    if not questions:
        raise StudyError("A study needs at least one question.")
    ids = [question.id for question in questions]
    keys = [choice.key for question in questions for choice in question.choices]
    if len(set(ids)) < len(ids):
        raise StudyError(f"Two questions have the same name: give each its own, instead of {', '.join(ids)}.")
    if twice := sorted({key for key in keys if keys.count(key) > 1}):
        raise StudyError(f"The key {twice[0]!r} gives two answers: give each answer a key of its own.")
    for question in questions:
        _check_question(question)


def _check_question(question: Question) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,40}", question.id):
        raise StudyError(f"A question's name is of small letters, digits and underscores, not {question.id!r:.60}.")
    if not question.text.strip():
        raise StudyError(f"The question {question.id!r} has no text.")
    values = [choice.value for choice in question.choices]
    if len(values) < 2 or len(set(values)) < len(values):
        raise StudyError(f"The question {question.id!r} needs at least two answers with different names.")
    if any(not re.fullmatch(r"\S{1,40}", choice.value) or len(choice.key) != 1 or choice.key.isspace() for choice in question.choices):
        raise StudyError(f"Each answer of {question.id!r} needs a name of 1 to 40 signs without blanks, and a key of one sign.")
    scores = {choice.score for choice in question.choices} - {None}
    if question.measure is Measure.ACCURACY and scores != {0.0, 1.0}:
        raise StudyError(f"The answers of {question.id!r} are counted as accuracy: score them 0 and 1, or not at all.")
    if len(scores) < 2:
        raise StudyError(f"At least two answers of {question.id!r} need different scores, or nothing can be counted.")


@cache
def _adapter() -> TypeAdapter[StudySettings]:
    return TypeAdapter(StudySettings)
