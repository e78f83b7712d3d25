"""References: four kinds, and one sentence for everything else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import PolicyError
from core.policies.references import Reference, ReferenceKind, needle_folder, needle_ships, read_reference


@pytest.mark.parametrize(
    ("text", "kind", "place", "model", "name"),
    [
        ("Qwen/Qwen2.5-VL-3B-Instruct", "hub", "Qwen/Qwen2.5-VL-3B-Instruct", None, "Qwen/Qwen2.5-VL-3B-Instruct"),
        ("  gsarch/ViGoRL-3b-Web-Grounding\n", "hub", "gsarch/ViGoRL-3b-Web-Grounding", None, "gsarch/ViGoRL-3b-Web-Grounding"),
        ("/models/mine", "folder", "/models/mine", None, "mine"),
        ("./mine/", "folder", "mine", None, "mine"),
        ("~/mine", "folder", str(Path("~/mine").expanduser()), None, "mine"),
        ("http://localhost:8000/v1#qwen", "server", "http://localhost:8000/v1", "qwen", "qwen"),
        ("http://localhost:8000", "server", "http://localhost:8000/v1", None, "http://localhost:8000/v1"),
        ("https://gpu.lab.org/serve/v1/#Qwen/Qwen3-VL", "server", "https://gpu.lab.org/serve/v1", "Qwen/Qwen3-VL", "Qwen/Qwen3-VL"),
        ("replay", "replay", "", None, "replay"),
        ("replay:runs/one.jsonl", "replay", "runs/one.jsonl", None, "runs/one.jsonl"),
    ],
)
def test_what_is_named(text: str, kind: str, place: str, model: str | None, name: str) -> None:
    found = read_reference(text)
    assert found == Reference(text.strip(), ReferenceKind(kind), place, model)
    assert found.name == name


def test_a_folder_that_is_there_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Qwen" / "mine").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert read_reference("Qwen/mine").kind is ReferenceKind.FOLDER
    assert read_reference("Qwen").kind is ReferenceKind.FOLDER
    assert read_reference("Qwen/other").kind is ReferenceKind.HUB
    assert read_reference(".").name == tmp_path.name


def test_the_policy_that_ships_is_named_by_one_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SACCADE_NEEDLE", raising=False)
    assert needle_folder().parts[-3:] == ("static", "policies", "needle")
    monkeypatch.setenv("SACCADE_NEEDLE", str(tmp_path))
    named = read_reference(" needle ")
    assert named == Reference("needle", ReferenceKind.FOLDER, str(tmp_path)) and named.name == "Needle"
    assert not needle_ships()
    (tmp_path / "config.json").write_text("{}")
    assert not needle_ships(), "a configuration alone answers nothing"
    (tmp_path / "model.safetensors").touch()
    assert needle_ships()
    # A folder that is called so is named as a folder.
    monkeypatch.chdir(tmp_path)
    (tmp_path / "needle").mkdir()
    assert read_reference("./needle").place == "needle" and read_reference("./needle").name == "needle"


def test_a_home_that_nobody_has_is_a_folder_that_is_not_there() -> None:
    assert read_reference("~0").kind is ReferenceKind.FOLDER and read_reference("~0").name == "~0"


def test_a_folder_that_every_run_has_is_named_with_the_run(tmp_path: Path) -> None:
    assert read_reference(str(tmp_path / "needles" / "checkpoint-500")).name == "needles/checkpoint-500"
    assert read_reference(str(tmp_path / "needles" / "trained")).name == "needles/trained"
    assert read_reference(str(tmp_path / "needles")).name == "needles"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "not by nothing"),
        ("   ", "not by nothing"),
        ("gpt2", "'gpt2' names no policy: give a hub name .* is written ./gpt2"),
        ("a/b/c", "names no policy"),
        ("Qwen/..", "names no policy"),
        ("org/na me", "names no policy"),
        ("org/na\x00me", "is named by"),
        ("a" * 5000, "names no policy"),
        ("ftp://host/v1", "is no address of a server: write http://host:port/v1#model"),
        ("http:///v1", "is no address of a server"),
        ("http://host:99999/v1", "is no address of a server"),
        ("http://[::1/v1", "is no address of a server"),
        ("http://host/v1?key=1", "A key does not belong into an address"),
    ],
)
def test_what_names_nothing(text: str, sentence: str) -> None:
    with pytest.raises(PolicyError, match=sentence):
        read_reference(text)


def test_a_key_in_an_address_is_not_repeated() -> None:
    with pytest.raises(PolicyError, match=r"does not belong into an address: name host:8000 without it") as told:
        read_reference("http://me:secret-key@host:8000/v1")
    assert "secret-key" not in str(told.value)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = read_reference(text)
    except PolicyError as error:
        assert "\n" not in str(error)
    else:
        assert read_reference(found.text) == found
