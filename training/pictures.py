"""Where the pictures of records come from: a folder, or whoever draws them."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path
from typing import Protocol

from PIL import Image, ImageOps

from core.crops import as_rgb
from core.errors import TrainingError
from core.geometry import Size
from core.records import CuratedRecord
from training.turns import title_of

# As an export names them; and without an ending, as a picture store keeps them.
_ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", "")
# What Pillow's readers raise for files that are not what they say they are.
_UNREADABLE = (OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, EOFError, struct.error, MemoryError)
_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)


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
        path = self._find(picture.sha256)
        if path is None:
            missing = self._folder / f"{picture.sha256}.png"
            raise TrainingError(f"{title_of(record)} has no picture: there is no {missing} (nor .jpg, .webp, .gif or .bmp).")
        image = _opened(path, record)
        if image.size != (picture.size.width, picture.size.height):
            raise TrainingError(f"{title_of(record)} has a picture of {picture.size} px, and {path} is {Size(*image.size)} px upright.")
        return image

    def _find(self, sha256: str) -> Path | None:
        for folder in (self._folder, self._folder / sha256[:2]):
            for ending in _ENDINGS:
                if (path := folder / f"{sha256}{ending}").is_file():
                    return path
        return None


def images_of(record: CuratedRecord, source: PictureSource) -> tuple[Image.Image, ...]:
    """All pictures of a record, in order. Raises TrainingError as the source does."""
    # The first is asked for without its place: a source that draws one picture a record need not know of places.
    return tuple(source.image(record, place) if place else source.image(record) for place in range(len(record.pictures)))


def _opened(path: Path, record: CuratedRecord) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                return as_rgb(ImageOps.exif_transpose(image))
    except (*_UNREADABLE, *_BOMBS) as error:
        raise TrainingError(f"{title_of(record)} has a picture that cannot be read, {path}: copy it again.") from error
