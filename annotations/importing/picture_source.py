"""Pictures of rows: found below the image root or carried by the row, checked by their header, and stored once."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from annotations.importing.image_root import ImageRoot
from annotations.importing.json_values import BadRow
from annotations.pictures import MAX_BYTES, PictureStore, read_header
from core.errors import PictureError
from core.trace import Picture

# Rows of one sample follow each other; this many pictures are remembered, so that they are not read and hashed again.
_REMEMBERED = 4096
# Of so many pictures that rows carry as bytes, the bytes are kept: a preview shows some.
_FIRST = 4
# How an exported picture's file name ends, by media type.
PICTURE_ENDINGS = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp", "image/gif": ".gif", "image/bmp": ".bmp"}
_SHA256 = re.compile("[0-9a-f]{64}")


class PictureSource:
    """Gives the `Picture` for what a row names. With `keep`, its bytes are put into the picture store on the way."""

    def __init__(self, store: PictureStore, root: ImageRoot | None, *, keep: bool) -> None:
        self._store = store
        self._root = root
        self._keep = keep
        self._known: OrderedDict[tuple[str, int, int], Picture] = OrderedDict()
        self._first: dict[str, bytes] = {}

    def take(self, named: Any, notes: list[str]) -> Picture:
        """The picture of a path, of bytes, or of a parquet cell {"bytes", "path"}. Raises PictureError or BadRow with the reason."""
        if isinstance(named, Mapping):
            path, data = named.get("path"), named.get("bytes")
            name = PurePosixPath(path.replace("\\", "/")).name if isinstance(path, str) else ""
            if isinstance(data, bytes):
                return self._take_bytes(data, name)
            named = path
        if isinstance(named, bytes):
            return self._take_bytes(named, "")
        if not isinstance(named, str):
            raise BadRow("A picture is given neither as a path nor as bytes.")
        return self._take_path(named, notes)

    def take_by_hash(self, sha256: str) -> Picture:
        """The picture with that content hash: from the store, or from the image root, where an export wrote it under its hash.

        Raises PictureError where it is in neither.
        """
        if not _SHA256.fullmatch(sha256):
            raise PictureError(f"{sha256[:80]!r} is not the content hash of a picture.")
        if sha256 in self._store:
            return self._read(self._store.path(sha256), "")
        found = self._exported(sha256)
        if found is None:
            raise PictureError(
                f"The picture {sha256[:12]}... is not in this data folder: export with --pictures DIR, and import with --image-root DIR."
            )
        picture = self._read(found, "")
        if picture.sha256 != sha256:
            raise PictureError(f"The file {found.name} is not the picture that its name says: it was changed.")
        return picture

    def file_of(self, picture: Picture) -> bytes | None:
        """The bytes of a picture that was taken; None for one that was forgotten meanwhile, or that cannot be read any more.

        Remembered are the last pictures that had a file, and the first that rows carried themselves.
        """
        if picture.sha256 in self._first:
            return self._first[picture.sha256]
        path = next((key[0] for key, known in self._known.items() if known.sha256 == picture.sha256), None)
        try:
            return None if path is None else Path(path).read_bytes()
        except OSError:
            return None

    def _take_path(self, written: str, notes: list[str]) -> Picture:
        if self._root is None:
            raise PictureError(f"The row names the picture {written[:80]!r} by its path: give the folder it starts from as --image-root.")
        found = self._root.find(written)
        if found.repair:
            notes.append(found.repair)
        return self._read(found.path, found.path.name)

    def _take_bytes(self, data: bytes, name: str) -> Picture:
        picture = self._store.add_bytes(data, name) if self._keep else read_header(data, name)
        if len(self._first) < _FIRST:
            self._first.setdefault(picture.sha256, data)
        return picture

    def _read(self, path: Path, name: str) -> Picture:
        try:
            status = path.stat()
        except OSError as error:
            raise PictureError(f"The picture {name} cannot be read ({error.strerror}).") from error
        key = (str(path), status.st_mtime_ns, status.st_size)
        if key not in self._known:
            self._known[key] = self._read_file(path, name, status.st_size)
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return self._known[key]

    def _read_file(self, path: Path, name: str, size: int) -> Picture:
        if self._keep:
            return self._store.add_file(path, name)
        if size > MAX_BYTES:
            raise PictureError(f"The picture {name} has {size / 2**20:.0f} MB; up to {MAX_BYTES // 2**20} MB are taken: save it smaller.")
        try:
            return read_header(path.read_bytes(), name)
        except OSError as error:
            raise PictureError(f"The picture {name} cannot be read ({error.strerror}).") from error

    def _exported(self, sha256: str) -> Path | None:
        if self._root is None:
            return None
        for ending in PICTURE_ENDINGS.values():
            path = self._root.folder / f"{sha256}{ending}"
            if path.is_file() and path.resolve().is_relative_to(self._root.folder):
                return path
        return None
