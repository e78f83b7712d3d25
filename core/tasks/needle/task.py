"""The needle world as others meet it: tasks for a rollout, records to learn from, and the judge of both.

    world = NeedleTask.named("default")
    task = world.task(17, Split.TEST)                    # a sample and its picture, for core.rollout and for training environments
    record = world.record(17, Split.TRAIN, card)         # the expert's conversation, in the numbers of that policy
    asked_of(record)                                     # the scene again, from the record alone

Pictures need not be stored: the same difficulty, seed and split draw them again.
"""

from __future__ import annotations

import hashlib
import io
import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from PIL import Image
from pydantic import TypeAdapter

from core.domains import judge_trace
from core.errors import TaskError
from core.geometry import Size
from core.judges import Verdict
from core.policies.protocol import PolicyCard, frame_of, shown_size
from core.records import CuratedRecord, Provenance
from core.records import Split as RecordSplit
from core.rollout.values import MAX_PICTURES, MAX_TURNS, RolloutSettings, Task
from core.tasks.needle.chance import WORLD
from core.tasks.needle.drawing import draw
from core.tasks.needle.expert import EXPERT, trace_of
from core.tasks.needle.manners import Manner
from core.tasks.needle.scenes import ask
from core.tasks.needle.splits import Split
from core.tasks.needle.values import DIFFICULTIES, Asked, Difficulty, Kind, Scene
from core.trace import DomainName, Picture, Sample, Trace, canonical_json

_RECORD_SPLITS = {
    Split.TRAIN: RecordSplit.TRAIN,
    Split.VALIDATION: RecordSplit.VALIDATION,
    Split.TEST: RecordSplit.TEST,
    Split.NOVEL: RecordSplit.TEST,
}


@dataclass(frozen=True, slots=True)
class NeedleTask:
    """The world at one difficulty. `name` stands in samples and records; it is "own" for a difficulty that has none."""

    difficulty: Difficulty
    name: str = "own"

    @classmethod
    def named(cls, name: str) -> NeedleTask:
        """The world at a difficulty of that name. Raises TaskError, with the names there are, for another one."""
        if name not in DIFFICULTIES:
            raise TaskError(f"The needle world has no difficulty {name!r}: choose from {', '.join(DIFFICULTIES)}.")
        return cls(DIFFICULTIES[name], name)

    def asked(self, seed: int, split: Split) -> Asked:
        """The scene and its question. Raises TaskError where its items find no room."""
        return ask(self.difficulty, seed, split)

    def sample(self, asked: Asked, *, picture: str | None = None) -> Sample:
        """The question with its truth; the picture's name is `picture`, and that of its drawing (`drawn_name`) where there is none."""
        domain = DomainName.WEB_GROUNDING if asked.kind is Kind.GUI else DomainName.VISUAL_SEARCH
        name = f"needle/{self.name}/{asked.split}/{asked.seed}"
        named = Picture(picture or drawn_name(asked.scene), asked.scene.size, name=f"{name.replace('/', '-')}.png")
        return Sample(asked.question, domain, (named,), asked.truth, name)

    def task(self, seed: int, split: Split, *, samples: int = 1, encoded: bool = True) -> Task:
        """The question as a rollout asks it, with its picture.

        encoded  the picture is named as everywhere in this house, by the SHA-256 of its PNG file (`picture_file`), so that its traces can
                 be imported beside it. Without, it is named by its drawing, which costs nothing: for training environments.
        """
        asked = self.asked(seed, split)
        image = draw(asked.scene)
        return Task(self.sample(asked, picture=_sha256(_png(image)) if encoded else None), image, samples)

    def tasks(self, seeds: Iterable[int], split: Split) -> Iterator[Task]:
        """The questions of these seeds, one after the other."""
        return (self.task(seed, split) for seed in seeds)

    def settings(self, card: PolicyCard, base: RolloutSettings | None = None) -> RolloutSettings:
        """How the questions are asked of a policy: as `base` has it, with this world's crops.

        Without `base` as the paper asks, and with no fewer turns and pictures than the longest search takes, and one wrong look.
        """
        if base is None:
            looks = self.difficulty.most_looks + 1
            base = RolloutSettings(max_turns=max(MAX_TURNS, looks + 2), max_pictures=max(MAX_PICTURES, looks + 2))
        return replace(base, crop=self.difficulty.rule(card.factor))

    def judge(self, trace: Trace) -> Verdict:
        """Did the trace end with the right answer? The same judge as everywhere."""
        return judge_trace(trace)

    def unfit(self, card: PolicyCard) -> str:
        """Why this world tells nothing of that policy's looking, in a sentence; "" where looking is needed and shows the marks."""
        scene = self.difficulty.side
        shown, raster = shown_size(card, self._size), frame_of(card, self._size).raster
        if shown.width > self.difficulty.overview or self.difficulty.overview % shown.width:
            return (
                f"{card.name} is shown a scene of {scene} px in {shown} px, where marks may be seen without looking: the overview has to "
                f"be {self.difficulty.overview} px wide, or a whole part of that."
            )
        if raster.width < scene:
            return f"{card.name} is given crops of a picture of {raster} px, in which no mark is left: its numbers have to be thousandths."
        return ""

    def record(
        self,
        seed: int,
        split: Split,
        card: PolicyCard,
        *,
        manner: Manner = Manner.LOOKS,
        misses: float = 0.0,
        repeats: float = 0.0,
        unseen: float = 0.0,
        system_prompt: str | None = None,
        weight: float = 1.0,
        encoded: bool = False,
    ) -> CuratedRecord:
        """The expert's conversation about a scene as a record to learn from, with points in the numbers of that policy.

        Its provenance holds world, difficulty, seed and split, from which `asked_of` has the scene again. The picture is named by its
        drawing (`drawn_name`), so that nothing has to be drawn here; with `encoded` by its PNG file, to be stored beside the record.

        manner           how the question is answered; its system prompt stands where there is no `system_prompt`
        misses, repeats  share of the conversations in which the first look goes wide and is corrected, and how often all points are said
                         again (see `solve`); drawn from the seed
        unseen           share of those in which something is never seen, and the answer is a guess

        Raises TaskError where the policy's crops could not show a mark.
        """
        asked = self.asked(seed, split)
        picture = picture_file(asked.scene)[0] if encoded else None
        trace = trace_of(
            asked,
            self.sample(asked, picture=picture),
            frame_of(card, asked.scene.size),
            self.difficulty.rule(card.factor),
            manner=manner,
            system_prompt=system_prompt,
            rng=random.Random(f"{WORLD}/misses/{split}/{seed}"),
            misses=misses,
            repeats=repeats,
            unseen=unseen,
        )
        provenance = Provenance(_rule(self.difficulty, seed, split), dataset=f"needle/{self.name}", policy=EXPERT)
        return CuratedRecord.from_trace(trace, provenance, weight=weight, split=_RECORD_SPLITS[split])

    @property
    def _size(self) -> Size:
        return Size(self.difficulty.side, self.difficulty.side)


def drawn_name(scene: Scene) -> str:
    """64 hexadecimal digits that name a scene's picture before it is drawn: the SHA-256 of everything that it is drawn from."""
    return _sha256(f"{WORLD} ".encode() + _scene_adapter().dump_json(scene))


def picture_file(scene: Scene) -> tuple[str, bytes]:
    """The scene's picture as a PNG file, and the SHA-256 of its bytes, by which the house names it.

    The pixels are the same everywhere; how a PNG packs them is the library's own affair, and with it the name.
    """
    data = _png(draw(scene))
    return _sha256(data), data


def asked_of(record: CuratedRecord) -> Asked:
    """The scene and the question that a record of this world was made from. Raises TaskError for a record of another origin."""
    try:
        origin = json.loads(record.provenance.rule)
        if not isinstance(origin, dict) or origin["world"] != WORLD:
            raise KeyError("world")
        difficulty = _read_difficulty(canonical_json(origin["difficulty"]))
        return ask(difficulty, int(origin["seed"]), Split(origin["split"]))
    except (KeyError, TypeError, ValueError) as error:
        raise TaskError(f"The record was not made in {WORLD!r}, or not as this program does: {record.provenance.rule:.120}.") from error


def image_of(record: CuratedRecord) -> Image.Image:
    """The picture of a record of this world, drawn again. Raises TaskError as `asked_of` does."""
    return draw(asked_of(record).scene)


def _rule(difficulty: Difficulty, seed: int, split: Split) -> str:
    return canonical_json({"difficulty": json.loads(_written(difficulty)), "seed": seed, "split": split.value, "world": WORLD})


@lru_cache(maxsize=32)
def _written(difficulty: Difficulty) -> str:
    return canonical_json(_difficulty_adapter().dump_python(difficulty, mode="json"))


@lru_cache(maxsize=32)
def _read_difficulty(text: str) -> Difficulty:
    return _difficulty_adapter().validate_json(text)


@cache
def _scene_adapter() -> TypeAdapter[Scene]:
    return TypeAdapter(Scene)


@cache
def _difficulty_adapter() -> TypeAdapter[Difficulty]:
    return TypeAdapter(Difficulty)


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    # The noise does not pack any better with more effort.
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
