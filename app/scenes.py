"""Scenes of the needle world, to be asked about in the app: how hard they are made, one as the page takes it, and whom they suit."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from annotations.documents import MAX_INTEGER
from app.policy_shelf import PolicyShelf
from app.view import picture_view
from app.words import DOMAIN_TITLES
from core.policies.references import is_replay
from core.tasks.needle.splits import Split
from core.tasks.needle.task import NeedleTask, picture_file
from core.tasks.needle.values import DIFFICULTIES, Difficulty, Distractor, Kind
from core.trace import Picture, Sample

Json = dict[str, Any]

USUAL = "default"
FIRST = 0
"""The seed of the scene that a newcomer finds: one for all, so that its picture is stored once."""
# Seeds are drawn below this number: short enough to be read out, and to stand in a paper.
_DRAWN_BELOW = 1_000_000

_TITLES: Mapping[str, str] = MappingProxyType({"easy": "Easy", USUAL: "Default", "hard": "Hard", "gui": "Windows"})
_RECORDED = "Recorded runs answer only what was recorded: choose a model to ask about a drawn scene."


@dataclass(frozen=True, slots=True)
class DrawnScene:
    """A scene of the test split with its question.

    sample  its picture is known by the hash of `file`, which is a PNG
    looks   how many an expert needs who knows nothing but the overview
    """

    difficulty: str
    seed: int
    sample: Sample
    file: bytes
    looks: int


def draw_scene(difficulty: str, seed: int | None = None) -> DrawnScene:
    """The scene of that seed, always the same one; None: of a seed drawn by chance. Raises TaskError for a difficulty that there is not."""
    world = NeedleTask.named(difficulty)
    seed = secrets.randbelow(_DRAWN_BELOW) if seed is None else seed
    asked = world.asked(seed, Split.TEST)
    sha256, file = picture_file(asked.scene)
    return DrawnScene(difficulty, seed, world.sample(asked, picture=sha256), file, len(asked.looks))


def scene_view(scene: DrawnScene, picture: Picture, unfit: str | None) -> Json:
    """A scene as the page takes it. `picture`: as it was kept; `unfit`: why it does not suit the chosen policy."""
    sample = scene.sample
    return {
        "difficulty": scene.difficulty,
        "title": _TITLES[scene.difficulty],
        "seed": scene.seed,
        "split": Split.TEST.value,
        "picture": picture_view(picture),
        "question": sample.question,
        "domain": sample.domain.value,
        "domain_title": DOMAIN_TITLES[sample.domain],
        "truth": {"kind": sample.truth.kind.value, "text": str(sample.truth.text)},
        "looks": scene.looks,
        "unfit": unfit,
    }


def scenes_view() -> Json:
    """What can be drawn: the difficulties in their order, the one that is drawn where nobody chose, and the scene that comes first."""
    difficulties = [{"name": name, "title": _TITLES[name], "words": _words(one)} for name, one in DIFFICULTIES.items()]
    return {"difficulties": difficulties, "default": USUAL, "first": FIRST, "most": MAX_INTEGER}


def unfit_view(shelf: PolicyShelf, reference: str) -> Json | None:
    """By difficulty, why its scenes tell nothing of a policy, "" where they do; None while it has not been opened.

    Raises NotFound for a policy that is not on the shelf.
    """
    card = shelf.card(reference)
    if is_replay(reference):
        return dict.fromkeys(DIFFICULTIES, _RECORDED)
    return None if card is None else {name: NeedleTask.named(name).unfit(card) for name in DIFFICULTIES}


def _words(difficulty: Difficulty) -> str:
    """A difficulty in one sentence, from its own numbers."""
    low, high = difficulty.items
    most = difficulty.most_looks
    looks = f"{'one look' if most == 1 else f'up to {most} looks'}"
    if Kind.GUI in difficulty.kinds:
        return f"Two windows with {low} to {high} buttons, sliders, tabs and check boxes, one to be pointed at: {looks}."
    if difficulty.kinds == (Kind.MARK,):
        return f"{low} or {high} large shapes that have nothing in common, one to be described: {looks}."
    alike = "small shapes with marks that are easily mistaken" if difficulty.distractor is Distractor.LOOKALIKE else "shapes, some alike"
    return f"{low} to {high} {alike}, to be described, compared or found: {looks}."
