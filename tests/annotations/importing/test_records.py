"""Records give samples without traces; error logs give events."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from annotations.importing.errors import RUN_FAILED
from annotations.importing.report import Outcome
from core.geometry import Box
from core.trace import DomainName, TruthKind
from tests.annotations.importing.conftest import Bench
from tests.annotations.importing.lines import QUESTION, error, eval_record, jsonl, rl_record


def test_an_rl_record_gives_a_sample(bench: Bench) -> None:
    path = bench.write("rl.jsonl", jsonl(rl_record(), rl_record()))
    report = bench.take(path)
    assert (report.samples_added, report.traces_added) == (1, 0)
    assert (report.count(Outcome.TAKEN), report.count(Outcome.ALREADY_THERE)) == (1, 1)
    (sample,) = bench.store.iter_samples("rl")
    assert (sample.question, sample.truth.text, sample.domain) == ("What colour is the lamp?", "blue", DomainName.SPATIAL)
    again = bench.take(path)
    assert (again.samples_added, again.count(Outcome.ALREADY_THERE)) == (0, 2)
    assert "Nothing new" in again.words


def test_an_evaluation_record_gives_a_sample_with_its_box_in_original_pixels(bench: Bench) -> None:
    bench.take(bench.write("eval.jsonl", jsonl(eval_record(sub_task="any"))))
    (sample,) = bench.store.iter_samples("eval")
    assert (sample.truth.kind, sample.truth.box, sample.external_id) == (TruthKind.BOX, Box(10, 20, 30, 40), "5")


def test_a_box_on_a_turned_picture_is_turned_upright(bench: Bench) -> None:
    bench.take(bench.write("eval.jsonl", jsonl(eval_record(image="images/turned.jpg"))))
    (sample,) = bench.store.iter_samples("eval")
    assert sample.truth.box is not None
    assert [round(corner) for corner in sample.truth.box.corners] == [560, 10, 580, 30]


@pytest.mark.parametrize("key", ["images", "image_paths", "image", "image_1"])
def test_pictures_are_found_under_every_key(bench: Bench, key: str) -> None:
    row = rl_record()
    del row["images"]
    row[key] = "images/scene.png" if key in ("image", "image_1") else ["images/scene.png"]
    assert bench.take(bench.write("rl.jsonl", jsonl(row))).samples_added == 1


def test_marks_that_do_not_fit_the_pictures_are_said(bench: Bench) -> None:
    report = bench.take(bench.write("rl.jsonl", jsonl(rl_record(problem=f"<image><image>{QUESTION}"))))
    assert report.count(Outcome.REPAIRED) == 1


def test_parquet_records_are_read(bench: Bench) -> None:
    data = (bench.root / "images/small.png").read_bytes()
    table = pa.table({"problem": [QUESTION] * 2, "answer": ["blue", None], "images": [[{"bytes": data, "path": None}]] * 2})
    pq.write_table(table, bench.folder / "rl.parquet")
    assert bench.take(bench.folder / "rl.parquet", image_root=None).samples_added == 2


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (rl_record(images=[]), "names no picture"),
        (rl_record(problem=None), "no 'problem'"),
        (eval_record(conversations="x"), "not a list of messages"),
        (eval_record(conversations=[{"value": 1}]), "no text"),
        (eval_record(conversations=[{"value": QUESTION}, {"value": [1]}]), "the truth"),
        (eval_record(conversations=[{"value": QUESTION}, {"value": f"(1, 2, 3, {'9' * 320})"}]), ""),
        (error(error=None), "which error"),
        (error(error={"a": 1}), "not a text"),
    ],
)
def test_what_cannot_be_taken_is_refused_in_words(bench: Bench, row: dict[str, Any], reason: str) -> None:
    report = bench.take(bench.write("rows.jsonl", jsonl(row, rl_record())))
    if reason:
        assert reason in report.refused[0].words
    assert report.samples_added >= 1


def test_errors_become_events_once(bench: Bench) -> None:
    other = error(id="3", error="exception", error_message="out of memory", timeout_seconds=None)
    path = bench.write("errors.jsonl", jsonl(error(), other))
    verdicts = bench.folder / "verdicts.jsonl"
    report = bench.take(path, report=verdicts)
    assert (report.events_added, report.count(Outcome.TAKEN)) == (2, 2)
    said = verdicts.read_text()
    assert "the run of sample 9 failed with a timeout" in said
    assert "the run of sample 3 failed with an exception: out of memory" in said
    assert bench.take(path).count(Outcome.ALREADY_THERE) == 2
    events = list(bench.store.events(RUN_FAILED))
    assert [(event["sample"], event["error"]) for event in events] == [("9", "timeout"), ("3", "exception")]
