"""An import that is repeated with a corrected frame says that the wrong points are still there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from annotations.importing.run import ImportRequest, run_import
from annotations.pictures import PictureStore
from annotations.queries import TraceQuery
from annotations.store import Store
from core.geometry import Point
from tests.annotations.importing import lines
from tests.annotations.importing.conftest import Bench

NO_ARGS = "pixels of the picture as it is stored: there is no args.json beside the file, so no resizing is known"


def said(number: str, dataset: str, frame: str) -> str:
    return (
        f"{number} already in the data set {dataset} with points in another frame ({frame}): "
        "import into another data set with --dataset, or remove that one."
    )


@pytest.mark.parametrize("how", [{}, {"strict": True}, {"dry_run": True}])
def test_the_same_traces_in_a_corrected_frame_are_a_warning(bench: Bench, how: dict[str, bool]) -> None:
    small = lines.rollout(image="images/small.png", thoughts=["<think> The lamp at (10, 5) is blue. </think>"])
    rows = [lines.rollout(), lines.rollout(question="And the chair?"), small]
    path = bench.write("rows.jsonl", lines.jsonl(*rows))
    assert bench.take(path).warnings == ()
    assert said("3 traces are", "rows", NO_ARGS) in bench.take(path, frame="normalised", **how).warnings
    there = [trace.steps[0].point for trace in bench.traces if trace.sample.question == "And the chair?"]
    assert there == ([Point(100, 50)] if "dry_run" in how else [Point(100, 50), Point(200, 50)])


def test_another_data_set_or_one_without_the_wrong_points_brings_no_warning(bench: Bench) -> None:
    path = bench.write("rows.jsonl", lines.jsonl(lines.rollout()))
    bench.take(path)
    assert bench.take(path, frame="normalised", dataset="right").warnings == ()
    bench.store.remove_dataset("rows")
    assert bench.take(path, frame="normalised").warnings == ()


def test_more_of_the_same_run_brings_no_warning(bench: Bench) -> None:
    """Another text, another sample, another model, no point, or the same frame for another reason: nothing is there twice."""
    first = bench.write("rows.jsonl", lines.jsonl(lines.rollout()))
    bench.take(first)
    assert bench.take(first, frame="original").warnings == ()
    more = [
        lines.rollout(thoughts=["<think> Now the lamp is at (10, 5). </think>"]),
        lines.rollout(question="And the chair?"),
        lines.rollout(model="another"),
        lines.rollout(image="images/turned.jpg"),
        lines.rollout(thoughts=["<think> It names no point. </think>"]),
    ]
    assert bench.take(bench.write("more.jsonl", lines.jsonl(*more)), frame="normalised", dataset="rows").warnings == ()


def test_a_truth_that_moves_with_the_frame_is_still_the_same_trace(bench: Bench) -> None:
    """A box is taken in the frame of the points, so that the sample is another one, too."""
    path = bench.write("rows.jsonl", lines.jsonl(lines.rollout(true_answer="(10, 20, 30, 40)", final_answer="(15, 25)")))
    bench.take(path, frame="side:1000")
    asked = "pixels after the longest side was limited: asked for: --frame side:1000"
    assert said("1 trace is", "rows", asked) in bench.take(path, frame="original").warnings


def test_many_traces_of_one_sample_are_compared_each(bench: Bench) -> None:
    rows = [lines.rollout(thoughts=[f"<think> The lamp is at ({n}, 5). </think>"]) for n in range(700)]
    bench.take(bench.write("rows.jsonl", lines.jsonl(*rows)))
    limited = bench.write("again/rows.jsonl", lines.jsonl(*rows[500:], lines.rollout()))
    bench.write("again/args.json", json.dumps({"max_image_side": 1000}))
    assert said("200 traces are", "rows", NO_ARGS) in bench.take(limited, dataset="rows").warnings


def test_each_back_end_finds_them(store: Store, picture_root: Path, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(lines.jsonl(lines.rollout(), lines.rollout(question="Où est la lampe?\0 ")))
    pictures = PictureStore(tmp_path / "pictures")
    run_import(ImportRequest((path,), picture_root, dataset="Läufe"), store, pictures)
    for strict in (True, False):
        again = run_import(ImportRequest((path,), picture_root, dataset="Läufe", frame="normalised", strict=strict), store, pictures)
        assert said("2 traces are", "Läufe", NO_ARGS) in again.warnings
    assert store.list_traces(TraceQuery()).total == 4
    run_import(ImportRequest((path,), picture_root, dataset="no\0name"), store, pictures)
