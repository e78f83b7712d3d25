"""Picture paths of imported files -> files below one folder, and never outside it.

A path in a file is somebody else's text. It is taken only where the file that it names, with all links followed, lies below the image
root; there is no option to widen this. Nothing is fetched from the network.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from core.errors import PictureError

# %2e, %2f, %5c, %00 and a percent sign that is itself encoded: no picture needs them, and somebody's decoder may undo them.
_ENCODED = re.compile(r"%(?:2e|2f|5c|00|25)", re.IGNORECASE)
_ADDRESS = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")
_LONGEST = 4096


@dataclass(frozen=True, slots=True)
class FoundPicture:
    """A picture's file below the root, and what was mended in its path; "" where nothing was."""

    path: Path
    repair: str = ""


class ImageRoot:
    """The folder that picture paths are relative to. Raises PictureError where it is no folder.

    by_name   the folder holds pictures without their folders, as a browser uploads them: a path is found by its last part alone. Two
              paths that end alike would show one picture for two, so the second is refused
    """

    def __init__(self, folder: Path, *, by_name: bool = False) -> None:
        if not folder.is_dir():
            raise PictureError(f"The image root {folder} is not a folder: give the folder that the picture paths start from.")
        self.folder = folder.resolve()
        self._asked_by_name: dict[str, str] | None = {} if by_name else None

    def find(self, written: str) -> FoundPicture:
        """The file that a written path names.

        An absolute path (the reference's search writes them) is taken where it lies below the root, and else by its longest end
        that exists there, which counts as a repair. Raises PictureError, with the reason, for everything else.
        """
        _check_text(written)
        path = PurePosixPath(written)
        if self._asked_by_name is not None:
            return self._find_by_name(path, self._asked_by_name)
        if path.is_absolute():
            return self._find_absolute(path)
        found = self._inside(self.folder / path, written)
        if found is None:
            raise PictureError(f"There is no picture {_shown(written)} below the image root.{self._hint(path)}")
        return FoundPicture(found)

    def _find_by_name(self, path: PurePosixPath, asked: dict[str, str]) -> FoundPicture:
        first = asked.setdefault(path.name, str(path))
        if first != str(path):
            raise PictureError(
                f"{_shown(str(path))} and {_shown(first)} have one name, so that the uploaded picture could be either: "
                "import from a folder of this machine."
            )
        found = self._inside(self.folder / path.name, str(path))
        if found is None:
            raise PictureError(f"No uploaded picture is called {_shown(path.name)}: add it to the pictures.")
        return FoundPicture(found)

    def _find_absolute(self, path: PurePosixPath) -> FoundPicture:
        # Only a path below the root may be asked for at all: whether some other file exists is nobody's business.
        if Path(path).is_relative_to(self.folder):
            found = self._inside(Path(path), str(path))
            if found is not None:
                return FoundPicture(found)
        for dropped in range(1, len(path.parts)):
            end = PurePosixPath(*path.parts[dropped:])
            found = self._inside(self.folder / end, str(path))
            if found is not None:
                return FoundPicture(found, f"the absolute picture path was found as {_shown(str(end))} below the image root")
        raise PictureError(f"The absolute path {_shown(str(path))} is not below the image root, and no end of it exists there.")

    def _inside(self, path: Path, written: str) -> Path | None:
        """The real file; None where there is none. Raises PictureError where it lies outside, or is no file."""
        try:
            real = path.resolve(strict=True)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, RuntimeError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it cannot be followed"
            raise PictureError(f"The picture path {_shown(written)} is refused: {reason}.") from error
        if not real.is_relative_to(self.folder):
            raise PictureError(f"The picture path {_shown(written)} is refused: a link leads out of the image root.")
        if not real.is_file():
            raise PictureError(f"The picture path {_shown(written)} is refused: it is not a file.")
        return real

    def _hint(self, path: PurePosixPath) -> str:
        """A folder too deep is the commonest mistake: the end of the path exists, its beginning is the root's own name."""
        for dropped in range(1, len(path.parts)):
            end = self.folder / PurePosixPath(*path.parts[dropped:])
            try:
                if end.is_file():
                    return f" {_shown(end.name)} is there without {_shown(path.parts[0] + '/')}: give a folder further up as --image-root."
            except OSError:
                return ""
        return ""


def _check_text(written: str) -> None:
    """Raises PictureError for a path that could mean something else than it seems to."""
    reason = ""
    if not written.strip():
        raise PictureError("The picture's path is empty.")
    if len(written) > _LONGEST:
        reason = f"it has {len(written)} characters"
    elif "\0" in written or "\ufffd" in written:
        reason = "it holds a character that no path has"
    elif "\\" in written:
        reason = "it holds a backslash: write folders with /"
    elif written.startswith("//"):
        reason = "it names another machine"
    elif _ENCODED.search(written):
        reason = "it is percent-encoded"
    elif _ADDRESS.match(written):
        reason = "it is an address or names a drive: only files below the image root are read"
    elif ".." in PurePosixPath(written).parts:
        reason = "it climbs with '..'"
    if reason:
        raise PictureError(f"The picture path {_shown(written)} is refused: {reason}.")


def _shown(written: str) -> str:
    return repr(written if len(written) <= 80 else written[:77] + "...")
