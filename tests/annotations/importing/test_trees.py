"""Every rollout of every node of a search tree becomes a trace; equal ones are one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from annotations.importing import trees
from annotations.importing.report import Outcome
from core.trace import StopReason
from tests.annotations.importing.conftest import Bench
from tests.annotations.importing.lines import QUESTION, jsonl, rollout, search_rollout, tree

THOUGHT = "<think>\nThe lamp is at (100, 50).\n</think>"


def test_rollouts_become_traces_with_their_place_and_counts(bench: Bench) -> None:
    report = bench.take(bench.write("trees.jsonl", jsonl(tree())))
    assert (report.count(Outcome.TAKEN), report.traces_added) == (1, 2)
    first, second = bench.traces
    assert (first.origin.place, second.origin.place) == ("node 0, rollout 0", "node 0.0, rollout 0")
    assert (first.settings["visit_count"], first.settings["value"], second.settings["visit_count"]) == (4, 0.5, 2)
    assert (first.recorded_score, second.recorded_score) == (1.0, 1.0)
    assert [turn.text for turn in first.turns] == [THOUGHT, "<answer> blue </answer>"]
    # A rollout that starts at an answer ends in its bare text.
    assert [turn.text for turn in second.turns] == [THOUGHT, "<answer> blue </answer>"]
    assert (first.faults, second.faults, first.answer) == ((), (), "blue")


def test_a_thought_that_was_taken_for_an_answer_is_no_answer(bench: Bench) -> None:
    last = "Perhaps at (300, 90)."
    row = tree(search_rollout(last, 0.0, [QUESTION, THOUGHT, last]), search_rollout(THOUGHT, 0.0, [QUESTION, THOUGHT], depth=0))
    bench.take(bench.write("trees.jsonl", jsonl(row)))
    assert [trace.answer for trace in bench.traces] == [None, None, "blue"]
    assert bench.traces[0].stop is StopReason.NO_ACTION


def test_an_answer_after_the_last_permitted_step_was_forced(bench: Bench) -> None:
    bench.write("args.json", json.dumps({"rollout_max_steps": 1}))
    bench.take(bench.write("trees.jsonl", jsonl(tree())))
    assert [trace.stop for trace in bench.traces] == [StopReason.FORCED, StopReason.ANSWERED]


def test_what_cannot_be_read_in_a_tree_does_not_cost_the_rest(bench: Bench) -> None:
    broken: list[dict[str, Any]] = [{"ephemeral_texts": None}, {"ephemeral_texts": [1]}, {"ephemeral_texts": [QUESTION]}]
    row = tree(*broken, search_rollout("red", float("nan"), [QUESTION, THOUGHT, "<answer> red </answer>"]))
    row["tree"]["children"].append("no node")
    report = bench.take(bench.write("trees.jsonl", jsonl(row)))
    assert (report.count(Outcome.REPAIRED), report.traces_added) == (1, 2)
    assert bench.traces[0].origin.place == "node 0, rollout 3"
    assert bench.traces[0].recorded_score is None


def test_a_tree_without_rollouts_gives_its_sample(bench: Bench) -> None:
    root = {"thought_text": QUESTION, "children": [], "rollouts": []}
    report = bench.take(bench.write("trees.jsonl", jsonl(tree(tree=root))))
    assert (report.traces_added, report.samples_added) == (0, 1)


def test_a_deep_tree_is_walked(bench: Bench) -> None:
    node: dict[str, Any] = {"rollouts": [search_rollout("blue", 1.0, [QUESTION, THOUGHT, "<answer> blue </answer>"])], "children": []}
    for _ in range(90):
        node = {"rollouts": [], "children": [node]}
    report = bench.take(bench.write("trees.jsonl", jsonl(tree(tree=node))))
    assert report.traces_added == 1


def test_more_rollouts_than_a_search_makes_are_refused(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "MAX_ROLLOUTS", 2)
    report = bench.take(bench.write("trees.jsonl", jsonl(tree(), rollout())))
    assert "more than 2 rollouts" in report.refused[0].words
    assert report.count(Outcome.TAKEN) == 1
