"""The routes of asking policies: which there are, what is asked, and how it goes. Only leads get here (`app.access`).

Nothing waits here: a run and the opening of a policy go on in threads of their own, and what is read of them is in memory.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import Field

from annotations.documents import MAX_INTEGER, check_name
from annotations.queries import TraceQuery
from annotations.raters.values import Role
from app.api import Kit
from app.asking import DATASET, MAX_QUESTION, MAX_SAMPLES, Asked, picture_in_store, sample_of, truth_of
from app.bodies import Form, body_of
from app.identity import actor_of, door_of
from app.live_run import LiveRun
from app.picture_api import Uploaded
from app.recorded_questions import RecordedQuestions
from app.run_events import events_of
from app.run_studies import save_to_study
from app.run_view import crop_view, draw_view, policies_view, settings_view, summary_view, truth_view
from app.scenes import scenes_view
from app.services import Services
from app.view import picture_view
from app.words import DOMAIN_TITLES
from core.domains import DOMAINS
from core.errors import NotFound
from core.policies.conversation import Sampling
from core.rollout.values import PAPER_SAMPLING, RolloutSettings, Turns
from core.trace import DomainName, Sample, TruthKind

router = APIRouter()

_FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}
_NUMBER = re.compile(r"[0-9]{1,15}")

Json = dict[str, Any]
Actor = Annotated[str, Depends(actor_of)]
Count = Annotated[int, Field(ge=1, le=MAX_INTEGER)]


class PolicyForm(Form):
    """A policy by its reference."""

    reference: Annotated[str, Field(max_length=1_000)]


class TruthForm(Form):
    """The right answer; boxes and points are in pixels of the upright original."""

    kind: Literal["text", "box", "point", "action", "none"]
    text: str


class SettingsForm(Form):
    """How conversations are led; what is left out is as in the paper."""

    temperature: float = PAPER_SAMPLING.temperature
    top_p: float = PAPER_SAMPLING.top_p
    top_k: int = PAPER_SAMPLING.top_k
    seed: int = PAPER_SAMPLING.seed
    max_new_tokens: Count = RolloutSettings().max_new_tokens
    max_turns: Count = RolloutSettings().max_turns
    max_pictures: Count = RolloutSettings().max_pictures
    max_tokens: Count = RolloutSettings().max_tokens
    turns: Literal["auto", "single", "multi"] = "auto"

    def settings(self) -> RolloutSettings:
        """Raises PolicyError for numbers that mean nothing."""
        sampling = Sampling(self.temperature, self.top_p, self.top_k, self.seed)
        limits = {name: getattr(self, name) for name in ("max_turns", "max_pictures", "max_tokens", "max_new_tokens")}
        return RolloutSettings(sampling=sampling, turns=Turns(self.turns), **limits)


class RunForm(Form):
    """A question about a picture, and who is asked how often."""

    policy: Annotated[str, Field(max_length=1_000)]
    picture: Annotated[str, Field(max_length=64)]
    question: Annotated[str, Field(max_length=MAX_QUESTION)]
    domain: Literal["spatial", "visual_search", "web_grounding", "web_action"]
    truth: TruthForm | None = None
    samples: Annotated[int, Field(ge=1, le=MAX_SAMPLES)] = 1
    settings: SettingsForm = SettingsForm()
    dataset: str = DATASET


class StudyForm(Form):
    """The study that a run's traces go to."""

    study: Count


Reference = Annotated[PolicyForm, Depends(body_of(PolicyForm, limit=8 * 1024))]
Wanted = Annotated[RunForm, Depends(body_of(RunForm))]
Into = Annotated[StudyForm, Depends(body_of(StudyForm, limit=1024))]


def run_named(kit: Kit, run: str) -> LiveRun:
    """The run in a route's path. Raises NotFound."""
    return kit.runs.run(run)


Which = Annotated[LiveRun, Depends(run_named)]


@router.get("/api/policies")
def list_policies(kit: Kit, request: Request) -> JSONResponse:
    """The policies that can be asked, and what each is doing."""
    return JSONResponse(policies_view(kit.shelf, may_add=_may_add(kit, request)))


@router.post("/api/policies")
def add_policy(kit: Kit, request: Request, form: Reference) -> JSONResponse:
    """Puts a policy on the list."""
    kit.shelf.add(form.reference)
    return list_policies(kit, request)


@router.delete("/api/policies")
def remove_policy(kit: Kit, request: Request, form: Reference) -> JSONResponse:
    """Takes a policy off the list that was added, unless a run asks it or waits for it."""
    kit.shelf.remove(form.reference, runs=kit.runs.asking(form.reference))
    return list_policies(kit, request)


@router.post("/api/policies/load")
def load_policy(kit: Kit, request: Request, form: Reference) -> JSONResponse:
    """Begins to open a policy; how that goes on is told by the list."""
    kit.shelf.begin_loading(form.reference)
    return list_policies(kit, request)


@router.post("/api/policies/stop")
def stop_policy(kit: Kit, request: Request, form: Reference) -> JSONResponse:
    """Gives up an opening that was begun by itself; a run that waits for it is stopped by itself."""
    kit.shelf.stop_loading(form.reference)
    return list_policies(kit, request)


@router.get("/api/ask")
def what_to_ask(kit: Kit, request: Request) -> JSONResponse:
    """What the page offers: domains, defaults, data sets, open studies, scenes, and the questions that recorded runs answer."""
    recorded: RecordedQuestions = request.app.state.recorded
    return JSONResponse(
        {
            "domains": [_domain(name) for name in DOMAINS],
            "defaults": {"samples": 1, **settings_view(RolloutSettings()), "dataset": DATASET},
            "limits": {"samples": MAX_SAMPLES, "question": MAX_QUESTION},
            "datasets": [one.value for one in kit.store.facets(TraceQuery()).datasets],
            "studies": [{"id": study.id, "name": study.name} for study in kit.studies.list() if not study.closed],
            "read_only": kit.settings.read_only,
            "scenes": scenes_view(),
            "examples": [_example(*one) for one in recorded.samples() if one[0].pictures[0].sha256 in kit.pictures],
        }
    )


@router.post("/api/runs")
def begin(kit: Kit, request: Request, actor: Actor, form: Wanted) -> JSONResponse:
    """Begins a run."""
    uploaded: Uploaded = request.app.state.uploaded
    picture = uploaded.get(form.picture) or picture_in_store(form.picture, kit.store, kit.pictures)
    truth = truth_of(form.truth.text, TruthKind(form.truth.kind)) if form.truth else None
    sample = sample_of(picture, form.question, DomainName(form.domain), truth)
    dataset = form.dataset.strip() or DATASET
    check_name("data set", dataset)
    run = kit.runs.start(Asked(form.policy, sample, form.samples, form.settings.settings(), dataset, actor))
    return JSONResponse({"run": run.id})


@router.get("/api/runs")
def list_runs(kit: Kit) -> JSONResponse:
    """The runs since the start, the newest first."""
    return JSONResponse({"runs": [summary_view(run) for run in kit.runs.runs()]})


@router.get("/api/runs/{run}")
def open_run(run: Which) -> JSONResponse:
    """A run with all its conversations; `after` is where its events go on."""
    after = run.seq
    draws = [draw_view(run, run.draw(number)) for number in range(run.asked.samples)]
    return JSONResponse({"summary": summary_view(run), "draws": draws, "after": after})


@router.get("/api/runs/{run}/events")
async def watch(request: Request, run: Which, after: str = "") -> Response:
    """What happens in a run from now on, or behind an event, as server-sent events."""
    last = request.headers.get("last-event-id", after)
    begun = int(last) if _NUMBER.fullmatch(last) else 0
    if run.over.is_set() and begun >= run.seq:
        # A browser asks again until it is told that there is nothing more.
        return Response(status_code=204)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events_of(run, request.app.state.documents, begun), media_type="text/event-stream", headers=headers)


@router.delete("/api/runs/{run}")
def stop(kit: Kit, run: Which) -> JSONResponse:
    """Stops a run; what it has is kept."""
    kit.runs.stop(run)
    return JSONResponse({"summary": summary_view(run)})


@router.post("/api/runs/{run}/study")
def into_study(kit: Kit, actor: Actor, run: Which, form: Into) -> JSONResponse:
    """Puts a run's traces into a study, and says how many more steps it asks."""
    saved = save_to_study(run, kit.studies.study(form.study), kit.store, kit.studies, actor=actor)
    return JSONResponse({"added": saved.added, "asked": saved.asked, "dataset": saved.dataset, "words": saved.words})


@router.get("/api/runs/{run}/draws/{draw}/looks/{index}.png")
def look(kit: Kit, run: Which, draw: str, index: str) -> Response:
    """The exact pixels that the model saw in a look of a conversation, from 0."""
    number = _number(draw, run.asked.samples, "conversation")
    trace = run.draw(number).trace
    steps = [step for step in trace.steps if step.look] if trace else []
    step = steps[_number(index, len(steps), "look")]
    if trace is None:
        raise NotFound("This conversation has not begun.")
    return Response(kit.crops.png(trace, step, f"{run.id}/{number}"), media_type="image/png", headers=_FOREVER)


def _number(text: str, count: int, what: str) -> int:
    if not _NUMBER.fullmatch(text) or int(text) >= count:
        raise NotFound(f"There is no {what} {text[:20]!r} in this run.")
    return int(text)


def _may_add(kit: Services, request: Request) -> bool:
    door = door_of(request)
    allowed = not door.guarded if door.rater is None else door.rater.role.may_act_as(Role.ADMIN)
    return allowed and not kit.settings.read_only


def _domain(name: DomainName) -> Json:
    domain = DOMAINS[name]
    multi = domain.multi_turn_prompt is not None
    return {
        "name": name.value,
        "title": DOMAIN_TITLES[name],
        "multi": multi,
        "answer_kind": domain.answer_kind.value,
        "crop": crop_view(domain.crop),
    }


def _example(sample: Sample, samples: int) -> Json:
    return {
        "question": sample.question,
        "domain": sample.domain.value,
        "picture": picture_view(sample.pictures[0]),
        "truth": truth_view(sample.truth),
        "samples": samples,
    }
