"""Folders of runs for the tests: a supervised one, and one of reinforcement learning whose rollouts are an expert's on drawn scenes.

The figures of the curves are made up; the rollouts, their rewards and their advantages are computed as in a training.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from core.frames import CoordinateFrame
from core.grammar import TurnText, format_messages, parse_messages
from core.grounding import ground
from core.rewards import reward
from core.tasks.needle.expert import solve
from core.tasks.needle.splits import Split
from core.tasks.needle.task import NeedleTask, picture_file
from core.trace import Trace

Json = dict[str, Any]

WORLD = NeedleTask.named("easy")
TOLD: Json = {
    "begun": "2026-11-21T22:06:45+00:00",
    "title": "The needle policy, from nothing",
    "seed": 0,
    "steps": 8000,
    "data_sha256": "918f167cb5f75319",
    "model": "small",
    "weights_begun_with": "42272aaeaceb79f0",
    "processes": 1,
    "device": "cpu",
    "versions": {"python": "3.11.7", "torch": "2.13.0"},
    "machine": "Linux",
    "state": "running",
    "words": "",
}


def write_run(folder: Path, lines: Sequence[Json] = (), **told: Any) -> Path:
    """A run's folder with these lines of figures."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_text(json.dumps(TOLD | told), encoding="utf-8")
    (folder / "recipe.yaml").write_text(f"title: {told.get('title', 'a run')}\nmodel: small\n", encoding="utf-8")
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return folder


def sft_lines(steps: int = 400, of: int = 8000, every: int = 20) -> Iterator[Json]:
    """Figures of supervised fine-tuning: they fall and rise as they do."""
    for step in range(every, steps + 1, every):
        loss = 0.2 + 4 * math.exp(-step / 120)
        stage = "one item" if step <= steps // 2 else "a few items"
        yield {
            "step": step,
            "of": of,
            "loss": loss,
            "stage": stage,
            "accuracy": 1 - loss / 7,
            "learning_rate": 1e-3 * min(1, step / 100),
        } | {
            "gradient": 1 + loss,
            "dialogs_per_second": 30.0,
            "seconds": step * 1.0,
            "seconds_left": float(of - step),
        }
    yield {"step": steps, "validation_loss": 0.4, "validation_accuracy": 0.91}
    yield {"step": steps, "samples": 16, "judged": 16, "right": 4}


def grpo_lines(steps: int = 60, *, collapse: bool = True) -> Iterator[Json]:
    """Figures of a reinforcement learning whose policy gives up looking."""
    for step in range(1, steps + 1):
        far = step / steps
        looks = 1.6 * (1 - far) ** 2 if collapse else 1.6
        yield {"step": step, "of": 200, "loss": 0.01 * math.sin(step), "reward": 0.3 + 0.4 * far, "reward_spread": 0.3 - 0.1 * far} | {
            "reward/Format": 0.8 + 0.1 * far,
            "reward/Answer right": 0.2 + 0.3 * far,
            "accuracy": 0.2 + 0.3 * far,
            "hit_rate": 0.5 - 0.3 * far,
            "looks": looks,
            "length": 120 - 60 * far,
            "entropy": 1.2 - far,
            "kl": 0.02 * far,
            "faults/missing_answer": 0.1 * (1 - far),
            "stops/answered": 0.8 + 0.2 * far,
            "stops/turns": 0.2 - 0.2 * far,
            "masked": 0.2 - 0.2 * far,
            "dead_groups": 0.25,
            "mismatch": 0.001,
            "learning_rate": 1e-6,
            "gradient": 0.4,
            "tokens_per_second": 900.0,
            "seconds": 30.0 * step,
            "seconds_left": 30.0 * (200 - step),
            "generating": 0.7,
        }


def rollouts_of(seed: int) -> tuple[list[Trace], tuple[str, bytes]]:
    """Four ways to answer about one scene: as an expert, with a look that goes wide first, wrong, and without looking; and its picture."""
    asked = WORLD.asked(seed, Split.TRAIN)
    frame = CoordinateFrame.normalised(asked.scene.size, known_by="the test")
    rule = WORLD.difficulty.rule(16)
    sha256, data = picture_file(asked.scene)
    sample = WORLD.sample(asked, picture=sha256)
    wrong = format_messages([TurnText("I see many items, and take one (500, 500).", answer="nothing of the kind")])
    said = (solve(asked, frame, rule), solve(asked, frame, rule, misses=1.0), wrong, wrong)
    return [ground(sample, parse_messages(one), frame, rule, policy="needle") for one in said], (sha256, data)


def write_rollouts(folder: Path, step: int, groups: int = 2, *, dead: int | None = 1) -> Path:
    """The rollouts of a step with their pictures, as a training writes them; the group `dead` says the same four times."""
    place = folder / "rollouts"
    (place / "pictures").mkdir(parents=True, exist_ok=True)
    lines = []
    for group in range(groups):
        traces, (sha256, data) = rollouts_of(group)
        (place / "pictures" / f"{sha256}.png").write_bytes(data)
        shown = [traces[2]] * 4 if group == dead else traces
        found = [reward(trace, "strict") for trace in shown]
        totals = [one.total if one else 0.0 for one in found]
        spread = statistics.pstdev(totals)
        for trace, breakdown, total in zip(shown, found, totals, strict=True):
            training = {
                "group": group,
                "reward": total,
                "rewards": {part.name: part.value for part in breakdown.components} if breakdown else {},
                "advantage": (total - statistics.fmean(totals)) / spread if spread else 0.0,
                "masked": False,
                "stop": trace.stop.value,
            }
            line = {"format": "saccade.trace", "version": 1, "dataset": "grpo", "trace": trace.to_json(), "training": training}
            lines.append(json.dumps(line) + "\n")
    file = place / f"step-{step:06}.jsonl"
    file.write_text("".join(lines), encoding="utf-8")
    return file


def write_samples(folder: Path, step: int, count: int = 3) -> Path:
    """What a policy said on the way, as supervised fine-tuning writes it."""
    place = folder / "samples"
    (place / "pictures").mkdir(parents=True, exist_ok=True)
    lines = []
    for seed in range(count):
        traces, (sha256, data) = rollouts_of(seed)
        (place / "pictures" / f"{sha256}.png").write_bytes(data)
        line = {"format": "saccade.trace", "version": 1, "dataset": "samples", "trace": traces[seed % 3].to_json()}
        lines.append(json.dumps(line) + "\n")
    file = place / f"step-{step:06}.jsonl"
    file.write_text("".join(lines), encoding="utf-8")
    return file


def some_runs(root: Path) -> None:
    """One of each: finished with samples, stopped, failed, and one of reinforcement learning with rollouts."""
    done = write_run(root / "needle-sft", list(sft_lines()), state="finished", step=400, steps=400)
    write_samples(done, 400)
    write_run(root / "stopped-early", list(sft_lines(120)), state="stopped", step=120, words="Stopped by hand after step 120.")
    write_run(root / "no-memory", list(sft_lines(60)), state="failed", step=60, words="The memory ran out at step 61.")
    learnt = write_run(root / "needle-grpo", list(grpo_lines()), kind="grpo", title="GRPO with looks", state="stopped", step=60, steps=200)
    write_rollouts(learnt, 20)
    write_rollouts(learnt, 40, groups=3)
