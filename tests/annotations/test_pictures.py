"""Pictures are stored once, refused from their header, decoded to RGB in their own axes, and shown upright."""

from __future__ import annotations

import io
import os
import struct
import threading
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from annotations.pictures import MAX_BYTES, MAX_PIXELS, MEDIA_TYPES, PictureStore
from core.errors import NotFound, PictureError, StoreError
from core.geometry import Size
from core.trace import Picture
from tests.annotations.conftest import without_rights

RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


@pytest.fixture
def store(tmp_path: Path) -> PictureStore:
    return PictureStore(tmp_path / "pictures")


def drawn(mode: str = "RGB", size: tuple[int, int] = (40, 20)) -> Image.Image:
    """A red picture with a blue left upper quarter."""
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (0, 0, size[0] // 2, size[1] // 2))
    return image.convert(mode)


def as_bytes(image: Image.Image, kind: str = "PNG", orientation: int = 1) -> bytes:
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(buffer, kind, **({"exif": exif} if orientation != 1 else {}))
    return buffer.getvalue()


def png_header(width: int, height: int) -> bytes:
    """The start of a PNG that says it is that large, and has no pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", len(header)) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    data = zlib.compress(b"")
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", len(data)) + b"IDAT" + data + struct.pack(">I", zlib.crc32(b"IDAT" + data))


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file()) if folder.exists() else []


def test_a_picture_comes_out_as_it_went_in(store: PictureStore) -> None:
    data = as_bytes(drawn())
    picture = store.add_bytes(data, "kitchen.png")
    assert picture.size == Size(40, 20)
    assert (picture.name, picture.orientation) == ("kitchen.png", 1)
    path = store.path(picture.sha256)
    assert path == store.folder / picture.sha256[:2] / picture.sha256
    assert path.read_bytes() == data
    assert picture.sha256 in store
    assert "0" * 64 not in store
    assert store.media_type(picture.sha256) == "image/png"


def test_the_same_bytes_are_stored_once(store: PictureStore) -> None:
    data = as_bytes(drawn())
    first, second = store.add_bytes(data, "a.png"), store.add_bytes(data, "b.png")
    assert first.sha256 == second.sha256
    assert (first.name, second.name) == ("a.png", "b.png")
    assert len(files(store.folder)) == 1


def test_many_at_once_store_one(store: PictureStore) -> None:
    data = as_bytes(drawn())
    threads = [threading.Thread(target=store.add_bytes, args=(data,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (path,) = files(store.folder)
    assert path.read_bytes() == data


def test_a_file_keeps_its_name(store: PictureStore, tmp_path: Path) -> None:
    path = tmp_path / "street.jpg"
    path.write_bytes(as_bytes(drawn(), "JPEG"))
    assert store.add_file(path).name == "street.jpg"
    assert store.add_file(path, "images/street.jpg").name == "images/street.jpg"


def test_what_is_no_file_is_refused(store: PictureStore, tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=r"cannot be read \(No such file"):
        store.add_file(tmp_path / "nowhere.png")
    with pytest.raises(PictureError, match="is not a file"):
        store.add_file(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PictureError, match="is not a file"):
        store.add_file(tmp_path / "pipe")


@pytest.mark.parametrize(("kind", "media_type"), [item for item in MEDIA_TYPES.items() if item[0] != "MPO"])
def test_formats_on_the_list_are_taken(store: PictureStore, kind: str, media_type: str) -> None:
    picture = store.add_bytes(as_bytes(drawn(), kind))
    assert store.media_type(picture.sha256) == media_type
    assert store.decode(picture.sha256).size == (40, 20)


@pytest.mark.parametrize("kind", ["TIFF", "PPM", "ICO", "TGA", "PDF", "EPS", "ICNS", "JPEG2000"])
def test_formats_not_on_the_list_are_refused(store: PictureStore, kind: str) -> None:
    with pytest.raises(PictureError, match="is not a picture that can be read: JPEG, PNG, WebP, GIF and BMP are taken"):
        store.add_bytes(as_bytes(drawn(size=(64, 64)), kind), "a picture")
    assert files(store.folder) == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
        b"GIF89a",
        b"BM",
        b"RIFF\x00\x00\x00\x00WEBP",
        b"<svg xmlns='x'/>",
        b"GIF89a" + b"\0" * 7,
    ],
)
def test_half_a_header_is_refused(store: PictureStore, data: bytes) -> None:
    with pytest.raises(PictureError, match=r"The picture x.png (is not a picture that can be read|has)"):
        store.add_bytes(data, "x.png")
    assert files(store.folder) == []


@pytest.mark.parametrize(("width", "height"), [(8001, 8000), (64_000_001, 1), (50_000, 50_000), (2**31 - 1, 2**31 - 1)])
def test_too_many_pixels_are_refused_from_the_header(store: PictureStore, width: int, height: int) -> None:
    assert width * height > MAX_PIXELS
    with pytest.raises(PictureError, match=r"The picture bomb.png has .*; up to 64 megapixels are taken: make it smaller"):
        store.add_bytes(png_header(width, height), "bomb.png")
    assert files(store.folder) == []


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_the_limit_is_ours_also_where_pillow_only_warns(store: PictureStore) -> None:
    with pytest.raises(PictureError, match="has 10000 x 10000 pixels; up to 64 megapixels"):
        store.add_bytes(png_header(10_000, 10_000))


def test_as_many_pixels_as_allowed_are_taken_from_the_header(store: PictureStore) -> None:
    picture = store.add_bytes(png_header(8000, 8000))
    assert picture.size.area == MAX_PIXELS
    # That there are no pixels behind the header is found when they are asked for.
    with pytest.raises(PictureError, match="its header can be read, its pixels cannot"):
        store.decode(picture.sha256)


def test_too_many_bytes_are_refused_before_they_are_read(store: PictureStore, tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    with path.open("wb") as file:
        file.write(png_header(10, 10))
        file.truncate(200 * 1024**2)
    with pytest.raises(PictureError, match=r"large.png has 200 MB; up to 64 MB are taken"):
        store.add_file(path)
    with pytest.raises(PictureError, match="up to 64 MB"):
        store.add_bytes(b"\0" * (MAX_BYTES + 1))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_the_size_is_upright_and_the_pixels_are_as_stored(store: PictureStore, kind: str, orientation: int) -> None:
    picture = store.add_bytes(as_bytes(drawn(), kind, orientation))
    assert picture.orientation == orientation
    assert picture.size == (Size(20, 40) if orientation >= 5 else Size(40, 20))
    stored = store.decode(picture.sha256)
    assert stored.size == (40, 20)
    assert close(stored.getpixel((5, 3)), BLUE)
    # Where the blue corner of the stored picture goes when it is turned (EXIF 2.3, tag 0x0112).
    corners = {1: (0, 0), 2: (1, 0), 3: (1, 1), 4: (0, 1), 5: (0, 0), 6: (1, 0), 7: (1, 1), 8: (0, 1)}
    with Image.open(store.thumbnail(picture.sha256)) as small:
        assert small.size == (picture.size.width, picture.size.height)
        for corner in ((0, 0), (0, 1), (1, 0), (1, 1)):
            at = (4 + corner[0] * (small.width - 9), 4 + corner[1] * (small.height - 9))
            assert close(small.getpixel(at), BLUE if corner == corners[orientation] else RED)


def close(pixel: object, wanted: tuple[int, int, int]) -> bool:
    assert isinstance(pixel, tuple)
    return all(abs(a - b) < 60 for a, b in zip(pixel, wanted, strict=True))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
def test_what_a_file_says_beside_its_pixels_is_not_in_what_is_made_of_it(store: PictureStore, kind: str) -> None:
    exif, notes = Image.Exif(), PngInfo()
    exif[0x010E] = "MARK-exif"
    notes.add_text("Comment", "MARK-comment")
    notes.add_itxt("XML:com.adobe.xmp", "MARK-xmp")
    said = {"exif": exif, "comment": b"MARK-comment", "xmp": b"MARK-xmp", "pnginfo": notes}
    buffer = io.BytesIO()
    drawn().save(buffer, kind, **said)
    assert b"MARK" in buffer.getvalue()
    sha256 = store.add_bytes(buffer.getvalue()).sha256
    again = io.BytesIO()
    store.decode(sha256).save(again, "JPEG")
    for made in (store.upright(sha256).read_bytes(), store.thumbnail(sha256).read_bytes(), again.getvalue()):
        assert b"MARK" not in made
        with Image.open(io.BytesIO(made)) as image:
            image.load()
            assert not image.getexif() and "MARK" not in str(image.info)


def test_orientations_that_browsers_do_not_heed_are_not_heeded(store: PictureStore) -> None:
    assert store.add_bytes(as_bytes(drawn(), "WEBP", 6)).orientation == 1
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    buffer = io.BytesIO()
    drawn().save(buffer, "JPEG", xmp=xmp)
    assert store.add_bytes(buffer.getvalue()).orientation == 1


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_none(store: PictureStore, orientation: int) -> None:
    picture = store.add_bytes(as_bytes(drawn(), "JPEG", orientation))
    assert (picture.orientation, picture.size) == (1, Size(40, 20))


def test_damaged_exif_data_does_not_cost_the_picture(store: PictureStore) -> None:
    data = as_bytes(drawn(), "JPEG", 6)
    place = data.index(b"Exif\0\0") + 6
    picture = store.add_bytes(data[:place] + b"\xff" * 12 + data[place + 12 :])
    assert picture.orientation == 1
    assert close(store.decode(picture.sha256).getpixel((5, 3)), BLUE)


@pytest.mark.parametrize(
    ("image", "kind", "wanted"),
    [
        (Image.new("L", (4, 4), 100), "PNG", (100, 100, 100)),
        (Image.new("1", (4, 4), 1), "PNG", WHITE),
        (Image.new("I;16", (4, 4), 0x8040), "PNG", (0x80, 0x80, 0x80)),
        (Image.new("RGBA", (4, 4), (255, 0, 0, 255)), "PNG", RED),
        (Image.new("RGBA", (4, 4), (255, 0, 0, 0)), "PNG", WHITE),
        (Image.new("RGBA", (4, 4), (0, 0, 255, 128)), "WEBP", (127, 127, 255)),
        (Image.new("LA", (4, 4), (0, 0)), "PNG", WHITE),
        (Image.new("P", (4, 4), 0), "GIF", (0, 0, 0)),
        (Image.new("CMYK", (4, 4), (0, 255, 255, 0)), "JPEG", (254, 0, 0)),
        (Image.new("RGB", (4, 4), BLUE).quantize(4), "PNG", BLUE),
    ],
)
def test_every_mode_becomes_rgb(store: PictureStore, image: Image.Image, kind: str, wanted: tuple[int, int, int]) -> None:
    decoded = store.decode(store.add_bytes(as_bytes(image, kind)).sha256)
    assert decoded.mode == "RGB"
    pixel = decoded.getpixel((1, 1))
    assert isinstance(pixel, tuple)
    assert all(abs(a - b) <= 3 for a, b in zip(pixel, wanted, strict=True)), pixel


def test_a_transparent_colour_of_a_palette_is_white(store: PictureStore) -> None:
    image = drawn().quantize(2)
    clear = image.getpixel((0, 0))
    for kind in ("PNG", "GIF"):
        buffer = io.BytesIO()
        image.save(buffer, kind, transparency=clear)
        decoded = store.decode(store.add_bytes(buffer.getvalue()).sha256)
        assert (decoded.getpixel((0, 0)), decoded.getpixel((39, 19))) == (WHITE, RED)


def test_of_several_frames_the_first_is_shown(store: PictureStore) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), RED).save(buffer, "GIF", save_all=True, append_images=[Image.new("RGB", (4, 4), BLUE)])
    decoded = store.decode(store.add_bytes(buffer.getvalue()).sha256)
    assert decoded.getpixel((0, 0)) == RED


def test_an_mpo_is_served_as_a_jpeg(store: PictureStore) -> None:
    buffer = io.BytesIO()
    drawn().save(buffer, "MPO", save_all=True, append_images=[drawn()])
    picture = store.add_bytes(buffer.getvalue())
    assert store.media_type(picture.sha256) == "image/jpeg"
    assert store.decode(picture.sha256).size == (40, 20)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
def test_a_picture_that_breaks_off_is_said_to_be_damaged(store: PictureStore, kind: str) -> None:
    noise = Image.effect_noise((120, 90), 80).convert("RGB")
    data = as_bytes(noise, kind)
    try:
        picture = store.add_bytes(data[: len(data) // 2])
    except PictureError:
        return
    for ask in (store.decode, store.thumbnail):
        with pytest.raises(PictureError, match=r"is damaged|is not a picture"):
            ask(picture.sha256)
    assert files(store.cache) == []


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from(("JPEG", "PNG", "WEBP", "GIF", "BMP")), changes=st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=6))))
@pytest.mark.filterwarnings("ignore")
def test_damaged_bytes_raise_nothing_but_picture_errors(store: PictureStore, kind: str, changes: list[tuple[int, bytes]]) -> None:
    data = as_bytes(drawn(), kind, 6)
    for place, put in changes:
        data = data[:place] + put + data[place + len(put) :]
    try:
        picture = store.add_bytes(data)
        assert store.decode(picture.sha256).mode == "RGB"
        assert store.thumbnail(picture.sha256).is_file()
    except PictureError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    "name", ["", "..", "../../etc/passwd", "0" * 63, "0" * 65, "A" * 64, "0" * 62 + "/.", "\0" * 64, "%2e%2e", "0" * 64 + "\n"]
)
def test_no_name_leads_out_of_the_folder(store: PictureStore, name: str) -> None:
    (store.folder.parent / "secret").write_text("secret")
    for ask in (store.path, store.open, store.decode, store.media_type, store.thumbnail):
        with pytest.raises(NotFound, match="There is no picture"):
            ask(name)
    assert name not in store


def test_thumbnails_fit_and_are_made_once(store: PictureStore) -> None:
    picture = store.add_bytes(as_bytes(drawn(size=(1200, 300)), "JPEG"))
    path = store.thumbnail(picture.sha256)
    made = path.stat().st_mtime_ns
    with Image.open(path) as small:
        assert (small.format, small.size) == ("JPEG", (160, 40))
    assert store.thumbnail(picture.sha256) == path
    assert path.stat().st_mtime_ns == made
    with Image.open(store.thumbnail(picture.sha256, side=32)) as smaller:
        assert smaller.size == (32, 8)
    with Image.open(store.thumbnail(picture.sha256, side=10**9)) as largest:
        assert largest.size == (1200, 300)
    sides = {path.parent.parent.name for path in files(store.cache)}
    assert sides == {"160", "32", "2048"}


def test_thumbnails_can_lie_elsewhere(tmp_path: Path) -> None:
    store = PictureStore(tmp_path / "pictures", cache=tmp_path / "cache")
    picture = store.add_bytes(as_bytes(drawn()))
    assert store.thumbnail(picture.sha256).is_relative_to(tmp_path / "cache")
    assert len(files(store.folder)) == 1


def test_a_folder_that_may_not_be_written_is_named(open_folder: Path) -> None:
    store = PictureStore(open_folder / "pictures")
    picture = store.add_bytes(as_bytes(drawn()))
    store.path(picture.sha256).chmod(0o444)
    for folder in (open_folder, store.folder, store.path(picture.sha256).parent):
        folder.chmod(0o555)
    with without_rights():
        assert store.add_bytes(as_bytes(drawn())) == Picture(picture.sha256, picture.size)
        for write in (lambda: store.add_bytes(as_bytes(drawn(size=(9, 9)))), lambda: store.thumbnail(picture.sha256)):
            with pytest.raises(StoreError, match=r"cannot be written \(Permission denied\): change its permissions"):
                write()
    for folder in (store.folder, store.path(picture.sha256).parent):
        folder.chmod(0o755)


def test_a_disk_that_is_full_leaves_no_half_file(store: PictureStore) -> None:
    """A limit on the size of files stands in for the disk: the system refuses the write halfway, as a full disk does."""
    import resource
    import signal

    data = as_bytes(Image.effect_noise((300, 300), 80))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(data) // 2, before[1]))
    try:
        with pytest.raises(StoreError, match="cannot be written"):
            store.add_bytes(data)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert files(store.folder) == []
    assert store.add_bytes(data).sha256 in store
