"""Pictures as files, each stored once under the SHA-256 of its bytes.

A picture is judged by its header, before anything is decoded: its format, its bytes, its pixels. A name never becomes part of a path,
so no name can lead out of the folder.
"""

from __future__ import annotations

import errno
import hashlib
import io
import re
import stat
import struct
from pathlib import Path

from PIL import Image, ImageFile

from annotations.durable import whole_file
from core.crops import as_rgb
from core.errors import NotFound, PictureError, StoreError
from core.geometry import Size
from core.trace import Picture

MAX_PIXELS = 64_000_000
MAX_BYTES = 64 * 1024 * 1024
# Formats that every browser shows, and what a server calls them. MPO is a JPEG with further pictures behind the first.
MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "BMP": "image/bmp",
}
THUMBNAIL_QUALITY = 85
# No difference can be seen; a PNG of a photograph would be ten times as large.
UPRIGHT_QUALITY = 95
MAX_THUMBNAIL = 2048
_COLOURS = "icc_profile"
# EXIF 2.3, tag 0x0112.
_ORIENTATION = 0x0112
_TURNS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SHA256 = re.compile("[0-9a-f]{64}")
# What Pillow's readers raise for files that are not what they say they are.
_UNREADABLE = (OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, EOFError, struct.error, MemoryError)
# Pillow's own guard, a warning at 89 megapixels and an error at 179: both are over the limit here.
_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)


class PictureStore:
    """A folder of pictures. `<folder>/ab/<sha256>` holds the bytes as they came, `cache` the thumbnails.

    folder  made when the first picture is added
    cache   where thumbnails go: a folder that may be emptied at any time; by default `<folder>/thumbnails`
    """

    def __init__(self, folder: Path, *, cache: Path | None = None) -> None:
        self.folder = folder
        self.cache = folder / "thumbnails" if cache is None else cache

    def add_bytes(self, data: bytes, name: str = "") -> Picture:
        """The picture of a file's bytes, which are on the disk when this returns; the same bytes are stored once.

        Raises PictureError, before anything is decoded, for more than 64 MB, more than 64 megapixels, a format not on the list or a
        header that cannot be read, and StoreError where the folder cannot be written.
        """
        picture = read_header(data, name)
        path = self._path(picture.sha256)
        if not path.is_file():
            _write(path, data, durable=True)
        return picture

    def add_file(self, path: Path, name: str = "") -> Picture:
        """The picture of a file; its own name is kept where no other is given. Raises what `add_bytes` raises."""
        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                raise PictureError(f"{path} is not a file.")
            _check_bytes(status.st_size, name or path.name)
            data = path.read_bytes()
        except OSError as error:
            raise PictureError(f"The picture {path} cannot be read ({error.strerror}).") from error
        return self.add_bytes(data, name or path.name)

    def path(self, sha256: str) -> Path:
        """The file that holds a picture's bytes. Raises NotFound, also for a text that is no SHA-256."""
        if not _SHA256.fullmatch(sha256) or not self._path(sha256).is_file():
            raise NotFound(f"There is no picture {sha256[:80]!r} in this data folder.")
        return self._path(sha256)

    def __contains__(self, sha256: str) -> bool:
        return _SHA256.fullmatch(sha256) is not None and self._path(sha256).is_file()

    def media_type(self, sha256: str) -> str:
        """The picture's media type, for example "image/png". Raises NotFound, and PictureError for damaged bytes."""
        with self.open(sha256) as image:
            return MEDIA_TYPES[image.format or ""]

    def open(self, sha256: str) -> ImageFile.ImageFile:
        """The picture in its stored axes and own mode, not decoded yet; close it. Raises NotFound, and PictureError for damaged bytes."""
        return _open(self.path(sha256), sha256)

    def decode(self, sha256: str) -> Image.Image:
        """The picture in its stored axes as RGB: transparency over white, 16 bits scaled to 8, the first frame of several.

        Raises NotFound, and PictureError for a file that breaks off or is damaged.
        """
        with self.open(sha256) as image:
            return _decoded(image, sha256)

    def thumbnail(self, sha256: str, side: int = 160) -> Path:
        """A JPEG of the upright picture, at most `side` pixels (16 to 2,048) wide and high, never enlarged; made once.

        Raises NotFound, PictureError for damaged bytes, and StoreError where the cache cannot be written.
        """
        side = min(max(side, 16), MAX_THUMBNAIL)
        source = self.path(sha256)
        target = self.cache / str(side) / sha256[:2] / f"{sha256}.jpg"
        if not target.is_file():
            with _open(source, sha256) as image:
                # A JPEG can be decoded at an eighth, a quarter or a half; twice the side leaves enough to scale down well.
                image.draft("RGB", (2 * side, 2 * side))
                orientation = _orientation(image)
                small = _decoded(image, sha256)
            small.thumbnail((side, side), Image.Resampling.LANCZOS)
            buffer = io.BytesIO()
            turned_upright(small, orientation).save(buffer, "JPEG", quality=THUMBNAIL_QUALITY)
            _write(target, buffer.getvalue(), durable=False)
        return target

    def upright(self, sha256: str) -> Path:
        """The whole picture turned upright, without EXIF data and remarks; made once. A JPEG stays one, everything else becomes a PNG.

        Raises NotFound, PictureError for damaged bytes, and StoreError where the cache cannot be written.
        """
        with self.open(sha256) as image:
            kind = "JPEG" if image.format in ("JPEG", "MPO") else "PNG"
            target = self.cache / "upright" / sha256[:2] / f"{sha256}.{'jpg' if kind == 'JPEG' else 'png'}"
            if target.is_file():
                return target
            orientation = _orientation(image)
            turned = turned_upright(_decoded(image, sha256), orientation)
        buffer = io.BytesIO()
        turned.save(buffer, kind, **({"quality": UPRIGHT_QUALITY, "subsampling": 0} if kind == "JPEG" else {"compress_level": 1}))
        _write(target, buffer.getvalue(), durable=False)
        return target

    def _path(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256


def read_header(data: bytes, name: str = "") -> Picture:
    """The picture that the bytes of a file describe, from their header alone. Raises PictureError as `PictureStore.add_bytes` does."""
    _check_bytes(len(data), name)
    with _open(io.BytesIO(data), name) as image:
        size = Size(*image.size)
        if size.area > MAX_PIXELS:
            raise _too_large(name, f"{size} pixels")
        orientation = _orientation(image)
    upright = size.transposed if orientation >= 5 else size
    return Picture(hashlib.sha256(data).hexdigest(), upright, orientation, name)


def _open(source: Path | io.BytesIO, name: str) -> ImageFile.ImageFile:
    try:
        return Image.open(source, formats=[name for name in MEDIA_TYPES if name != "MPO"])
    except _BOMBS as error:
        raise _too_large(name, "far more") from error
    except _UNREADABLE as error:
        listed = "JPEG, PNG, WebP, GIF and BMP"
        raise PictureError(f"{_called(name)} is not a picture that can be read: {listed} are taken, with a whole header.") from error


def _check_bytes(count: int, name: str) -> None:
    if count > MAX_BYTES:
        limit = MAX_BYTES // 1024**2
        raise PictureError(f"{_called(name)} has {count / 1024**2:.0f} MB; up to {limit} MB are taken: save it smaller.")


def _too_large(name: str, found: str) -> PictureError:
    return PictureError(f"{_called(name)} has {found}; up to {MAX_PIXELS // 10**6} megapixels are taken: make it smaller.")


def _called(name: str) -> str:
    return f"The picture {name}" if name else "The picture"


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8, as browsers take it: of a JPEG, and of a PNG that tells it before its pixels; else 1.

    Chromium does not turn a WebP, and heeds no XMP data. A point is marked on what a browser shows, so this must agree with it.
    To be called before the picture is decoded.
    """
    block = image.info.get("exif")
    if image.format not in ("JPEG", "MPO", "PNG") or not isinstance(block, bytes):
        return 1
    exif = Image.Exif()
    try:
        exif.load(block)
        orientation = exif.get(_ORIENTATION, 1)
    except (*_UNREADABLE, UserWarning):
        # Damaged EXIF data is common, and the picture is whole without it.
        return 1
    return int(orientation) if orientation in _TURNS else 1


def turned_upright(image: Image.Image, orientation: int) -> Image.Image:
    """A decoded picture in its stored axes, turned by an EXIF orientation (1 to 8)."""
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def _decoded(image: Image.Image, name: str) -> Image.Image:
    try:
        image.load()
        # A copy where nothing is converted: its remarks are taken off below.
        made = as_rgb(image).copy()
    except _UNREADABLE as error:
        raise PictureError(f"{_called(name)} is damaged: its header can be read, its pixels cannot ({error}).") from error
    # Remarks and EXIF data would be written into what is made of it: they may tell what a rater must not know, and turn it a second time.
    made.info = {name: value for name, value in made.info.items() if name == _COLOURS}
    return made


def _write(path: Path, data: bytes, *, durable: bool) -> None:
    """Put a file into place as a whole: under its name there is never half of it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path, durable=durable) as file:
            file.write(data)
    except OSError as error:
        mend = "make room" if error.errno == errno.ENOSPC else "change its permissions"
        raise StoreError(f"{path.parent} cannot be written ({error.strerror}): {mend}, or choose another --data-dir.") from error
