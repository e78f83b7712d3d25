"""The HTTP routes of rating. Each acts for the person of its session and for nobody else: no route takes a rater from outside.

They stand beside Gradio, whose queue takes some thirty times as long. What a rater is shown is made in `app.rating_view`; whether
something may be read or written is decided by the stores, by the rater's own number.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from annotations.documents import MAX_INTEGER
from annotations.ratings.values import Ask, Judgement
from app.bodies import Form, body_of
from app.identity import Who
from app.lanes import Lanes
from app.rating_view import given_view, guideline_view, item_view, progress_view, rating_view, step_of
from app.services import STATIC, Services
from core.errors import NotAllowed, NotFound

router = APIRouter()

MAX_DRAFT = 64 * 1024
MAX_ASKED = 10
# The largest number that a browser counts to without a gap.
_MAX_SEQUENCE = 2**53 - 1
_PAGE_SIZE = 50
_NUMBER = re.compile(r"[0-9]{1,10}")
# One sentence for an item that does not exist and for one that is somebody else's.
_NOT_YOURS = "This step is not among those that you were asked: go on with the next one."
# A browser may keep a crop, for whoever is signed in to it.
_KEPT = {"Cache-Control": "private, max-age=3600"}

Json = dict[str, Any]
Number = Annotated[int, Field(ge=1, le=MAX_INTEGER)]


class NextForm(Form):
    """How many items to hold: the one that is shown, and those that are fetched ahead."""

    count: Annotated[int, Field(ge=1, le=MAX_ASKED)] = 3


class DraftForm(Form):
    """A draft, and which of the page's it is."""

    sequence: Annotated[int, Field(ge=0, le=_MAX_SEQUENCE)]
    content: dict[str, Any]


class RatingForm(Form):
    """A rating: of what, under which guideline, and under which token of the page's."""

    token: str
    item: Number
    version_id: Number
    trace: str
    judgement: dict[str, Any]


class UndoForm(Form):
    """The token of an undo."""

    token: str


# A dependency that is no coroutine would be run in a thread of its own, twice for each request.
async def services(request: Request) -> Services:
    """The services the application was built with."""
    found: Services = request.app.state.services
    return found


async def lanes(request: Request) -> Lanes:
    """The lanes of the application."""
    found: Lanes = request.app.state.lanes
    return found


Kit = Annotated[Services, Depends(services)]
Lane = Annotated[Lanes, Depends(lanes)]


@router.get("/api/rating/studies")
async def list_studies(kit: Kit, lane: Lane, who: Who) -> JSONResponse:
    """All studies, with how far this rater is in each."""
    return JSONResponse(await lane.read(partial(_studies, kit, who.id)))


@router.get("/api/rating/studies/{study}")
async def open_study(kit: Kit, lane: Lane, who: Who, study: str) -> JSONResponse:
    """A study's guideline, and how far this rater is in it."""
    return JSONResponse(await lane.read(partial(_study, kit, who.id, _number(study))))


@router.post("/api/rating/studies/{study}/next")
async def next_items(kit: Kit, lane: Lane, who: Who, study: str, asked: Annotated[NextForm, Depends(body_of(NextForm))]) -> JSONResponse:
    """The items that this rater is asked next, held for a time; none where nothing is left to do."""
    asks, told = await lane.write(partial(_give, kit, who.id, _number(study), asked.count))
    return JSONResponse({"items": await _shown(kit, lane, asks), **told})


@router.get("/api/rating/items/{item}")
async def open_item(kit: Kit, lane: Lane, who: Who, item: str) -> JSONResponse:
    """An item again that this rater holds or has rated."""
    ask = await lane.write(partial(_hold, kit, who.id, item))
    return JSONResponse(await lane.read(partial(_item, kit, who.id, ask)))


@router.get("/api/rating/items/{item}/zoom.png")
async def zoom(kit: Kit, lane: Lane, who: Who, item: str) -> Response:
    """The exact pixels that the model saw at this step: the recorded crop where the source kept it, else cut again."""
    ask = await lane.write(partial(_hold, kit, who.id, item))
    return await lane.read(partial(_zoom, kit, ask))


@router.put("/api/rating/items/{item}/draft")
async def save_draft(
    kit: Kit, lane: Lane, who: Who, item: str, draft: Annotated[DraftForm, Depends(body_of(DraftForm, limit=MAX_DRAFT))]
) -> JSONResponse:
    """Keeps what a rater has begun to say. `kept` is false where something newer is there."""
    return JSONResponse(await lane.write(partial(_keep_draft, kit, who.id, item, draft)))


@router.post("/api/rating/ratings")
async def submit(kit: Kit, lane: Lane, who: Who, form: Annotated[RatingForm, Depends(body_of(RatingForm))]) -> JSONResponse:
    """Keeps a rating; the answer comes when it is on the disk. The same token again is answered as the first time, and writes nothing."""
    return JSONResponse(await lane.write(partial(_keep, kit, who.id, form, Judgement.from_json(form.judgement))))


@router.post("/api/rating/studies/{study}/undo")
async def undo(kit: Kit, lane: Lane, who: Who, study: str, form: Annotated[UndoForm, Depends(body_of(UndoForm))]) -> JSONResponse:
    """Takes this rater's last rating of the study back; the item is asked again, with the former answers as its draft."""
    ask, progress = await lane.write(partial(_take_back, kit, who.id, _number(study), form.token))
    return JSONResponse({"item": await lane.read(partial(_item_of, kit, ask)), "progress": progress})


@router.get("/api/rating/studies/{study}/mine")
async def mine(kit: Kit, lane: Lane, who: Who, study: str, page: str = "1") -> JSONResponse:
    """A page of this rater's own ratings, the newest first."""
    return JSONResponse(await lane.read(partial(_mine, kit, who.id, _number(study), _number(page))))


def _number(text: str) -> int:
    """A row's number out of an address. Raises NotFound for what is none."""
    if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= MAX_INTEGER:
        raise NotFound(f"There is nothing under the number {text[:40]!r}: the link is incomplete.")
    return int(text)


def _studies(kit: Services, rater: int) -> Json:
    found = []
    for study in kit.studies.list():
        progress = kit.ratings.progress(study.id, rater)
        open_now = 0 if study.closed else progress.open
        line = {"id": study.id, "name": study.name, "version": study.version, "closed": study.closed}
        found.append({**line, "done": progress.done, "open": open_now})
    return {"studies": found}


def _study(kit: Services, rater: int, number: int) -> Json:
    study = kit.studies.study(number)
    return {
        "id": study.id,
        "name": study.name,
        "version": study.version,
        "version_id": study.version_id,
        "closed": study.closed,
        "guideline": guideline_view(study.settings, kit.pictures, STATIC / "demo" / "pictures"),
        "progress": _progress(kit, rater, number),
    }


def _progress(kit: Services, rater: int, number: int) -> Json:
    return progress_view(kit.ratings.progress(number, rater))


def _give(kit: Services, rater: int, number: int, count: int) -> tuple[tuple[Ask, ...], Json]:
    asked = kit.ratings.ask(number, rater, count=count)
    return asked.asks, {"progress": progress_view(asked.progress), "version": asked.version}


async def _shown(kit: Services, lane: Lanes, asks: tuple[Ask, ...]) -> list[Json]:
    # What is in memory is put together faster than a thread is woken.
    if all(ask.trace in kit.recent for ask in asks):
        return _items(kit, asks)
    return await lane.read(partial(_items, kit, asks))


def _items(kit: Services, asks: tuple[Ask, ...]) -> list[Json]:
    items = []
    for ask in asks:
        try:
            items.append(_item_of(kit, ask))
        except NotFound:
            # Its trace was removed since it was given out a moment ago: it is not asked any more.
            continue
    return items


def _item_of(kit: Services, ask: Ask) -> Json:
    return item_view(ask, kit.recent.trace(ask.trace))


def _hold(kit: Services, rater: int, item: str) -> Ask:
    try:
        return kit.ratings.hold(_number(item), rater)
    except (NotFound, NotAllowed) as error:
        raise NotFound(_NOT_YOURS) from error


def _item(kit: Services, rater: int, ask: Ask) -> Json:
    history = kit.ratings.history(ask.item, rater)
    return item_view(ask, kit.recent.trace(ask.trace), history[-1] if history else None)


def _zoom(kit: Services, ask: Ask) -> Response:
    trace = kit.recent.trace(ask.trace)
    step = step_of(trace, ask.step)
    kept = step.look.picture if step.look else None
    # Never the crop's file itself: as in a picture's, there may be remarks in it.
    pixels = kit.crops.recorded(kept) if kept else kit.crops.png(trace, step, ask.trace)
    return Response(pixels, media_type="image/png", headers=_KEPT)


def _keep_draft(kit: Services, rater: int, item: str, draft: DraftForm) -> Json:
    try:
        kept = kit.ratings.save_draft(_number(item), rater, draft.sequence, draft.content)
        return {"kept": kept, "until": kit.ratings.hold(_number(item), rater).until.isoformat()}
    except (NotFound, NotAllowed) as error:
        raise NotFound(_NOT_YOURS) from error


def _keep(kit: Services, rater: int, form: RatingForm, judgement: Judgement) -> Json:
    answer = kit.ratings.submit(form.item, rater, version_id=form.version_id, trace=form.trace, judgement=judgement, token=form.token)
    return {
        "rating": rating_view(answer.rating),
        "standing": answer.standing.value,
        "repeated": answer.repeated,
        "saved_at": answer.rating.at.isoformat(),
        "progress": progress_view(answer.progress),
    }


def _take_back(kit: Services, rater: int, number: int, token: str) -> tuple[Ask, Json]:
    return kit.ratings.withdraw_last(number, rater, token=token), _progress(kit, rater, number)


def _mine(kit: Services, rater: int, number: int, page: int) -> Json:
    settings = kit.studies.study(number).settings
    found = kit.ratings.mine(number, rater, page=page, page_size=_PAGE_SIZE)
    items = []
    for line in found.items:
        try:
            trace = kit.recent.trace(line.rating.trace)
        except NotFound:
            # The trace is gone; what was said about it is not.
            trace = None
        items.append(given_view(line.rating, line.standing.value, trace, line.step, settings))
    return {"total": found.total, "pages": found.pages, "items": items}
