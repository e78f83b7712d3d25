"""The rollouts of a step, written down whole: as traces that an import takes, each with what it was paid and how it was learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from accelerate import PartialState
from accelerate.utils import gather_object

from training.reinforcement import Grpo
from training.rollouts import Rewarded
from training.runs import Run
from training.sampling import write_traces
from training.watching import is_due


class RolloutBook:
    """Writes `rollouts/step-000020.jsonl` of a run, every `rollouts_every` steps, and of the first."""

    def __init__(self, run: Run, grpo: Grpo) -> None:
        self._run, self._grpo = run, grpo

    def __call__(self, step: int, rollouts: Sequence[Rewarded], advantages: Sequence[float]) -> None:
        """Those of a round that begins with a step. Called in every process, each with its own."""
        steps = range(step, step + self._grpo.updates)
        due = next((one for one in steps if is_due(one, self._grpo.rollouts_every) or (one == 1 and self._grpo.rollouts_every)), None)
        if due is None:
            return
        lines = [
            (one.led.trace, one.led.question.task.image, _training(one, advantage))
            for one, advantage in zip(rollouts, advantages, strict=True)
        ]
        if PartialState().num_processes > 1:
            lines = gather_object(lines)
        if not PartialState().is_main_process:
            return
        path = self._run.rollouts / f"step-{due:06}.jsonl"
        beside = [{"training": {"group": at // self._grpo.group, **told}} for at, (_, _, told) in enumerate(lines)]
        write_traces(path, [trace for trace, _, _ in lines], [image for _, image, _ in lines], f"{self._run.folder.name} rollouts", beside)


def _training(one: Rewarded, advantage: float) -> dict[str, Any]:
    return {
        "reward": one.paid,
        "rewards": {component.name: component.value for component in one.scored.components},
        "advantage": round(advantage, 6),
        "masked": one.paid is None,
        "stop": one.led.trace.stop.value,
    }
