"""The HTTP routes of preferred traces: what a rule would take, and the file of records with its manifest. Only leads get here.

Reading ratings and trying out which traces can become records takes a while in a large study, so it has a thread of its own, one piece
of work after the other; the raters go on meanwhile. What was read is kept by the curator until something changes. All strings of the
answers are to be shown as text, never as markup.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import FileResponse, JSONResponse
from pydantic import Field
from starlette.background import BackgroundTask

from annotations.curation.curator import Curator
from annotations.curation.evidence import TraceFacts
from annotations.curation.recipes import Corrections, Passed, Preview, Recipe
from annotations.curation.rules import CONDITIONS, MAX_LENGTH, Kind, Rule, parse_rule
from annotations.curation.select import opening_rule
from annotations.curation.splitting import SHARES, SplitPlan, parse_shares
from annotations.studies.settings import Measure, StudySettings
from annotations.studies.values import Study
from app.bodies import Form, body_of
from app.preferred import export_command, written_shares
from app.services import Services
from app.study_api import Which
from app.words import DOMAIN_TITLES
from core.manifest import manifest_path

router = APIRouter()

# Traces that a preview shows.
EXAMPLES = 50
_MAX_SEED = 2**53 - 1
_FILE = "records.jsonl"

Json = dict[str, Any]
Given = TypeVar("Given")
Text = Annotated[str, Field(max_length=MAX_LENGTH)]
Seed = Annotated[int, Field(ge=0, le=_MAX_SEED)]


class RecipeForm(Form):
    """A rule as text, what becomes of corrections, the shares of the split as text, and its seed."""

    rule: Text
    corrections: Literal["apply", "leave"] = "apply"
    split: Annotated[str, Field(max_length=100)] = written_shares(SHARES)
    seed: Seed = 0


class Bench:
    """The curator of one application, and the thread that it works in."""

    def __init__(self, kit: Services) -> None:
        self.kit = kit
        self.curator = Curator(kit.store, kit.studies, kit.ratings)
        self._thread = ThreadPoolExecutor(1, "curation")

    async def do(self, work: Callable[[], Given]) -> Given:
        """What `work` gives back or raises."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


async def bench_of(request: Request) -> Bench:
    """The application's own, made when it is first asked for."""
    state = request.app.state
    if not hasattr(state, "curation"):
        state.curation = Bench(state.services)
    found: Bench = state.curation
    return found


AtBench = Annotated[Bench, Depends(bench_of)]
Wished = Annotated[RecipeForm, Depends(body_of(RecipeForm))]


def recipe_of(form: RecipeForm) -> Recipe:
    """The recipe that a form asks for. Raises RuleError."""
    return Recipe(parse_rule(form.rule), Corrections(form.corrections), SplitPlan(parse_shares(form.split), form.seed))


def asked_recipe(
    rule: Annotated[str, Query(max_length=MAX_LENGTH)],
    corrections: Literal["apply", "leave"] = "apply",
    split: Annotated[str, Query(max_length=100)] = written_shares(SHARES),
    seed: Annotated[int, Query(ge=0, le=_MAX_SEED)] = 0,
) -> Recipe:
    """The recipe that an address asks for. Raises RuleError."""
    return recipe_of(RecipeForm(rule=rule, corrections=corrections, split=split, seed=seed))


Asked = Annotated[Recipe, Depends(asked_recipe)]


@router.get("/api/curation")
async def list_rated(bench: AtBench) -> JSONResponse:
    """The studies with ratings, the newest first, each with a rule to begin with."""
    rated = await bench.do(bench.curator.studies)
    return JSONResponse({"studies": [_line(study, ratings) for study, ratings in rated], "split": written_shares(SHARES)})


@router.post("/api/curation/{study}/preview")
async def preview(bench: AtBench, number: Which, form: Wished) -> JSONResponse:
    """What an export by this rule would hold; nothing is written."""
    return JSONResponse(await bench.do(lambda: _preview(bench, number, recipe_of(form))))


@router.get("/api/curation/{study}/records.jsonl")
async def records(bench: AtBench, number: Which, recipe: Asked) -> FileResponse:
    """The curated records, to download."""
    path = await bench.do(lambda: _write(bench, number, recipe))
    return _download(path, path, "application/x-ndjson")


@router.get("/api/curation/{study}/manifest.json")
async def manifest(bench: AtBench, number: Which, recipe: Asked) -> FileResponse:
    """The manifest of the records that the same address with records.jsonl gives, to download and put beside them."""
    path = await bench.do(lambda: _write(bench, number, recipe))
    return _download(path, manifest_path(path), "application/json")


def _write(bench: Bench, number: int, recipe: Recipe) -> Path:
    """The records and their manifest in a folder of their own."""
    folder = Path(tempfile.mkdtemp(prefix="records-", dir=bench.kit.scratch))
    with ExitStack() as unless_written:
        unless_written.callback(shutil.rmtree, folder, ignore_errors=True)
        bench.curator.export(number, recipe, folder / _FILE)
        unless_written.pop_all()
    return folder / _FILE


def _download(records: Path, file: Path, kind: str) -> FileResponse:
    away = BackgroundTask(shutil.rmtree, records.parent, ignore_errors=True)
    return FileResponse(file, media_type=kind, filename=file.name, background=away)


def _line(study: Study, ratings: int) -> Json:
    rule = opening_rule(study.settings)
    return {"id": study.id, "name": study.name, "version": study.version, "closed": study.closed, "ratings": ratings, "rule": str(rule)}


def _preview(bench: Bench, number: int, recipe: Recipe) -> Json:
    found = bench.curator.preview(number, recipe)
    traces, points = found.corrected
    counts = {"rated": found.rated, "passed": len(found.passed), "records": found.records}
    return {
        "study": {"id": found.study.id, "name": found.study.name, "version": found.study.version},
        "canonical": str(recipe.rule),
        "conditions": _values(recipe.rule),
        "ranges": _ranges(found.study.settings),
        "choices": _choices(bench.curator.facts(number)),
        "counts": {**counts, "corrected_traces": traces, "corrected_points": points, "raters": len(_raters(found))},
        "failed": _funnel(found),
        "left_out": [{"reason": reason, "n": count} for reason, count in found.left_out.items()],
        "splits": [{"split": one.split.value, "records": one.records, "pictures": one.pictures} for one in found.splits],
        "examples": [_example(one) for one in found.passed[:EXAMPLES]],
        "command": export_command(found.study.name, recipe, bench.kit.settings),
        "elsewhere": bench.kit.settings.database_url is not None,
    }


def _values(rule: Rule) -> Json:
    """The conditions of a rule by name: numbers, right or wrong, or lists of names."""
    values = {name: getattr(rule, name) for name in rule.conditions}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _funnel(found: Preview) -> list[Json]:
    """Each condition with how many traces it turns down, and how many are left behind it."""
    lines, left = [], found.rated
    for name in found.recipe.rule.conditions:
        condition = found.recipe.rule.written(name)
        turned_down = found.failed[condition]
        left -= turned_down
        lines.append({"name": name, "condition": condition, "words": CONDITIONS[name].words, "n": turned_down, "left": left})
    return lines


def _ranges(settings: StudySettings) -> Json:
    """Which conditions about people's answers the study can meet, and from where to where; None for one that it does not ask about."""
    helpful = settings.question(Measure.HELPFULNESS)
    scores = [choice.score for choice in helpful.choices if choice.score is not None] if helpful else []
    share = [0, 1] if settings.question(Measure.ACCURACY) else None
    return {"accurate": share, "agreement": share, "helpful": [min(scores), max(scores)] if scores else None}


def _choices(facts: tuple[TraceFacts, ...]) -> Json:
    """The names that the filters can be given, each with how many rated traces have it, the most frequent first."""
    counted: dict[str, dict[str, int]] = {name: {} for name, condition in CONDITIONS.items() if condition.kind is Kind.NAMES}
    for one in facts:
        for name, values in (("domain", (one.domain.value,)), ("dataset", one.datasets), ("policy", (one.policy,))):
            for value in values:
                counted[name][value] = counted[name].get(value, 0) + 1
    titles = {name.value: title for name, title in DOMAIN_TITLES.items()}
    return {
        name: [
            {"value": value, "title": titles.get(value, value) if name == "domain" else value, "count": count}
            for value, count in sorted(values.items(), key=lambda pair: (-pair[1], pair[0]))
        ]
        for name, values in counted.items()
    }


def _raters(found: Preview) -> set[int]:
    return {rater for one in found.passed if not one.left_out for rater in one.evidence.raters}


def _example(one: Passed) -> Json:
    facts, evidence = one.evidence.facts, one.evidence
    return {
        "id": facts.id,
        "question": facts.question,
        "policy": facts.policy,
        "datasets": list(facts.datasets),
        "domain_title": DOMAIN_TITLES[facts.domain],
        "thumbnail": f"/pictures/{facts.pictures[0]}/thumbnail" if facts.pictures else None,
        "link": f"/?trace={facts.id}",
        "accurate": _figure(evidence.accurate),
        "helpful": _figure(evidence.helpful),
        "agreement": _figure(evidence.agreement),
        "ratings": evidence.ratings,
        "raters": len(evidence.raters),
        "rated_steps": len(evidence.steps),
        "asked_steps": evidence.asked,
        "correct": facts.correct,
        "faults": facts.faults,
        "looks": facts.looks,
        "split": one.split.value,
        "moved": one.moved,
        "left_out": one.left_out,
    }


def _figure(value: Fraction | None) -> float | None:
    return None if value is None else float(value)
