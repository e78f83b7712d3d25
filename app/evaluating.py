"""Asks policies everything that an evaluation asks, and keeps what is judged on the way."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from app.durations import left
from app.eval_files import EvaluationFile, TraceFile
from app.eval_judged import JudgedFile, told_of
from app.eval_words import beside_table, difficulties_table, table
from app.eval_works import PLAYERS, Work
from core.errors import PolicyError, SaccadeError, TaskError
from core.evaluation.beside import Compared, beside
from core.evaluation.conditions import AS_IT_IS, Condition
from core.evaluation.evaluating import Manner, evaluations
from core.evaluation.values import Evaluation, Outcome, Question
from core.policies.conversation import Sampling
from core.policies.opening import PolicyOptions, open_policy
from core.policies.protocol import Policy
from core.rollout.values import Rollout

# So often, in seconds, what is known so far is written.
_KEEP_EVERY = 20.0

Say = Callable[[str], None]
"""Takes lines for whoever waits."""


@dataclass(frozen=True, slots=True)
class Asking:
    """How questions are asked, of all policies alike. Raises PolicyError for samples that would all be the same answer.

    samples  times that each question is asked as it is, for pass@k
    """

    seed: int = 0
    temperature: float = 0.0
    samples: int = 1
    max_new_tokens: int | None = None

    def __post_init__(self) -> None:
        if self.samples > 1 and not self.temperature > 0:
            raise PolicyError(f"{self.samples} answers at temperature 0 are one answer: give a --temperature too, such as 1.")


class Evaluator:
    """An evaluation under way: the same works for one policy after the other.

    `file`, `judged` and `traces` take what comes; `say` takes tables and sentences. They belong to whoever made them.
    """

    def __init__(
        self, works: Sequence[Work], asking: Asking, file: EvaluationFile, judged: JudgedFile, traces: TraceFile, say: Say = print
    ) -> None:
        self._works = works
        self._asking = asking
        self._file = file
        self._judged = judged
        self._traces = traces
        self._say = say
        self._asked = 0
        self._keys: set[str] = set()

    @property
    def keys(self) -> frozenset[str]:
        """Of all that was asked here, as `JudgedFile` has them."""
        return frozenset(self._keys)

    def ask(self, reference: str, options: PolicyOptions, role: str = "policy") -> tuple[Evaluation, ...]:
        """Everything, put to a policy, with a table for each work as it is done.

        Where somebody stops it, or the policy cannot be asked any more, what is known is written first. Raises PolicyError for a policy
        that cannot be opened or asked, TaskError for one that the questions tell nothing of.
        """
        found: list[Evaluation] = []
        try:
            with _opened(reference, options) as policy_for:
                for work in self._works:
                    found.append(self._ask_work(policy_for(work), work, reference, role))
                    self._say(table(found[-1], work.title))
        except SaccadeError:
            self._file.write(complete=False)
            raise
        except KeyboardInterrupt as stop:
            self._file.write(complete=False)
            latest = self._file.latest
            if latest is not None and latest not in found:
                self._say(table(latest, f"{self._works[len(found)].title}, as far as it came"))
            raise type(stop)("Stopped. " + self._file.words) from stop
        return tuple(found)

    def compare(self, found: Sequence[Evaluation], others: Sequence[Evaluation]) -> list[tuple[Compared, ...]]:
        """The one policy beside the other, work by work, as tables and in the file. Raises TaskError where nothing can be paired."""
        apart = [beside(one, other) for one, other in zip(found, others, strict=True)]
        for work, one, other, compared in zip(self._works, found, others, apart, strict=True):
            self._say(beside_table(one, other, compared, work.title))
            self._file.compare(work.name, one.policy, other.policy, compared)
        if len(self._works) > 1:
            self._say(difficulties_table(self._lines(found, others, apart)))
        return apart

    def _lines(
        self, found: Sequence[Evaluation], others: Sequence[Evaluation], apart: Sequence[tuple[Compared, ...]]
    ) -> list[tuple[str, Evaluation, Evaluation, Compared]]:
        names = [work.name for work in self._works]
        return [(name, one, other, told[0]) for name, one, other, told in zip(names, found, others, apart, strict=True)]

    def _ask_work(self, policy: Policy, work: Work, reference: str, role: str) -> Evaluation:
        """The evaluation of one work, kept on the way."""
        if unfit := work.unfit(policy.card):
            raise TaskError(unfit)
        asking = self._asking
        settings = work.settings(policy.card, Sampling(asking.temperature, seed=asking.seed))
        if asking.max_new_tokens:
            settings = replace(settings, max_new_tokens=asking.max_new_tokens)
        self._file.begin(work.told, reference, policy.card, settings)
        if words := self._judged.begin(role, told_of(work.told, policy.card, settings, asking.seed)):
            self._say(words)
        self._keys.add(self._judged.key)
        manner = Manner(settings, work.conditions, asking.seed, asking.samples, keep=self._keep, known=self._known)
        self._asked, written, pace = 0, time.monotonic(), _Pace(work, asking.samples)
        for so_far in evaluations(policy, work.questions(), manner):
            self._file.take(so_far)
            if time.monotonic() - written > _KEEP_EVERY:
                self._file.write(complete=False)
                written = time.monotonic()
            pace.tell(policy.card.name, so_far.n, self._asked)
        if self._file.latest is None:
            raise TaskError("An evaluation needs at least one question.")
        return self._file.latest

    def _keep(self, condition: Condition, question: Question, rollout: Rollout, outcome: Outcome) -> None:
        # The trace first: what is judged has one, wherever a kill comes in between.
        self._traces.keep(self._judged.key, condition, question, rollout)
        self._judged.keep(condition, question, rollout, outcome)
        self._asked += 1

    def _known(self, condition: Condition, question: Question) -> Mapping[int, Outcome]:
        known = self._judged.known(condition, question)
        name = question.task.sample.external_id
        return {draw: one for draw, one in known.items() if self._traces.has((self._judged.key, condition.name, name, draw))}


class _Pace:
    """How far a work is, in a line that is written over, where somebody watches."""

    def __init__(self, work: Work, samples: int) -> None:
        self._work = work
        # `as-it-is` is always asked.
        self._conversations = samples + len({one.name for one in work.conditions} - {AS_IT_IS.name})
        self._began = time.monotonic()

    def tell(self, policy: str, done: int, asked: int) -> None:
        """`done` questions are, of which some may have been known; `asked` conversations were led for that."""
        if not sys.stderr.isatty():
            return
        total, words = self._work.n, ""
        if done < total:
            words = f"{policy}, {self._work.name}: {done:,} of {total:,} questions"
        if words and asked:
            seconds = (time.monotonic() - self._began) / asked * (total - done) * self._conversations
            words += f", {left(seconds)}"
        sys.stderr.write(f"\r\x1b[K{words}")
        sys.stderr.flush()


@contextmanager
def _opened(reference: str, options: PolicyOptions) -> Iterator[Callable[[Work], Policy]]:
    """What gives the policy for a work. A checkpoint or a server is opened once; those without a model know one work each."""
    if reference not in PLAYERS:
        policy = open_policy(reference, options)
        try:
            yield lambda work: policy
        finally:
            policy.close()
        return

    def made(work: Work) -> Policy:
        if work.player is None:
            raise PolicyError(f"Nobody plays the {reference} on {work.title}: name a policy.")
        return work.player(reference)

    yield made
