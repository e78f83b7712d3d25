"""Improvements as documents for the page, and what each came to in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.eval_scores import score_words
from app.improvements.values import Improvement, State
from app.improving import conclusion
from app.trainings.folders import RunFolders
from app.trainings.values import GOING, TrainingRun
from app.trainings.view import KIND_WORDS, run_view

Json = dict[str, Any]

STATE_WORDS = {State.GOING: "Going on", State.DONE: "Done", State.STOPPED: "Stopped", State.ENDED: "Broke off"}

_CAUTION = "The rule chose these questions by what was answered before: where it wants right answers, it favours who gave them."


def improvement_view(one: Improvement, folders: RunFolders, *, read_only: bool) -> Json:
    """An improvement as the list shows it: how it stands, its runs, and what came of it."""
    runs = [folders.look(half) for half in one.halves if half.exists()]
    changeable = not read_only
    return {
        "id": one.id,
        "name": one.wish.name,
        "state": one.state.value,
        "state_words": "Stopping" if one.stopping else STATE_WORDS[one.state],
        "words": _phase(one, runs) if one.state is State.GOING else one.words,
        "begun": one.begun,
        "study": one.chosen.study,
        "rule": one.chosen.rule,
        "records": one.chosen.records,
        "runs": [_run(run) for run in runs],
        "policy": None if one.policy is None else {"name": one.policy.name, "offered": one.policy.offered and not one.policy.wrong},
        "verdict": [] if one.policy is None else [verdict_view(score) for score in one.policy.scores if "difference" in score],
        "caution": _CAUTION if one.wish.world == "records" else "",
        "can_stop": changeable and one.state is State.GOING,
        "can_go_on": changeable and one.state in (State.STOPPED, State.ENDED) and one.wish.halves != (),
        "can_forget": changeable and one.state is not State.GOING and not runs,
        "output": one.output,
    }


def verdict_view(score: Mapping[str, Any]) -> Json:
    """What a score says of the new policy beside the old one: shares, the paired difference with its interval, p and n, and a sentence."""
    right, apart = score["right"], score["difference"]
    return {
        "title": "Records held out" if score.get("world") == "records" else f"{score.get('world')} {score.get('difficulty')}",
        "than": str(score.get("than", "")),
        "n": apart["n"],
        "new": right["share"],
        "old": right["share"] - apart["difference"],
        "difference": apart["difference"],
        "interval": apart["interval"],
        "p": apart["p_mcnemar"],
        "conclusion": conclusion(apart["difference"], apart["p_mcnemar"]),
        "words": score_words(score),
    }


def _run(run: TrainingRun) -> Json:
    view = run_view(run)
    kept = {name: view[name] for name in ("id", "name", "state", "state_words", "step", "steps", "left", "going")}
    return kept | {"kind_words": KIND_WORDS.get(run.kind, run.kind)}


def _phase(one: Improvement, runs: list[TrainingRun]) -> str:
    if any(run.state in GOING for run in runs):
        return ""
    if len(runs) == len(one.halves) and all(run.state.value == "finished" for run in runs):
        return "It is trained; it and the policy before are asked the questions that were held out."
    return "Records, recipe and checkpoint are being looked at."
