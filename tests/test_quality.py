"""Style, formatting and types, checked by the tools that the test requirements pin."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def check(tool: str, *arguments: str) -> None:
    """Run a tool on the project; its own words are the failure."""
    if importlib.util.find_spec(tool) is None:
        pytest.skip(f"{tool} is not installed here; the test command installs it")
    ended = subprocess.run([sys.executable, "-m", tool, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"{ended.stdout}{ended.stderr}"


def test_the_style_is_kept() -> None:
    check("ruff", "check", ".")


def test_the_formatting_is_kept() -> None:
    check("ruff", "format", "--check", ".")


@pytest.mark.slow
def test_the_types_are_right() -> None:
    parts = [part for part in ("core", "annotations", "app", "training") if any((ROOT / part).rglob("*.py"))]
    check("mypy", "launch.py", *parts)
