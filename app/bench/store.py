"""Lists, search and opening over HTTP in a large database, as the browser asks for them."""

from __future__ import annotations

import json
import random
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from annotations.database import open_database, sqlite_url
from annotations.queries import TraceQuery
from annotations.store import Store
from annotations.synthetic import DATASETS, fill, vocabulary
from app.bench.report import Figure
from app.bench.serving import Serving, serving
from app.settings import DATABASE_FILE

_PAGE = "page_size=50"
_LISTS = {
    "list page, first": "",
    "list page, the last but one by question": "sort=question&page=-1",
    "list page, in the middle by reward": "sort=reward&page=-2",
    "list page, filtered by domain and faults": "domain=visual_search&faults=yes",
    "list page, filtered by looks, most steps first": "min_looks=2&sort=steps",
}
# Ranks in the made-up vocabulary, whose n-th word has a frequency of 1/n: the first are in nearly every trace.
_SEARCHES = {
    "search, a common word": (0,),
    "search, a rare word": (9_000,),
    "search, two common words": (2, 50),
    "search, three words": (10, 100, 1_000),
}


def run(folder: Path, *, traces: int, steps: int, repeats: int = 30, seed: int = 0) -> list[Figure]:
    """Milliseconds of each kind of request, and the server's memory after all of them. Fills `folder` first, where it is empty."""
    database = open_database(sqlite_url(folder / DATABASE_FILE))
    figures = []
    try:
        start, store = time.perf_counter(), Store(database)
        if store.list_traces(TraceQuery(dataset=DATASETS, page_size=1)).total < traces:
            fill(store, traces=traces, steps_per_trace=steps, seed=seed)
            figures.append(Figure(f"fill, {traces:,} traces of {steps} steps", (time.perf_counter() - start,), "s"))
    finally:
        database.close()
    with serving(folder) as server:
        figures += _measure(server, repeats, seed)
        figures.append(Figure("resident memory after all requests", (server.resident_megabytes(),), "MB", "under 500"))
    return figures


def _measure(server: Serving, repeats: int, seed: int) -> list[Figure]:
    first = _ask(server, f"/api/traces?{_PAGE}")
    pages = first["pages"]
    size = f"{first['total']:,} traces"
    figures = []
    for name, wish in _LISTS.items():
        wish = wish.replace("page=-1", f"page={max(1, pages - 1)}").replace("page=-2", f"page={max(1, pages // 2)}")
        figures.append(_timed(server, f"{name} ({size})", [f"/api/traces?{_PAGE}&{wish}"] * repeats, "under 300"))
    words = vocabulary()
    for name, ranks in _SEARCHES.items():
        # Other words each time: what was asked before is answered from what was counted then.
        asked = [" ".join(words[rank + repeat] for rank in ranks) for repeat in range(repeats)]
        paths = [f"/api/traces?{_PAGE}&{urllib.parse.urlencode({'q': wish})}" for wish in asked]
        figures.append(_timed(server, f"{name} ({size})", paths, "under 500"))
    figures.append(_timed(server, f"filters with their counts ({size})", ["/api/facets?domain=spatial"] * repeats, ""))
    draw = random.Random(seed)
    chosen = [_ask(server, f"/api/traces?page_size=1&page={draw.randint(1, first['total'])}")["items"][0]["id"] for _ in range(repeats)]
    figures.append(_timed(server, f"opening a trace, another each time ({size})", [f"/api/traces/{one}" for one in chosen], "under 200"))
    return figures


def _timed(server: Serving, name: str, paths: list[str], aim: str) -> Figure:
    """Every request counts, the first one too: nobody warms the cache for a person."""
    values = []
    for path in paths:
        start = time.perf_counter()
        _ask(server, path)
        values.append((time.perf_counter() - start) * 1000)
    return Figure(name, tuple(values), "ms", aim)


def _ask(server: Serving, path: str) -> dict[str, Any]:
    with urllib.request.urlopen(server.address + path, timeout=60) as answer:
        found: dict[str, Any] = json.load(answer)
        return found
