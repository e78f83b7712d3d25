"""Tables as files: nothing runs in a spreadsheet, everything can be had back, and numbers stay numbers."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotations.csv_cells import plain_cell
from annotations.ratings.values import RatingKind
from annotations.results.tables import About, Table, csv_text, jsonl_text
from tests.annotations.results.made import rated, study, told

ABOUT = About("pilot", (1, 2), None, 7, 2000)
BYPASSES = [
    "=1+1",
    "+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1",
    "\u00a0=1",
    "\u3000\n+1",
    "\uff1d1",
    "\uff0b1",
    "\uff0d1",
    "\uff20x",
    "\u200b=1",
    "'=1",
]


def read(table: Table) -> list[dict[str, str]]:
    text = "".join(csv_text(table))
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


@pytest.mark.parametrize("text", BYPASSES)
def test_no_text_of_a_person_runs_in_a_spreadsheet(text: str) -> None:
    rows = [rated(comment=text), rated("t2", kind=RatingKind.SKIPPED, reason=f"{text} reason")]
    table = told(rows).tables["ratings"]
    comment, reason = read(table)[0]["comment"], read(table)[1]["reason"]
    assert comment.startswith("'") and reason.startswith("'")
    assert (plain_cell(comment), plain_cell(reason)) == (text, f"{text} reason")
    assert json.loads(next(jsonl_text(table)))["comment"] == text


@given(st.lists(st.text(alphabet=st.characters(exclude_categories=("Cs",), exclude_characters="\0")), min_size=1, max_size=4))
def test_every_text_survives_both_files(texts: list[str]) -> None:
    table = Table("made", "Made up", tuple(f"c{number}" for number in range(len(texts))), (tuple(texts),), ABOUT)
    (row,) = read(table)
    assert [plain_cell(row[column]) for column in table.columns] == texts
    (line,) = jsonl_text(table)
    assert line.isascii() and line.count("\n") == 1
    assert [json.loads(line)[column] for column in table.columns] == texts


def test_numbers_stay_numbers_with_their_sign() -> None:
    table = Table("made", "Made up", ("a", "b", "c", "d", "e"), ((-0.25, -3, None, True, 1 / 3),), ABOUT)
    line = "".join(csv_text(table)).splitlines()[1]
    assert line == '-0.25,-3,"","true",0.333333,"pilot","1 2",7,2000'
    assert json.loads(next(jsonl_text(table))) == {
        "a": -0.25,
        "b": -3,
        "c": None,
        "d": True,
        "e": 0.333333,
        "study": "pilot",
        "guideline_versions": "1 2",
        "seed": 7,
        "resamples": 2000,
    }


def test_a_negative_difference_is_a_number_in_the_table() -> None:
    found = told(study(6, traces=10))
    changes = [float(row["change"]) for row in read(found.tables["leave_one_out"])]
    assert min(changes) < 0 < max(changes)


def test_all_tables_say_what_they_were_made_of() -> None:
    found = told(study(7, traces=10), seed=3, resamples=150)
    assert set(found.tables) >= {
        "headline",
        "by_step",
        "by_domain",
        "by_policy",
        "by_answer",
        "pairs",
        "agreement",
        "points",
        "raters",
        "leave_one_out",
        "ratings",
    }
    for table in found.tables.values():
        assert {len(row) for row in table.rows} <= {len(table.columns)}
        assert len(set(table.columns)) == len(table.columns)
        document: dict[str, Any] = json.loads(json.dumps(table.to_json(), allow_nan=False))
        assert document["about"] == {"study": "pilot", "versions": [1], "asked": None, "seed": 3, "resamples": 150}
        for row in read(table):
            assert (row["study"], row["guideline_versions"], row["seed"], row["resamples"]) == ("pilot", "1", "3", "150")


def test_tables_tell_the_figures_of_the_results() -> None:
    found = told(study(8, traces=20))
    first = read(found.tables["headline"])[0]
    accuracy = found.headlines[0]
    assert float(first["value"]) == pytest.approx(accuracy.value, abs=1e-6)
    assert (int(first["ratings"]), float(first["both_low"])) == (accuracy.n.ratings, pytest.approx(accuracy.intervals.both.low, abs=1e-6))
    assert (first["paper_value"], first["paper_n"]) == ("0.728", "20")
    assert len(found.tables["ratings"].rows) == found.counts.ratings
    assert len(found.tables["by_step"].rows) == 3 * 4
    rating = json.loads(next(jsonl_text(found.tables["ratings"])))
    assert {rating["answer_accurate"], rating["score_accurate"]} <= {"yes", "no", "unsure", 1.0, 0.0, None}
    assert rating["fate"] == "counts"


def test_a_pseudonym_stays_whoever_else_rates() -> None:
    """And is the one that the manifest of curated records has: a rater's number."""
    late, early = rated(rater=41), rated("t2", rater=7)
    assert [entry.rater for entry in told([late], pseudonyms=True).raters] == ["r41"]
    assert [entry.rater for entry in told([late, early], pseudonyms=True).raters] == ["r7", "r41"]
