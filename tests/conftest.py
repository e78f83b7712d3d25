"""Fixtures for every test: so far, the data recorded from the reference implementation."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# What was trained on this machine is no part of any test.
os.environ["SACCADE_RUNS"] = os.devnull

# A slow machine is not a defect: no property has a time limit.
settings.register_profile("saccade", deadline=None)
settings.load_profile("saccade")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order of the files, where several processes share them.

    Files with browser tests are spread evenly among the others: browsers that run beside each other on few cores wait for one another.
    Of either kind those with slow tests come first, so that no process is left with a long file while the others have nothing to do.
    """
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    slow_first = sorted(files, key=lambda path: all(item.get_closest_marker("slow") is None for item in files[path]))
    browsing = [path for path in slow_first if path.parent.name == "e2e"]
    others = [path for path in slow_first if path.parent.name != "e2e"]
    # Each file's place is a fraction of the whole way; files of one kind keep their order.
    places = {path: (number + 0.5) / len(kind) for kind in (browsing, others) for number, path in enumerate(kind)}
    items[:] = [item for path in sorted(files, key=places.__getitem__) for item in files[path]]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder `shared` beside the checkout, with parity data and pictures; skips the test where it is not there."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip("the folder ../shared with the reference's recorded outputs is not beside this checkout")
    return folder
