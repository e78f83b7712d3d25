"""Where the pictures of records come from: a folder, or whoever draws them."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from PIL import Image

from core.errors import PictureError, TrainingError
from core.geometry import Size
from core.picture_files import find_picture, open_picture
from core.records import CuratedRecord
from training.turns import title_of


class PictureSource(Protocol):
    """Gives the pictures of records; is asked from several processes."""

    def image(self, record: CuratedRecord, place: int = 0) -> Image.Image:
        """The upright original (RGB) of one of a record's pictures, the first where nothing else is said.

        Raises TrainingError, naming record and file, where it is missing, broken or another one.
        """


class PictureFolder:
    """A folder with picture files named by their content hash, as `launch.py export --preferred ... --pictures DIR` writes it; the store's
    own folder, which sorts them into folders by the first two digits, will do as well.

    Raises TrainingError where there is no such folder.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise TrainingError(f"There is no folder {folder} with the pictures of the records: export them with --pictures.")
        self._folder = folder

    def image(self, record: CuratedRecord, place: int = 0) -> Image.Image:
        """The upright original (RGB) of one of a record's pictures. Raises TrainingError, naming record and file."""
        picture = record.pictures[place]
        path = find_picture(self._folder, picture.sha256)
        if path is None:
            missing = self._folder / f"{picture.sha256}.png"
            raise TrainingError(f"{title_of(record)} has no picture: there is no {missing} (nor .jpg, .webp, .gif or .bmp).")
        image = _opened(path, record)
        if image.size != (picture.size.width, picture.size.height):
            raise TrainingError(f"{title_of(record)} has a picture of {picture.size} px, and {path} is {Size(*image.size)} px upright.")
        return image


def images_of(record: CuratedRecord, source: PictureSource) -> tuple[Image.Image, ...]:
    """All pictures of a record, in order. Raises TrainingError as the source does."""
    # The first is asked for without its place: a source that draws one picture a record need not know of places.
    return tuple(source.image(record, place) if place else source.image(record) for place in range(len(record.pictures)))


def _opened(path: Path, record: CuratedRecord) -> Image.Image:
    try:
        return open_picture(path)
    except PictureError as error:
        raise TrainingError(f"{title_of(record)} has a picture that cannot be read, {path}: copy it again.") from error
