"""The files that the reference implementation wrote are taken whole, and their points fall where the things are."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

from annotations.importing.report import ImportReport, Outcome
from core.frames import FrameKind
from core.geometry import Point, Size
from core.grammar import read_box
from core.trace import Author, DomainName, StopReason, Trace
from tests.annotations.importing.conftest import Bench

RUNS = ("MCTS_demo_20250514_134727", "eval_multiturn_20250601_090000", "eval_spatial_20250601_090000")
# The scripted speaker names one of a few things at each point: "I look at the sofa at (801, 647)." and two more wordings.
THING = re.compile(r"(?:look at|check) the (?P<before>[\w ]+?)(?:, located near| at) \(|\) shows the (?P<behind>[\w ]+);")


@pytest.fixture
def imported(bench: Bench, shared: Path) -> tuple[Bench, ImportReport]:
    return bench, bench.take(shared / "parity/reference_outputs", image_root=shared)


def of_run(bench: Bench, run: str) -> list[Trace]:
    return [trace for trace in bench.traces if trace.origin.file.startswith(run)]


def things(traces: list[Trace]) -> dict[tuple[str, str], list[Point]]:
    """The places of each named thing of each picture."""
    found = defaultdict(list)
    for trace in traces:
        for step in trace.steps:
            named = THING.search(step.text)
            if named and step.point:
                found[trace.sample.pictures[0].name, named["before"] or named["behind"]].append(step.point)
    return found


def test_every_line_is_taken_and_twice_adds_nothing(imported: tuple[Bench, ImportReport], shared: Path) -> None:
    bench, report = imported
    assert report.counts == {Outcome.TAKEN: 22}
    assert report.kinds == {"search tree": 4, "evaluation rollout": 16, "error log": 2}
    assert report.datasets == {RUNS[0]: 25, RUNS[1]: 8, RUNS[2]: 8}
    assert (report.warnings, report.points.outside) == ((), 0)
    again = bench.take(shared / "parity/reference_outputs", image_root=shared, strict=True)
    assert (again.counts, again.traces_added, again.events_added) == ({Outcome.ALREADY_THERE: 22}, 0, 0)


def test_each_run_has_its_frame(imported: tuple[Bench, ImportReport]) -> None:
    bench, _ = imported
    grids = {run: {(t.sample.pictures[0].name, t.frame.kind, t.frame.grid) for t in of_run(bench, run)} for run in RUNS}
    original = FrameKind.ORIGINAL
    assert grids[RUNS[0]] == {
        ("man.jpg", original, Size(2250, 1500)),
        ("LivingRoom.jpg", original, Size(1500, 932)),
        ("APnews.png", original, Size(2548, 1428)),
        ("osclass_page.png", original, Size(1280, 2048)),
    }
    budget = FrameKind.PIXEL_BUDGET
    assert grids[RUNS[1]] == {
        ("man.jpg", budget, Size(1708, 1148)),
        ("LivingRoom.jpg", budget, Size(1500, 932)),
        ("APnews.png", budget, Size(1876, 1036)),
        ("osclass_page.png", budget, Size(1092, 1764)),
    }
    limit = FrameKind.SIDE_LIMIT
    assert grids[RUNS[2]] == {
        ("man.jpg", limit, Size(1260, 840)),
        ("LivingRoom.jpg", limit, Size(1260, 782)),
        ("APnews.png", limit, Size(1260, 706)),
        ("osclass_page.png", limit, Size(787, 1260)),
    }


def test_the_same_thing_is_at_the_same_place_in_every_run(imported: tuple[Bench, ImportReport]) -> None:
    """The speaker wanders by some 30 px around a thing; a wrong frame moves it by hundreds."""
    bench, _ = imported
    compared = 0
    known = things(of_run(bench, RUNS[0]))
    for run in RUNS[1:]:
        for thing, points in things(of_run(bench, run)).items():
            if thing not in known:
                continue
            x, y = median(point.x for point in known[thing]), median(point.y for point in known[thing])
            assert all(point.distance(Point(x, y)) < 75 for point in points), (run, thing)
            compared += len(points)
    assert compared > 30


def test_points_of_a_run_in_the_wrong_frame_are_elsewhere(bench: Bench, shared: Path) -> None:
    bench.take(shared / "parity/reference_outputs", image_root=shared, frame="original")
    places = {run: things(of_run(bench, run))["APnews.png", "search icon"] for run in RUNS}
    assert all(place.x > 2300 for place in places[RUNS[0]])
    assert all(place.x < 1900 for run in RUNS[1:] for place in places[run])


def test_truth_boxes_and_answers_are_where_the_link_is(imported: tuple[Bench, ImportReport]) -> None:
    """The search kept the box in original pixels, (700, 60, 790, 110); the evaluations rescaled and truncated it."""
    bench, _ = imported
    boxes = [trace for trace in bench.traces if trace.sample.domain is DomainName.WEB_GROUNDING]
    assert {trace.sample.truth.text for trace in boxes} == {"(700, 60, 790, 110)", "(515, 43, 581, 79)", "(346, 29, 390, 54)"}
    for trace in boxes:
        box = trace.sample.truth.box
        assert box is not None
        assert read_box(trace.sample.truth.text) is not None
        unit = trace.frame.unit
        for found, meant, step in zip(box.corners, (700, 60, 790, 110), (unit.x, unit.y) * 2, strict=True):
            assert abs(found - meant) <= step + 1e-6
        assert trace.answer_point is not None
        assert box.contains(trace.answer_point) == (trace.recorded_score == 1.0)


def test_crops_are_cut_by_the_run_and_forced_answers_are_marked(imported: tuple[Bench, ImportReport]) -> None:
    bench, _ = imported
    traces = of_run(bench, RUNS[1])
    assert all(trace.settings["crop_offset"] == 182 for trace in traces)
    for trace in traces:
        calls = [turn for turn in trace.turns if turn.call]
        assert len(trace.looks) == len(calls)
        assert all(look.output == Size(672, 672) and not look.dot and look.picture is None for look in trace.looks)
        assert (trace.stop is StopReason.FORCED) == (len(calls) == 4)
        injected = [part for turn in trace.turns for part in turn.authors if part.author is Author.INJECTED]
        assert bool(injected) == (trace.stop is StopReason.FORCED)
    assert {trace.stop for trace in traces} == {StopReason.FORCED, StopReason.ANSWERED}


def test_the_store_agrees_with_the_scores_that_were_recorded(imported: tuple[Bench, ImportReport]) -> None:
    bench, _ = imported
    assert all(correct == (recorded == 1.0) for correct, recorded in scores(bench))


def scores(bench: Bench) -> Iterator[tuple[bool | None, float | None]]:
    from annotations.queries import TraceQuery

    for stored in bench.store.iter_traces(TraceQuery()):
        yield stored.scores.correct, stored.trace.recorded_score
