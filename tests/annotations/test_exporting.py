"""What is exported is read back unchanged, and a table runs nothing in a spreadsheet."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import pytest

from annotations.database import open_database
from annotations.exporting import COLUMNS, export_csv, export_jsonl
from annotations.importing.report import Outcome
from annotations.importing.run import ImportRequest, run_import
from annotations.pictures import PictureStore
from annotations.queries import TraceQuery
from annotations.store import Store
from core.errors import NotFound, StoreError
from tests.annotations.importing import conftest, lines
from tests.annotations.importing.conftest import Bench

bench, picture_root = conftest.bench, conftest.picture_root

ROWS = [lines.rollout(), lines.tree(), lines.chain(), lines.dialog(), lines.rollout(id="9", image="images/turned.jpg", final_answer=None)]
ALL = TraceQuery(sort="oldest")


@pytest.fixture
def filled(bench: Bench) -> Bench:
    bench.take(bench.write("rows.jsonl", lines.jsonl(*ROWS)), policy="=cmd|' /C calc'!A0")
    return bench


def ids(store: Store) -> list[str]:
    return [stored.id for stored in store.iter_traces(ALL)]


def test_another_machine_reads_the_same_traces_back(filled: Bench, tmp_path: Path) -> None:
    out, folder = tmp_path / "out.jsonl", tmp_path / "out_pictures"
    told: list[tuple[int, int]] = []
    result = export_jsonl(
        filled.store, ALL, out, pictures=filled.pictures, picture_folder=folder, progress=lambda done, total: told.append((done, total))
    )
    assert (result.traces, result.pictures) == (6, 4)
    assert told[-1] == (6, 6)
    database = open_database(f"sqlite:///{tmp_path / 'other.db'}")
    store, pictures = Store(database), PictureStore(tmp_path / "other_pictures")
    report = run_import(ImportRequest((out,), folder, strict=True), store, pictures)
    assert report.counts == {Outcome.TAKEN: 6}
    assert ids(store) == ids(filled.store)
    assert [stored.trace for stored in store.iter_traces(ALL)] == filled.traces
    again = tmp_path / "again.jsonl"
    export_jsonl(store, ALL, again)
    assert again.read_bytes() == out.read_bytes()
    database.close()


def test_the_same_store_has_them_already(filled: Bench, tmp_path: Path) -> None:
    export_jsonl(filled.store, ALL, tmp_path / "out.jsonl")
    report = run_import(ImportRequest((tmp_path / "out.jsonl",)), filled.store, filled.pictures)
    assert report.counts == {Outcome.ALREADY_THERE: 6}
    assert "Nothing new" in report.words


def test_filters_choose_what_is_written(filled: Bench, tmp_path: Path) -> None:
    assert export_jsonl(filled.store, TraceQuery(min_looks=1), tmp_path / "out.jsonl").traces == 1
    assert export_csv(filled.store, TraceQuery(dataset=("none",)), tmp_path / "out.csv").traces == 0


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda line: line.update(version=2), "version 2"),
        (lambda line: line.update(trace=None), "Not a trace"),
        (lambda line: line["trace"]["turns"][0].update(index=3), "turn 0 is numbered 3"),
        (lambda line: line["trace"]["turns"][0].update(text="short"), "contradicts itself"),
        (lambda line: line["trace"]["turns"][0]["authors"].clear(), "do not cover"),
        (lambda line: line["trace"]["turns"][0]["thought"].update(end=10**9), "is not in its text"),
        (lambda line: line["trace"]["steps"][0].update(turn=5), "lies in turn 5"),
        (lambda line: line["trace"]["steps"][0]["span"].update(start=-4), "span of step 0"),
        (lambda line: line["trace"]["sample"]["truth"].update(kind="box"), "does not fit"),
        (lambda line: line["trace"]["sample"]["pictures"].clear(), "no picture"),
        (lambda line: line["trace"]["sample"]["pictures"][0].update(sha256="0" * 64), "not in this data folder"),
        (lambda line: line["trace"]["sample"]["pictures"][0].update(sha256="../../etc/passwd"), "not the content hash"),
        (lambda line: line["trace"]["sample"]["pictures"][0]["size"].update(width=5), "has 5 x 1000 px"),
        (lambda line: line["trace"]["frame"]["picture"].update(width=5), "frame is for a picture of 5 x 1000"),
        (lambda line: line["trace"].update(policy="p" * 600), "at most 500"),
    ],
)
def test_a_line_that_was_changed_by_hand_is_refused_in_words(filled: Bench, tmp_path: Path, spoil: object, reason: str) -> None:
    assert callable(spoil)
    out = tmp_path / "out.jsonl"
    export_jsonl(filled.store, ALL, out)
    line = json.loads(out.read_text().splitlines()[0])
    spoil(line)
    out.write_text(json.dumps(line) + "\n")
    report = run_import(ImportRequest((out,), dataset="changed"), filled.store, filled.pictures)
    assert report.count(Outcome.REFUSED) == 1
    assert reason in report.refused[0].words


def test_a_picture_that_is_not_what_its_name_says_is_refused(filled: Bench, tmp_path: Path) -> None:
    out, folder = tmp_path / "out.jsonl", tmp_path / "pictures_out"
    export_jsonl(filled.store, ALL, out, pictures=filled.pictures, picture_folder=folder)
    for file in folder.iterdir():
        file.write_bytes((filled.root / "images/small.png").read_bytes())
    other = PictureStore(tmp_path / "empty")
    report = run_import(ImportRequest((out,), folder, dataset="changed"), filled.store, other)
    assert report.count(Outcome.REFUSED) == 6
    assert "it was changed" in report.refused[0].words


def test_pictures_are_named_by_their_hash(filled: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "pictures_out"
    export_jsonl(filled.store, ALL, tmp_path / "out.jsonl", pictures=filled.pictures, picture_folder=folder)
    for file in folder.iterdir():
        assert file.stem == hashlib.sha256(file.read_bytes()).hexdigest()
        assert file.suffix in (".png", ".jpg")


def test_an_export_is_whole_or_not_there(filled: Bench, tmp_path: Path) -> None:
    out = tmp_path / "target" / "out.jsonl"
    with pytest.raises(StoreError, match="cannot be written"):
        export_jsonl(filled.store, ALL, out)
    out.parent.mkdir()
    out.write_text("the export of yesterday")

    def break_off(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_jsonl(filled.store, ALL, out, progress=break_off)
    assert [path.name for path in out.parent.iterdir()] == ["out.jsonl"]
    assert out.read_text() == "the export of yesterday"


def test_a_picture_that_is_gone_is_named(filled: Bench, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="There is no picture"):
        export_jsonl(filled.store, ALL, tmp_path / "o.jsonl", pictures=PictureStore(tmp_path / "empty"), picture_folder=tmp_path / "p")


def test_a_table_has_a_row_a_step(filled: Bench, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    assert export_csv(filled.store, ALL, out).traces == 6
    with out.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == sum(max(1, len(trace.steps)) for trace in filled.traces)
    assert {row["policy"] for row in rows} == {"'=cmd|' /C calc'!A0"}
    first = rows[0]
    assert (first["picture_name"], first["x"], first["y"], first["inside"], first["step"]) == ("scene.png", "100.0", "50.0", "true", "1")
    look = next(row for row in rows if row["look_x1"])
    assert [look[name] for name in ("look_x1", "look_y1", "look_x2", "look_y2")] == ["0.0", "0.0", "282.0", "232.0"]
