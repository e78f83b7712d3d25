"""What the policy says while it is trained: greedy conversations about held-out examples, written as traces that an import takes.

They are led by `core.rollout`, with the weights as they are: what is seen here is what the finished policy would do.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image

from core.crops import CropRule
from core.domains import DOMAINS, judge_trace
from core.grammar import IMAGE_MARK
from core.policies.conversation import GREEDY
from core.policies.local.loading import LoadedModel
from core.policies.local.policy import LocalPolicy
from core.records import CuratedRecord, Writer
from core.rollout.engine import roll_out
from core.rollout.values import MAX_PICTURES, MAX_TURNS, Ended, RolloutSettings, SystemPrompt, Task, Turns
from core.trace import Picture, Sample, Trace
from training.sources import Example

# The lines of an export of traces (docs/formats.md). A test compares them with the importer's own.
EXPORT_FORMAT, EXPORT_VERSION = "saccade.trace", 1
_AT_ONCE = 8


def settings_for(record: CuratedRecord, crop: CropRule | None, max_new_tokens: int, looks: int = 0) -> RolloutSettings:
    """How a record's question is asked again: with its own system prompt, in several turns where it looked closer or could have.

    looks  so many there is room for, at least
    """
    own = "".join(message.text for message in record.messages if message.writer is Writer.SYSTEM)
    domain = DOMAINS[record.domain]
    zooms = bool(record.looks) or (own == domain.multi_turn_prompt and own) or (crop is not None and domain.crop is not None)
    return RolloutSettings(
        sampling=GREEDY,
        turns=Turns.MULTI if zooms else Turns.SINGLE,
        crop=crop,
        max_new_tokens=max_new_tokens,
        # One more than the longest needs, for a look that goes wide; and a turn for the answer.
        max_turns=max(MAX_TURNS, looks + 2),
        max_pictures=max(MAX_PICTURES, looks + 2),
        system=SystemPrompt.CHECKPOINT,
        system_text=own or None,
    )


def task_of(example: Example) -> Task:
    """An example's question as it is put to a policy. It has one picture."""
    record = example.record
    question = "".join(message.text for message in record.messages if message.writer is Writer.QUESTION)
    sample = Sample(question.replace(IMAGE_MARK, "").strip(), record.domain, record.pictures, record.truth)
    return Task(sample, example.images[0])


def sample_traces(
    loaded: LoadedModel,
    examples: Sequence[Example],
    crop: CropRule | None,
    *,
    max_new_tokens: int,
    name: str,
    asked: Callable[[CuratedRecord], RolloutSettings] | None = None,
) -> list[Trace]:
    """One greedy conversation for each example with one picture, in order. The model is left in the mode in which it was.

    asked  how a record's question is asked; None: as the record itself was led (`settings_for`)
    """
    how = asked or (lambda record: settings_for(record, crop, max_new_tokens, looks))
    examples = [example for example in examples if len(example.images) == 1]
    looks = max((len(example.record.looks) for example in examples), default=0)
    by_settings: dict[RolloutSettings, list[int]] = {}
    for place, example in enumerate(examples):
        by_settings.setdefault(how(example.record), []).append(place)
    traces: dict[int, Trace] = {}
    with answering(loaded), LocalPolicy(loaded, slots=min(_AT_ONCE, max(1, len(examples)))) as policy:
        for settings, places in by_settings.items():
            for event in roll_out(policy, [task_of(examples[place]) for place in places], settings, policy_name=name):
                if isinstance(event, Ended):
                    traces[places[event.rollout.task]] = event.rollout.trace
    return [traces[place] for place in sorted(traces)]


def right_of(traces: Sequence[Trace]) -> tuple[int, int]:
    """(judged, right): of the traces, how many have an answer that can be judged, and how many of these are right."""
    verdicts = [judge_trace(trace).correct for trace in traces]
    judged = [verdict for verdict in verdicts if verdict is not None]
    return len(judged), sum(judged)


def write_traces(
    path: Path, traces: Sequence[Trace], images: Sequence[Image.Image], dataset: str, beside: Sequence[Mapping[str, Any]] | None = None
) -> None:
    """A line a trace at `path`, and the pictures in `pictures` beside it: `launch.py import PATH --image-root PICTURES` takes them.

    A picture is written as PNG and named by the hash of that file, which the trace is then told. `beside`: what else stands in each line.
    """
    folder = path.parent / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    lines, kept = [], dict[int, str]()
    for trace, image, more in zip(traces, images, beside or [{}] * len(traces), strict=True):
        if id(image) not in kept:
            kept[id(image)] = _keep(image, folder)
        named = _with_picture(trace, kept[id(image)])
        line = {"format": EXPORT_FORMAT, "version": EXPORT_VERSION, "dataset": dataset, "trace": named.to_json(), **more}
        lines.append(json.dumps(line))
    draft = path.with_name(path.name + ".part")
    draft.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    draft.replace(path)


def _with_picture(trace: Trace, sha256: str) -> Trace:
    known = trace.sample.pictures[0]
    sample = replace(trace.sample, pictures=(Picture(sha256, known.size, name=known.name),))
    return replace(trace, sample=sample)


def _keep(image: Image.Image, folder: Path) -> str:
    """Write an upright picture where it is not there yet; the hash it is named by."""
    made = io.BytesIO()
    image.save(made, "PNG")
    sha256 = hashlib.sha256(made.getvalue()).hexdigest()
    path = folder / f"{sha256}.png"
    if not path.is_file():
        draft = path.with_suffix(".part")
        draft.write_bytes(made.getvalue())
        draft.replace(path)
    return sha256


@contextmanager
def answering(loaded: LoadedModel) -> Iterator[None]:
    """The model in the mode in which it is asked; behind it, in the mode in which it was."""
    training = loaded.model.training
    loaded.model.eval()
    try:
        yield
    finally:
        loaded.model.train(training)
