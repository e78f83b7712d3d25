"""Which charts a run has, of the figures that its metrics.jsonl holds: a figure that is not there has no chart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from app.trainings.metrics import MetricsLog

Json = dict[str, Any]

# Points of a line: more than a chart has pixels for are not sent.
MOST = 600
# Looks that have fallen below this share of what they were are said to have collapsed; from so many a rollout on it can be told.
_COLLAPSED, _LOOKED = 0.2, 0.3


@dataclass(frozen=True, slots=True)
class ChartKind:
    """A chart: its figures with the names of their lines, or the beginning that the names of its figures share.

    scale  `plain`, `share` (0 to 1, told in per cent) or `log`
    """

    id: str
    title: str
    figures: tuple[tuple[str, str], ...] = ()
    prefix: str = ""
    scale: str = "plain"
    words: str = ""


# Figures of one name mean another thing in each kind of training: their charts have names of their own, so that they are never compared.
_RATE = ChartKind("learning_rate", "Learning rate", (("learning_rate", "learning rate"),))
_GRADIENT = ChartKind("gradient", "Length of the gradient", (("gradient", "gradient"),))
_PACE = (("dialogs_per_second", "dialogs a second"), ("tokens_per_second", "tokens a second"))

SFT = (
    ChartKind("loss", "Loss", (("loss", "training"), ("validation_loss", "held out")), scale="log"),
    ChartKind(
        "tokens_right",
        "Tokens right",
        (("accuracy", "training"), ("validation_accuracy", "held out")),
        scale="share",
        words="Share of the learnt tokens whose likeliest token was the right one.",
    ),
    _RATE,
    _GRADIENT,
    ChartKind("pace", "Pace", _PACE),
)
GRPO = (
    ChartKind("reward", "Reward", (("reward", "mean"), ("reward_spread", "spread within groups"))),
    ChartKind("rewards", "Reward by component", prefix="reward/"),
    ChartKind(
        "accuracy", "Answers right, and truth hit", (("accuracy", "right"), ("hit_rate", "hit by a look or the answer")), scale="share"
    ),
    ChartKind("looks", "Looks a rollout", (("looks", "looks"),)),
    ChartKind("length", "Length", (("length", "tokens the policy wrote"),)),
    ChartKind("entropy", "Entropy", (("entropy", "entropy"),)),
    ChartKind("kl", "Distance from the start (KL)", (("kl", "KL"),)),
    ChartKind("faults", "Faults a rollout", prefix="faults/"),
    ChartKind("stops", "How rollouts end", prefix="stops/", scale="share"),
    ChartKind(
        "gone",
        "What teaches nothing",
        (("masked", "rollouts masked"), ("dead_groups", "groups without gradient"), ("clipped", "tokens clipped")),
        scale="share",
    ),
    ChartKind("mismatch", "Sampling against training", (("mismatch", "mean difference of log-probabilities"),)),
    ChartKind("policy_loss", "Loss", (("loss", "loss"),)),
    _RATE,
    _GRADIENT,
    ChartKind("pace", "Pace", _PACE),
    ChartKind("generating", "Time spent generating", (("generating", "share of the time"),), scale="share"),
)


def charts(log: MetricsLog, kind: str) -> list[Json]:
    """The charts of a run that have something to show, as the page draws them."""
    made = (_chart(log, one) for one in (GRPO if kind == "grpo" else SFT))
    return [chart for chart in made if chart["series"]]


def _chart(log: MetricsLog, kind: ChartKind) -> Json:
    series = [_line(log, name, title) for name, title in (*kind.figures, *_of_prefix(log.names, kind.prefix)) if name in log.names]
    return {
        "id": kind.id,
        "title": kind.title,
        "scale": kind.scale,
        "words": _words(log, kind),
        "warning": warning(log, kind.id),
        "series": series,
    }


def _of_prefix(names: Sequence[str], prefix: str) -> Iterator[tuple[str, str]]:
    if prefix:
        yield from ((name, name.removeprefix(prefix).replace("_", " ")) for name in sorted(names) if name.startswith(prefix))


def _line(log: MetricsLog, name: str, title: str) -> Json:
    x, y = log.points(name, MOST)
    return {"name": name, "title": title, "x": x, "y": y}


def _words(log: MetricsLog, kind: ChartKind) -> str:
    asked = [log.last(name) for name in ("samples", "judged", "right")]
    if kind.id == "tokens_right" and None not in asked and "validation_loss" in log.names:
        samples, judged, right = (int(one or 0) for one in asked)
        return f"{kind.words} Asked {samples} held-out questions last, it answered {right} of {judged} right."
    return kind.words


def warning(log: MetricsLog, chart: str) -> str:
    """What a chart shows that ought to be seen at once: looks that the policy has given up."""
    ends = log.ends("looks") if chart == "looks" else None
    if ends is None or ends[0] < _LOOKED or ends[1] > _COLLAPSED * ends[0]:
        return ""
    return f"The policy has stopped looking closer: {ends[0]:.2f} looks a rollout at first, {ends[1]:.2f} now."
