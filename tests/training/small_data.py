"""Small files of curated records with their pictures, made for a checkpoint, and recipes over them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from core.crops import CropRule
from core.geometry import Size
from core.grammar import TurnText, format_messages, parse_messages
from core.grounding import ground
from core.policies.protocol import PolicyCard, frame_of
from core.records import CuratedRecord, Provenance, Split, write_records
from core.trace import DomainName, Picture, Sample, Truth, TruthKind
from training.recipe import Recipe
from training.recipe_files import read_recipe
from training.start import beginning

COLOURS = ("red", "green", "blue", "yellow", "purple", "orange")
# Few pixels: the whole picture is nine tokens.
PIXELS = 84 * 84
CROP = CropRule(12, 56, dot=False)

PLAIN: Mapping[str, Any] = {
    "title": "small",
    "model": "",
    "data": {},
    "steps": 6,
    "batch": 4,
    "at_once": 4,
    "learning_rate": 1e-3,
    "max_pixels": PIXELS,
    "threads": 1,
    "device": "cpu",
    "log_every": 1,
    "evaluate": 4,
    "samples": 1,
    "max_new_tokens": 8,
    "crop": {"offset": CROP.offset, "side": CROP.side, "dot": CROP.dot},
}


def picture(number: int, side: int = 84) -> Image.Image:
    """A ground with a coloured square on it."""
    image = Image.new("RGB", (side, side), "white")
    left, top = 8 + 7 * (number % 7), 8 + 11 * (number % 5)
    ImageDraw.Draw(image).rectangle((left, top, left + 16, top + 16), fill=COLOURS[number % len(COLOURS)])
    return image


def keep(image: Image.Image, folder: Path) -> Picture:
    """The picture in a folder, by its hash."""
    made = io.BytesIO()
    image.save(made, "PNG")
    sha256 = hashlib.sha256(made.getvalue()).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{sha256}.png").write_bytes(made.getvalue())
    return Picture(sha256, Size(*image.size))


def record(
    card: PolicyCard,
    number: int,
    pictures: Path,
    *,
    split: Split = Split.TRAIN,
    weight: float = 1.0,
    domain: DomainName | None = None,
    side: int = 84,
) -> CuratedRecord:
    """A conversation about a coloured square: with a look where its domain has a zoom, in a single turn elsewhere."""
    domain = domain or (DomainName.VISUAL_SEARCH, DomainName.SPATIAL)[number % 2]
    image = picture(number, side)
    kept = keep(image, pictures)
    colour = COLOURS[number % len(COLOURS)]
    frame = frame_of(card, kept.size)
    at = round(frame.grid.width * 0.4), round(frame.grid.height * 0.4)
    turns = [TurnText(f"There is a square at ({at[0]}, {at[1]}), {number}.", call=at, observed=True)]
    if domain not in (DomainName.VISUAL_SEARCH, DomainName.WEB_GROUNDING):
        turns = []
    turns.append(TurnText(f"It is {colour} at ({at[0]}, {at[1]}).", answer=colour))
    sample = Sample("What colour is the square?", domain, (kept,), Truth(TruthKind.TEXT, colour))
    rule = CropRule(CROP.offset, CROP.side, CROP.dot, card.factor)
    trace = ground(sample, parse_messages(format_messages(turns)), frame, rule, policy="test")
    return CuratedRecord.from_trace(trace, Provenance("any"), weight=weight, split=split)


def written(folder: Path, records: list[CuratedRecord], name: str = "records.jsonl") -> Path:
    """A file of records in a folder."""
    path = folder / name
    write_records(path, records, "any")
    return path


def small_recipe(folder: Path, model: Path, *, train: int = 8, validation: int = 2, **changes: Any) -> Recipe:
    """A recipe over records that are written into `folder` for it."""
    card = beginning(_recipe(folder, model, {})).card
    pictures = folder / "pictures"
    records = [record(card, number, pictures) for number in range(train)]
    records += [record(card, 100 + number, pictures, split=Split.VALIDATION) for number in range(validation)]
    written(folder, records)
    return _recipe(folder, model, changes)


def _recipe(folder: Path, model: Path, changes: Mapping[str, Any]) -> Recipe:
    import yaml

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump({**PLAIN, "model": str(model), "data": {"records": [str(folder / "records.jsonl")]}, **changes}))
    return read_recipe(str(path))
