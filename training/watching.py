"""What is looked at while a policy is trained: figures and the time that is left, its loss on held-out dialogs, what it says, and whether
somebody asked it to stop.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import psutil
import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from training.recipe import Recipe
from training.runs import Run
from training.schooling import Schooling

# The pace is that of so many of the last lines.
_RECENT = 20


@dataclass(frozen=True, slots=True)
class News:
    """A line of metrics.jsonl, and how it is said on a terminal."""

    figures: Mapping[str, Any]
    words: str


Tell = Callable[[News], None]
Figures = Callable[[Mapping[str, float], float], dict[str, Any]]
"""From what a trainer logs and the seconds of a step to a line's figures."""


class Watching(TrainerCallback):  # type: ignore[misc]
    """Sits in the trainer's loop. Nothing of it changes what is learnt.

    figures   of the steps since the last line, from what the trainer logs and the seconds that a step took. Called in every process
    validate  the loss on held-out dialogs; {} where there are none. Called in every process
    sample    lets the policy speak and writes it down, for a step; {} where nothing was asked. Called in every process
    stopped   whether somebody asked the run to stop
    saves_after   whether a run can go on from behind a step; where it cannot, a checkpoint and a stop wait for the next one that can
    """

    def __init__(
        self,
        recipe: Recipe,
        run: Run | None,
        schooling: Schooling,
        *,
        figures: Figures,
        validate: Callable[[], dict[str, float]],
        sample: Callable[[int], dict[str, Any]],
        stopped: Callable[[], bool],
        tell: Tell,
        saves_after: Callable[[int], bool] = lambda step: True,
    ) -> None:
        self._recipe, self._run, self._schooling = recipe, run, schooling
        self._figures, self._validate, self._sample, self._stopped, self._tell = figures, validate, sample, stopped, tell
        self._saves_after, self._save_is_due, self._asked = saves_after, False, False
        self._lines: deque[tuple[int, float]] = deque(maxlen=_RECENT)
        self._began = 0.0
        self._elsewhere = 0.0
        self.stopping = False

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **rest: Any) -> None:
        """The clock starts with the first step of this session."""
        self._began = time.monotonic()
        self._lines.append((state.global_step, self._began))

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **rest: Any) -> TrainerControl:
        """After every step: is it time for anything?"""
        step, recipe = state.global_step, self._recipe
        last = step >= self._schooling.steps
        if last:
            control.should_log = True
        whole = self._saves_after(step)
        self._save_is_due = self._save_is_due or is_due(step, recipe.save_every)
        if whole and self._save_is_due:
            control.should_save, self._save_is_due = True, False
        if not last and is_due(step, recipe.evaluate_every):
            self.look(step)
        if not last and is_due(step, recipe.sample_every):
            self.listen(step)
        self._asked = self._asked or self._stopped()
        if not last and whole and self._asked:
            self.stopping = control.should_log = control.should_save = control.should_training_stop = True
        return control

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: dict[str, float] | None = None, **rest: Any
    ) -> None:
        """A line of figures."""
        if not logs or "loss" not in logs:
            return
        now, step = time.monotonic() - self._elsewhere, state.global_step
        before, since = self._lines[0]
        self._lines.append((step, now))
        pace = (now - since) / max(1, step - before)
        left = pace * (self._schooling.steps - step)
        name = self._schooling.lessons[self._schooling.rates.stage(max(0, step - 1))].stage.name
        figures: dict[str, Any] = {"step": step, "of": self._schooling.steps, "loss": round(logs["loss"], 6)}
        figures |= {"stage": name} if name else {}
        rest = {"learning_rate": self._schooling.rates.at(step - 1), "gradient": round(float(logs.get("grad_norm", 0.0)), 6)}
        figures |= rest | self._figures(logs, pace)
        figures |= {"seconds": round(time.monotonic() - self._began, 1), "seconds_left": round(left, 1), "memory": memory_held()}
        self._say(figures, _line(figures, left))

    def look(self, step: int) -> dict[str, float]:
        """The loss on held-out dialogs, told."""
        with _Pause(self):
            found = self._validate()
        if found:
            words = f"step {step:,}: held out: loss {found['validation_loss']:.4f}, {found['validation_accuracy']:.1%} of the tokens"
            self._say({"step": step, **found}, words)
        return found

    def listen(self, step: int) -> dict[str, Any]:
        """What the policy says, told."""
        with _Pause(self):
            found = self._sample(step)
        if found:
            self._say(
                {"step": step, **found}, f"step {step:,}: asked {found['samples']} times, {found['right']} of {found['judged']} right"
            )
        return found

    def _say(self, figures: Mapping[str, Any], words: str) -> None:
        if self._run is not None:
            self._run.add_metrics(figures)
            self._tell(News(figures, words))

    def left_out(self, seconds: float) -> None:
        """Time that was not training: it says nothing of the pace."""
        self._elsewhere += seconds


class _Pause:
    def __init__(self, watching: Watching) -> None:
        self._watching = watching

    def __enter__(self) -> None:
        self._since = time.monotonic()

    def __exit__(self, *error: object) -> None:
        self._watching.left_out(time.monotonic() - self._since)


def memory_held() -> int:
    """Bytes that this process holds: at most so far of the GPU where it has one, now of the processor's memory elsewhere."""
    return int(torch.cuda.max_memory_allocated() if torch.cuda.is_available() else psutil.Process().memory_info().rss)


def duration(seconds: float) -> str:
    """Seconds in words: 40 s, 12 min, 3 h 20 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _line(figures: Mapping[str, Any], left: float) -> str:
    stage = f" · {figures['stage']}" if "stage" in figures else ""
    told = f"step {figures['step']:,} of {figures['of']:,}{stage} · loss {figures['loss']:.4f}"
    if "reward" in figures:
        right = f" · {figures['accuracy']:.1%} right" if "accuracy" in figures else ""
        looks = f" · {figures['looks']:.2g} looks" if "looks" in figures else ""
        return f"{told} · reward {figures['reward']:.3f}{right}{looks} · {duration(left)} left"
    right = f" · {figures['accuracy']:.1%} of the tokens" if "accuracy" in figures else ""
    pace = f" · {figures['dialogs_per_second']:.3g} dialogs/s" if figures.get("dialogs_per_second") else ""
    return f"{told}{right}{pace} · {duration(left)} left"


def is_due(step: int, every: int) -> bool:
    """Whether something that comes every so many steps comes behind this one; 0: it never does."""
    return every > 0 and step % every == 0
