"""The measurement of reinforcement learning, in small: real trainings of a tiny checkpoint by both ways, in this process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from app.bench import train
from app.bench.report import table
from core.errors import StartError
from tests.training.test_command import typed

SMALL = ("grpo.group=2", "at_once=4", "max_new_tokens=4", "min_pixels=16384", "max_pixels=16384", "threads=1")


def test_both_ways_are_measured_on_the_same_questions(tiny_qwen3_vl: Path, tmp_path: Path) -> None:
    begun: list[Sequence[str]] = []

    def begin(words: Sequence[str]) -> None:
        begun.append(words)
        assert typed(*words) == 0

    size = train.Size(pairs=2, steps=1, batch=4, changes=SMALL)
    found = {one.name: one for one in train.run(tmp_path, model=str(tiny_qwen3_vl), seed=7, size=size, begin=begin)}
    # Of a pair all is the same but who writes, and who goes first changes.
    assert [_told(words, "grpo.generation") for words in begun] == ["trl", "engine", "engine", "trl"]
    assert [_told(words, "seed") for words in begun] == ["7", "7", "8", "8"]
    title = f"({tiny_qwen3_vl.name}, 4 rollouts)"
    for way in ("TRL's plain path", "our engine"):
        for name in ("a step of GRPO", "tokens a second in GRPO", "share of time generating", "memory held"):
            figure = found[f"{name}, {way} {title}"]
            # The first step of each training warms up.
            assert len(figure.values) == 2 and min(figure.values) > 0
        assert 0 < found[f"tokens of a rollout, {way} {title}"].median <= 4
    steps = {way: found[f"a step of GRPO, {name} {title}"].values for way, name in train.WAYS.items()}
    times = found[f"times as fast as TRL's plain path, by the step {title}"]
    assert times.values == pytest.approx([plain / ours for plain, ours in zip(steps["trl"], steps["engine"], strict=True)])
    assert "1.5 or more" in table(list(found.values()))


def test_a_training_that_breaks_off_ends_the_measurement_with_its_sentence(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"broke off\. There is no checkpoint in .*nowhere"):
        train.run(tmp_path, model=str(tmp_path / "nowhere"))


def _told(words: Sequence[str], key: str) -> str:
    (found,) = [word for word in words if word.startswith(f"--set={key}=")]
    return found.rpartition("=")[2]
