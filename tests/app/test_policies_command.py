"""Policies that were trained here: read off the folders of their runs, scored, offered, and taken off."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from app import commands
from app.policy_list import PolicyList
from app.policy_register import Register, note_beside
from app.policy_shelf import PolicyShelf
from core.errors import NotFound, PolicyError, ReadOnly
from core.policies.local.fingerprints import fingerprint
from tests.app.asking_world import LOOKER, Opening
from tests.app.trained_world import figures, finished


def typed(runs: Path, *words: str) -> int:
    """The exit code of a command line."""
    command, arguments = commands.read(["policies", *words, "--runs", str(runs)])
    return commands.run(command, arguments)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A folder with a finished run, one that is going on, and something else."""
    folder = tmp_path / "runs"
    finished(folder / "mine")
    finished(folder / "going", state="running")
    (folder / "notes").mkdir()
    return folder


def weights(runs: Path) -> str:
    return fingerprint(runs / "mine/trained")


def test_a_finished_run_is_a_policy_that_is_listed(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed(runs) == 0
    assert capsys.readouterr().out.splitlines() == [
        "mine",
        "  from test/base, sft: LoRA",
        f"  data dddddddddddd, {runs / 'mine/trained'}",
    ]
    assert typed(runs, "--json") == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["name"], told["base"], told["recipe"], told["data"], told["offered"]) == ("mine", "test/base", "LoRA", "d" * 64, True)


def test_where_nothing_was_trained_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed(tmp_path / "nowhere") == 0
    assert "No policy was trained here yet" in capsys.readouterr().out


def test_scores_are_taken_up_and_the_newer_ones_count(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, reference = tmp_path / "figures.json", str(runs / "mine/trained")
    typed(runs, "--scores", str(figures(file, reference, weights(runs), right=4)))
    apart = {"difference": 0.3, "interval": [0.1, 0.5], "p_mcnemar": 0.0078, "n": 10}
    beside = {"difficulty": "default", "policy": "mine/trained", "than": "base", "conditions": [{"condition": "as-it-is", "right": apart}]}
    capsys.readouterr()
    assert typed(runs, "--scores", str(figures(file, reference, weights(runs), beside=[beside]))) == 0
    scores = [line for line in capsys.readouterr().out.splitlines() if "right" in line]
    assert scores == [
        "  needle default, test: 80.0 % right (49.0 to 94.0, n = 10); +30.0 than base (+10.0 to +50.0), p = 0.0078",
    ]


def test_an_adapter_is_known_by_its_own_weights_and_not_by_its_base(runs: Path, tmp_path: Path) -> None:
    file = figures(tmp_path / "figures.json", str(runs / "mine/trained"), "0" * 16, adapter=weights(runs))
    assert typed(runs, "--scores", str(file)) == 0
    assert Register([runs]).named("mine").scores[0]["weights"] == weights(runs)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"complete": False}, "was stopped: the same command goes on with it"),
        ({"format": "other"}, "did not write it"),
        ({"evaluations": []}, "is of no policy that was trained here"),
    ],
)
def test_scores_that_say_nothing_are_refused(runs: Path, tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(PolicyError, match=sentence):
        typed(runs, "--scores", str(figures(tmp_path / "f.json", str(runs / "mine/trained"), weights(runs), **changes)))


def test_scores_of_other_weights_are_refused(runs: Path, tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="The weights of mine are not those that were asked"):
        typed(runs, "--scores", str(figures(tmp_path / "f.json", str(runs / "mine/trained"), "0" * 16)))


def test_one_is_taken_off_and_offered_again_and_its_folder_stays(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    typed(runs, "--remove", "mine")
    assert capsys.readouterr().out.startswith("mine (not offered)") and Register([runs]).references == ()
    assert (runs / "mine/trained/config.json").is_file()
    typed(runs, "--restore", str(runs / "mine"))
    assert Register([runs]).references == (str(runs / "mine/trained"),)
    with pytest.raises(NotFound, match=r"No policy 'other' was trained in .*: there are mine"):
        typed(runs, "--remove", "other")
    with pytest.raises(PolicyError, match="One thing at a time"):
        typed(runs, "--remove", "mine", "--restore", "mine")


def test_a_folder_that_has_gone_is_said(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(runs / "mine/trained")
    typed(runs)
    assert "  Its folder " in (said := capsys.readouterr().out) and "is gone: put it back, or take it off the list" in said


def test_two_runs_of_one_name_are_told_apart_by_their_folders(runs: Path, tmp_path: Path) -> None:
    other = finished(tmp_path / "elsewhere/mine")
    register = Register([runs, other.parent])
    with pytest.raises(PolicyError, match="There are 2 policies 'mine': name the folder of one"):
        register.named("mine")
    assert register.named(str(other)).folder == other


def test_the_shelf_offers_what_was_trained_beside_the_others(runs: Path, tmp_path: Path) -> None:
    reference = str(runs / "mine/trained")
    listed = PolicyList((LOOKER,), tmp_path / "policies.json", Register([runs]))
    shelf = PolicyShelf(Opening().open, listed)
    assert shelf.references == (LOOKER, reference, "replay") and shelf.default == LOOKER
    line = shelf.line(reference)
    assert (line.name, line.added, line.about) == ("mine/trained", True, "Trained from test/base: LoRA.")
    shelf.remove(reference)
    assert reference not in shelf.references and not Register([runs]).named("mine").offered


def test_what_somebody_named_by_its_folder_stands_there_once(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert PolicyList(("./runs/mine/trained",), None, Register([Path("runs")])).references == ("./runs/mine/trained",)


def test_the_one_that_it_was_compared_with_is_offered_beside_it(runs: Path, tmp_path: Path) -> None:
    note_beside(runs / "mine", {}, {"than": "test/base"})
    finished(runs / "next", model=str(runs / "mine/trained"))
    note_beside(runs / "next", {}, {"than": str(runs / "mine/trained")})
    register = Register([runs])
    listed = PolicyList((), tmp_path / "policies.json", register)
    new, newer = (str(runs / name / "trained") for name in ("mine", "next"))
    assert listed.references == ("test/base", new, newer)
    assert not listed.is_added("test/base") and listed.is_added(new)
    with pytest.raises(PolicyError, match="test/base stands here beside a policy that was trained from it, and goes when"):
        listed.remove("test/base")
    listed.remove(new)
    # It goes with the one beside which it stood, and what the newer one was compared with stays.
    assert listed.references == (new, newer)
    assert PolicyList(("test/base",), None, Register([runs])).references.count("test/base") == 1


def test_where_nothing_may_be_changed_nothing_is(runs: Path, tmp_path: Path) -> None:
    with pytest.raises(ReadOnly, match="With --read-only nothing is changed beside mine"):
        Register([runs], writes=False).offer("mine", offered=False)
    with pytest.raises(ReadOnly):
        PolicyList((), None, Register([runs])).remove(str(runs / "mine/trained"))
