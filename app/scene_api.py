"""The route that draws a scene of the needle world, to be asked about. Only leads get here (`app.access`)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from annotations.documents import MAX_INTEGER
from app.api import Kit
from app.bodies import Form, body_of
from app.picture_api import Uploaded
from app.scenes import USUAL, draw_scene, scene_view, unfit_view
from core.errors import ReadOnly

router = APIRouter()


class SceneForm(Form):
    """A scene by difficulty and seed. `policy`: the one that is to be asked, so that it is told where the scene does not suit it."""

    difficulty: Annotated[str, Field(max_length=100)] = USUAL
    seed: Annotated[int, Field(ge=0, le=MAX_INTEGER)] | None = None
    policy: Annotated[str, Field(max_length=1_000)] | None = None


Wished = Annotated[SceneForm, Depends(body_of(SceneForm, limit=8 * 1024))]


@router.post("/api/ask/scenes")
def draw(kit: Kit, request: Request, form: Wished) -> JSONResponse:
    """Draws a scene and keeps its picture as one that was uploaded. Without a seed it is another one each time."""
    if kit.settings.read_only:
        raise ReadOnly("With --read-only no scene can be drawn: its picture could not be kept.")
    unfit = unfit_view(kit.shelf, form.policy) if form.policy is not None else None
    scene = draw_scene(form.difficulty, form.seed)
    picture = kit.pictures.add_bytes(scene.file, scene.sample.pictures[0].name)
    uploaded: Uploaded = request.app.state.uploaded
    uploaded.keep(picture)
    return JSONResponse(scene_view(scene, picture, unfit[form.difficulty] if unfit else None))
