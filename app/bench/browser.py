"""Switching steps in a real browser on a 12-megapixel picture: from the key press to the next painted frame."""

from __future__ import annotations

import io
import random
from pathlib import Path

from PIL import Image

from annotations.database import open_database
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
# From the key press until the frame after the one that shows it has begun, and the work of the page alone.
_SWITCH = """
async (key) => {
  performance.clearMeasures('saccade:step');
  const pressed = performance.now();
  document.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const painted = performance.now() - pressed;
  const work = performance.getEntriesByName('saccade:step').map((entry) => entry.duration);
  return { painted, work: work.reduce((sum, one) => sum + one, 0), switches: work.length };
}
"""


def run(folder: Path, *, repeats: int = 60, seed: int = 0, chromium: str = "/usr/bin/chromium") -> list[Figure]:
    """Milliseconds of a step switch: the page's own work, and until it is painted. Raises StartError where no browser is found."""
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
        page.goto(f"{server.address}/?trace={trace_id}")
        page.wait_for_selector(".sc-step")
        page.locator(".sc-picture").first.evaluate("(image) => image.decode()")
        page.wait_for_timeout(500)
        switches = [page.evaluate(_SWITCH, "ArrowRight" if at // (_STEPS - 1) % 2 == 0 else "ArrowLeft") for at in range(repeats)]
        browser.close()
    if not all(switch["switches"] for switch in switches):
        raise StartError("A key press did not switch the step: the figures would be empty.")
    return [
        Figure("step switch, the page's own work (12 megapixels)", tuple(switch["work"] for switch in switches), "ms", "under 16"),
        Figure("step switch, until painted (12 megapixels)", tuple(switch["painted"] for switch in switches), "ms", "under 50"),
    ]


def _prepare(folder: Path, seed: int) -> str:
    pictures = PictureStore(folder / "pictures")
    database = open_database(f"sqlite:///{folder / DATABASE_FILE}")
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
