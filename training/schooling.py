"""A recipe's stages with their data opened: how many steps each has, and which dialog stands at which place of the run."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

from core.crops import CropRule
from core.errors import TrainingError
from core.policies.local.rendering import Rendering
from core.policies.protocol import PolicyCard
from core.records import Split
from training.answers import answer_alone
from training.dialogs import Dialog, dialog_of
from training.learning_rates import Course, LearningRates
from training.order import Order, Part, Placed, by_share
from training.recipe import DrawnScenes, Recipe, Schedule, Stage
from training.sources import DialogSource, Example, FromFiles, digest, has_split, open_source


@dataclass(frozen=True, slots=True)
class Lesson:
    """A stage with its data opened, and how many steps it has."""

    stage: Stage
    sources: tuple[DialogSource, ...]
    steps: int


class Schooling:
    """Everything that is learnt, in order. Raises RecordError and TrainingError for data that cannot be had.

    It can be handed to other processes; none of them changes it.
    """

    def __init__(self, recipe: Recipe, rendering: Rendering, card: PolicyCard) -> None:
        self._recipe, self._rendering, self._card = recipe, rendering, card
        self.lessons = tuple(self._lesson(stage, number) for number, stage in enumerate(recipe.planned()))
        self.rates = LearningRates([_course(lesson) for lesson in self.lessons])
        self.order = Order([self._part(lesson) for lesson in self.lessons], recipe.batch, recipe.seed)
        self.validation, self._validation_shares = self._validation()

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return sum(lesson.steps for lesson in self.lessons)

    @property
    def batch(self) -> int:
        """Dialogs of a step."""
        return self._recipe.batch

    @property
    def crop(self) -> CropRule | None:
        """How the policy is taught to look: as the recipe says, else as the last world draws; None: as its records' domains do."""
        if self._recipe.crop is not None:
            zoom = self._recipe.crop
            return CropRule(zoom.offset, zoom.side, zoom.dot, self._card.factor)
        rules = [source.crop for lesson in self.lessons for source in lesson.sources if source.crop is not None]
        return rules[-1] if rules else None

    @property
    def data_hash(self) -> str:
        """SHA-256 over all data, stage after stage."""
        digests = [digest(source) for lesson in self.lessons for source in lesson.stage.data or ()]
        return hashlib.sha256(" ".join(digests).encode()).hexdigest()

    @property
    def left_out(self) -> int:
        """Records of weight 0, which nothing is learnt from."""
        return sum(source.left_out for lesson in self.lessons for source in lesson.sources if isinstance(source, FromFiles))

    def example(self, placed: Placed) -> Example:
        """A record with its pictures. Raises TrainingError where it cannot be had."""
        return self.lessons[placed.stage].sources[placed.source].example(placed.index)

    def dialog(self, place: int) -> Dialog:
        """What stands at a place of the run. Raises TrainingError, naming the record, where it cannot be shown or is too long."""
        return self.rendered(self.example(self.order[place]))

    def rendered(self, example: Example) -> Dialog:
        """An example as tokens. Raises TrainingError as `dialog` does."""
        images = example.images if len(example.images) > 1 else example.images[0]
        record = answer_alone(example.record) if self._recipe.answers_only else example.record
        return dialog_of(record, images, self._rendering, self._card, most_tokens=self._recipe.max_length)

    def validation_examples(self, most: int) -> list[tuple[DialogSource, int]]:
        """Up to `most` examples to be validated on, each source with its share of them: the source, and the number of the example in it."""
        sizes = [source.size for source in self.validation]
        return [(self.validation[source], index) for source, index in by_share(sizes, self._validation_shares, most)]

    def _lesson(self, stage: Stage, number: int) -> Lesson:
        assert stage.data is not None, "a planned stage has data"
        seeds = [self._recipe.seed * 1_000_003 + 1_009 * number + at for at in range(len(stage.data))]
        once = self._recipe.grpo is not None
        sources = tuple(
            open_source(data, Split.TRAIN, self._card, seed=seed, once=once) for data, seed in zip(stage.data, seeds, strict=True)
        )
        if stage.steps is not None:
            return Lesson(stage, sources, stage.steps)
        sizes = [source.size for source in sources]
        dialogs = sum(size for size in sizes if size is not None) * (stage.epochs or 0)
        return Lesson(stage, sources, max(1, math.ceil(dialogs / self._recipe.batch)))

    def _part(self, lesson: Lesson) -> Part:
        shares = tuple(data.share for data in lesson.stage.data or ())
        sizes = tuple(source.size for source in lesson.sources)
        return Part(lesson.steps * self._recipe.batch, sizes, shares, _Lengths(lesson.sources) if self._recipe.by_length else None)

    def _validation(self) -> tuple[Sequence[DialogSource], Sequence[float]]:
        """The validation split of the last stage's data, which the run is to end at, and the share of each. Empty where there is none."""
        found, shares = [], []
        for at, data in enumerate(self.lessons[-1].stage.data or ()):
            if not has_split(data, Split.VALIDATION):
                continue
            try:
                found.append(open_source(data, Split.VALIDATION, self._card, seed=self._recipe.seed + at, most=self._recipe.evaluate))
            except TrainingError:
                if isinstance(data, DrawnScenes):
                    raise
                # The split has records, and none of these domains or none of a weight: there is nothing to validate on.
                continue
            shares.append(data.share)
        return found, shares


@dataclass(frozen=True, slots=True)
class _Lengths:
    """The length of a stage's dialogs; can be handed to other processes."""

    sources: tuple[DialogSource, ...]

    def __call__(self, source: int, index: int) -> int:
        return self.sources[source].length(index)


def _course(lesson: Lesson) -> Course:
    stage = lesson.stage
    return Course(
        lesson.steps,
        stage.learning_rate or 0.0,
        stage.schedule or Schedule.COSINE,
        stage.warmup or 0.0,
        stage.hold if stage.hold is not None else 0.5,
    )
