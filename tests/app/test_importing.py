"""The Import tab's words: counts read as a person would say them."""

from __future__ import annotations

from annotations.importing.preview import Preview
from annotations.importing.report import Progress
from app.importing import preview_words, progress_words


def test_kinds_are_counted_in_words() -> None:
    found = Preview({"error log": 2, "evaluation rollout": 16, "SFT chain, single-turn": 1, "refused line": 3}, rows=22, whole=True)
    said = preview_words(found)
    assert said == "Found: 16 evaluation rollouts, 3 refused lines, 2 error logs, 1 SFT chain, single-turn (all lines were looked at)."
    assert preview_words(Preview({"search tree": 1}, 1, True)) == "Found: 1 search tree (its one line was looked at)."
    assert preview_words(Preview({"SFT chain, multi-turn": 2000}, 2000, False)).startswith("Found: 2,000 SFT chains, multi-turn (the first")


def test_progress_counts_one_line_as_one() -> None:
    assert progress_words(Progress("a", 1, 1, 50, 100, 1, 0)) == "50 %, 1 line read"
    assert progress_words(Progress("a", 2, 3, 50, 100, 1200, 4, 30.0)) == "file 2 of 3: 50 %, 1,200 lines read, 4 refused, about 30 s left"
