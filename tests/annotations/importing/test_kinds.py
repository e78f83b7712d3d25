"""Rows are recognised by their keys."""

from __future__ import annotations

from typing import Any

import pytest

from annotations.importing.json_values import BadRow
from annotations.importing.kinds import SourceKind, recognise
from tests.annotations.importing import lines


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        (lines.rollout(), SourceKind.ROLLOUT),
        ({"thoughts": None, "judge_score": None}, SourceKind.ROLLOUT),
        ({"thoughts": [], "final_answer": "x"}, SourceKind.ROLLOUT),
        (lines.tree(), SourceKind.TREE),
        (lines.chain(), SourceKind.CHAIN),
        (lines.dialog(), SourceKind.DIALOG),
        (lines.dialog(messages=lines.dialog()["messages"][:3]), SourceKind.DIALOG),
        ({"messages": [], "image_paths": []}, SourceKind.CHAIN),
        (lines.rl_record(), SourceKind.RL_RECORD),
        (lines.rl_record(answer=None), SourceKind.RL_RECORD),
        (lines.eval_record(), SourceKind.EVAL_RECORD),
        (lines.error(), SourceKind.ERROR),
        ({"format": "saccade.trace", "version": 1, "trace": {}}, SourceKind.OWN_TRACE),
    ],
)
def test_each_kind_is_known_by_its_keys(row: dict[str, Any], kind: SourceKind) -> None:
    assert recognise(row) is kind


@pytest.mark.parametrize(
    ("row", "reason"),
    [({}, "none"), ({"a": 1, "b": 2}, "a, b"), ([1], "a list"), ("text", "a text"), (None, "empty"), (1.5, "a number"), (True, "true or")],
)
def test_what_is_no_kind_is_refused_with_what_was_found(row: Any, reason: str) -> None:
    with pytest.raises(BadRow, match=reason):
        recognise(row)
