"""`launch.py import`, `export` and `remove`, as a person meets them: words, files and exit codes."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from PIL import Image

from app import commands
from core.errors import ImportRefused, NotFound, ReadOnly, SaccadeError, StartError, StoreError

GOOD = {
    "question": "<image>\nWhat colour is the lamp?",
    "image": "scene.png",
    "true_answer": "blue",
    "thoughts": ["<think>\nThe lamp at (100, 50) is blue.\n</think>"],
    "final_answer": "blue",
    "judge_score": 1.0,
    "id": "7",
}


def run(folder: Path, *words: str | Path) -> int:
    """The exit code of a command line, with the data of this test."""
    command, arguments = commands.read([*(str(word) for word in words), "--data-dir", str(folder / "data")])
    return commands.run(command, arguments)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with a picture root, a good file and one with a bad line."""
    (tmp_path / "root").mkdir()
    Image.new("RGB", (2000, 1000), "white").save(tmp_path / "root/scene.png")
    (tmp_path / "good.jsonl").write_text(json.dumps(GOOD) + "\n")
    (tmp_path / "mixed.jsonl").write_text(json.dumps(GOOD | {"id": "8"}) + "\n{broken\n")
    return tmp_path


def test_an_import_tells_what_it_took_and_a_second_one_that_nothing_is_new(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(files, "import", files / "good.jsonl", "--image-root", files / "root") == 0
    said = capsys.readouterr().out
    assert "1 line: 1 taken, 0 repaired, 0 refused, 0 already there; 1 trace added." in said
    assert "Kinds: 1 evaluation rollout\n" in said
    assert "Point frame: pixels of the picture as it is stored, because: there is no args.json beside the file" in said
    assert "Domain: spatial: the truth is a text and nothing is zoomed (1)" in said
    assert run(files, "import", files / "good.jsonl", "--image-root", files / "root") == 0
    assert "Nothing new" in capsys.readouterr().out


def test_refused_lines_are_listed_and_the_others_are_taken(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(files, "import", files / "mixed.jsonl", "--image-root", files / "root", "--report", files / "verdicts.jsonl") == 0
    said = capsys.readouterr()
    assert "mixed.jsonl, line 2: refused: Not JSON:" in said.out
    assert "100%  file 1 of 1, 2 lines, 1 refused" in said.err
    assert [json.loads(line)["outcome"] for line in (files / "verdicts.jsonl").read_text().splitlines()] == ["taken", "refused"]
    (files / "bad.jsonl").write_text("{broken\n")
    assert run(files, "import", files / "bad.jsonl") == 1


def test_strict_is_taken_back_with_a_sentence(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ImportRefused, match="one refused line is enough, and there were 1"):
        run(files, "import", files / "mixed.jsonl", "--image-root", files / "root", "--strict")
    assert "line 2: refused" in capsys.readouterr().out
    run(files, "export", "--out", files / "out.jsonl")
    assert (files / "out.jsonl").read_text() == ""


def test_a_preview_is_drawn_and_a_dry_run_adds_nothing(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(files, "import", files / "good.jsonl", "--image-root", files / "root", "--dry-run", "--preview", files / "preview.png")
    said = capsys.readouterr().out
    assert "--frame auto: as recovered: pixels of the picture as it is stored, there is no args.json beside the file" in said
    assert "--frame original: pixels of the picture as it is stored: 0 of 1 points outside" in said
    assert not (files / "preview-2.png").exists()
    assert "1 trace would be added" in said
    with Image.open(files / "preview.png") as drawn:
        assert drawn.size == (1200, 600)


def test_a_preview_draws_a_picture_for_each_frame(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (files / "limited").mkdir()
    (files / "limited/rows.jsonl").write_text(json.dumps(GOOD) + "\n")
    (files / "limited/args.json").write_text(json.dumps({"max_image_side": 1000}))
    paths = (files / "good.jsonl", files / "limited")
    run(files, "import", *paths, "--image-root", files / "root", "--dry-run", "--preview", files / "preview.png")
    said = capsys.readouterr().out
    assert "--frame auto: as recovered: in the frame of each file, 1 trace: original; 1 trace: side:1000: 0 of 2 points outside" in said
    assert f"args.json: max_image_side 1000 (1 trace) is in {files / 'preview-2.png'}." in said
    assert (files / "preview.png").read_bytes() != (files / "preview-2.png").read_bytes()


def test_points_outside_are_a_warning(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(files, "import", files / "good.jsonl", "--image-root", files / "root", "--frame", "side:60")
    assert "Warning: 1 of 1 points (100.0 %) lie outside their picture. The frame original" in capsys.readouterr().out


def test_text_from_a_file_does_not_steer_the_terminal(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (files / "steering.jsonl").write_text(json.dumps({"\x1b[2J\x1b]0;title\x07": 1}) + "\n")
    run(files, "import", files / "steering.jsonl")
    assert "\x1b" not in capsys.readouterr().out


def test_an_export_is_written_and_read_back(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(files, "import", files / "good.jsonl", "--image-root", files / "root", "--dataset", "first")
    assert run(files, "export", "--out", files / "out.jsonl", "--pictures", files / "pictures") == 0
    assert f"Wrote 1 trace to {files / 'out.jsonl'}, and 1 new picture to {files / 'pictures'}." in capsys.readouterr().out
    other = files / "other"
    other.mkdir()
    run(other, "import", files / "out.jsonl", "--image-root", files / "pictures")
    run(other, "export", "--out", other / "out.jsonl")
    assert (other / "out.jsonl").read_bytes() == (files / "out.jsonl").read_bytes()
    run(files, "export", "--out", files / "out.csv", "--dataset", "first", "--correct", "wrong")
    assert (files / "out.csv").read_text(encoding="utf-8-sig").count("\n") == 1


def test_what_an_export_cannot_be_is_said(files: Path) -> None:
    with pytest.raises(StoreError, match=r"\.jsonl or \.csv"):
        run(files, "export", "--out", files / "out.xlsx")
    with pytest.raises(StoreError, match="--pictures"):
        run(files, "export", "--out", files / "out.csv", "--pictures", files / "pictures")


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--dataset", "First", "No trace has the data set “First”, so nothing was written: there are first."),
        ("--policy", "gpt", "No trace has the model “gpt”, so nothing was written: there are unknown."),
        ("--stop", "answerd", "No trace has the stop reason “answerd”, so nothing was written: there are answered."),
        ("--domain", "web_action", "No trace has the domain “web_action”, so nothing was written: there are spatial."),
    ],
)
def test_an_export_of_what_no_trace_has_says_so_and_writes_nothing(files: Path, option: str, value: str, said: str) -> None:
    run(files, "import", files / "good.jsonl", "--image-root", files / "root", "--dataset", "first")
    for name in ("out.jsonl", "out.csv"):
        with pytest.raises(NotFound) as caught:
            run(files, "export", "--out", files / name, option, value)
        assert str(caught.value) == said
        assert not (files / name).exists()


def test_an_export_with_more_looks_than_there_may_be_says_so(files: Path) -> None:
    run(files, "import", files / "good.jsonl", "--image-root", files / "root")
    with pytest.raises(StoreError, match="at least 3 and at most 1 looks"):
        run(files, "export", "--out", files / "out.jsonl", "--min-looks", "3", "--max-looks", "1")
    assert not (files / "out.jsonl").exists()


@pytest.mark.parametrize("words", [("export", "--out", "out.jsonl"), ("remove", "--dataset", "first", "--yes")])
def test_a_mistyped_place_is_one_sentence_and_makes_no_database(
    files: Path, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(files)
    with pytest.raises(StartError, match=r"There is no database in .*data: name the folder that it is in with --data-dir\."):
        run(files, *words)
    with pytest.raises(StartError, match=r"There is no database at .*other\.db: give the address of one with --database\."):
        run(files, *words, "--database", f"sqlite:///{files / 'other.db'}")
    assert sorted(path.name for path in files.iterdir()) == ["good.jsonl", "mixed.jsonl", "root"]


@pytest.mark.parametrize("words", [("import", "good.jsonl"), ("export", "--out", "out.jsonl")])
def test_a_folder_of_a_database_that_is_not_there_names_its_own_option(
    files: Path, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(files)
    with pytest.raises(SaccadeError, match=r"folder .*missing of the database does not exist: .* with --database\."):
        run(files, *words, "--database", f"sqlite:///{files / 'missing/other.db'}")


def test_an_import_that_adds_nothing_because_of_refusals_fails(files: Path) -> None:
    assert run(files, "import", files / "mixed.jsonl", "--image-root", files / "root") == 0
    assert run(files, "import", files / "mixed.jsonl", "--image-root", files / "root") == 1, "one is there already, the other refused"
    (files / "README.md").write_text("# Saccade\n\n" + "A line of prose.\n" * 30)
    (files / "errors.jsonl").write_text(json.dumps({"id": "1", "error": "timeout"}) + "\n")
    assert run(files, "import", files / "README.md", files / "errors.jsonl") == 1
    assert run(files, "import", files / "errors.jsonl") == 0, "nothing new, and nothing refused"


def answers(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """What a person types, and then the end of the input."""
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_a_data_set_is_removed_after_a_question(files: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    run(files, "import", files / "good.jsonl", "--image-root", files / "root", "--dataset", "first")
    run(files, "import", files / "good.jsonl", "--image-root", files / "root", "--dataset", "second")
    for text in ("", "n\n", "what\n"):
        answers(monkeypatch, text)
        assert run(files, "remove", "--dataset", "first") == 1
    said = capsys.readouterr().out
    assert "Remove 1 trace and 1 sample of the data set “first” for good? [y/N]" in said
    assert "Nothing was removed" in said
    answers(monkeypatch, "y\n")
    assert run(files, "remove", "--dataset", "first") == 0
    assert capsys.readouterr().out.endswith("Removed 1 trace and 1 sample of the data set “first”.\n")
    assert run(files, "remove", "--dataset", "second", "--yes") == 0
    assert "1 picture that no other data set shows is left in the picture folder" in capsys.readouterr().out
    assert len(list((files / "data/pictures").glob("??/*"))) == 1
    with pytest.raises(NotFound, match="no data set “second”"):
        run(files, "remove", "--dataset", "second", "--yes")


def test_reading_only_removes_nothing(files: Path) -> None:
    run(files, "import", files / "good.jsonl", "--image-root", files / "root", "--dataset", "first")
    with pytest.raises(ReadOnly, match="--read-only"):
        run(files, "remove", "--dataset", "first", "--yes", "--read-only")
    run(files, "export", "--out", files / "out.jsonl")
    assert (files / "out.jsonl").read_text().count("\n") == 1


@pytest.mark.parametrize("option", ["--traces", "--steps", "--repeats"])
@pytest.mark.parametrize("value", ["-5", "0", "many"])
def test_a_bench_of_nothing_is_refused_with_a_sentence(option: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        commands.read(["bench", "store", option, value])
    assert f"argument {option}: '{value}' is no such number: give a whole number of at least 1" in capsys.readouterr().err
