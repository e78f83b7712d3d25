"""The paper's plainest baseline: of a record, the answer alone; no thought, no look."""

from __future__ import annotations

from dataclasses import replace

from core.errors import TrainingError
from core.grammar import ANSWER_CLOSE, ANSWER_OPEN
from core.records import CuratedRecord, RecordMessage, Writer
from core.rollout.values import RolloutSettings, Turns
from training.turns import title_of


def answer_alone(record: CuratedRecord) -> CuratedRecord:
    """The record as its question and its last answer, without its system prompt, which speaks of thoughts and looks.

    Raises TrainingError, naming the record, where it has no answer.
    """
    said = "".join(message.text for message in record.messages if message.writer in (Writer.MODEL, Writer.INJECTED))
    _, opened, behind = said.rpartition(ANSWER_OPEN)
    words, closed, _ = behind.partition(ANSWER_CLOSE)
    if not opened or not closed or not words.strip():
        raise TrainingError(f"{title_of(record)} has no answer that could be learnt alone: leave it out.")
    asked = tuple(message for message in record.messages if message.writer is Writer.QUESTION)
    answer = RecordMessage(Writer.MODEL, f"{ANSWER_OPEN} {words.strip()} {ANSWER_CLOSE}")
    return replace(record, messages=(*asked, answer), looks=())


def asked_for_the_answer(settings: RolloutSettings) -> RolloutSettings:
    """The same settings for a policy that learnt answers alone: one turn, and no system prompt but its own."""
    return replace(settings, turns=Turns.SINGLE, crop=None, system_text=None)
