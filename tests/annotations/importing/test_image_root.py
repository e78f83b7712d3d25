"""No path in a file leads out of the image root."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from annotations.importing.image_root import ImageRoot
from core.errors import PictureError


@pytest.fixture
def root(tmp_path: Path) -> ImageRoot:
    """A root with a picture, a folder, and links to the inside and the outside; a secret lies beside it."""
    folder = tmp_path / "root"
    (folder / "images/deep").mkdir(parents=True)
    for name in ("images/a.png", "images/deep/b.png", "images/50%25.png", "images/with space.png", "images/100%.png"):
        (folder / name).write_bytes(b"picture")
    (tmp_path / "secret.png").write_bytes(b"secret")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/c.png").write_bytes(b"secret")
    (folder / "inner.png").symlink_to(folder / "images/a.png")
    (folder / "leak.png").symlink_to(tmp_path / "secret.png")
    (folder / "leak_relative.png").symlink_to("../secret.png")
    (folder / "leak_folder").symlink_to(tmp_path / "outside")
    (folder / "loop.png").symlink_to(folder / "loop.png")
    (folder / "etc").mkdir()
    os.mkfifo(folder / "pipe.png")
    return ImageRoot(folder)


@pytest.mark.parametrize(
    "written",
    ["images/a.png", "./images/a.png", "images//a.png", "images/./deep/b.png", "inner.png", "images/with space.png", "images/100%.png"],
)
def test_paths_below_the_root_are_found(root: ImageRoot, written: str) -> None:
    found = root.find(written)
    assert found.path.read_bytes() == b"picture"
    assert found.repair == ""


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("../secret.png", "climbs with '..'"),
        ("images/../../secret.png", "climbs with '..'"),
        ("images/../images/a.png", "climbs with '..'"),
        ("..", "climbs with '..'"),
        ("leak.png", "link leads out"),
        ("leak_relative.png", "link leads out"),
        ("leak_folder/c.png", "link leads out"),
        ("loop.png", "refused"),
        ("/etc/passwd", "not below the image root"),
        ("/../secret.png", "climbs with '..'"),
        ("/proc/self/environ", "not below the image root"),
        ("%2e%2e/secret.png", "percent-encoded"),
        ("..%2fsecret.png", "percent-encoded"),
        ("%252e%252e%252fsecret.png", "percent-encoded"),
        ("images%5c..%5csecret.png", "percent-encoded"),
        ("images/a.png%00.txt", "percent-encoded"),
        ("..\\secret.png", "backslash"),
        ("C:\\secret.png", "backslash"),
        ("\\\\server\\share\\a.png", "backslash"),
        ("//server/share/a.png", "another machine"),
        ("C:/secret.png", "names a drive"),
        ("file:///etc/passwd", "address"),
        ("http://127.0.0.1/a.png", "address"),
        ("data:image/png;base64,AAAA", "address"),
        ("images/a.png\0", "no path has"),
        ("images/\ufffda.png", "no path has"),
        ("", "empty"),
        ("  ", "empty"),
        ("images", "not a file"),
        (".", "not a file"),
        ("pipe.png", "not a file"),
        ("images/missing.png", "There is no picture"),
        ("images/a.png/b.png", "There is no picture"),
        ("~/secret.png", "There is no picture"),
        ("$HOME/secret.png", "There is no picture"),
        ("x" * 300, "refused"),
        ("x" * 5000, "5000 characters"),
    ],
)
def test_everything_else_is_refused_with_the_reason(root: ImageRoot, written: str, reason: str) -> None:
    with pytest.raises(PictureError, match=reason):
        root.find(written)


def test_an_absolute_path_below_the_root_is_taken(root: ImageRoot) -> None:
    found = root.find(str(root.folder / "images/a.png"))
    assert (found.path, found.repair) == (root.folder / "images/a.png", "")


def test_an_absolute_path_from_elsewhere_is_found_by_its_longest_end(root: ImageRoot) -> None:
    found = root.find("/data/vigorl/images/deep/b.png")
    assert found.path == root.folder / "images/deep/b.png"
    assert "images/deep/b.png" in found.repair


def test_an_absolute_path_does_not_lead_through_a_link(root: ImageRoot) -> None:
    with pytest.raises(PictureError, match="link leads out"):
        root.find("/data/leak_folder/c.png")
    with pytest.raises(PictureError, match="link leads out"):
        root.find(str(root.folder / "leak.png"))


def test_a_root_that_is_itself_a_link_is_followed(root: ImageRoot, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root.folder)
    assert ImageRoot(tmp_path / "link").find("images/a.png").path.read_bytes() == b"picture"


def test_a_root_that_lies_too_deep_is_pointed_out(root: ImageRoot) -> None:
    with pytest.raises(PictureError, match="give a folder further up"):
        ImageRoot(root.folder / "images").find("images/a.png")


def test_a_root_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="is not a folder"):
        ImageRoot(tmp_path / "missing")
