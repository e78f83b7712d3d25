"""The trained probe at a small size: crops and finer overviews teach it the marks, overviews do not."""

from __future__ import annotations

import json

import pytest
import torch

from app import commands
from core.errors import TaskError
from core.tasks.needle.hiding import Probe
from core.tasks.needle.values import DEFAULT, Difficulty, Distractor, Kind, Mark
from training.probe import BLIND, Reading, View, probe

torch.set_num_threads(1)

# Two marks and crops of 64 px: learnt from a few hundred.
SMALL = Difficulty(items=(3, 3), kinds=(Kind.MARK,), distractor=Distractor.NONE, marks=(Mark.ACROSS, Mark.RISING), offset=32, crop=64)


def test_from_crops_the_net_learns_to_read_marks() -> None:
    reading = probe(SMALL, View.CROP, scenes=150, n=150)
    assert reading.probe.accuracy > 0.95 and not reading.at_chance
    assert (reading.probe.trained, reading.probe.n, reading.probe.chance) == (450, 150, 0.5)
    assert 10_000 < reading.parameters < 50_000


@pytest.mark.parametrize("view", BLIND)
def test_from_overviews_it_stays_at_chance(view: View) -> None:
    reading = probe(SMALL, view, scenes=300 if view is View.ITEM else 60, n=300 if view is View.ITEM else 100)
    low, _ = reading.probe.interval
    assert low <= reading.probe.chance


def test_from_a_finer_overview_it_would_read_them() -> None:
    assert probe(SMALL, View.FINER_ITEM, scenes=250, n=200).probe.accuracy > 0.8


def test_the_same_arguments_give_the_same_reading() -> None:
    first, second = (probe(DEFAULT, View.ITEM, scenes=20, n=40, seed=3).probe for _ in range(2))
    assert first == second


def test_the_command_prints_each_reading(capsys: pytest.CaptureFixture[str]) -> None:
    command, arguments = commands.read(["probe", "item", "--scenes", "20", "--n", "40", "--json"])
    commands.run(command, arguments)
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["difficulty"], told["view"], told["n"], told["scenes"]) == ("default", "item", 40, 20)
    assert told["interval"][0] <= told["accuracy"] <= told["interval"][1]


@pytest.mark.parametrize("words", [["sideways"], ["item", "--difficulty", "harder"]])
def test_what_does_not_exist_is_refused(words: list[str]) -> None:
    command, arguments = commands.read(["probe", *words])
    with pytest.raises(TaskError, match="choose from"):
        commands.run(command, arguments)


def test_a_mark_that_is_read_from_an_overview_is_an_alarm() -> None:
    def read(view: View, right: int) -> Reading:
        return Reading(view, Probe(100, 100, right, 0.5), 1, 0.0)

    assert read(View.ITEM, 90).betrays and read(View.WHOLE, 65).betrays
    assert not read(View.ITEM, 55).betrays and not read(View.WHOLE, 30).betrays and not read(View.CROP, 100).betrays
