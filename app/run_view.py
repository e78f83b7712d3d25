"""Runs as documents for the page: plain JSON values. All strings are to be shown as text, never as markup."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from app.live_run import OVER, DrawNow, DrawState, LiveRun, RunNow, RunState
from app.policy_shelf import PolicyShelf
from app.scenes import unfit_view
from app.view import picture_view, trace_view
from app.words import DOMAIN_TITLES
from core.crops import CropRule
from core.policies.references import is_replay
from core.rollout.samples import agreement, correct_of, pass_at_k, told_ks
from core.rollout.values import RolloutSettings
from core.trace import Trace, Truth, TruthKind

Json = dict[str, Any]


def policies_view(shelf: PolicyShelf, *, may_add: bool) -> Json:
    """The policies that can be asked."""
    lines = [
        {
            "reference": line.reference,
            "name": line.name,
            "kind": line.kind.value,
            "state": line.state.value,
            "words": line.words,
            "percent": line.percent,
            "recorded": line.recorded,
            "may_remove": may_add and line.added,
            "shipped": line.shipped,
            "about": line.about,
            "unfit": unfit_view(shelf, line.reference),
            "crop": crop_view(card.crop) if (card := shelf.card(line.reference)) else None,
        }
        for line in shelf.lines()
    ]
    return {"policies": lines, "may_add": may_add, "default": shelf.default}


def crop_view(rule: CropRule | None) -> Json | None:
    """How a domain or a policy looks closer: half the window's side, the crop's side, a dot on it or not; None where nothing is said."""
    return {"offset": rule.offset, "side": rule.side, "dot": rule.dot} if rule else None


def summary_view(run: LiveRun) -> Json:
    """A run as a whole."""
    now, asked = run.now, run.asked
    traces = [rollout.trace for rollout in run.rollouts]
    return {
        "run": run.id,
        "state": now.state.value,
        "words": words_of(run),
        "question": asked.sample.question,
        "policy": asked.policy,
        "policy_name": now.policy_name,
        "picture": picture_view(asked.sample.pictures[0]),
        "domain": asked.sample.domain.value,
        "domain_title": DOMAIN_TITLES[asked.sample.domain],
        "samples": asked.samples,
        "ended": now.ended,
        "tokens": now.tokens,
        "tokens_per_second": now.tokens / now.seconds if now.seconds > 0 else 0.0,
        "seconds": now.seconds,
        "seconds_left": now.seconds_left,
        "seconds_at_most": now.seconds_at_most,
        "agreement": agreement_view(traces),
        "pass_at_k": pass_view(traces),
        "traces": [{"draw": draw, "id": stored.id, "dataset": stored.dataset} for draw, stored in run.stored],
        "error": now.error or _broke_off(run) or None,
        "not_stored": now.not_stored or None,
        "recorded": is_replay(asked.policy),
        "dataset": asked.dataset,
        "truth": truth_view(asked.sample.truth),
        "settings": settings_view(asked.settings),
    }


def truth_view(truth: Truth) -> Json | None:
    """The right answer as it is asked for; None where none is known."""
    return None if truth.kind is TruthKind.NONE else {"kind": truth.kind.value, "text": truth.text}


def settings_view(settings: RolloutSettings) -> Json:
    """The settings of a run as they are asked for."""
    sampling = {name: getattr(settings.sampling, name) for name in ("temperature", "top_p", "top_k", "seed")}
    limits = {name: getattr(settings, name) for name in ("max_new_tokens", "max_turns", "max_pictures", "max_tokens")}
    return {**sampling, **limits, "turns": settings.turns.value}


def draw_view(run: LiveRun, draw: DrawNow) -> Json:
    """A conversation, with the viewer's document of its trace so far."""
    return {
        "draw": draw.draw,
        "view": _trace(run, draw, draw.trace) if draw.trace else None,
        "state": draw.state.value,
        "ended": draw.ended,
        "correct": draw.correct,
        "error": draw.error or None,
    }


def agreement_view(traces: Sequence[Trace]) -> Json | None:
    """How far the answers agree; None for fewer than two conversations that have ended."""
    found = agreement(traces)
    return asdict(found) if found.n >= 2 else None


def pass_view(traces: Sequence[Trace]) -> list[Json] | None:
    """pass@k for the ks that can be told; None where no truth is known."""
    n, right = correct_of(traces)
    if not n:
        return None
    return [{"k": k, "value": pass_at_k(n, right, k), "n": n} for k in told_ks(n)]


def words_of(run: LiveRun) -> str:
    """How far a run is, in a sentence."""
    now, count = run.now, run.asked.samples
    of = "conversation" if count == 1 else f"{count} conversations"
    if now.state in (RunState.WAITING, RunState.LOADING):
        return f"{'Waits' if now.state is RunState.WAITING else 'Gets its policy'}: {now.waiting_for}." if now.waiting_for else "Waits."
    if run.stopping.is_set() and now.state not in OVER:
        return "Is being stopped."
    if now.state is RunState.RUNNING:
        return f"{now.ended} of {of} ended." if count > 1 else "The conversation goes on."
    ended = {RunState.DONE: "Ended", RunState.STOPPED: "Stopped", RunState.FAILED: "Broke off"}[now.state]
    return f"{ended}{_stored_words(now, len(run.stored), run.asked.dataset)}."


def _stored_words(now: RunNow, stored: int, dataset: str | None) -> str:
    if not stored:
        return "; nothing was stored"
    return f"; {stored} trace{'s are' if stored > 1 else ' is'} in the data set {dataset}"


def _broke_off(run: LiveRun) -> str:
    """Why conversations of a run that went on broke off, by the first of them."""
    errors = [rollout.error for rollout in run.rollouts if rollout.error]
    if not errors:
        return ""
    return errors[0] if len(errors) == run.asked.samples else f"{len(errors)} of {run.asked.samples} conversations broke off: {errors[0]}"


def _trace(run: LiveRun, draw: DrawNow, trace: Trace) -> Json:
    stored = draw.stored
    address = "" if stored else f"/api/runs/{run.id}/draws/{draw.draw}"
    view = trace_view(trace, trace_id=stored.id if stored else "", dataset=stored.dataset if stored else "", address=address)
    if draw.state is DrawState.RUNNING:
        going_on = {"running": True, "stop_title": "speaking", "stop_words": "The conversation is going on.", "rewards": []}
        view |= going_on | {"answer": view["answer"] | {"verdict": None, "reason": ""}}
    return view
