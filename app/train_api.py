"""The routes of training: which runs there are, and how each goes. Only leads get here (`app.access`).

A page that watches asks every few seconds, and is told in a line where nothing has changed.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from pydantic import Field

from annotations.importing.run import ImportRequest, run_import
from app.api import Kit
from app.bodies import Form, body_of
from app.crops import CropRenderer
from app.eval_scores import score_words
from app.policy_register import read_notes
from app.results_api import plotly_address
from app.trainings.charts import charts
from app.trainings.folders import RECIPE, id_of
from app.trainings.rollouts import KINDS, RunPictures, file_of, picture_file, read_rollouts, steps_of
from app.trainings.starting import Wish, command_of
from app.trainings.starts import output_of
from app.trainings.values import TrainingRun
from app.trainings.view import facts_view, rollouts_view, run_view
from core.errors import NotFound, ReadOnly

router = APIRouter()

_ASK_AGAIN = {"Cache-Control": "private, no-cache"}
_FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}
_LONGEST_RECIPE = 256 * 1024

Json = dict[str, Any]


Line = Annotated[str, Field(max_length=2_000)]
Lines = Annotated[list[Line], Field(max_length=40)]


class TrainingForm(Form):
    """A run that is wanted; what is empty is as the recipe has it."""

    recipe: Line
    name: Line = ""
    model: Line = ""
    records: Line = ""
    pictures: Line = ""
    changes: Lines = Field(default_factory=list)

    def wish(self) -> Wish:
        """It, with nothing around its values."""
        return Wish(self.recipe.strip(), self.name, self.model, self.records, self.pictures, tuple(self.changes))


class StopForm(Form):
    """How a run is to stop: after its step with a checkpoint, or, where it was asked to already, at once."""

    at_once: bool = False


class ResumeForm(Form):
    """What is to change as a run goes on: `KEY=VALUE`."""

    changes: Lines = Field(default_factory=list)


Wanted = Annotated[TrainingForm, Depends(body_of(TrainingForm))]
Stopping = Annotated[StopForm, Depends(body_of(StopForm, limit=1024))]
Resuming = Annotated[ResumeForm, Depends(body_of(ResumeForm))]


def run_named(kit: Kit, run: str) -> TrainingRun:
    """The run in a route's path. Raises NotFound."""
    return kit.trainings.folders.run(run)


Which = Annotated[TrainingRun, Depends(run_named)]


@router.get("/api/trainings")
def list_trainings(kit: Kit, request: Request) -> Response:
    """All runs, and the folders that they lie in; 304 where the page has them already."""
    desk = kit.trainings
    runs = [run_view(run, read_only=desk.read_only) for run in desk.folders.runs()]
    return unless_known(request, {"runs": runs, "folders": [str(root) for root in desk.folders.roots], "read_only": desk.read_only})


@router.get("/api/trainings/recipes")
def recipes(kit: Kit) -> JSONResponse:
    """The shipped recipes by name."""
    return JSONResponse({"recipes": [{"name": one.name, "title": one.title} for one in kit.trainings.starter.recipes()]})


@router.post("/api/trainings/rehearse")
def rehearse(kit: Kit, form: Wanted) -> JSONResponse:
    """A dry run: what a run would come to, or why it would not begin. It takes as long as reading its data does."""
    found = kit.trainings.starter.rehearse(form.wish())
    return JSONResponse({"ok": found.ok, "words": found.words, "command": command_of(form.wish())})


@router.post("/api/trainings")
def begin(kit: Kit, form: Wanted) -> JSONResponse:
    """Begins a run."""
    return JSONResponse({"run": id_of(kit.trainings.starter.start(form.wish()))})


@router.get("/api/trainings/{run}")
def training(kit: Kit, request: Request, run: Which) -> Response:
    """A run with its charts; 304 where the page has them already."""
    log = kit.trainings.metrics(run)
    document = {
        "run": run_view(run, read_only=kit.trainings.read_only),
        "lines": log.lines,
        "stages": [{"step": step, "name": name} for step, name in log.stages],
        "charts": charts(log, run.kind),
        "said": {kind: steps_of(run.folder, kind) for kind in KINDS},
        "plotly": plotly_address(),
    }
    return unless_known(request, document)


@router.get("/api/trainings/{run}/about")
def about(run: Which) -> JSONResponse:
    """What a run was asked for, on what it runs, and the end of what its process said."""
    scores = [{"title": "Evaluated", "text": score_words(score)} for score in read_notes(run.folder).get("scores", [])]
    return JSONResponse({"facts": facts_view(run) + scores, "recipe": _recipe(run.folder / RECIPE), "output": output_of(run.folder)})


@router.get("/api/trainings/{run}/pictures/{kind}/{sha256}")
def picture(run: Which, kind: str, sha256: str) -> FileResponse:
    """A picture that the policy was asked about."""
    return FileResponse(picture_file(run.folder, kind, sha256), media_type="image/png", headers=_FOREVER)


@router.get("/api/trainings/{run}/{kind}/{step}")
def said(run: Which, kind: str, step: int) -> JSONResponse:
    """What the policy said at a step, with what the training made of it."""
    return JSONResponse(rollouts_view(run, kind, step, read_rollouts(file_of(run.folder, kind, step))))


@router.post("/api/trainings/{run}/{kind}/{step}/import")
def into_store(kit: Kit, run: Which, kind: str, step: int) -> JSONResponse:
    """Brings what the policy said at a step into the store, with its pictures. A second time it adds nothing."""
    if kit.trainings.read_only:
        raise ReadOnly("With --read-only nothing is brought into the store.")
    file = file_of(run.folder, kind, step)
    dataset = f"{run.name} {kind} step {step}"
    report = run_import(ImportRequest((file,), image_root=file.parent / "pictures", dataset=dataset), kit.store, kit.pictures)
    return JSONResponse({"dataset": dataset, "words": report.words})


@router.get("/api/trainings/{run}/{kind}/{step}/{number}/looks/{index}.png")
def look(run: Which, kind: str, step: int, number: int, index: int) -> Response:
    """The exact pixels that the policy saw in a look of a rollout, from 0."""
    found = [one for one in read_rollouts(file_of(run.folder, kind, step)).rollouts if one.number == number]
    steps = [one for rollout in found for one in rollout.trace.steps if one.look]
    if not 0 <= index < len(steps):
        raise NotFound(f"There is no look {index} in this rollout.")
    png = CropRenderer(RunPictures(run.folder, kind)).png(found[0].trace, steps[index], "")
    return Response(png, media_type="image/png", headers=_ASK_AGAIN)


@router.post("/api/trainings/{run}/stop")
def stop(kit: Kit, run: Which, form: Stopping) -> JSONResponse:
    """Asks a run to stop."""
    kit.trainings.starter.stop(run, at_once=form.at_once)
    return _now(kit, run)


@router.post("/api/trainings/{run}/resume")
def resume(kit: Kit, run: Which, form: Resuming) -> JSONResponse:
    """Takes a run up again from its last checkpoint."""
    kit.trainings.starter.resume(run, form.changes)
    return _now(kit, run)


@router.delete("/api/trainings/{run}")
def forget(kit: Kit, run: Which) -> JSONResponse:
    """Takes away what is left of a start that never became a run."""
    kit.trainings.starter.forget(run)
    return JSONResponse({"run": run.id})


def _now(kit: Kit, run: TrainingRun) -> JSONResponse:
    return JSONResponse({"run": run_view(kit.trainings.folders.look(run.folder), read_only=kit.trainings.read_only)})


def _recipe(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST_RECIPE).decode("utf-8", "replace")
    except OSError:
        return ""


def unless_known(request: Request, document: Json) -> Response:
    """A document, or that it is still the one that the page has."""
    body = json.dumps(document, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = _ASK_AGAIN | {"ETag": etag}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)
