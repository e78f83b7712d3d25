"""From starting the process to its first answered page: the second and later starts, with everything installed and the demo there."""

from __future__ import annotations

import tempfile
from pathlib import Path

from app.bench.report import Figure
from app.bench.serving import serving


def run(*, repeats: int = 5) -> list[Figure]:
    """Seconds from process start to the first answered request for the page, and memory after it."""
    seconds, megabytes = [], []
    with tempfile.TemporaryDirectory() as folder:
        with serving(Path(folder)):
            pass  # the first start seeds the demo
        for _ in range(repeats):
            with serving(Path(folder)) as server:
                seconds.append(server.seconds_to_answer)
                megabytes.append(server.resident_megabytes())
    return [
        Figure("start to first answer, second start", tuple(seconds), "s", "under 3"),
        Figure("resident memory after the first answer", tuple(megabytes), "MB", "under 500"),
    ]
