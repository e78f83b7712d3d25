"""The HTTP routes beside Gradio: lists, traces, pictures and crops, as the viewer asks for them. Reading only.

Every route is a plain function of the request and the services; errors raised on purpose are turned into a sentence by app.server.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse

from annotations.facets import Facets
from annotations.queries import Sort, TracePage, TraceQuery
from app.services import Services
from app.view import trace_view
from app.words import DOMAIN_TITLES, STOP_TITLES
from core.errors import NotFound
from core.trace import Trace

router = APIRouter()

# What is addressed by its content never changes; but a cache between us and somebody may not give it to somebody else.
_FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}
_COMPARABLE = 24


def services(request: Request) -> Services:
    """The services the application was built with."""
    found: Services = request.app.state.services
    return found


Kit = Annotated[Services, Depends(services)]
Names = Annotated[list[str], Query()]


def trace_query(
    q: str = "",
    dataset: Names = [],  # noqa: B006  FastAPI copies the default for every request
    domain: Names = [],  # noqa: B006
    policy: Names = [],  # noqa: B006
    stop: Names = [],  # noqa: B006
    correct: Literal["right", "wrong", "unscored", ""] = "",
    faults: Literal["yes", "no", ""] = "",
    min_looks: int | None = None,
    max_looks: int | None = None,
    picture: str = "",
    sort: Sort = "newest",
    page: Annotated[int, Query(ge=1)] = 1,
    page_size: Annotated[int, Query(ge=1, le=200)] = 50,
) -> TraceQuery:
    """The query that a list's address asks for."""
    return TraceQuery(
        text=q,
        dataset=tuple(dataset),
        domain=tuple(domain),
        policy=tuple(policy),
        stop=tuple(stop),
        correct=correct or None,
        faults={"yes": True, "no": False}.get(faults),
        min_looks=min_looks,
        max_looks=max_looks,
        picture=picture or None,
        sort=sort,
        page=page,
        page_size=page_size,
    )


Asked = Annotated[TraceQuery, Depends(trace_query)]


@router.get("/api/traces")
def list_traces(kit: Kit, query: Asked) -> JSONResponse:
    """A page of the list."""
    return JSONResponse(_page(kit.store.list_traces(query)))


@router.get("/api/facets")
def facets(kit: Kit, query: Asked) -> JSONResponse:
    """What can be filtered by, with counts under the present filters."""
    return JSONResponse(_facets(kit.store.facets(query)))


@router.get("/api/traces/{trace_id}")
def view(kit: Kit, trace_id: str, dataset: str = "") -> JSONResponse:
    """The viewer's document of a trace, with the other traces of its picture; `dataset` tells which, where several data sets have it."""
    stored = kit.store.trace(trace_id, dataset=dataset)
    document = trace_view(stored.trace, trace_id=trace_id, dataset=stored.dataset)
    document["same_picture"] = _comparable(kit, stored.trace, trace_id)
    return JSONResponse(document)


@router.get("/api/traces/{trace_id}/file")
def trace_file(kit: Kit, trace_id: str) -> Response:
    """The trace's own JSON, as `import` reads it."""
    stored = kit.store.trace(trace_id)
    headers = {"Content-Disposition": f'attachment; filename="trace-{trace_id[:12]}.json"'}
    return JSONResponse(stored.trace.to_json(), headers=headers)


@router.get("/api/traces/{trace_id}/looks/{index}.png")
def look(kit: Kit, trace_id: str, index: int) -> Response:
    """The exact pixels the model saw in a look (from 0): the recorded crop where the source kept it, else cut again."""
    stored = kit.store.trace(trace_id)
    steps = [step for step in stored.trace.steps if step.look]
    if not 0 <= index < len(steps):
        raise NotFound(f"This trace has {len(steps)} looks; there is no look {index + 1}.")
    kept = stored.trace.looks[index].picture
    if kept:
        return FileResponse(kit.pictures.path(kept), media_type=kit.pictures.media_type(kept), headers=_FOREVER)
    return Response(kit.crops.png(stored.trace, steps[index], trace_id), media_type="image/png", headers=_FOREVER)


@router.get("/pictures/{sha256}")
def picture(kit: Kit, sha256: str) -> Response:
    """A picture's file, as it was imported."""
    return FileResponse(kit.pictures.path(sha256), media_type=kit.pictures.media_type(sha256), headers=_FOREVER)


@router.get("/pictures/{sha256}/upright")
def upright(kit: Kit, sha256: str) -> Response:
    """The picture turned upright by its EXIF orientation, which browsers do not all apply alike."""
    return FileResponse(kit.pictures.upright(sha256), headers=_FOREVER)


@router.get("/pictures/{sha256}/thumbnail")
def thumbnail(kit: Kit, sha256: str) -> Response:
    """A small upright picture for lists."""
    return FileResponse(kit.pictures.thumbnail(sha256), headers=_FOREVER)


def _page(page: TracePage) -> dict[str, Any]:
    items = [
        {
            "id": row.id,
            "question": row.question,
            "dataset": row.dataset,
            "domain": row.domain,
            "domain_title": DOMAIN_TITLES[row.domain],
            "policy": row.policy,
            "correct": row.scores.correct,
            "stop": row.stop,
            "stop_words": STOP_TITLES[row.stop],
            "steps": row.steps,
            "looks": row.looks,
            "faults": row.faults,
            "thumbnail": f"/pictures/{row.picture}/thumbnail" if row.picture else None,
        }
        for row in page.items
    ]
    return {"total": page.total, "page": page.page, "pages": page.pages, "items": items}


def _facets(found: Facets) -> dict[str, Any]:
    def values(counts: Any, titles: dict[str, str] | None = None) -> list[dict[str, Any]]:
        return [{"value": c.value, "title": (titles or {}).get(c.value, c.value), "count": c.count} for c in counts]

    return {
        "datasets": values(found.datasets),
        "domains": values(found.domains, {name.value: title for name, title in DOMAIN_TITLES.items()}),
        "policies": values(found.policies),
        "stops": values(found.stops, {stop.value: title for stop, title in STOP_TITLES.items()}),
        "correct": values(found.correct),
        "faults": values(found.faults),
        "max_looks": found.max_looks,
    }


def _comparable(kit: Services, trace: Trace, trace_id: str) -> list[dict[str, Any]]:
    """Other traces of the same picture, those of the same question first."""
    if not trace.sample.pictures:
        return []
    query = TraceQuery(picture=trace.sample.pictures[0].sha256, sort="question", page_size=_COMPARABLE + 1)
    rows = [row for row in kit.store.list_traces(query).items if row.id != trace_id]
    rows.sort(key=lambda row: row.question != trace.sample.question)
    return [{"id": row.id, "question": row.question, "policy": row.policy, "correct": row.scores.correct} for row in rows[:_COMPARABLE]]
