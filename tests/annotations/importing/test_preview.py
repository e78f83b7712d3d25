"""A preview shows where the points would fall, in every frame, and writes nothing."""

from __future__ import annotations

import io
import json

import pytest
from PIL import Image

from annotations.importing.preview import draw_preview, preview
from annotations.importing.run import ImportRequest
from core.errors import PictureError
from core.geometry import Point
from tests.annotations.importing import lines
from tests.annotations.importing.conftest import Bench


def test_the_first_picture_is_shown_with_its_points_in_every_frame(bench: Bench) -> None:
    bench.write("args.json", json.dumps({"max_image_side": 1000}))
    rows = [lines.rollout(thoughts=["<think> At (100, 50), not (1500, 90). </think>"]), lines.rollout(id="2"), "{broken", lines.error()]
    path = bench.write("rows.jsonl", lines.jsonl(*rows))
    found = preview(ImportRequest((path,), bench.root), bench.pictures)
    assert found.kinds == {"evaluation rollout": 2, "refused line": 1, "error log": 1}
    assert (found.rows, found.whole, found.question) == (4, True, "What colour is the lamp?")
    assert found.frame is not None
    assert (found.frame.option, found.known_by) == ("side:1000", "args.json: max_image_side 1000")
    assert (found.frame.outside, found.frame.total) == (1, 3)
    assert [(point.trace, point.number, point.point, point.inside) for point in found.frame.points] == [
        (1, 1, Point(200, 100), True),
        (1, 2, Point(3000, 180), False),
        (2, 1, Point(200, 100), True),
    ]
    original = next(option for option in found.others if option.option == "original")
    assert (original.outside, original.points[1].point) == (0, Point(1500, 90))
    assert "longest side was limited to 1000" in found.frame.words
    assert not bench.pictures.folder.exists()
    assert bench.traces == []


def test_the_picture_is_drawn_upright(bench: Bench) -> None:
    path = bench.write("rows.jsonl", lines.jsonl(lines.rollout(image="images/turned.jpg")))
    found = preview(ImportRequest((path,), bench.root), bench.pictures)
    with Image.open(io.BytesIO(draw_preview(found))) as drawn:
        assert drawn.size == (600, 900)
        # The stored (100, 50) is 50 px from the upright right edge, and the first trace is orange.
        assert drawn.convert("RGB").getpixel((550 - 9, 100)) == (0xE6, 0x9F, 0x00)


def test_a_file_without_traces_has_no_picture_to_draw(bench: Bench) -> None:
    path = bench.write("rows.jsonl", lines.jsonl(lines.rl_record(), lines.error()))
    found = preview(ImportRequest((path,), bench.root), bench.pictures)
    assert (found.frame, found.picture) == (None, None)
    with pytest.raises(PictureError, match="no picture with points"):
        draw_preview(found)


def test_a_preview_of_a_large_file_says_that_it_is_not_whole(bench: Bench) -> None:
    path = bench.write("rows.jsonl", lines.jsonl(*(lines.rollout(id=str(n)) for n in range(300))))
    found = preview(ImportRequest((path,), bench.root), bench.pictures)
    assert (found.rows, found.whole) == (100, False)


def test_numbers_that_are_no_place_are_not_drawn(bench: Bench) -> None:
    thought = f"<think> At ({'9' * 200}, 5) and (100000, 5). </think>"
    path = bench.write("rows.jsonl", lines.jsonl(lines.rollout(thoughts=[thought])))
    found = preview(ImportRequest((path,), bench.root), bench.pictures)
    assert found.frame is not None
    assert len(found.frame.points) == 1
    assert draw_preview(found).startswith(b"\x89PNG")
