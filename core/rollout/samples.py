"""What several answers to one question tell: how far they agree, and how likely some of them are to hold a right one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from core.domains import judge_trace
from core.errors import PolicyError
from core.geometry import Point
from core.judges import NEAR_PX, judge_text, judge_web_action
from core.trace import BROKEN_OFF, DomainName, Trace, TruthKind


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far answers to one question agree.

    n       conversations
    given   of these, the ones that gave an answer
    answer  the answer that most of them gave, in the words of the first that gave it; None where none did
    count   how many gave it
    pairs   pairs of conversations that were compared: every two of the n
    share   the part of those pairs whose answers are alike, 0 to 1; None for fewer than two. Without an answer is like nothing
    words   all this in a sentence, also what cannot be told
    """

    n: int
    given: int
    answer: str | None
    count: int
    pairs: int
    share: float | None
    words: str


def agreement(traces: Sequence[Trace]) -> Agreement:
    """How far the answers agree; conversations that a person stopped or that broke off are left out.

    Texts and actions are alike as their judge has it; points where they are less than 50 px apart in the original picture, or where both
    are in the truth's box.

    Raises PolicyError for traces of different questions: their answers are no answers to one another.
    """
    if len({(trace.sample.question, trace.sample.domain, trace.sample.pictures) for trace in traces}) > 1:
        raise PolicyError("Answers agree or differ on one question: these traces are of several.")
    traces = came_to_an_end(traces)
    answers = [trace for trace in traces if trace.answer]
    n = len(traces)
    pairs = n * (n - 1) // 2
    alike = [[_alike(one, two) for two in answers] for one in answers]
    same = sum(row[column] for at, row in enumerate(alike) for column in range(at + 1, len(answers)))
    counts = [sum(row) for row in alike]
    # The first of the largest: `index` finds it.
    most = counts.index(max(counts)) if counts else None
    answer = (answers[most].answer or "").strip() if most is not None else None
    count = counts[most] if most is not None else 0
    share = same / pairs if pairs else None
    return Agreement(n, len(answers), answer, count, pairs, share, _words(n, len(answers), answer, count, pairs, same))


def pass_at_k(n: int, correct: int, k: int) -> float:
    """The chance that at least one of k answers is right, estimated without bias from n answers of which `correct` are.

    1 - C(n - correct, k) / C(n, k): Chen et al. 2021 (arXiv 2107.03374), equation 1, as a product that no large number enters. Raises
    PolicyError where k is not between 1 and n, or `correct` not between 0 and n.
    """
    if not 1 <= k <= n:
        raise PolicyError(f"pass@{k} needs at least 1 and at most as many answers as there are ({n}).")
    if not 0 <= correct <= n:
        raise PolicyError(f"Of {n} answers, {correct} cannot be right.")
    if n - correct < k:
        return 1.0
    return 1.0 - math.prod(1.0 - k / tried for tried in range(n - correct + 1, n + 1))


def told_ks(n: int) -> tuple[int, ...]:
    """The ks for which pass@k is told of n answers: powers of two up to 32, and n."""
    return tuple(sorted({k for k in (1, 2, 4, 8, 16, 32, n) if 1 <= k <= n}))


def correct_of(traces: Sequence[Trace]) -> tuple[int, int]:
    """(n, correct): how many of the traces could be judged, and how many of these are right: what `pass_at_k` is given.

    A conversation that a person stopped or that broke off is not judged: it says nothing of the policy.

    Raises TruthError for a truth that says it is a box or a point and has none.
    """
    verdicts = [judge_trace(trace).correct for trace in traces]
    judged = [correct for correct in verdicts if correct is not None]
    return len(judged), sum(judged)


def came_to_an_end(traces: Sequence[Trace]) -> tuple[Trace, ...]:
    """Those of the traces that ended by what the policy said or by a limit, and not by a person or an error."""
    return tuple(trace for trace in traces if trace.stop not in BROKEN_OFF)


def _alike(one: Trace, two: Trace) -> bool:
    if one is two:
        return True
    if _asks_for_a_point(one):
        if one.answer_point is None or two.answer_point is None:
            return False
        return _same_place(one.answer_point, two.answer_point, one)
    first, second = one.answer or "", two.answer or ""
    if TruthKind.ACTION is one.sample.truth.kind or one.sample.domain is DomainName.WEB_ACTION:
        acted = judge_web_action(first, second).correct
        if acted is not None:
            return acted
    # Each is taken for the truth of the other: an option's letter may stand in either.
    return judge_text(first, second).correct is True and judge_text(second, first).correct is True


def _same_place(one: Point, two: Point, trace: Trace) -> bool:
    box = trace.sample.truth.box
    if box is not None and box.contains(one) and box.contains(two):
        return True
    return one.distance(two) < NEAR_PX


def _asks_for_a_point(trace: Trace) -> bool:
    return trace.sample.truth.kind in (TruthKind.BOX, TruthKind.POINT) or trace.sample.domain is DomainName.WEB_GROUNDING


def _words(n: int, given: int, answer: str | None, count: int, pairs: int, same: int) -> str:
    if not n:
        return "There is no answer yet."
    if answer is None:
        return "No conversation gave an answer."
    missing = f" {n - given} gave none." if given < n else ""
    if not pairs:
        return f"One answer agrees with nobody: ask for more.{missing}"
    return f"{count} of {n} answered “{answer:.80}”; {same} of {pairs} pairs agree ({same / pairs:.0%}).{missing}"
