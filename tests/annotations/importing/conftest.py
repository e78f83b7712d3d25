"""A picture root with real pictures, and a store with a picture store, for the tests of import and export."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
from PIL import Image

from annotations.database import open_database
from annotations.importing.report import ImportReport
from annotations.importing.run import ImportRequest, run_import
from annotations.importing.sources import Upload
from annotations.pictures import PictureStore
from annotations.queries import TraceQuery
from annotations.store import Store
from core.crops import CropRule, look_at, render_look
from core.frames import CoordinateFrame
from core.geometry import Size
from core.trace import Trace

# The reference's rule for visual search.
SEARCH = CropRule(182, 672, False)


@dataclass
class Bench:
    """A store, its pictures, and the folder that picture paths start from."""

    store: Store
    pictures: PictureStore
    root: Path
    folder: Path

    def take(self, *paths: Path | Upload, **options: Any) -> ImportReport:
        """Imports files with the image root, and returns the report."""
        return run_import(ImportRequest(paths=paths, **{"image_root": self.root, **options}), self.store, self.pictures)

    def write(self, name: str, data: bytes | str) -> Path:
        """A file of this test's folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    @property
    def traces(self) -> list[Trace]:
        """All traces of the store, in the order in which they came."""
        return [stored.trace for stored in self.store.iter_traces(TraceQuery(sort="oldest"))]


@pytest.fixture
def bench(tmp_path: Path, picture_root: Path) -> Iterator[Bench]:
    """A fresh workbench without anything in it."""
    database = open_database(f"sqlite:///{tmp_path / 'saccade.db'}")
    folder = tmp_path / "files"
    folder.mkdir()
    yield Bench(Store(database), PictureStore(tmp_path / "pictures"), picture_root, folder)
    database.close()


@pytest.fixture(scope="session")
def picture_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """images/scene.png (2,000 x 1,000), images/turned.jpg (upright 600 x 900, stored on its side), images/small.png and crops."""
    root = tmp_path_factory.mktemp("root")
    (root / "images").mkdir()
    scene = _scene()
    scene.save(root / "images/scene.png")
    Image.new("RGB", (64, 48), "teal").save(root / "images/small.png")
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("RGB", (900, 600), "olive").save(root / "images/turned.jpg", exif=turned)
    for number, (x, y, rule) in enumerate(((100, 50, SEARCH), (1900, 900, SEARCH), (100, 50, CropRule(100, 504, True)))):
        recorded_crop(scene, x, y, rule).save(root / f"images/crop_{number}.png")
    return root


def _scene() -> Image.Image:
    """2,000 x 1,000 px of clouds: no two windows are alike."""
    seeds = Random(0).randbytes(50 * 25 * 3)
    return Image.frombytes("RGB", (50, 25), seeds).resize((2000, 1000), Image.Resampling.BICUBIC)


def recorded_crop(picture: Image.Image, x: float, y: float, rule: CropRule) -> Image.Image:
    """The crop as the reference's builder saves it."""
    frame = CoordinateFrame.original(Size(picture.width, picture.height))
    look = look_at(x, y, frame, rule)
    assert look is not None
    return render_look(picture, look, frame, (x, y))
