"""`launch.py results`, as a person meets it: words, files and exit codes."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from annotations.database import open_database, sqlite_url
from annotations.results.study import results
from app import commands
from app.settings import DATABASE_FILE
from core.errors import NotFound, StartError, StoreError, StudyError
from tests.annotations.ratings.worlds import World, rated, skipped


def run(folder: Path, *words: str | Path) -> int:
    """The exit code of the command, with the data of this test."""
    command, arguments = commands.read(["results", *(str(word) for word in words), "--data-dir", str(folder)])
    return commands.run(command, arguments)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with one study that two raters rated; one of them has a name that would move a terminal's cursor."""
    database = open_database(sqlite_url(tmp_path / DATABASE_FILE))
    world = World(database)
    study = world.study(traces=4, steps=2, name="Pilot")
    for rater, answers in ((world.rater("Ada"), ("yes", "no", "yes", "skip")), (world.rater("Ben"), ("yes", "yes", "unsure"))):
        for answer in answers:
            (ask,) = world.ratings.next(study.id, rater, count=1)
            said = skipped("\x1b[2Jno picture") if answer == "skip" else rated(answers={"accurate": answer, "helpful": "4"}, comment="=1+1")
            world.rate(study, ask, rater, judgement=said)
    database.close()
    return tmp_path


def name_of(folder: Path) -> str:
    database = open_database(sqlite_url(folder / DATABASE_FILE), read_only=True)
    (study,) = World(database).studies.list()
    database.close()
    return study.name


def test_the_only_study_is_told_in_words_beside_the_paper(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder, "--resamples", "200") == 0
    said = capsys.readouterr().out
    assert f"Study “{name_of(folder)}”, guideline version 1" in said
    assert "6 ratings of" in said and "by 2 raters" in said
    assert "Counted and never scored: Unsure 1 (accurate), skipped 1, withdrawn 0, surplus 0, set apart 0" in said
    (accuracy,) = (line for line in said.splitlines() if line.startswith("Accuracy "))
    assert "80.0 %" in accuracy and "5 of" in accuracy and accuracy.endswith("72.8 % [66.8 %, 78.7 %]")
    assert "arXiv 2505.23678" in said
    assert "leaving one rater out: " in said
    assert "200 resamples with seed 0" in said
    assert "\x1b" not in said and "\ufffd[2Jno picture" in said


def test_json_is_what_the_page_shows(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder, "--json", "--study", name_of(folder), "--seed", "5", "--resamples", "150") == 0
    document = json.loads(capsys.readouterr().out)
    database = open_database(sqlite_url(folder / DATABASE_FILE))
    world = World(database)
    assert document == results(world.studies, world.ratings, 1, seed=5, resamples=150).to_json()
    database.close()


def test_the_same_command_gives_the_same_words_and_a_read_only_store_as_well(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = []
    for words in ([], [], ["--read-only"]):
        assert run(folder, "--resamples", "150", *words) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1] == said[2]


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_table_goes_to_a_file(folder: Path, ending: str, capsys: pytest.CaptureFixture[str]) -> None:
    target = folder / f"table.{ending}"
    assert run(folder, "--table", "ratings", "--out", target, "--pseudonyms", "--resamples", "150") == 0
    assert f"Wrote 7 rows of every rating to {target}." in capsys.readouterr().out
    text = target.read_text(encoding="utf-8-sig")
    rows: list[dict[str, Any]] = (
        [json.loads(line) for line in text.splitlines()] if ending == "jsonl" else list(csv.DictReader(text.splitlines()))
    )
    assert len(rows) == 7
    assert {row["rater"] for row in rows} == {"r1", "r2"}
    assert rows[0]["comment"] == ("=1+1" if ending == "jsonl" else "'=1+1")
    assert "Ada" not in text


def test_what_cannot_be_told_is_said_in_a_sentence(folder: Path) -> None:
    with pytest.raises(NotFound, match="Nobody"):
        run(folder, "--study", "Nobody")
    with pytest.raises(NotFound, match="has no version 4: it has 1"):
        run(folder, "--version", "4")
    with pytest.raises(NotFound, match="There is no table 'words': there are headline, by_step"):
        run(folder, "--table", "words", "--out", folder / "a.csv")
    with pytest.raises(StoreError, match="give both --table NAME and --out FILE"):
        run(folder, "--table", "headline")
    with pytest.raises(StoreError, match=r"end its name in \.csv or \.jsonl"):
        run(folder, "--table", "headline", "--out", folder / "a.xlsx")
    with pytest.raises(StoreError, match="cannot be written"):
        run(folder, "--table", "headline", "--out", folder / "nowhere" / "a.csv", "--resamples", "100")
    with pytest.raises(StudyError, match="resamples, not 3"):
        run(folder, "--resamples", "3")
    with pytest.raises(StartError, match="There is no database"):
        run(folder / "elsewhere")
    assert not list(folder.glob("*.part"))


def test_without_a_study_or_among_several_a_name_is_asked_for(tmp_path: Path) -> None:
    database = open_database(sqlite_url(tmp_path / DATABASE_FILE))
    with pytest.raises(NotFound, match="There is no study yet"):
        run(tmp_path)
    world = World(database)
    names = [world.study(name=name).name for name in ("Second", "First")][::-1]
    database.close()
    with pytest.raises(NotFound, match=f"There are 2 studies, so name one with --study: {names[0]}, {names[1]}"):
        run(tmp_path)
    assert run(tmp_path, "--study", names[1], "--resamples", "100") == 0
