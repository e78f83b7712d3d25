"""A run's traces into a study: put where the study looks for traces, so that its steps are asked."""

from __future__ import annotations

from dataclasses import dataclass

from annotations.store import Store
from annotations.studies.settings import Selection
from annotations.studies.store import StudyStore
from annotations.studies.values import Study
from app.live_run import LiveRun
from app.words import DOMAIN_TITLES
from core.errors import StudyError
from core.trace import Trace


@dataclass(frozen=True, slots=True)
class SavedToStudy:
    """What came of it: steps that are asked now and were not before, all that the study asks, and the data set that has the traces."""

    added: int
    asked: int
    dataset: str
    words: str


def save_to_study(run: LiveRun, study: Study, store: Store, studies: StudyStore, *, actor: str = "") -> SavedToStudy:
    """Puts a run's stored traces into the study's data set and has the study look at its traces again.

    Where the study takes traces of every data set, or of the run's own, they stay where they are. Raises StudyError, with the reason
    and the mend, where the study's rule takes none of them.
    """
    traces = _stored(run, store)
    rule = study.settings.selection
    if study.closed:
        raise StudyError(f"The study “{study.name:.80}” is closed and asks nobody: reopen it first, or choose another.")
    _refuse_by_rule(study.name, rule, traces)
    dataset = run.stored[0][1].dataset
    if rule.datasets and dataset not in rule.datasets:
        dataset = rule.datasets[0]
        store.add_traces(traces, dataset=dataset, actor=actor)
    hashes = [trace.content_hash for trace in traces]
    before = studies.asked_of(study.id, hashes)
    now = studies.refresh(study.id, actor=actor)
    added = studies.asked_of(study.id, hashes) - before
    if added == 0 and before == 0:
        raise StudyError(f"The study “{study.name:.80}” asks no step of this run: {_why_none(rule, traces)}.")
    steps = f"{added} step{'' if added == 1 else 's'} of this run {'is' if added == 1 else 'are'} asked now"
    words = f"{steps if added else 'The steps of this run were asked already'}; “{study.name:.80}” asks {now.items:,} in all."
    return SavedToStudy(added, now.items, dataset, words)


def _stored(run: LiveRun, store: Store) -> tuple[Trace, ...]:
    traces = tuple(store.trace(stored.id, dataset=stored.dataset).trace for _, stored in run.stored)
    if not traces:
        raise StudyError("Nothing of this run is in the store yet: wait until a conversation has ended.")
    return traces


def _refuse_by_rule(name: str, rule: Selection, traces: tuple[Trace, ...]) -> None:
    """Raises StudyError for what the study leaves out whatever its data set."""
    domain, policy = traces[0].sample.domain, traces[0].policy
    if rule.domains and domain not in rule.domains:
        titles = ", ".join(DOMAIN_TITLES[one] for one in DOMAIN_TITLES if one.value in rule.domains)
        mend = "choose another, or add the domain to its settings"
        raise StudyError(f"The study “{name:.80}” asks about {titles} only, and this run is {DOMAIN_TITLES[domain]}: {mend}.")
    if rule.policies and policy not in rule.policies:
        mend = "choose another, or add it to the study's settings"
        raise StudyError(f"The study “{name:.80}” does not ask about the policy {policy:.80}: {mend}.")


def _why_none(rule: Selection, traces: tuple[Trace, ...]) -> str:
    if not any(step.inside for trace in traces for step in trace.steps):
        return "none has a point inside the picture"
    if rule.traces:
        return f"it draws {rule.traces:,} traces, and none of these was drawn"
    return "none is as its settings want them (which steps of a trace, how many words)"
