"""The application with policies that follow a script, to be asked over its real routes and over a real server on the loopback.

`python -m tests.app.asking_world [FOLDER]` serves it on port 7873 at an unhurried pace, for work on the page in a browser.
"""

from __future__ import annotations

import io
import sys
import tempfile
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from PIL import Image
from starlette.testclient import TestClient

from annotations.demo import seed_demo
from annotations.demo_study import seed_demo_study
from app.live_runs import LiveRuns
from app.policy_list import FILE, PolicyList
from app.policy_opener import opener
from app.policy_shelf import Opener, PolicyShelf, Progress
from app.run_journals import FOLDER, RunJournals
from app.server import add_routes
from app.services import STATIC, Services, open_services
from app.settings import settings_from
from core.errors import PolicyError
from core.grammar import TurnText, format_turns
from core.policies.conversation import Role, Said
from core.policies.protocol import Policy
from core.policies.references import REPLAY
from core.policies.scripted import ScriptedPolicy
from core.trace import Picture

Json = dict[str, Any]
SIZE = (640, 480)
LOOKER, FAILER, SLOW_TO_LOAD = "test/looker", "test/failer", "test/slow-to-load"
QUESTION = "What stands on the table?"


def looks_and_answers(messages: tuple[Said, ...], row: int) -> str:
    """Looks at one place, then at another, then answers: every third conversation says something else."""
    turns = sum(message.role is Role.ASSISTANT for message in messages)
    if turns == 0:
        return format_turns([TurnText("The table (200, 300) stands in the middle. Let me look at it.", call=(200, 300))])
    if turns == 1:
        return format_turns([TurnText("I see a cup at (220, 310), and beside it a plate (320, 200).", call=(320, 200))])
    return format_turns(
        [TurnText("The cup (220, 310) is red, so that is what stands there.", answer="a plate" if row % 3 == 2 else "a red cup")]
    )


def breaks_off(messages: tuple[Said, ...], row: int) -> str:
    """Every other conversation cannot be led."""
    if row % 2:
        raise PolicyError("The script has no words for this conversation.")
    return looks_and_answers(messages, row)


@dataclass
class Opening:
    """How test policies are opened: `hold` keeps test/slow-to-load loading until it is set. `opened` and `closed` are references."""

    pace: float = 0.0
    hold: threading.Event = field(default_factory=threading.Event)
    opened: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)

    def open(self, reference: str, progress: Progress, stop: threading.Event) -> Policy:
        progress("weights are read", 50.0)
        while reference == SLOW_TO_LOAD and not self.hold.wait(0.01):
            if stop.is_set():
                raise PolicyError("Loading was stopped.")
        if reference in self.broken:
            raise PolicyError(self.broken[reference])
        self.opened.append(reference)
        return _Told(self, reference)


class _Told(ScriptedPolicy):
    def __init__(self, opening: Opening, reference: str) -> None:
        script = breaks_off if reference == FAILER else looks_and_answers
        super().__init__(script, reference, seconds_per_piece=opening.pace)
        self._opening = opening

    def close(self) -> None:
        super().close()
        self._opening.closed.append(self.card.name)


def eventually(true: Callable[[], bool], seconds: float = 20.0) -> None:
    """Waits until something is so; however slow the machine, it is given up only long after it should have been."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it never came to be so"
        time.sleep(0.005)


def png(colour: str = "teal", size: tuple[int, int] = SIZE) -> bytes:
    """A picture's file."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


@dataclass
class AskingWorld:
    """The application without Gradio's pages, over services whose policies follow scripts."""

    services: Services
    app: FastAPI
    opening: Opening
    picture: Picture

    def client(self) -> TestClient:
        return TestClient(self.app, base_url="http://127.0.0.1", raise_server_exceptions=False)

    def body(self, **changes: Any) -> Json:
        """The body of a run that is asked."""
        return {"policy": LOOKER, "picture": self.picture.sha256, "question": QUESTION, "domain": "visual_search"} | changes


def with_policies(services: Services, opening: Opening, named: Sequence[str], *, needle: bool = False) -> Services:
    """The same services with test policies on the shelf; recorded runs are those of the store. `needle`: one that ships is among them."""
    real = opener(services.store)

    def open_one(reference: str, progress: Progress, stop: threading.Event) -> Policy:
        return (real if reference.startswith(REPLAY) else opening.open)(reference, progress, stop)

    made: Opener = open_one
    read_only, folder = services.settings.read_only, services.settings.data_dir
    shelf = PolicyShelf(made, PolicyList(named, None if read_only else folder / FILE), needle=needle)
    runs = LiveRuns(shelf, services.store, services.pictures, None if read_only else RunJournals(folder / FOLDER))
    return replace(services, shelf=shelf, runs=runs)


@contextmanager
def open_asking(
    folder: Path,
    *,
    pace: float = 0.0,
    named: Sequence[str] = (LOOKER, FAILER, SLOW_TO_LOAD),
    read_only: bool = False,
    demo: bool = False,
    opening: Opening | None = None,
    needle: bool = False,
) -> Iterator[AskingWorld]:
    """A world over the data in a folder. `pace`: seconds that a word takes; `demo`: with the examples and their study; `opening`: in
    place of the one that opens this module's policies; `needle`: a policy ships, which that opens too."""
    with open_services(settings_from(Namespace(data_dir=folder, read_only=read_only), {})) as opened:
        opening = opening or Opening(pace)
        services = with_policies(opened, opening, named, needle=needle)
        if demo:
            seed_demo(services.store, services.pictures, STATIC / "demo")
            seed_demo_study(services.studies)
        app = FastAPI()
        add_routes(app, services)
        try:
            yield AskingWorld(services, app, opening, services.pictures.add_bytes(png(), "table.png"))
        finally:
            services.close()


@contextmanager
def serving_asks(world: AskingWorld, port: int = 0) -> Iterator[str]:
    """The world on a real server of this process; its address."""
    config = uvicorn.Config(world.app, host="127.0.0.1", port=port, log_level="error", access_log=False, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)


def main(folder: str = "") -> int:
    """Serve until Ctrl-C: the data of a folder on any port, or data that are gone afterwards on port 7873."""
    with (
        tempfile.TemporaryDirectory() as scratch,
        open_asking(Path(folder or scratch), pace=0.1, demo=not folder) as world,
        serving_asks(world, 0 if folder else 7873) as address,
    ):
        sys.stderr.write(f"The routes of asking are at {address}\n")
        sys.stderr.flush()
        threading.Event().wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
