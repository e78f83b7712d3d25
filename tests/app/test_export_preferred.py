"""`launch.py export --preferred`, as a person meets it: words, files and refusals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from annotations.curation.recipes import Corrections, Recipe
from annotations.curation.rules import parse_rule
from annotations.curation.splitting import SplitPlan
from annotations.database import open_database, sqlite_url
from annotations.pictures import PictureStore
from annotations.ratings.values import Correction
from app import commands
from app.preferred import export_command, read_rule
from app.settings import DATA_DIR, Settings
from core.errors import NotFound, RuleError, SaccadeError, StudyError
from core.geometry import Point
from core.manifest import read_manifest
from core.records import read_records
from core.trace import Trace
from tests.annotations.curation.making import Bench, thought
from tests.app.rating_world import make_trace


def run(folder: Path, *words: str | Path) -> int:
    """The exit code of a command line, with the data of this test."""
    command, arguments = commands.read([*(str(word) for word in words), "--data-dir", str(folder / "data")])
    return commands.run(command, arguments)


def rated_traces() -> list[Trace]:
    return [thought(f"The lamp number {number} is at (100, 50).", picture=f"{number:064x}") for number in range(4)]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Stores over the database in the folder `data` of the test."""
    (tmp_path / "data").mkdir()
    database = open_database(sqlite_url(tmp_path / "data/saccade.sqlite3"))
    yield Bench(database)
    database.close()


@pytest.fixture
def rated(bench: Bench) -> Bench:
    """A study with four rated traces: two good ones, one that people corrected, one bad one."""
    made = rated_traces()
    study = bench.begin(*made)
    bench.say(study, made[0], "yes 4", "yes 5")
    bench.say(study, made[1], "yes 4", "yes 4")
    moved = Correction(point=Point(300, 200))
    bench.say(study, made[2], "no 4", "no 4", corrections={1: moved, 2: moved})
    bench.say(study, made[3], "no 1", "no 2")
    return bench


def test_preferred_traces_are_written_with_their_manifest(rated: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "records.jsonl"
    assert run(tmp_path, "export", "--preferred", "raters>=2,helpful >= 3.5", "--out", out) == 0
    said = capsys.readouterr().out
    assert said == (
        "Of 4 rated traces of the study “First”, 3 pass the rule helpful>=3.5, raters>=2.\n"
        "  1 trace turned down by helpful>=3.5\n"
        "  1 point moved by people, in 1 trace\n"
        "By picture: 3 train, 0 validation, 0 test. The ratings of 2 people were used.\n"
        f"Wrote 3 records to {out}, their manifest to records.jsonl.manifest.json beside it.\n"
    )
    assert len(list(read_records(out))) == 3
    assert read_manifest(out).rule == "helpful>=3.5, raters>=2"
    first = out.read_bytes()
    assert run(tmp_path, "export", "--preferred", "helpful>=3.5, raters>=2", "--out", out) == 0
    assert out.read_bytes() == first
    capsys.readouterr()
    options = ("--corrections", "leave", "--split", "0.4,0.3,0.3", "--seed", "7", "--study", "First", "--read-only")
    assert run(tmp_path, "export", "--preferred", "wrong", "--out", out, *options) == 0
    assert "Of 4 rated traces of the study “First”, 0 pass the rule wrong.\n  4 traces turned down by wrong\n" in capsys.readouterr().out
    curation = read_manifest(out).curation
    assert curation and (curation.corrections, curation.shares, curation.seed) == ("leave", (0.4, 0.3, 0.3), 7)


def test_a_rule_may_lie_in_a_file(rated: Bench, tmp_path: Path) -> None:
    path = tmp_path / "rule.txt"
    path.write_text("\ufeffhelpful>=3.5,\n  raters>=2\n", encoding="utf-8")
    run(tmp_path, "export", "--preferred", path, "--out", tmp_path / "records.jsonl")
    assert read_manifest(tmp_path / "records.jsonl").rule == "helpful>=3.5, raters>=2"
    path.write_text("helpful>=3.5, rater>=2")
    with pytest.raises(RuleError, match=r"rule\.txt: A rule knows no 'rater' \(did you mean raters\?\)"):
        read_rule(str(path))
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RuleError, match=r"rule\.txt: the rule cannot be read \(it is not text in UTF-8\)"):
        read_rule(str(path))
    for text in (str(tmp_path), "missing.txt", "a\0b", "x" * 5000):
        with pytest.raises(RuleError):
            read_rule(text)


def test_the_pictures_are_written_too(bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = make_trace(PictureStore(tmp_path / "data/pictures"))
    study = bench.begin(trace)
    bench.say(study, trace, "yes 4")
    run(tmp_path, "export", "--preferred", "any", "--out", tmp_path / "records.jsonl", "--pictures", tmp_path / "shown")
    assert f"and 1 new picture to {tmp_path / 'shown'}." in capsys.readouterr().out
    assert [file.stem for file in (tmp_path / "shown").iterdir()] == [trace.sample.pictures[0].sha256]
    assert json.loads((tmp_path / "records.jsonl").read_text())["pictures"][0]["sha256"] == trace.sample.pictures[0].sha256


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("--preferred", "any", "--dataset", "demo"),
            r"--dataset does not go with --preferred: a rule says which traces, with dataset=, domain=, policy=",
        ),
        (("--preferred", "any", "--correct", "right"), "--correct does not go with --preferred"),
        (("--preferred", "any", "--min-looks", "0"), "--min-looks does not go with --preferred"),
        (("--preferred", "any", "--out", "out.csv"), r"Preferred traces are written as records, a line each: end out\.csv in \.jsonl\."),
        (("--study", "First"), "--study belongs to preferred traces: give a rule too, with --preferred"),
        (("--corrections", "leave"), "--corrections belongs to preferred traces"),
        (("--seed", "0"), "--seed belongs to preferred traces"),
        (("--preferred", ""), "The rule is empty"),
        (("--preferred", "any", "--split", "0.5,0.6,0.1"), "make 1 together, not 0.5,0.6,0.1"),
        (("--preferred", "any", "--split", "half"), "three shares"),
        (("--preferred", "any", "--seed", "-1"), "seed of a split is a whole number of 0 or more"),
        (("--preferred", "helpful>=6"), "Helpfulness goes up to 5 in this study"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_written(rated: Bench, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    with pytest.raises(RuleError, match=said):
        run(tmp_path, "export", "--out", tmp_path / "records.jsonl", *words)
    assert not list(tmp_path.glob("*.jsonl*")) and not list(tmp_path.glob("*.part"))


def test_the_study_must_be_clear(bench: Bench, tmp_path: Path) -> None:
    words = ("export", "--preferred", "any", "--out", tmp_path / "records.jsonl")
    with pytest.raises(StudyError, match="No study has ratings yet"):
        run(tmp_path, *words)
    made = rated_traces()
    first = bench.begin(*made)
    second = bench.studies.create("Second", first.settings)
    bench.say(first, made[0], "yes 4")
    bench.say(second, made[0], "yes 4")
    with pytest.raises(StudyError, match="add --study NAME, with one of “Second”, “First”"):
        run(tmp_path, *words)
    with pytest.raises(NotFound, match="no study “Frist”: there are First, Second"):
        run(tmp_path, *words, "--study", "Frist")
    assert run(tmp_path, *words, "--study", "Second") == 0


def test_a_folder_without_a_database_gets_none(tmp_path: Path) -> None:
    with pytest.raises(SaccadeError, match="There is no database in"):
        run(tmp_path, "export", "--preferred", "any", "--out", tmp_path / "records.jsonl")
    assert list(tmp_path.iterdir()) == []


def test_the_command_for_a_recipe_can_be_typed_as_it_is() -> None:
    settings = Settings("127.0.0.1", 0, DATA_DIR, None, False, False)
    plain = Recipe(parse_rule("accurate>=0.8, right"))
    assert export_command("A study's name", plain, settings) == (
        "python3 launch.py export --preferred 'accurate>=0.8, right' --study 'A study'\"'\"'s name' --out records.jsonl"
    )
    full = Recipe(parse_rule("any"), Corrections.LEAVE, SplitPlan((0.123456789, 0.876543211, 0.0), 3))
    elsewhere = Settings("127.0.0.1", 0, Path("/data/my folder"), "postgresql://user:secret@host/name", False, False)
    assert export_command("First", full, elsewhere) == (
        "python3 launch.py export --preferred any --study First --out records.jsonl "
        "--corrections leave --split 0.123456789,0.876543211,0 --seed 3 --data-dir '/data/my folder'"
    )
