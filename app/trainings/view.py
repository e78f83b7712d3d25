"""Runs as documents for the page, and in words."""

from __future__ import annotations

from typing import Any

from app.durations import duration
from app.trainings.rollouts import Rollout, Rollouts, without_gradient
from app.trainings.values import GOING, State, TrainingRun
from app.view import trace_view

Json = dict[str, Any]

STATE_WORDS = {
    State.STARTING: "Starting",
    State.RUNNING: "Running",
    State.SILENT: "Silent",
    State.INTERRUPTED: "Interrupted",
    State.STOPPED: "Stopped",
    State.FINISHED: "Finished",
    State.FAILED: "Failed",
}
KIND_WORDS = {"sft": "Supervised", "grpo": "Reinforcement"}


def run_view(run: TrainingRun, *, read_only: bool = False) -> Json:
    """A run as the list shows it."""
    return {
        "id": run.id,
        "name": run.name,
        "folder": str(run.folder),
        "kind": run.kind,
        "kind_words": KIND_WORDS.get(run.kind, run.kind),
        "title": run.title,
        "state": run.state.value,
        "state_words": state_words(run),
        "words": run.words,
        "going": run.state in GOING,
        "step": run.step,
        "steps": run.steps,
        "begun": run.begun,
        "heard": run.heard,
        "left": left_words(run),
        "host": run.host,
        "stopping": run.stopping,
        "can_stop": run.can_stop and not read_only,
        "can_resume": run.can_resume and not read_only,
        "can_forget": not run.exists and run.state is State.FAILED and not read_only,
    }


def state_words(run: TrainingRun) -> str:
    """How a run stands, in a word."""
    return "Stopping" if run.stopping else STATE_WORDS[run.state]


def left_words(run: TrainingRun) -> str:
    """How long a run will still take; empty where that is not known."""
    return f"{duration(run.seconds_left)} left" if run.seconds_left is not None and run.state is State.RUNNING else ""


def facts_view(run: TrainingRun) -> list[Json]:
    """What run.json says of a run, in the order in which one asks for it; long digests as they are."""
    told = run.told
    versions = told.get("versions")
    rows: list[tuple[str, Any]] = [
        ("Folder", run.folder),
        ("Began with", told.get("model")),
        ("Digest of those weights", told.get("weights_begun_with")),
        ("Digest of the data", told.get("data_sha256")),
        ("Seed", told.get("seed")),
        ("Processes", told.get("processes")),
        ("Device", told.get("device")),
        ("Machine", " · ".join(str(one) for one in (told.get("host"), told.get("machine")) if one)),
        ("Begun", told.get("begun")),
        ("Versions", ", ".join(f"{name} {one}" for name, one in versions.items()) if isinstance(versions, dict) else None),
    ]
    return [{"title": title, "text": str(value)[:2000]} for title, value in rows if value not in (None, "")]


def rollouts_view(run: TrainingRun, kind: str, step: int, found: Rollouts) -> Json:
    """The traces of a step in their groups; a sample is a group by itself."""
    groups: dict[tuple[int, int], list[Rollout]] = {}
    for rollout in found.rollouts:
        key = (rollout.taught.group, -1) if rollout.taught else (0, rollout.number)
        groups.setdefault(key, []).append(rollout)
    left_out = [f"{found.unread} could not be read"] if found.unread else []
    left_out += [f"{found.more} more are in the file"] if found.more else []
    return {
        "kind": kind,
        "step": step,
        "groups": [_group(run, kind, step, at, group) for at, group in enumerate(groups.values())],
        "words": "; ".join(left_out),
    }


def _group(run: TrainingRun, kind: str, step: int, number: int, group: list[Rollout]) -> Json:
    rewards = [one.taught.reward for one in group if one.taught and one.taught.reward is not None]
    return {
        "number": number,
        "question": group[0].trace.sample.question,
        "dead": without_gradient(group),
        "taught": group[0].taught is not None,
        "reward": sum(rewards) / len(rewards) if rewards else None,
        "rollouts": [_rollout(run, kind, step, one) for one in group],
    }


def _rollout(run: TrainingRun, kind: str, step: int, rollout: Rollout) -> Json:
    base = f"/api/trainings/{run.id}"
    view = trace_view(rollout.trace, trace_id="", dataset=f"{run.name}, step {step:,}", address=f"{base}/{kind}/{step}/{rollout.number}")
    pictures = [
        one | {"url": f"{base}/pictures/{kind}/{one['sha256']}", "thumbnail": f"{base}/pictures/{kind}/{one['sha256']}"}
        for one in view["pictures"]
    ]
    taught = rollout.taught
    told = None
    if taught is not None:
        names = ("reward", "advantage", "masked", "stop")
        told = {name: getattr(taught, name) for name in names} | {
            "rewards": [{"name": name, "value": one} for name, one in taught.rewards.items()]
        }
    return {"number": rollout.number, "view": view | {"pictures": pictures, "picture": pictures[0]}, "training": told}
