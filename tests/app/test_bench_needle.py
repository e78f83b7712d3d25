"""The bench of the needle world: the pictures that its page shows are the ones that it draws."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from app.bench import needle
from app.bench.report import table

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_pictures_of_the_page_are_drawn_by_the_bench(tmp_path: Path) -> None:
    written = needle.write_pictures(tmp_path / "pictures")
    shown = set(re.findall(r"\(images/(needle-[\w-]+\.png)\)", (DOCS / "needle.md").read_text(encoding="utf-8")))
    assert {path.name for path in written} == shown
    for path in written:
        with Image.open(path) as drawn, Image.open(DOCS / "images" / path.name) as kept:
            assert ImageChops.difference(drawn.convert("RGB"), kept.convert("RGB")).getbbox() is None, f"{path.name} is drawn otherwise now"
        assert path.stat().st_size < 200_000


def test_every_difficulty_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, count in {"_TIMED": 20, "_COMPARED": 3, "_TRAINED": 60, "_PROBED": 30, "_PROBED_CROPS": 30}.items():
        monkeypatch.setattr(needle, name, count)
    told = table(needle.run(repeats=1))
    for name in ("easy", "default", "hard", "gui"):
        assert f"needle, marks that a probe reads in overviews ({name})" in told
    assert "of 30, 95 %:" in told and "needle, scenes drawn (gui)" in told
