"""Pictures of records: found by their content hash, upright, and named where they are missing or broken."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from core.errors import TrainingError
from core.geometry import Size
from core.policies.local.loading import LoadedModel
from core.records import CuratedRecord, Writer
from core.trace import Picture
from tests.core.rollout.speaking import painted
from tests.training.led import ANSWER
from tests.training.test_dialogs import record
from training.pictures import PictureFolder, images_of

# EXIF 2.3, tag 0x0112; 6: to be turned by a quarter to the right.
ORIENTATION = 0x0112


@pytest.fixture
def plain(one_loaded: LoadedModel) -> CuratedRecord:
    return record(one_loaded, (Writer.QUESTION, "<image>\nWhere?"), (Writer.MODEL, ANSWER))


def written(folder: Path, image: Image.Image, kind: str, ending: str, **settings: object) -> Picture:
    """The picture of a file that lies in the folder under its hash."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **settings)
    name = hashlib.sha256(buffer.getvalue()).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}{ending}").write_bytes(buffer.getvalue())
    return Picture(name, Size(*image.size))


def test_a_picture_is_found_as_an_export_writes_it(tmp_path: Path, plain: CuratedRecord) -> None:
    image = painted(120, 80)
    for kind, ending in (("PNG", ".png"), ("BMP", ".bmp"), ("WEBP", ".webp")):
        picture = written(tmp_path, image, kind, ending, **({"lossless": True} if kind == "WEBP" else {}))
        found = PictureFolder(tmp_path).image(replace(plain, pictures=(picture,)))
        assert (found.mode, found.tobytes()) == ("RGB", image.tobytes())


def test_a_picture_stores_own_folder_will_do(tmp_path: Path, plain: CuratedRecord) -> None:
    picture = written(tmp_path / "made", painted(120, 80), "PNG", "")
    (tmp_path / picture.sha256[:2]).mkdir()
    (tmp_path / "made" / picture.sha256).rename(tmp_path / picture.sha256[:2] / picture.sha256)
    assert PictureFolder(tmp_path).image(replace(plain, pictures=(picture,))).size == (120, 80)


def test_a_picture_comes_upright_and_opaque(tmp_path: Path, plain: CuratedRecord) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    lying = written(tmp_path, painted(80, 120).transpose(Image.Transpose.ROTATE_90), "PNG", ".png", exif=exif)
    found = PictureFolder(tmp_path).image(replace(plain, pictures=(Picture(lying.sha256, Size(80, 120), 6),)))
    assert found.tobytes() == painted(80, 120).tobytes()
    clear = written(tmp_path, Image.new("RGBA", (120, 80), (0, 0, 0, 0)), "PNG", ".png")
    assert PictureFolder(tmp_path).image(replace(plain, pictures=(clear,))).getextrema() == ((255, 255),) * 3


def test_every_picture_of_a_record_comes_in_order(tmp_path: Path, one_loaded: LoadedModel) -> None:
    pictures = tuple(written(tmp_path, painted(120, 80, blue), "PNG", ".png") for blue in (3, 200))
    made = record(one_loaded, (Writer.QUESTION, "<image><image>\nWhich?"), (Writer.MODEL, ANSWER), pictures=2)
    found = images_of(replace(made, pictures=pictures), PictureFolder(tmp_path))
    assert [image.getextrema()[2] for image in found] == [(3, 3), (200, 200)]


def test_what_is_missing_broken_or_another_is_named_with_its_record(tmp_path: Path, plain: CuratedRecord) -> None:
    with pytest.raises(TrainingError, match=r"no folder .*nowhere.* export"):
        PictureFolder(tmp_path / "nowhere")
    folder = PictureFolder(tmp_path)
    with pytest.raises(TrainingError, match=rf"trace {plain.trace:.12} .* no .*{plain.pictures[0].sha256}"):
        folder.image(plain)
    small = written(tmp_path, painted(60, 40), "PNG", ".png")
    with pytest.raises(TrainingError, match=rf"trace {plain.trace:.12} .*120 x 80 px.*60 x 40 px"):
        folder.image(replace(plain, pictures=(replace(small, size=Size(120, 80)),)))
    broken = tmp_path / f"{small.sha256}.png"
    for data in (b"", b"no picture", broken.read_bytes()[:-40]):
        broken.write_bytes(data)
        with pytest.raises(TrainingError, match=rf"trace {plain.trace:.12} .*cannot be read, .*{small.sha256}.png"):
            folder.image(replace(plain, pictures=(small,)))
