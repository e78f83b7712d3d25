"""The routes from preferred records to a policy: tried out, begun, followed and stopped. Only leads get here (`app.access`).

The records are those of the rule that a person sees on the page of preferred traces; what learns from them is a process of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from app.api import Kit
from app.bodies import body_of
from app.curation_api import AtBench, Bench, RecipeForm, recipe_of
from app.improvements.desk import Write
from app.improvements.recipes import offered_recipes
from app.improvements.values import Improvement
from app.improvements.view import improvement_view
from app.improvements.wish import Wish
from app.preferred import export_command
from app.scenes import scenes_view
from app.services import Services
from app.study_api import Which
from app.train_api import Line, Lines, unless_known
from core.policies.references import is_replay

router = APIRouter()

Json = dict[str, Any]


class ImprovementForm(RecipeForm):
    """Which records, and what is to be learnt from them and how; what is empty is as the command has it."""

    name: Line
    recipe: Line = ""
    reinforce: Line = ""
    policy: Line = ""
    changes: Lines = Field(default_factory=list)
    reinforce_changes: Lines = Field(default_factory=list)
    world: Literal["records", "needle"] = "records"
    difficulties: Annotated[list[Annotated[str, Field(max_length=40)]], Field(max_length=10)] = Field(default_factory=list)
    n: Annotated[int, Field(ge=1, le=1_000_000)] | None = None

    def wish(self) -> Wish:
        """It, without the records."""
        changes, later = tuple(self.changes), tuple(self.reinforce_changes)
        return Wish(self.name, self.recipe, self.reinforce, self.policy, changes, later, self.world, tuple(self.difficulties), self.n)


Wanted = Annotated[ImprovementForm, Depends(body_of(ImprovementForm))]


@router.get("/api/improvements")
def list_improvements(kit: Kit, request: Request) -> Response:
    """All that there are, the newest first; 304 where the page has them already."""
    desk = kit.improvements
    return unless_known(request, {"improvements": [_view(kit, one) for one in desk.improvements()], "read_only": desk.read_only})


@router.get("/api/improvements/choices")
def choices(kit: Kit) -> JSONResponse:
    """What can be chosen from: the shipped recipes with their kind, the policies there are, and the difficulties of drawn scenes."""
    policies = [reference for reference in kit.shelf.references if not is_replay(reference) and "://" not in reference]
    scenes = [{"name": one["name"], "title": one["title"]} for one in scenes_view()["difficulties"]]
    return JSONResponse({"recipes": offered_recipes(), "policies": policies, "difficulties": scenes})


@router.post("/api/curation/{study}/improvements/rehearse")
async def rehearse(kit: Kit, bench: AtBench, number: Which, form: Wanted) -> JSONResponse:
    """What it would come to, or why it would not begin. It takes as long as dry runs of its trainings do."""
    wish, recipe = form.wish().checked(), recipe_of(form)
    preview = await bench.do(lambda: bench.curator.preview(number, recipe))
    said = await run_in_threadpool(kit.improvements.rehearse, wish, _writer(bench, number, form), kit.scratch)
    hand = [export_command(preview.study.name, recipe, kit.settings), wish.by_hand(kit.pictures.folder)]
    return JSONResponse({"ok": said.ok, "words": said.words, "command": "\n".join(hand)})


@router.post("/api/curation/{study}/improvements")
def begin(kit: Kit, bench: AtBench, number: Which, form: Wanted) -> JSONResponse:
    """Begins one."""
    return JSONResponse({"improvement": _view(kit, kit.improvements.begin(form.wish(), _writer(bench, number, form)))})


@router.post("/api/improvements/{improvement}/stop")
def stop(kit: Kit, improvement: str) -> JSONResponse:
    """Asks one to stop."""
    return JSONResponse({"improvement": _view(kit, kit.improvements.stop(improvement))})


@router.post("/api/improvements/{improvement}/go-on")
def go_on(kit: Kit, improvement: str) -> JSONResponse:
    """Takes one up again where it was."""
    return JSONResponse({"improvement": _view(kit, kit.improvements.go_on(improvement))})


@router.delete("/api/improvements/{improvement}")
def forget(kit: Kit, improvement: str) -> JSONResponse:
    """Takes away what is left of one that never came to a run."""
    kit.improvements.forget(improvement)
    return JSONResponse({"improvement": None})


def _view(kit: Services, one: Improvement) -> Json:
    return improvement_view(one, kit.trainings.folders, read_only=kit.improvements.read_only)


def _writer(bench: Bench, number: int, form: ImprovementForm) -> Write:
    recipe = recipe_of(form)

    def write(path: Path) -> Any:
        return bench.curator.export(number, recipe, path).manifest

    return write
