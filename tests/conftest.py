"""Fixtures for every test: so far, the data recorded from the reference implementation."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# A slow machine is not a defect: no property has a time limit.
settings.register_profile("saccade", deadline=None)
settings.load_profile("saccade")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder `shared` beside the checkout, with parity data and pictures; skips the test where it is not there."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip("the folder ../shared with the reference's recorded outputs is not beside this checkout")
    return folder
