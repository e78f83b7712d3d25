"""A preview shows where the points would fall, in every frame, and writes nothing."""

from __future__ import annotations

import io
import json
from pathlib import Path

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
    assert (found.frame.option, found.known_by) == ("auto", "args.json: max_image_side 1000")
    assert (found.frame.outside, found.frame.total) == (1, 3)
    assert [(point.trace, point.number, point.point, point.inside) for point in found.frame.points] == [
        (1, 1, Point(200, 100), True),
        (1, 2, Point(3000, 180), False),
        (2, 1, Point(200, 100), True),
    ]
    original = next(option for option in found.others if option.option == "original")
    assert (original.outside, original.points[1].point) == (0, Point(1500, 90))
    assert found.frame.words == "as recovered: pixels after the longest side was limited to 1000"
    assert [picture.question for picture in found.shown] == [found.question]
    assert found.shown[0].points["auto"] == found.frame.points
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


def mixed(bench: Bench) -> Path:
    """A folder of three runs: 2 traces under a side limit, 1 under a budget, 1 without an args.json, with pictures of their own."""
    bench.write("runs/a/args.json", json.dumps({"max_image_side": 1000}))
    bench.write("runs/a/rows.jsonl", lines.jsonl(*(lines.rollout(id=str(n), question="First?") for n in range(2))))
    bench.write("runs/b/args.json", json.dumps({"max_pixels": 500_000}))
    second = lines.rollout(image="images/turned.jpg", question="Second?", thoughts=["<think> At (800, 500). </think>"])
    bench.write("runs/b/rows.jsonl", lines.jsonl(second))
    third = lines.rollout(image="images/small.png", question="Third?", thoughts=["<think> At (60, 40) and (70, 40). </think>"])
    bench.write("runs/c/rows.jsonl", lines.jsonl(third))
    return bench.folder / "runs"


def test_each_recovered_frame_counts_its_own_traces_and_has_a_picture(bench: Bench) -> None:
    """A row that is labelled with one frame counts all traces in that frame; the first row counts each in its own."""
    found = preview(ImportRequest((mixed(bench),), bench.root), bench.pictures)
    assert found.frame is not None
    assert (found.frame.option, found.frame.words) == ("auto", "as recovered: in the frame of each file")
    assert found.known_by == "2 traces: side:1000; 1 trace: budget:500000; 1 trace: original"
    assert (found.frame.outside, found.frame.total) == (1, 5)
    forced = {option.option: (option.outside, option.total) for option in found.others}
    assert list(forced) == ["side:1000", "budget:500000", "original", "resized", "side:1260", "budget:12960000", "normalised"]
    assert forced["original"] == (1, 5)
    assert forced["normalised"] == (0, 5)
    assert [(picture.question, picture.picture.name) for picture in found.shown] == [
        ("First?", "scene.png"),
        ("Second?", "turned.jpg"),
        ("Third?", "small.png"),
    ]
    assert found.shown[0].words == "pixels after the longest side was limited to 1000, args.json: max_image_side 1000 (2 traces)"
    assert [len(picture.points["auto"]) for picture in found.shown] == [2, 1, 2]
    assert (found.question, found.picture, found.picture_file) == ("First?", found.shown[0].picture, found.shown[0].picture_file)


def test_each_picture_is_drawn_in_each_frame(bench: Bench) -> None:
    found = preview(ImportRequest((mixed(bench),), bench.root), bench.pictures)
    sizes = []
    for index in range(len(found.shown)):
        for option in (None, *found.others):
            with Image.open(io.BytesIO(draw_preview(found, option, index))) as drawn:
                sizes.append(drawn.size)
    assert list(dict.fromkeys(sizes)) == [(1200, 600), (600, 900), (64, 48)]
    with pytest.raises(PictureError, match="no picture with points"):
        draw_preview(found, picture_index=3)


def test_a_frame_that_was_asked_for_is_taken_and_the_recovered_ones_are_told_beside_it(bench: Bench) -> None:
    found = preview(ImportRequest((mixed(bench),), bench.root, frame="side:50"), bench.pictures)
    assert found.frame is not None
    assert (found.frame.option, found.known_by) == ("side:50", "asked for: --frame side:50")
    assert (found.frame.outside, found.frame.total) == (5, 5)
    auto = found.others[0]
    assert (auto.option, auto.outside, auto.total) == ("auto", 1, 5)
    assert [point.inside for point in found.shown[0].points["side:50"]] == [False, False]
    assert [point.inside for point in found.shown[0].points["auto"]] == [True, True]


def test_no_more_than_four_pictures_are_shown(bench: Bench) -> None:
    for side in range(500, 507):
        bench.write(f"runs/{side}/args.json", json.dumps({"max_image_side": side}))
        bench.write(f"runs/{side}/rows.jsonl", lines.jsonl(lines.rollout(id=str(side))))
    found = preview(ImportRequest((bench.folder / "runs",), bench.root), bench.pictures)
    assert (len(found.shown), found.known_by.count("trace")) == (4, 7)
    assert all(picture.picture_file for picture in found.shown)
