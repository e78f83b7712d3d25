"""The real application without Gradio's pages, over a real database of rated traces; PAGE is the page of preferred traces alone."""

from __future__ import annotations

import io
import threading
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

import skimage
import uvicorn
from fastapi import FastAPI
from PIL import Image

from annotations.pictures import PictureStore
from annotations.ratings.values import Correction, Judgement, RatingKind
from annotations.studies.settings import StudySettings
from annotations.studies.values import Study
from app.server import add_routes
from app.services import Services, open_services
from app.settings import settings_from
from core.crops import CropRule
from core.frames import CoordinateFrame
from core.geometry import Point
from core.grammar import TurnText, format_turns, parse
from core.grounding import ground
from core.trace import DomainName, Sample, Trace, Truth, TruthKind

PHOTOGRAPHS = Path(skimage.__file__).parent / "data"
FILES = ("coffee.png", "chelsea.png", "astronaut.png", "rocket.jpg")
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Preferred traces · Saccade</title><link rel="icon" href="data:,"><style>body { margin: 0 }</style></head>
<body><main><h1 style="position: absolute; clip-path: inset(50%)">Saccade</h1><div id="saccade-curate"></div></main>
<script type="module">import('/ui/curate/main.js').then(m => m.mount(document.getElementById('saccade-curate')))</script></body></html>"""
QUESTIONS = (
    "Is the cup left of the spoon?",
    "What colour is the cat's left eye?",
    "Where is the flag?",
    "How many towers stand beside the rocket?",
)


@cache
def photograph(number: int) -> bytes:
    """One of the photographs, another file for each number."""
    image = Image.open(PHOTOGRAPHS / FILES[number % len(FILES)]).convert("RGB").resize((480, 320))
    image.putpixel((0, 0), (number % 256, number // 256, 0))
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def make_trace(pictures: PictureStore, number: int, *, question: str = "", policy: str = "") -> Trace:
    """A trace with three steps, of which every third looks closer; two traces share a picture."""
    picture = pictures.add_bytes(photograph(number // 2), FILES[number // 2 % len(FILES)])
    words = question or QUESTIONS[number // 2 % len(QUESTIONS)]
    sample = Sample(words, DomainName.SPATIAL if number % 3 else DomainName.VISUAL_SEARCH, (picture,), Truth(TruthKind.TEXT, "yes"))
    turns = [
        TurnText(
            f"Number {number}: I see it at (120, 90). Beside it stands another one, at (300, 210).", answer="yes" if number % 4 else "no"
        )
    ]
    if number % 3 == 0:
        turns.insert(0, TurnText("I look closer at (200, 160).", call=(200, 160), observed=True))
    frame = CoordinateFrame.original(picture.size)
    return ground(
        sample, parse(format_turns(turns)), frame, CropRule(60, 224, False), policy=policy or ("grounded-3b", "grounded-7b")[number % 2]
    )


def rate(services: Services, study: Study, people: int, *, seed: int = 0, share: float = 1.0) -> None:
    """Lets people rate a share of the study's steps as a seed has it; who finds one inaccurate often says where the point belongs."""
    random = Random(seed)
    items = services.studies.items(study.id, page_size=500).items
    for person in range(people):
        rater = services.raters.open_by_name(f"Person {person + 1}").id
        for item in items:
            if random.random() > share:
                continue
            accurate = random.choices(["yes", "no", "unsure"], [75, 20, 5])[0]
            moved = Correction(point=Point(240 + person, 160)) if accurate == "no" and random.random() < 0.8 else None
            helpful = str(random.choices([1, 2, 3, 4, 5], [5, 10, 20, 40, 25] if accurate == "yes" else [30, 30, 20, 15, 5])[0])
            judgement = Judgement(RatingKind.RATED, {"accurate": accurate, "helpful": helpful}, moved, seconds=4.0)
            token = f"{study.id}-{person}-{item.id}-{seed}"
            services.ratings.submit(item.id, rater, version_id=study.version_id, trace=item.trace, judgement=judgement, token=token)


@dataclass
class CurateWorld:
    """The services and the address of a running server."""

    services: Services
    url: str

    def study(self, name: str, traces: int = 24, **settings: object) -> Study:
        """A study of so many traces, which are in the store from then on."""
        made = [make_trace(self.services.pictures, number) for number in range(traces)]
        self.services.store.add_traces(made, dataset="photographs")
        return self.services.studies.create(name, StudySettings(**settings))  # type: ignore[arg-type]


@contextmanager
def running(folder: Path) -> Iterator[CurateWorld]:
    """The application over the data in a folder, on a free port of the loopback."""
    with ExitStack() as stack:
        services = stack.enter_context(open_services(settings_from(Namespace(data_dir=folder, runs=[folder / "runs"]), {})))
        app = FastAPI()
        add_routes(app, services)
        server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        stack.callback(thread.join)
        stack.callback(setattr, server, "should_exit", True)
        yield CurateWorld(services, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}")
