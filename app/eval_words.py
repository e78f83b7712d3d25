"""An evaluation as a table for a terminal."""

from __future__ import annotations

from core.evaluation.shares import Difference, Share
from core.evaluation.values import Evaluation, Result

_FIRST = 20
_NOTE = """right: with Wilson's 95 % interval. looks hit: of all looks, those that show the mark of what is asked about. points hit: of all
points in the reasoning, those in some item. than as it is: difference on the same questions, with its 95 % interval (BCa)."""


def table(evaluation: Evaluation, title: str) -> str:
    """A row for each condition, two for guessing, and what the columns mean."""
    kinds = sorted(evaluation.chance_by_kind)
    counted = [f"{kind} ({evaluation.kinds.count(kind)})" for kind in kinds]
    columns = ["right", "", *counted, "looks", "looks hit", "points hit", "no answer", "faulty", "s/trace", "than as it is"]
    first = evaluation.results[0]
    rows = [columns]
    rows += [_row(result, kinds, None if result is first else result.against(first, evaluation.seed)) for result in evaluation.results]
    rows.append([_percent(evaluation.chance), "", *(_percent(evaluation.chance_by_kind[kind]) for kind in kinds)])
    rows.append([_percent(evaluation.common.value), _interval(evaluation.common)] if evaluation.common.n else ["none"])
    names = ["", *(result.condition for result in evaluation.results), "guessing", "most frequent"]
    lines = _aligned(names, rows)
    broken = sum(result.broken for result in evaluation.results)
    said = f"\n{broken:,} conversations broke off; they count as not right." if broken else ""
    return f"{title}: {evaluation.policy}, {evaluation.n:,} questions\n{lines}\n{_NOTE}{said}\n"


def _row(result: Result, kinds: list[str], difference: Difference | None) -> list[str]:
    by_kind = result.by_kind
    figures = [_percent(result.accuracy.value), _interval(result.accuracy), *(_percent(by_kind[kind].value) for kind in kinds)]
    figures += [f"{result.looks:.2f}", _percent_of(result.looks_hit), _percent_of(result.points_hit)]
    figures += [_percent_of(result.unanswered), _percent_of(result.faulty), f"{result.seconds / result.n:.3f}"]
    return [*figures, "" if difference is None else _apart(difference)]


def _apart(difference: Difference) -> str:
    value = f"{100 * difference.value:+.1f}"
    if difference.interval is None:
        return value
    low, high = difference.interval
    return f"{value} ({100 * low:+.1f} to {100 * high:+.1f})"


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _percent_of(share: Share) -> str:
    return _percent(share.value) if share.n else "none"


def _interval(share: Share) -> str:
    return f"({100 * share.low:.1f} to {100 * share.high:.1f})"


def _aligned(names: list[str], rows: list[list[str]]) -> str:
    most = max(len(row) for row in rows)
    full = [row + [""] * (most - len(row)) for row in rows]
    widths = [max(len(row[at]) for row in full) for at in range(most)]
    lines = []
    for name, row in zip(names, full, strict=True):
        lines.append(f"{name:<{_FIRST}}" + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return "\n".join(lines)
