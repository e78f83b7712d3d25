"""The page on which models are asked, over the real routes: policies that follow scripts, on a server of this process."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from app.policy_shelf import Progress
from app.services import STATIC
from core.errors import PolicyError
from core.frames import CoordinateFrame, FrameKind
from core.grammar import Message, TurnText, format_turns
from core.policies.conversation import Role, Said
from core.policies.protocol import Policy, PolicyCard, PolicyKind
from core.policies.references import NEEDLE
from core.policies.scripted import ScriptedPolicy
from core.tasks.needle.expert import solve
from core.tasks.needle.splits import Split
from core.tasks.needle.task import NeedleTask, picture_file
from core.tasks.needle.values import DIFFICULTIES
from core.trace import Author
from tests.app.asking_world import AskingWorld, Opening, open_asking, serving_asks
from tests.e2e.hostile_world import ALL, PAYLOADS

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

COFFEE = STATIC / "demo" / "pictures" / "coffee.png"
QUESTION = "What lies on the saucer beside the cup?"
QUICK, SLOW, BROKEN, HELD, HOSTILE = "lab/gaze-3b", "lab/unhurried-3b", "lab/broken-3b", "lab/held-7b", "lab/hostile"
SENTENCE = "lab/broken-3b has no file config.json: name a folder that a checkpoint was saved to with save_pretrained."
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Ask · Saccade</title><link rel="icon" href="data:,"><style>body { margin: 0 }</style></head>
<body><main><h1 style="position: absolute; clip-path: inset(50%)">Saccade</h1><div id="saccade-ask"></div></main>
<script type="module">import('/ui/ask/main.js').then(m => m.mount(document.getElementById('saccade-ask')))</script></body></html>"""

_ANSWERS = ("a spoon", "a spoon", "a small spoon", "a spoon", "a biscuit", "a spoon", "a spoon", "a spoon")


def gazes(messages: tuple[Said, ...], row: int) -> str:
    """Looks at the cup, then at the saucer, then answers; each conversation a little elsewhere."""
    turns = sum(message.role is Role.ASSISTANT for message in messages)
    dx, dy = (row * 37) % 60 - 30, (row * 23) % 40 - 20
    if turns == 0:
        words = f"The cup ({290 + dx}, {190 + dy}) stands in the middle of the picture. Let me look at what is beside it."
        return format_turns([TurnText(words, call=(290 + dx, 190 + dy))])
    if turns == 1:
        words = (
            f"On the saucer there is something long and shiny ({420 + dx}, {290 + dy}), and its handle ends at ({470 + dx}, {330 + dy})."
        )
        return format_turns([TurnText(words, call=(420 + dx, 290 + dy))])
    words = f"It reflects the light, and its bowl ({400 + dx}, {275 + dy}) is round: this is what lies on the saucer."
    return format_turns([TurnText(words, answer=_ANSWERS[row % len(_ANSWERS)])])


def payloads(messages: tuple[Said, ...], row: int) -> str:
    """Writes what would be markup."""
    if not any(message.role is Role.ASSISTANT for message in messages):
        return format_turns([TurnText(f"{PAYLOADS[2]} stands here (290, 190). {ALL}", call=(290, 190))])
    return format_turns([TurnText(f"Here {PAYLOADS[5]} it is (300, 200).", answer=ALL)])


# It is shown scenes as the policy that ships is, and speaks in thousandths as that does.
SMALL = PolicyCard("Needle", PolicyKind.SCRIPTED, FrameKind.NORMALISED, 16, 128 * 128, 128 * 128, crop=DIFFICULTIES["default"].rule(16))
# The scenes that it knows: of the first seeds of each difficulty.
KNOWN = 4


@cache
def _solved() -> dict[str, tuple[Message, ...]]:
    """What an expert says about each of the known scenes, by the hash of its picture."""
    said = {}
    for world in (NeedleTask.named(name) for name in DIFFICULTIES):
        for asked in (world.asked(seed, Split.TEST) for seed in range(KNOWN)):
            frame = CoordinateFrame.normalised(asked.scene.size, known_by="the test")
            said[picture_file(asked.scene)[0]] = solve(asked, frame, world.difficulty.rule(16))
    return said


def finds_needles(messages: tuple[Said, ...], row: int) -> str:
    """Looks and answers as an expert does, where it is asked about a known scene."""
    turns = sum(message.role is Role.ASSISTANT for message in messages)
    asked = next(message for message in messages if message.role is Role.USER)
    said = _solved().get(asked.pictures[0].key.partition("/")[0])
    if said is None:
        return format_turns([TurnText("I have never seen such a scene (500, 500).", answer="nothing")])
    return [one.text for one in said if one.author is Author.MODEL][turns]


# Seconds a word: slow enough that a test sees what happens between two words.
SLOW_PACE = 0.1


class AskOpening(Opening):
    """Opens the policies of this world; `hold` keeps one loading, `mend` lets the broken one load."""

    def __init__(self, pace: float) -> None:
        super().__init__(pace)
        self.mend = threading.Event()
        self.percent = 40.0

    def open(self, reference: str, progress: Progress, stop: threading.Event) -> Policy:
        if reference == BROKEN and not self.mend.is_set():
            raise PolicyError(SENTENCE)
        while reference == HELD and not self.hold.wait(0.02):
            progress("shard 2 of 5 is read", self.percent)
            if stop.is_set():
                raise PolicyError("Loading was stopped.")
        if reference == NEEDLE:
            return ScriptedPolicy(finds_needles, card=SMALL, seconds_per_piece=self.pace)
        pace = SLOW_PACE if reference == SLOW else self.pace
        return ScriptedPolicy(payloads if reference == HOSTILE else gazes, reference, seconds_per_piece=pace)


@dataclass
class AskWorld:
    """A running server: its address, and what is behind it."""

    world: AskingWorld
    opening: AskOpening
    url: str
    coffee: str


@contextmanager
def running(
    folder: Path,
    *,
    pace: float = 0.01,
    named: tuple[str, ...] = (QUICK, SLOW, BROKEN, HELD, HOSTILE),
    demo: bool = True,
    needle: bool = False,
) -> Iterator[AskWorld]:
    """The application without Gradio's pages over the data in a folder."""
    with ExitStack() as stack:
        opening = AskOpening(pace)
        world = stack.enter_context(open_asking(folder, opening=opening, named=named, demo=demo, needle=needle))
        coffee = world.services.pictures.add_bytes(COFFEE.read_bytes(), "coffee.png").sha256
        yield AskWorld(world, opening, stack.enter_context(serving_asks(world)), coffee)


def opened(page: Page, world: AskWorld, query: str = "", theme: str = "light") -> Page:
    """The page, ready to be asked on."""
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    place = re.compile(rf"{re.escape(world.url)}/ask(\?.*)?$")
    page.route(place, lambda route: route.fulfill(body=PAGE, content_type="text/html"))
    page.goto(f"{world.url}/ask{query}")
    # In a narrow window a run that the address names takes the form's place.
    page.locator(".ak-policy").first.wait_for(state="attached")
    return page


def give(page: Page, *, policy: str = QUICK, question: str = QUESTION, samples: int = 1, truth: str = "") -> None:
    """Fills the form: the coffee picture, a question, and who is asked how often."""
    page.locator("input[type=file]").set_input_files(COFFEE)
    page.locator(".ak-picture-name").get_by_text("coffee.png").wait_for()
    page.get_by_label("Question", exact=True).fill(question)
    page.locator(f".ak-policy[data-reference='{policy}'] input").check()
    page.get_by_label("Samples").fill(str(samples))
    page.get_by_label("Right answer (if it is known)").fill(truth)


def state(page: Page) -> Locator:
    """How the run stands, in a word."""
    return page.locator(".ak-run-state")
