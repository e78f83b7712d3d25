"""The measurement of ratings, in small: real servers, real people in threads, a real kill."""

from __future__ import annotations

from pathlib import Path

import pytest

from annotations.database import open_database, sqlite_url
from annotations.ratings.auditing import audit
from app.bench import ratings
from app.bench.kills import wrong_in
from app.bench.report import table
from app.settings import DATABASE_FILE
from core.errors import StartError


def test_nothing_is_lost_in_a_kill(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = sqlite_url(tmp_path / DATABASE_FILE)
    figures = ratings.run(tmp_path, database=url, raters=(3,), each=2, kills=1, acknowledged=30, traces=20)
    found = {figure.name: figure.values for figure in figures}
    assert len(found["a rating saved, 3 raters without a pause (the database)"]) == 6
    assert found["ratings acknowledged, 1 kills (the database)"][0] >= 30
    for name in (
        "acknowledged ratings lost",
        "rows too many or too few, places given twice",
        "answers that were errors",
        "complaints of integrity_check",
    ):
        assert found[f"{name}, 1 kills (the database)"] == (0.0,)
    assert found["errors and ratings not saved, 3 raters (the database)"] == (0.0,)
    assert "error:" not in capsys.readouterr().err
    assert "p95" in table(figures)
    with pytest.raises(StartError, match="studies in this database"):
        ratings.run(tmp_path, database=url, raters=(), kills=0)


def test_what_is_missing_is_seen(tmp_path: Path) -> None:
    """The count itself is tried: an audit of a study that does not have what was acknowledged says so."""
    url = sqlite_url(tmp_path / DATABASE_FILE)
    database = open_database(url)
    nothing = audit(database, 1)
    database.close()
    assert (nothing.rows, nothing.logged, nothing.most, nothing.checked, nothing.integrity) == (0, 0, 0, True, ())
    assert wrong_in({"token": 7}, nothing, nothing, places=3) == (["token"], 1)
