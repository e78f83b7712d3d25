"""Which steps a study asks about: those with a point inside the picture, of the traces that its settings leave.

Read from the tables of traces and steps, never from documents. Where only some are wanted they are drawn by a hash of the seed and the
trace's content: the same trace has the same lot in every database, so new traces push out as few of the old ones as can be.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, select, true

from annotations.schema import DatasetRow, StepRow, TraceRow
from annotations.studies.sentences import count_words
from annotations.studies.settings import Selection, StepChoice, StudySettings

# Traces whose steps are read with one statement.
BATCH = 250


@dataclass(frozen=True, slots=True)
class SelectedTrace:
    """A trace by its content hash, and the positions of the steps that are asked, in their order. `picture` is the picture's row."""

    trace: str
    steps: tuple[int, ...]
    domain: str
    policy: str
    picture: int


def select_steps(connection: Connection, settings: StudySettings, *, among: Collection[str] | None = None) -> Iterator[SelectedTrace]:
    """The traces that have a step to ask about, each once, whatever number of data sets has it.

    A number a trace is held in memory, and the steps of a few traces at a time. `among`: content hashes of the only traces that matter;
    others are left out where that spares looking through them.
    """
    wanted = settings.selection
    left = wanted.traces or sys.maxsize
    # Who is drawn depends on all that are there.
    numbers = _drawn(connection, wanted, settings.seed, None if wanted.traces else among)
    for first in range(0, len(numbers), BATCH):
        for selected in _with_steps(connection, numbers[first : first + BATCH], wanted, settings.seed):
            yield selected
            left -= 1
            if not left:
                return


def lot(seed: int, name: str) -> bytes:
    """The lot that a name draws: 32 bytes, evenly spread, the same for the same seed everywhere."""
    return hashlib.sha256(f"{seed}:{name}".encode()).digest()


def _drawn(connection: Connection, wanted: Selection, seed: int, among: Collection[str] | None) -> list[int]:
    """The rows of the traces that the filters leave, in the order of their lots where only some are wanted, else as they came."""
    found = select(TraceRow.content_hash, TraceRow.id).where(TraceRow.picture_id.is_not(None), TraceRow.step_count > 0)
    if wanted.datasets:
        named = list(connection.execute(select(DatasetRow.id).where(DatasetRow.name.in_(wanted.datasets))).scalars())
        found = found.where(TraceRow.dataset_id.in_(named))
    if wanted.domains:
        found = found.where(TraceRow.domain.in_(wanted.domains))
    if wanted.policies:
        found = found.where(TraceRow.policy.in_(wanted.policies))
    hashes = sorted(among or ())
    parts = [found.where(TraceRow.content_hash.in_(hashes[first : first + BATCH])) for first in range(0, len(hashes), BATCH)]
    lots: dict[bytes, int] = {}
    for part in [found] if among is None else parts:
        for content_hash, number in connection.execute(part.order_by(TraceRow.id)):
            lots.setdefault(lot(seed, content_hash), number)
    return [lots[drawn] for drawn in sorted(lots)] if wanted.traces else list(lots.values())


def _with_steps(connection: Connection, numbers: Sequence[int], wanted: Selection, seed: int) -> Iterator[SelectedTrace]:
    """Those of the traces that have a step to ask about, in the order of their numbers."""
    traces = select(TraceRow.id, TraceRow.content_hash, TraceRow.domain, TraceRow.policy, TraceRow.picture_id)
    rows = {row.id: row for row in connection.execute(traces.where(TraceRow.id.in_(numbers)))}
    texts = (StepRow.text, StepRow.written) if wanted.min_words else ()
    steps = select(StepRow.trace_id, StepRow.position, *texts).where(StepRow.trace_id.in_(numbers), StepRow.inside == true())
    if wanted.steps is StepChoice.LOOKED:
        steps = steps.where(StepRow.look_x1.is_not(None))
    found = connection.execute(steps.order_by(StepRow.trace_id, StepRow.position))
    asked = {
        number: _chosen([step.position for step in of_trace if _says_enough(step, wanted)], wanted, seed, rows[number].content_hash)
        for number, of_trace in groupby(found, key=lambda step: step.trace_id)
    }
    for number in numbers:
        if positions := asked.get(number):
            row = rows[number]
            yield SelectedTrace(row.content_hash, positions, sys.intern(row.domain), sys.intern(row.policy), row.picture_id)


def _says_enough(step: Any, wanted: Selection) -> bool:
    return not wanted.min_words or count_words(step.text, step.written or "") >= wanted.min_words


def _chosen(positions: list[int], wanted: Selection, seed: int, trace: str) -> tuple[int, ...]:
    if wanted.steps is StepChoice.FIRST:
        positions = positions[:1]
    elif wanted.steps is StepChoice.LAST:
        positions = positions[-1:]
    if wanted.steps_per_trace and len(positions) > wanted.steps_per_trace:
        positions = sorted(sorted(positions, key=lambda step: lot(seed, f"{trace}:{step}"))[: wanted.steps_per_trace])
    return tuple(positions)
