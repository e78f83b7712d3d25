"""The import as a whole: a verdict a line, all or nothing, twice the same, bounded and stoppable."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from annotations.database import open_database
from annotations.importing.errors import RUN_FAILED
from annotations.importing.report import Outcome, Progress
from annotations.importing.rows import Converted, Event
from annotations.importing.run import ImportRequest, run_import
from annotations.importing.sources import Upload
from annotations.importing.writing import Pending, store_writer
from annotations.pictures import PictureStore
from annotations.queries import TraceQuery
from annotations.store import Store
from core.errors import FrameError, ImportRefused, PictureError, ReadOnly
from core.trace import DomainName
from tests.annotations.importing import lines
from tests.annotations.importing.conftest import Bench

ALL_KINDS = [lines.rollout(), lines.tree(), lines.chain(), lines.dialog(), lines.rl_record(), lines.eval_record(), lines.error()]
MIXED = [lines.rollout(id="1"), "{broken", lines.rollout(id="2", image="../x.png"), lines.rollout(id="3"), {"no": "kind"}]


def verdicts(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_all_kinds_in_one_file_are_told_apart_line_by_line(bench: Bench) -> None:
    report = bench.take(bench.write("mixed.jsonl", lines.jsonl(*ALL_KINDS)))
    assert report.count(Outcome.TAKEN) == len(ALL_KINDS)
    assert len(report.kinds) == len(ALL_KINDS)
    assert (report.traces_added, report.samples_added, report.events_added) == (5, 2, 1)


def test_importing_twice_adds_nothing_and_says_so(bench: Bench) -> None:
    path = bench.write("mixed.jsonl", lines.jsonl(*ALL_KINDS))
    bench.take(path)
    again = bench.take(path)
    assert again.count(Outcome.ALREADY_THERE) == len(ALL_KINDS)
    assert "everything that could be taken was there already" in again.words
    # The same rows as an array, gzipped and under another name, are the same rows.
    packed = bench.write("other.bin", gzip.compress(json.dumps(ALL_KINDS[:4]).encode()))
    assert bench.take(packed, dataset="mixed").count(Outcome.ALREADY_THERE) == 4


def test_each_line_has_a_verdict_and_a_refused_one_costs_no_other(bench: Bench) -> None:
    file = bench.folder / "verdicts.jsonl"
    report = bench.take(bench.write("rows.jsonl", lines.jsonl(*MIXED)), report=file)
    said = verdicts(file)
    assert sorted((item["line"], item["outcome"]) for item in said) == [
        (1, "taken"),
        (2, "refused"),
        (3, "refused"),
        (4, "taken"),
        (5, "refused"),
    ]
    assert all(str(item["words"]) for item in said)
    assert (report.lines, report.traces_added, report.report_file) == (5, 2, file)


def test_strict_takes_all_or_nothing(bench: Bench) -> None:
    path = bench.write("rows.jsonl", lines.jsonl(*MIXED))
    report = bench.take(path, strict=True)
    assert (report.taken_back, report.traces_added, len(report.refused)) == (True, 0, 3)
    assert bench.traces == []
    assert not bench.pictures.folder.exists()
    assert "Nothing was added" in report.words
    good = bench.take(bench.write("good.jsonl", lines.jsonl(*ALL_KINDS)), strict=True)
    assert (good.taken_back, good.traces_added, good.samples_added, good.events_added) == (False, 5, 2, 1)


def test_a_strict_import_that_fails_in_the_second_reading_is_rolled_back(bench: Bench) -> None:
    """A file that changes between the two readings: what was written by then is taken back."""
    path = bench.write("rows.jsonl", lines.jsonl(*(lines.rollout(id=str(n)) for n in range(300))))
    seen: list[Progress] = []

    def spoil(progress: Progress) -> None:
        if not seen and progress.share >= 0.5:
            seen.append(progress)
            path.write_text(path.read_text() + "{broken\n")

    request = ImportRequest((path,), bench.root, strict=True)
    report = run_import(request, bench.store, bench.pictures, progress=spoil)
    assert (report.taken_back, len(report.refused)) == (True, 1)
    assert bench.traces == []


def test_a_dry_run_says_the_same_and_writes_nothing(bench: Bench) -> None:
    path = bench.write("rows.jsonl", lines.jsonl(*ALL_KINDS, lines.rollout()))
    dry = bench.take(path, dry_run=True)
    assert bench.traces == []
    assert not bench.pictures.folder.exists()
    wet = bench.take(path)
    assert dry.counts == wet.counts
    assert (dry.traces_added, dry.samples_added, dry.events_added) == (wet.traces_added, wet.samples_added, wet.events_added)
    assert bench.take(path, dry_run=True).count(Outcome.ALREADY_THERE) == len(ALL_KINDS) + 1


def test_progress_grows_to_the_end(bench: Bench) -> None:
    path = bench.write("rows.jsonl", lines.jsonl(*(lines.rollout(id=str(n)) for n in range(50))))
    for strict in (False, True):
        told: list[Progress] = []
        run_import(ImportRequest((path,), bench.root, strict=strict), bench.store, bench.pictures, progress=told.append)
        assert [item.bytes_done for item in told] == sorted(item.bytes_done for item in told)
        assert told[-1].share == 1.0


@pytest.mark.parametrize("strict", [False, True])
def test_an_import_can_be_stopped(bench: Bench, strict: bool) -> None:
    path = bench.write("rows.jsonl", lines.jsonl(*(lines.rollout(id=str(n)) for n in range(500))))
    asked = iter(range(10_000))
    request = ImportRequest((path,), bench.root, strict=strict)
    report = run_import(request, bench.store, bench.pictures, cancelled=lambda: next(asked) > 250)
    assert report.cancelled
    assert len(bench.traces) == report.traces_added == (0 if strict else 251)


def test_points_outside_raise_a_warning_with_the_better_frame(bench: Bench) -> None:
    thoughts = ["<think> The lamp at (1400, 90), or (900, 60). </think>"]
    rows = lines.jsonl(
        lines.rollout(image="images/small.png", thoughts=["<think> At (900, 700). </think>"]), lines.rollout(thoughts=thoughts)
    )
    bench.write("args.json", json.dumps({"max_image_side": 1000}))
    report = bench.take(bench.write("rows.jsonl", rows))
    assert (report.points.outside, report.points.total) == (2, 3)
    assert report.points.advice == "original"
    assert "The frame original would leave 1 outside: try it (--frame original)." in report.warnings[0]
    asked = bench.take(bench.write("rows.jsonl", rows), frame="normalised", dataset="asked")
    assert asked.points.outside == 1
    assert "--frame normalised" in next(iter(asked.frames))


def test_folders_are_read_with_their_args_and_without_other_files(bench: Bench) -> None:
    bench.write("runs/spatial/args.json", json.dumps({"max_image_side": 1000}))
    bench.write("runs/spatial/rollouts_spatial_2025_worker0_final.jsonl", lines.jsonl(lines.rollout()))
    bench.write("runs/spatial/part.jsonl.gz", gzip.compress(lines.jsonl(lines.rollout(id="2")).encode()))
    bench.write("runs/plain/mine.JSONL", lines.jsonl(lines.rollout()))
    bench.write("runs/plain/notes.txt", "not a trace")
    bench.write("runs/plain/picture.png", b"\x89PNG")
    report = bench.take(bench.folder / "runs")
    assert report.datasets == {"mine": 1, "spatial_2025": 1, "spatial": 1}
    assert report.refused == ()
    assert {trace.origin.file for trace in bench.traces} == {
        "plain/mine.JSONL",
        "spatial/part.jsonl.gz",
        "spatial/rollouts_spatial_2025_worker0_final.jsonl",
    }
    assert [trace.frame.grid.width for trace in bench.traces] == [2000, 1000, 1000]


def test_a_file_that_is_named_twice_is_read_once(bench: Bench) -> None:
    path = bench.write("rows.jsonl", lines.jsonl(lines.rollout()))
    assert bench.take(path, bench.folder, path).lines == 1


def test_uploads_bring_their_names_and_their_args(bench: Bench) -> None:
    rows = bench.write("tmp1234", lines.jsonl(lines.rollout()))
    arguments = bench.write("tmp5678", json.dumps({"max_image_side": 1000}))
    paths = (Upload(rows, "..\\folder/rollouts_run7_worker0_final.jsonl"), Upload(arguments, "args.json"))
    report = run_import(ImportRequest(paths, bench.root), bench.store, bench.pictures)
    assert report.datasets == {"run7": 1}
    assert bench.traces[0].origin.file == "rollouts_run7_worker0_final.jsonl"
    assert bench.traces[0].frame.known_by == "args.json: max_image_side 1000"


def uploads(bench: Bench, *named: tuple[str, str]) -> tuple[Upload, ...]:
    return tuple(Upload(bench.write(f"tmp{at}", text), name) for at, (name, text) in enumerate(named))


def test_two_uploaded_args_cannot_be_told_apart(bench: Bench) -> None:
    """Taken for files of another run, an args.json would put every point in the wrong place, and nothing would say so."""
    one, two = (json.dumps({"max_image_side": side}) for side in (1260, 400))
    files = [(f"rollouts_run{n}_worker0_final.jsonl", lines.jsonl(lines.rollout())) for n in range(2)]
    with pytest.raises(ImportRefused, match=r"2 files called args.json were uploaded.*import one run at a time"):
        bench.take(*uploads(bench, *files, ("run0/args.json", one), ("args.json", two)))
    with pytest.raises(ImportRefused, match=r"one run only, and the files are of run0, run1: import one run at a time"):
        bench.take(*uploads(bench, *files, ("args.json", one)))
    assert bench.traces == []
    assert bench.take(*uploads(bench, *files)).traces_added == 2, "without an args.json each file is read as it is"


@pytest.mark.parametrize("other", ["rollouts_run_worker1_ckpt20.jsonl", "errors_run_worker0_final.jsonl", "mine.jsonl"])
def test_one_uploaded_args_is_taken_for_all_files_of_its_run_and_that_is_said(bench: Bench, other: str) -> None:
    files = [(name, lines.jsonl(lines.rollout(id=name))) for name in ("rollouts_run_worker0_final.jsonl", other)]
    report = bench.take(*uploads(bench, *files, ("args.json", json.dumps({"max_image_side": 1000}))))
    assert [trace.frame.grid.width for trace in bench.traces] == [1000, 1000]
    said = f"The uploaded args.json was taken for the run of rollouts_run_worker0_final.jsonl, {other} (args.json: max_image_side 1000)."
    assert report.warnings == (said,)


def test_a_broken_args_file_is_a_warning(bench: Bench) -> None:
    bench.write("args.json", "{broken")
    report = bench.take(bench.write("rows.jsonl", lines.jsonl(lines.rollout())))
    assert report.count(Outcome.TAKEN) == 1
    assert "rows.jsonl: The run's arguments are not known" in report.warnings[0]


def test_one_name_and_one_policy_may_be_asked_for(bench: Bench) -> None:
    report = bench.take(
        bench.write("rows.jsonl", lines.jsonl(lines.rollout())), dataset="mine", policy="model-x", domain=DomainName.VISUAL_SEARCH
    )
    assert report.datasets == {"mine": 1}
    (item,) = bench.store.list_traces(TraceQuery(dataset=("mine",), policy=("model-x",), domain=("visual_search",))).items
    assert item.question == "What colour is the lamp?"


def test_pictures_over_the_limit_or_of_another_format_are_refused_before_they_are_decoded(bench: Bench, tmp_path: Path) -> None:
    root = tmp_path / "bombs"
    root.mkdir()
    Image.new("1", (20_000, 20_000)).save(root / "bomb.png")
    (root / "vector.png").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    Image.new("RGB", (8, 8)).save(root / "old.tiff")
    names = ["bomb.png", "vector.png", "old.tiff"]
    report = bench.take(bench.write("rows.jsonl", lines.jsonl(*(lines.rollout(image=name) for name in names))), image_root=root)
    assert report.count(Outcome.REFUSED) == 3
    assert "up to 64 megapixels are taken" in report.refused[0].words
    assert all("JPEG, PNG, WebP, GIF and BMP are taken" in verdict.words for verdict in report.refused[1:])


def test_an_import_that_cannot_begin_says_why(bench: Bench) -> None:
    path = bench.write("rows.jsonl", lines.jsonl(lines.rollout()))
    with pytest.raises(ImportRefused, match="There is no file or folder"):
        bench.take(bench.folder / "missing.jsonl")
    with pytest.raises(ImportRefused, match="nothing to import"):
        bench.take(bench.root)
    with pytest.raises(PictureError, match="is not a folder"):
        bench.take(path, image_root=bench.folder / "missing")
    with pytest.raises(FrameError, match="is no frame"):
        bench.take(path, frame="huge")
    with pytest.raises(ImportRefused, match="cannot be written"):
        bench.take(path, report=bench.folder / "missing" / "verdicts.jsonl")


def test_without_an_image_root_paths_are_refused(bench: Bench) -> None:
    report = bench.take(bench.write("rows.jsonl", lines.jsonl(lines.rollout())), image_root=None)
    assert "--image-root" in report.refused[0].words


def test_a_store_for_reading_takes_a_dry_run_only(bench: Bench, tmp_path: Path) -> None:
    path = bench.write("rows.jsonl", lines.jsonl(lines.rollout()))
    database = open_database(f"sqlite:///{tmp_path / 'saccade.db'}", read_only=True)
    store = Store(database)
    with pytest.raises(ReadOnly, match="--read-only"):
        run_import(ImportRequest((path,), bench.root), store, bench.pictures)
    assert run_import(ImportRequest((path,), bench.root, dry_run=True), store, bench.pictures).traces_added == 1
    database.close()


def test_a_trace_that_the_store_refuses_costs_no_other(bench: Bench) -> None:
    long = {"model": "m", "id": "x" * 3}
    rows = [lines.rollout(**long), lines.rollout(id="2"), lines.tree()]
    report = bench.take(bench.write("rows.jsonl", lines.jsonl(*rows)), dataset="n" * 400)
    assert report.count(Outcome.TAKEN) == 3
    report = bench.take(bench.write("rows.jsonl", lines.jsonl(*rows)), dataset="n" * 600)
    assert report.count(Outcome.REFUSED) == 3
    assert "at most" in report.refused[0].words


def test_each_back_end_takes_all_kinds_once(store: Store, picture_root: Path, tmp_path: Path) -> None:
    path = tmp_path / "mixed.jsonl"
    path.write_text(lines.jsonl(*ALL_KINDS, lines.rollout(question="a\0b\ud800", id=10**400)))
    request = ImportRequest((path,), picture_root, strict=True)
    pictures = PictureStore(tmp_path / "pictures")
    report = run_import(request, store, pictures)
    assert (report.count(Outcome.TAKEN), report.count(Outcome.REPAIRED)) == (len(ALL_KINDS), 1)
    assert run_import(request, store, pictures).count(Outcome.ALREADY_THERE) == len(ALL_KINDS) + 1
    assert run_import(replace(request, strict=False), store, pictures).count(Outcome.ALREADY_THERE) == len(ALL_KINDS) + 1


def test_asking_for_the_frame_that_was_found_adds_nothing(bench: Bench) -> None:
    file = bench.write("rollouts_a_worker0_final.jsonl", lines.jsonl(lines.rollout()))
    assert bench.take(file, dataset="a").traces_added == 1
    assert bench.take(file, dataset="a", frame="original").traces_added == 0


def test_two_imports_at_once_record_a_failed_run_once(bench: Bench) -> None:
    event = Event(RUN_FAILED, {"id": "9", "error": "timeout"})
    row = Pending("errors.jsonl", 1, "error log", "a", Converted(events=(event,)), ())
    one, other = store_writer(bench.store), store_writer(bench.store)
    assert [added.events for added in one.write([row])] == [1]
    assert [added.events for added in other.write([row])] == [0]
    assert list(bench.store.events(RUN_FAILED)) == [event.payload]
