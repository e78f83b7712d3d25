"""The HTTP routes of studies, for those who lead them: made, revised, closed, looked at. Only leads get here (`app.access`).

All strings of the answers are to be shown as text, never as markup.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import Field

from annotations.documents import MAX_INTEGER
from annotations.queries import TraceQuery
from annotations.studies.settings import StudySettings
from annotations.studies.values import Share, Study, StudyItem, StudyTally
from app.api import Kit
from app.bodies import Form, body_of
from app.identity import actor_of
from app.services import Services
from app.words import DOMAIN_TITLES
from core.errors import NotFound

router = APIRouter()

MAX_SETTINGS = 1024 * 1024
MAX_ITEMS = 10_000
MAX_PAGE = 200
_NUMBER = re.compile(r"[0-9]{1,10}")

Json = dict[str, Any]
Number = Annotated[int, Field(ge=1, le=MAX_INTEGER)]
Actor = Annotated[str, Depends(actor_of)]


class NewForm(Form):
    """A new study."""

    name: Annotated[str, Field(max_length=2_000)]
    settings: Json


class SettingsForm(Form):
    """The settings of a version; what they leave out is as in the paper."""

    settings: Json


class ItemsForm(Form):
    """The items to leave out, and those to take back."""

    leave_out: Annotated[tuple[Number, ...], Field(max_length=MAX_ITEMS, strict=False)] = ()
    take_back: Annotated[tuple[Number, ...], Field(max_length=MAX_ITEMS, strict=False)] = ()


New = Annotated[NewForm, Depends(body_of(NewForm, limit=MAX_SETTINGS))]
Wished = Annotated[SettingsForm, Depends(body_of(SettingsForm, limit=MAX_SETTINGS))]
Chosen = Annotated[ItemsForm, Depends(body_of(ItemsForm))]


def number_in(text: str) -> int:
    """A number out of an address. Raises NotFound for what is none."""
    if not _NUMBER.fullmatch(text):
        raise NotFound(f"There is nothing under the number {text[:40]!r}: the link is incomplete.")
    return int(text)


def study_number(study: str) -> int:
    """The number of the study in a route's path. Raises NotFound for what is no number."""
    return number_in(study)


Which = Annotated[int, Depends(study_number)]


@router.get("/api/studies")
def list_studies(kit: Kit) -> JSONResponse:
    """All studies, the newest first, with how far each is."""
    tallies = kit.studies.tallies()
    return JSONResponse({"studies": [_line(study, tallies.get(study.id, StudyTally())) for study in kit.studies.list()]})


@router.post("/api/studies")
def create(kit: Kit, actor: Actor, form: New) -> JSONResponse:
    """Makes a study; it is asked from now on."""
    made = kit.studies.create(form.name, StudySettings.from_json(form.settings), actor=actor)
    return JSONResponse(_view(kit, made))


@router.post("/api/studies/preview")
def preview(kit: Kit, form: Wished) -> JSONResponse:
    """What a study of these settings would ask about; nothing is made."""
    found = kit.studies.preview(StudySettings.from_json(form.settings))
    counts = {"traces": found.traces, "steps": found.steps, "pictures": found.pictures}
    titles = {name.value: title for name, title in DOMAIN_TITLES.items()}
    return JSONResponse({**counts, "by_domain": _shares(found.by_domain, titles), "by_policy": _shares(found.by_policy, {})})


@router.get("/api/studies/defaults")
def defaults(kit: Kit) -> JSONResponse:
    """The paper's task, and what there is to choose traces by, with the number of traces of each."""
    found = kit.store.facets(TraceQuery())
    titles = {name.value: title for name, title in DOMAIN_TITLES.items()}
    choices = {"datasets": found.datasets, "domains": found.domains, "policies": found.policies}
    lists = {
        name: [{"value": one.value, "title": titles.get(one.value, one.value), "count": one.count} for one in values]
        for name, values in choices.items()
    }
    return JSONResponse({"settings": StudySettings().to_json(), **lists})


@router.get("/api/studies/{study}")
def open_study(kit: Kit, number: Which) -> JSONResponse:
    """A study with its versions, and how far it and each of its raters are."""
    return JSONResponse(_view(kit, kit.studies.study(number)))


@router.put("/api/studies/{study}")
def revise(kit: Kit, actor: Actor, number: Which, form: Wished) -> JSONResponse:
    """Gives a study new settings, as its next version; equal ones change nothing."""
    return JSONResponse(_view(kit, kit.studies.revise(number, StudySettings.from_json(form.settings), actor=actor)))


@router.post("/api/studies/{study}/refresh")
def refresh(kit: Kit, actor: Actor, number: Which) -> JSONResponse:
    """Has the study look at the traces again: new ones come in, and those that are gone are left out."""
    return JSONResponse(_view(kit, kit.studies.refresh(number, actor=actor)))


@router.post("/api/studies/{study}/close")
def close(kit: Kit, actor: Actor, number: Which) -> JSONResponse:
    """Closes the study: nobody is asked any more."""
    return JSONResponse(_view(kit, kit.studies.close(number, actor)))


@router.post("/api/studies/{study}/reopen")
def reopen(kit: Kit, actor: Actor, number: Which) -> JSONResponse:
    """Opens the study again."""
    return JSONResponse(_view(kit, kit.studies.reopen(number, actor)))


@router.get("/api/studies/{study}/items")
def list_items(kit: Kit, number: Which, page: str = "1", page_size: str = "50") -> JSONResponse:
    """A page of the steps that the study asks about, or has asked about; at most 200 of them."""
    found = kit.studies.items(number, page=number_in(page), page_size=min(number_in(page_size), MAX_PAGE))
    wanted = kit.studies.study(number).settings.ratings_per_item
    items = [_item(item, wanted) for item in found.items]
    return JSONResponse({"total": found.total, "page": found.page, "pages": found.pages, "items": items})


@router.post("/api/studies/{study}/items")
def choose_items(kit: Kit, actor: Actor, number: Which, form: Chosen) -> JSONResponse:
    """Leaves some steps out and takes others back."""
    chosen = kit.studies.choose(number, leave_out_ids=form.leave_out, take_back_ids=form.take_back, actor=actor)
    return JSONResponse(_view(kit, chosen))


def _line(study: Study, tally: StudyTally) -> Json:
    return {
        "id": study.id,
        "name": study.name,
        "version": study.version,
        "closed": study.closed,
        "added": study.added.isoformat(),
        "items": study.items,
        "left_out": tally.left_out,
        "wanted": study.items * study.settings.ratings_per_item,
        "ratings": tally.ratings,
        "raters": tally.raters,
    }


def _view(kit: Services, study: Study) -> Json:
    """A study as its lead sees it. `by_ratings`: how many steps have 0, 1, 2, ... ratings that count."""
    done = kit.studies.progress(study.id)
    versions = [
        {
            "version": one.version,
            "version_id": one.version_id,
            "actor": one.actor,
            "added": one.added.isoformat(),
            "settings": one.settings.to_json(),
            "ratings": done.by_version.get(one.version_id, 0),
        }
        for one in kit.studies.versions(study.id)
    ]
    return {
        "id": study.id,
        "name": study.name,
        "version": study.version,
        "version_id": study.version_id,
        "closed": study.closed,
        "added": study.added.isoformat(),
        "settings": study.settings.to_json(),
        "items": study.items,
        "left_out": sum(done.left_out.values()),
        "left_out_by": done.left_out,
        "wanted": done.wanted,
        "ratings": done.there,
        "complete": done.by_ratings[-1],
        "by_ratings": list(done.by_ratings),
        "skipped": sum(rater.skipped for rater in done.raters),
        "versions": versions,
        "raters": [_rater(kit, study.id, rater.rater, rater.name, rater.last.isoformat()) for rater in done.raters],
    }


def _rater(kit: Services, study: int, rater: int, name: str, last: str) -> Json:
    """How far one rater is; `seconds` is the median time on a step, None before the first."""
    now = kit.ratings.progress(study, rater)
    return {"id": rater, "name": name, "done": now.done, "skipped": now.skipped, "open": now.open, "seconds": now.seconds, "last": last}


def _item(item: StudyItem, wanted: int) -> Json:
    return {
        "id": item.id,
        "trace": item.trace,
        "step": item.step,
        "left_out": item.left_out.value,
        "sentence": [{"text": part.text, "circle": part.circle} for part in item.parts],
        "ratings": item.ratings,
        "wanted": wanted,
    }


def _shares(shares: Sequence[Share], titles: dict[str, str]) -> list[Json]:
    return [{"value": one.value, "title": titles.get(one.value, one.value), "traces": one.traces, "steps": one.steps} for one in shares]
