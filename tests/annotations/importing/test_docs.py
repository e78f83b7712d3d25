"""docs/formats.md speaks of what is there."""

from __future__ import annotations

import argparse
from pathlib import Path

from annotations.exporting import COLUMNS
from annotations.importing.report import Outcome
from app.commands import export_traces, import_traces

PAGE = (Path(__file__).resolve().parents[3] / "docs/formats.md").read_text(encoding="utf-8")


def test_every_column_and_outcome_is_told() -> None:
    assert " ".join(COLUMNS) in " ".join(PAGE.split())
    assert all(f"| {outcome.value} |" in PAGE for outcome in Outcome)


def test_every_option_is_told() -> None:
    known = {"-h", "--help", "--data-dir", "--database", "--read-only"}
    for command in (import_traces, export_traces):
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        options = {option for action in parser._actions for option in action.option_strings} - known
        assert [option for option in sorted(options) if f"`{option}" not in PAGE and f" {option} " not in PAGE] == []
