"""The HTTP routes of results: what the ratings of a study say, with its charts, and every table as a file.

Results are made anew only when they may have changed. Making them takes seconds of arithmetic, so it has a thread of its own, in which
one is made at a time: the workbench and the raters go on meanwhile, and two people who ask for the same wait for one computation.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import threading
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version as version_of
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi import Path as InPath
from fastapi.responses import FileResponse, StreamingResponse

from annotations.documents import MAX_INTEGER
from app.services import Services
from core.errors import NotFound

if TYPE_CHECKING:
    from annotations.results.study import StudyResults
    from annotations.results.tables import Table

router = APIRouter()

PLOTLY = "/plotly/plotly.min.js"
# A result with its tables is some megabytes for a large study.
_KEPT = 6
_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}
# The browser asks each time, and is told where nothing has changed.
_ASK_AGAIN = {"Cache-Control": "private, no-cache"}
_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}
_MAX_SEED = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Made:
    """Results as they were made: `etag` names what they were made from, `body` is the page's document as JSON."""

    etag: str
    results: StudyResults
    body: bytes


@dataclass(frozen=True, slots=True)
class Wish:
    """Which results are asked for: of a study, under one version of its guideline (None: all that count together), with a seed."""

    study: int
    version: int | None
    seed: int


class Desk:
    """Makes results, and keeps the last ones. Safe to share between threads."""

    def __init__(self, kit: Services) -> None:
        self._kit = kit
        self._thread = ThreadPoolExecutor(1, "results")
        self._made: OrderedDict[Wish, Made] = OrderedDict()
        self._lock = threading.Lock()

    async def etag(self, wish: Wish) -> str:
        """What names the results as they are now, without making them. Raises NotFound."""
        return await asyncio.to_thread(self._etag, wish)

    async def results(self, wish: Wish) -> Made:
        """The results as they are now, kept or made. Raises NotFound."""
        etag = await self.etag(wish)
        if (kept := self._find(wish, etag)) is not None:
            return kept
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._make, wish)

    def _etag(self, wish: Wish) -> str:
        from annotations.results.freshness import freshness

        state = f"{freshness(self._kit.ratings.database, wish.study)}:{wish.version}:{wish.seed}"
        return f'"{hashlib.sha256(state.encode()).hexdigest()[:32]}"'

    def _find(self, wish: Wish, etag: str) -> Made | None:
        with self._lock:
            kept = self._made.get(wish)
            if kept is None or kept.etag != etag:
                return None
            self._made.move_to_end(wish)
            return kept

    def _make(self, wish: Wish) -> Made:
        """Runs in the one thread: whoever waited for the same results finds them made."""
        from annotations.results.study import results
        from app.figures import figures

        etag = self._etag(wish)
        if (kept := self._find(wish, etag)) is not None:
            return kept
        found = results(self._kit.studies, self._kit.ratings, wish.study, version=wish.version, seed=wish.seed)
        document = found.to_json()
        drawn = [figure.to_json() for figure in figures(document, found.tables["ratings"])]
        body = json.dumps(document | {"figures": drawn, "plotly": plotly_address()}, allow_nan=False, separators=(",", ":"))
        made = Made(etag, found, body.encode())
        with self._lock:
            self._made[wish] = made
            self._made.move_to_end(wish)
            while len(self._made) > _KEPT:
                self._made.popitem(last=False)
        return made


async def desk(request: Request) -> Desk:
    """The desk of the application, made at the first question."""
    state = request.app.state
    if not hasattr(state, "results_desk"):
        state.results_desk = Desk(state.services)
    found: Desk = state.results_desk
    return found


def wish(
    study: Annotated[int, InPath(ge=1, le=MAX_INTEGER)],
    version: Annotated[int | None, Query(ge=1, le=MAX_INTEGER)] = None,
    seed: Annotated[int, Query(ge=0, le=_MAX_SEED)] = 0,
) -> Wish:
    """The results that an address asks for."""
    return Wish(study, version, seed)


Asked = Annotated[Wish, Depends(wish)]
At = Annotated[Desk, Depends(desk)]


@router.get("/api/results/{study}")
async def study_results(request: Request, asked: Asked, at: At) -> Response:
    """The results of a study with its charts; 304 where the page has them already."""
    etag = await at.etag(asked)
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=_ASK_AGAIN | {"ETag": etag})
    made = await at.results(asked)
    return Response(made.body, media_type="application/json", headers=_ASK_AGAIN | {"ETag": made.etag})


@router.get("/api/results/{study}/tables/{table}")
async def study_table(table: str, asked: Asked, at: At) -> Response:
    """A table of the results as a file: its name and `.csv` or `.jsonl`."""
    name, _, kind = table.rpartition(".")
    made = await at.results(asked)
    if kind not in _TYPES or name not in made.results.tables:
        known = ", ".join(made.results.tables)
        raise NotFound(f"There is no table {table[:80]!r}: take .csv or .jsonl of {known}.")
    return StreamingResponse(_file(made.results.tables[name], kind), media_type=_TYPES[kind], headers=_download(made.results, name, kind))


@router.get(PLOTLY)
async def plotly_js() -> FileResponse:
    """The charts' library, from the package that this program runs with: the address that pages use changes with its version."""
    return FileResponse(_plotly_file(), media_type="text/javascript", headers=_FOREVER)


def plotly_address() -> str:
    """Where pages get the charts' library."""
    return f"{PLOTLY}?v={version_of('plotly')}"


@cache
def _plotly_file() -> Path:
    spec = find_spec("plotly")
    if spec is None or spec.origin is None:
        raise NotFound("The charts' library is not installed: start the program by launch.py, which sees to it.")
    return Path(spec.origin).parent / "package_data" / "plotly.min.js"


def _file(table: Table, kind: str) -> Iterator[str]:
    from annotations.results.tables import csv_text, jsonl_text

    return csv_text(table) if kind == "csv" else jsonl_text(table)


def _download(results: StudyResults, name: str, kind: str) -> dict[str, str]:
    """The file's name says of which study it is; one in plain letters for programs that read no others (RFC 6266)."""
    study = f"study-{results.study.id}"
    words = re.sub(r"[^\w.-]+", "-", results.study.name).strip("-.")[:60] or study
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", words).strip("-.") or study
    file = f"-{name}.{kind}"
    return _ASK_AGAIN | {"Content-Disposition": f"attachment; filename=\"{plain}{file}\"; filename*=UTF-8''{quote(words + file)}"}
