"""Picture files in a folder, by the content hash that records name them by."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path

from PIL import Image, ImageOps

from core.crops import as_rgb
from core.errors import PictureError

# As an export names them; and without an ending, as a picture store keeps them.
_ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", "")
# What Pillow's readers raise for files that are not what they say they are.
_UNREADABLE = (OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, EOFError, struct.error, MemoryError)
_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)


def find_picture(folder: Path, sha256: str) -> Path | None:
    """The file of a picture: in the folder, or in the folder of its first two digits, as a picture store keeps it; None where it is not."""
    for place in (folder, folder / sha256[:2]):
        for ending in _ENDINGS:
            if (path := place / f"{sha256}{ending}").is_file():
                return path
    return None


def open_picture(path: Path) -> Image.Image:
    """The upright picture (RGB) of a file. Raises PictureError for one that cannot be read or is too large."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                return as_rgb(ImageOps.exif_transpose(image))
    except (*_UNREADABLE, *_BOMBS) as error:
        raise PictureError(f"The picture {path} cannot be read ({error or type(error).__name__}): copy it again.") from error
