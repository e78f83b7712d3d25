"""Switching steps in a real browser on a 12-megapixel picture: from the key press to the next painted frame."""

from __future__ import annotations

import io
import random
from pathlib import Path

from PIL import Image

from annotations.database import open_database, sqlite_url
from annotations.pictures import PictureStore
from annotations.store import Store
from app.bench.report import Figure
from app.bench.serving import serving
from app.settings import DATABASE_FILE
from core.crops import CropRule
from core.errors import StartError
from core.frames import CoordinateFrame
from core.geometry import Size
from core.grammar import TurnText, format_turns, parse
from core.grounding import ground
from core.trace import DomainName, Picture, Sample, Trace, Truth, TruthKind

_SIZE = Size(4000, 3000)
_STEPS = 12
_FLAGS = "--no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update --disable-sync"
# The viewer measures each switch itself, from its call until the frame that shows it has been handed to the screen.
_SWITCHED = "(count) => performance.getEntriesByName('saccade:step').length >= count"
_DURATIONS = "() => performance.getEntriesByName('saccade:step').map((entry) => entry.duration)"
_FRAME = """
async () => {
  const times = [];
  for (let frame = 0; frame < 61; frame += 1) times.push(await new Promise((done) => requestAnimationFrame(done)));
  return times.slice(1).map((time, at) => time - times[at]);
}
"""


def run(folder: Path, *, repeats: int = 60, seed: int = 0, chromium: str = "/usr/bin/chromium") -> list[Figure]:
    """Milliseconds of a step switch, beside those of a frame. Raises StartError where no browser is found."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise StartError("The browser is driven by Playwright: `python3 launch.py test` installs it, then measure again.") from error
    if not Path(chromium).exists():
        raise StartError(f"There is no browser at {chromium}: install Chromium (on Debian: apt-get install chromium).")
    trace_id = _prepare(folder, seed)
    with serving(folder) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_FLAGS.split())
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{server.address}/?trace={trace_id}&step=1")
        page.wait_for_selector(".sc-step")
        page.locator(".sc-picture").first.evaluate("(image) => image.decode()")
        page.wait_for_timeout(500)
        frames = page.evaluate(_FRAME)
        page.evaluate("() => performance.clearMeasures('saccade:step')")
        for at in range(repeats):
            page.keyboard.press("ArrowRight" if at // (_STEPS - 1) % 2 == 0 else "ArrowLeft")
            page.wait_for_function(_SWITCHED, arg=at + 1)
        switches = page.evaluate(_DURATIONS)
        browser.close()
    return [
        Figure("a frame of this browser, with nothing to do", tuple(frames), "ms"),
        Figure("step switch until it is on the screen (12 megapixels)", tuple(switches), "ms", "under 50"),
    ]


def _prepare(folder: Path, seed: int) -> str:
    pictures = PictureStore(folder / "pictures")
    database = open_database(sqlite_url(folder / DATABASE_FILE))
    try:
        trace = _trace(pictures.add_bytes(_photograph(seed), "noise.jpg"), seed)
        Store(database).add_trace(trace, dataset="bench")
        return trace.content_hash
    finally:
        database.close()


def _photograph(seed: int) -> bytes:
    """Twelve megapixels of coloured clouds: as much to decode and to paint as in a photograph."""
    draw = random.Random(seed)
    small = Image.frombytes("RGB", (200, 150), draw.randbytes(200 * 150 * 3))
    buffer = io.BytesIO()
    small.resize((_SIZE.width, _SIZE.height), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _trace(picture: Picture, seed: int) -> Trace:
    draw = random.Random(seed)
    turns = [
        TurnText(f"Something is at ({x}, {y}).", call=(x, y), observed=True)
        for x, y in ((draw.randrange(_SIZE.width), draw.randrange(_SIZE.height)) for _ in range(_STEPS))
    ]
    parsed = parse(format_turns([*turns, TurnText("That is all.", answer="clouds")]))
    sample = Sample("What is in the picture?", DomainName.VISUAL_SEARCH, (picture,), Truth(TruthKind.TEXT, "clouds"))
    return ground(sample, parsed, CoordinateFrame.original(picture.size), CropRule(182, 672, False), policy="bench")
